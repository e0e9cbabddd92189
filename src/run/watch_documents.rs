//! The documents of the watches: read, written where nobody else has written them since, changed.

use crate::domain::{Fault, FaultKind, Owner};
use crate::run::sinks::Sinks;

/// Writers that meet at one document try again so many times.
const TRIES: u32 = 8;
/// Documents are remembered for so long, in seconds.
const REMEMBERED: i64 = 7 * 86_400;
/// What a fault of ours names.
const OPERATION: &str = "watch";

/// The documents, at one moment.
pub(super) struct Documents<'a> {
    pub sinks: &'a Sinks,
    /// Unix seconds.
    pub now: i64,
}

/// With what the names of an owner's documents begin.
pub(super) fn start_of(owner: &Owner) -> String {
    format!("{}#{}#watch#", owner.account_id, owner.region)
}

/// The document that lists the keys of an account.
pub(super) fn index_of(owner: &Owner) -> String {
    format!("{}index", start_of(owner))
}

impl Documents<'_> {
    /// A document and its version; none where there is none.
    pub(super) async fn read<T: serde::de::DeserializeOwned>(&self, subject: &str) -> Result<Option<(T, u64)>, Fault> {
        let Some((text, version)) = self.sinks.stores.document(subject).await? else { return Ok(None) };
        let unreadable = |e: serde_json::Error| {
            Fault::new(OPERATION, FaultKind::BadResponse, format!("the document {subject} cannot be read: {e}"))
        };
        Ok(Some((serde_json::from_str(&text).map_err(unreadable)?, version)))
    }

    /// Writes a document; false where somebody else has written it since. A write whose answer was lost may have been
    /// done, and then the next attempt meets its own text: that is no conflict.
    pub(super) async fn write<T: serde::Serialize>(
        &self,
        subject: &str,
        document: &T,
        known: u64,
    ) -> Result<bool, Fault> {
        let text = serde_json::to_string(document)
            .map_err(|e| Fault::new(OPERATION, FaultKind::Invalid, format!("{subject} cannot be written: {e}")))?;
        if self.sinks.stores.write_document(subject, text.clone(), known, self.now + REMEMBERED).await? {
            return Ok(true);
        }
        Ok(self.sinks.stores.document(subject).await?.is_some_and(|stored| stored == (text, known + 1)))
    }

    /// Changes a document, again where somebody else has written it meanwhile; `change` says whether there is
    /// anything to write.
    pub(super) async fn change<T>(
        &self,
        subject: &str,
        new: impl Fn() -> T,
        change: impl Fn(&mut T) -> bool,
    ) -> Result<(), Fault>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        for _ in 0..TRIES {
            let (mut document, known) = self.read(subject).await?.unwrap_or_else(|| (new(), 0));
            if !change(&mut document) || self.write(subject, &document, known).await? {
                return Ok(());
            }
        }
        Err(busy(subject))
    }
}

/// A change is tried so often.
pub(super) fn tries() -> std::ops::Range<u32> {
    0..TRIES
}

pub(super) fn busy(subject: &str) -> Fault {
    let why = format!("the document {subject} was written by others {TRIES} times in a row");
    Fault::new(OPERATION, FaultKind::Unavailable, why)
}
