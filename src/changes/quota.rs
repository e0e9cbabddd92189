//! One quota's way from what was told of it to what is seen now.

use jiff::{SignedDuration, Timestamp};

use super::{Change, MARGIN_POINTS, SeenAgain, Unseen};
use crate::snapshot::{Metric, Status, Told};

/// A forecast changes with the day, not with the run: it is gone when it was gone for a day.
const FADES_AFTER: SignedDuration = SignedDuration::from_hours(23);

/// What to say of one quota, and what is known of it.
pub(super) struct Step {
    /// As long as nothing is published.
    pub carried: Told,
    /// Once it is.
    pub told: Told,
    pub violation: Option<Change>,
    pub recovered: Option<Told>,
    pub unseen: Option<Unseen>,
    pub seen_again: Option<SeenAgain>,
    pub forecast: Option<Change>,
    pub forecast_gone: Option<Timestamp>,
}

/// `is_first`: nothing at all is known of earlier runs.
pub(super) fn step(before: &Told, is_first: bool, metric: &Metric, now: Timestamp) -> Step {
    let mut step = Step {
        carried: before.clone(),
        told: before.clone(),
        violation: None,
        recovered: None,
        unseen: None,
        seen_again: None,
        forecast: None,
        forecast_gone: None,
    };
    match metric.status {
        // Out of reach in this run, as the connectors of an account are where a run looks at one
        // instance only: what was told stays told.
        Status::NotMeasurable if metric.usage.is_none() => {
            if !before.unseen {
                // It was asked for in vain once, and not twice in a row.
                (step.carried.dark, step.told.dark) = (None, None);
            }
            return step;
        }
        // Counted, against no published limit.
        Status::NotMeasurable => step.in_sight(before),
        Status::Unknown => step.unknown(before, is_first, metric, now),
        Status::Warning | Status::Critical => {
            step.in_sight(before);
            step.violation(before, metric, now);
            step.forecast(before, metric, now);
        }
        Status::Ok => {
            step.in_sight(before);
            step.ok(before, metric);
            step.forecast(before, metric, now);
        }
    }
    if step.says_something() {
        step.told.told_at = now;
    }
    step
}

impl Step {
    /// A message about this quota would be a reminder, at least.
    pub(super) fn is_reminded(&self) -> bool {
        self.violation.is_some() || self.unseen.is_some()
    }

    fn says_something(&self) -> bool {
        self.is_reminded()
            || self.recovered.is_some()
            || self.seen_again.is_some()
            || self.forecast.is_some()
            || self.forecast_gone.is_some()
    }

    fn unknown(&mut self, before: &Told, is_first: bool, metric: &Metric, now: Timestamp) {
        // Once may be a hiccup. But where nothing is remembered, or a violation could not be told
        // before it went out of sight, nobody must wait.
        let is_sure = before.dark.is_some() || is_first || before.seen.is_some();
        let is_new = !before.unseen && is_sure;
        let cause = || metric.fault.as_ref().map(|f| format!("{} {}", f.operation, f.kind)).unwrap_or_default();
        // What was told under one cause is over under that cause, whatever it is by then.
        let cause = before.cause.clone().filter(|_| before.unseen).unwrap_or_else(cause);
        self.told.cause = (before.unseen || is_new).then(|| cause.clone());
        self.unseen = Some(Unseen { is_new, cause });
        let dark = Some(before.dark.unwrap_or(if before.unseen { before.since } else { now }));
        (self.carried.dark, self.told.dark) = (dark, dark);
        // A violation that is out of sight is not over: its severity stays.
        self.told.unseen = before.unseen || is_new;
    }

    fn in_sight(&mut self, before: &Told) {
        self.told.dark = None;
        self.told.unseen = false;
        self.told.cause = None;
        if before.unseen {
            let (since, cause) = (before.dark.unwrap_or(before.since), before.cause.clone().unwrap_or_default());
            self.seen_again = Some(SeenAgain { since, cause });
        } else {
            self.carried.dark = None;
        }
    }

    fn violation(&mut self, before: &Told, metric: &Metric, now: Timestamp) {
        let status = metric.status;
        let known = told_severity(before, metric);
        let since = if before.severity.or(before.seen).is_some() { before.since } else { now };
        // The worst that the reader has not heard of, be it over or not.
        let worst = before.seen.max(Some(status));
        self.violation = Some(match known {
            None => Change::New(since),
            Some(Status::Warning) if worst == Some(Status::Critical) => Change::Escalated(since),
            Some(_) => Change::Still(since),
        });
        let is_milder = known == Some(Status::Critical) && status == Status::Warning;
        let hard = if is_milder { before.hard } else { is_hard(metric) };
        let now_known = Told { since, calm: false, milder: is_milder, hard, ..self.carried.clone() };
        self.carried = Told { severity: known, seen: worst.filter(|_| worst > known), ..now_known };
        // A message that calls it a warning makes it one for the reader, hovering or not.
        let hard = is_hard(metric);
        self.told =
            Told { severity: Some(status), since, seen: None, calm: false, milder: false, hard, ..self.told.clone() };
    }

    fn ok(&mut self, before: &Told, metric: &Metric) {
        let worst = before.severity.max(before.seen);
        if worst.is_none() {
            return;
        }
        let is_low = !before.hard && metric.utilization.is_some_and(|u| u < metric.levels.warning - MARGIN_POINTS);
        self.carried.calm = true;
        self.carried.milder = true;
        if is_low || before.calm {
            self.recovered = Some(Told { severity: worst, ..before.clone() });
            self.told =
                Told { severity: None, seen: None, calm: false, milder: false, hard: false, ..self.told.clone() };
        } else {
            self.told.calm = true;
            self.told.milder = true;
        }
    }

    fn forecast(&mut self, before: &Told, metric: &Metric, now: Timestamp) {
        let mut set = |carried: (Option<Timestamp>, Option<Timestamp>),
                       told: (Option<Timestamp>, Option<Timestamp>)| {
            (self.carried.forecast, self.carried.fading) = carried;
            (self.told.forecast, self.told.fading) = told;
        };
        match (metric.has_forecast(), before.forecast) {
            (false, None) => {}
            // What is as good as full needs no forecast, and what violates has not recovered from one.
            (true, since) if metric.status == Status::Critical => set((since, None), (since, None)),
            (false, Some(_)) if metric.status != Status::Ok => set((None, None), (None, None)),
            (true, None) => {
                set((None, None), (Some(now), None));
                self.forecast = Some(Change::New(now));
            }
            (true, Some(since)) => {
                set((Some(since), None), (Some(since), None));
                self.forecast = Some(Change::Still(since));
            }
            (false, Some(since)) => {
                let fading = before.fading.unwrap_or(now);
                if now.duration_since(fading) >= FADES_AFTER {
                    set((Some(since), Some(fading)), (None, None));
                    self.forecast_gone = Some(since);
                } else {
                    set((Some(since), Some(fading)), (Some(since), Some(fading)));
                }
            }
        }
    }
}

/// The severity that counts as told. What was told as critical and has become a warning is
/// remembered as a warning, so that it is news when it grows again; but not while it hovers.
fn told_severity(before: &Told, metric: &Metric) -> Option<Status> {
    let has_fallen = before.severity == Some(Status::Critical) && metric.status == Status::Warning;
    let is_low = !before.hard && metric.utilization.is_some_and(|u| u < metric.levels.critical - MARGIN_POINTS);
    if has_fallen && (is_low || before.milder) { Some(Status::Warning) } else { before.severity }
}

/// Its percentage does not say why it is critical, so no percentage says that it is over.
fn is_hard(metric: &Metric) -> bool {
    metric.status == Status::Critical && metric.utilization.is_none_or(|u| u < metric.levels.critical)
}
