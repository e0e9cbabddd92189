//! What the runs of one cell leave for the fleet: where the last one stands, and what the last good one saw. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;
use crate::domain::target::Target;

/// Raised when a field changes its meaning or disappears.
pub const SCHEMA_VERSION: u32 = 1;

/// The document of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellDocument {
    pub schema_version: u32,
    #[serde(flatten)]
    pub target: Target,
    /// Of the last run.
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub execution_id: String,
    pub began: Timestamp,
    /// When the run's time is over.
    pub until: Timestamp,
    /// None while it runs; a run that was killed never ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// By the last run that saw anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// What a run saw of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub at: Timestamp,
    /// Everything that can be measured was seen.
    pub complete: bool,
    pub instances: usize,
    pub violations: usize,
    pub unknown: usize,
    pub max_utilization: Option<f64>,
    /// The quota with the highest utilization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Worst>,
    /// The instances, and the account's own quotas.
    pub subjects: Vec<Subject>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    pub quota_name: String,
    /// Alias or id; none for a quota of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// An instance, or `account`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// This run looked at it, and its rows are here.
    pub looked_at: bool,
    pub max_utilization: Option<f64>,
    /// Over their thresholds, by quota key: the quota's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub violations: BTreeMap<String, Over>,
    /// Keys of the quotas that could not be seen.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown: BTreeSet<String>,
    #[serde(flatten)]
    pub held: Held,
}

/// What of a subject is not over, whatever its rows say: the digest follows the ledger of the cell, so that a quota that
/// hovers at its threshold, or has no row because it could not be looked for, is not told as recovered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Held {
    /// Keys of the violations that the ledger holds after this run.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub held: BTreeSet<String>,
    /// There is no ledger to follow, and rows may be missing: nothing of it is known to be over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rows_may_be_missing: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Over {
    pub quota_name: String,
    pub utilization: Option<f64>,
    pub critical: bool,
}

impl Subject {
    /// Whether a quota that is not among the violations is known to be none.
    #[must_use]
    pub fn knows_the_end_of(&self, quota: &str) -> bool {
        let is_held = self.held.rows_may_be_missing || self.held.held.contains(quota);
        self.looked_at && !self.unknown.contains(quota) && !is_held
    }
}

impl CellDocument {
    /// Reads a document of this cell.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document: Self = serde_json::from_slice(bytes).map_err(|e| format!("it cannot be read: {e}"))?;
        if document.schema_version == SCHEMA_VERSION {
            Ok(document)
        } else {
            Err(format!("its schema_version is {}, expected {SCHEMA_VERSION}", document.schema_version))
        }
    }

    /// Where the cell stands at `now`. `since`: runs that began before do not count. `are_over`: no run of a cell is under
    /// way any more, so that one without a result was killed.
    #[must_use]
    pub fn stands(&self, now: Timestamp, since: Timestamp, are_over: bool) -> (State, Option<String>) {
        if self.began < since {
            let last = self.ended.unwrap_or(self.began);
            return (State::NotRun, Some(format!("the last run was at {}", crate::domain::format::rfc3339(last))));
        }
        match self.ended {
            Some(_) => (self.state, self.reason.clone()),
            None if now < self.until && !are_over => (State::Running, None),
            None => {
                let time = crate::domain::format::rfc3339;
                let end = if now < self.until {
                    format!(
                        "and was ended before its time was over at {}: look for it in the function's log",
                        time(self.until)
                    )
                } else {
                    format!("until {}, when its time was over", time(self.until))
                };
                let began = time(self.began);
                let why = format!("the run {} began at {began} and left no result {end}", self.execution_id);
                (State::Timeout, Some(why))
            }
        }
    }

    /// When the last run showed what it showed: what happened twice has two of them. One that never ended showed it when
    /// it began, however often it is looked at.
    #[must_use]
    pub fn evidence(&self) -> Timestamp {
        self.ended.unwrap_or(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_killed_is_known_by_its_times() {
        let time = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let mut document = CellDocument {
            schema_version: SCHEMA_VERSION,
            target: Target::new("111122223333", "eu-west-2"),
            state: State::Running,
            reason: None,
            execution_id: "e".to_owned(),
            began: time(60),
            until: time(75),
            ended: None,
            seen: None,
        };
        let state = |document: &CellDocument, now, since, are_over| document.stands(time(now), time(since), are_over).0;
        assert_eq!(state(&document, 70, 60, false), State::Running);
        assert_eq!(state(&document, 75, 60, false), State::Timeout);
        assert_eq!(state(&document, 75, 61, false), State::NotRun);
        // After all runs of its round, it was killed, and that is one thing however often it is looked at.
        assert_eq!(state(&document, 70, 60, true), State::Timeout);
        assert_eq!(document.evidence(), time(60));
        let (_, why) = document.stands(time(70), time(60), true);
        assert!(why.unwrap().contains("left no result and was ended before its time was over"));
        assert_eq!(state(&document, 70, 61, true), State::NotRun);
        (document.ended, document.state) = (Some(time(61)), State::Seen);
        assert_eq!(state(&document, 75, 60, true), State::Seen);
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(CellDocument::parse(text.as_bytes()).unwrap(), document);
        assert!(text.contains("\"began\":\"1970-01-01T01:00:00Z\""), "{text}");
    }
}
