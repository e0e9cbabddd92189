//! What is asked once for all instances: the account's listings, the companion services, CloudWatch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::activity::{Asked, Rate};
use super::detail::{Tallies, Visits};
use super::rates;
use super::scan::{Gauges, Rates, Scan, Shared};
use crate::aws::cloudwatch::{Query, Read, Series as Idle, Window};
use crate::catalogue::{self, Gauge, Listing, Meter, Place, Service};
use crate::domain::activity::Activity;
use crate::domain::limit::Statistic;
use crate::domain::own_calls::Minutes;
use crate::domain::{Fault, FaultKind, Instance, Tally};

/// Whose series it is.
enum Key {
    /// An instance's id, the metric's name and its group.
    Gauge(String, (&'static str, &'static str)),
    /// A quota's code.
    Rate(String),
}

/// What CloudWatch told for all instances.
struct Series {
    gauges: Gauges,
    rates: Rates,
    activity: Activity,
    fault: Option<Fault>,
}

/// Series that one call of `GetMetricData` answers.
const FULL_CALL: usize = 450;

impl Scan {
    pub(super) async fn shared(&self) -> &Shared {
        self.shared
            .get_or_init(|| async {
                let (series, (tallies, visits), looks) =
                    tokio::join!(self.series(), self.account_listings(), self.looks());
                let Series { gauges, rates, activity, fault: activity_fault } = series;
                Shared { tallies, visits, gauges, rates, activity, activity_fault, looks }
            })
            .await
    }

    /// The listings of the account, and the visits of what they list.
    async fn account_listings(&self) -> (Tallies, HashMap<Listing, Visits>) {
        let mut calls = JoinSet::new();
        let mut tallies = Tallies::new();
        for listing in catalogue::listings().iter().copied().filter(|l| l.place() == Place::Account) {
            if listing.rests_on().is_none() && (!self.instances.is_empty() || !is_of_instances(listing)) {
                let (aws, deadline) = (self.aws.clone(), self.deadline);
                calls.spawn(async move { (listing, aws.tally(listing, None, deadline).await) });
            }
        }
        for (listing, tally) in calls.join_all().await {
            tallies.insert(listing, tally.map_err(|fault| self.without_service(listing, fault)));
        }
        if let Some(campaigns) = tallies.get(&Listing::Campaigns) {
            let active = match campaigns {
                Ok(tally) => self.aws.campaigns.active(&tally.resources, self.deadline).await,
                Err(fault) => Err(fault.clone()),
            };
            tallies.insert(Listing::ActiveCampaigns, active);
        }
        let replicas = match tallies.get(&Listing::TrafficGroups) {
            Some(Ok(tally)) => {
                // Only replicated instances have such groups.
                let arns: Vec<&str> = tally.groups.keys().map(String::as_str).collect();
                self.aws.connect.replicas(&arns, self.aws.region(), self.deadline).await
            }
            Some(Err(fault)) => Err(fault.clone()),
            // There is no instance.
            None => Ok(Tally::default()),
        };
        tallies.insert(Listing::Replicas, replicas);
        let tallies = Arc::new(tallies);
        let mut rounds = JoinSet::new();
        for service in Service::companions() {
            let round = self.round(service, None, self.account_tours.clone(), self.detail_calls);
            let tallies = Arc::clone(&tallies);
            rounds.spawn(async move { round.visit(&tallies).await });
        }
        let visits = rounds.join_all().await.into_iter().flatten().collect();
        (Arc::unwrap_or_clone(tallies), visits)
    }

    /// A companion service is not here where its name does not exist and Service Quotas does not know it either.
    fn without_service(&self, listing: Listing, fault: Fault) -> Fault {
        let service = listing.service();
        let is_lasting = fault.kind == FaultKind::NoSuchHost;
        if service == Service::Connect || !is_lasting || !self.limits_of(service).is_unknown_service() {
            return fault;
        }
        let why = format!(
            "{} is not offered in this Region: its name does not exist, and Service Quotas does not know it",
            service.name()
        );
        Fault { kind: FaultKind::NotOffered, message: why, ..fault }
    }

    /// Asks for the series of one window.
    async fn read_window(&self, start: i64, asked: Vec<(Key, Query)>, gauges: &mut Gauges, rates: &mut Rates) {
        let (keys, queries): (Vec<Key>, Vec<Query>) = asked.into_iter().unzip();
        let answers = self.aws.cloudwatch.read(&queries, Window { start, ..self.window }, self.deadline).await;
        for (key, answer) in keys.into_iter().zip(answers) {
            match key {
                Key::Gauge(instance, name) => gauges.insert((instance, name), answer),
                Key::Rate(code) => rates.insert(code, answer),
            };
        }
    }

    /// All CloudWatch series of the run, in as few calls as they fit in: those of one window together.
    async fn series(&self) -> Series {
        let mut windows: BTreeMap<i64, Vec<(Key, Query)>> = BTreeMap::new();
        let (mut gauges, mut rates) = (Gauges::new(), Rates::new());
        let all = gauges_of_the_catalogue();
        for instance in &self.instances {
            let start = self.looks_back_to(&instance.id);
            let of_window = windows.entry(start).or_default();
            for gauge in all.iter().copied() {
                let named = |(name, query)| (Key::Gauge(instance.id.clone(), name), query);
                of_window.extend(gauge_queries(gauge, instance).into_iter().map(named));
            }
            // The questions of a thousand instances would be a heap: a full call's are asked at once.
            if of_window.len() >= FULL_CALL {
                let asked = std::mem::take(of_window);
                self.read_window(start, asked, &mut gauges, &mut rates).await;
            }
        }
        let own = self.own_calls();
        let Asked { rates: asked, idle, mut activity, fault } = self.rates_to_read().await;
        for Rate { service, code, start, query } in asked {
            let limits = self.limits_of(service);
            let query = query.without(rates::operation(limits, &code).and_then(|o| own.minutes(service.code(), o)));
            windows.entry(start).or_default().push((Key::Rate(code), query));
        }
        for (start, asked) in windows {
            self.read_window(start, asked, &mut gauges, &mut rates).await;
        }
        let is_called = |read: &Read| read.as_ref().is_ok_and(|series| series.peak_at.is_some() || series.own > 0);
        let called = rates.iter().filter(|(_, read)| is_called(read)).map(|(code, _)| code.as_str());
        activity.note(called, self.now.as_second());
        // Nobody called them.
        rates.extend(idle.into_iter().map(|code| (code, Ok(Idle { pair: Some(0.0), ..Idle::default() }))));
        Series { gauges, rates, activity, fault }
    }
}

/// Phone numbers, groups and campaigns: without an instance there is nobody to ask for.
fn is_of_instances(listing: Listing) -> bool {
    catalogue::per_instance().any(|q| q.meter.listing() == Some(listing))
}

/// Each metric of a gauge, in each of its groups.
fn gauge_queries(gauge: Gauge, instance: &Instance) -> Vec<((&'static str, &'static str), Query)> {
    let metric = gauge.metric();
    let query = |name: &str, group: &str, statistic: Statistic, period| Query {
        namespace: "AWS/Connect".to_owned(),
        name: name.to_owned(),
        dimensions: vec![("InstanceId".to_owned(), instance.id.clone()), ("MetricGroup".to_owned(), group.to_owned())],
        statistic,
        period,
        rolling: None,
        own: Minutes::new(),
    };
    let mut queries = Vec::new();
    for group in metric.metric_groups {
        queries.push(((metric.name, *group), query(metric.name, group, Statistic::Maximum, metric.period)));
        let share = metric.share.0;
        queries.push(((share, *group), query(share, group, Statistic::Maximum, metric.period)));
        let breaches = metric.breaches.iter();
        queries.extend(breaches.map(|name| ((*name, *group), query(name, group, Statistic::Sum, 60))));
    }
    queries
}

fn gauges_of_the_catalogue() -> Vec<Gauge> {
    catalogue::all().filter_map(|q| if let Meter::Gauge(g) = q.meter { Some(g) } else { None }).collect()
}

/// How a companion service answered this run.
pub(super) fn availability(service: Service, tallies: &Tallies) -> (&'static str, Option<String>) {
    let mut of: Vec<&Result<Tally, Fault>> =
        tallies.iter().filter(|(listing, _)| listing.service() == service).map(|(_, tally)| tally).collect();
    of.sort_by_key(|tally| tally.is_ok());
    match of.first() {
        None => ("not_asked", Some("there is no instance".to_owned())),
        Some(Err(fault)) => {
            let status = match fault.kind {
                FaultKind::NotOffered => "not_offered",
                FaultKind::NotEnabled => "not_enabled",
                FaultKind::AccessDenied => "denied",
                _ => "failed",
            };
            (status, Some(fault.message.clone()))
        }
        Some(Ok(_)) if of.iter().all(|tally| tally.as_ref().is_ok_and(|t| t.total == 0)) => ("unused", None),
        Some(Ok(_)) => ("in_use", None),
    }
}
