//! Is all in place? A dry run of one instance makes every call that the monitor makes; the rest is asked here. Nothing
//! is written, sent or changed.

use std::collections::BTreeSet;

use super::app::{App, Moment};
use crate::answer::Report;
use crate::answer::doctor::{self, Check, Findings, State};
use crate::aws::fault::granted;
use crate::catalogue::Service;
use crate::domain::limit::{Level, LimitRow};
use crate::domain::request::Request;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::domain::{Account, Fault, FaultKind, Instance};
use crate::keep::DYNAMODB;
use crate::keep::ledger::Opened;

impl App {
    /// Looks at everything that the monitor needs.
    pub async fn doctor(&self, moment: Moment) -> Findings {
        self.aws.begin_run(moment.now);
        let mut checks = Vec::new();
        match self.aws.caller_arn(moment.deadline).await {
            Ok(arn) => checks.push(Check::new("credentials", State::Ok, format!("{arn} in {}", self.aws.region()))),
            Err(fault) => {
                let ends = fault.kind == FaultKind::Credentials;
                checks.push(of_fault("credentials", &fault, "*"));
                if ends {
                    return Findings(checks);
                }
            }
        }
        let found = self.aws.connect.instances(moment.deadline).await;
        let instances: &[Instance] = found.as_deref().unwrap_or_default();
        checks.push(match &found {
            Ok(all) => of_instances(all),
            Err(fault) => of_fault("instances", fault, "*"),
        });
        let rows = self.aws.quotas.limits(Service::Connect, moment.deadline).await.applied;
        match &rows {
            Ok(rows) => checks.extend(of_limits(rows, instances)),
            Err(fault) => checks.push(of_fault("service quotas", fault, "*")),
        }
        let rows = rows.unwrap_or_default();
        checks.extend(self.published(&rows, moment).await);
        if let Some(first) = instances.iter().find(|instance| instance.is_active()) {
            checks.extend(self.permissions(first, moment).await);
        } else {
            let why = "there is no active instance to try the calls on";
            checks.push(Check::new("permissions", State::Unknown, why));
        }
        match self.aws.account(instances, moment.deadline).await {
            Ok(account) => checks.extend(self.places(&account, &rows, moment).await),
            Err(fault) => checks.push(of_fault("account", &fault, "*")),
        }
        checks.extend(self.surroundings(moment).await);
        Findings(checks)
    }

    /// One call of each operation, for the account and one instance.
    async fn permissions(&self, instance: &Instance, moment: Moment) -> Vec<Check> {
        let request = Request { dry_run: true, instance_ids: vec![instance.id.clone()], ..Request::default() };
        let report = match self.run(&request, moment).await {
            Ok(report) => report,
            Err(error) => return vec![Check::new("permissions", State::Broken, error.to_string())],
        };
        let mut seen = BTreeSet::new();
        let faults = report.faults.iter().filter(|fault| seen.insert((&fault.operation, fault.kind)));
        let mut checks: Vec<Check> = faults
            .map(|fault| {
                let missing = granted(&fault.message).map(|action| (action.to_owned(), "*".to_owned()));
                let state = if fault.kind == "access_denied" { State::Broken } else { State::Unknown };
                let finding = format!("{} {}: {}", fault.operation, fault.kind, fault.message);
                Check::new("permission", state, finding).failed(&fault.operation, fault.kind, missing)
            })
            .collect();
        let calls = usize::try_from(report.connect_api.requests).unwrap_or(usize::MAX);
        if checks.is_empty() {
            let finding =
                format!("every operation of a run was answered ({calls} calls to Connect and its companions)");
            checks.push(Check::new("permissions", State::Ok, finding).count("calls", calls));
        }
        checks.extend(services(&report));
        checks
    }

    /// The stores, the last run, and the topic.
    async fn places(&self, account: &Account, rows: &[LimitRow], moment: Moment) -> Vec<Check> {
        let sinks = self.sinks.until(moment.end);
        let (partition, region, id) = (&account.partition, &account.region, &account.id);
        let named = |name: &Option<String>| name.clone().unwrap_or_default();
        let table = format!("arn:{partition}:dynamodb:{region}:{id}:table/{}", named(&self.config.dynamodb_table));
        let bucket = format!("arn:{partition}:s3:::{}/*", named(&self.config.s3_bucket));
        let on = if self.config.dynamodb_table.is_some() { &table } else { &bucket };
        let owner = account.owner();
        let mut checks = Vec::new();
        let stores = sinks.stores.try_writes(&owner).await;
        if stores.is_empty() {
            let finding = "none is configured: nothing is remembered from run to run";
            let remedy = "set USE_DYNAMODB=true and DYNAMODB_TABLE, or USE_S3_STORAGE=true and S3_BUCKET";
            checks.push(Check::new("store", State::Attention, finding).remedy(remedy));
        }
        for (name, tried) in stores {
            let on = if name == DYNAMODB { &table } else { &bucket };
            checks.push(match tried {
                Ok(()) => {
                    let finding = format!("{on} takes conditional writes (tried with one that stores nothing)");
                    Check::new("store", State::Ok, finding)
                }
                Err(fault) => of_fault("store", &fault, on),
            });
        }
        if sinks.stores.has_home() {
            match sinks.stores.ledger(&owner, ACCOUNT_KEY).await {
                Opened::Absent => checks.push(doctor::last_run(None)),
                Opened::Found(ledger, _) => {
                    let age = moment.now.as_second() - ledger.written_at.as_second();
                    checks.push(doctor::last_run(Some(age)));
                    checks.push(self.own_usage(rows, &ledger.notes.own_calls, moment).await);
                }
                Opened::Unreadable(fault) => checks.push(of_fault("last run", &fault, on)),
            }
        }
        checks.push(match sinks.channels.subscriptions().await {
            None => Check::new("topic", State::Attention, "ALERT_SNS_TOPIC_ARN is not set: no alerts are sent")
                .remedy("set ALERT_SNS_TOPIC_ARN"),
            Some(Ok(found)) => doctor::topic(found.confirmed, found.pending),
            Some(Err(fault)) => of_fault("topic", &fault, self.config.alert_topic_arn.as_deref().unwrap_or_default()),
        });
        checks
    }
}

pub(super) fn of_fault(check: &'static str, fault: &Fault, resource: &str) -> Check {
    let missing = granted(&fault.message).map(|action| (action.to_owned(), resource.to_owned()));
    // What may be well in a minute is not known to be broken.
    let state = match fault.kind {
        FaultKind::Throttled | FaultKind::Timeout | FaultKind::Unavailable | FaultKind::Deadline => State::Unknown,
        _ => State::Broken,
    };
    let check = Check::new(check, state, fault.to_string()).failed(&fault.operation, fault.kind.as_str(), missing);
    if fault.kind == FaultKind::NotFound {
        check.remedy(format!("make it, or correct its name: {resource}"))
    } else {
        check
    }
}

fn of_instances(all: &[Instance]) -> Check {
    let named: Vec<String> = all.iter().map(|i| format!("{} {}", i.display_name(), i.status)).collect();
    let active = all.iter().filter(|instance| instance.is_active()).count();
    let (state, finding) = if all.is_empty() {
        (State::Attention, "there is none in this Region".to_owned())
    } else if active < all.len() {
        (State::Attention, named.join(", "))
    } else {
        (State::Ok, named.join(", "))
    };
    let check = Check::new("instances", state, finding).count("instances", all.len()).count("active", active);
    if all.is_empty() { check.remedy("give --region, where the instances are elsewhere") } else { check }
}

fn services(report: &Report) -> impl Iterator<Item = Check> {
    report.services.iter().map(|service| {
        let state = if matches!(service.status, "denied" | "failed") { State::Attention } else { State::Ok };
        Check::new("service", state, format!("{} is {}", service.service_code, service.status))
    })
}

/// Whether Service Quotas tells limits of single instances, and which limits are 0.
fn of_limits(rows: &[LimitRow], instances: &[Instance]) -> Vec<Check> {
    let single = rows.iter().filter(|row| matches!(row.level, Level::Resource(_))).count();
    let finding = if single > 0 {
        format!("{} values of Connect, {single} of them of single instances", rows.len())
    } else {
        format!("{} values of Connect, none of a single instance: these are asked for one by one", rows.len())
    };
    let mut checks = vec![
        Check::new("service quotas", State::Ok, finding).count("values", rows.len()).count("of_instances", single),
    ];
    let zero: Vec<&str> = rows.iter().filter(|row| row.value == Some(0.0)).map(|row| row.name.as_str()).collect();
    if !instances.is_empty() && !zero.is_empty() {
        let remedy = "ask AWS for more in the Service Quotas console where the feature is wanted";
        let finding = format!("{} quotas have a limit of 0: {}", zero.len(), zero.join(", "));
        checks.push(Check::new("limits", State::Attention, finding).remedy(remedy).count("zero", zero.len()));
    }
    checks
}
