//! What the configuration and the run say about telling.

use jiff::{SignedDuration, Timestamp};

use crate::domain::Metric;

/// Points of utilization.
pub const MARGIN_POINTS: f64 = 2.0;

/// A schedule fires a little early or late, and a message leaves up to a quarter of an hour after its
/// run began: a reminder that is due within this time is due.
const SCHEDULE_JITTER: SignedDuration = SignedDuration::from_mins(20);

/// What the decision needs to know of the configuration and the run.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The run's start.
    pub now: Timestamp,
    /// Minutes between two scheduled runs.
    pub schedule_minutes: u32,
    pub reminders: Reminders,
    /// The payload names instances: what such a run does not look at stays as it was.
    pub is_part: bool,
}

/// After how many hours an unchanged violation is told again; 0: in every run.
#[derive(Debug, Clone, Copy)]
pub struct Reminders {
    pub live: u32,
    pub build: u32,
}

impl Reminders {
    pub(super) fn after(self, metric: &Metric) -> SignedDuration {
        let hours = if metric.is_live() { self.live } else { self.build };
        SignedDuration::from_hours(hours.into()) - SCHEDULE_JITTER
    }
}

impl Rules {
    /// Whether a run was long enough ago to count as another one.
    pub(super) fn is_a_run_later(&self, since: Timestamp) -> bool {
        let half = SignedDuration::from_secs(i64::from(self.schedule_minutes) * 30);
        self.now.duration_since(since) >= half
    }
}
