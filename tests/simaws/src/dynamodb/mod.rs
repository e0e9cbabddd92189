//! DynamoDB: AWS JSON 1.0, on tables whose two keys are strings.

mod evaluate;
mod expression;
mod query;
mod value;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::text::crc32;
use crate::wire::{Answer, AwsError, Context, respond, set_header};
use evaluate::{changed, holds, project};
use expression::{Change, Parser, Placeholders, Step};
pub use value::Item;
use value::{MAX_ITEM_BYTES, check_item, invalid, item_size, plain, string, typed};

/// A table and its items, in the order of their keys.
#[derive(Clone, Debug)]
pub struct Table {
    /// Partition key and sort key.
    pub key: (String, String),
    pub items: BTreeMap<(String, String), Item>,
}

impl Table {
    #[must_use]
    pub fn new(partition_key: &str, sort_key: &str) -> Self {
        Self { key: (partition_key.to_owned(), sort_key.to_owned()), items: BTreeMap::new() }
    }

    /// Every item as plain JSON, in the order of the keys.
    #[must_use]
    pub fn plain_items(&self) -> Vec<Value> {
        let item = |item: &Item| item.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
        self.items.values().map(|stored| Value::Object(item(stored))).collect()
    }

    /// The key that an item or a `Key` names.
    fn key_of(&self, item: &Item) -> Result<(String, String), AwsError> {
        let part = |name: &String| {
            let bad = |message: String| invalid(&format!("One or more parameter values were invalid: {message}"));
            let value = item.get(name).ok_or_else(|| bad(format!("Missing the key {name} in the item")))?;
            let kind = typed(value).map_or("", |(kind, _)| kind);
            let text =
                string(value).ok_or_else(|| bad(format!("Type mismatch for key {name} expected: S actual: {kind}")))?;
            if text.is_empty() {
                let message = "The AttributeValue for a key attribute cannot contain an empty string value.";
                return Err(bad(format!("{message} Key: {name}")));
            }
            Ok(text.to_owned())
        };
        let key = (part(&self.key.0)?, part(&self.key.1)?);
        if key.0.len() > 2048 || key.1.len() > 1024 {
            return Err(invalid(
                "One or more parameter values were invalid: Size of hashkey or rangekey has exceeded the maximum size limit of 2048 or 1024 bytes",
            ));
        }
        Ok(key)
    }

    /// A `Key` names both keys and nothing else.
    fn exact_key(&self, key: &Item) -> Result<(String, String), AwsError> {
        if key.len() != 2 || !key.contains_key(&self.key.0) || !key.contains_key(&self.key.1) {
            return Err(invalid("The provided key element does not match the schema"));
        }
        self.key_of(key).map_err(|error| {
            let mismatch = error.message.contains("Type mismatch");
            if mismatch { invalid("The provided key element does not match the schema") } else { error }
        })
    }
}

pub(crate) fn answer(context: &mut Context<'_>) -> Answer {
    let input = context.call.json()?;
    if !["PutItem", "GetItem", "Query", "UpdateItem", "DescribeTable"].contains(&context.operation) {
        return Err(AwsError::new(400, "UnknownOperationException", ""));
    }
    let name = text(&input, "TableName")?.ok_or_else(|| {
        invalid("1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
    })?;
    // Either a name or an ARN.
    let name = name.rsplit_once(":table/").map_or(name, |(_, name)| name);
    let arn = context.world.arn("dynamodb", &format!("table/{name}"));
    let table = context.world.tables.get_mut(name).ok_or_else(|| {
        let message = match context.operation {
            "DescribeTable" => format!("Requested resource not found: Table: {name} not found"),
            _ => "Requested resource not found".to_owned(),
        };
        AwsError::new(400, "ResourceNotFoundException", &message)
    })?;
    let body = match context.operation {
        "PutItem" => put(table, &input)?,
        "GetItem" => get(table, &input)?,
        "UpdateItem" => update(table, &input)?,
        "Query" => query::run(table, &input, context.quirk, context.nonce)?,
        _ => describe(table, name, &arn),
    };
    let body = body.to_string();
    let checksum = crc32(body.as_bytes()).to_string();
    let mut response = respond(200, "application/x-amz-json-1.0", body);
    set_header(&mut response, "x-amz-crc32", &checksum);
    Ok(response)
}

fn text<'a>(input: &'a Value, name: &str) -> Result<Option<&'a str>, AwsError> {
    match input.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(AwsError::new(400, "SerializationException", "Unexpected value type in payload")),
    }
}

fn map(input: &Value, name: &str) -> Result<Item, AwsError> {
    match input.get(name) {
        Some(Value::Object(map)) => {
            check_item(map)?;
            Ok(map.clone())
        }
        _ => Err(invalid(&format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))),
    }
}

/// Fails the call unless the item, as it is, meets the condition.
fn check_condition(input: &Value, placeholders: &Placeholders, current: &Item) -> Result<(), AwsError> {
    let Some(expression) = text(input, "ConditionExpression")? else { return placeholders.all_used() };
    let condition = Parser::new("ConditionExpression", expression, placeholders)?.condition()?;
    placeholders.all_used()?;
    if holds(&condition, current) {
        return Ok(());
    }
    if text(input, "ReturnValuesOnConditionCheckFailure")?.is_some_and(|wanted| wanted != "NONE") {
        return Err(invalid("ReturnValuesOnConditionCheckFailure is not simulated"));
    }
    Err(AwsError::new(400, "ConditionalCheckFailedException", "The conditional request failed"))
}

/// What the caller wants to see of the item before and after.
fn returned(input: &Value, allowed: &[&str], old: &Item, new: &Item) -> Result<Value, AwsError> {
    let wanted = text(input, "ReturnValues")?.unwrap_or("NONE");
    if !allowed.contains(&wanted) {
        return Err(invalid(&format!("ReturnValues can only be one of {allowed:?} here")));
    }
    let shown = match wanted {
        "ALL_OLD" if !old.is_empty() => old,
        "ALL_NEW" => new,
        _ => return Ok(json!({})),
    };
    Ok(json!({ "Attributes": shown }))
}

fn check_size(item: &Item) -> Result<(), AwsError> {
    if item_size(item) <= MAX_ITEM_BYTES {
        return Ok(());
    }
    Err(invalid("Item size has exceeded the maximum allowed size"))
}

fn put(table: &mut Table, input: &Value) -> Result<Value, AwsError> {
    let item = map(input, "Item")?;
    let key = table.key_of(&item)?;
    check_size(&item)?;
    let placeholders = Placeholders::read(input)?;
    let old = table.items.get(&key).cloned().unwrap_or_default();
    check_condition(input, &placeholders, &old)?;
    let answer = returned(input, &["NONE", "ALL_OLD"], &old, &item)?;
    table.items.insert(key, item);
    Ok(answer)
}

fn get(table: &Table, input: &Value) -> Result<Value, AwsError> {
    let key = table.exact_key(&map(input, "Key")?)?;
    let placeholders = Placeholders::read(input)?;
    let paths = match text(input, "ProjectionExpression")? {
        Some(expression) => Some(Parser::new("ProjectionExpression", expression, &placeholders)?.projection()?),
        None => None,
    };
    placeholders.all_used()?;
    Ok(match (table.items.get(&key), paths) {
        (None, _) => json!({}),
        (Some(item), None) => json!({ "Item": item }),
        (Some(item), Some(paths)) => json!({ "Item": project(item, &paths) }),
    })
}

fn update(table: &mut Table, input: &Value) -> Result<Value, AwsError> {
    let key_map = map(input, "Key")?;
    let key = table.exact_key(&key_map)?;
    let placeholders = Placeholders::read(input)?;
    let changes = match text(input, "UpdateExpression")? {
        Some(expression) => Parser::new("UpdateExpression", expression, &placeholders)?.update()?,
        None => Vec::new(),
    };
    for change in &changes {
        let (Change::Set(path, _) | Change::Remove(path)) = change;
        if let Some(Step::Name(name)) = path.first()
            && (*name == table.key.0 || *name == table.key.1)
        {
            let message = "One or more parameter values were invalid: Cannot update attribute";
            return Err(invalid(&format!("{message} {name}. This attribute is part of the key")));
        }
    }
    let old = table.items.get(&key).cloned().unwrap_or_default();
    check_condition(input, &placeholders, &old)?;
    // An update of what does not exist makes it.
    let base = if old.is_empty() { key_map } else { old.clone() };
    let new = changed(&base, &changes)?;
    check_item(&new)?;
    check_size(&new)?;
    let answer = returned(input, &["NONE", "ALL_OLD", "ALL_NEW"], &old, &new)?;
    table.items.insert(key, new);
    Ok(answer)
}

fn describe(table: &Table, name: &str, arn: &str) -> Value {
    let (partition, sort) = &table.key;
    json!({ "Table": {
        "TableName": name,
        "TableArn": arn,
        "TableStatus": "ACTIVE",
        "CreationDateTime": 1_700_000_000,
        "ItemCount": table.items.len(),
        "TableSizeBytes": table.items.values().map(item_size).sum::<usize>(),
        "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
        "KeySchema": [
            { "AttributeName": partition, "KeyType": "HASH" },
            { "AttributeName": sort, "KeyType": "RANGE" },
        ],
        "AttributeDefinitions": [
            { "AttributeName": partition, "AttributeType": "S" },
            { "AttributeName": sort, "AttributeType": "S" },
        ],
    } })
}
