//! Where the ledgers are: in one home, the table where there is one, else the bucket.

use crate::domain::Fault;
use crate::ledger::Ledger;

/// DynamoDB's limit for an item, and more than any ledger takes: what is larger is not one of ours.
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
