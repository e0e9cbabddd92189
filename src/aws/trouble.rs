//! Who tries again while AWS throttles an operation: one call at a time.
//!
//! Calls that are throttled side by side would each make all their attempts. Here the first one makes them,
//! the others wait for how it ends. Once an operation has used up all attempts of one call, each of the others
//! is tried once, until an answer comes or the next run begins.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

use super::bucket::locked;

/// The operations of one service that are or were in trouble.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<HashMap<&'static str, Arc<Trouble>>>);

#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// The last answer was a throttle.
    is_throttled: AtomicBool,
    /// A call used up all its attempts in this run.
    is_used_up: AtomicBool,
    turn: Arc<Queue<()>>,
}

/// Held by the one call that tries.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Troubles {
    pub(super) fn of(&self, operation: &'static str) -> Arc<Trouble> {
        Arc::clone(locked(&self.0).entry(operation).or_default())
    }

    /// A run begins: every operation has all its attempts again.
    pub(super) fn forget(&self) {
        for trouble in locked(&self.0).values() {
            trouble.end();
        }
    }
}

impl Trouble {
    /// Waits for the turn to try, where AWS throttles the operation; none where it does not.
    pub(super) async fn turn(&self) -> Option<Turn> {
        if !self.is_throttled.load(Ordering::Relaxed) {
            return None;
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // The one before may have brought an answer.
        self.is_throttled.load(Ordering::Relaxed).then_some(turn)
    }

    pub(super) fn begin(&self) {
        self.is_throttled.store(true, Ordering::Relaxed);
    }

    /// An answer came that was no throttle.
    pub(super) fn end(&self) {
        self.is_throttled.store(false, Ordering::Relaxed);
        self.is_used_up.store(false, Ordering::Relaxed);
    }

    pub(super) fn use_up(&self) {
        self.is_used_up.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.is_used_up.load(Ordering::Relaxed)
    }
}
