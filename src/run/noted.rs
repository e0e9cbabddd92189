//! What an app that measures a cell of a fleet knows beside its clients.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fleet::cell::Seen;

#[derive(Debug)]
pub(super) struct OfCell {
    /// Where the hub, and with it the bucket, is.
    pub region: String,
    noted: Mutex<Noted>,
}

/// What the run saw.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub is_nowhere: bool,
    pub seen: Option<Seen>,
}

impl OfCell {
    pub(super) fn new(region: String) -> Self {
        Self { region, noted: Mutex::default() }
    }

    pub(super) fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
