//! Where the ledgers are: in one home, the table where there is one, else the bucket.

use super::{Store, Stores};
use crate::domain::{Fault, Owner};
use crate::ledger::Ledger;

/// More than any ledger takes: what is larger is not one of ours.
pub const MOST_BYTES: usize = 400 * 1024;

/// Which version of a ledger was read, in its home's own terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// There was none.
    Missing,
    /// DynamoDB: the ledger's own number.
    Number(u64),
    /// S3: the object's tag.
    Tag(String),
}

/// What became of reading a ledger.
#[derive(Debug, Clone)]
pub enum Opened {
    /// Nothing is stored, or there is no such document yet.
    Absent,
    Found(Box<Ledger>, Version),
    /// It cannot be read, or it is not ours to read: it is not overwritten.
    Unreadable(Fault),
}

/// What became of writing a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is this version now.
    As(Version),
    /// Somebody else has written it since it was read.
    Conflict,
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
}
