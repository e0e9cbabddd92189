//! From the catalogue to readings: which calls answer which quotas, made side by side and paced.
//!
//! Nothing is judged here. Every quota of the catalogue yields exactly one reading per instance (or
//! one for the account), and a call that failed makes unknown exactly the readings that it served.

mod activity;
mod bursts;
mod detail;
mod gauges;
mod integrations;
mod outcome;
mod own;
mod queues;
mod rates;
mod scan;
mod shared;
mod trail;
mod usage;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicUsize;

use tokio::task::JoinSet;

use crate::catalogue::{self, Gauge, Listing, Meter, Place, Quota, Service};
use crate::domain::kept::KeptLimits;
use crate::domain::service::ServiceReport;
use crate::domain::tour::{Tours, part};
use crate::domain::{Bound, Ceiling, Fault, Instance, Measured, Reading, Scope, Usage};
use crate::judge::limits::Listed;

use detail::{Round, Tallies, tours_of};
pub use integrations::Integrations;
use outcome::{unknown, used};
pub use own::LimitCalls;
use own::OwnLimits;
pub use scan::{Field, Rules, Scan, window};
use scan::{LATE_DATA_SECONDS, Shared};
use shared::availability;
use usage::{Sources, instance_usage, worst};

/// What was read for one instance, or for the account.
#[derive(Debug)]
pub struct Collected {
    pub readings: Vec<Reading>,
    pub integrations: Integrations,
    pub tours: Tours,
    /// The instance's own limits, for the next run.
    pub kept: KeptLimits,
    pub limit_calls: LimitCalls,
    /// What failed and made no row unknown, because an earlier answer stands in.
    pub faults: Vec<Fault>,
}

impl Scan {
    /// Visits of a service's resources, for an instance or for the account, with so many calls.
    fn round(&self, service: Service, instance: Option<&Instance>, tours: Tours, calls: u32) -> Round {
        Round {
            aws: self.aws.clone(),
            service,
            instance: instance.cloned(),
            tours,
            cuts: HashMap::new(),
            calls: (self.detail_calls > 0).then_some(calls),
            now: self.now,
            deadline: self.deadline,
        }
    }

    /// The usage from which on a bounded quota's row would not be `ok`, by the visiting listing.
    fn cuts(&self, instance: &Instance) -> HashMap<Listing, f64> {
        let mut cuts = HashMap::new();
        for quota in catalogue::per_instance() {
            let Meter::Bounded(listing) = quota.meter else { continue };
            let rule = self.rules.overrides.effective(&quota.id(), Some(instance), self.now);
            let applied = || self.limit(quota, Some(&instance.arn)).ok().flatten().map(|limit| limit.value);
            let limit = rule.limit.or_else(applied).or(quota.default).unwrap_or(0.0);
            cuts.insert(listing, limit * rule.threshold.unwrap_or(self.rules.thresholds.warning) / 100.0);
        }
        cuts
    }

    /// The faults of the limits' listings, each cause once, with the services of which it is true.
    #[must_use]
    pub fn limit_faults(&self) -> Vec<Fault> {
        let of = |service: Service| self.limits_of(service).faults().into_iter().map(move |f| (service.code(), f));
        let faults: Vec<(&str, Fault)> = Service::ASKED.iter().copied().flat_map(of).collect();
        Fault::by_cause(faults.iter().map(|(service, fault)| (*service, fault)))
    }

    /// Lets each operation's own rate quota slow its bucket, where operations are paced one by one.
    pub fn apply_rate_quotas(&self) {
        let limits = self.limits_of(Service::Connect);
        for listing in catalogue::listings().iter().copied().filter(|l| l.service() == Service::Connect) {
            let name = format!("Rate of {} API requests", listing.operation());
            // What could not be read says nothing: the last known quota stays.
            if let Some(quota) = catalogue::per_account().find(|q| q.name == name)
                && let Ok(limit) = limits.resolve(quota, None, None)
            {
                // A rate whose period is not known tells nothing.
                let Ok(seconds) = limits.period_seconds(quota.code) else { continue };
                let per_second = limit.map(|limit| limit.value / seconds);
                self.aws.connect.caller().pacer().apply_quota(listing.operation(), per_second);
            }
        }
    }

    /// Every reading of one instance. `turn` is its place among those that the run has time for, by
    /// which they share the calls for single resources, and those for their own limits. `kept` is what is known of
    /// these.
    pub async fn instance(
        &self,
        turn: (usize, usize),
        instance: &Instance,
        tours: Tours,
        kept: KeptLimits,
    ) -> Collected {
        let listed = Box::pin(async {
            let tallies = self.tallies(instance).await;
            let calls = part(self.detail_calls, turn.0, turn.1, self.now);
            let round = self.round(Service::Connect, Some(instance), tours, calls);
            let visits = Round { cuts: self.cuts(instance), ..round }.visit(&tallies).await;
            let queues = self.queues(instance, &tallies).await;
            (tallies, visits, queues)
        });
        let limits = self.limits_of(Service::Connect);
        let own_limits = OwnLimits::new(self, limits, instance, kept);
        let left = self.questions_left.get_or_init(|| async { AtomicUsize::new(self.questions_in_time()) }).await;
        // On the heap: the futures of a run stand in each other.
        let own_limits = Box::pin(own_limits.ask_what_is_due(left, self.instances.len().saturating_sub(turn.0)));
        let ((tallies, visits, queues), mut own_limits, shared) = tokio::join!(listed, own_limits, self.shared());
        let mut integrations = Integrations::default();
        if let Some(tally) = tallies.get(&Listing::Integrations) {
            integrations.add(tally);
        }
        let start = self.looks_back_to(&instance.id);
        // Some seconds more or less between two runs are no waiting.
        let waited_since = (start < self.window.start - LATE_DATA_SECONDS).then_some(start);
        let sources = Sources { instance, waited_since, tallies: &tallies, visits: &visits, shared, queues: &queues };
        let mut readings: Vec<Reading> = catalogue::per_instance()
            .map(|quota| {
                let limits = self.limits_of(quota.service);
                let live =
                    rates::is_live(quota, limits).then(|| rates::of_all(quota, shared.rates.get(quota.code), limits));
                let (measured, source) =
                    live.unwrap_or_else(|| (instance_usage(quota, &sources), quota.meter.source()));
                Reading { quota: quota.id(), limit: own_limits.limit(quota, limits), measured, source }
            })
            .collect();
        Box::pin(own_limits.confirm(self, limits, &mut readings)).await;
        readings.extend(self.owned(&integrations, shared));
        let (kept, limit_calls, faults) = own_limits.finish(self.interval());
        Collected { readings, integrations, tours: tours_of(&visits), kept, limit_calls, faults }
    }

    /// Readings of the companion services' resources that belong to an instance.
    fn owned(&self, integrations: &Integrations, shared: &Shared) -> Vec<Reading> {
        let mine = integrations.owned();
        let is_mine = |root: Option<&str>| root.is_some_and(|arn| mine.contains(arn));
        let of_root = |listing: Listing| match shared.tallies.get(&listing.root()) {
            Some(Ok(tally)) => tally.resources.iter().any(|r| is_mine(r.root.as_deref())),
            // A row that was there must not vanish because its resource could not be listed.
            Some(Err(_)) => integrations.owns_of(listing.service()),
            None => false,
        };
        catalogue::per_resource()
            .filter(|quota| quota.meter.listing().is_some_and(of_root))
            .map(|quota| Reading {
                quota: quota.id(),
                limit: self.limit(quota, Some("")),
                measured: worst(quota, &shared.visits, is_mine),
                source: quota.meter.source(),
            })
            .collect()
    }

    /// Every reading of the account's own quotas, of what belongs to no instance, and of what the
    /// catalogue does not know.
    pub async fn account(&self, integrations: Integrations) -> Collected {
        let shared = self.shared().await;
        let mut readings: Vec<Reading> = catalogue::per_account()
            .map(|quota| {
                let resource = (quota.scope == Scope::Resource).then_some("");
                let limits = self.limits_of(quota.service);
                let (measured, source) = if quota.meter == Meter::Rate || rates::is_live(quota, limits) {
                    rates::measured(Some(quota), shared.rates.get(quota.key()), limits, quota.key())
                } else if quota.meter == Meter::Burst {
                    let source = quota.rate_beside().map_or_else(String::new, |_| quota.meter.source());
                    (bursts::measured(quota, limits, &shared.rates), source)
                } else {
                    (self.account_usage(quota, &integrations, shared), quota.meter.source())
                };
                Reading { quota: quota.id(), limit: self.limit(quota, resource), measured, source }
            })
            .collect();
        for service in Service::ASKED {
            readings
                .extend(self.uncatalogued(*service).into_iter().map(|listed| self.unlisted(*service, listed, shared)));
        }
        Collected {
            readings,
            integrations,
            tours: tours_of(&shared.visits),
            kept: KeptLimits::default(),
            limit_calls: LimitCalls::default(),
            faults: shared.activity_fault.iter().cloned().collect(),
        }
    }

    /// How each companion service answered.
    pub async fn services(&self) -> Vec<ServiceReport> {
        let shared = self.shared().await;
        Service::companions()
            .map(|service| {
                let (status, note) = availability(service, &shared.tallies);
                ServiceReport { service_code: service.code(), status, note }
            })
            .collect()
    }

    /// Codes that Service Quotas lists and the catalogue does not know.
    fn uncatalogued(&self, service: Service) -> Vec<Listed<'_>> {
        let known: BTreeSet<&str> = catalogue::all().filter(|q| q.service == service).map(|q| q.code).collect();
        self.limits_of(service).listed().into_iter().filter(|listed| !known.contains(listed.code)).collect()
    }

    fn unlisted(&self, service: Service, listed: Listed<'_>, shared: &Shared) -> Reading {
        let limits = self.limits_of(service);
        let (measured, source) = if listed.has_usage_metric {
            rates::measured(None, shared.rates.get(listed.code), limits, listed.code)
        } else {
            let why = "AWS lists this quota and this version of the catalogue does not know it: a limit only";
            (Measured::NotMeasurable(why.to_owned()), String::new())
        };
        Reading {
            quota: listed.uncatalogued(service),
            limit: limits.resolve_code(listed.code, None, None),
            measured,
            source,
        }
    }

    fn account_usage(&self, quota: &Quota, integrations: &Integrations, shared: &Shared) -> Measured {
        match quota.meter {
            #[expect(clippy::cast_precision_loss, reason = "a number of instances")]
            Meter::Instances => used(quota, Usage::exactly(self.existing as f64)),
            Meter::DistinctIn(_, kind) => match &integrations.fault {
                Some(fault) => unknown(fault),
                None if integrations.left_out.is_some() => {
                    Measured::OutOfReach(integrations.left_out.clone().unwrap_or_default())
                }
                None if self.left_out > 0 => Measured::OutOfReach(format!(
                    "counted over all instances, and this run left out {} of them",
                    self.left_out
                )),
                #[expect(clippy::cast_precision_loss, reason = "a number of integrations")]
                None => used(quota, Usage::exactly(integrations.distinct(kind) as f64)),
            },
            Meter::Worst(_) | Meter::WorstIn(..) | Meter::Higher(..) if self.is_part => Measured::OutOfReach(
                "shown for what belongs to no instance, and this run did not ask every instance what it owns"
                    .to_owned(),
            ),
            Meter::Worst(_) | Meter::WorstIn(..) | Meter::Higher(..) => {
                let owned = integrations.owned();
                let usage = worst(quota, &shared.visits, |root| root.is_none_or(|arn| !owned.contains(arn)));
                match (&integrations.fault, &usage) {
                    // It may belong to an instance that could not be asked what it owns.
                    (Some(fault), Measured::Usage(used)) if used.resource.is_some() => unknown(fault),
                    (None, Measured::Usage(used)) if used.resource.is_some() && integrations.left_out.is_some() => {
                        Measured::OutOfReach(integrations.left_out.clone().unwrap_or_default())
                    }
                    _ => usage,
                }
            }
            Meter::NotMeasurable(reason) => Measured::NotMeasurable(reason.to_owned()),
            Meter::Count(listing) => usage::count_of(quota, listing, &shared.tallies),
            Meter::Trail(trailed) => self.trailed(quota, trailed, shared),
            Meter::SumIn(listing, group, kind) => usage::sum_in(quota, (listing, group, kind), &shared.visits),
            Meter::SumOf(gauge) => self.sum_of(quota, gauge, shared),
            Meter::CountIn(..)
            | Meter::CountWithDistinct(..)
            | Meter::OfInstance(_)
            | Meter::WorstGroup(..)
            | Meter::WorstMarked(..)
            | Meter::Bounded(_)
            | Meter::QueueCapacity(_)
            | Meter::Gauge(_)
            | Meter::Rate
            | Meter::Burst => Measured::NotMeasurable("measured elsewhere".to_owned()),
        }
    }

    /// Of all instances together, each at its peak: whatever a part of these is, there is no more of it.
    fn sum_of(&self, quota: &Quota, gauge: Gauge, shared: &Shared) -> Measured {
        if self.is_part || self.left_out > 0 {
            return Measured::OutOfReach("counted over all instances, and this run left out some of them".to_owned());
        }
        let mut sum = 0.0;
        for instance in &self.instances {
            match gauges::peak(gauge, instance, shared) {
                Ok(peak) => sum += peak,
                Err(fault) => return unknown(&fault),
            }
        }
        let note = format!("at most: the highest {} of all instances together", gauge.metric().name);
        let usage = Usage {
            approximate: true,
            bound: Some(Bound::Upper),
            ceiling: Some(Ceiling::BelowWarning),
            note: (sum > 0.0).then_some(note),
            ..Usage::exactly(sum)
        };
        used(quota, usage)
    }

    /// All listings of one instance, in the order of the catalogue.
    async fn tallies(&self, instance: &Instance) -> Tallies {
        let mut calls = JoinSet::new();
        for listing in instance_listings() {
            let (aws, instance, deadline) = (self.aws.clone(), instance.clone(), self.deadline);
            calls.spawn(async move { (listing, aws.tally(listing, Some(&instance), deadline).await) });
        }
        calls.join_all().await.into_iter().collect()
    }
}

/// The listings that every instance is asked, in the order of the catalogue.
#[must_use]
pub fn instance_listings() -> Vec<Listing> {
    catalogue::listings().iter().copied().filter(|l| l.place() == Place::Instance).collect()
}
