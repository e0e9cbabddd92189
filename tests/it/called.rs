//! Every operation that the product calls, written down for the check of the template's permissions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use connect_quota_monitor::catalogue;
use connect_quota_monitor::event::Request;
use simaws::World;

use crate::family::whole;
use crate::harness::{Bench, NOON, demo, quiet};

/// Runs with everything switched on: stores, topic, alarms, a second run that reads the state back and finds
/// an instance gone, an account whose limits must be asked for one by one, and one without instances.
async fn everything() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut called: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut note = |bench: &Bench| {
        for request in bench.sim.requests() {
            called.entry(request.service).or_default().insert(request.operation);
        }
    };
    let mut bench = demo().with_table().with_bucket().with_topic();
    (bench.config.alarms.apis, bench.config.alarms.instances) = (true, true);
    for hour in 0..2 {
        bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap();
        bench.sim.world().instances.pop();
    }
    note(&bench);
    let mut world = quiet(1);
    world.quotas.list_resource_level = false;
    let mut bench = Bench::new(world);
    bench.dry_run().await;
    note(&bench);
    for world in [World::empty(), whole()] {
        let mut bench = Bench::new(world).with_config(|c| c.detail_calls = 1_000);
        bench.dry_run().await;
        note(&bench);
    }
    called
}

#[tokio::test(start_paused = true)]
async fn the_calls_are_those_of_the_catalogue_and_of_the_sinks() {
    let called = everything().await;
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).to_owned()).collect() };
    let mut expected = BTreeMap::from([
        ("connect", set(&["ListInstances"])),
        ("dynamodb", set(&["PutItem", "Query"])),
        (
            "monitoring",
            set(&[
                "DeleteAlarms",
                "DescribeAlarms",
                "GetMetricData",
                "ListMetrics",
                "ListTagsForResource",
                "PutMetricAlarm",
            ]),
        ),
        ("s3", set(&["GetObject", "ListObjectsV2", "PutObject"])),
        ("servicequotas", set(&["GetServiceQuota", "ListAWSDefaultServiceQuotas", "ListServiceQuotas"])),
        ("sns", set(&["Publish"])),
        ("sts", set(&["GetCallerIdentity"])),
    ]);
    for listing in catalogue::listings() {
        expected.entry(listing.service().code()).or_default().insert(listing.operation().to_owned());
    }
    assert_eq!(called, expected);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/called-operations.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, serde_json::to_string_pretty(&called).unwrap()).unwrap();
}
