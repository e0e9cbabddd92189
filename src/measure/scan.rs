//! What one run measures with: its clients, its limits, its window, and what serves every instance.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::detail::{Tallies, Visits};
use crate::aws::Aws;
use crate::aws::cloudwatch::{Read, Window};
use crate::catalogue::{Listing, Quota, Service};
use crate::config::overrides::Overrides;
use crate::domain::activity::Activity;
use crate::domain::own_calls::OwnCalls;
use crate::domain::rota::Rota;
use crate::domain::tour::Tours;
use crate::domain::trail::Trail;
use crate::domain::{Fault, Instance, Limit, Thresholds};
use crate::judge::limits::Limits;

/// CloudWatch's datapoints arrive up to some minutes late; windows overlap by this, or a peak in the
/// last minutes before a run would never be seen by any run.
pub(super) const LATE_DATA_SECONDS: i64 = 300;

/// No run looks back further than this, whenever a subject was last measured.
const LONGEST_LOOK_BACK_SECONDS: i64 = 3 * 86_400;

/// What one run measures with, shared by all its instances.
#[derive(Debug)]
pub struct Scan {
    pub aws: Aws,
    pub limits: HashMap<Service, Limits>,
    /// The instances that are measured.
    pub instances: Vec<Instance>,
    /// All instances that `ListInstances` returned, without those whose creation failed.
    pub existing: usize,
    /// ACTIVE instances that are not measured in this run.
    pub left_out: usize,
    /// The payload or a filter left instances out: what these own is not known in this run.
    pub is_part: bool,
    pub window: Window,
    pub now: Timestamp,
    pub deadline: Instant,
    /// `DETAIL_CALL_BUDGET`: calls to single resources that a run may make of each service; 0: none.
    pub detail_calls: u32,
    /// Where the visits of the companion services' resources stand.
    pub account_tours: Tours,
    /// Which instances earlier runs had no time for.
    pub rota: Rota,
    /// Up to when (unix seconds, the end of the window) the last stored snapshot of a subject has seen it, by
    /// instance id, or `account`. Who is not in it is looked at over the usual window.
    pub seen_until: HashMap<String, i64>,
    /// By which a limit that was not read in this run is doubted.
    pub rules: Rules,
    /// Questions for limits of single instances that the run still has time for.
    pub(super) questions_left: OnceCell<AtomicUsize>,
    /// What earlier runs called, as the ledger knows it.
    pub own_calls_before: OwnCalls,
    /// Which APIs were called lately, as the ledger knows it.
    pub activity_before: Activity,
    /// What earlier runs saw in the event history, as the ledger knows it.
    pub trail_before: Trail,
    /// What this run sees is remembered, or a person looks at it.
    pub remembers: bool,
    pub(super) shared: OnceCell<Shared>,
}

/// What a scan is about: the run's instances, and what discovery knows besides.
#[derive(Debug)]
pub struct Field {
    pub instances: Vec<Instance>,
    pub existing: usize,
    pub left_out: usize,
    /// The payload or a filter left instances out: what these own is not known in this run.
    pub is_part: bool,
    pub rota: Rota,
}

/// The window of a run that looks back this many minutes from `now`.
#[must_use]
pub fn window(now: Timestamp, lookback_minutes: u32) -> Window {
    let minute = now.as_second().div_euclid(60) * 60;
    // The minute that is running now is included: what it holds so far has happened.
    Window { start: minute - i64::from(lookback_minutes) * 60 - LATE_DATA_SECONDS, end: minute + 60 }
}

/// What a row will be judged by.
#[derive(Debug, Clone)]
pub struct Rules {
    pub thresholds: Thresholds,
    pub overrides: Overrides,
}

impl Default for Rules {
    /// Everything is doubted.
    fn default() -> Self {
        Self { thresholds: Thresholds { warning: 0.0, critical: 0.0 }, overrides: Overrides::default() }
    }
}

/// Answers that serve every instance.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub tallies: Tallies,
    /// Visits of the companion services' resources.
    pub visits: HashMap<Listing, Visits>,
    /// Breach and gauge series by instance id, and by metric name and group.
    pub gauges: Gauges,
    /// Rate series by quota code.
    pub rates: Rates,
    /// Which APIs were called lately, for the next run.
    pub activity: Activity,
    /// Why all rates were read, where fewer would have done.
    pub activity_fault: Option<Fault>,
    /// What the event history tells.
    pub looks: Looks,
}

/// What is known of the event history, and why an operation could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pub trail: Trail,
    pub faults: Vec<(&'static str, Fault)>,
}

pub(super) type Gauges = HashMap<(String, (&'static str, &'static str)), Read>;

pub(super) type Rates = HashMap<String, Read>;

impl Scan {
    #[must_use]
    pub fn new(
        aws: Aws,
        limits: HashMap<Service, Limits>,
        field: Field,
        (window, now, deadline): (Window, Timestamp, Instant),
        (detail_calls, account_tours): (u32, Tours),
    ) -> Self {
        let Field { instances, existing, left_out, is_part, rota } = field;
        let shared = OnceCell::new();
        Self {
            aws,
            limits,
            instances,
            existing,
            left_out,
            is_part,
            window,
            now,
            deadline,
            detail_calls,
            account_tours,
            rota,
            seen_until: HashMap::new(),
            rules: Rules::default(),
            questions_left: OnceCell::new(),
            own_calls_before: OwnCalls::default(),
            activity_before: Activity::default(),
            trail_before: Trail::default(),
            remembers: true,
            shared,
        }
    }

    /// Where the window of a subject begins (unix seconds): where its last snapshot ended, if that is longer ago than
    /// usual. Nobody else has looked at what happened since.
    pub(super) fn looks_back_to(&self, subject: &str) -> i64 {
        // The last minute of that window was not over, and datapoints arrive late.
        let seen = self.seen_until.get(subject).map(|end| end - 60 - LATE_DATA_SECONDS);
        let since = self.rota.since(subject).into_iter().chain(seen).min().unwrap_or(self.window.start);
        since.max(self.window.end - LONGEST_LOOK_BACK_SECONDS).min(self.window.start)
    }

    /// Up to when a subject is seen of which this run, its first, could not read what CloudWatch holds: the next one
    /// begins where this one did.
    #[must_use]
    pub fn seen_before(&self) -> i64 {
        self.window.start + 60 + LATE_DATA_SECONDS
    }

    pub(super) fn limits_of(&self, service: Service) -> &Limits {
        static NONE: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);
        self.limits.get(&service).unwrap_or(&NONE)
    }

    pub(super) fn limit(&self, quota: &Quota, resource: Option<&str>) -> Result<Option<Limit>, Fault> {
        self.limits_of(quota.service).resolve(quota, resource, None)
    }

    /// The time between two runs, as the window has it.
    pub(super) fn interval(&self) -> Duration {
        let seconds = self.window.end - self.window.start - 60 - LATE_DATA_SECONDS;
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// Every call of the monitor itself that is known: of earlier runs, and of this process so far.
    #[must_use]
    pub fn own_calls(&self) -> OwnCalls {
        let mut own = self.own_calls_before.clone();
        own.merge(&self.aws.own_calls.calls());
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_two_runs_overlap() {
        let at = |s| window(Timestamp::from_second(s).unwrap(), 60);
        let (first, second) = (at(1_800_000_017), at(1_800_003_617));
        assert!(second.start < first.end - 240, "late datapoints of the first window are seen by the second");
        assert_eq!((first.end - first.start) / 60, 66);
    }
}
