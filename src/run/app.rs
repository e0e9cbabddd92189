//! What lives as long as the process, and when a run must be where.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::noted::OfCell;
use super::sinks::Sinks;
use crate::aws::cells::Cells;
use crate::aws::organizations::Organization;
use crate::aws::{Aws, Identity};
use crate::config::Config;
use crate::domain::Named;

/// What lives as long as the process: clients with their buckets, and the configuration.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub aws: Aws,
    pub sinks: Sinks,
    /// What people call the account that is looked at.
    pub named: Named,
    /// Answer with every row, as a dry run does.
    pub with_metrics: bool,
    pub progress: Progress,
    /// Where the monitor's own metrics are written; none where they are off, and in the command.
    pub metrics_log: Option<MetricsLog>,
    /// How the cells of a fleet are reached; none where there is none.
    pub cells: Option<Cells>,
    /// Which accounts the organization has; none where it is not asked.
    pub organization: Option<Organization>,
    /// Of an app that measures a cell: whose its sinks are, and what its run saw.
    pub(super) of_cell: Option<OfCell>,
    /// Who the function is, once it was asked.
    pub(super) identity: OnceCell<Identity>,
}

/// A log that CloudWatch Logs makes metrics of.
#[derive(Debug, Clone)]
pub struct MetricsLog {
    /// The function's name, the dimension of the metrics.
    pub function: String,
    /// The utilization of every quota too.
    pub per_quota: bool,
    /// Takes one line.
    pub write: fn(&str),
}

/// When a run started, when it must have stopped measuring, and when its answer must be out. Only the
/// edge reads the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Timestamp,
    pub deadline: Instant,
    pub end: Instant,
}

impl Moment {
    /// A run that has so much time: the last of it is kept for storing and alerting, and the very last
    /// for the answer.
    #[must_use]
    pub fn within(now: Timestamp, time: Duration) -> Self {
        let to_store_and_tell = (time / 10).clamp(Duration::from_secs(2), Duration::from_secs(30));
        let to_answer = (time / 50).clamp(Duration::from_millis(200), Duration::from_secs(2));
        let start = Instant::now();
        Self {
            now,
            deadline: start + time.saturating_sub(to_store_and_tell),
            end: start + time.saturating_sub(to_answer),
        }
    }
}

/// How far the current run is, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    pub instances: AtomicUsize,
    pub measured: AtomicUsize,
    /// Connect calls if every listing fits one page.
    pub planned_calls: AtomicUsize,
}

impl App {
    #[must_use]
    pub fn new(config: Config, aws: Aws, sinks: Sinks) -> Self {
        let named = Named { name: config.account_name.clone(), ..Named::default() };
        Self {
            named,
            config,
            aws,
            sinks,
            with_metrics: false,
            progress: Progress::default(),
            metrics_log: None,
            cells: None,
            organization: None,
            of_cell: None,
            identity: OnceCell::new(),
        }
    }
}
