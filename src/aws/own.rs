//! Notes of the calls that this process made, by the run's clock.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::time::Instant;

use super::bucket::locked;
use crate::domain::own_calls::{KEPT_MINUTES, OwnCalls};

/// What was called and is in no ledger yet. Clones write into the same notes.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// When the newest run began: the same moment on both clocks.
    began: Option<(Instant, i64)>,
    calls: OwnCalls,
}

impl Log {
    /// A run begins: from now on minutes are counted from its start. Calls of earlier runs that are in no
    /// ledger stay, and what is too old goes.
    pub fn begin(&self, now: Timestamp) {
        let mut state = locked(&self.0);
        state.began = Some((Instant::now(), now.as_second()));
        state.calls.forget_before(now.as_second().div_euclid(60) - KEPT_MINUTES);
    }

    /// A call was answered with success. Before the first run there is no clock, and nothing is noted.
    pub(super) fn note(&self, service: &str, operation: &str) {
        let mut state = locked(&self.0);
        let Some((began, seconds)) = state.began else { return };
        let passed = i64::try_from(began.elapsed().as_secs()).unwrap_or_default();
        state.calls.add(service, operation, seconds.saturating_add(passed).div_euclid(60), 1);
    }

    /// All calls of this process that are in no ledger.
    #[must_use]
    pub fn calls(&self) -> OwnCalls {
        locked(&self.0).calls.clone()
    }

    /// These calls are in a ledger now.
    pub fn settle(&self, written: &OwnCalls) {
        locked(&self.0).calls.remove(written);
    }
}
