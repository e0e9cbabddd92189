//! The CloudWatch alarms that the monitor keeps: wanted, compared with what exists, and put in place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use tokio::time::Instant;
use tracing::info;
use uuid::Uuid;

use super::app::{App, Moment};
use super::context::Context;
use super::others::calls_of_others;
use crate::alarms;
use crate::alarms::plan::{AlarmPlan, in_question, plan};
use crate::alarms::{Common, Desired, Held, apis, lines};
use crate::answer::{ApiAlarms, PlannedAlarms};
use crate::aws::cloudwatch::{Query, Window};
use crate::catalogue::{self, Service};
use crate::domain::alarm::{Alarm, Existing};
use crate::domain::limit::Own;
use crate::domain::own_calls::OwnCalls;
use crate::domain::request::Request;
use crate::domain::{Account, Fault, FaultKind, Instance, Limit, Measured, Metric, QuotaId, Reading, Usage};
use crate::judge::judge;
use crate::judge::limits::Limits;
use crate::measure::Scan;
use crate::run::discover::Discovered;
use crate::run::error::RunError;

/// Where APIs compete for alarms, their busiest hour of these days decides; `ListMetrics` looks as far back.
const DAYS_OF_USE: i64 = 14;

/// The rows that alarms follow from, as the run found them.
#[derive(Debug, Default)]
pub(super) struct Watched {
    account: Vec<Metric>,
    lines: Vec<(Instance, Metric)>,
    /// Instances that this run did not measure.
    missed: Vec<Instance>,
}

impl Watched {
    /// There was no time for this instance: its alarms stay as they are.
    pub(super) fn miss(&mut self, instance: Instance) {
        self.missed.push(instance);
    }

    /// Keeps what is needed of one snapshot; nothing where the monitor keeps no alarms.
    pub(super) fn note(&mut self, run: &Context<'_>, instance: Option<&Instance>, rows: &[Metric]) {
        if run.app.config.alarms.manages() {
            self.take(instance, rows);
        }
    }

    fn take(&mut self, instance: Option<&Instance>, rows: &[Metric]) {
        match instance {
            None => self.account.extend_from_slice(rows),
            Some(instance) => {
                let code = lines::quota().map(|quota| quota.code);
                let row = rows.iter().find(|row| Some(row.quota_code.as_str()) == code);
                self.lines.extend(row.map(|row| (instance.clone(), row.clone())));
            }
        }
    }
}

/// What was read of CloudWatch and Service Quotas, and what kept it from being all.
struct Wanted {
    desired: Desired,
    faults: Vec<Fault>,
}

/// Stage "alarms": brings the CloudWatch alarms in line with what this run saw. Nothing here stops a run:
/// what fails is a fault, and fails the invocation in the end. None where the monitor keeps no alarms.
pub(super) async fn keep_alarms(run: &Context<'_>, watched: &Watched, scan: &Scan) -> (Option<ApiAlarms>, Vec<Fault>) {
    let app = run.app;
    if !app.config.alarms.manages() {
        return (None, Vec::new());
    }
    if !run.is_whole {
        let note = "a run of single instances, or at a threshold of its own, leaves the alarms alone";
        return (Some(ApiAlarms { note: Some(note), ..ApiAlarms::default() }), Vec::new());
    }
    let common = app.common(&run.account, true);
    let folder = alarms::folder(&common.settings.prefix, &run.account.region);
    let existing = match app.aws.alarms.existing(&folder, scan.deadline).await {
        Ok(existing) => existing,
        Err(fault) => {
            let is_failure = fault.kind != FaultKind::Deadline;
            return (Some(ApiAlarms { is_failure, ..ApiAlarms::default() }), vec![fault]);
        }
    };
    let moment = Moment { now: run.now, deadline: scan.deadline, end: scan.deadline };
    let wanted = app.wanted(&common, watched, &scan.limits, &existing, (&scan.own_calls(), moment)).await;
    let mut report = ApiAlarms { left_out: wanted.desired.left_out.clone(), ..ApiAlarms::default() };
    let mut faults = wanted.faults;
    let plan = app.planned(wanted.desired, existing, (&mut report, &mut faults), scan.deadline).await;
    report.kept = plan.keep.len();
    if run.dry_run {
        let put = plan.put.into_iter().map(|put| put.alarm.name).collect();
        report.planned = Some(PlannedAlarms { put, delete: plan.delete });
    } else {
        app.carry_out(&plan, (&mut report, &mut faults), scan.deadline).await;
    }
    // What did not fit into this run's time is done by the next one, and what is done stays done.
    // What could not be measured is a fault of the row, and the alarms stay as they are.
    let is_of_alarms = |fault: &&Fault| fault.operation != "cloudwatch:GetMetricData";
    report.is_failure = faults.iter().filter(is_of_alarms).any(|fault| fault.kind != FaultKind::Deadline);
    for name in &plan.taken {
        let why = format!("an alarm `{name}` exists that is not the monitor's: rename it, or set API_ALARM_PREFIX");
        faults.push(Fault::new("cloudwatch:PutMetricAlarm", FaultKind::Other, why));
    }
    report.taken = plan.taken;
    (Some(report), faults)
}

impl App {
    fn common<'a>(&'a self, account: &'a Account, kept: bool) -> Common<'a> {
        let settings = &self.config.alarms;
        Common {
            settings,
            account,
            threshold: settings.threshold.unwrap_or(self.config.thresholds.warning),
            topic: self.config.alert_topic_arn.as_deref(),
            kept,
        }
    }

    /// The alarms that there should be. What could not be read is held, never deleted.
    async fn wanted(
        &self,
        common: &Common<'_>,
        watched: &Watched,
        limits: &HashMap<Service, Limits>,
        existing: &[Existing],
        (own, moment): (&OwnCalls, Moment),
    ) -> Wanted {
        let mut wanted = Wanted { desired: Desired::default(), faults: Vec::new() };
        let overrides = &self.config.overrides;
        if common.settings.instances {
            for instance in &watched.missed {
                wanted.desired.held.folder(lines::folder(common, instance));
            }
            for (instance, row) in &watched.lines {
                wanted.desired.merge(lines::desired(common, instance, row, overrides));
            }
        }
        if !common.settings.apis {
            return wanted;
        }
        let mut used = Vec::new();
        for (service, limits) in in_order(limits) {
            let service = service.code();
            let all = apis::candidates(service, &watched.account, limits, overrides);
            let active = self.active(&all, moment.deadline).await;
            // A quota that a failed listing did not show has not vanished.
            if active.is_err() || !limits.faults().is_empty() {
                let folder = alarms::folder(&common.settings.prefix, &common.account.region);
                wanted.desired.held.folder(format!("{folder}{service}/"));
            }
            match active {
                Ok(active) => used.extend(apis::in_use(all, &active)),
                Err(fault) => wanted.faults.push(fault),
            }
        }
        match self.used_by_others(used, own, moment).await {
            Ok(others) => used = others,
            Err((others, ours, fault)) => {
                // An alarm that may be there stays.
                for api in &ours {
                    wanted.desired.held.name(apis::name(common, api));
                }
                wanted.faults.push(fault);
                used = others;
            }
        }
        let busiest = if used.len() > common.settings.limit {
            self.busiest(&used, own, moment, &mut wanted.faults).await
        } else {
            Vec::new()
        };
        let names: BTreeSet<&str> = existing.iter().map(|alarm| alarm.name.as_str()).collect();
        let has_alarm = |api: &apis::Api| names.contains(apis::name(common, api).as_str());
        let (chosen, left_out) = apis::most_used(used, &busiest, has_alarm, common.settings.limit);
        wanted.desired.merge(apis::desired(common, &chosen, &left_out));
        wanted
    }

    async fn active(&self, all: &[apis::Api], deadline: Instant) -> Result<BTreeSet<BTreeMap<String, String>>, Fault> {
        let mut active = BTreeSet::new();
        for filter in apis::filters(all) {
            active.extend(self.aws.alarms.active(&filter, deadline).await?);
        }
        Ok(active)
    }

    /// The calls of each API's busiest hour; none where they could not be read.
    async fn busiest(
        &self,
        used: &[apis::Api],
        own: &OwnCalls,
        moment: Moment,
        faults: &mut Vec<Fault>,
    ) -> Vec<Option<f64>> {
        let hour = moment.now.as_second().div_euclid(3_600) * 3_600;
        let window = Window { start: hour - DAYS_OF_USE * 86_400, end: hour + 3_600 };
        let queries: Vec<Query> = used.iter().map(|api| calls_of_others(api, own)).collect();
        let read = self.aws.cloudwatch.read(&queries, window, moment.deadline).await;
        let unread = read.iter().find_map(|series| series.as_ref().err());
        faults.extend(unread.map(|unread| unread.fault.clone()));
        read.into_iter().map(|series| series.ok().map(|series| series.peak)).collect()
    }

    /// Asks whose the alarms in question are, and plans. Those whose owner is not known stay out of it.
    async fn planned(
        &self,
        mut desired: Desired,
        mut existing: Vec<Existing>,
        (report, faults): (&mut ApiAlarms, &mut Vec<Fault>),
        deadline: Instant,
    ) -> AlarmPlan {
        let questions = in_question(&desired, &existing);
        let (ours, unknown) = self.ours(&questions, faults, deadline).await;
        report.failed += unknown.len();
        desired.alarms.retain(|alarm| !unknown.contains(&alarm.name));
        existing.retain(|alarm| !unknown.contains(&alarm.name));
        plan(&desired, &existing, &ours)
    }

    /// Names of the alarms that are ours, and of those for which this could not be told.
    async fn ours(
        &self,
        questions: &[&Existing],
        faults: &mut Vec<Fault>,
        deadline: Instant,
    ) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut ours = BTreeSet::new();
        for (n, alarm) in questions.iter().enumerate() {
            match self.aws.alarms.is_ours(&alarm.arn, &self.config.alarms.prefix, deadline).await {
                Ok(true) => drop(ours.insert(alarm.name.clone())),
                Ok(false) => {}
                // The next answer would be no other.
                Err(fault) => {
                    faults.push(fault);
                    return (ours, questions[n..].iter().map(|alarm| alarm.name.clone()).collect());
                }
            }
        }
        (ours, BTreeSet::new())
    }

    async fn carry_out(
        &self,
        plan: &AlarmPlan,
        (report, faults): (&mut ApiAlarms, &mut Vec<Fault>),
        deadline: Instant,
    ) {
        match self.aws.alarms.delete(&plan.delete, deadline).await {
            Ok(deleted) => report.deleted = deleted,
            Err((deleted, fault)) => {
                report.deleted = deleted;
                report.failed += plan.delete.len() - deleted;
                faults.push(fault);
            }
        }
        for (n, put) in plan.put.iter().enumerate() {
            match self.aws.alarms.put(put, &self.config.alarms.prefix, deadline).await {
                Ok(()) => report.put += 1,
                // One alarm that CloudWatch does not like says nothing about the next one.
                Err(fault) if fault.kind == FaultKind::Invalid => {
                    report.failed += 1;
                    faults.push(fault);
                }
                Err(fault) => {
                    report.failed += plan.put.len() - n;
                    faults.push(fault);
                    return;
                }
            }
        }
    }

    /// Deletes every alarm in our folder that carries our tag, whichever switch made it.
    ///
    /// # Errors
    /// [`RunError::Sink`] where an alarm could not be read or deleted, with the number of those that were.
    pub async fn remove_alarms(&self, dry_run: bool, deadline: Instant) -> Result<Value, RunError> {
        let prefix = alarms::folder(&self.config.alarms.prefix, self.aws.region());
        let sink = |fault: &Fault| RunError::Sink(format!("the alarms could not be removed: {fault}"));
        let existing = self.aws.alarms.existing(&prefix, deadline).await.map_err(|fault| sink(&fault))?;
        let mut faults = Vec::new();
        let (ours, _) = self.ours(&existing.iter().collect::<Vec<_>>(), &mut faults, deadline).await;
        let names: Vec<String> = ours.into_iter().collect();
        let mut report = ApiAlarms { kept: existing.len() - names.len(), ..ApiAlarms::default() };
        if dry_run {
            report.planned = Some(PlannedAlarms { put: Vec::new(), delete: names });
        } else {
            report.deleted = self.aws.alarms.delete(&names, deadline).await.map_err(|(deleted, fault)| {
                RunError::Sink(format!("{deleted} of {} alarms were removed: {fault}", names.len()))
            })?;
        }
        if let Some(fault) = faults.first() {
            return Err(RunError::Sink(format!("{} alarms were removed, not all: {fault}", report.deleted)));
        }
        info!(deleted = report.deleted, kept = report.kept, dry_run, "alarms removed");
        Ok(serde_json::json!({
            "execution_id": Uuid::new_v4().to_string(),
            "version": env!("CARGO_PKG_VERSION"),
            "dry_run": dry_run,
            "remove_api_alarms": true,
            "api_alarms": report,
        }))
    }

    /// The alarms that there should be, for people who keep theirs as code. Nothing is measured for it but
    /// which APIs are in use.
    ///
    /// # Errors
    /// [`RunError::Discovery`], and [`RunError::Collection`] where a part could not be read: code that
    /// lacks alarms would look complete.
    pub async fn alarms_as_code(&self, request: &Request, moment: Moment) -> Result<Vec<Alarm>, RunError> {
        let deadline = moment.deadline;
        let (instances, mut limits) = tokio::join!(self.aws.connect.instances(moment.deadline), self.limits(moment));
        let found = Box::pin(self.discover(instances, &mut limits, request, moment)).await;
        let Discovered { account, chosen, .. } = found?;
        let mut watched = Watched::default();
        let rates = in_order(&limits).flat_map(|(service, limits)| rates(service, limits)).collect();
        watched.take(None, &self.judged(rates, None, moment));
        let nothing = Limits::default();
        let connect = limits.get(&Service::Connect).unwrap_or(&nothing);
        for instance in chosen.iter().filter(|_| self.config.alarms.instances) {
            let Some(quota) = lines::quota() else { continue };
            let own = if connect.lacks_row_of(quota.code, &instance.arn) {
                self.aws.quotas.applied_to(Service::Connect.code(), quota.code, &instance.arn, deadline).await
            } else {
                Ok(None)
            };
            let limit = own.and_then(|own| connect.resolve(quota, Some(&instance.arn), Some(Own::fresh(own))));
            watched.take(Some(instance), &self.judged(vec![unmeasured(quota.id(), limit)], Some(instance), moment));
        }
        let common = self.common(&account, false);
        let Wanted { desired, faults } =
            self.wanted(&common, &watched, &limits, &[], (&self.aws.own_calls.calls(), moment)).await;
        let of_limits = in_order(&limits).flat_map(|(_, limits)| limits.faults());
        let unread: Vec<String> = of_limits.chain(faults).map(|f| f.to_string()).collect();
        if !unread.is_empty() || desired.held != Held::default() {
            return Err(RunError::Collection(format!("not every limit could be read: {}", unread.join("; "))));
        }
        Ok(desired.alarms)
    }

    fn judged(&self, readings: Vec<Reading>, instance: Option<&Instance>, moment: Moment) -> Vec<Metric> {
        judge(readings, self.config.thresholds, &self.config.overrides, instance, moment.now)
    }
}

/// The services with their limits, in a fixed order.
fn in_order(limits: &HashMap<Service, Limits>) -> impl Iterator<Item = (Service, &Limits)> {
    Service::ASKED.iter().filter_map(|service| Some((*service, limits.get(service)?)))
}

/// The quotas of a service that have a usage metric, with those that the catalogue does not know.
fn rates(service: Service, limits: &Limits) -> Vec<Reading> {
    let listed = limits.listed().into_iter().filter(|listed| listed.has_usage_metric);
    listed
        .map(|listed| {
            let known = catalogue::all().find(|quota| quota.service == service && quota.code == listed.code);
            if let Some(quota) = known {
                return unmeasured(quota.id(), limits.resolve(quota, None, None));
            }
            unmeasured(listed.uncatalogued(service), limits.resolve_code(listed.code, None, None))
        })
        .collect()
}

/// A reading whose limit alone counts: an alarm measures for itself.
fn unmeasured(quota: QuotaId, limit: Result<Option<Limit>, Fault>) -> Reading {
    Reading { quota, limit, measured: Measured::Usage(Usage::default()), source: String::new() }
}
