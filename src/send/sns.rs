//! Amazon SNS: one message per instance for people, one per event for programs.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::sent::Sent;
use crate::aws::fault::failure;
use crate::domain::subscribers::Subscriptions;
use crate::domain::{Fault, FaultKind};
use crate::say::Message;
use crate::say::outgoing::Event;

pub(super) const OPERATION: &str = "sns:Publish";
pub(super) const ATTRIBUTES: &str = "sns:GetTopicAttributes";
/// SNS takes an address off a topic that gets more than ten mails a second, and tells nobody ("Email notifications",
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html>): five a second leave room for the mails
/// of the stack's alarms.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(200);
/// Events that are on their way at once.
const SIDE_BY_SIDE: usize = 8;

#[derive(Debug, Clone)]
pub struct Sns {
    client: Client,
    topic_arn: String,
    /// When the next message for people may leave; clones share it.
    next: Arc<Mutex<Option<Instant>>>,
}

impl Sns {
    #[must_use]
    pub fn new(sdk: &SdkConfig, topic_arn: &str) -> Self {
        Self { client: Client::new(sdk), topic_arn: topic_arn.to_owned(), next: Arc::default() }
    }

    /// Counts the topic's subscriptions.
    ///
    /// # Errors
    /// The fault of `GetTopicAttributes`.
    pub async fn subscriptions(&self) -> Result<Subscriptions, Fault> {
        let request = self.client.get_topic_attributes().topic_arn(&self.topic_arn);
        let answer = request.send().await.map_err(|e| failure(&e).into_fault(ATTRIBUTES))?;
        let count = |name: &str| {
            let text = answer.attributes().and_then(|all| all.get(name));
            text.and_then(|text| text.parse().ok())
                .ok_or_else(|| Fault::new(ATTRIBUTES, FaultKind::BadResponse, format!("the answer has no {name}")))
        };
        Ok(Subscriptions { confirmed: count("SubscriptionsConfirmed")?, pending: count("SubscriptionsPending")? })
    }

    /// Publishes a message to the topic, when it is its turn.
    ///
    /// # Errors
    /// The fault of `Publish`, after the SDK's retries.
    pub async fn publish(&self, message: &Message) -> Result<(), Fault> {
        let request = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(&message.subject)
            .message_structure("json")
            .message(&message.body);
        self.turn().await;
        send(request, &message.attributes).await
    }

    /// Waits until the next message for people may leave.
    async fn turn(&self) {
        let mut next = self.next.lock().await;
        let at = next.map_or_else(Instant::now, |at| at.max(Instant::now()));
        // Who gives up while it waits has taken no turn.
        sleep_until(at).await;
        *next = Some(at + BETWEEN_MESSAGES);
    }

    /// Publishes each event as a message of its own, the same for every protocol.
    pub async fn send(&self, events: &[Event]) -> Sent {
        let mut sent = Sent::default();
        for some in events.chunks(SIDE_BY_SIDE) {
            let mut running = JoinSet::new();
            for event in some {
                let request = self.client.publish().topic_arn(&self.topic_arn).message(&event.body);
                let attributes = event.attributes.clone();
                running.spawn(async move { send(request, &attributes).await });
            }
            for result in running.join_all().await {
                match result {
                    Ok(()) => sent.accepted += 1,
                    Err(fault) => sent.faults.push(fault),
                }
            }
        }
        sent
    }
}

async fn send(request: PublishFluentBuilder, attributes: &[(&'static str, String)]) -> Result<(), Fault> {
    let mut request = request;
    for (name, value) in attributes {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
            .map_err(|e| Fault::new(OPERATION, FaultKind::Invalid, e.to_string()))?;
        request = request.message_attributes(*name, value);
    }
    request.send().await.map(|_| ()).map_err(|e| failure(&e).into_fault(OPERATION))
}
