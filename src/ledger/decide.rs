//! Is there anything to say, and what do readers know then? Pure.
//!
//! A violation is raised when it is new, escalated when it grows from warning to critical, and over when
//! the quota was seen [`super::rules::MARGIN_POINTS`] below its threshold, or below it in two runs. A quota that cannot
//! be seen is told after two runs. Two runs count as two when at least half a schedule lies between them.
//! A muted quota is as if it were not there.

use std::collections::BTreeSet;

use super::incident::{Step, is_request, step, vanished};
use super::rules::Rules;
use super::{Change, Event, Incident, Incidents, News, Severity};
use crate::domain::{Metric, Status};

/// Which quotas may have vanished, among those of which something was told and that have no row now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// All of them: the run saw everything that there is.
    IsGone,
    /// None: this run could not see all there is, so what is missing stays as it was told.
    IsKept,
}

/// The answer to "is there anything to say, and what will readers know then".
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// None: nothing changed and no reminder is due.
    pub news: Option<News>,
    /// The incidents as long as nothing has been published.
    pub if_not: Incidents,
    /// The incidents once the news has been published.
    pub if_told: Incidents,
}

/// Compares rows with what readers were told. No incidents at all (nothing stored, or unreadable) mean
/// that everything is new: a message may be repeated, never lost.
#[must_use]
pub fn decide(before: Option<&Incidents>, metrics: &[Metric], missing: Missing, rules: &Rules) -> Decision {
    let is_first = before.is_none();
    let nothing = Incidents::default();
    let before = before.unwrap_or(&nothing);
    let mut news = News::nothing();
    let mut decision = Decision { news: None, if_not: Incidents::new(), if_told: Incidents::new() };
    // What was asked of AWS is said at once, because somebody will get AWS's answer.
    let mut is_due =
        metrics.iter().any(|m| m.is_violation() && m.increase_request.as_ref().is_some_and(|r| r.sent_now));
    let blank = Incident::default();
    for metric in metrics.iter().filter(|m| m.muted.is_none()) {
        let known = before.get(metric.key()).unwrap_or(&blank);
        let step = step(known, is_first, metric, rules);
        let is_old = || known.told_at.is_none_or(|at| rules.now.duration_since(at) >= rules.reminders.after(metric));
        is_due |= known.is_told() && step.is_reminded() && is_old();
        decision.take(metric.key(), step, &mut news);
    }
    let of_quotas = before.iter().filter(|(key, _)| !is_request(key));
    for (key, known) in of_quotas.filter(|(key, _)| !metrics.iter().any(|m| m.key() == *key)) {
        match missing {
            Missing::IsKept => {
                decision.if_not.insert(key.clone(), known.clone());
                decision.if_told.insert(key.clone(), known.clone());
            }
            Missing::IsGone => {
                news.vanished.insert(key.clone(), known.name.clone());
                decision.take(key, vanished(known, rules), &mut news);
            }
        }
    }
    news.event = most_important(&news);
    news.severity = severity(metrics, &news);
    is_due |= news.event != Event::Reminder;
    decision.news = is_due.then_some(news);
    decision
}

impl Decision {
    fn take(&mut self, key: &str, step: Step, news: &mut News) {
        let named = |incident: Incident| (!incident.is_blank()).then(|| (key.to_owned(), incident));
        self.if_not.extend(named(step.if_not));
        self.if_told.extend(named(step.if_told));
        let key = || key.to_owned();
        news.violations.extend(step.violation.map(|v| (key(), v)));
        news.recovered.extend(step.recovered.map(|v| (key(), v)));
        news.unseen.extend(step.unseen.map(|v| (key(), v)));
        news.seen_again.extend(step.seen_again.map(|v| (key(), v)));
        news.forecasts.extend(step.forecast.map(|v| (key(), v)));
        news.forecasts_gone.extend(step.forecast_gone.map(|v| (key(), v)));
    }
}

impl News {
    /// Keys of the quotas of which it says that something is over.
    #[must_use]
    pub fn ends(&self) -> Vec<String> {
        let keys = self.recovered.keys().chain(self.seen_again.keys()).chain(self.forecasts_gone.keys());
        let keys: BTreeSet<&String> = keys.collect();
        keys.into_iter().cloned().collect()
    }

    /// The news where what is told is not written down: no end of anything, or the same thing's return would
    /// be told to nobody. None where nothing is left to say.
    #[must_use]
    pub fn without_ends(mut self) -> Option<Self> {
        self.recovered.clear();
        self.seen_again.clear();
        self.forecasts_gone.clear();
        self.vanished.clear();
        (self.requests, self.requests_over) = (Vec::new(), Vec::new());
        if !self.is_about_rows {
            return None;
        }
        self.event = most_important(&self);
        let has_news = self.event != Event::Reminder || !self.violations.is_empty();
        has_news.then_some(self)
    }
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
