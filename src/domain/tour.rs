//! Visiting many resources over several runs: whose turn it is, and what is remembered. Pure.
//!
//! A listing that costs a call per resource (the proficiencies of each agent) cannot be asked of every
//! resource in every run. A tour visits them in the order of their ids, some in each run, and goes on
//! in the next run where it stopped, so that each one's turn comes. The fullest known ones are
//! remembered with the time of their visit, and the fullest is looked at again in every run, so that
//! the number that matters most is fresh.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// So many of the fullest resources are remembered: should the fullest shrink, the next one is known.
const REMEMBERED: usize = 8;

/// All items of a resource. A key of a map that is stored must not be empty.
pub const ALL: &str = "items";

/// Tours by the listing they make, as `connect:ListUserProficiencies`.
pub type Tours = BTreeMap<String, Tour>;

/// Where the tour of one listing stands, from run to run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tour {
    /// Key of the resource that was visited last, in its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many were visited since the round began.
    #[serde(default)]
    pub visited: usize,
    /// When the round began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Every resource has been visited at least once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// The fullest, by group of items; [`ALL`] is all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fullest: BTreeMap<String, Vec<Visited>>,
}

/// What a visit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visited {
    pub key: String,
    pub name: String,
    /// The outermost resource's ARN, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    pub value: u64,
    pub at: Timestamp,
}

/// The resources that a run knows of.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Sorted, without repetition.
    pub keys: &'a [String],
    /// False where some of the resources they stand in were not visited in this run.
    pub is_all: bool,
}

impl Tour {
    /// Whom to visit, first to last: the fullest known ones, then everybody whose turn comes.
    /// `start` is where a tour without a memory begins, so that runs that remember nothing still get
    /// round.
    #[must_use]
    pub fn order(&self, known: Known<'_>, start: usize) -> Vec<usize> {
        let keys = known.keys;
        let next = match &self.after {
            Some(after) => keys.partition_point(|key| key <= after),
            None => start,
        };
        let again = self.fullest.values().filter_map(|seen| keys.binary_search(&seen.first()?.key).ok());
        let turns = (0..keys.len()).map(|n| (next + n) % keys.len());
        let mut planned = BTreeSet::new();
        again.chain(turns).filter(|index| planned.insert(*index)).collect()
    }

    /// The tour after a run. `visits` holds, in the order they were made, each visited resource with
    /// its count by group.
    #[must_use]
    pub fn after(&self, visits: &[(Visited, BTreeMap<String, u64>)], known: Known<'_>, now: Timestamp) -> Self {
        let mut next = self.clone();
        let visited: BTreeSet<&str> = visits.iter().map(|(seen, _)| seen.key.as_str()).collect();
        for seen in next.fullest.values_mut() {
            seen.retain(|s| {
                let exists = known.keys.binary_search(&s.key).is_ok();
                !visited.contains(s.key.as_str()) && (exists || !known.is_all)
            });
        }
        for (seen, counts) in visits {
            for (group, value) in counts {
                next.fullest.entry(group.clone()).or_default().push(Visited { value: *value, ..seen.clone() });
            }
        }
        for seen in next.fullest.values_mut() {
            seen.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.key.cmp(&b.key)));
            seen.truncate(REMEMBERED);
        }
        if visited.len() >= known.keys.len() {
            return Self { after: None, visited: 0, since: None, whole: known.is_all, fullest: next.fullest };
        }
        let again: BTreeSet<&str> = self.fullest.values().filter_map(|s| Some(s.first()?.key.as_str())).collect();
        let in_turn: Vec<&str> =
            visits.iter().map(|(seen, _)| seen.key.as_str()).filter(|key| !again.contains(key)).collect();
        if let Some(last) = in_turn.last() {
            next.after = Some((*last).to_owned());
        }
        next.visited += visits.len();
        next.since = next.since.or(Some(now));
        if next.visited >= known.keys.len() {
            next = Self { visited: 0, since: None, whole: known.is_all, ..next };
        }
        next
    }

    /// How much of the set the numbers rest on, for the reader; none where this run saw everything.
    #[must_use]
    pub fn says(&self, visited_now: usize, of: usize) -> Option<String> {
        if visited_now >= of {
            return None;
        }
        let round = match self.since {
            Some(since) => format!("{} visited since {}", self.visited, since.strftime("%Y-%m-%d %H:%M UTC")),
            None => "the last round has just been completed".to_owned(),
        };
        let whole = if self.whole { "all were visited before" } else { "the others not yet" };
        Some(format!("{visited_now} of {of} visited in this run; {round}, {whole}"))
    }
}

/// Shares calls out among listings that want so many each: one at a time, in turn, until the calls or
/// the wishes are used up.
#[must_use]
pub fn allot(wishes: &[usize], calls: usize) -> Vec<usize> {
    let mut given = vec![0; wishes.len()];
    let mut left = calls;
    while left > 0 {
        let before = left;
        for (given, wish) in given.iter_mut().zip(wishes) {
            if left > 0 && *given < *wish {
                *given += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    given
}

/// The part of a run's calls that the `n`th of `of` instances gets. What does not divide evenly goes
/// to others in each hour.
#[must_use]
pub fn part(calls: u32, n: usize, of: usize, now: Timestamp) -> u32 {
    let of = u64::try_from(of.max(1)).unwrap_or(1);
    let n = u64::try_from(n).unwrap_or(0);
    let rest = u64::from(calls) % of;
    let hour = u64::try_from(now.as_second().div_euclid(3600)).unwrap_or(0);
    let turn = (n + of - (hour * rest.max(1)) % of) % of;
    let even = u64::from(calls) / of + u64::from(turn < rest);
    u32::try_from(even).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("r{i:04}")).collect()
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
    }

    /// One run: visits the first `calls` of the order; counts come from `value`.
    fn run(tour: &Tour, keys: &[String], calls: usize, hour: i64, value: impl Fn(&str) -> u64) -> (Tour, Vec<String>) {
        let known = Known { keys, is_all: true };
        let chosen: Vec<String> = tour.order(known, 0).into_iter().take(calls).map(|i| keys[i].clone()).collect();
        let visits: Vec<_> = chosen
            .iter()
            .map(|key| {
                let seen = Visited { key: key.clone(), name: key.clone(), root: None, value: 0, at: at(hour) };
                (seen, BTreeMap::from([(ALL.to_owned(), value(key))]))
            })
            .collect();
        (tour.after(&visits, known, at(hour)), chosen)
    }

    #[test]
    fn a_set_that_fits_is_seen_whole_in_each_run() {
        let keys = keys(5);
        let (tour, visited) = run(&Tour::default(), &keys, 60, 0, |_| 3);
        assert_eq!((visited.len(), tour.whole, tour.says(5, 5)), (5, true, None));
    }

    #[test]
    fn the_fullest_is_looked_at_again_in_every_run() {
        let keys = keys(100);
        let mut tour = Tour::default();
        for hour in 0..3 {
            tour = run(&tour, &keys, 10, hour, |key| if key == "r0003" { 9 } else { 1 }).0;
        }
        // It shrinks while it is far from its turn.
        let (tour, visited) = run(&tour, &keys, 10, 3, |_| 1);
        assert!(visited.contains(&"r0003".to_owned()), "{visited:?}");
        assert_eq!(tour.fullest[ALL][0].value, 1);
    }

    #[test]
    fn a_resource_that_is_gone_is_forgotten() {
        let before = keys(30);
        let (tour, _) = run(&Tour::default(), &before, 10, 0, |key| u64::from(key == "r0004") * 50);
        let after: Vec<String> = before.iter().filter(|key| *key != "r0004").cloned().collect();
        let (tour, _) = run(&tour, &after, 10, 1, |_| 0);
        assert!(tour.fullest[ALL].iter().all(|s| s.value == 0));
    }

    proptest! {
        /// Everybody's turn comes, however many there are and however few calls a run has.
        #[test]
        fn every_resource_is_visited(n in 1usize..80, calls in 2usize..20) {
            let keys = keys(n);
            let (mut tour, mut seen) = (Tour::default(), BTreeSet::new());
            // One call of each run may go to the fullest, which is known already.
            let rounds = n.div_ceil(calls - 1) + 1;
            for hour in 0..rounds {
                let (next, visited) = run(&tour, &keys, calls, i64::try_from(hour).unwrap(), |key| key.len() as u64);
                prop_assert!(visited.len() <= calls);
                seen.extend(visited);
                tour = next;
            }
            prop_assert_eq!(seen.len(), n);
            prop_assert!(tour.whole, "{:?}", tour);
        }

        /// After a whole round over a still world the fullest is the true one.
        #[test]
        fn the_fullest_of_a_round_is_the_fullest_of_all(values in prop::collection::vec(0u64..50, 1..60), calls in 2usize..9) {
            let keys = keys(values.len());
            let mut tour = Tour::default();
            for hour in 0..=values.len() {
                let value = |key: &str| values[key[1..].parse::<usize>().unwrap()];
                tour = run(&tour, &keys, calls, i64::try_from(hour).unwrap(), value).0;
            }
            prop_assert_eq!(Some(tour.fullest[ALL][0].value), values.iter().max().copied());
        }

        #[test]
        fn calls_are_shared_out_evenly_and_never_overspent(wishes in prop::collection::vec(0usize..30, 0..12), calls in 0usize..80) {
            let given = allot(&wishes, calls);
            let sum: usize = given.iter().sum();
            prop_assert_eq!(sum, calls.min(wishes.iter().sum()));
            for (a, wish) in given.iter().zip(&wishes) {
                prop_assert!(a <= wish);
                prop_assert!(given.iter().all(|b| a == wish || a + 1 >= *b), "{:?}", given);
            }
        }

        #[test]
        fn instances_share_a_runs_calls(calls in 0u32..100, of in 1usize..150, hour in 0i64..500) {
            let sum: u32 = (0..of).map(|n| part(calls, n, of, at(hour))).sum();
            prop_assert_eq!(sum, calls);
        }
    }
}
