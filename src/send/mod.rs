//! Where messages go. A channel is one file here; its failure stops no other.

pub mod eventbridge;
mod sent;
pub mod sns;

use aws_config::SdkConfig;
use tokio::time::Instant;

use crate::aws::patience::Patience;
use crate::config::Config;
use crate::domain::Fault;
use crate::domain::subscribers::Subscriptions;
use crate::say::Message;
use crate::say::outgoing::Event;
use eventbridge::EventBridge;
pub use sent::Sent;
use sns::Sns;

/// A place where programs get events.
#[derive(Debug, Clone)]
pub enum EventChannel {
    Topic(Sns),
    Bus(EventBridge),
}

/// Every configured channel.
#[derive(Debug, Clone)]
pub struct Channels {
    pub alerts: Option<Sns>,
    pub events: Vec<EventChannel>,
    patience: Patience,
}

impl EventChannel {
    async fn send(&self, events: &[Event]) -> Sent {
        match self {
            Self::Topic(topic) => topic.send(events).await,
            Self::Bus(bus) => bus.send(events).await,
        }
    }

    fn operation(&self) -> &'static str {
        match self {
            Self::Topic(_) => sns::OPERATION,
            Self::Bus(_) => eventbridge::OPERATION,
        }
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Topic(_) => "EVENTS_SNS_TOPIC_ARN",
            Self::Bus(_) => "EVENT_BUS_NAME",
        }
    }
}

impl Channels {
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &Config) -> Self {
        let topic = config.events_topic_arn.as_deref().map(|arn| EventChannel::Topic(Sns::new(sdk, arn)));
        let bus = config.event_bus.as_deref().map(|bus| EventChannel::Bus(EventBridge::new(sdk, bus)));
        Self {
            alerts: config.alert_topic_arn.as_deref().map(|arn| Sns::new(sdk, arn)),
            events: topic.into_iter().chain(bus).collect(),
            patience: Patience::default(),
        }
    }

    /// The same channels for one run, which waits for none of them beyond its end.
    #[must_use]
    pub fn until(&self, end: Instant) -> Self {
        Self { patience: Patience::until(end), ..self.clone() }
    }

    /// True where somebody can be told.
    #[must_use]
    pub fn any(&self) -> bool {
        self.alerts.is_some() || !self.events.is_empty()
    }

    /// Publishes the message for people, where there is a topic for it.
    ///
    /// # Errors
    /// The fault of `Publish`.
    pub async fn publish(&self, message: &Message) -> Result<(), Fault> {
        let Some(topic) = &self.alerts else { return Ok(()) };
        self.patience.wait("ALERT_SNS_TOPIC_ARN", sns::OPERATION, topic.publish(message)).await
    }

    /// Counts the subscriptions of the topic for people; none where there is no such topic.
    pub async fn subscriptions(&self) -> Option<Result<Subscriptions, Fault>> {
        let topic = self.alerts.as_ref()?;
        Some(self.patience.wait("ALERT_SNS_TOPIC_ARN", sns::ATTRIBUTES, topic.subscriptions()).await)
    }

    /// Sends events through one channel; what has been accepted is not sent again by this call.
    pub async fn send(&self, channel: &EventChannel, events: &[Event]) -> Sent {
        let sent = async {
            let sent = channel.send(events).await;
            // One that does not answer is known by the fault of nobody having been accepted.
            match sent.faults.first() {
                Some(fault) if sent.accepted == 0 => Err(fault.clone()),
                _ => Ok(sent),
            }
        };
        let sent = self.patience.wait(channel.name(), channel.operation(), sent).await;
        sent.unwrap_or_else(|fault| Sent { accepted: 0, faults: vec![fault] })
    }
}
