//! What stands around the monitor: the schedule, the trail, alarms, and the names under which AWS publishes. Only read.

use std::collections::{BTreeMap, BTreeSet};

use super::app::{App, Moment};
use super::doctor::of_fault;
use crate::answer::checks;
use crate::answer::doctor::{Check, State};
use crate::aws::cloudwatch::{Query, Window};
use crate::catalogue::{Gauge, Service};
use crate::domain::alarm::Filter;
use crate::domain::limit::LimitRow;
use crate::domain::own_calls::{OwnCalls, within};
use crate::domain::{Fault, FaultKind};

/// Alarms on these can be about Connect: its own metrics, AWS's usage, and the monitor's.
const NAMESPACES: &[&str] = &["AWS/Connect", "AWS/Usage", "ConnectQuotaMonitor"];
const HOUR: i64 = 3_600;
/// AWS counts calls some minutes late.
const LATE: i64 = 600;

impl App {
    /// The schedule, the trail and the alarms.
    pub(super) async fn surroundings(&self, moment: Moment) -> Vec<Check> {
        let (rules, trails, alarms) = tokio::join!(
            self.aws.rules.all(moment.deadline),
            self.aws.trail.trails(moment.deadline),
            self.aws.alarms.standing(NAMESPACES, moment.deadline)
        );
        let mut checks = Vec::new();
        match &rules {
            Ok(rules) => checks.push(checks::schedule(rules)),
            Err(fault) => checks.push(unasked("schedule", fault)),
        }
        match (&trails, &rules) {
            (Ok(trails), Ok(rules)) => checks.push(checks::trail(trails, rules)),
            (Err(fault), _) | (_, Err(fault)) => checks.push(unasked("trail", fault)),
        }
        match &alarms {
            Ok(alarms) => checks.extend([checks::alarms(alarms), checks::recommended(alarms)]),
            Err(fault) => checks.extend([unasked("alarms", fault), unasked("recommended alarms", fault)]),
        }
        checks
    }

    /// Under which names AWS publishes usage here. `rows`: what Service Quotas says of Connect.
    pub(super) async fn published(&self, rows: &[LimitRow], moment: Moment) -> Vec<Check> {
        vec![self.groups(moment).await, self.services(rows, moment).await]
    }

    async fn groups(&self, moment: Moment) -> Check {
        let mut found: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        for gauge in [Gauge::Calls, Gauge::Chats, Gauge::Tasks, Gauge::Emails, Gauge::CampaignCalls] {
            let name = gauge.metric().name;
            let filter = Filter {
                namespace: "AWS/Connect".to_owned(),
                name: name.to_owned(),
                dimensions: BTreeMap::new(),
                is_recent: false,
            };
            match self.aws.alarms.active(&filter, moment.deadline).await {
                Ok(metrics) => {
                    let groups = metrics.into_iter().filter_map(|mut dimensions| dimensions.remove("MetricGroup"));
                    found.entry(name).or_default().extend(groups);
                }
                Err(fault) => return of_fault("metric groups", &fault, "*"),
            }
        }
        checks::metric_groups(&found)
    }

    async fn services(&self, rows: &[LimitRow], moment: Moment) -> Check {
        let filter = Filter {
            namespace: "AWS/Usage".to_owned(),
            name: "CallCount".to_owned(),
            dimensions: BTreeMap::from([("Type".to_owned(), "API".to_owned())]),
            is_recent: true,
        };
        let mut named: BTreeSet<String> = rows.iter().filter_map(service_of).collect();
        for service in Service::ASKED.iter().filter(|service| **service != Service::Connect) {
            if let Ok(rows) = self.aws.quotas.limits(*service, moment.deadline).await.applied {
                named.extend(rows.iter().filter_map(service_of));
            }
        }
        match self.aws.alarms.active(&filter, moment.deadline).await {
            Ok(metrics) => {
                let found = metrics.into_iter().filter_map(|mut dimensions| dimensions.remove("Service")).collect();
                checks::usage_services(&found, &named)
            }
            Err(fault) => of_fault("usage names", &fault, "*"),
        }
    }

    /// The monitor's share of the calls of an hour, to the operations that it called. `own`: as the ledger holds them.
    pub(super) async fn own_usage(&self, rows: &[LimitRow], own: &OwnCalls, moment: Moment) -> Check {
        let end = (moment.now.as_second() - LATE).div_euclid(60) * 60;
        let start = end - HOUR;
        let mut queries = Vec::new();
        let mut calls = 0;
        for metric in rows.iter().filter_map(|row| row.usage_metric.as_ref()).filter(|metric| metric.is_rate()) {
            let Some(operation) = metric.dimensions.get("Resource") else { continue };
            let of_hour = own.minutes(Service::Connect.code(), operation).map_or(0, |m| within(m, start, HOUR));
            if of_hour > 0 {
                calls += of_hour;
                queries.push(Query::calls(metric, 60));
            }
        }
        if queries.is_empty() {
            return Check::new("own usage", State::Ok, "the monitor called Connect in none of the last 60 minutes");
        }
        let reads = self.aws.cloudwatch.read(&queries, Window { start, end }, moment.deadline).await;
        let mut all = 0.0;
        for read in reads {
            match read {
                Ok(series) => all += series.sum,
                Err(unread) => return of_fault("own usage", &unread.fault, "*"),
            }
        }
        checks::own_share(calls, all)
    }
}

fn service_of(row: &LimitRow) -> Option<String> {
    row.usage_metric.as_ref()?.dimensions.get("Service").cloned()
}

/// What the function itself never asks, so that a refusal is no defect of the monitor.
fn unasked(check: &'static str, fault: &Fault) -> Check {
    let known =
        Check::new(check, State::Unknown, fault.to_string()).failed(&fault.operation, fault.kind.as_str(), None);
    if fault.kind == FaultKind::AccessDenied {
        known.remedy(format!("only whoever runs `doctor` needs {}; the function does not", fault.operation))
    } else {
        known
    }
}
