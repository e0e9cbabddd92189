//! From the catalogue to readings: which calls answer which quotas, made side by side and paced.
//!
//! Nothing is judged here. Every quota of the catalogue yields exactly one reading per instance (or
//! one for the account), and a call that failed makes unknown exactly the readings that it served.

mod usage;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::aws::cloudwatch::{Query, Series, Window};
use crate::catalogue::{self, CONNECT, Gauge, Listing, Meter, Quota};
use crate::limits::Limits;
use crate::model::{Fault, Instance, Measured, Reading, Tally, Usage};

use usage::{instance_usage, rate_usage, used};

/// CloudWatch's datapoints arrive up to some minutes late; windows overlap by this, or a peak in the
/// last minutes before a run would never be seen by any run.
const LATE_DATA_SECONDS: i64 = 300;

/// What one run measures with, shared by all its instances.
#[derive(Debug)]
pub struct Scan {
    pub aws: Aws,
    pub limits: Limits,
    /// The instances that are measured.
    pub instances: Vec<Instance>,
    /// All instances that `ListInstances` returned, without those whose creation failed.
    pub existing: usize,
    /// ACTIVE instances that are not measured in this run.
    pub left_out: usize,
    pub window: Window,
    pub deadline: Instant,
    shared: OnceCell<Shared>,
}

/// What is asked once for all instances.
#[derive(Debug)]
struct Shared {
    phone_numbers: Result<Tally, Fault>,
    /// Breach and gauge series by instance id and metric name.
    gauges: HashMap<(String, &'static str), Result<Series, Fault>>,
    /// Rate series by quota code.
    rates: HashMap<&'static str, Result<Series, Fault>>,
}

/// The window of a run that looks back this many minutes from `now`.
#[must_use]
pub fn window(now: Timestamp, lookback_minutes: u32) -> Window {
    let minute = now.as_second().div_euclid(60) * 60;
    // The minute that is running now is included: what it holds so far has happened.
    Window { start: minute - i64::from(lookback_minutes) * 60 - LATE_DATA_SECONDS, end: minute + 60 }
}

/// Identities of integrations over all instances, by integration type.
#[derive(Debug, Default)]
pub struct Integrations {
    ids: BTreeMap<String, BTreeSet<String>>,
    fault: Option<Fault>,
}

impl Integrations {
    fn add(&mut self, tally: &Result<Tally, Fault>) {
        match tally {
            Ok(tally) => {
                for (kind, group) in &tally.groups {
                    self.ids.entry(kind.clone()).or_default().extend(group.ids.iter().cloned());
                }
            }
            Err(fault) => self.fault = Some(fault.clone()),
        }
    }

    /// Joins what two instances told.
    pub fn merge(&mut self, other: Self) {
        for (kind, ids) in other.ids {
            self.ids.entry(kind).or_default().extend(ids);
        }
        self.fault = self.fault.take().or(other.fault);
    }
}

impl Scan {
    #[must_use]
    pub fn new(
        aws: Aws,
        limits: Limits,
        (instances, existing, left_out): (Vec<Instance>, usize, usize),
        window: Window,
        deadline: Instant,
    ) -> Self {
        Self { aws, limits, instances, existing, left_out, window, deadline, shared: OnceCell::new() }
    }

    /// Lets each operation's own rate quota slow its bucket, where operations are paced one by one.
    pub fn apply_rate_quotas(&self) {
        let operations = listings().into_iter().map(Listing::operation).chain(["ListPhoneNumbersV2"]);
        for operation in operations {
            let name = format!("Rate of {operation} API requests");
            if let Some(quota) = catalogue::per_account().find(|q| q.name == name)
                && let Ok(Some(limit)) = self.limits.resolve(quota, None, None)
            {
                let per_second = limit.value / self.limits.period_seconds(quota.code);
                self.aws.connect.caller().pacer().apply_quota(operation, per_second);
            }
        }
    }

    /// Every reading of one instance.
    pub async fn instance(self: &Arc<Self>, instance: &Instance) -> (Vec<Reading>, Integrations) {
        let (tallies, own_limits, shared) =
            tokio::join!(self.tallies(instance), self.own_limits(instance), self.shared());
        let mut integrations = Integrations::default();
        if let Some(tally) = tallies.get(&Listing::Integrations) {
            integrations.add(tally);
        }
        let readings = catalogue::per_instance()
            .map(|quota| {
                let own = match own_limits.get(quota.code) {
                    Some(Err(fault)) => Err(fault.clone()),
                    Some(Ok(own)) => Ok(*own),
                    None => Ok(None),
                };
                Reading {
                    quota: quota.id(),
                    limit: own.and_then(|own| self.limits.resolve(quota, Some(&instance.arn), own)),
                    measured: instance_usage(quota, instance, &tallies, shared),
                    source: quota.meter.source(),
                }
            })
            .collect();
        (readings, integrations)
    }

    /// Every reading of the account's own quotas.
    pub async fn account(&self, integrations: &Integrations) -> Vec<Reading> {
        let shared = self.shared().await;
        catalogue::per_account()
            .map(|quota| Reading {
                quota: quota.id(),
                limit: self.limits.resolve(quota, None, None),
                measured: self.account_usage(quota, integrations, shared),
                source: quota.meter.source(),
            })
            .collect()
    }

    fn account_usage(&self, quota: &Quota, integrations: &Integrations, shared: &Shared) -> Measured {
        match quota.meter {
            #[expect(clippy::cast_precision_loss, reason = "a number of instances")]
            Meter::Instances => used(quota, Usage::exactly(self.existing as f64)),
            Meter::DistinctIn(_, kind) => match &integrations.fault {
                Some(fault) => Measured::Unknown(fault.clone()),
                None if self.left_out > 0 => Measured::NotMeasurable(format!(
                    "counted over all instances, and this run left out {} of them",
                    self.left_out
                )),
                #[expect(clippy::cast_precision_loss, reason = "a number of integrations")]
                None => used(quota, Usage::exactly(integrations.ids.get(kind).map_or(0, BTreeSet::len) as f64)),
            },
            Meter::Rate => match shared.rates.get(quota.code) {
                Some(Ok(series)) => used(quota, rate_usage(*series, self.limits.period_seconds(quota.code))),
                Some(Err(fault)) => Measured::Unknown(fault.clone()),
                None => match self.limits.faults().into_iter().next() {
                    Some(fault) => Measured::Unknown(fault),
                    None => Measured::NotMeasurable("Service Quotas names no usage metric for this rate".to_owned()),
                },
            },
            Meter::NotMeasurable(reason) => Measured::NotMeasurable(reason.to_owned()),
            Meter::Count(_) | Meter::CountIn(..) | Meter::WorstGroup(..) | Meter::PhoneNumbers | Meter::Gauge(_) => {
                Measured::NotMeasurable("measured per instance".to_owned())
            }
        }
    }

    /// All listings of one instance, in the order of the catalogue.
    async fn tallies(&self, instance: &Instance) -> HashMap<Listing, Result<Tally, Fault>> {
        let mut calls = JoinSet::new();
        for listing in listings() {
            let (connect, instance, deadline) = (self.aws.connect.clone(), instance.clone(), self.deadline);
            calls.spawn(async move { (listing, connect.tally(listing, &instance, deadline).await) });
        }
        calls.join_all().await.into_iter().collect()
    }

    /// The values applied to this very instance, asked one by one where the listing told of none.
    async fn own_limits(&self, instance: &Instance) -> HashMap<&'static str, Result<Option<f64>, Fault>> {
        if !self.limits.lacks_resource_rows() {
            return HashMap::new();
        }
        let mut calls = JoinSet::new();
        let measured = catalogue::per_instance()
            .filter(|q| q.is_listed() && self.limits.lists(q.code) && !matches!(q.meter, Meter::NotMeasurable(_)));
        for quota in measured {
            let (quotas, instance, deadline) = (self.aws.quotas.clone(), instance.clone(), self.deadline);
            calls.spawn(async move {
                let row = quotas.applied_to(CONNECT, quota.code, &instance.arn, deadline).await;
                let value = row.map(|row| row.filter(|r| r.error.is_none()).and_then(|r| r.value));
                (quota.code, value.map_err(|fault| fault.of_instance(&instance.id)))
            });
        }
        calls.join_all().await.into_iter().collect()
    }

    async fn shared(&self) -> &Shared {
        self.shared
            .get_or_init(|| async {
                let ((gauges, rates), phone_numbers) = tokio::join!(self.series(), self.phone_numbers());
                Shared { phone_numbers, gauges, rates }
            })
            .await
    }

    async fn phone_numbers(&self) -> Result<Tally, Fault> {
        if self.instances.is_empty() {
            return Ok(Tally::default());
        }
        self.aws.connect.phone_numbers(self.deadline).await
    }

    /// All CloudWatch series of the run, in as few calls as they fit in.
    async fn series(
        &self,
    ) -> (HashMap<(String, &'static str), Result<Series, Fault>>, HashMap<&'static str, Result<Series, Fault>>) {
        let mut queries = Vec::new();
        let mut gauge_keys = Vec::new();
        for instance in &self.instances {
            for gauge in gauges() {
                for (name, query) in gauge_queries(gauge, instance) {
                    gauge_keys.push((instance.id.clone(), name));
                    queries.push(query);
                }
            }
        }
        let mut rate_keys = Vec::new();
        for quota in catalogue::per_account().filter(|q| q.meter == Meter::Rate) {
            if let Some(metric) = self.limits.usage_metric(quota.code) {
                rate_keys.push(quota.code);
                queries.push(Query {
                    namespace: metric.namespace.clone(),
                    name: metric.name.clone(),
                    dimensions: metric.dimensions.clone().into_iter().collect(),
                    statistic: "Sum",
                    period: 60,
                });
            }
        }
        let mut answers = self.aws.cloudwatch.read(&queries, self.window, self.deadline).await.into_iter();
        let gauges = gauge_keys.into_iter().zip(&mut answers).collect();
        (gauges, rate_keys.into_iter().zip(answers).collect())
    }
}

fn gauge_queries(gauge: Gauge, instance: &Instance) -> Vec<(&'static str, Query)> {
    let metric = gauge.metric();
    let query = |name: &str, statistic, period| Query {
        namespace: "AWS/Connect".to_owned(),
        name: name.to_owned(),
        dimensions: vec![
            ("InstanceId".to_owned(), instance.id.clone()),
            ("MetricGroup".to_owned(), metric.metric_group.to_owned()),
        ],
        statistic,
        period,
    };
    let mut queries = vec![(metric.name, query(metric.name, "Maximum", metric.period))];
    queries.extend(metric.breaches.iter().map(|name| (*name, query(name, "Sum", 60))));
    queries
}

/// The listings that the catalogue needs, each once, in the order of the catalogue.
#[must_use]
pub fn listings() -> Vec<Listing> {
    let mut found = Vec::new();
    for quota in catalogue::all() {
        if let Meter::Count(l) | Meter::CountIn(l, _) | Meter::WorstGroup(l, _) | Meter::DistinctIn(l, _) = quota.meter
            && !found.contains(&l)
        {
            found.push(l);
        }
    }
    found
}

fn gauges() -> Vec<Gauge> {
    catalogue::all().filter_map(|q| if let Meter::Gauge(g) = q.meter { Some(g) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_two_runs_overlap() {
        let at = |s| window(Timestamp::from_second(s).unwrap(), 60);
        let (first, second) = (at(1_800_000_017), at(1_800_003_617));
        assert!(second.start < first.end - 240, "late datapoints of the first window are seen by the second");
        assert_eq!((first.end - first.start) / 60, 66);
    }
}
