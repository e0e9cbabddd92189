//! Which keys the watches count, and what was over lately: one document of the account. Pure.
//!
//! The sweep finds by it what may be over, and the hourly run what was throttled in its window.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::look::Span;
use super::state::State;

/// Keys that nobody was told of: beyond so many no more are added. Those that were told always are.
const MOST_OPEN: usize = 500;
/// What is over is remembered for a week, and so much of it.
const KEPT: i64 = 7 * 86_400;
const MOST_OVER: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Index {
    /// Names of the documents whose events are not long ago.
    #[serde(default)]
    pub open: BTreeSet<String>,
    /// Those of them that readers were told of, or are being told of.
    #[serde(default)]
    pub told: BTreeSet<String>,
    /// What was told and is over, the oldest first.
    #[serde(default)]
    pub over: Vec<Over>,
}

/// Something that was told and is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    pub watch: String,
    pub operation: String,
    #[serde(default)]
    pub service: String,
    pub caller: String,
    pub count: u64,
    #[serde(default)]
    pub at_least: bool,
    pub first: i64,
    pub last: i64,
}

impl Index {
    /// Adds a key; false where it stands there, or there are too many that nobody was told of.
    pub fn open(&mut self, subject: &str, is_told: bool) -> bool {
        let is_new_told = is_told && self.told.insert(subject.to_owned());
        let is_new = (is_told || self.open.len() < MOST_OPEN) && self.open.insert(subject.to_owned());
        is_new || is_new_told
    }

    /// The open keys whose names begin so, those first that readers were told of.
    pub fn told_first<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a String> {
        let others = self.open.iter().filter(|subject| !self.told.contains(*subject));
        self.told.iter().chain(others).filter(move |subject| subject.starts_with(start))
    }

    /// Takes away what is no longer open, and notes what was told of it.
    pub fn close(&mut self, closed: &BTreeMap<String, Option<Over>>, now: i64) {
        self.open.retain(|subject| !closed.contains_key(subject));
        self.told.retain(|subject| !closed.contains_key(subject));
        self.over.extend(closed.values().flatten().cloned());
        self.over.retain(|over| over.last > now - KEPT);
        let too_many = self.over.len().saturating_sub(MOST_OVER);
        self.over.drain(..too_many);
    }
}

impl Over {
    #[must_use]
    pub fn of(state: &State) -> Self {
        Self {
            watch: state.watch.clone(),
            operation: state.operation.clone(),
            service: state.service.clone(),
            caller: state.caller.clone(),
            count: state.count,
            at_least: state.at_least,
            first: state.first,
            last: state.last,
        }
    }
}

/// How often an operation was throttled in a time, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttled {
    by: BTreeMap<String, u64>,
    at_least: bool,
}

impl Throttled {
    /// Adds what a key counts. Of what began before the time only the minutes that are still kept are counted.
    pub fn add(&mut self, state: &State, (from, until): Span) {
        if state.last < from || state.first >= until {
            return;
        }
        let inside = |minute: i64| minute * 60 + 60 > from && minute * 60 < until;
        let kept = state.minutes.iter().filter(|(minute, _)| inside(**minute));
        let kept: u64 = kept.map(|(_, minute)| minute.ids.len() as u64).sum();
        let is_inside = state.first >= from && state.last < until;
        self.note(&state.caller, if is_inside { state.count } else { kept }, state.at_least || !is_inside);
    }

    /// Adds what is over; what reaches out of the time is left out, because its minutes are not known any more.
    pub fn add_over(&mut self, over: &Over, (from, until): Span) {
        if over.first >= from && over.last < until {
            self.note(&over.caller, over.count, over.at_least);
        } else if over.last >= from && over.first < until {
            self.at_least = true;
        }
    }

    fn note(&mut self, caller: &str, count: u64, at_least: bool) {
        if count > 0 {
            *self.by.entry(caller.to_owned()).or_default() += count;
            self.at_least |= at_least;
        }
    }

    /// `throttled 412 times, most by Lambda function crm-sync (390)`; none where it was not.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let total: u64 = self.by.values().sum();
        let (who, most) = self.by.iter().min_by_key(|(_, count)| Reverse(**count))?;
        let at_least = if self.at_least { "at least " } else { "" };
        let times = if total == 1 { "time" } else { "times" };
        let by = if self.by.len() == 1 { format!("all by {who}") } else { format!("most by {who} ({most})") };
        Some(format!("throttled {at_least}{total} {times}, {by}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Span = (36_000, 39_600);

    fn over(caller: &str, count: u64, first: i64, last: i64) -> Over {
        Over {
            watch: "connect-throttled".to_owned(),
            operation: "ListUsers".to_owned(),
            service: "connect".to_owned(),
            caller: caller.to_owned(),
            count,
            at_least: false,
            first,
            last,
        }
    }

    #[test]
    fn the_most_throttled_caller_of_the_time_is_named() {
        let mut throttled = Throttled::default();
        assert_eq!(throttled.sentence(), None);
        throttled.add_over(&over("role a", 22, 36_100, 36_200), HOUR);
        assert_eq!(throttled.sentence().unwrap(), "throttled 22 times, all by role a");
        throttled.add_over(&over("role b", 390, 36_100, 39_599), HOUR);
        assert_eq!(throttled.sentence().unwrap(), "throttled 412 times, most by role b (390)");
        throttled.add_over(&over("role c", 1_000, 30_000, 35_000), HOUR);
        assert_eq!(throttled.sentence().unwrap(), "throttled 412 times, most by role b (390)", "before the time");
        throttled.add_over(&over("role c", 1_000, 30_000, 36_500), HOUR);
        assert_eq!(throttled.sentence().unwrap(), "throttled at least 412 times, most by role b (390)");
    }

    #[test]
    fn an_index_grows_to_its_end_and_forgets() {
        let mut index = Index::default();
        for n in 0..600 {
            index.open(&format!("key {n}"), false);
        }
        assert_eq!(index.open.len(), MOST_OPEN);
        assert!(index.open("told", true) && !index.open("told", true));
        for n in 0..150 {
            let closed = BTreeMap::from([(format!("key {n}"), Some(over("a", n, 0, 1_000_000)))]);
            index.close(&closed, 1_000_000);
        }
        assert_eq!((index.open.len(), index.over.len(), index.over[0].count), (351, MOST_OVER, 50));
        index.close(&BTreeMap::from([("told".to_owned(), None)]), 1_000_000 + KEPT);
        assert_eq!((index.open.len(), index.over.len()), (350, 0));
        assert!(index.told.is_empty());
    }

    #[test]
    fn keys_that_were_told_come_first_and_nobody_elses() {
        let mut index = Index::default();
        for (key, is_told) in [("a#1", false), ("a#2", true), ("a#3", false), ("b#1", true)] {
            index.open(key, is_told);
        }
        assert!(index.open("a#3", true), "it is told now");
        assert_eq!(index.told_first("a#").collect::<Vec<_>>(), ["a#2", "a#3", "a#1"]);
    }
}
