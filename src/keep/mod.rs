//! Where results are kept. A store is one file here; its failure stops no other.

pub mod documents;
pub mod dynamodb;
pub mod ledger;
pub mod s3;

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::aws::object;
use crate::aws::patience::Patience;
use crate::config::Config;
use crate::domain::snapshot::{Snapshot, Snapshots};
use crate::domain::{Fault, Owner};
use crate::ledger::Ledger;
use documents::Documents;
use dynamodb::DynamoDb;
use ledger::{Opened, Version, Written};
use s3::S3;

/// The name of that store.
pub const DYNAMODB: &str = "DynamoDB";

/// A place that keeps snapshots. The first one is the home of the ledgers.
#[derive(Debug, Clone)]
pub enum Store {
    DynamoDb(DynamoDb),
    S3(S3),
}

/// Every configured store.
#[derive(Debug, Clone)]
pub struct Stores {
    all: Vec<Store>,
    documents: Option<Documents>,
    patience: Patience,
}

impl Store {
    fn name(&self) -> &'static str {
        match self {
            Self::DynamoDb(_) => DYNAMODB,
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

impl Stores {
    /// `custom_s3_endpoint`: the user pointed S3 somewhere else, where bucket names are no host names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &Config, custom_s3_endpoint: bool) -> Self {
        let mut all = Vec::new();
        if let Some(table) = &config.dynamodb_table {
            all.push(Store::DynamoDb(DynamoDb::new(sdk, table, config.retention_days)));
        }
        if let Some(bucket) = &config.s3_bucket {
            all.push(Store::S3(S3::new(sdk, bucket, custom_s3_endpoint)));
        }
        let documents = config.dynamodb_table.as_deref().map(|table| Documents::new(sdk, table));
        Self { all, documents, patience: Patience::default() }
    }

    /// The same stores for one run, which waits for none of them beyond its end.
    #[must_use]
    pub fn until(&self, end: Instant) -> Self {
        Self { patience: Patience::until(end), ..self.clone() }
    }

    /// Stores a snapshot everywhere.
    pub async fn put(&self, snapshot: &Snapshot, counts: &mut Snapshots, faults: &mut impl Extend<Fault>) {
        for store in &self.all {
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
    ///
    /// # Errors
    /// The fault of the write.
    pub async fn put_report(&self, owner: &Owner, report: &impl Serialize, now: Timestamp) -> Result<(), Fault> {
        let Some(bucket) = self.bucket() else { return Ok(()) };
        self.patience.wait("S3", s3::PUT, bucket.put_report(owner, report, now)).await
    }

    /// Where reports are kept.
    fn bucket(&self) -> Option<&S3> {
        self.all.iter().find_map(|store| if let Store::S3(bucket) = store { Some(bucket) } else { None })
    }

    /// True where reports are kept.
    #[must_use]
    pub fn keeps_reports(&self) -> bool {
        self.bucket().is_some()
    }

    /// Writes a document of the latest run over the one before, where reports are kept.
    ///
    /// # Errors
    /// The fault of the write.
    pub async fn put_latest(&self, owner: &Owner, name: &str, kind: &str, body: String) -> Result<(), Fault> {
        let Some(bucket) = self.bucket() else { return Ok(()) };
        self.patience.wait("S3", s3::PUT, bucket.put_latest(owner, name, kind, body)).await
    }

    /// Names of the configured stores that took nothing.
    #[must_use]
    pub fn took_nothing(&self, counts: Snapshots) -> Vec<&'static str> {
        let mut counts = counts;
        self.all.iter().filter(|store| *store.count(&mut counts) == 0).map(Store::name).collect()
    }
}

impl Stores {
    /// Reads an object of the fleet, of at most so many bytes, and its tag; none where there is no such object, or no
    /// bucket.
    ///
    /// # Errors
    /// The fault of the read.
    pub async fn object(&self, key: &str, most: i64) -> Result<Option<(Vec<u8>, String)>, Fault> {
        let Some(bucket) = self.bucket() else { return Ok(None) };
        self.patience.wait("S3", object::OPERATION, bucket.object(key, most)).await
    }

    /// Every key of the bucket that begins so.
    ///
    /// # Errors
    /// The fault of the listing.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let Some(bucket) = self.bucket() else { return Ok(Vec::new()) };
        self.patience.wait("S3", s3::LIST, bucket.keys(prefix)).await
    }

    /// Writes an object of the fleet.
    ///
    /// # Errors
    /// The fault of the write.
    pub async fn put_object(&self, key: &str, kind: &str, body: Vec<u8>) -> Result<(), Fault> {
        let Some(bucket) = self.bucket() else { return Ok(()) };
        self.patience.wait("S3", s3::PUT, bucket.put_object(key, kind, body)).await
    }

    /// Writes an object of the fleet where it is still the one of this tag; the new tag, or none where it is not.
    ///
    /// # Errors
    /// The fault of the write.
    pub async fn put_if_still(&self, key: &str, body: Vec<u8>, known: Option<&str>) -> Result<Option<String>, Fault> {
        let Some(bucket) = self.bucket() else { return Ok(Some(String::new())) };
        self.patience.wait("S3", s3::PUT, bucket.put_if_still(key, body, known)).await
    }
}

impl Stores {
    /// True where documents of the watches can be kept.
    #[must_use]
    pub fn has_documents(&self) -> bool {
        self.documents.is_some()
    }

    /// A document of the watches, and its version.
    ///
    /// # Errors
    /// The fault of the read.
    pub async fn document(&self, subject: &str) -> Result<Option<(String, u64)>, Fault> {
        let Some(documents) = &self.documents else { return Ok(None) };
        documents.read(&self.patience, subject).await
    }

    /// Writes a document of the watches; false where it is not the version `known` any more.
    ///
    /// # Errors
    /// The fault of the write.
    pub async fn write_document(
        &self,
        subject: &str,
        text: String,
        known: u64,
        expires_at: i64,
    ) -> Result<bool, Fault> {
        let Some(documents) = &self.documents else { return Ok(true) };
        documents.write(&self.patience, subject, text, known, expires_at).await
    }
}

impl Stores {
    /// The table where there is one, else the bucket.
    fn home(&self) -> Option<&Store> {
        self.all.first()
    }

    /// True where ledgers can be kept.
    #[must_use]
    pub fn has_home(&self) -> bool {
        self.home().is_some()
    }

    /// Reads the ledger of an instance, or of the account.
    pub async fn ledger(&self, owner: &Owner, instance_id: &str) -> Opened {
        let Some(home) = self.home() else { return Opened::Absent };
        let reading = async {
            match home {
                Store::DynamoDb(table) => table.ledger(owner, instance_id).await,
                Store::S3(bucket) => bucket.ledger(owner, instance_id).await,
            }
        };
        match self.patience.wait(home.name(), home.operations().1, reading).await {
            Ok(None) => Opened::Absent,
            Ok(Some((ledger, version))) => Opened::Found(Box::new(ledger), version),
            Err(fault) => Opened::Unreadable(fault),
        }
    }

    /// Writes a ledger where it is still the version that was read; `ledger.version` is the new one.
    ///
    /// # Errors
    /// The fault of the write.
    pub async fn write_ledger(&self, ledger: &Ledger, known: &Version) -> Result<Written, Fault> {
        let Some(home) = self.home() else { return Ok(Written::As(Version::Missing)) };
        let writing = async {
            match home {
                Store::DynamoDb(table) => table.write_ledger(ledger, known).await,
                Store::S3(bucket) => bucket.write_ledger(ledger, known).await,
            }
        };
        self.patience.wait(home.name(), home.operations().0, writing).await
    }

    /// The newest snapshot of an instance, or of the account, at or before a time, from the home of the ledgers; none
    /// where there is none. A bucket is looked through for a week before that time.
    ///
    /// # Errors
    /// The fault of the read.
    pub async fn snapshot_at(&self, owner: &Owner, instance_id: &str, at: Timestamp) -> Result<Option<Value>, Fault> {
        let Some(home) = self.home() else { return Ok(None) };
        let reading = async {
            match home {
                Store::DynamoDb(table) => table.snapshot_at(owner, instance_id, at).await,
                Store::S3(bucket) => bucket.snapshot_at(owner, instance_id, at).await,
            }
        };
        let operation = if matches!(home, Store::S3(_)) { s3::LIST } else { dynamodb::QUERY };
        self.patience.wait(home.name(), operation, reading).await
    }

    /// Whether each configured store would take a document, found out by a write that stores nothing; with its name.
    pub async fn try_writes(&self, owner: &Owner) -> Vec<(&'static str, Result<(), Fault>)> {
        let mut tried = Vec::new();
        for store in &self.all {
            let trying = async {
                match store {
                    Store::DynamoDb(table) => table.try_write(owner).await,
                    Store::S3(bucket) => bucket.try_write(owner).await,
                }
            };
            tried.push((store.name(), self.patience.wait(store.name(), store.operations().0, trying).await));
        }
        tried
    }
}
