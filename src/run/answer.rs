//! What a run has done so far, and in the end its answer.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::alarms::{Watched, keep_alarms};
use super::all_clear::all_clear;
use super::ask::{Asking, ask_for_more};
use super::context::{Book, Context};
use super::faults::Faults;
use super::judge::{Judged, judge};
use super::keep::keep;
use super::measure::Measured;
use super::tell::{Pending, tell};
use super::{hang, subscribers, vanished, who};
use crate::answer::{Alerts, ApiAlarms, Completeness, Events, InstanceReport, Report, SubjectReport};
use crate::catalogue::Listing;
use crate::domain::format::rfc3339;
use crate::domain::plan::TimePlan;
use crate::domain::remedy::Remedy;
use crate::domain::service::ServiceReport;
use crate::domain::snapshot::{SCHEMA_VERSION, Snapshot, Snapshots};
use crate::domain::stats::CallStats;
use crate::domain::{FaultKind, Instance, Metric};
use crate::judge::increase::Requests;
use crate::ledger::{Known, Missing};
use crate::measure::Scan;
use crate::say;
use crate::say::Overview;
use crate::watch::look::Span;

/// Lambda takes an answer of 6 MB. The rows of a dry run, which stand nowhere else, may fill most of it.
const MOST_BYTES_OF_ROWS: usize = 4_500_000;

/// The rows of the latest report stand in memory until the run ends: of a large fleet this much is kept.
const MOST_BYTES_OF_LATEST_ROWS: usize = 2_000_000;

/// So many subjects wait at most until readers are told. Usually they wait until every snapshot is stored; of
/// a large fleet they go in batches, or a thousand snapshots would stand in memory.
const MOST_PENDING: usize = 32;

/// What a run has done so far.
pub(super) struct Answer {
    faults: Faults,
    snapshots: Snapshots,
    alerts: Alerts,
    events: Events,
    asking: Asking,
    watched: Watched,
    api_alarms: Option<ApiAlarms>,
    /// The calls against the time.
    pub plan: Option<TimePlan>,
    account: Option<SubjectReport>,
    instances: Vec<InstanceReport>,
    /// Places of the instances in the order of discovery.
    places: BTreeMap<String, usize>,
    /// Instances for which there was no time.
    late: usize,
    pending: Vec<Pending>,
    /// Instances that this run measured.
    seen: BTreeMap<String, Known>,
    /// Instances that are gone, and of which nothing is left to tell.
    forget: Vec<String>,
    /// This run's window, in unix seconds.
    window: Span,
    /// Where it ends.
    seen_until: i64,
    /// As far as a subject is seen that no run has seen yet.
    seen_before: i64,
    /// A limit could not be listed: what has no row may exist.
    lacks_limits: bool,
    rows: Room,
    overview: Overview,
    /// What must be known before the rest is read.
    pub note: Option<String>,
}

/// The rows that the answer can still take, in bytes; none where it takes them all.
struct Room {
    left: Option<usize>,
    without_rows: usize,
}

impl Room {
    fn has_room(&mut self, snapshot: &Snapshot) -> bool {
        let Some(room) = self.left else { return true };
        let bytes = serde_json::to_vec(&snapshot.metrics).map_or(usize::MAX, |text| text.len());
        let left = room.checked_sub(bytes);
        self.left = left.or(self.left);
        self.without_rows += usize::from(left.is_none());
        left.is_some()
    }
}

impl Room {
    /// Says so where rows were left out.
    fn note(&self, is_dry: bool) -> Option<String> {
        let why = if is_dry {
            "because Lambda takes no answer beyond 6 MB: ask for some instances with `instance_ids`".to_owned()
        } else {
            format!("because a report holds {MOST_BYTES_OF_LATEST_ROWS} bytes of rows: the stored snapshots have them")
        };
        let count = self.without_rows;
        (count > 0).then(|| format!("the rows of {count} snapshots are left out, {why}"))
    }
}

/// The function's log has a value of each quota.
fn logs_quotas(run: &Context<'_>) -> bool {
    run.app.metrics_log.as_ref().is_some_and(|log| log.per_quota)
}

/// What to do about each violation and about what will be full soon, by quota key.
fn remedies(run: &Context<'_>, judged: &Judged) -> BTreeMap<String, Remedy> {
    let context = run.said_of(judged.instance.as_ref());
    let rows = judged.snapshot.metrics.iter().filter(|m| m.is_violation() || m.has_forecast());
    rows.map(|m| (m.key().to_owned(), say::remedy_for(&context, m))).collect()
}

impl Answer {
    pub(super) fn new(run: &Context<'_>, requests: Requests, scan: &Scan) -> Self {
        let mut faults = Faults::default();
        faults.extend_once(&requests.faults());
        let of_limits = scan.limit_faults();
        let lacks_limits = !of_limits.is_empty();
        faults.extend_once(&of_limits);
        // The command's output has no limit, nor has the function's log.
        let left = match (run.app.with_metrics, run.dry_run) {
            (true, _) => None,
            (false, true) => Some(MOST_BYTES_OF_ROWS),
            (false, false) => (!logs_quotas(run)).then_some(MOST_BYTES_OF_LATEST_ROWS),
        };
        let places = scan.instances.iter().enumerate().map(|(place, i)| (i.id.clone(), place)).collect();
        Self {
            faults,
            snapshots: Snapshots::default(),
            alerts: Alerts { note: run.app.without_alerts(), ..Alerts::default() },
            events: Events::default(),
            asking: Asking::new(requests),
            watched: Watched::default(),
            api_alarms: None,
            plan: None,
            account: None,
            instances: Vec::new(),
            places,
            late: 0,
            pending: Vec::new(),
            seen: BTreeMap::new(),
            forget: Vec::new(),
            window: (scan.window.start, scan.window.end),
            seen_until: scan.window.end,
            seen_before: scan.seen_before(),
            lacks_limits,
            rows: Room { left, without_rows: 0 },
            overview: Overview::default(),
            note: None,
        }
    }

    /// Takes one subject through the stages that follow measuring.
    pub(super) async fn settle(&mut self, run: &Context<'_>, measured: Measured) {
        let mut judged = judge(run, measured, &self.asking.requests);
        self.faults.extend_once(&std::mem::take(&mut judged.faults));
        self.faults.extend(ask_for_more(run, &mut judged, &mut self.asking).await);
        self.faults.extend_once(&who::name_callers(run, &mut judged, self.window).await);
        if judged.instance.is_none() {
            let (hanging, faults) = hang::look(run, &self.asking.requests, &judged.book).await;
            judged.hanging = hanging;
            self.faults.extend_once(&faults);
            let fault = subscribers::count(run, &mut judged.notes).await;
            if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::NoSubscribers) {
                self.alerts.note = Some("nobody receives alerts: the alert topic has no confirmed subscription");
                self.alerts.lacks_subscribers = true;
            }
            self.faults.extend(fault);
        }
        self.watched.note(run, judged.instance.as_ref(), &judged.snapshot.metrics);
        self.report_on(run, &judged);
        let kept = keep(run, &judged).await;
        self.snapshots += kept.counts;
        let is_stored = kept.is_stored();
        self.faults.extend(kept.faults);
        if !run.dry_run {
            let pending = self.pending_of(run, judged, is_stored);
            self.pending.push(pending);
        }
        if self.pending.len() >= MOST_PENDING {
            self.tell_all(run).await;
        }
    }

    fn report_on(&mut self, run: &Context<'_>, judged: &Judged) {
        self.overview.add(judged.instance.as_ref(), &judged.snapshot.metrics);
        let wants_rows = run.dry_run || run.app.with_metrics || logs_quotas(run) || run.sinks.stores.keeps_reports();
        let mut seen = SubjectReport::of(&judged.snapshot, wants_rows && self.rows.has_room(&judged.snapshot));
        if seen.metrics.is_some() {
            seen.history = judged.notes.history.daily();
            seen.remedies = remedies(run, judged);
        }
        match &judged.instance {
            Some(instance) => self.instances.push(InstanceReport::measured(instance, seen)),
            None => self.account = Some(seen),
        }
    }

    fn pending_of(&mut self, run: &Context<'_>, judged: Judged, is_stored: bool) -> Pending {
        let Judged { instance, snapshot, hanging, book, mut notes, lacks_metrics, .. } = judged;
        let read_version = book.version();
        // A run that could not read CloudWatch has not looked at its window: the next one does.
        let is_stored = is_stored && !lacks_metrics;
        if is_stored {
            notes.seen_until = Some(self.seen_until);
        } else {
            notes.seen_until.get_or_insert(self.seen_before);
        }
        let (missing, forget) = if let Some(instance) = &instance {
            let known = Known {
                arn: instance.arn.clone(),
                alias: instance.alias.clone(),
                seen_until: is_stored.then_some(self.seen_until),
                looked_at: run.now.as_second(),
                schedule_minutes: run.rules.schedule_minutes,
            };
            self.seen.insert(instance.id.clone(), known);
            (lacks_integrations(&snapshot.metrics), Vec::new())
        } else {
            let mut seen = std::mem::take(&mut self.seen);
            for (id, known) in &mut seen {
                let before = notes.instances.get(id).and_then(|before| before.seen_until);
                known.seen_until = known.seen_until.or(before).or(Some(self.seen_before));
            }
            notes.saw(seen);
            (!run.is_whole || self.lacks_limits || self.late > 0, std::mem::take(&mut self.forget))
        };
        let missing = if missing { Missing::IsKept } else { Missing::IsGone };
        let own_calls = instance.is_none().then(|| run.app.aws.own_calls.calls());
        Pending { instance, snapshot, hanging, book, read_version, notes, own_calls, forget, missing }
    }

    /// Tells what waits to be told, the gravest first: where the time ends, the next run tells the rest.
    pub(super) async fn tell_all(&mut self, run: &Context<'_>) {
        let mut waiting = std::mem::take(&mut self.pending);
        waiting.sort_by_key(|pending| std::cmp::Reverse(pending.gravity()));
        for pending in waiting {
            self.tell(run, pending).await;
        }
    }

    /// Says that the monitor watches, where nothing was told for long.
    pub(super) async fn tell_silence(&mut self, run: &Context<'_>) {
        self.overview.left_out = self.late;
        // A snapshot that was not stored is a fault too.
        self.overview.faults = self.faults.count();
        let faults = all_clear(run, &self.overview, &mut self.alerts).await;
        self.faults.extend(faults);
    }

    async fn tell(&mut self, run: &Context<'_>, pending: Pending) -> bool {
        let told = Box::pin(tell(run, pending)).await;
        self.alerts.sent += told.alerts.sent;
        self.alerts.suppressed += told.alerts.suppressed;
        self.alerts.failed += told.alerts.failed;
        self.events.sent += told.events.sent;
        self.events.failed += told.events.failed;
        self.faults.extend_once(&told.faults);
        told.is_done
    }

    /// Says that an instance is not there any more.
    pub(super) async fn let_go(&mut self, run: &Context<'_>, account: &Book, id: String) {
        let pending = vanished::pending_of(run, account, &id).await;
        let can_be_read = pending.book.fault().is_none();
        self.faults.extend(pending.book.fault().cloned());
        if can_be_read && self.tell(run, pending).await {
            self.forget.push(id);
        }
    }

    /// Says of each instance for which there was no time that it was not measured.
    pub(super) fn leave_out(&mut self, run: &Context<'_>, late: Vec<Instance>) {
        let turn = if run.sinks.stores.has_home() {
            "it is among the first of the next run"
        } else {
            "without storage turns go by the hour"
        };
        self.late = late.len();
        for instance in late {
            let reason = format!("the run's time was over: {turn}");
            self.instances.push(InstanceReport::skipped(&instance, reason));
            self.watched.miss(instance);
        }
    }

    pub(super) async fn keep_alarms(&mut self, run: &Context<'_>, scan: &Scan) {
        let (report, faults) = keep_alarms(run, &self.watched, scan).await;
        self.api_alarms = report;
        self.faults.extend(faults);
    }

    /// The answer of a run that found nothing to watch: nothing was measured, and nothing is stored but this.
    pub(super) fn of_nothing(
        mut self,
        run: &Context<'_>,
        skipped: Vec<InstanceReport>,
        calls_before: CallStats,
    ) -> Report {
        self.instances = skipped;
        self.account = Some(SubjectReport::skipped("there is no instance".to_owned()));
        self.into_report(run, Vec::new(), calls_before)
    }

    pub(super) async fn report(
        mut self,
        run: &Context<'_>,
        scan: &Scan,
        skipped: Vec<InstanceReport>,
        calls_before: CallStats,
    ) -> Report {
        self.instances.sort_by_key(|i| self.places.get(&i.instance_id).copied());
        self.instances.extend(skipped);
        let services = scan.services().await;
        self.into_report(run, services, calls_before)
    }

    fn into_report(self, run: &Context<'_>, services: Vec<ServiceReport>, calls_before: CallStats) -> Report {
        let account = self.account.unwrap_or_else(SubjectReport::nothing);
        let measured =
            self.instances.iter().map(|i| &i.seen).chain([&account]).filter(|s| s.status != Completeness::Skipped);
        let complete = self.late == 0 && measured.clone().all(|s| s.status == Completeness::Complete);
        let violations = measured.map(|s| s.violations_count).sum();
        let (faults, faults_left_out) = self.faults.into_records();
        Report {
            schema_version: SCHEMA_VERSION,
            execution_id: run.execution_id.clone(),
            version: env!("CARGO_PKG_VERSION"),
            account_id: run.account.id.clone(),
            account_name: run.account.named.name.clone(),
            region: run.account.region.clone(),
            started_at: rfc3339(run.now),
            duration_ms: milliseconds(run.started),
            dry_run: run.dry_run,
            complete,
            note: self.note,
            services,
            violations,
            account,
            instances: self.instances,
            alerts: self.alerts,
            events: (!run.sinks.channels.events.is_empty()).then_some(self.events),
            snapshots: self.snapshots,
            connect_api: run.app.aws.connect.caller().stats().since(calls_before).into(),
            api_alarms: self.api_alarms,
            plan: self.plan,
            metrics_note: self.rows.note(run.dry_run),
            changed: None,
            throttled: Vec::new(),
            faults,
            faults_left_out,
        }
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// What an instance owns is not known without its integrations: rows that rest on it are missing, not gone.
fn lacks_integrations(metrics: &[Metric]) -> bool {
    let of_integrations = Listing::Integrations.qualified();
    metrics.iter().any(|m| m.fault.as_ref().is_some_and(|fault| fault.operation == of_integrations))
}
