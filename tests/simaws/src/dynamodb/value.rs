//! Attribute values, in their JSON wire form such as `{"S": "text"}`: what is valid, how large it is,
//! and how two of them compare.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::text::from_base64;
use crate::wire::AwsError;

/// An item, or a map inside one.
pub type Item = Map<String, Value>;

/// DynamoDB's limit on an item, names included.
pub(crate) const MAX_ITEM_BYTES: usize = 400 * 1024;
const MAX_DEPTH: usize = 32;

pub(crate) fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "ValidationException", message)
}

fn bad(message: &str) -> AwsError {
    invalid(&format!("One or more parameter values were invalid: {message}"))
}

/// The type and content of an attribute value, which is an object of exactly one member.
pub(crate) fn typed(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.iter().next().map(|(kind, content)| (kind.as_str(), content))
}

/// The content of a string value.
pub(crate) fn string(value: &Value) -> Option<&str> {
    value.get("S").and_then(Value::as_str)
}

pub(crate) fn check_item(item: &Item) -> Result<(), AwsError> {
    item.values().try_for_each(|value| check(value, 1))
}

pub(crate) fn check(value: &Value, depth: usize) -> Result<(), AwsError> {
    if depth > MAX_DEPTH {
        return Err(invalid("Nesting Levels have exceeded supported limits"));
    }
    let Some((kind, content)) = typed(value) else {
        let message = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of \
                       the supported datatypes";
        let empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
        return Err(invalid(if value.as_object().is_some_and(|m| m.len() > 1) { message } else { empty }));
    };
    let malformed = || AwsError::new(400, "SerializationException", "Unexpected value type in payload");
    let texts = || -> Result<Vec<&str>, AwsError> {
        let list = content.as_array().ok_or_else(malformed)?;
        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        let texts = texts.ok_or_else(malformed)?;
        if texts.is_empty() {
            return Err(bad("An string set  may not be empty"));
        }
        let distinct: std::collections::BTreeSet<_> = texts.iter().collect();
        if distinct.len() < texts.len() {
            return Err(bad("Input collection contains duplicates."));
        }
        Ok(texts)
    };
    match kind {
        "S" => content.as_str().map(|_| ()).ok_or_else(malformed),
        "N" => check_number(content.as_str().ok_or_else(malformed)?),
        "B" => content.as_str().and_then(from_base64).map(|_| ()).ok_or_else(malformed),
        "BOOL" => content.as_bool().map(|_| ()).ok_or_else(malformed),
        "NULL" if content == &Value::Bool(true) => Ok(()),
        "NULL" => Err(bad("Null attribute value types must have the value of true")),
        "M" => {
            let entries = content.as_object().ok_or_else(malformed)?;
            // DynamoDB's naming rules: an attribute name has at least one character, nested ones too.
            if entries.contains_key("") {
                return Err(bad("Empty attribute name"));
            }
            entries.values().try_for_each(|value| check(value, depth + 1))
        }
        "L" => content.as_array().ok_or_else(malformed)?.iter().try_for_each(|value| check(value, depth + 1)),
        "SS" => texts().map(|_| ()),
        "NS" => texts()?.into_iter().try_for_each(check_number),
        "BS" => texts()?.into_iter().try_for_each(|text| from_base64(text).map(|_| ()).ok_or_else(malformed)),
        _ => Err(invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")),
    }
}

fn check_number(text: &str) -> Result<(), AwsError> {
    let message = "The parameter cannot be converted to a numeric value";
    let written = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    let value = text.parse::<f64>().ok().filter(|value| written && value.is_finite());
    let value = value.ok_or_else(|| invalid(&format!("{message}: {text}")))?;
    if significant(text) > 38 {
        return Err(invalid("Attempting to store more than 38 significant digits in a Number"));
    }
    if value.abs() >= 1e126 {
        return Err(invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ));
    }
    Ok(())
}

/// Significant digits of a number's mantissa.
fn significant(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let kept = digits.trim_start_matches('0');
    // Zeros at the end do not count, whether before or after the point.
    kept.trim_end_matches('0').len()
}

/// The size of an item as DynamoDB bills and limits it: names and values, in UTF-8.
pub(crate) fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let Some((kind, content)) = typed(value) else { return 0 };
    let text = |content: &Value| content.as_str().map_or(0, str::len);
    let number = |content: &Value| {
        let text = content.as_str().unwrap_or_default();
        significant(text).div_ceil(2) + 1 + usize::from(text.starts_with('-'))
    };
    let binary = |content: &Value| content.as_str().and_then(from_base64).map_or(0, |bytes| bytes.len());
    let list = || content.as_array().into_iter().flatten();
    match kind {
        "S" => text(content),
        "N" => number(content),
        "B" => binary(content),
        "BOOL" | "NULL" => 1,
        // A document has three bytes of its own and one for each element.
        "M" => 3 + content.as_object().map_or(0, |map| item_size(map) + map.len()),
        "L" => 3 + list().map(|value| 1 + value_size(value)).sum::<usize>(),
        "SS" => list().map(text).sum(),
        "NS" => list().map(number).sum(),
        _ => list().map(binary).sum(),
    }
}

/// The order of two values of one type that has an order.
pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (typed(left)?, typed(right)?) {
        (("S", left), ("S", right)) => Some(left.as_str()?.cmp(right.as_str()?)),
        (("N", left), ("N", right)) => {
            left.as_str()?.parse::<f64>().ok()?.partial_cmp(&right.as_str()?.parse::<f64>().ok()?)
        }
        (("B", left), ("B", right)) => Some(from_base64(left.as_str()?)?.cmp(&from_base64(right.as_str()?)?)),
        _ => None,
    }
}

pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    order(left, right).map_or_else(|| left == right, Ordering::is_eq)
}

/// An attribute value as the JSON a reader would write: `{"N": "1.5"}` is `1.5`.
pub(crate) fn plain(value: &Value) -> Value {
    let Some((kind, content)) = typed(value) else { return value.clone() };
    let number = |content: &Value| {
        let parsed = content.as_str().and_then(|text| serde_json::from_str::<serde_json::Number>(text).ok());
        parsed.map_or_else(|| content.clone(), Value::Number)
    };
    match (kind, content) {
        ("NULL", _) => Value::Null,
        ("N", _) => number(content),
        ("M", Value::Object(map)) => Value::Object(map.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        ("L", Value::Array(list)) => list.iter().map(plain).collect(),
        ("NS", Value::Array(list)) => list.iter().map(number).collect(),
        _ => content.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(value: Value) -> Item {
        let Value::Object(item) = value else { panic!("an object") };
        item
    }

    #[test]
    fn sizes_follow_the_documented_rules() {
        assert_eq!(item_size(&item(json!({ "ab": { "S": "xyz" } }))), 5);
        assert_eq!(item_size(&item(json!({ "n": { "N": "-123.45" } }))), 1 + 3 + 1 + 1);
        assert_eq!(item_size(&item(json!({ "l": { "L": [{ "BOOL": true }, { "NULL": true }] } }))), 1 + 3 + 4);
        assert_eq!(item_size(&item(json!({ "m": { "M": { "k": { "S": "v" } } } }))), 1 + 3 + 2 + 1);
    }

    #[test]
    fn values_that_dynamodb_refuses_are_refused() {
        for good in [json!({ "S": "" }), json!({ "N": "1e3" }), json!({ "L": [] }), json!({ "SS": ["a"] })] {
            assert_eq!(check(&good, 1), Ok(()), "{good}");
        }
        let long = "1".repeat(39);
        for bad in [
            json!({}),
            json!({ "S": "a", "N": "1" }),
            json!({ "N": 1 }),
            json!({ "N": "NaN" }),
            json!({ "N": "" }),
            json!({ "N": long }),
            json!({ "SS": [] }),
            json!({ "SS": ["a", "a"] }),
            json!({ "NULL": false }),
            json!({ "X": "a" }),
            json!("plain"),
        ] {
            assert!(check(&bad, 1).is_err(), "{bad}");
        }
    }
}
