//! What the monitor itself called, by minute: known exactly, and no part of what others do. Pure.
//!
//! AWS counts the monitor's calls like everybody else's. Only calls that were answered with success
//! stand here: whether AWS counts a rejected attempt is not documented.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Minutes for which calls are worth keeping: the longest look-back of a run is three days, and its last
/// datapoints may be late.
pub const KEPT_MINUTES: i64 = 3 * 24 * 60 + 60;

/// Calls by the unix minute in which they were answered.
pub type Minutes = BTreeMap<i64, u32>;

/// Calls by service (Service Quotas' code), operation and minute.
///
/// Each run's calls are merged once. Stored, an operation is one short text: blocks of minutes without a
/// gap, `start:count,count`, where a start counts from the last minute of the block before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnCalls(BTreeMap<String, BTreeMap<String, Operation>>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Operation(Minutes);

impl OwnCalls {
    /// Notes calls of one minute.
    pub fn add(&mut self, service: &str, operation: &str, minute: i64, calls: u32) {
        if calls == 0 {
            return;
        }
        if !self.0.contains_key(service) {
            self.0.insert(service.to_owned(), BTreeMap::new());
        }
        let Some(operations) = self.0.get_mut(service) else { return };
        if !operations.contains_key(operation) {
            operations.insert(operation.to_owned(), Operation::default());
        }
        let Some(minutes) = operations.get_mut(operation) else { return };
        let held = minutes.0.entry(minute).or_default();
        *held = held.saturating_add(calls);
    }

    /// Adds the calls of others: of another run, or of another process.
    pub fn merge(&mut self, other: &Self) {
        other.each(|service, operation, minute, calls| self.add(service, operation, minute, calls));
    }

    /// Takes away calls that are kept elsewhere.
    pub fn remove(&mut self, other: &Self) {
        other.each(|service, operation, minute, calls| {
            let minutes = self.0.get_mut(service).and_then(|operations| operations.get_mut(operation));
            if let Some(held) = minutes.and_then(|minutes| minutes.0.get_mut(&minute)) {
                *held = held.saturating_sub(calls);
            }
        });
        self.retain(|_, calls| calls > 0);
    }

    /// Forgets what happened before a unix minute.
    pub fn forget_before(&mut self, minute: i64) {
        self.retain(|at, _| at >= minute);
    }

    /// Calls of an operation in one unix minute.
    #[must_use]
    pub fn in_minute(&self, service: &str, operation: &str, minute: i64) -> u32 {
        self.minutes(service, operation).and_then(|minutes| minutes.get(&minute)).copied().unwrap_or(0)
    }

    /// All calls of an operation; none where it was not called.
    #[must_use]
    pub fn minutes(&self, service: &str, operation: &str) -> Option<&Minutes> {
        self.0.get(service)?.get(operation).map(|operation| &operation.0)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn each(&self, mut what: impl FnMut(&str, &str, i64, u32)) {
        for (service, operations) in &self.0 {
            for (operation, Operation(minutes)) in operations {
                for (minute, calls) in minutes {
                    what(service, operation, *minute, *calls);
                }
            }
        }
    }

    fn retain(&mut self, keep: impl Fn(i64, u32) -> bool) {
        for operations in self.0.values_mut() {
            for Operation(minutes) in operations.values_mut() {
                minutes.retain(|at, calls| keep(*at, *calls));
            }
            operations.retain(|_, Operation(minutes)| !minutes.is_empty());
        }
        self.0.retain(|_, operations| !operations.is_empty());
    }
}

/// Calls in the time that begins at `start` and takes `seconds` (unix seconds; whole minutes).
#[must_use]
pub fn within(minutes: &Minutes, start: i64, seconds: i64) -> u64 {
    let (first, end) = (start.div_euclid(60), start.saturating_add(seconds).div_euclid(60));
    if end <= first { 0 } else { minutes.range(first..end).map(|(_, calls)| u64::from(*calls)).sum() }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        let mut last: Option<i64> = None;
        for (minute, calls) in &self.0 {
            let part = match last {
                Some(last) if *minute == last + 1 => format!(",{calls}"),
                Some(last) => format!(";{}:{calls}", minute - last),
                None => format!("{minute}:{calls}"),
            };
            text.push_str(&part);
            last = Some(*minute);
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).map(Self).ok_or_else(|| D::Error::custom(format!("`{text}` are no calls by minute")))
    }
}

fn read(text: &str) -> Option<Minutes> {
    let (mut minutes, mut last) = (Minutes::new(), 0_i64);
    for block in text.split(';').filter(|block| !block.is_empty()) {
        let (start, counts) = block.split_once(':')?;
        last = last.checked_add(start.parse().ok()?)?;
        for (n, calls) in counts.split(',').enumerate() {
            last = last.checked_add(i64::from(n > 0))?;
            minutes.insert(last, calls.parse().ok()?);
        }
    }
    Some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn calls_are_kept_in_few_bytes() {
        let mut own = OwnCalls::default();
        for (minute, calls) in [(29_540_880, 7), (29_540_881, 12), (29_540_940, 1)] {
            own.add("connect", "ListUsers", minute, calls);
        }
        own.add("cases", "ListDomains", 29_540_880, 1);
        let stored = serde_json::to_value(&own).unwrap();
        assert_eq!(
            stored,
            serde_json::json!({
                "cases": { "ListDomains": "29540880:1" },
                "connect": { "ListUsers": "29540880:7,12;59:1" },
            })
        );
        assert_eq!(serde_json::from_value::<OwnCalls>(stored).unwrap(), own);
        for bad in ["7", "a:1", "1:", "1:1;x:1", "1:-1", "9223372036854775807:1,1"] {
            let stored = serde_json::json!({ "connect": { "ListUsers": bad } });
            assert!(serde_json::from_value::<OwnCalls>(stored).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_kept_elsewhere_and_what_is_old_goes() {
        let mut own = OwnCalls::default();
        own.add("connect", "ListUsers", 10, 3);
        own.add("connect", "ListUsers", 11, 2);
        own.add("connect", "ListUsers", 12, 0);
        let mut written = OwnCalls::default();
        written.add("connect", "ListUsers", 10, 3);
        written.add("connect", "ListUsers", 11, 1);
        written.add("connect", "ListQueues", 11, 1);
        own.remove(&written);
        assert_eq!((own.in_minute("connect", "ListUsers", 10), own.in_minute("connect", "ListUsers", 11)), (0, 1));
        own.forget_before(12);
        assert!(own.is_empty());
    }

    #[test]
    fn a_period_holds_whole_minutes() {
        let minutes = Minutes::from([(9, 1), (10, 2), (11, 4), (70, 8)]);
        assert_eq!(within(&minutes, 600, 60), 2);
        assert_eq!(within(&minutes, 600, 3_600), 6);
        assert_eq!(within(&minutes, 600, 0), 0);
    }

    fn any() -> impl Strategy<Value = OwnCalls> {
        let call = (0..2_usize, 0..3_usize, 29_000_000_i64..29_000_200, 1_u32..500);
        prop::collection::vec(call, 0..60).prop_map(|calls| {
            let mut own = OwnCalls::default();
            for (service, operation, minute, n) in calls {
                own.add(["connect", "cases"][service], ["A", "B", "C"][operation], minute, n);
            }
            own
        })
    }

    proptest! {
        #[test]
        fn what_is_stored_is_what_is_read(own in any()) {
            let text = serde_json::to_string(&own).unwrap();
            prop_assert_eq!(serde_json::from_str::<OwnCalls>(&text).unwrap(), own);
        }

        #[test]
        fn what_was_merged_can_be_removed_again(a in any(), b in any()) {
            let mut both = a.clone();
            both.merge(&b);
            for minute in 29_000_000..29_000_200 {
                let of = |calls: &OwnCalls| calls.in_minute("connect", "A", minute);
                prop_assert_eq!(of(&both), of(&a) + of(&b));
            }
            both.remove(&b);
            prop_assert_eq!(both, a);
        }
    }
}
