//! What one run leaves to the next: what the reader of the alerts knows, and the history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{History, Status};
use crate::rota::Rota;
use crate::tour::Tour;

/// What one run leaves to the next, within the stored document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// What the reader of the alerts was last told; see [`AlertState`].
    #[serde(default)]
    pub alert_state: AlertState,
    /// Daily peaks, from which forecasts are made.
    #[serde(default)]
    pub history: History,
    /// Where the visits of single resources stand, by listing; see [`Tour`].
    #[serde(default)]
    pub tours: Tours,
    /// Whose turn it is, where not all instances fit one run; only with the account's snapshot.
    #[serde(default)]
    pub rota: Rota,
}

/// Tours by the listing they make, as `connect:ListUserProficiencies`.
pub type Tours = BTreeMap<String, Tour>;

impl Memory {
    /// The fields, as they are called in the document.
    pub const FIELDS: &[&str] = &["alert_state", "history", "tours", "rota"];

    /// What two stores agree on; see [`AlertState::agreed`].
    #[must_use]
    pub fn agreed(self, other: Self) -> Self {
        Self {
            alert_state: self.alert_state.agreed(&other.alert_state),
            history: self.history.joined(other.history),
            tours: newer(self.tours, other.tours),
            rota: self.rota.agreed(other.rota),
        }
    }

    /// What is known from this document and from an older one; see [`AlertState::latest`].
    #[must_use]
    pub fn latest(self, older: Self) -> Self {
        Self {
            alert_state: self.alert_state.latest(older.alert_state),
            history: self.history.joined(older.history),
            tours: newer(self.tours, older.tours),
            rota: self.rota,
        }
    }
}

/// A tour is one thread: two of them cannot be joined, so the first that there is goes on.
fn newer(tours: Tours, other: Tours) -> Tours {
    if tours.is_empty() { other } else { tours }
}

/// What the reader of the alerts knows, by quota key. It is written with the snapshot before an alert
/// is published, as the last run left it, and written again after the alert has been published: a
/// crash between the two repeats a message and never loses one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertState(pub BTreeMap<String, Told>);

impl AlertState {
    /// What two stores agree on. A message that only one of them knows of may not have been written
    /// down by the other because it failed then; what is in doubt counts as not told, so that it is
    /// repeated and never lost.
    #[must_use]
    pub fn agreed(self, other: &Self) -> Self {
        let mut both = BTreeMap::new();
        for (key, a) in self.0 {
            let told = other.0.get(&key).map_or_else(|| a.in_doubt(), |b| a.agreed(b));
            both.insert(key, told);
        }
        for (key, b) in &other.0 {
            both.entry(key.clone()).or_insert_with(|| b.in_doubt());
        }
        both.retain(|_, told| !told.is_blank() || told.told_at > Timestamp::UNIX_EPOCH);
        Self(both)
    }

    /// What is known from this document and from an older one. Usually this one knows it all. But a
    /// run that overlapped with this one's may have told something that this one could not know of:
    /// of each quota, the later message counts.
    #[must_use]
    pub fn latest(self, older: Self) -> Self {
        let mut latest = self.0;
        for (key, old) in older.0 {
            match latest.get(&key) {
                Some(new) if new.told_at >= old.told_at => {}
                _ => {
                    latest.insert(key, old.without_counts());
                }
            }
        }
        latest.retain(|_, told| !told.is_blank() || told.told_at > Timestamp::UNIX_EPOCH);
        Self(latest)
    }
}

/// What was said about one quota, and what was seen of it since and is still to be said.
#[expect(clippy::struct_excessive_bools, reason = "as it is stored, each is a fact of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The severity that was reported; none where no violation was, or where it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Status>,
    /// It was reported that the quota cannot be seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
    /// The operation and the kind of the fault that was reported then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// It was reported that the quota will be full soon: since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Timestamp>,
    /// When the violation was first seen.
    pub since: Timestamp,
    /// When a message last named it; the Unix epoch where none did.
    pub told_at: Timestamp,
    /// The worst that was seen and not reported yet, where it is worse than `severity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Status>,
    /// Unknown since then, for one run or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dark: Option<Timestamp>,
    /// The last run saw it below its threshold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub calm: bool,
    /// The last run saw it below its critical percentage, where `severity` is critical.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub milder: bool,
    /// Critical for another reason than its percentage: rejected calls, or a limit of 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hard: bool,
    /// The reported forecast does not hold any more: since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fading: Option<Timestamp>,
}

impl Told {
    /// Nothing was ever said.
    #[must_use]
    pub fn nothing(now: Timestamp) -> Self {
        Self {
            severity: None,
            unseen: false,
            cause: None,
            forecast: None,
            since: now,
            told_at: Timestamp::UNIX_EPOCH,
            seen: None,
            dark: None,
            calm: false,
            milder: false,
            hard: false,
            fading: None,
        }
    }

    /// Nothing is reported and nothing is to be.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.severity.or(self.seen).is_none() && !self.unseen && self.forecast.is_none() && self.dark.is_none()
    }

    fn agreed(&self, other: &Self) -> Self {
        Self {
            severity: self.severity.min(other.severity),
            unseen: self.unseen && other.unseen,
            cause: self.cause.clone().filter(|_| other.unseen),
            forecast: self.forecast.zip(other.forecast).map(|(a, b)| a.min(b)),
            since: self.since.min(other.since),
            told_at: self.told_at.min(other.told_at),
            seen: self.seen.max(other.seen),
            dark: self.dark.or(other.dark),
            calm: self.calm || other.calm,
            milder: self.milder || other.milder,
            hard: self.hard || other.hard,
            fading: self.fading.or(other.fading),
        }
    }

    /// Only one of two stores knows of it: what it calls told is still to be told.
    fn in_doubt(&self) -> Self {
        Self {
            severity: None,
            unseen: false,
            cause: None,
            forecast: None,
            told_at: Timestamp::UNIX_EPOCH,
            seen: self.severity.max(self.seen),
            ..self.clone()
        }
    }

    /// From a run that was not the last one: it does not count as one of two runs in a row.
    fn without_counts(self) -> Self {
        Self { dark: self.dark.filter(|_| self.unseen), calm: false, milder: false, fading: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(severity: Option<Status>, second: i64) -> Told {
        Told { severity, told_at: at(second), ..Told::nothing(at(second)) }
    }

    fn state(entries: &[(&str, Told)]) -> AlertState {
        AlertState(entries.iter().map(|(key, told)| ((*key).to_owned(), told.clone())).collect())
    }

    #[test]
    fn two_stores_agree_on_what_both_know_and_on_the_milder_of_it() {
        let one = state(&[("a", told(Some(Status::Critical), 5)), ("b", told(Some(Status::Warning), 5))]);
        let other = state(&[("a", told(Some(Status::Warning), 3))]);
        let agreed = one.clone().agreed(&other);
        assert_eq!(agreed.0["a"], told(Some(Status::Warning), 3));
        let b = &agreed.0["b"];
        assert_eq!((b.severity, b.seen), (None, Some(Status::Warning)), "in doubt: still to be told");
        assert_eq!(one.clone().agreed(&one), one);
        assert_eq!(AlertState::default().agreed(&state(&[("c", told(None, 5))])), AlertState::default());
    }

    #[test]
    fn of_two_documents_the_later_message_counts() {
        // The newer run still believed in the violation when the older one told its end.
        let newer = state(&[("a", told(Some(Status::Critical), 1))]);
        let older = state(&[("a", told(None, 7)), ("b", Told { dark: Some(at(2)), ..Told::nothing(at(2)) })]);
        let latest = newer.clone().latest(older);
        assert_eq!(latest.0["a"].severity, None);
        assert!(!latest.0.contains_key("b"), "one unseen run before the last one is not one of two in a row");
        assert_eq!(newer.clone().latest(state(&[("a", told(None, 1))])), newer);
    }

    #[test]
    fn the_state_of_earlier_versions_is_read() {
        let text = r#"{"alert_state": {"L-1": {"severity": "warning", "since": "2026-01-01T00:00:00Z",
            "told_at": "2026-01-02T00:00:00Z"}}, "metrics": []}"#;
        let memory: Memory = serde_json::from_str(text).unwrap();
        assert_eq!(memory.alert_state.0["L-1"].severity, Some(Status::Warning));
        assert!(memory.history.0.is_empty());
    }
}
