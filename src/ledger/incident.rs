//! What readers know of one quota, as states of which each is possible, and the step from run to run.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::grade::Grade;
use super::news::{Change, Recovered, SeenAgain, Unseen};
use super::rules::{MARGIN_POINTS, Rules};
use crate::domain::{Metric, Status};

/// A forecast changes with the day, not with the run: it is gone when it was gone for a day.
const FADES_AFTER: SignedDuration = SignedDuration::from_hours(23);

/// Where a key stands for a request for a higher limit, and for no quota.
const REQUEST: &str = "request/";

/// The key under which a request is remembered.
#[must_use]
pub fn key_of(id: &str) -> String {
    format!("{REQUEST}{id}")
}

pub(super) fn is_request(key: &str) -> bool {
    key.starts_with(REQUEST)
}

pub(super) fn id_of(key: &str) -> &str {
    key.strip_prefix(REQUEST).unwrap_or(key)
}

/// What was said about one quota, and what was seen of it since and is still to be said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Incident {
    /// What the quota was called when it was last seen: readers must be told of one that vanished, too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<Violation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<Blind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Foreseen>,
    /// When a message last named it; none where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
}

/// A violation that goes on, or whose end is not told yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// When it was first seen.
    pub since: Timestamp,
    pub told: Reported,
    /// Critical for another reason than its percentage: rejected calls, or a limit of 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hard: bool,
    /// Seen below its threshold since then, without being over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calm_since: Option<Timestamp>,
}

/// How much of a violation readers know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reported {
    /// Nothing: the message could not be sent. The worst that was seen stays to be told.
    No { worst: Grade },
    /// That it is a warning; `got_worse`: it was critical since, and that is still to be told.
    Warning {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        got_worse: bool,
    },
    /// That it is critical; `milder_since`: it has been less than that since then.
    Critical {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        milder_since: Option<Timestamp>,
    },
}

/// A quota that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blind {
    /// Since then, and nobody was told: it may be a hiccup.
    Untold { since: Timestamp },
    /// Told, with the cause that was named: the operation and the kind of its fault.
    Told {
        since: Timestamp,
        #[serde(default)]
        cause: String,
    },
}

impl Blind {
    fn since(&self) -> Timestamp {
        match self {
            Self::Untold { since } | Self::Told { since, .. } => *since,
        }
    }
}

/// A forecast that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    pub since: Timestamp,
    /// It does not hold any more since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fading_since: Option<Timestamp>,
}

impl Violation {
    /// The worst that was told, or seen and not told.
    #[must_use]
    pub fn worst(&self) -> Grade {
        match self.told {
            Reported::No { worst } => worst,
            Reported::Warning { got_worse: false } => Grade::Warning,
            Reported::Warning { got_worse: true } | Reported::Critical { .. } => Grade::Critical,
        }
    }

    fn has_untold(&self) -> bool {
        matches!(self.told, Reported::No { .. } | Reported::Warning { got_worse: true })
    }
}

impl Incident {
    /// Nothing is told and nothing is to be.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.violation.is_none() && self.blind.is_none() && self.forecast.is_none()
    }

    /// Readers were told of a violation that is not over.
    #[must_use]
    pub fn is_violation_told(&self) -> bool {
        self.violation.as_ref().is_some_and(|v| !matches!(v.told, Reported::No { .. }))
    }

    /// Readers may have been told that it is over.
    pub(super) fn doubt(&mut self) {
        if let Some(violation) = &mut self.violation {
            violation.told = Reported::No { worst: violation.worst() };
        }
        if let Some(blind) = &mut self.blind {
            *blind = Blind::Untold { since: blind.since() };
        }
        self.forecast = None;
    }

    pub(super) fn is_told(&self) -> bool {
        self.is_violation_told() || matches!(self.blind, Some(Blind::Told { .. }))
    }
}

/// What to say of one quota, and what is known of it afterwards.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// As long as nothing is published.
    pub if_not: Incident,
    /// Once it is.
    pub if_told: Incident,
    pub violation: Option<Change>,
    pub recovered: Option<Recovered>,
    pub unseen: Option<Unseen>,
    pub seen_again: Option<SeenAgain>,
    pub forecast: Option<Change>,
    pub forecast_gone: Option<Timestamp>,
}

/// One quota's way from what was told of it to what is seen now. `is_first`: nothing at all is known of
/// earlier runs.
pub(super) fn step(before: &Incident, is_first: bool, metric: &Metric, rules: &Rules) -> Step {
    let before = Incident { name: metric.quota_name.clone(), ..before.clone() };
    let mut step = Step { if_not: before.clone(), if_told: before.clone(), ..Step::default() };
    match metric.status {
        // Out of reach in this run, as the connectors of an account are where a run looks at one
        // instance only: what was told stays told.
        Status::NotMeasurable if metric.usage.is_none() && metric.is_out_of_reach => {
            if matches!(before.blind, Some(Blind::Untold { .. })) && !rules.is_part {
                // It was asked for in vain once, and not twice in a row.
                (step.if_not.blind, step.if_told.blind) = (None, None);
            }
            return step;
        }
        // AWS measures it no more: its limit or its metric was withdrawn, or its service given up.
        Status::NotMeasurable if metric.usage.is_none() => step.vanished_limit(&before),
        // Counted, against no limit any more: nothing is left to violate.
        Status::NotMeasurable => {
            step.in_sight(&before);
            step.vanished_limit(&before);
        }
        Status::Unknown => step.unknown(&before, is_first, metric, rules),
        Status::Warning | Status::Critical => {
            step.in_sight(&before);
            step.violates(&before, metric, rules);
            step.forecast(&before, metric, rules.now);
        }
        Status::Ok => {
            step.in_sight(&before);
            step.ok(&before, metric, rules);
            step.forecast(&before, metric, rules.now);
        }
    }
    if step.says_something() {
        step.if_told.told_at = Some(rules.now);
    }
    step
}

/// The step of a quota that is not there any more: its resource, its instance or its limit is gone. What
/// was told of it is over, once.
pub(super) fn vanished(before: &Incident, rules: &Rules) -> Step {
    let mut step = Step { if_not: before.clone(), ..Step::default() };
    step.if_told.name.clone_from(&before.name);
    step.recovered = before.violation.as_ref().map(|v| Recovered { was: v.worst(), since: v.since });
    if let Some(Blind::Told { since, cause }) = &before.blind {
        step.seen_again = Some(SeenAgain { since: *since, cause: cause.clone() });
    }
    step.forecast_gone = before.forecast.as_ref().map(|f| f.since);
    if step.says_something() {
        step.if_told.told_at = Some(rules.now);
    } else {
        step.if_not = Incident::default();
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

    fn unknown(&mut self, before: &Incident, is_first: bool, metric: &Metric, rules: &Rules) {
        let was_told = matches!(before.blind, Some(Blind::Told { .. }));
        // Once may be a hiccup. But where nothing is remembered, or a violation could not be told
        // before it went out of sight, nobody must wait.
        let twice = before.blind.as_ref().is_some_and(|blind| rules.is_a_run_later(blind.since()));
        let is_sure = twice || is_first || before.violation.as_ref().is_some_and(Violation::has_untold);
        let is_new = !was_told && is_sure;
        let cause = match &before.blind {
            // What was told under one cause is over under that cause, whatever it is by then.
            Some(Blind::Told { cause, .. }) => cause.clone(),
            _ => metric.fault.as_ref().map(|f| format!("{} {}", f.operation, f.kind)).unwrap_or_default(),
        };
        self.unseen = Some(Unseen { is_new, was_told, cause: cause.clone() });
        let since = before.blind.as_ref().map_or(rules.now, Blind::since);
        if !was_told {
            self.if_not.blind = Some(Blind::Untold { since });
            // A violation that is out of sight is not over: what was told of it stays.
            self.if_told.blind = Some(if is_new { Blind::Told { since, cause } } else { Blind::Untold { since } });
        }
    }

    fn in_sight(&mut self, before: &Incident) {
        self.if_told.blind = None;
        match &before.blind {
            Some(Blind::Told { since, cause }) => {
                self.seen_again = Some(SeenAgain { since: *since, cause: cause.clone() });
            }
            Some(Blind::Untold { .. }) | None => self.if_not.blind = None,
        }
    }

    fn violates(&mut self, before: &Incident, metric: &Metric, rules: &Rules) {
        let Some(grade) = Grade::of(metric.status) else { return };
        let known = known_grade(before.violation.as_ref(), grade, metric, rules);
        let since = before.violation.as_ref().map_or(rules.now, |v| v.since);
        // The worst that readers have not heard of, be it over or not.
        let untold = before.violation.as_ref().filter(|v| v.has_untold()).map(Violation::worst);
        let worst = untold.max(Some(grade)).unwrap_or(grade);
        self.violation = Some(match known {
            None => Change::New(since),
            Some(Grade::Warning) if worst == Grade::Critical => Change::Escalated(since),
            Some(_) => Change::Still(since),
        });
        let is_milder = known == Some(Grade::Critical) && grade == Grade::Warning;
        let milder_since = match before.violation.as_ref().map(|v| &v.told) {
            Some(Reported::Critical { milder_since: Some(at) }) => *at,
            _ => rules.now,
        };
        let told = match known {
            None => Reported::No { worst },
            Some(Grade::Warning) => Reported::Warning { got_worse: worst == Grade::Critical },
            Some(Grade::Critical) => Reported::Critical { milder_since: is_milder.then_some(milder_since) },
        };
        let was_hard = before.violation.as_ref().is_some_and(|v| v.hard);
        let hard = if is_milder { was_hard } else { is_hard(metric) };
        self.if_not.violation = Some(Violation { since, told, hard, calm_since: None });
        // A message that calls it a warning makes it one for the reader, hovering or not.
        let told = match grade {
            Grade::Warning => Reported::Warning { got_worse: false },
            Grade::Critical => Reported::Critical { milder_since: None },
        };
        self.if_told.violation = Some(Violation { since, told, hard: is_hard(metric), calm_since: None });
    }

    fn ok(&mut self, before: &Incident, metric: &Metric, rules: &Rules) {
        let Some(violation) = &before.violation else { return };
        let is_low = !violation.hard && metric.utilization.is_some_and(|u| u < metric.levels.warning - MARGIN_POINTS);
        let is_over = is_low || violation.calm_since.is_some_and(|at| rules.is_a_run_later(at));
        let mut calm = violation.clone();
        calm.calm_since = calm.calm_since.or(Some(rules.now));
        if let Reported::Critical { milder_since } = &mut calm.told {
            *milder_since = milder_since.or(Some(rules.now));
        }
        self.if_not.violation = Some(calm.clone());
        if is_over {
            self.recovered = Some(Recovered { was: violation.worst(), since: violation.since });
            self.if_told.violation = None;
        } else {
            self.if_told.violation = Some(calm);
        }
    }

    fn vanished_limit(&mut self, before: &Incident) {
        if let Some(violation) = &before.violation {
            self.recovered = Some(Recovered { was: violation.worst(), since: violation.since });
            self.if_told.violation = None;
        }
        if let Some(forecast) = &before.forecast {
            self.forecast_gone = Some(forecast.since);
            self.if_told.forecast = None;
        }
    }

    fn forecast(&mut self, before: &Incident, metric: &Metric, now: Timestamp) {
        let kept = |since, fading_since| Some(Foreseen { since, fading_since });
        match (metric.has_forecast(), &before.forecast) {
            (false, None) => {}
            // What is as good as full needs no forecast, and what violates has not recovered from one.
            (true, known) if metric.status == Status::Critical => {
                let known = known.as_ref().and_then(|f| kept(f.since, None));
                (self.if_not.forecast, self.if_told.forecast) = (known.clone(), known);
            }
            (false, Some(_)) if metric.status != Status::Ok => {
                (self.if_not.forecast, self.if_told.forecast) = (None, None);
            }
            (true, None) => {
                self.if_told.forecast = kept(now, None);
                self.forecast = Some(Change::New(now));
            }
            (true, Some(known)) => {
                let known = kept(known.since, None);
                (self.if_not.forecast, self.if_told.forecast) = (known.clone(), known.clone());
                self.forecast = known.map(|f| Change::Still(f.since));
            }
            (false, Some(known)) => {
                let fading = known.fading_since.unwrap_or(now);
                self.if_not.forecast = kept(known.since, Some(fading));
                if now.duration_since(fading) >= FADES_AFTER {
                    self.if_told.forecast = None;
                    self.forecast_gone = Some(known.since);
                } else {
                    self.if_told.forecast = kept(known.since, Some(fading));
                }
            }
        }
    }
}

/// The grade that counts as told. What was told as critical and has become a warning is remembered as a
/// warning, so that it is news when it grows again; but not while it hovers.
fn known_grade(before: Option<&Violation>, now: Grade, metric: &Metric, rules: &Rules) -> Option<Grade> {
    let before = before?;
    match before.told {
        Reported::No { .. } => None,
        Reported::Warning { .. } => Some(Grade::Warning),
        Reported::Critical { milder_since } => {
            let is_low = !before.hard && metric.utilization.is_some_and(|u| u < metric.levels.critical - MARGIN_POINTS);
            let has_fallen = now == Grade::Warning;
            let is_over = is_low || milder_since.is_some_and(|at| rules.is_a_run_later(at));
            Some(if has_fallen && is_over { Grade::Warning } else { Grade::Critical })
        }
    }
}

/// Its percentage does not say why it is critical, so no percentage says that it is over.
fn is_hard(metric: &Metric) -> bool {
    metric.status == Status::Critical && metric.utilization.is_none_or(|u| u < metric.levels.critical)
}
