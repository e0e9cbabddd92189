//! Amazon DynamoDB: one item per snapshot, newest last under each instance.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::aws::fault::failure;
use crate::model::{Fault, FaultKind};
use crate::sink::Stored;
use crate::snapshot::{Memory, Snapshot, Status};

type Item = HashMap<String, AttributeValue>;

/// DynamoDB's limit for an item.
const MOST_BYTES: usize = 400 * 1024;

/// As faults name them.
pub(super) const PUT: &str = "dynamodb:PutItem";
pub(super) const QUERY: &str = "dynamodb:Query";

#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    table: String,
    retention_days: u32,
}

impl DynamoDb {
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: &str, retention_days: u32) -> Self {
        Self { client: Client::new(sdk), table: table.to_owned(), retention_days }
    }

    /// Stores a snapshot, with its expiry.
    ///
    /// # Errors
    /// The fault of `PutItem`.
    pub async fn put(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        let item =
            fitting_item(snapshot, self.retention_days).map_err(|why| Fault::new(PUT, FaultKind::Invalid, why))?;
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map(|_| ())
            .map_err(|e| failure(&e).into_fault(PUT))
    }

    /// The newest snapshots of an instance, or of the account: newest first, at most `most`.
    ///
    /// # Errors
    /// The fault of `Query`; an item that cannot be read is one too.
    pub async fn newest(&self, instance: &str, most: usize) -> Result<Vec<Stored>, Fault> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("instance_id = :id")
            .expression_attribute_values(":id", AttributeValue::S(instance.to_owned()))
            // `timestamp` is a reserved word.
            .projection_expression(format!("execution_id, #at, {}", Memory::FIELDS.join(", ")))
            .expression_attribute_names("#at", "timestamp")
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| failure(&e).into_fault(QUERY))?;
        let items = output.items.unwrap_or_default().into_iter();
        items
            .filter(|item| item.contains_key("alert_state"))
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|why| Fault::new(QUERY, FaultKind::BadResponse, format!("the last snapshots: {why}")))
    }
}

fn read(item: Item) -> Result<Stored, String> {
    if !item.values().all(has_known_type) {
        return Err("an attribute is of a type that DynamoDB does not have".to_owned());
    }
    serde_dynamo::from_item(item).map_err(|e| e.to_string())
}

/// `serde_dynamo` panics where the SDK met a type that it does not know.
fn has_known_type(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::L(list) => list.iter().all(has_known_type),
        AttributeValue::M(map) => map.values().all(has_known_type),
        other => !other.is_unknown(),
    }
}

/// The item of a snapshot. One that would be too large loses its `ok` rows, then its `not_measurable`
/// ones, then `unknown` ones, and says in `truncated` how many of each.
fn fitting_item(snapshot: &Snapshot, retention_days: u32) -> Result<Item, String> {
    let mut snapshot = snapshot.clone();
    let mut dropped: HashMap<&'static str, AttributeValue> = HashMap::new();
    for least in [Status::Ok, Status::NotMeasurable, Status::Unknown, Status::Warning] {
        let mut item: Item = serde_dynamo::to_item(&snapshot).map_err(|e| e.to_string())?;
        let now: Timestamp = snapshot.timestamp.parse().map_err(|e: jiff::Error| e.to_string())?;
        let expires_at = now.as_second() + i64::from(retention_days) * 86_400;
        item.insert("expires_at".to_owned(), AttributeValue::N(expires_at.to_string()));
        if !dropped.is_empty() {
            let counts = dropped.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
            item.insert("truncated".to_owned(), AttributeValue::M(counts));
        }
        if bytes_of_item(&item) <= MOST_BYTES {
            return Ok(item);
        }
        let before = snapshot.metrics.len();
        snapshot.metrics.retain(|m| m.status != least);
        dropped.insert(least.as_str(), AttributeValue::N((before - snapshot.metrics.len()).to_string()));
    }
    Err(format!(
        "the snapshot of {} is larger than an item may be, even with critical rows alone",
        snapshot.instance_id
    ))
}

/// An item's size as DynamoDB counts it, rounded up where its documentation is vague.
fn bytes_of_item(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + bytes_of(value)).sum()
}

fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len() + 1,
        AttributeValue::L(list) => 3 + list.iter().map(|v| 1 + bytes_of(v)).sum::<usize>(),
        AttributeValue::M(map) => 3 + map.iter().map(|(k, v)| 1 + k.len() + bytes_of(v)).sum::<usize>(),
        _ => 1,
    }
}
