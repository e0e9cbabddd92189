//! What CloudTrail's event history counts, as runs remember it: it is looked into a few times a day. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;
/// The event history goes back so far.
pub const HISTORY_DAYS: i64 = 90;
/// Four looks a day, at most.
const PAUSE: i64 = DAY / 4;

/// Operations whose accepted calls quotas count: the service that they belong to in a record, and over how many days.
pub const LOOKED_UP: &[(&str, &str, i64)] = &[
    ("CreateInstance", "connect", 30),
    ("DeleteInstance", "connect", 30),
    ("ClaimPhoneNumber", "connect", HISTORY_DAYS),
    ("ReleasePhoneNumber", "connect", HISTORY_DAYS),
    ("CreateSegmentSnapshot", "profile", 1),
];

/// The last look at each operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trail(pub BTreeMap<String, Look>);

/// What one look at an operation's calls found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Look {
    /// When, in unix seconds.
    pub at: i64,
    /// There were more than one look reads: the counts are of the newest ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_part: bool,
    /// Accepted calls, by the instance (id) or the domain (name) that they are about; `-` where they name none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, u64>,
}

/// Whom a call is about that names nobody.
pub const NOBODY: &str = "-";

impl Trail {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An operation was not looked at within the last hours, or not to the end; a clock that went back must not keep a
    /// look for ever.
    #[must_use]
    pub fn is_due(&self, operation: &str, now: i64) -> bool {
        self.0.get(operation).is_none_or(|look| look.is_part || now - look.at >= PAUSE || now < look.at)
    }

    /// What two runs know together: of each operation the later look.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        for (operation, theirs) in &other.0 {
            let ours = self.0.entry(operation.clone()).or_insert_with(|| theirs.clone());
            if theirs.at > ours.at {
                *ours = theirs.clone();
            }
        }
        self
    }
}

impl Look {
    /// All calls, whomever they are about.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    #[must_use]
    pub fn of(&self, whom: &str) -> u64 {
        self.calls.get(whom).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_due_four_times_a_day_and_the_later_look_counts() {
        let look = |at, n| Look { at, calls: BTreeMap::from([("i".to_owned(), n)]), ..Look::default() };
        let trail = |at, n| Trail(BTreeMap::from([("CreateInstance".to_owned(), look(at, n))]));
        assert!(Trail::default().is_due("CreateInstance", 0));
        let hourly = (0..24).scan(Trail::default(), |known, hour| {
            let is_due = known.is_due("CreateInstance", hour * 3_600);
            if is_due {
                *known = trail(hour * 3_600, 1);
            }
            Some(is_due)
        });
        assert_eq!(hourly.filter(|is_due| *is_due).count(), 4);
        assert!(trail(7_200, 1).is_due("CreateInstance", 0) && trail(0, 1).is_due("DeleteInstance", 60));
        let joined = trail(10, 1).joined(&trail(20, 2));
        assert_eq!((joined.0["CreateInstance"].total(), joined.0["CreateInstance"].of("-")), (2, 0));
        assert_eq!(trail(20, 2).joined(&trail(10, 1)), trail(20, 2));
    }
}
