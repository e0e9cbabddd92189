//! The run, top to bottom: discover, limits, usage, evaluate, store, alert, answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{info, warn};
use uuid::Uuid;

use crate::alert::{self, Rows};
use crate::aws::Aws;
use crate::catalogue::CONNECT;
use crate::changes::{Comparison, News, compare};
use crate::collect::{Integrations, Scan, listings, window};
use crate::config::{Config, Pacing};
use crate::discover::{Discovered, choose};
use crate::error::RunError;
use crate::evaluate::{Thresholds, judge};
use crate::event::Request;
use crate::model::{Account, Fault, Instance, Measured, Reading};
use crate::report::{Alerts, Completeness, InstanceReport, Report, Seen, Snapshots};
use crate::sink::Sinks;
use crate::snapshot::{FaultRecord, Snapshot, Subject, rfc3339};

/// What lives as long as the process: clients with their buckets, and the configuration.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub aws: Aws,
    pub sinks: Sinks,
    /// Answer with every row, as a dry run does.
    pub with_metrics: bool,
    pub progress: Progress,
}

/// When a run started, and when it must have stopped measuring. Only the edge reads clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Timestamp,
    pub deadline: Instant,
}

/// How far the current run is, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    pub instances: AtomicUsize,
    pub measured: AtomicUsize,
    /// Connect calls if every listing fits one page.
    pub planned_calls: AtomicUsize,
}

/// A message that waits until every snapshot is stored.
struct Pending {
    instance: Option<Instance>,
    /// As it is stored, but with the alert state that holds once the message is out.
    snapshot: Snapshot,
    news: News,
}

/// A run while it goes on.
struct Run<'a> {
    app: &'a App,
    execution_id: String,
    now: Timestamp,
    dry_run: bool,
    /// What is told is remembered: not in a run at a threshold of its own.
    keeps_state: bool,
    thresholds: Thresholds,
    account: Account,
    faults: Vec<Fault>,
    snapshots: Snapshots,
    alerts: Alerts,
    pending: Vec<Pending>,
}

impl App {
    #[must_use]
    pub fn new(config: Config, aws: Aws, sinks: Sinks) -> Self {
        Self { config, aws, sinks, with_metrics: false, progress: Progress::default() }
    }

    /// One run.
    ///
    /// # Errors
    /// What the contract says fails an invocation; see [`RunError`].
    pub async fn run(&self, request: &Request, moment: Moment) -> Result<Report, RunError> {
        let started = Instant::now();
        let calls_before = self.aws.connect.caller().stats();

        let (found, limits) =
            tokio::join!(self.discover(request, moment), self.aws.quotas.limits(CONNECT, moment.deadline));
        let Discovered { account, chosen, skipped, existing, left_out } = found?;
        let window = window(moment.now, self.config.lookback_minutes);
        let scan = Scan::new(self.aws.clone(), limits, (chosen, existing, left_out), window, moment.deadline);
        scan.apply_rate_quotas();
        self.watch(scan.instances.len());

        let mut run = Run::new(self, request, moment.now, account);
        run.faults.extend(scan.limits.faults());
        let (account, mut instances) = run.measure(Arc::new(scan)).await;
        run.send_alerts().await;

        instances.extend(skipped);
        let mut report = run.report(account, instances, moment.now);
        report.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        report.connect_api = self.aws.connect.caller().stats().since(calls_before).into();
        self.finish(report, moment.now).await
    }

    /// Sends one clearly marked message through the topic, and nothing else.
    ///
    /// # Errors
    /// [`RunError::Config`] without a topic, [`RunError::Sink`] where the topic refuses.
    pub async fn test_alert(&self, now: Timestamp) -> Result<serde_json::Value, RunError> {
        let (Some(sns), Some(arn)) = (&self.sinks.alerts, &self.config.alert_topic_arn) else {
            let why = "ALERT_SNS_TOPIC_ARN is not set: there is no topic to send a test alert to".to_owned();
            return Err(RunError::Config(crate::config::ConfigError(vec![why])));
        };
        let part = |n| arn.split(':').nth(n).unwrap_or_default().to_owned();
        let account = Account { id: part(4), region: part(3), partition: part(1) };
        sns.publish(&alert::test_message(&account, now)).await.map_err(|fault| RunError::Sink(fault.to_string()))?;
        Ok(serde_json::json!({
            "execution_id": Uuid::new_v4().to_string(),
            "version": env!("CARGO_PKG_VERSION"),
            "test_alert": true,
            "topic_arn": arn,
            "alerts": { "sent": 1, "suppressed": 0, "failed": 0 },
        }))
    }

    async fn discover(&self, request: &Request, moment: Moment) -> Result<Discovered, RunError> {
        let all = self.aws.connect.instances(moment.deadline).await.map_err(|f| RunError::discovery(&f))?;
        let account = self.aws.account(&all, moment.deadline).await.map_err(|f| RunError::discovery(&f))?;
        choose(all, account, request, &self.config)
    }

    fn watch(&self, instances: usize) {
        let progress = &self.progress;
        progress.measured.store(0, Ordering::Relaxed);
        progress.instances.store(instances, Ordering::Relaxed);
        let shared = 1 + usize::from(instances > 0);
        progress.planned_calls.store(shared + instances * listings().len(), Ordering::Relaxed);
    }

    async fn finish(&self, report: Report, now: Timestamp) -> Result<Report, RunError> {
        let mut report = report;
        if !report.dry_run
            && let Err(fault) = self.sinks.put_report(&report.without_metrics(), now).await
        {
            report.faults.push(FaultRecord::from(&fault));
        }
        for fault in &report.faults {
            warn!(operation = %fault.operation, kind = fault.kind, instance_id = fault.instance_id, "{}", fault.message);
        }
        info!(
            execution_id = %report.execution_id, complete = report.complete, instances = report.instances.len(),
            violations = report.violations, alerts_sent = report.alerts.sent, duration_ms = report.duration_ms,
            connect_requests = report.connect_api.requests, connect_throttled = report.connect_api.throttled,
            "run finished"
        );
        match self.failure(&report) {
            Some(error) => Err(error),
            None => Ok(report),
        }
    }

    /// What makes a finished run fail its invocation.
    fn failure(&self, report: &Report) -> Option<RunError> {
        let measured: Vec<_> = report.instances.iter().filter(|i| i.seen.status != Completeness::Skipped).collect();
        let faults = || {
            report
                .faults
                .iter()
                .take(5)
                .map(|f| format!("{} {}: {}", f.operation, f.kind, f.message))
                .collect::<Vec<_>>()
                .join("; ")
        };
        let saw_nothing = measured.iter().all(|i| i.seen.status == Completeness::Failed);
        if saw_nothing && (!measured.is_empty() || report.account.status == Completeness::Failed) {
            return Some(RunError::Collection(format!(
                "not one of {} instances could be measured: {}",
                measured.len(),
                faults()
            )));
        }
        if report.dry_run {
            return None;
        }
        let silent = self.sinks.took_nothing(report.snapshots);
        if !silent.is_empty() {
            return Some(RunError::Sink(format!("{} took no snapshot: {}", silent.join(" and "), faults())));
        }
        (report.alerts.failed > 0).then(|| {
            RunError::Sink(format!(
                "{} of {} alerts could not be sent: {}",
                report.alerts.failed,
                report.alerts.failed + report.alerts.sent,
                faults()
            ))
        })
    }
}

impl<'a> Run<'a> {
    fn new(app: &'a App, request: &Request, now: Timestamp, account: Account) -> Self {
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
            now,
            dry_run: request.dry_run,
            keeps_state: request.threshold_percentage.is_none(),
            thresholds,
            account,
            faults: Vec::new(),
            snapshots: Snapshots::default(),
            alerts: Alerts { note, ..Alerts::default() },
            pending: Vec::new(),
        }
    }

    /// Measures some instances side by side, in order; each one's snapshot leaves as it completes.
    async fn measure(&mut self, scan: Arc<Scan>) -> (Seen, Vec<InstanceReport>) {
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
                let scan = Arc::clone(&scan);
                running.spawn(async move {
                    let collected = scan.instance(&instance).await;
                    (place, instance, collected)
                });
            }
            let Some(finished) = running.join_next().await else { break };
            match finished {
                Ok((place, instance, (readings, seen_integrations))) => {
                    integrations.merge(seen_integrations);
                    let seen = self.settle(Some(&instance), readings).await;
                    reports[place] = Some(InstanceReport::measured(&instance, seen));
                    self.app.progress.measured.fetch_add(1, Ordering::Relaxed);
                }
                // A panic must fail the invocation, not vanish with its instance.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        let readings = scan.account(&integrations).await;
        let account = self.settle(None, readings).await;
        (account, reports.into_iter().flatten().collect())
    }

    /// Judges the readings of one instance (none: the account), compares, stores, and keeps the news.
    async fn settle(&mut self, instance: Option<&Instance>, readings: Vec<Reading>) -> Seen {
        let app = self.app;
        self.note_faults(&readings);
        let metrics = judge(readings, self.thresholds, &app.config.overrides, instance, self.now);
        let subject = instance.map_or(Subject::Account, Subject::Instance);
        let mut snapshot = Snapshot::new(&self.account, subject, &self.execution_id, self.now, metrics);
        let seen = Seen::of(&snapshot, self.dry_run || app.with_metrics);
        if self.dry_run {
            return seen;
        }
        let before = app.sinks.state(&snapshot.instance_id, self.now, &mut self.faults).await;
        let Comparison { news, carried, told } =
            compare(before.as_ref(), &snapshot.metrics, self.now, app.config.reminder_hours);
        // A run at a threshold of its own must not change what the scheduled runs think was told.
        snapshot.alert_state = if self.keeps_state { carried } else { before.unwrap_or_default() };
        app.sinks.put(&snapshot, &mut self.snapshots, &mut self.faults).await;
        match news {
            Some(news) => {
                if self.keeps_state {
                    snapshot.alert_state = told;
                }
                self.pending.push(Pending { instance: instance.cloned(), snapshot, news });
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

    /// Publishes what is new, and writes down that it was told.
    async fn send_alerts(&mut self) {
        let Some(sns) = &self.app.sinks.alerts else { return };
        for pending in std::mem::take(&mut self.pending) {
            let context = alert::Context {
                account: &self.account,
                instance: pending.instance.as_ref(),
                thresholds: self.thresholds,
                execution_id: &self.execution_id,
                now: self.now,
            };
            let message = alert::compose(&context, &Rows::of(&pending.snapshot, &pending.news), &pending.news);
            match sns.publish(&message).await {
                Ok(()) => {
                    self.alerts.sent += 1;
                    if self.keeps_state {
                        self.app.sinks.record(&pending.snapshot, &mut self.faults).await;
                    }
                }
                Err(mut fault) => {
                    self.alerts.failed += 1;
                    fault.instance_id = pending.instance.map(|i| i.id);
                    self.faults.push(fault);
                }
            }
        }
    }

    fn report(self, account: Seen, instances: Vec<InstanceReport>, now: Timestamp) -> Report {
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
            violations,
            account,
            instances,
            alerts: self.alerts,
            snapshots: self.snapshots,
            connect_api: crate::aws::call::CallStats::default().into(),
            faults: self.faults.iter().map(FaultRecord::from).collect(),
        }
    }
}
