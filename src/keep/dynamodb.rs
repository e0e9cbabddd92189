//! Amazon DynamoDB: under each subject its ledger, and one item per snapshot, newest last.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::aws::fault::failure;
use crate::aws::pages::Pages;
use crate::domain::format::rfc3339;
use crate::domain::snapshot::Snapshot;
use crate::domain::{Fault, FaultKind, Owner, Status};
use crate::keep::ledger::{MOST_BYTES, Version, Written};
use crate::ledger::Ledger;

type Item = HashMap<String, AttributeValue>;

/// As faults name them.
pub(super) const PUT: &str = "dynamodb:PutItem";
pub(super) const GET: &str = "dynamodb:GetItem";
pub(super) const QUERY: &str = "dynamodb:Query";

const SUBJECT: &str = "subject";
/// The ledger's sort key, before every timestamp.
const LEDGER: &str = "#ledger";

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

    /// The ledger of an instance, or of the account, and its version.
    ///
    /// # Errors
    /// The fault of `GetItem`; an item that cannot be read, or is not ours to read, is one too.
    pub async fn ledger(&self, owner: &Owner, instance_id: &str) -> Result<Option<(Ledger, Version)>, Fault> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(SUBJECT, AttributeValue::S(subject(owner, instance_id)))
            .key("timestamp", AttributeValue::S(LEDGER.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| failure(&e).into_fault(GET))?;
        let Some(item) = output.item else { return Ok(None) };
        let unreadable = |why: String| {
            let what = format!("the ledger {} in the table {}: {why}", subject(owner, instance_id), self.table);
            Fault::new(GET, FaultKind::BadResponse, what)
        };
        let ledger: Ledger = read(item).map_err(&unreadable)?;
        ledger.check(owner, instance_id).map_err(&unreadable)?;
        let version = Version::Number(ledger.version);
        Ok(Some((ledger, version)))
    }

    /// The newest snapshot of an instance, or of the account, at or before a time; none where there is none.
    ///
    /// # Errors
    /// The fault of `Query`.
    pub async fn snapshot_at(&self, owner: &Owner, instance_id: &str, at: Timestamp) -> Result<Option<Value>, Fault> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            // Ledgers and watches stand before every timestamp.
            .key_condition_expression("subject = :subject AND #at BETWEEN :first AND :last")
            .expression_attribute_names("#at", "timestamp")
            .expression_attribute_values(":subject", AttributeValue::S(subject(owner, instance_id)))
            .expression_attribute_values(":first", AttributeValue::S("0".to_owned()))
            .expression_attribute_values(":last", AttributeValue::S(rfc3339(at)))
            .scan_index_forward(false)
            .limit(1);
        let mut start = None;
        // A page may be empty and yet have a next one.
        let mut pages = Pages::new(QUERY.to_owned());
        loop {
            let sent = request.clone().set_exclusive_start_key(start).send().await;
            let page = sent.map_err(|e| failure(&e).into_fault(QUERY))?;
            if let Some(item) = page.items.into_iter().flatten().next() {
                let bad = |why: String| Fault::new(QUERY, FaultKind::BadResponse, format!("a snapshot: {why}"));
                return read(item).map(Some).map_err(bad);
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            let token = start.as_ref().and_then(|key| key.get("timestamp")?.as_s().ok().cloned());
            if !pages.advance(token)? {
                return Ok(None);
            }
        }
    }

    /// Tries a write whose condition can never hold: it stores nothing, and tells whether one may write.
    ///
    /// # Errors
    /// The fault of `PutItem`; that the table took the item is one too.
    pub async fn try_write(&self, owner: &Owner) -> Result<(), Fault> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(SUBJECT, AttributeValue::S(subject(owner, "doctor")))
            .item("timestamp", AttributeValue::S(LEDGER.to_owned()))
            .condition_expression("attribute_exists(subject) AND attribute_not_exists(subject)");
        match request.send().await {
            Ok(_) => Err(Fault::new(PUT, FaultKind::BadResponse, "a write whose condition cannot hold was accepted")),
            Err(e) if e.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => Ok(()),
            Err(e) => Err(failure(&e).into_fault(PUT)),
        }
    }

    /// Writes a ledger, unless somebody else has written it since `known` was read.
    ///
    /// # Errors
    /// The fault of `PutItem`.
    pub async fn write_ledger(&self, ledger: &Ledger, known: &Version) -> Result<Written, Fault> {
        let invalid = |why: String| Fault::new(PUT, FaultKind::Invalid, why);
        let owner = Owner { account_id: ledger.account_id.clone(), region: ledger.region.clone() };
        let mut item: Item = serde_dynamo::to_item(ledger).map_err(|e| invalid(e.to_string()))?;
        item.insert(SUBJECT.to_owned(), AttributeValue::S(subject(&owner, &ledger.instance_id)));
        item.insert("timestamp".to_owned(), AttributeValue::S(LEDGER.to_owned()));
        if bytes_of_item(&item) > MOST_BYTES {
            return Err(invalid(format!(
                "the ledger of {} has {} bytes, and an item may have {MOST_BYTES}: let several functions watch parts of the \
                 instances (INCLUDE_INSTANCES)",
                ledger.instance_id,
                bytes_of_item(&item)
            )));
        }
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let known = if let Version::Number(version) = known { Some(*version) } else { None };
        let is_written = put_if_still(request, known).await?;
        Ok(if is_written { Written::As(Version::Number(ledger.version)) } else { Written::Conflict })
    }
}

/// Puts an item where the stored one still has this version, or where there is none; false where there is another.
pub(super) async fn put_if_still(request: PutItemFluentBuilder, known: Option<u64>) -> Result<bool, Fault> {
    let request = match known {
        Some(version) => request
            .condition_expression("#version = :known")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":known", AttributeValue::N(version.to_string())),
        None => request.condition_expression("attribute_not_exists(subject)"),
    };
    match request.send().await {
        Ok(_) => Ok(true),
        Err(e) if e.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => Ok(false),
        Err(e) => Err(failure(&e).into_fault(PUT)),
    }
}

/// The partition key: whose, and of what.
fn subject(owner: &Owner, instance_id: &str) -> String {
    format!("{}#{}#{instance_id}", owner.account_id, owner.region)
}

fn read<T: DeserializeOwned>(item: Item) -> Result<T, String> {
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
/// ones, then `unknown` ones, then warnings, and says in `truncated` how many of each.
fn fitting_item(snapshot: &Snapshot, retention_days: u32) -> Result<Item, String> {
    let mut snapshot = snapshot.clone();
    let mut dropped: HashMap<&'static str, AttributeValue> = HashMap::new();
    let owner = Owner { account_id: snapshot.account_id.clone(), region: snapshot.region.clone() };
    let now: Timestamp = snapshot.timestamp.parse().map_err(|e: jiff::Error| e.to_string())?;
    let expires_at = now.as_second() + i64::from(retention_days) * 86_400;
    for least in [None, Some(Status::Ok), Some(Status::NotMeasurable), Some(Status::Unknown), Some(Status::Warning)] {
        if let Some(least) = least {
            let before = snapshot.metrics.len();
            snapshot.metrics.retain(|m| m.status != least);
            dropped.insert(least.as_str(), AttributeValue::N((before - snapshot.metrics.len()).to_string()));
        }
        let mut item: Item = serde_dynamo::to_item(&snapshot).map_err(|e| e.to_string())?;
        item.insert(SUBJECT.to_owned(), AttributeValue::S(subject(&owner, &snapshot.instance_id)));
        item.insert("expires_at".to_owned(), AttributeValue::N(expires_at.to_string()));
        if !dropped.is_empty() {
            let counts = dropped.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
            item.insert("truncated".to_owned(), AttributeValue::M(counts));
        }
        if bytes_of_item(&item) <= MOST_BYTES {
            return Ok(item);
        }
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
