//! Answers of AWS that are not what they should be, through the real deserializers: what is counted
//! stands in the answer that arrived, and everything else is a fault that names its operation.

use std::time::Duration;

use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::aws::cloudwatch::{Query, Window};
use connect_quota_monitor::aws::pace::{PacingPlan, Rate};
use connect_quota_monitor::catalogue::{self, Listing, Service};
use connect_quota_monitor::config::Config;
use connect_quota_monitor::domain::limit::Statistic;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::domain::{Instance, Owner};
use connect_quota_monitor::judge::limits::Limits;
use connect_quota_monitor::keep::ledger::Opened;
use connect_quota_monitor::measure::instance_listings;
use connect_quota_monitor::run::App;
use connect_quota_monitor::run::sinks::Sinks;
use jiff::Timestamp;
use serde_json::Value;
use simaws::{Sim, Table, Throttle, World};
use tokio::time::Instant;

use crate::wire::{Spoil, Wire};

/// 2026-03-02T12:00:00Z.
const NOON: i64 = 1_772_452_800;
const TABLE: &str = "quota-snapshots";
const BUCKET: &str = "quota-history";

/// Who is asked.
pub struct Target {
    runtime: tokio::runtime::Runtime,
    wire: Wire,
    aws: Aws,
    sinks: Sinks,
    instance: Instance,
    listings: Vec<Listing>,
}

impl Target {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut world = World::with_instances(1);
        world.throttle = Throttle::None;
        for code in world.quotas.codes("connect").into_iter().skip(12) {
            world.quotas.remove(code);
        }
        let arn = world.instances[0].arn(&world);
        world.quotas.set_instance(world.quotas.codes("connect")[0], &arn, 12.0);
        let names: Vec<String> = world.instances[0].counts.keys().cloned().collect();
        for (n, name) in names.iter().enumerate() {
            world.instances[0].set(name, 2 + n as u64 % 3);
        }
        world.instances[0].integrate("CASES_DOMAIN", 1);
        world.tables.insert(TABLE.to_owned(), Table::new("subject", "timestamp"));
        world.buckets.entry(BUCKET.to_owned()).or_default();
        let id = world.instances[0].id.clone();
        let sim = Sim::new(world);
        let wire = Wire::new(&sim);
        let config =
            Config { dynamodb_table: Some(TABLE.to_owned()), s3_bucket: Some(BUCKET.to_owned()), ..Config::default() };
        let fast = PacingPlan::Flat(Rate::new(10_000.0, 10_000));
        let sdk = runtime.block_on(wire.sdk());
        let aws = Aws::with_plans(&sdk, fast.clone(), fast);
        let sinks = Sinks::new(&sdk, &config, true);
        let instance = Instance { id, arn, alias: None, status: "ACTIVE".to_owned() };
        // One run leaves what the stores are asked for.
        let app = App::new(config, aws.clone(), sinks.clone());
        let moment = connect_quota_monitor::run::Moment::within(at(NOON - 3600), Duration::from_secs(900));
        runtime.block_on(app.run(&Request::default(), moment)).unwrap();
        Self { runtime, wire, aws, sinks, instance, listings: instance_listings() }
    }

    /// One listing whose answers are spoiled.
    pub fn listing(&self, which: usize, spoil: Spoil) {
        let listing = self.listings[which % self.listings.len()];
        self.wire.spoil(Some(spoil));
        let result = self.runtime.block_on(async {
            let instance = Some(&self.instance);
            self.aws.tally(listing, instance, deadline()).await
        });
        self.wire.spoil(None);
        let body = self.wire.last();
        let shown = || String::from_utf8_lossy(&body).chars().take(2_000).collect::<String>();
        match result {
            Ok(tally) => {
                // Where the SDK's reader forgives what ours does not, there are no more items than objects.
                let objects = body.split(|byte| *byte == b'{').count() as u64 - 1;
                let is_right = counted(&body).map_or(tally.total < objects, |counted| counted.could_be(tally.total));
                assert!(is_right, "{listing:?}: {} of {}", tally.total, shown());
                let grouped: u64 = tally.groups.values().map(|group| group.count).sum();
                assert!(grouped <= tally.total, "{listing:?}: {grouped} in groups of {}: {}", tally.total, shown());
            }
            Err(fault) => {
                assert_eq!(fault.operation, listing.qualified());
                assert!(!fault.message.is_empty(), "{listing:?}: {}", shown());
            }
        }
    }

    /// The limits of Connect, from spoiled listings: each value is a number of the answer.
    pub fn limits(&self, spoil: Spoil) {
        self.wire.spoil(Some(spoil));
        let listings = self.runtime.block_on(async { self.aws.quotas.limits(Service::Connect, deadline()).await });
        let limits = Limits::of(Service::Connect, listings);
        self.wire.spoil(None);
        for fault in limits.faults() {
            assert!(fault.operation.starts_with("servicequotas:List"), "{fault}");
        }
        for quota in catalogue::per_instance().filter(|q| q.service == Service::Connect) {
            match limits.resolve(quota, Some(&self.instance.arn), None) {
                Ok(Some(limit)) => assert!(limit.value.is_finite() && limit.value >= 0.0, "{}: {limit:?}", quota.code),
                Ok(None) => {}
                Err(fault) => assert!(fault.operation.starts_with("servicequotas:"), "{fault}"),
            }
        }
    }

    /// Metrics from spoiled CBOR.
    pub fn metrics(&self, spoil: Spoil) {
        let queries = ["ConcurrentCalls", "ThrottledCalls"].map(|name| Query {
            namespace: "AWS/Connect".to_owned(),
            name: name.to_owned(),
            dimensions: vec![("InstanceId".to_owned(), self.instance.id.clone())],
            statistic: Statistic::Maximum,
            period: 60,
            rolling: None,
            own: std::collections::BTreeMap::new(),
        });
        self.wire.spoil(Some(spoil));
        let window = Window { start: NOON - 3600, end: NOON };
        let series = self.runtime.block_on(async { self.aws.cloudwatch.read(&queries, window, deadline()).await });
        self.wire.spoil(None);
        assert_eq!(series.len(), queries.len(), "one answer for each question");
        for answer in series {
            match answer {
                Ok(series) => assert!(series.peak.is_finite() && series.sum.is_finite(), "{series:?}"),
                Err(unread) => assert_eq!(unread.fault.operation, "cloudwatch:GetMetricData"),
            }
        }
    }

    /// What the last run left, from a spoiled answer of its home.
    pub fn memory(&self, spoil: Spoil) {
        self.wire.spoil(Some(spoil));
        let owner = Owner { account_id: "111122223333".to_owned(), region: "us-east-1".to_owned() };
        let opened = self.runtime.block_on(self.sinks.stores.ledger(&owner, &self.instance.id));
        self.wire.spoil(None);
        if let Opened::Unreadable(fault) = opened {
            let place = fault.operation.split(':').next().unwrap_or_default();
            assert!(["dynamodb", "s3"].contains(&place), "{fault}");
        }
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(300)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// What a reader of the JSON counts.
struct Counted {
    /// Items of the longest list, and of all lists.
    items: (u64, u64),
    total: Option<u64>,
    /// Numbers that items carry, where these are weighed.
    weights: u64,
}

impl Counted {
    fn could_be(&self, counted: u64) -> bool {
        match self.total {
            // A search that says how many there are, unless it is read for what its items weigh.
            Some(total) => counted == total || counted == total.max(self.items.0) || counted <= self.weights,
            None => counted <= self.items.1.max(self.weights),
        }
    }
}

/// None where the body is no JSON object.
fn counted(body: &[u8]) -> Option<Counted> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let members = body.as_object()?;
    let lists: Vec<u64> = members
        .values()
        .filter_map(Value::as_array)
        .map(|list| list.iter().filter(|i| !i.is_null()).count() as u64)
        .collect();
    let total = members.get("ApproximateTotalCount").and_then(Value::as_u64);
    let numbers = members.values().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let weights = numbers.flat_map(|item| item.values()).filter_map(Value::as_u64).fold(0, u64::saturating_add);
    Some(Counted { items: (lists.iter().copied().max().unwrap_or(0), lists.iter().sum()), total, weights })
}
