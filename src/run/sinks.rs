//! Where results go. A sink is one file here; its failure stops no other.

pub mod dynamodb;
pub mod eventbridge;
pub mod ledger;
pub mod patience;
pub mod s3;
pub mod sns;

use aws_config::SdkConfig;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::say::Message;
use crate::aws::object;
use crate::config::Config;
use crate::say::outgoing::Event;
use crate::domain::Fault;
use crate::answer::Report;
use crate::domain::snapshot::Snapshots;
use crate::domain::snapshot::Snapshot;
use dynamodb::DynamoDb;
use eventbridge::EventBridge;
use patience::Patience;
use s3::S3;
use sns::Sns;

/// A place that keeps snapshots. The first one is the home of the ledgers.
#[derive(Debug, Clone)]
pub enum Store {
    DynamoDb(DynamoDb),
    S3(S3),
}

/// A place where programs get events.
#[derive(Debug, Clone)]
pub enum EventChannel {
    Topic(Sns),
    Bus(EventBridge),
}

/// What became of some events.
#[derive(Debug, Default)]
pub struct Sent {
    pub accepted: usize,
    /// Why the others were not; one fault may stand for many of them.
    pub faults: Vec<Fault>,
}

/// Every configured sink.
#[derive(Debug, Clone)]
pub struct Sinks {
    pub stores: Vec<Store>,
    pub alerts: Option<Sns>,
    pub events: Vec<EventChannel>,
    patience: Patience,
}

impl Sinks {
    /// `custom_s3_endpoint`: the user pointed S3 somewhere else, where bucket names are no host names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &Config, custom_s3_endpoint: bool) -> Self {
        let mut stores = Vec::new();
        if let Some(table) = &config.dynamodb_table {
            stores.push(Store::DynamoDb(DynamoDb::new(sdk, table, config.retention_days)));
        }
        if let Some(bucket) = &config.s3_bucket {
            stores.push(Store::S3(S3::new(sdk, bucket, custom_s3_endpoint)));
        }
        let topic = config.events_topic_arn.as_deref().map(|arn| EventChannel::Topic(Sns::new(sdk, arn)));
        let bus = config.event_bus.as_deref().map(|bus| EventChannel::Bus(EventBridge::new(sdk, bus)));
        Self {
            stores,
            alerts: config.alert_topic_arn.as_deref().map(|arn| Sns::new(sdk, arn)),
            events: topic.into_iter().chain(bus).collect(),
            patience: Patience::default(),
        }
    }

    /// The same sinks for one run, which waits for none of them beyond its end.
    #[must_use]
    pub fn until(&self, end: Instant) -> Self {
        Self { patience: Patience::until(end), ..self.clone() }
    }

    /// Publishes the message for people, where there is a topic for it.
    ///
    /// # Errors
    /// The fault of `Publish`.
    pub async fn publish(&self, message: &Message) -> Result<(), Fault> {
        let Some(topic) = &self.alerts else { return Ok(()) };
        self.patience.wait("ALERT_SNS_TOPIC_ARN", sns::OPERATION, topic.publish(message)).await
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

    /// True where somebody can be told.
    #[must_use]
    pub fn has_channels(&self) -> bool {
        self.alerts.is_some() || !self.events.is_empty()
    }
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

impl Store {
    fn name(&self) -> &'static str {
        match self {
            Self::DynamoDb(_) => "DynamoDB",
            Self::S3(_) => "S3",
        }
    }

    /// Names of the operations that write and read a document.
    fn operations(&self) -> (&'static str, &'static str) {
        match self {
            Self::DynamoDb(_) => (dynamodb::PUT, dynamodb::GET),
            Self::S3(_) => (s3::PUT, object::OPERATION),
        }
    }

    async fn put(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        match self {
            Self::DynamoDb(store) => store.put(snapshot).await,
            Self::S3(store) => store.put(snapshot).await,
        }
    }

    fn count<'a>(&self, counts: &'a mut Snapshots) -> &'a mut usize {
        match self {
            Self::DynamoDb(_) => &mut counts.dynamodb,
            Self::S3(_) => &mut counts.s3,
        }
    }
}

impl Sinks {
    /// Stores a snapshot everywhere.
    pub async fn put(&self, snapshot: &Snapshot, counts: &mut Snapshots, faults: &mut impl Extend<Fault>) {
        for store in &self.stores {
            match self.put_into(store, snapshot).await {
                Ok(()) => *store.count(counts) += 1,
                Err(fault) => {
                    counts.failed += 1;
                    faults.extend([fault]);
                }
            }
        }
    }

    async fn put_into(&self, store: &Store, snapshot: &Snapshot) -> Result<(), Fault> {
        self.patience.wait(store.name(), store.operations().0, store.put(snapshot)).await
    }

    /// Stores the run's report where reports are kept.
    pub async fn put_report(&self, report: &Report, now: Timestamp) -> Result<(), Fault> {
        for store in &self.stores {
            if let Store::S3(s3) = store {
                self.patience.wait(store.name(), store.operations().0, s3.put_report(report, now)).await?;
            }
        }
        Ok(())
    }

    /// Names of the configured stores that took nothing.
    #[must_use]
    pub fn took_nothing(&self, counts: Snapshots) -> Vec<&'static str> {
        let mut counts = counts;
        self.stores.iter().filter(|store| *store.count(&mut counts) == 0).map(Store::name).collect()
    }
}
