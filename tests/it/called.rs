//! Every operation that the product calls, written down for the check of the template's permissions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use connect_quota_monitor::catalogue;

use crate::stories::{self, called};
use crate::{hanging, watch_look};

#[tokio::test(start_paused = true)]
async fn the_calls_are_those_of_the_catalogue_and_of_the_sinks() {
    let mut called = called(&stories::all().await).await;
    for (service, operation) in watch_look::calls().await.into_iter().chain(hanging::calls().await) {
        called.entry(service).or_default().insert(operation);
    }
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).to_owned()).collect() };
    let mut expected = BTreeMap::from([
        ("cloudtrail", set(&["LookupEvents"])),
        ("connect", set(&["ListInstances"])),
        ("dynamodb", set(&["GetItem", "PutItem"])),
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
        ("s3", set(&["GetObject", "PutObject"])),
        (
            "servicequotas",
            set(&[
                "CreateSupportCase",
                "GetAWSDefaultServiceQuota",
                "GetServiceQuota",
                "ListAWSDefaultServiceQuotas",
                "ListRequestedServiceQuotaChangeHistory",
                "ListServiceQuotas",
                "RequestServiceQuotaIncrease",
            ]),
        ),
        ("sns", set(&["GetTopicAttributes", "Publish"])),
        ("ssm", set(&["GetParameter"])),
        ("sts", set(&["GetCallerIdentity"])),
    ]);
    for listing in catalogue::listings() {
        expected.entry(listing.service().code()).or_default().insert(listing.operation().to_owned());
    }
    assert_eq!(called, expected);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/called-operations.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    // In one go: the template's tests may be reading it.
    let new = file.with_extension("new");
    std::fs::write(&new, serde_json::to_string_pretty(&called).unwrap()).unwrap();
    std::fs::rename(new, file).unwrap();
}
