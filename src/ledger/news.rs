//! What one message has to say.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::grade::Grade;
use crate::domain::Metric;
use crate::domain::overdue::Overdue;

/// What one message has to say. Keys are quota keys.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    pub event: Event,
    pub severity: Severity,
    /// Every current violation, with what happened to it.
    pub violations: BTreeMap<String, Change>,
    /// Violations that are over, as they were told, or as they were seen where that could not be told.
    pub recovered: BTreeMap<String, Recovered>,
    /// Every quota that cannot be seen now.
    pub unseen: BTreeMap<String, Unseen>,
    /// Reported as not to be seen, and seen now.
    pub seen_again: BTreeMap<String, SeenAgain>,
    /// Every quota that will be full soon.
    pub forecasts: BTreeMap<String, Change>,
    /// Forecasts, told since then, that hold no more.
    pub forecasts_gone: BTreeMap<String, Timestamp>,
    /// What is over because it is not there any more, with the name that it had.
    pub vanished: BTreeMap<String, String>,
    /// False: there is nothing to say of quotas, only of requests.
    pub is_about_rows: bool,
    /// Requests for higher limits that hang, and of which nobody was told.
    pub requests: Vec<Overdue>,
    /// Requests that were told and hang no more: id, and what they were for.
    pub requests_over: Vec<(String, String)>,
}

impl News {
    pub(super) fn nothing() -> Self {
        Self {
            event: Event::Reminder,
            severity: Severity::Info,
            violations: BTreeMap::new(),
            recovered: BTreeMap::new(),
            unseen: BTreeMap::new(),
            seen_again: BTreeMap::new(),
            forecasts: BTreeMap::new(),
            forecasts_gone: BTreeMap::new(),
            vanished: BTreeMap::new(),
            is_about_rows: true,
            requests: Vec::new(),
            requests_over: Vec::new(),
        }
    }

    /// What tells this news from other news, without the times: two runs that have the same to say have the same
    /// mark. `metrics` are the rows that it is about. It is of no use to another build of the monitor.
    #[must_use]
    pub fn mark(&self, metrics: &[Metric]) -> String {
        let mut hasher = DefaultHasher::new();
        let changes = |changes: &BTreeMap<String, Change>| -> Vec<(String, &'static str)> {
            changes.iter().map(|(key, change)| (key.clone(), change.as_str())).collect()
        };
        (changes(&self.violations), changes(&self.forecasts)).hash(&mut hasher);
        for metric in metrics.iter().filter(|m| self.violations.contains_key(m.key())) {
            (metric.key(), metric.status.as_str()).hash(&mut hasher);
        }
        for (key, recovered) in &self.recovered {
            (key, recovered.was.as_str()).hash(&mut hasher);
        }
        for (key, unseen) in &self.unseen {
            (key, unseen.is_new, &unseen.cause).hash(&mut hasher);
        }
        let over: Vec<&String> = self.seen_again.keys().chain(self.forecasts_gone.keys()).collect();
        (over, self.event.as_str()).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// A violation that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The worst that it was.
    pub was: Grade,
    pub since: Timestamp,
}

/// A quota that cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Not told before, and told now.
    pub is_new: bool,
    /// Told before.
    pub was_told: bool,
    /// The operation and the kind of the fault.
    pub cause: String,
}

/// A quota that was reported as not to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAgain {
    pub since: Timestamp,
    /// The cause that was reported.
    pub cause: String,
}

/// What happened to a violation or a forecast since the last message. Each with the time when it was
/// first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    New(Timestamp),
    /// From warning to critical.
    Escalated(Timestamp),
    /// Told before.
    Still(Timestamp),
}

impl Change {
    #[must_use]
    pub fn since(self) -> Timestamp {
        match self {
            Self::New(since) | Self::Escalated(since) | Self::Still(since) => since,
        }
    }

    /// `new`, `escalated` or `still`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New(_) => "new",
            Self::Escalated(_) => "escalated",
            Self::Still(_) => "still",
        }
    }
}

/// The message attribute `event`: the most important thing in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Raised,
    Escalated,
    Unseen,
    Recovered,
    Reminder,
    Test,
}

impl Event {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Escalated => "escalated",
            Self::Unseen => "unseen",
            Self::Recovered => "recovered",
            Self::Reminder => "reminder",
            Self::Test => "test",
        }
    }
}

/// The message attribute `severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Critical,
    Warning,
    Info,
}

impl Severity {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}
