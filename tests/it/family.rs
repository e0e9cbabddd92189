//! Worlds made from the catalogue: for each quota one in which only it is above its limit, and one with
//! everything in it.

use std::collections::BTreeSet;

use connect_quota_monitor::catalogue::{self, Listing, Meter, Place, Quota, Service};
use connect_quota_monitor::domain::Scope;
use serde_json::{Value, json};
use simaws::{Instance, Resource, World};

use crate::harness::{Bench, NOON, quiet, row};
use crate::held;

/// How the simulated AWS must make a resource so that visits of this listing come to it.
fn kind_member(listing: Listing) -> Option<(&'static str, &'static str)> {
    let Place::Each(_, Some(kind)) = listing.place() else { return None };
    let member = match listing {
        Listing::CasesFieldOptions => "type",
        Listing::CasesRuleValues => "ruleType",
        Listing::MessageTemplates | Listing::QuickResponses => "knowledgeBaseType",
        other => panic!("{other:?} visits one kind only: say which member tells it"),
    };
    Some((member, kind))
}

/// The resource whose children this listing counts, made with all it stands in.
pub fn parent_of(world: &mut World, listing: Listing) -> &mut Resource {
    let chain = listing.chain();
    let service = listing.service().code();
    let top = chain[0];
    let mut resource = world.add(service, top.operation(), &format!("the-{listing:?}"));
    for pair in chain.windows(2) {
        if let Some((member, kind)) = kind_member(pair[1]) {
            resource.set(member, kind);
        }
        if pair[1] != listing {
            resource.add(pair[1].operation(), 1);
            resource = resource.child(pair[1].operation(), 0);
        }
    }
    resource
}

/// What a queue takes at most.
const CONTACTS: u64 = 20;

/// Makes the world hold `n` of what a quota counts.
pub fn hold(world: &mut World, quota: &Quota, n: u64) {
    let many = usize::try_from(n).unwrap();
    if held::hold(world, quota, n) {
        return;
    }
    if let Meter::Bounded(listing) = quota.meter {
        // Two channels: what the profile's listing tells is more than there is.
        world.instances[0].set("ListRoutingProfiles", 2).set_children("MediaConcurrencies", 1, 2);
        world.instances[0].set_children(listing.operation(), 1, n);
        return;
    }
    if let Meter::Worst(listing) | Meter::WorstIn(listing, _) = quota.meter {
        let operation = listing.operation();
        if listing.service() == Service::Connect {
            let instance = &mut world.instances[0];
            let parent = listing.parent().unwrap().operation();
            instance.set(parent, 2);
            // One of a queue's addresses is its default.
            let more = u64::from(listing == Listing::QueueEmailAddresses);
            instance.set_children(operation, 1, n + more);
            if let Meter::WorstIn(_, "primary") = quota.meter {
                instance.set_children("Primary", 1, n);
            }
            return;
        }
        let resource = parent_of(world, listing);
        match quota.meter {
            Meter::WorstIn(_, "children") => {
                resource.add(operation, 1).child(operation, 0).add("childFieldOptionValues", many);
            }
            // What a description names must stand beside it.
            _ if listing == Listing::CasesLayoutFields => {
                world.resource("cases", "ListDomains", 0).add("ListFields", many);
                world.resource("cases", "ListDomains", 0).child("ListLayouts", 0).add(operation, many);
            }
            _ if listing == Listing::CasesTemplateRules => {
                let domain = world.resource("cases", "ListDomains", 0).add("ListCaseRules", many);
                for rule in 0..many {
                    domain.child("ListCaseRules", rule).set("ruleType", "FieldOptions");
                }
                world.resource("cases", "ListDomains", 0).child("ListTemplates", 0).add(operation, many);
            }
            _ => {
                resource.add(operation, many);
            }
        }
        return;
    }
    let instance: &mut Instance = &mut world.instances[0];
    match quota.meter {
        Meter::Count(listing) if listing.service() != Service::Connect => {
            world.add_many(listing.service().code(), listing.operation(), many);
        }
        // Half of them V1, and each V2 bot has two aliases.
        Meter::CountWithDistinct(v1, v2) => {
            let bots = n.div_ceil(2);
            instance.set(v1.operation(), n - bots).set(v2.operation(), bots * 2).lex_v2_bots = Some(bots);
        }
        Meter::WorstGroup(Listing::HoursOverrides, _) => {
            instance.set("ListHoursOfOperations", 1);
            instance.set_children("SearchHoursOfOperationOverrides", 0, n);
        }
        Meter::Count(listing) => {
            instance.set(listing.operation(), n);
        }
        Meter::CountIn(_, kind) | Meter::DistinctIn(_, kind) => {
            instance.integrate(kind, n);
        }
        Meter::OfInstance(Listing::PhoneNumbers) => instance.phone_numbers = n,
        Meter::OfInstance(_) => {
            world.add_many("connect-campaigns", "ListCampaigns", many);
        }
        Meter::WorstGroup(Listing::HoursParents, _) => {
            instance.set("ListHoursOfOperations", 2).set_children("ParentHoursOfOperations", 1, n);
        }
        Meter::WorstGroup(..) => {
            instance.rules.insert("OnPostCallAnalysisAvailable".to_owned(), n);
        }
        Meter::Instances => {
            let id = u32::try_from(n).unwrap();
            world.instances.extend((2..=id).map(|i| Instance::new(i, &format!("more-{i}"))));
        }
        Meter::QueueCapacity(_) => {
            let id = instance.id.clone();
            instance.set_children("MaxContacts", 2, CONTACTS);
            let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "Queue"), ("QueueName", "Queue 3")];
            world.metrics.put("AWS/Connect", "QueueSize", &dimensions, NOON - 600, n as f64);
        }
        Meter::Gauge(gauge) => {
            let (id, metric) = (instance.id.clone(), gauge.metric());
            let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", metric.metric_groups[0])];
            world.metrics.put("AWS/Connect", metric.name, &dimensions, NOON - 600, n as f64);
        }
        Meter::Rate => {
            // AWS counts what Service Quotas does not list under the same service name.
            let unlisted = || quota.operation().map(|operation| (operation, "Connect"));
            let (resource, service) = world.quotas.usage_dimensions(quota.code).or_else(unlisted).expect("a metric");
            let dimensions = [("Class", "None"), ("Resource", resource), ("Service", service), ("Type", "API")];
            world.metrics.put("AWS/Usage", "CallCount", &dimensions, NOON - 600, n as f64 * 60.0);
        }
        _ => unreachable!("{} is held elsewhere", quota.name),
    }
}

/// Keys of all rows of an answer with a status, as `place key`.
fn found(report: &Value, statuses: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let seen = report["instances"].as_array().unwrap().iter().chain([&report["account"]]);
    for row in seen.flat_map(|seen| seen["metrics"].as_array().unwrap()) {
        if statuses.iter().any(|s| row["status"] == *s) {
            let key = if row["quota_code"] == "-" { &row["quota_name"] } else { &row["quota_code"] };
            found.insert(key.as_str().unwrap().to_owned());
        }
    }
    found
}

async fn only_it_is_above_its_limit(quotas: Vec<&'static Quota>) {
    for quota in quotas {
        let mut world = quiet(1);
        let limit = if quota.is_listed() {
            // One more than instances that a world has at least.
            world.quotas.set_account(quota.code, 10.0);
            10
        } else {
            quota.default.map_or(CONTACTS, |default| default as u64)
        };
        hold(&mut world, quota, limit + 1);
        let mut bench = Bench::new(world);
        let report = bench.dry_run().await;
        let key = quota.id().key().to_owned();
        assert_eq!(found(&report, &["warning", "critical"]), BTreeSet::from([key.clone()]), "{}", quota.name);
        let is_account = quota.service != Service::Connect && quota.scope == Scope::Resource;
        let place =
            if quota.scope == Scope::Account || is_account { &report["account"] } else { &report["instances"][0] };
        let row = row(place, &key);
        assert_eq!(row["usage"], json!((limit + 1) as f64), "{row}");
        assert_eq!(row["limit"], json!(limit as f64), "{row}");
        assert_eq!(row["service_code"], quota.service.code(), "{row}");
        if quota.scope == Scope::Resource {
            assert!(row["resource"].as_str().is_some_and(|r| !r.is_empty()), "{row}");
        }
        assert_eq!(report["complete"], true, "{}: {}", quota.name, report["faults"]);
    }
}

/// Without bursts and sums: of these there is a bound only, which is never a violation.
fn measurable(mut keep: impl FnMut(&Quota) -> bool) -> Vec<&'static Quota> {
    catalogue::all()
        .filter(|q| !matches!(q.meter, Meter::NotMeasurable(_) | Meter::Burst | Meter::SumOf(_)))
        .filter(|q| keep(q))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_quota_of_connect_is_found_alone() {
    only_it_is_above_its_limit(measurable(|q| q.service == Service::Connect && q.meter != Meter::Rate)).await;
}

#[tokio::test(start_paused = true)]
async fn each_quota_of_a_companion_service_is_found_alone() {
    only_it_is_above_its_limit(measurable(|q| q.service != Service::Connect && q.meter != Meter::Rate)).await;
}

/// All rates are read together: each at another percentage, and each must be its own.
#[tokio::test(start_paused = true)]
async fn each_rate_is_its_own() {
    let mut world = quiet(1);
    let rates = measurable(|q| q.meter == Meter::Rate);
    for (n, quota) in rates.iter().enumerate() {
        if quota.is_listed() {
            world.quotas.set_account(quota.code, 10_000.0 + n as f64);
        }
        hold(&mut world, quota, n as u64 + 1);
    }
    let mut bench = Bench::new(world);
    let report = bench.dry_run().await;
    for (n, quota) in rates.iter().enumerate() {
        let row = row(&report["account"], quota.key());
        // Three rates that Service Quotas shows wrong are compared with their documented value.
        assert_eq!(row["usage"], json!((n + 1) as f64), "{row}");
    }
    let reads = bench.calls("monitoring").into_iter().filter(|call| call == "GetMetricData").count();
    assert_eq!(reads, 2, "465 rates that were all called, and the gauges: 500 fit one call");
}

const BY_OTHER_MEANS: &[Listing] =
    &[Listing::Integrations, Listing::Rules, Listing::HoursOverrides, Listing::RoutingProfilesFound];

/// A world with one of everything, in which every operation of the catalogue is called.
pub fn whole() -> World {
    let mut world = quiet(1);
    let listings: BTreeSet<Listing> = catalogue::listings().iter().copied().collect();
    for listing in &listings {
        match (listing.place(), listing.service()) {
            // Made by their parents, or by kind.
            (Place::Instance, _) if BY_OTHER_MEANS.contains(listing) => {}
            (Place::Instance, _) => {
                // Two security keys are all that AWS allows.
                let n = if *listing == Listing::SecurityKeys { 1 } else { 2 };
                world.instances[0].set(listing.operation(), n);
            }
            (Place::Account, service) if service != Service::Connect && *listing != Listing::ActiveCampaigns => {
                world.add_many(service.code(), listing.operation(), 1);
            }
            _ => {}
        }
    }
    // The groups tell which instances are replicated.
    world.instances[0].traffic_groups = 1;
    // Could be too many, and are not: looked into.
    world.instances[0].set_children("ListEvaluationFormVersions", 0, 3).set_children("LatestVersion", 0, 45);
    for (queues, pairs) in [
        ("NumberOfAssociatedQueues", "ListRoutingProfileQueues"),
        ("NumberOfAssociatedManualAssignmentQueues", "ListRoutingProfileManualAssignmentQueues"),
    ] {
        let instance = &mut world.instances[0];
        instance.set_children("MediaConcurrencies", 0, 3).set_children(queues, 0, 30).set_children(pairs, 0, 30);
    }
    for listing in listings.iter().filter(|l| matches!(l.place(), Place::Each(..)) && l.service() != Service::Connect) {
        let chain = listing.chain();
        if chain.iter().any(|l| kind_member(*l).is_some()) {
            parent_of(&mut world, *listing);
            continue;
        }
        let mut resource = world.resource(listing.service().code(), chain[0].operation(), 0);
        for between in &chain[1..chain.len() - 1] {
            resource = resource.add(between.operation(), 1).child(between.operation(), 0);
        }
    }
    world
}

#[tokio::test(start_paused = true)]
async fn the_whole_world_is_seen_whole() {
    let mut bench = Bench::new(whole()).with_config(|c| c.detail_calls = 1_000);
    let report = bench.dry_run().await;
    assert_eq!(report["complete"], true, "{}", report["faults"]);
    for listing in catalogue::listings() {
        let service = listing.service().code();
        assert!(
            bench.calls(service).iter().any(|o| o == listing.operation()),
            "{} was not called",
            listing.qualified()
        );
    }
}
