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
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Over {
    pub quota_name: String,
    pub utilization: Option<f64>,
    pub critical: bool,
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

    /// Where the cell stands at `now`. `since`: runs that began before do not count.
    #[must_use]
    pub fn stands(&self, now: Timestamp, since: Timestamp) -> (State, Option<String>) {
        if self.began < since {
            let last = self.ended.unwrap_or(self.began);
            return (State::NotRun, Some(format!("the last run was at {}", crate::domain::format::rfc3339(last))));
        }
        match self.ended {
            Some(_) => (self.state, self.reason.clone()),
            None if now < self.until => (State::Running, None),
            None => {
                let until = crate::domain::format::rfc3339(self.until);
                let why = format!(
                    "the run {} began and left no result until {until}, when its time was over",
                    self.execution_id
                );
                (State::Timeout, Some(why))
            }
        }
    }

    /// When the last run showed what it showed: what happened twice has two of them.
    #[must_use]
    pub fn evidence(&self) -> Timestamp {
        self.ended.unwrap_or(self.until)
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
        assert_eq!(document.stands(time(70), time(60)).0, State::Running);
        assert_eq!(document.stands(time(75), time(60)).0, State::Timeout);
        assert_eq!(document.stands(time(75), time(61)).0, State::NotRun);
        (document.ended, document.state) = (Some(time(61)), State::Seen);
        assert_eq!(document.stands(time(75), time(60)).0, State::Seen);
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(CellDocument::parse(text.as_bytes()).unwrap(), document);
        assert!(text.contains("\"began\":\"1970-01-01T01:00:00Z\""), "{text}");
    }
}
