//! `Query`: the items of one partition, in the order of the sort key.

use serde_json::{Value, json};

use super::evaluate::{holds, project};
use super::expression::{Condition, Operand, Parser, Placeholders, Step};
use super::value::{Item, invalid, item_size, string};
use super::{Table, map, text};
use crate::paging::Quirk;
use crate::wire::AwsError;

/// DynamoDB reads at most this much for one page.
const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// What a key condition selects.
struct Selection {
    partition: String,
    sort: Option<Condition>,
}

pub(crate) fn run(table: &Table, input: &Value, quirk: Option<Quirk>, nonce: u64) -> Result<Value, AwsError> {
    let placeholders = Placeholders::read(input)?;
    let expression = text(input, "KeyConditionExpression")?.ok_or_else(|| {
        invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    })?;
    if input.get("IndexName").is_some_and(|name| !name.is_null()) {
        return Err(invalid("The table does not have the specified index"));
    }
    let condition = Parser::new("KeyConditionExpression", expression, &placeholders)?.condition()?;
    let selection = select(table, condition)?;
    let filter = match text(input, "FilterExpression")? {
        Some(expression) => Some(Parser::new("FilterExpression", expression, &placeholders)?.condition()?),
        None => None,
    };
    let paths = match text(input, "ProjectionExpression")? {
        Some(expression) => Some(Parser::new("ProjectionExpression", expression, &placeholders)?.projection()?),
        None => None,
    };
    placeholders.all_used()?;
    let limit = match input.get("Limit") {
        None | Some(Value::Null) => u64::MAX,
        Some(value) => value.as_u64().filter(|limit| *limit >= 1).ok_or_else(|| {
            invalid("1 validation error detected: Value at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
        })?,
    };
    let forward = input.get("ScanIndexForward") != Some(&Value::Bool(false));
    let start = match input.get("ExclusiveStartKey") {
        None | Some(Value::Null) => None,
        Some(_) => {
            let key = table.exact_key(&map(input, "ExclusiveStartKey")?).map_err(|_| {
                invalid("The provided starting key is invalid: The provided key element does not match the schema")
            })?;
            if key.0 != selection.partition {
                return Err(invalid(
                    "The provided starting key is outside query boundaries based on provided conditions",
                ));
            }
            Some(key)
        }
    };

    let first = (selection.partition.clone(), String::new());
    let in_partition = table.items.range(first..).take_while(|(key, _)| key.0 == selection.partition);
    let mut selected: Vec<_> = in_partition
        .filter(|(_, item)| selection.sort.as_ref().is_none_or(|condition| holds(condition, item)))
        .collect();
    if !forward {
        selected.reverse();
    }
    if let Some(start) = &start {
        selected.retain(|(key, _)| if forward { *key > start } else { *key < start });
    }
    if quirk == Some(Quirk::EmptyFirst) && start.is_none() {
        // As a page whose items were all filtered out: the key before all others goes on from there.
        let before = if forward { " " } else { "\u{10ffff}" };
        let key = json!({ &table.key.0: { "S": selection.partition }, &table.key.1: { "S": before } });
        return Ok(json!({ "Items": [], "Count": 0, "ScannedCount": 0, "LastEvaluatedKey": key }));
    }

    let (mut items, mut scanned, mut bytes, mut last) = (Vec::<Item>::new(), 0u64, 0, None);
    for (key, item) in &selected {
        scanned += 1;
        bytes += item_size(item);
        if filter.as_ref().is_none_or(|filter| holds(filter, item)) {
            items.push(paths.as_ref().map_or_else(|| (*item).clone(), |paths| project(item, paths)));
        }
        if scanned == limit || bytes >= MAX_PAGE_BYTES {
            // As DynamoDB, without looking whether anything follows.
            last = Some(json!({ &table.key.0: { "S": key.0 }, &table.key.1: { "S": key.1 } }));
            break;
        }
    }
    // A key before all others, from where everything is read again.
    let again = |sort: String| Some(json!({ &table.key.0: { "S": selection.partition }, &table.key.1: { "S": sort } }));
    match quirk {
        Some(Quirk::Endless) => last = again(format!(" {nonce}")),
        Some(Quirk::Repeat) => last = again(" ".to_owned()),
        _ => {}
    }
    let mut output = json!({ "Count": items.len(), "ScannedCount": scanned });
    if text(input, "Select")? != Some("COUNT") {
        output["Items"] = json!(items);
    }
    if let Some(last) = last {
        output["LastEvaluatedKey"] = last;
    }
    Ok(output)
}

/// A key condition is an equality on the partition key and at most one condition on the sort key.
fn select(table: &Table, condition: Condition) -> Result<Selection, AwsError> {
    let unsupported = || invalid("Query key condition not supported");
    let parts = match condition {
        Condition::And(left, right) => vec![*left, *right],
        single => vec![single],
    };
    let (mut partition, mut sort) = (None, None);
    for part in parts {
        let (subject, values) = match &part {
            Condition::Compare(subject, sign, value) if sign != "<>" => (subject, vec![value]),
            Condition::Between(subject, low, high) => (subject, vec![low, high]),
            Condition::BeginsWith(subject, prefix) => (subject, vec![prefix]),
            _ => return Err(invalid("Invalid operator used in KeyConditionExpression")),
        };
        let Operand::Path(path) = subject else { return Err(unsupported()) };
        let [Step::Name(name)] = path.as_slice() else { return Err(unsupported()) };
        for value in values {
            let Operand::Value(value) = value else { return Err(unsupported()) };
            let text = string(value).ok_or_else(|| {
                invalid(
                    "One or more parameter values were invalid: Condition parameter type does not match schema type",
                )
            })?;
            if text.is_empty() {
                let message = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value.";
                return Err(invalid(&format!("{message} Key: {name}")));
            }
            if *name == table.key.0 {
                let equality = matches!(&part, Condition::Compare(_, sign, _) if sign == "=");
                if !equality || partition.replace(text.to_owned()).is_some() {
                    return Err(unsupported());
                }
            }
        }
        if *name == table.key.1 {
            if sort.replace(part).is_some() {
                return Err(invalid("KeyConditionExpressions must only contain one condition per key"));
            }
        } else if *name != table.key.0 {
            let message = format!("Query condition missed key schema element: {}", table.key.1);
            return Err(invalid(&message));
        }
    }
    let missed = || invalid(&format!("Query condition missed key schema element: {}", table.key.0));
    Ok(Selection { partition: partition.ok_or_else(missed)?, sort })
}
