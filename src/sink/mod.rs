//! Where results go. A sink is one file here; its failure stops no other.

pub mod dynamodb;
pub mod s3;
pub mod sns;

use aws_config::SdkConfig;
use jiff::Timestamp;

use crate::config::Config;
use crate::model::Fault;
use crate::report::{Report, Snapshots};
use crate::snapshot::{Memory, Snapshot, Tours};
use dynamodb::DynamoDb;
use s3::S3;
use sns::Sns;

/// A place that keeps snapshots, and with them what the reader of the alerts was told.
#[derive(Debug, Clone)]
pub enum Store {
    DynamoDb(DynamoDb),
    S3(S3),
}

/// Every configured sink.
#[derive(Debug, Clone)]
pub struct Sinks {
    pub stores: Vec<Store>,
    pub alerts: Option<Sns>,
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
        Self { stores, alerts: config.alert_topic_arn.as_deref().map(|arn| Sns::new(sdk, arn)) }
    }
}

impl Store {
    async fn put(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        match self {
            Self::DynamoDb(store) => store.put(snapshot).await,
            Self::S3(store) => store.put(snapshot).await,
        }
    }

    /// The memory of the last snapshot before `now`; none where there is no snapshot.
    async fn memory(&self, key: &str, now: Timestamp) -> Result<Option<Memory>, Fault> {
        match self {
            Self::DynamoDb(store) => store.memory(key).await,
            Self::S3(store) => store.memory(key, now).await,
        }
    }

    fn count<'a>(&self, counts: &'a mut Snapshots) -> &'a mut usize {
        match self {
            Self::DynamoDb(_) => &mut counts.dynamodb,
            Self::S3(_) => &mut counts.s3,
        }
    }
}

/// What the stores told of the last run, and what kept them from telling.
#[derive(Debug, Default)]
pub struct Remembered {
    pub memory: Option<Memory>,
    pub faults: Vec<Fault>,
}

impl Remembered {
    /// Where the visits of single resources stand. They go on from there, so they are taken out.
    pub fn take_tours(&mut self) -> Tours {
        self.memory.as_mut().map(|memory| std::mem::take(&mut memory.tours)).unwrap_or_default()
    }
}

impl Sinks {
    /// What the last run left, as far as the stores agree. A store that cannot be read is a fault and
    /// has no say, nor has one without a snapshot; none at all means that everything is news.
    pub async fn memory(&self, key: &str, now: Timestamp) -> Remembered {
        let mut remembered = Remembered::default();
        for store in &self.stores {
            match store.memory(key, now).await {
                Ok(Some(memory)) => {
                    remembered.memory = Some(match remembered.memory.take() {
                        Some(other) => memory.agreed(&other),
                        None => memory,
                    });
                }
                Ok(None) => {}
                Err(fault) => remembered.faults.push(fault),
            }
        }
        remembered
    }

    /// Stores a snapshot everywhere.
    pub async fn put(&self, snapshot: &Snapshot, counts: &mut Snapshots, faults: &mut Vec<Fault>) {
        for store in &self.stores {
            match store.put(snapshot).await {
                Ok(()) => *store.count(counts) += 1,
                Err(fault) => {
                    counts.failed += 1;
                    faults.push(fault);
                }
            }
        }
    }

    /// Writes down that the reader was told what `snapshot.memory` says. The document is written
    /// again as a whole, which also mends one that could not be written the first time.
    pub async fn record(&self, snapshot: &Snapshot, faults: &mut Vec<Fault>) {
        for store in &self.stores {
            if let Err(fault) = store.put(snapshot).await {
                faults.push(fault);
            }
        }
    }

    /// Stores the run's report where reports are kept.
    pub async fn put_report(&self, report: &Report, now: Timestamp) -> Result<(), Fault> {
        for store in &self.stores {
            if let Store::S3(store) = store {
                store.put_report(report, now).await?;
            }
        }
        Ok(())
    }

    /// Names of the configured stores that took nothing.
    #[must_use]
    pub fn took_nothing(&self, counts: Snapshots) -> Vec<&'static str> {
        let mut counts = counts;
        self.stores
            .iter()
            .filter(|store| *store.count(&mut counts) == 0)
            .map(|store| match store {
                Store::DynamoDb(_) => "DynamoDB",
                Store::S3(_) => "S3",
            })
            .collect()
    }
}
