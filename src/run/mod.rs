//! The run: a pipeline over values. Measure, judge, ask for more, keep, tell, keep alarms, answer.

mod alarms;
mod all_clear;
mod answer;
mod app;
mod ask;
mod cell;
mod context;
pub mod discover;
mod doctor;
pub mod error;
mod faults;
mod fleet_digest;
mod fleet_search;
mod fleet_tell;
mod hang;
pub mod history;
mod judge;
mod keep;
mod latest;
mod measure;
mod noted;
mod others;
mod since;
pub mod sinks;
mod subscribers;
mod surroundings;
mod tell;
mod test_alert;
mod throttled;
mod vanished;
mod watch;
mod watch_documents;
mod watch_look;
mod watch_quota;
mod who;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{info, warn};
use uuid::Uuid;

use crate::answer::{Completeness, Report, emf};
use crate::catalogue::Service;
use crate::domain::request::Request;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::domain::{Account, Fault, FaultKind, FaultRecord, Instance};
use crate::judge::increase::Requests;
use crate::judge::limits::Limits;
use crate::ledger::Notes;
use crate::measure::{Field, Rules, Scan, instance_listings, window};
use crate::run::discover::{Discovered, choose, not_offered};
use crate::run::error::RunError;
use answer::Answer;
pub use app::{App, MetricsLog, Moment, Progress};
use context::{Book, Context};
use measure::Fleet;

impl App {
    /// One run, from discovery to the answer.
    ///
    /// # Errors
    /// What the contract says fails an invocation; see [`RunError`].
    pub async fn run(&self, request: &Request, moment: Moment) -> Result<Report, RunError> {
        if let Some(target) = &request.target {
            return Box::pin(self.run_cell(target, request, moment)).await;
        }
        // On the heap: whoever awaits a run holds all of its stages otherwise.
        Box::pin(self.stages(request, moment, Uuid::new_v4().to_string())).await
    }

    async fn stages(&self, request: &Request, moment: Moment, execution_id: String) -> Result<Report, RunError> {
        self.aws.begin_run(moment.now);
        let (started, calls_before) = (Instant::now(), self.aws.connect.caller().stats());
        let (instances, mut limits, requests) = tokio::join!(
            self.aws.connect.instances(moment.deadline),
            self.limits(moment),
            self.aws.quotas.requests(Service::ASKED, moment.deadline)
        );
        let found = Box::pin(self.discover(instances, &mut limits, request, moment)).await?;
        self.note_place(found.is_nowhere);
        let run = Context::new(self, request, (moment, started, execution_id), found.account.clone());
        let book = run.open(ACCOUNT_KEY).await;
        let scan = Arc::new(self.scan(&run, request, limits, &found, &book));
        let mut answer = Answer::new(&run, Requests::new(requests), &scan);
        answer.note = found.note();
        // A person who looks gets every row; a schedule must cost nothing where there is nothing.
        let is_looked_at = run.dry_run || self.with_metrics || self.config.alarms.manages();
        if !is_looked_at && found.is_nothing() && book.is_blank() {
            let report = answer.of_nothing(&run, found.skipped, calls_before);
            return self.finish(report, &run).await;
        }

        let mut fleet = Fleet::new(&run, &scan, &book);
        while let Some(measured) = fleet.next(&run).await {
            Box::pin(answer.settle(&run, measured)).await;
        }
        answer.leave_out(&run, fleet.left_out());
        answer.plan = Some(fleet.plan());
        // Of a Region without the service nothing is known.
        let is_ours = |id: &str| found.is_nowhere || found.is_chosen(id);
        for id in vanished::gone(&run, &book, |id| found.exists(id), is_ours) {
            Box::pin(answer.let_go(&run, &book, id)).await;
        }
        let account = fleet.account(&run, book).await;
        Box::pin(answer.settle(&run, account)).await;
        Box::pin(answer.tell_all(&run)).await;
        Box::pin(answer.tell_silence(&run)).await;
        Box::pin(answer.keep_alarms(&run, &scan)).await;

        let report = answer.report(&run, &scan, found.skipped, calls_before).await;
        // What was read of a large account is much, and the page is made of the report alone.
        drop(scan);
        self.finish(report, &run).await
    }

    /// Why nobody is told anything by mail, where that is so.
    fn without_alerts(&self) -> Option<&'static str> {
        self.sinks.channels.alerts.is_none().then_some("ALERT_SNS_TOPIC_ARN is not set: no alerts are sent")
    }

    fn scan(
        &self,
        run: &Context<'_>,
        request: &Request,
        limits: HashMap<Service, Limits>,
        found: &Discovered,
        book: &Book,
    ) -> Scan {
        let Notes { rota, tours, seen_until, instances, own_calls, activity, trail, .. } = book.notes();
        let mut limits = limits;
        for (service, of) in &mut limits {
            of.discover(*service, &activity.services);
        }
        let mut scan = Scan::new(
            self.aws.clone(),
            limits,
            Field {
                instances: found.chosen.clone(),
                existing: found.existing,
                left_out: found.left_out,
                is_part: !request.instance_ids.is_empty() || found.left_out > 0,
                rota: rota.of(|id| found.exists(id)),
            },
            (window(run.now, self.config.lookback_minutes), run.now, run.deadline),
            (self.config.detail_calls, tours),
        );
        scan.rules = Rules { thresholds: run.thresholds, overrides: self.config.overrides.clone() };
        scan.own_calls_before = own_calls;
        scan.activity_before = activity;
        scan.trail_before = trail;
        scan.remembers = run.dry_run || self.with_metrics || run.sinks.stores.has_home();
        scan.seen_until = instances.into_iter().filter_map(|(id, known)| Some((id, known.seen_until?))).collect();
        scan.seen_until.extend(seen_until.map(|until| (ACCOUNT_KEY.to_owned(), until)));
        scan.apply_rate_quotas();
        self.watch(scan.instances.len());
        scan
    }

    /// Whom this run is about. That Connect is not in the Region is an answer too: its name does not exist, and
    /// Service Quotas does not know it.
    async fn discover(
        &self,
        instances: Result<Vec<Instance>, Fault>,
        limits: &mut HashMap<Service, Limits>,
        request: &Request,
        moment: Moment,
    ) -> Result<Discovered, RunError> {
        let of_connect = limits.get(&Service::Connect);
        let (all, is_nowhere) = match instances {
            Ok(all) => (all, false),
            Err(fault)
                if fault.kind == FaultKind::NoSuchHost && of_connect.is_some_and(Limits::is_refused_as_unknown) =>
            {
                warn!("{}", not_offered(self.aws.region()));
                limits.insert(Service::Connect, Limits::of_unknown_service());
                (Vec::new(), true)
            }
            Err(fault) => return Err(RunError::discovery(&fault)),
        };
        let account = self.aws.account(&all, moment.deadline).await.map_err(|f| RunError::discovery(&f))?;
        let account = Account { named: self.named.clone(), ..account };
        choose(all, account, request, &self.config).map(|found| Discovered { is_nowhere, ..found })
    }

    /// The limits of every service, asked side by side.
    async fn limits(&self, moment: Moment) -> HashMap<Service, Limits> {
        let mut calls = JoinSet::new();
        for service in Service::ASKED {
            let quotas = self.aws.quotas.clone();
            calls
                .spawn(async move { (*service, Limits::of(*service, quotas.limits(*service, moment.deadline).await)) });
        }
        calls.join_all().await.into_iter().collect()
    }

    fn watch(&self, instances: usize) {
        let progress = &self.progress;
        progress.measured.store(0, Ordering::Relaxed);
        progress.instances.store(instances, Ordering::Relaxed);
        let shared = 1 + usize::from(instances > 0);
        progress.planned_calls.store(shared + instances * instance_listings().len(), Ordering::Relaxed);
    }

    async fn finish(&self, report: Report, run: &Context<'_>) -> Result<Report, RunError> {
        let mut report = report;
        self.note_seen(&report, run.now);
        let keeps = !report.dry_run && run.sinks.stores.keeps_reports();
        if keeps && run.is_whole {
            latest::complete(run, &mut report).await;
        }
        // A look at some instances, or at another threshold, is not what people find there.
        let latest = (keeps && run.is_whole).then(|| latest::text(&report));
        // Rows that stand there for the page only are let go at once: of a large account they are much.
        if !report.dry_run && !self.with_metrics && !self.metrics_log.as_ref().is_some_and(|log| log.per_quota) {
            report = report.without_metrics();
        }
        if keeps {
            let has_rows = report.account.metrics.is_some();
            let summary = if has_rows { Cow::Owned(report.clone().without_metrics()) } else { Cow::Borrowed(&report) };
            let kept = run.sinks.stores.put_report(&run.owner, &*summary, run.now).await;
            drop(summary);
            let latest = match latest {
                Some(Ok(text)) => latest::keep(run, text).await,
                Some(Err(fault)) => Err(fault),
                None => Ok(()),
            };
            report.faults.extend([kept, latest].into_iter().filter_map(Result::err).map(|f| FaultRecord::from(&f)));
        }
        for fault in &report.faults {
            warn!(operation = %fault.operation, kind = fault.kind, instance_id = fault.instance_id, "{}", fault.message);
        }
        if let Some(log) = self.metrics_log.as_ref().filter(|_| !report.dry_run) {
            for line in emf::lines(&report, &log.function) {
                (log.write)(&line);
            }
        }
        if !report.dry_run && !self.with_metrics {
            report = report.without_metrics();
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
        let silent = self.sinks.stores.took_nothing(report.snapshots);
        let had_something = report.account.status != Completeness::Skipped;
        if had_something && !silent.is_empty() {
            return Some(RunError::Sink(format!("{} took no snapshot: {}", silent.join(" and "), faults())));
        }
        let events = report.events.unwrap_or_default();
        let failed: Vec<String> =
            [("alerts", report.alerts.sent, report.alerts.failed), ("events", events.sent, events.failed)]
                .into_iter()
                .filter(|(.., failed)| *failed > 0)
                .map(|(what, sent, failed)| format!("{failed} of {} {what}", sent + failed))
                .collect();
        if !failed.is_empty() {
            return Some(RunError::Sink(format!("{} could not be sent: {}", failed.join(" and "), faults())));
        }
        let unkept = report.api_alarms.as_ref().filter(|alarms| alarms.is_failure);
        unkept.map(|_| {
            // Behind the faults of measuring they might not be among the first.
            let why = report.faults.iter().rfind(|fault| fault.operation.starts_with("cloudwatch:"));
            let why = why.map(|f| format!("{} {}: {}", f.operation, f.kind, f.message)).unwrap_or_default();
            RunError::Sink(format!("not all alarms could be kept: {why}"))
        })
    }
}
