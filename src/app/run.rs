//! One run while it goes on: what it measured, stored and still has to tell.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use super::alarms::Watched;
use super::tell::Pending;
use super::{App, Moment};
use crate::aws::call::CallStats;
use crate::changes::{Comparison, compare};
use crate::collect::{Collected, Integrations, Scan};
use crate::config::Pacing;
use crate::evaluate::{Thresholds, ended_mutes, judge, mention_ended_mutes};
use crate::event::Request;
use crate::model::{Account, Fault, Instance, Measured, Reading};
use crate::report::{Alerts, ApiAlarms, Completeness, Events, InstanceReport, Report, Seen, ServiceReport, Snapshots};
use crate::requests::Requests;
use crate::sink::Remembered;
use crate::snapshot::{FaultRecord, Memory, Snapshot, Subject, Tours, rfc3339};
use crate::trend;

/// A run while it goes on.
pub(super) struct Run<'a> {
    pub(super) app: &'a App,
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
    pub(super) faults: Vec<Fault>,
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
}

impl<'a> Run<'a> {
    pub(super) fn new(app: &'a App, request: &Request, moment: Moment, account: Account, requests: Requests) -> Self {
        let mut thresholds = app.config.thresholds;
        if let Some(warning) = request.threshold_percentage {
            thresholds = Thresholds { warning, critical: thresholds.critical.max(warning) };
        }
        let note = app.sinks.alerts.is_none().then_some("ALERT_SNS_TOPIC_ARN is not set: no alerts are sent");
        if let Some(note) = note {
            warn!("{note}");
        }
        Self {
            app,
            execution_id: Uuid::new_v4().to_string(),
            now: moment.now,
            started: Instant::now(),
            deadline: moment.deadline,
            dry_run: request.dry_run,
            keeps_state: request.threshold_percentage.is_none(),
            thresholds,
            account,
            faults: requests.faults().cloned().collect(),
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
        }
    }

    /// What the last run left; a dry run reads and leaves nothing.
    pub(super) async fn remembered(&self, key: &str) -> Remembered {
        if self.dry_run {
            Remembered::default()
        } else {
            self.app.sinks.memory(key, self.now, &self.execution_id).await
        }
    }

    /// Measures some instances side by side, in order; each one's snapshot leaves as it completes.
    pub(super) async fn measure(&mut self, scan: Arc<Scan>, remembered: Remembered) -> (Seen, Vec<InstanceReport>) {
        // One instance keeps a shared bucket busy; per operation it takes some to keep them all busy.
        let side_by_side = match self.app.config.pacing {
            Pacing::Account => 2,
            Pacing::PerOperation => 8,
        };
        let mut queue: VecDeque<(usize, Instance)> = scan.instances.iter().cloned().enumerate().collect();
        let mut reports: Vec<Option<InstanceReport>> = vec![None; queue.len()];
        let mut integrations = Integrations::default();
        let mut running = JoinSet::new();
        loop {
            while running.len() < side_by_side
                && let Some((place, instance)) = queue.pop_front()
            {
                let (scan, sinks) = (Arc::clone(&scan), self.app.sinks.clone());
                let (now, dry_run, run) = (self.now, self.dry_run, self.execution_id.clone());
                running.spawn(async move {
                    let mut remembered =
                        if dry_run { Remembered::default() } else { sinks.memory(&instance.id, now, &run).await };
                    let collected = scan.instance(place, &instance, remembered.take_tours()).await;
                    (place, instance, remembered, collected)
                });
            }
            let Some(finished) = running.join_next().await else { break };
            match finished {
                Ok((place, instance, remembered, collected)) => {
                    let Collected { readings, integrations: of_instance, tours } = collected;
                    integrations.merge(of_instance);
                    let seen = self.settle(Some(&instance), remembered, readings, tours).await;
                    reports[place] = Some(InstanceReport::measured(&instance, seen));
                    self.app.progress.measured.fetch_add(1, Ordering::Relaxed);
                }
                // A panic must fail the invocation, not vanish with its instance.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        let Collected { readings, tours, .. } = scan.account(integrations).await;
        self.services = scan.services().await;
        let account = self.settle(None, remembered, readings, tours).await;
        (account, reports.into_iter().flatten().collect())
    }

    /// Judges the readings of one instance (none: the account), compares, stores, and keeps the news.
    async fn settle(
        &mut self,
        instance: Option<&Instance>,
        before: Remembered,
        readings: Vec<Reading>,
        tours: Tours,
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
        let seen = Seen::of(&snapshot, self.dry_run || app.with_metrics || per_quota);
        if self.dry_run {
            return seen;
        }
        history.note(&snapshot.metrics, trend::day_of(self.now));
        let Comparison { news, mut carried, told } =
            compare(state, &snapshot.metrics, self.now, app.config.reminder_hours);
        if let (false, Some(news)) = (app.sinks.has_channels(), &news) {
            // Nobody is there to be told, now or later, that something is over.
            for key in news.recovered.keys() {
                carried.0.extend(told.0.get(key).map(|told| (key.clone(), told.clone())));
            }
        }
        // A run at a threshold of its own must not change what the scheduled runs think was told.
        let alert_state = if self.keeps_state { carried } else { state.cloned().unwrap_or_default() };
        snapshot.memory = Memory { alert_state, history, tours };
        app.sinks.put(&snapshot, &mut self.snapshots, &mut self.faults).await;
        match news {
            Some(news) => {
                let before = before.memory.map(|memory| memory.alert_state);
                self.pending.push(Pending { instance: instance.cloned(), snapshot, news, told, before });
            }
            None => self.alerts.suppressed += usize::from(snapshot.violations_count > 0),
        }
        seen
    }

    /// One fault for each operation that failed, however many quotas it served.
    fn note_faults(&mut self, readings: &[Reading]) {
        for reading in readings {
            let of_usage = if let Measured::Unknown(fault) = &reading.measured { Some(fault) } else { None };
            for fault in reading.limit.as_ref().err().into_iter().chain(of_usage) {
                let is_same = |f: &Fault| {
                    f.operation == fault.operation && f.kind == fault.kind && f.instance_id == fault.instance_id
                };
                if !self.faults.iter().any(is_same) {
                    self.faults.push(fault.clone());
                }
            }
        }
    }

    pub(super) fn report(self, account: Seen, instances: Vec<InstanceReport>, now: Timestamp) -> Report {
        let measured =
            instances.iter().map(|i| &i.seen).filter(|s| s.status != Completeness::Skipped).chain([&account]);
        let complete = measured.clone().all(|s| s.status == Completeness::Complete);
        let violations = measured.map(|s| s.violations_count).sum();
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
            faults: self.faults.iter().map(FaultRecord::from).collect(),
        }
    }
}
