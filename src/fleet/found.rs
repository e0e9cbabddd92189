//! What a search for cells found, and what it leaves for the runs. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;
use crate::domain::target::Target;

/// A cell as it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    #[serde(flatten)]
    pub target: Target,
    /// Instances; 0 where they could not be listed.
    pub instances: usize,
    /// `seen`: there are instances.
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub checked_at: Timestamp,
    /// Runs measure it.
    pub measured: bool,
}

/// When cells were looked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discovery {
    pub schema_version: u32,
    /// When the list was made; none before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// `organizations`, or the key of the list.
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub accounts: usize,
    /// Accounts of the organization that are not active.
    #[serde(default)]
    pub not_active: usize,
    /// The newest attempt, where it failed: since then nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failed>,
}

impl Discovery {
    /// Before the first one.
    #[must_use]
    pub fn none() -> Self {
        Self { schema_version: 1, made: None, source: String::new(), accounts: 0, not_active: 0, failure: None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The first failure in a row.
    pub since: Timestamp,
    pub at: Timestamp,
    pub reason: String,
}

/// One entry of the document that the runs are started from: a whole payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    pub target: Target,
}

/// What was found now, beside what was known: a cell that was populated and cannot be seen now stays one that is
/// measured, and one whose instances are gone is measured until the next search, so that this is told.
#[must_use]
pub fn merged(found: Vec<Found>, known: &[Found]) -> Vec<Found> {
    let before: BTreeMap<(&str, &str), &Found> = known.iter().map(|f| (f.target.key(), f)).collect();
    let mut all: BTreeMap<(String, String), Found> = BTreeMap::new();
    for mut one in found {
        let was = before.get(&one.target.key());
        let was_populated = was.is_some_and(|was| was.instances > 0);
        one.measured = match one.state {
            State::Seen => true,
            State::Empty => was_populated,
            state if state.is_settled() => was_populated,
            // Nobody knows what is there.
            _ => true,
        };
        if was_populated && !one.state.is_seen() {
            one.instances = was.map_or(0, |was| was.instances);
        }
        let (account_id, region) = one.target.key();
        all.entry((account_id.to_owned(), region.to_owned())).or_insert(one);
    }
    all.into_values().collect()
}

/// The payloads of the cells that are measured.
#[must_use]
pub fn payloads(found: &[Found]) -> Vec<Payload> {
    found.iter().filter(|f| f.measured).map(|f| Payload { target: f.target.clone() }).collect()
}

/// Cells by state.
#[must_use]
pub fn counts(found: &[Found]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for one in found {
        *counts.entry(one.state.as_str()).or_default() += 1;
    }
    counts.insert("expected", found.iter().filter(|f| f.measured).count());
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(region: &str, state: State, instances: usize) -> Found {
        Found {
            target: Target::new("111122223333", region),
            instances,
            state,
            reason: None,
            checked_at: Timestamp::UNIX_EPOCH,
            measured: state == State::Seen,
        }
    }

    #[test]
    fn what_was_populated_is_measured_until_it_is_told() {
        let known = [found("eu-west-2", State::Seen, 3), found("us-east-1", State::Seen, 1)];
        let now = merged(
            vec![
                found("eu-west-2", State::DeniedByPolicy, 0),
                found("us-east-1", State::Empty, 0),
                found("us-west-2", State::DeniedByPolicy, 0),
                found("ca-central-1", State::NoRole, 0),
                found("ca-central-1", State::NoRole, 0),
                found("af-south-1", State::Empty, 0),
            ],
            &known,
        );
        let measured: Vec<&str> = payloads(&now).iter().map(|p| p.target.region.clone().leak() as &str).collect();
        assert_eq!(measured, ["ca-central-1", "eu-west-2", "us-east-1"]);
        let of = |region: &str| now.iter().find(|f| f.target.region == region).unwrap().instances;
        assert_eq!((of("eu-west-2"), of("us-east-1")), (3, 0), "what cannot be seen is not 0");
        let next = merged(vec![found("us-east-1", State::Empty, 0)], &now);
        assert!(payloads(&next).is_empty(), "told in the meantime");
        assert_eq!(counts(&now)["denied_by_policy"], 2);
        assert_eq!(counts(&now)["expected"], 3);
    }
}
