//! Which APIs were called lately: only their calls are worth reading in every run. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;
/// Who was called within so many days is read in every run.
const KEPT_DAYS: i64 = 15;
/// A schedule's run comes some minutes earlier now and then.
const SLACK: i64 = 1_800;

/// What runs know of the calls that quotas count, from run to run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Activity {
    /// When all were read, in unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_read_at: Option<i64>,
    /// By quota code: the last day (since the Unix epoch, UTC) on which calls were seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    days: BTreeMap<String, i64>,
    /// By operation: the name under which `AWS/Usage` counts its service's calls, where Service Quotas does not tell it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, String>,
}

impl Activity {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Once a day all of them are read, whatever is known.
    #[must_use]
    pub fn is_all_due(&self, now: i64) -> bool {
        self.all_read_at.is_none_or(|at| now - at >= DAY - SLACK || now < at)
    }

    /// Calls were seen lately.
    #[must_use]
    pub fn knows(&self, code: &str) -> bool {
        self.days.contains_key(code)
    }

    /// Notes that calls were seen, and forgets what is long over.
    pub fn note<'a>(&mut self, called: impl Iterator<Item = &'a str>, now: i64) {
        let today = now.div_euclid(DAY);
        self.days.extend(called.map(|code| (code.to_owned(), today)));
        self.days.retain(|_, day| today - *day < KEPT_DAYS);
    }

    /// What two runs know together.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        self.all_read_at = self.all_read_at.max(other.all_read_at);
        for (operation, service) in &other.services {
            self.services.entry(operation.clone()).or_insert_with(|| service.clone());
        }
        for (code, day) in &other.days {
            let ours = self.days.entry(code.clone()).or_insert(*day);
            *ours = (*ours).max(*day);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_for_fifteen_days_and_all_are_read_once_a_day() {
        let mut activity = Activity::default();
        assert!(activity.is_all_due(0));
        activity.note(["a", "b"].into_iter(), 0);
        activity.note(["b"].into_iter(), 10 * DAY);
        assert!(activity.knows("a") && activity.knows("b"));
        activity.note([].into_iter(), 15 * DAY);
        assert!(!activity.knows("a") && activity.knows("b"));
        activity.all_read_at = Some(15 * DAY);
        assert!(!activity.is_all_due(15 * DAY + 23 * 3_600) && activity.is_all_due(16 * DAY - 60));
        let mut other = Activity { all_read_at: Some(3), ..Activity::default() };
        other.note(["c"].into_iter(), 15 * DAY);
        let joined = activity.joined(&other);
        assert!(joined.knows("b") && joined.knows("c") && joined.all_read_at == Some(15 * DAY));
    }
}
