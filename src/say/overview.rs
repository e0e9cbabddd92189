//! What a run saw of all its subjects, in a few numbers and names. Pure.

use super::words::{NAME, plain, reading};
use crate::domain::{Instance, Metric, Status};

/// So many of the fullest quotas are named.
const FULLEST: usize = 5;

/// What a run saw of all its subjects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    pub instances: usize,
    /// Instances for which the run had no time.
    pub left_out: usize,
    /// Rows that could be judged.
    pub quotas: usize,
    /// Rows of quotas for which AWS offers no way.
    pub not_measurable: usize,
    pub violations: usize,
    /// Violations and unknown rows that a mute keeps from being told.
    pub muted: usize,
    /// Quotas that could not be measured this time, with their instance.
    pub unseen: Vec<String>,
    /// Faults of the run, and snapshots that could not be stored.
    pub faults: usize,
    /// The fullest first.
    pub fullest: Vec<Full>,
}

/// A quota by how full it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Full {
    pub percent: f64,
    /// The quota, its instance and its reading.
    pub text: String,
}

impl Overview {
    /// Adds the rows of an instance, or of the account.
    pub fn add(&mut self, instance: Option<&Instance>, metrics: &[Metric]) {
        self.instances += usize::from(instance.is_some());
        let place = |metric: &Metric| {
            let quota = plain(&metric.quota_name, NAME);
            instance.map_or_else(|| quota.clone(), |i| format!("{quota} ({})", plain(i.display_name(), NAME)))
        };
        for metric in metrics {
            match metric.status {
                Status::Ok | Status::Warning | Status::Critical => self.quotas += 1,
                Status::NotMeasurable => self.not_measurable += 1,
                Status::Unknown if metric.muted.is_none() => self.unseen.push(place(metric)),
                Status::Unknown => {}
            }
            self.violations += usize::from(metric.is_violation());
            let is_notable = matches!(metric.status, Status::Warning | Status::Critical | Status::Unknown);
            self.muted += usize::from(is_notable && metric.muted.is_some());
            if let Some(percent) = metric.utilization.filter(|_| metric.is_summarized()) {
                let at = self.fullest.partition_point(|full| full.percent >= percent);
                if at < FULLEST {
                    let text = format!("{}: {}", place(metric), reading(metric));
                    self.fullest.insert(at, Full { percent, text });
                    self.fullest.truncate(FULLEST);
                }
            }
        }
    }

    /// Nothing is over its threshold or unknown, nothing failed, and every instance had its turn.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.violations == 0 && self.unseen.is_empty() && self.left_out == 0 && self.faults == 0
    }
}
