//! More of the things in a listing: those that came later.

use serde_json::{Value, json};

use super::items::Maker;
use super::kinds::metric_type;

pub(crate) fn metric(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "Arn": maker.arn("metric", index),
        "Id": maker.id("metric", index),
        "Name": maker.text(&format!("Metric {}", index + 1)),
        "Status": "PUBLISHED",
        "Type": metric_type(maker.instance, index),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}

pub(crate) fn security_key(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "AssociationId": maker.id("security-key", index),
        "Key": maker.text("-----BEGIN PUBLIC KEY-----"),
        "CreationTime": maker.modified(index),
    })
}

pub(crate) fn found_hours(maker: &Maker<'_>, index: u64) -> Value {
    let parents: Vec<Value> = (0..maker.instance.children_of("ParentHoursOfOperations", index))
        .map(|n| json!({ "Name": format!("Parent {}", n + 1), "Id": maker.id("parent-hours", n), "Arn": maker.arn("operating-hours", n) }))
        .collect();
    json!({
        "HoursOfOperationId": maker.id("operating-hours", index),
        "HoursOfOperationArn": maker.arn("operating-hours", index),
        "Name": format!("Hours {}", index + 1),
        "Description": maker.text("When this line is open"),
        "TimeZone": "US/Eastern",
        "Config": [],
        "ParentHoursOfOperations": parents,
        "Tags": maker.tags(),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}
