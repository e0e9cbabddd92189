//! Every operation that the product calls, written down for the check of the template's permissions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use connect_quota_monitor::aws::reference;
use connect_quota_monitor::catalogue;
use connect_quota_monitor::event::Request;
use simaws::{Parameter, World};

use crate::family::whole;
use crate::harness::{Bench, NOON, demo, quiet, sdk};

/// Runs with everything switched on: stores, topic, alarms, a second run that reads the state back and finds
/// an instance gone, an account whose limits must be asked for one by one, and one without instances.
async fn everything() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut called: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut note = |bench: &Bench| {
        for request in bench.sim.requests() {
            called.entry(request.service).or_default().insert(request.operation);
        }
    };
    let mut bench = demo().with_table().with_bucket().with_topic().with_events_topic().with_bus();
    (bench.config.alarms.apis, bench.config.alarms.instances) = (true, true);
    for hour in 0..2 {
        bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap();
        bench.sim.world().instances.pop();
    }
    note(&bench);
    let mut bench = demo().with_config(|c| c.auto_request_increase = true);
    bench.run().await.unwrap();
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
    let bench = demo();
    read_overrides(&bench).await;
    note(&bench);
    called
}

/// A start whose overrides stand in a parameter.
async fn read_overrides(bench: &Bench) {
    let parameter = Parameter { value: "{}".to_owned(), is_secure: true };
    bench.sim.world().parameters.insert("/connect/quota-overrides".to_owned(), parameter);
    let lookup = |name: &str| (name == "QUOTA_OVERRIDES").then(|| "ssm:/connect/quota-overrides".to_owned());
    reference::configuration(&sdk(&bench.sim).await, lookup).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_calls_are_those_of_the_catalogue_and_of_the_sinks() {
    let called = everything().await;
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).to_owned()).collect() };
    let mut expected = BTreeMap::from([
        ("connect", set(&["ListInstances"])),
        ("dynamodb", set(&["PutItem", "Query"])),
        ("events", set(&["PutEvents"])),
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
        (
            "servicequotas",
            set(&[
                "GetServiceQuota",
                "ListAWSDefaultServiceQuotas",
                "ListRequestedServiceQuotaChangeHistory",
                "ListServiceQuotas",
                "RequestServiceQuotaIncrease",
            ]),
        ),
        ("sns", set(&["Publish"])),
        ("ssm", set(&["GetParameter"])),
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
