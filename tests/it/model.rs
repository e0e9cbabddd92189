//! Random worlds against a plain reference that counts: every row is exactly right.

use std::collections::BTreeMap;

use connect_quota_monitor::catalogue::{self, Listing, Meter, Quota};
use proptest::prelude::*;
use serde_json::Value;
use simaws::{Instance, Throttle, World};

use crate::harness::{Bench, NOON};

/// Where the world keeps the number that a listing must find.
fn place(listing: Listing) -> &'static str {
    match listing {
        Listing::DataTables => "ListDataTables",
        Listing::Workspaces => "ListWorkspaces",
        Listing::Notifications => "ListNotifications",
        other => other.operation(),
    }
}

/// Numbers that stand at single resources.
fn children(instance: &Instance, name: &str) -> impl Iterator<Item = f64> {
    instance.children.get(name).into_iter().flat_map(|counts| counts.values()).map(|n| *n as f64)
}

/// What a person with a list and a pencil would write down as usage.
fn expected(instance: &Instance, quota: &Quota) -> Option<f64> {
    let in_group = |kind: &str| instance.integrations.iter().filter(|i| i.kind == kind).count() as f64;
    match quota.meter {
        Meter::WorstGroup(Listing::HoursOverrides, _) => {
            Some(children(instance, "SearchHoursOfOperationOverrides").fold(0.0, f64::max))
        }
        Meter::WorstGroup(Listing::HoursParents, _) => {
            Some(children(instance, "ParentHoursOfOperations").fold(0.0, f64::max))
        }
        Meter::CountWithDistinct(..) => {
            let aliases = instance.counts.get("ListBots").copied().unwrap_or(0);
            let bots = instance.lex_v2_bots.map_or(aliases, |bots| bots.min(aliases));
            Some((instance.counts.get("ListLexBots").copied().unwrap_or(0) + bots) as f64)
        }
        Meter::Count(listing) => Some(instance.counts.get(place(listing)).copied().unwrap_or(0) as f64),
        Meter::CountIn(_, kind) => Some(in_group(kind)),
        Meter::OfInstance(Listing::TrafficGroups) => Some(instance.traffic_groups as f64),
        Meter::WorstMarked(..) => {
            let written = |(source, n): (&String, &u64)| (*n).min(instance.rules.get(source).copied().unwrap_or(0));
            Some(instance.language_rules.iter().map(written).max().unwrap_or(0) as f64)
        }
        Meter::OfInstance(Listing::PhoneNumbers) => Some(instance.phone_numbers as f64),
        Meter::Worst(Listing::QueueEmailAddresses) => {
            let all = children(instance, "ListQueueEmailAddresses").fold(0.0, f64::max);
            Some((all - 1.0).max(0.0))
        }
        // The first version comes with the form.
        Meter::Bounded(Listing::FormVersions) => {
            let first = f64::from(u8::from(instance.counts.get("ListEvaluationForms").is_some_and(|n| *n > 0)));
            Some(children(instance, "ListEvaluationFormVersions").fold(first, f64::max))
        }
        Meter::Worst(listing) | Meter::Bounded(listing) => {
            Some(children(instance, listing.operation()).fold(0.0, f64::max))
        }
        Meter::WorstIn(..) => Some(children(instance, "Primary").fold(0.0, f64::max)),
        Meter::WorstGroup(..) => {
            let share = |name: &str, n: u64| n as f64 / if name == "OnMetricDataUpdate" { 100.0 } else { 500.0 };
            let fullest = instance.rules.iter().max_by(|a, b| share(a.0, *a.1).total_cmp(&share(b.0, *b.1)));
            Some(fullest.map_or(0.0, |(_, n)| *n as f64))
        }
        Meter::OfInstance(_) | Meter::Gauge(_) => Some(0.0),
        _ => None,
    }
}

const HELD: &[(&str, &str)] = &[
    ("ListRoutingProfileQueues", "ListRoutingProfiles"),
    ("ListRoutingProfileManualAssignmentQueues", "ListRoutingProfiles"),
    ("SearchHoursOfOperationOverrides", "ListHoursOfOperations"),
    ("ListUserProficiencies", "ListUsers"),
    ("ListQueueEmailAddresses", "ListQueues"),
    ("ListQueueQuickConnects", "ListQueues"),
    ("ListDataTableAttributes", "ListDataTables"),
    ("GetTaskTemplate", "ListTaskTemplates"),
    ("ListEvaluationFormVersions", "ListEvaluationForms"),
];

fn world() -> impl Strategy<Value = World> {
    let listings = connect_quota_monitor::measure::instance_listings();
    let counts = prop::collection::vec(prop_oneof![0u64..5, 0u64..130, 900u64..2_100], listings.len());
    let kinds = prop::collection::btree_map(
        "APPLICATION|EVENT|CASES_DOMAIN|VOICE_ID|SES_IDENTITY|FILE_SCANNER",
        1u64..140,
        0..4,
    );
    let rules = prop::collection::btree_map(
        "OnMetricDataUpdate|OnPostCallAnalysisAvailable|OnSalesforceCaseCreate",
        1u64..450,
        0..3,
    );
    let held = prop::collection::vec(0u64..150, HELD.len());
    let instance = (counts, kinds, rules, 0u64..30, 0u64..3_000, any::<bool>(), held);
    let limits = prop::collection::vec((any::<prop::sample::Index>(), 0u32..3_000), 0..12);
    (prop::collection::vec(instance, 1..3), limits, any::<bool>(), any::<bool>()).prop_map(
        move |(instances, limits, short_pages, per_instance)| {
            let mut world = World::with_instances(instances.len());
            world.throttle = Throttle::None;
            world.short_pages = short_pages;
            for (instance, (counts, kinds, rules, phones, agents, no_alias, held)) in
                world.instances.iter_mut().zip(instances)
            {
                for (listing, n) in connect_quota_monitor::measure::instance_listings().into_iter().zip(counts) {
                    // AWS lists two at most.
                    let n = if listing == Listing::SecurityKeys { n.min(2) } else { n };
                    instance.set(place(listing), n);
                }
                // What single resources hold, at the first two of each listing.
                for (n, (name, parent)) in HELD.iter().enumerate() {
                    // Not among thousands: there the visits would not get round in one run.
                    if (2..130).contains(&instance.counts.get(*parent).copied().unwrap_or(0)) {
                        instance.set_children(name, 0, held[n]);
                        instance.set_children(name, 1, held[n] / 2);
                    }
                }
                if instance.counts.get("ListRoutingProfiles").is_some_and(|n| *n > 1) {
                    instance.set_children("MediaConcurrencies", 0, 1 + phones % 4);
                }
                instance.integrations.clear();
                for (kind, n) in kinds {
                    instance.integrate(&kind, n);
                }
                instance.language_rules =
                    rules.iter().map(|(source, n)| (source.clone(), n / (1 + agents % 3))).collect();
                instance.traffic_groups = agents % 11;
                instance.rules = rules;
                instance.phone_numbers = phones;
                instance.agent_queues = agents;
                instance.lex_v2_bots = (agents % 2 == 0).then_some(1 + agents % 40);
                if no_alias {
                    instance.alias = None;
                }
            }
            let codes: Vec<&str> = catalogue::per_instance().filter(|q| q.is_listed()).map(|q| q.code).collect();
            let arn = world.instances[0].arn(&world);
            for (index, value) in limits {
                let code = codes[index.index(codes.len())];
                if per_instance {
                    world.quotas.set_instance(code, &arn, value.into());
                } else {
                    world.quotas.set_account(code, value.into());
                }
            }
            world
        },
    )
}

fn judged(usage: f64, limit: f64) -> (&'static str, Option<f64>) {
    if limit == 0.0 {
        return (if usage > 0.0 { "critical" } else { "ok" }, None);
    }
    let percent = (usage / limit * 1000.0).round() / 10.0;
    let status = match percent {
        p if p >= 95.0 => "critical",
        p if p >= 80.0 => "warning",
        _ => "ok",
    };
    (status, Some(percent))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn every_row_is_what_a_person_would_count(world in world()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut bench = Bench::new(world.clone()).with_config(|c| c.detail_calls = 200);
        let report = runtime.block_on(bench.run_at(
            &connect_quota_monitor::domain::request::Request { dry_run: true, ..Default::default() }, NOON)).unwrap();
        let found: BTreeMap<&str, &Value> = report["instances"].as_array().unwrap().iter()
            .map(|i| (i["instance_id"].as_str().unwrap(), i)).collect();
        for instance in &world.instances {
            let seen = found[instance.id.as_str()];
            for quota in catalogue::per_instance() {
                let row = crate::harness::row(seen, quota.id().key());
                let Some(usage) = expected(instance, quota) else {
                    prop_assert_eq!(&row["status"], "not_measurable", "{}", quota.name);
                    continue;
                };
                // An upper bound, or nothing where that would prove nothing.
                if matches!(quota.meter, Meter::Bounded(_)) && (row["bound"] == "upper" || row["usage"].is_null()) {
                    let bound = row["usage"].as_f64().unwrap_or(f64::INFINITY);
                    prop_assert!(bound >= usage, "{} {}", quota.name, row);
                    continue;
                }
                if matches!(quota.meter, Meter::Worst(_) | Meter::Bounded(_) | Meter::WorstIn(..)) && row["approximate"] == true {
                    // Not all were visited: a lower bound, and marked as one.
                    prop_assert!(row["usage"].as_f64().unwrap() <= usage, "{} {}", quota.name, row);
                    continue;
                }
                prop_assert_eq!(row["usage"].as_f64(), Some(usage), "{} {}", quota.name, row);
                if let Some(limit) = row["limit"].as_f64() {
                    let (mut status, percent) = judged(usage, limit);
                    if quota.is_single && (usage, limit) == (1.0, 1.0) {
                        status = "ok";
                    }
                    // Somebody applied 0 where AWS gives more: nothing can be handled there.
                    let is_applied = row["limit_source"] == "instance" || row["limit_source"] == "account";
                    let is_gauge = matches!(quota.meter, Meter::Gauge(_));
                    if is_gauge && is_applied && (usage, limit) == (0.0, 0.0) && quota.default != Some(0.0) {
                        status = "warning";
                    }
                    prop_assert_eq!(&row["status"], status, "{} {}", quota.name, row);
                    prop_assert_eq!(row["utilization"].as_f64(), percent, "{} {}", quota.name, row);
                }
            }
        }
    }
}
