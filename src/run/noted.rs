//! What an app that measures a cell of a fleet knows beside its clients.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::Owner;
use crate::fleet::cell::{Held, Seen};

/// SNS takes an address off a topic that gets more than ten mails a second, and the cells of a fleet are done at about the
/// same time: their first messages are spread over so many milliseconds.
const SLOTS: u64 = 30_000;

#[derive(Debug)]
pub(super) struct OfCell {
    /// Where the hub, and with it the bucket, is.
    pub region: String,
    noted: Mutex<Noted>,
    has_told: AtomicBool,
}

/// What the run saw.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub is_nowhere: bool,
    pub seen: Option<Seen>,
    /// By subject.
    pub held: BTreeMap<String, Held>,
}

impl OfCell {
    pub(super) fn new(region: String) -> Self {
        Self { region, noted: Mutex::default(), has_told: AtomicBool::new(false) }
    }

    pub(super) fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the first message of the run: each cell has a moment of its own, whatever process it runs in.
    pub(super) async fn wait_for_its_slot(&self, owner: &Owner, end: Instant) {
        if self.has_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let time = end.saturating_duration_since(Instant::now()) / 4;
        sleep(slot(owner).min(time)).await;
    }
}

/// FNV-1a of the cell's name.
fn slot(owner: &Owner) -> Duration {
    let name = owner.account_id.bytes().chain(owner.region.bytes());
    let hash =
        name.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Duration::from_millis(hash % SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_cells_that_are_done_together_send_less_than_ten_mails_in_any_second() {
        let regions = ["eu-central-1", "eu-west-2", "us-east-1", "us-west-2", "ap-southeast-2"];
        for first in 0..20_u64 {
            let owner = |n: u64| Owner {
                account_id: format!("{:012}", 111_122_220_000 + first * 977 + n / 5),
                region: regions[usize::try_from(n % 5).unwrap()].to_owned(),
            };
            let mut times: Vec<u128> = (0..50).map(|n| slot(&owner(n)).as_millis()).collect();
            times.sort_unstable();
            let most =
                times.iter().map(|start| times.iter().filter(|t| (*start..start + 1000).contains(t)).count()).max();
            assert!(most < Some(10), "{most:?} from account {first} on");
        }
    }
}
