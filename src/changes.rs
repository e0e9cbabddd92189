//! What is new since the reader was last told. Pure: rows and the stored [`AlertState`] in, the news
//! and the next state out.
//!
//! A message is due when a quota is raised, escalates or recovers, when it can no longer be seen, or
//! when what was told is older than the reminder interval. A muted quota is as if it were not there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::snapshot::{AlertState, Metric, Status, Told};

/// A schedule fires a little early or late; a reminder that is due within this time is due.
const SCHEDULE_JITTER: SignedDuration = SignedDuration::from_mins(5);

/// The answer to "is there anything to say, and what will the reader know then".
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// None: nothing changed and no reminder is due.
    pub news: Option<News>,
    /// The state to store as long as nothing has been published.
    pub carried: AlertState,
    /// The state to store once the news has been published.
    pub told: AlertState,
}

/// What one message has to say. Keys are quota keys.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    pub event: Event,
    pub severity: Severity,
    /// Every current violation, with what happened to it.
    pub violations: BTreeMap<String, Change>,
    pub recovered: BTreeMap<String, Told>,
    /// Every quota that cannot be seen now; true where that is new.
    pub unseen: BTreeMap<String, bool>,
}

/// What happened to a violation since the last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    New,
    /// From warning to critical; first seen at this time.
    Escalated(Timestamp),
    /// Told before; first seen at this time.
    Still(Timestamp),
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

/// Compares rows with what the reader was told. No state at all (nothing stored, or unreadable) means
/// that everything is new: a message may be repeated, never lost.
#[must_use]
pub fn compare(previous: Option<&AlertState>, metrics: &[Metric], now: Timestamp, reminder_hours: u32) -> Comparison {
    let empty = AlertState::default();
    let previous = &previous.unwrap_or(&empty).0;
    let remind_after = SignedDuration::from_hours(reminder_hours.into()) - SCHEDULE_JITTER;
    let mut carried = BTreeMap::new();
    let mut told = BTreeMap::new();
    let mut news = News {
        event: Event::Reminder,
        severity: Severity::Info,
        violations: BTreeMap::new(),
        recovered: BTreeMap::new(),
        unseen: BTreeMap::new(),
    };
    let mut reminder = false;
    for metric in metrics.iter().filter(|m| m.muted.is_none()) {
        let key = metric.key();
        let before = previous.get(key);
        match metric.status {
            Status::Warning | Status::Critical => {
                let (change, since) = match before {
                    Some(t) if t.severity == Some(Status::Warning) && metric.status == Status::Critical => {
                        (Change::Escalated(t.since), t.since)
                    }
                    Some(t) if t.severity.is_some() => (Change::Still(t.since), t.since),
                    _ => (Change::New, now),
                };
                news.violations.insert(key.to_owned(), change);
                told.insert(key.to_owned(), Told { severity: Some(metric.status), unseen: false, since, told_at: now });
            }
            Status::Unknown => {
                let is_new = !before.is_some_and(|t| t.unseen);
                news.unseen.insert(key.to_owned(), is_new);
                told.insert(
                    key.to_owned(),
                    Told {
                        // A violation that is out of sight is not over.
                        severity: before.and_then(|t| t.severity),
                        unseen: true,
                        since: before.map_or(now, |t| t.since),
                        told_at: now,
                    },
                );
            }
            Status::Ok => {
                if let Some(t) = before
                    && t.severity.is_some()
                {
                    news.recovered.insert(key.to_owned(), t.clone());
                }
            }
            // Out of reach in this run, as the connectors of an account are where a run looks at one
            // instance only: what was told stays told.
            Status::NotMeasurable => {
                if let Some(before) = before {
                    told.insert(key.to_owned(), before.clone());
                    carried.insert(key.to_owned(), before.clone());
                }
                continue;
            }
        }
        if let Some(before) = before {
            let still_there = told.contains_key(key);
            reminder |= still_there && now.duration_since(before.told_at) >= remind_after;
            // What was told and has silently become milder is remembered as milder, so that it is
            // news when it grows again.
            if still_there || news.recovered.contains_key(key) {
                let mut kept = before.clone();
                if metric.status == Status::Warning && kept.severity == Some(Status::Critical) {
                    kept.severity = Some(Status::Warning);
                }
                if metric.status != Status::Unknown {
                    kept.unseen = false;
                }
                carried.insert(key.to_owned(), kept);
            }
        }
    }
    news.event = most_important(&news);
    news.severity = severity(metrics, &news);
    let is_due = news.event != Event::Reminder || reminder;
    Comparison { news: is_due.then_some(news), carried: AlertState(carried), told: AlertState(told) }
}

fn most_important(news: &News) -> Event {
    let any = |wanted: fn(&Change) -> bool| news.violations.values().any(wanted);
    if any(|c| matches!(c, Change::New)) {
        Event::Raised
    } else if any(|c| matches!(c, Change::Escalated(_))) {
        Event::Escalated
    } else if news.unseen.values().any(|is_new| *is_new) {
        Event::Unseen
    } else if !news.recovered.is_empty() {
        Event::Recovered
    } else {
        Event::Reminder
    }
}

fn severity(metrics: &[Metric], news: &News) -> Severity {
    let critical = metrics.iter().any(|m| m.is_violation() && m.status == Status::Critical);
    if critical {
        Severity::Critical
    } else if !news.violations.is_empty() || !news.unseen.is_empty() {
        Severity::Warning
    } else {
        Severity::Info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::MuteRecord;
    use proptest::prelude::*;

    fn row(key: &str, status: Status) -> Metric {
        Metric {
            quota_code: key.to_owned(),
            quota_name: key.to_owned(),
            service_code: "connect".to_owned(),
            category: "core".to_owned(),
            scope: "instance".to_owned(),
            usage: None,
            limit: None,
            limit_source: None,
            utilization: None,
            status,
            source: String::new(),
            approximate: false,
            resource: None,
            note: None,
            fault: None,
            adjustable: None,
            muted: None,
        }
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
    }

    /// Runs hour by hour, publishing every message; returns the events, hour by hour.
    fn history(statuses: &[Status], reminder_hours: u32) -> Vec<Option<&'static str>> {
        let mut state = None;
        let mut events = Vec::new();
        for (hour, status) in statuses.iter().enumerate() {
            let now = at(i64::try_from(hour).unwrap());
            let result = compare(state.as_ref(), &[row("a", *status)], now, reminder_hours);
            events.push(result.news.as_ref().map(|n| n.event.as_str()));
            state = Some(if result.news.is_some() { result.told } else { result.carried });
        }
        events
    }

    #[test]
    fn messages_follow_changes_only() {
        use Status::{Critical, Ok, Unknown, Warning};
        let events = history(&[Ok, Warning, Warning, Critical, Critical, Warning, Critical, Ok, Ok], 24);
        assert_eq!(
            events,
            [None, Some("raised"), None, Some("escalated"), None, None, Some("escalated"), Some("recovered"), None]
        );
        let events = history(&[Critical, Unknown, Unknown, Critical, Unknown, Ok], 24);
        assert_eq!(events, [Some("raised"), Some("unseen"), None, None, Some("unseen"), Some("recovered")]);
    }

    #[test]
    fn an_unchanged_violation_is_repeated_after_the_interval() {
        assert_eq!(
            history(&[Status::Warning; 7], 3),
            [Some("raised"), None, None, Some("reminder"), None, None, Some("reminder")]
        );
        assert!(history(&[Status::Warning; 4], 0).iter().all(Option::is_some));
    }

    #[test]
    fn what_is_out_of_reach_in_a_run_stays_told() {
        use Status::{NotMeasurable, Warning};
        assert_eq!(history(&[Warning, NotMeasurable, Warning], 24), [Some("raised"), None, None]);
    }

    #[test]
    fn without_state_every_run_with_a_violation_has_news() {
        let result = compare(None, &[row("a", Status::Warning), row("b", Status::Ok)], at(0), 24);
        assert_eq!(result.news.unwrap().event, Event::Raised);
        assert!(compare(None, &[row("b", Status::Ok)], at(0), 24).news.is_none());
    }

    #[test]
    fn a_muted_quota_is_as_if_it_were_not_there() {
        let mut muted = row("a", Status::Critical);
        muted.muted = Some(MuteRecord { reason: "known".to_owned(), until: String::new() });
        let result = compare(None, &[muted], at(0), 24);
        assert!(result.news.is_none() && result.told.0.is_empty());
    }

    proptest! {
        /// A publish that fails leaves the carried state: the next run must still have the news.
        #[test]
        fn news_that_was_not_published_stays_news(
            before in prop::collection::vec(0usize..4, 3),
            after in prop::collection::vec(0usize..4, 3),
        ) {
            const ALL: [Status; 4] = [Status::Ok, Status::Unknown, Status::Warning, Status::Critical];
            let rows = |s: &[usize]| -> Vec<Metric> {
                s.iter().enumerate().map(|(i, s)| row(&format!("q{i}"), ALL[*s])).collect()
            };
            let first = compare(None, &rows(&before), at(0), 24);
            let state = first.told;
            let second = compare(Some(&state), &rows(&after), at(1), 24);
            let third = compare(Some(&second.carried), &rows(&after), at(2), 24);
            prop_assert_eq!(second.news.as_ref().map(|n| n.event), third.news.map(|n| n.event));
            let told = compare(Some(&second.told), &rows(&after), at(2), 24);
            if second.news.is_some() {
                prop_assert!(told.news.is_none(), "the same rows are no news once told");
            }
        }
    }
}
