//! One run while it goes on: what it measured, stored and still has to tell.

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use super::alarms::Watched;
use super::faults::Faults;
use super::tell::Pending;
use super::{App, Moment};
use crate::aws::call::CallStats;
use crate::catalogue::Listing;
use crate::changes::{Comparison, compare};
use crate::evaluate::{Thresholds, ended_mutes, judge, mention_ended_mutes};
use crate::event::Request;
use crate::model::{Account, Instance, Reading};
use crate::plan::Plan;
use crate::report::{Alerts, ApiAlarms, Completeness, Events, InstanceReport, Report, Seen, ServiceReport, Snapshots};
use crate::requests::Requests;
use crate::rota::Rota;
use crate::sink::{Remembered, Sinks};
use crate::snapshot::{Memory, Metric, Snapshot, Subject, Tours, rfc3339};
use crate::trend;

/// Lambda takes an answer of 6 MB. The rows of a dry run, which stand nowhere else, may fill most of it.
const MOST_BYTES_OF_ROWS: usize = 4_500_000;

/// A run while it goes on.
pub(super) struct Run<'a> {
    pub(super) app: &'a App,
    pub(super) sinks: Sinks,
    pub(super) execution_id: String,
    pub(super) now: Timestamp,
    /// The same moment, on the clock that goes on.
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    pub(super) dry_run: bool,
    /// What is told is remembered: not in a run at a threshold of its own.
    pub(super) keeps_state: bool,
    pub(super) thresholds: Thresholds,
    pub(super) account: Account,
    pub(super) faults: Faults,
    pub(super) snapshots: Snapshots,
    pub(super) alerts: Alerts,
    pub(super) events: Events,
    pub(super) pending: Vec<Pending>,
    /// Of all instances, at the configured thresholds: only such a run says which alarms there should be.
    pub(super) is_whole: bool,
    pub(super) watched: Watched,
    pub(super) api_alarms: Option<ApiAlarms>,
    pub(super) services: Vec<ServiceReport>,
    /// Open requests for higher limits, those of this run included.
    pub(super) requests: Requests,
    pub(super) asked: usize,
    /// The calls against the time, once it is known what there is to measure.
    pub(super) plan: Option<Plan>,
    /// Instances for which there was no time.
    pub(super) late: usize,
    /// Bytes of rows that the answer can still take, where it is Lambda's and has rows.
    room: Option<usize>,
    without_rows: usize,
}

impl<'a> Run<'a> {
    pub(super) fn new(app: &'a App, request: &Request, moment: Moment, account: Account, requests: Requests) -> Self {
        let mut thresholds = app.config.thresholds;
        if let Some(warning) = request.threshold_percentage {
            thresholds = thresholds.with_warning(warning);
        }
        let note = app.sinks.alerts.is_none().then_some("ALERT_SNS_TOPIC_ARN is not set: no alerts are sent");
        if let Some(note) = note {
            warn!("{note}");
        }
        let mut faults = Faults::default();
        faults.extend(requests.faults().cloned());
        Self {
            app,
            sinks: app.sinks.until(moment.end),
            execution_id: Uuid::new_v4().to_string(),
            now: moment.now,
            started: Instant::now(),
            deadline: moment.deadline,
            dry_run: request.dry_run,
            keeps_state: request.threshold_percentage.is_none(),
            thresholds,
            account,
            faults,
            snapshots: Snapshots::default(),
            alerts: Alerts { note, ..Alerts::default() },
            events: Events::default(),
            pending: Vec::new(),
            is_whole: request.threshold_percentage.is_none() && request.instance_ids.is_empty(),
            watched: Watched::default(),
            api_alarms: None,
            services: Vec::new(),
            requests,
            asked: 0,
            plan: None,
            late: 0,
            // The command's output has no limit, nor has the function's log.
            room: (request.dry_run && !app.with_metrics).then_some(MOST_BYTES_OF_ROWS),
            without_rows: 0,
        }
    }

    /// What the last run left; a dry run reads and leaves nothing.
    pub(super) async fn remembered(&self, key: &str) -> Remembered {
        if self.dry_run { Remembered::default() } else { self.sinks.memory(key, self.now, &self.execution_id).await }
    }

    /// Judges the readings of one instance (none: the account), compares, stores, and keeps the news.
    pub(super) async fn settle(
        &mut self,
        instance: Option<&Instance>,
        before: Remembered,
        readings: Vec<Reading>,
        (tours, rota): (Tours, Rota),
    ) -> Seen {
        let app = self.app;
        self.faults.extend(before.faults);
        self.note_faults(&readings);
        let state = before.memory.as_ref().map(|memory| &memory.alert_state);
        let ended = ended_mutes(&readings, &app.config.overrides, instance, self.now);
        let mut metrics = judge(readings, self.thresholds, &app.config.overrides, instance, self.now);
        let told = |key: &str| state.is_some_and(|s| s.0.get(key).is_some_and(|t| t.severity.is_some()));
        mention_ended_mutes(&mut metrics, &ended, told);
        if app.config.alarms.manages() {
            self.watched.note(instance, &metrics);
        }
        self.requests.note(&mut metrics, instance);
        let mut history = before.memory.as_ref().map(|memory| memory.history.clone()).unwrap_or_default();
        trend::foretell(&mut metrics, &history, state, self.now, app.config.forecast_days);
        if app.config.auto_request_increase && !self.dry_run && self.keeps_state {
            self.ask_for_more(&mut metrics, instance).await;
        }
        let subject = instance.map_or(Subject::Account, Subject::Instance);
        let mut snapshot = Snapshot::new(&self.account, subject, &self.execution_id, self.now, metrics);
        let per_quota = app.metrics_log.as_ref().is_some_and(|log| log.per_quota);
        let seen = Seen::of(&snapshot, (self.dry_run || app.with_metrics || per_quota) && self.has_room(&snapshot));
        if self.dry_run {
            return seen;
        }
        history.note(&snapshot.metrics, trend::day_of(self.now));
        let Comparison { news, mut carried, mut told } =
            compare(state, &snapshot.metrics, self.now, app.config.reminder_hours);
        if let (false, Some(news)) = (self.sinks.has_channels(), &news) {
            // Nobody is there to be told, now or later, that something is over.
            for key in news.recovered.keys() {
                carried.0.extend(told.0.get(key).map(|told| (key.clone(), told.clone())));
            }
        }
        // What an instance owns is not known without its integrations: rows that rest on it are missing, not
        // gone, and what was told of them stays told.
        if let Some(state) = state.filter(|_| lacks_integrations(&snapshot.metrics)) {
            for (key, before) in state.0.iter().filter(|(key, _)| !snapshot.metrics.iter().any(|m| m.key() == *key)) {
                carried.0.insert(key.clone(), before.clone());
                told.0.insert(key.clone(), before.clone());
            }
        }
        // A run at a threshold of its own must not change what the scheduled runs think was told.
        let alert_state = if self.keeps_state { carried } else { state.cloned().unwrap_or_default() };
        snapshot.memory = Memory { alert_state, history, tours, rota };
        self.sinks.put(&snapshot, &mut self.snapshots, &mut self.faults).await;
        match news {
            Some(news) => {
                let before = before.memory.map(|memory| memory.alert_state);
                self.pending.push(Pending { instance: instance.cloned(), snapshot, news, told, before });
            }
            None => self.alerts.suppressed += usize::from(snapshot.violations_count > 0),
        }
        seen
    }

    /// Whether the answer can take the rows of one more snapshot.
    fn has_room(&mut self, snapshot: &Snapshot) -> bool {
        let Some(room) = self.room else { return true };
        let bytes = serde_json::to_vec(&snapshot.metrics).map_or(usize::MAX, |text| text.len());
        let left = room.checked_sub(bytes);
        self.room = left.or(self.room);
        self.without_rows += usize::from(left.is_none());
        left.is_some()
    }

    /// One fault for each operation that failed, however many quotas it served.
    fn note_faults(&mut self, readings: &[Reading]) {
        for fault in readings.iter().flat_map(Reading::faults) {
            self.faults.push_once(fault);
        }
    }

    pub(super) fn report(self, account: Seen, instances: Vec<InstanceReport>, now: Timestamp) -> Report {
        let measured =
            instances.iter().map(|i| &i.seen).filter(|s| s.status != Completeness::Skipped).chain([&account]);
        let complete = self.late == 0 && measured.clone().all(|s| s.status == Completeness::Complete);
        let violations = measured.map(|s| s.violations_count).sum();
        let (faults, faults_left_out) = self.faults.into_records();
        Report {
            execution_id: self.execution_id,
            version: env!("CARGO_PKG_VERSION"),
            account_id: self.account.id,
            region: self.account.region,
            started_at: rfc3339(now),
            duration_ms: 0,
            dry_run: self.dry_run,
            complete,
            services: self.services,
            violations,
            account,
            instances,
            alerts: self.alerts,
            events: (!self.app.sinks.events.is_empty()).then_some(self.events),
            snapshots: self.snapshots,
            connect_api: CallStats::default().into(),
            api_alarms: self.api_alarms,
            plan: self.plan,
            metrics_note: (self.without_rows > 0).then(|| {
                format!(
                    "the rows of {} snapshots are left out, because Lambda takes no answer beyond 6 MB: ask for some \
                     instances with `instance_ids`",
                    self.without_rows
                )
            }),
            faults,
            faults_left_out,
        }
    }
}

fn lacks_integrations(metrics: &[Metric]) -> bool {
    let of_integrations = Listing::Integrations.qualified();
    metrics.iter().any(|m| m.fault.as_ref().is_some_and(|fault| fault.operation == of_integrations))
}
