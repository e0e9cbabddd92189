//! What is new since the reader was last told. Pure: rows and the stored [`AlertState`] in, the news
//! and the next state out.
//!
//! A message is due when a quota is raised, escalates or recovers, when it could not be seen in two
//! runs in a row or is seen again, when it will be full soon, or when what was told is older than the
//! reminder interval. A quota that hovers at its threshold makes no noise: it recovers only
//! [`MARGIN_POINTS`] below, or after two runs below. A muted quota is as if it were not there.

mod quota;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::snapshot::{AlertState, Metric, Status, Told};
use quota::step;

/// Points of utilization.
pub const MARGIN_POINTS: f64 = 2.0;

/// A schedule fires a little early or late, and a message leaves up to a quarter of an hour after its
/// run began: a reminder that is due within this time is due.
const SCHEDULE_JITTER: SignedDuration = SignedDuration::from_mins(20);

/// What was told and is over is kept for so long, because a run that overlaps may still believe in it.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(24);

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
    /// As it was told, or as it was seen where that could not be told.
    pub recovered: BTreeMap<String, Told>,
    /// Every quota that cannot be seen now.
    pub unseen: BTreeMap<String, Unseen>,
    /// Reported as not to be seen, and seen now.
    pub seen_again: BTreeMap<String, SeenAgain>,
    /// Every quota that will be full soon.
    pub forecasts: BTreeMap<String, Change>,
    /// Forecasts, told since then, that hold no more.
    pub forecasts_gone: BTreeMap<String, Timestamp>,
}

/// A quota that cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Not told before.
    pub is_new: bool,
    /// The operation and the kind of the fault; of what was told before, as it was told.
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

/// Compares rows with what the reader was told. No state at all (nothing stored, or unreadable) means
/// that everything is new: a message may be repeated, never lost.
#[must_use]
pub fn compare(previous: Option<&AlertState>, metrics: &[Metric], now: Timestamp, reminder_hours: u32) -> Comparison {
    let is_first = previous.is_none();
    let empty = AlertState::default();
    let previous = &previous.unwrap_or(&empty).0;
    let remind_after = SignedDuration::from_hours(reminder_hours.into()) - SCHEDULE_JITTER;
    let mut news = News {
        event: Event::Reminder,
        severity: Severity::Info,
        violations: BTreeMap::new(),
        recovered: BTreeMap::new(),
        unseen: BTreeMap::new(),
        seen_again: BTreeMap::new(),
        forecasts: BTreeMap::new(),
        forecasts_gone: BTreeMap::new(),
    };
    let (mut carried, mut told) = (BTreeMap::new(), BTreeMap::new());
    // What was asked of AWS is said at once, because somebody will get AWS's answer.
    let mut is_due =
        metrics.iter().any(|m| m.is_violation() && m.increase_request.as_ref().is_some_and(|r| r.sent_now));
    for metric in metrics.iter().filter(|m| m.muted.is_none()) {
        let key = metric.key();
        let before = previous.get(key).cloned().unwrap_or_else(|| Told::nothing(now));
        let step = step(&before, is_first, metric, now);
        let is_told = before.severity.is_some() || before.unseen;
        is_due |= is_told && step.is_reminded() && now.duration_since(before.told_at) >= remind_after;
        let is_kept = |t: &Told| !t.is_blank() || now.duration_since(t.told_at) < KEPT_AFTER;
        carried.extend(is_kept(&step.carried).then(|| (key.to_owned(), step.carried)));
        told.extend(is_kept(&step.told).then(|| (key.to_owned(), step.told)));
        let key = || key.to_owned();
        news.violations.extend(step.violation.map(|v| (key(), v)));
        news.recovered.extend(step.recovered.map(|v| (key(), v)));
        news.unseen.extend(step.unseen.map(|v| (key(), v)));
        news.seen_again.extend(step.seen_again.map(|v| (key(), v)));
        news.forecasts.extend(step.forecast.map(|v| (key(), v)));
        news.forecasts_gone.extend(step.forecast_gone.map(|v| (key(), v)));
    }
    news.event = most_important(&news);
    news.severity = severity(metrics, &news);
    is_due |= news.event != Event::Reminder;
    Comparison { news: is_due.then_some(news), carried: AlertState(carried), told: AlertState(told) }
}

fn most_important(news: &News) -> Event {
    let any = |wanted: fn(&Change) -> bool| news.violations.values().chain(news.forecasts.values()).any(wanted);
    if any(|c| matches!(c, Change::New(_))) {
        Event::Raised
    } else if any(|c| matches!(c, Change::Escalated(_))) {
        Event::Escalated
    } else if news.unseen.values().any(|unseen| unseen.is_new) {
        Event::Unseen
    } else if !(news.recovered.is_empty() && news.seen_again.is_empty() && news.forecasts_gone.is_empty()) {
        Event::Recovered
    } else {
        Event::Reminder
    }
}

fn severity(metrics: &[Metric], news: &News) -> Severity {
    let critical = metrics.iter().any(|m| m.is_violation() && m.status == Status::Critical);
    if critical {
        Severity::Critical
    } else if !(news.violations.is_empty() && news.unseen.is_empty() && news.forecasts.is_empty()) {
        Severity::Warning
    } else {
        Severity::Info
    }
}
