//! Expressions at work on an item.

use serde_json::Value;

use super::expression::{Change, Condition, Operand, Path, Step};
use super::value::{Item, equal, invalid, order, string, typed};
use crate::wire::AwsError;

/// What stands at a path of an item.
pub(crate) fn at<'a>(item: &'a Item, path: &[Step]) -> Option<&'a Value> {
    let (Step::Name(first), rest) = path.split_first()? else { return None };
    rest.iter().try_fold(item.get(first)?, |value, step| match step {
        Step::Name(name) => value.get("M")?.get(name),
        Step::Index(index) => value.get("L")?.get(index),
    })
}

pub(crate) fn holds(condition: &Condition, item: &Item) -> bool {
    let value = |operand: &Operand| operand_value(operand, item);
    match condition {
        Condition::Compare(left, sign, right) => {
            let (Some(left), Some(right)) = (value(left), value(right)) else {
                // A missing attribute differs from everything.
                return sign == "<>";
            };
            let ordered = order(&left, &right);
            match sign.as_str() {
                "=" => equal(&left, &right),
                "<>" => !equal(&left, &right),
                "<" => ordered.is_some_and(std::cmp::Ordering::is_lt),
                "<=" => ordered.is_some_and(std::cmp::Ordering::is_le),
                ">" => ordered.is_some_and(std::cmp::Ordering::is_gt),
                _ => ordered.is_some_and(std::cmp::Ordering::is_ge),
            }
        }
        Condition::Between(subject, low, high) => match (value(subject), value(low), value(high)) {
            (Some(subject), Some(low), Some(high)) => {
                order(&subject, &low).is_some_and(std::cmp::Ordering::is_ge)
                    && order(&subject, &high).is_some_and(std::cmp::Ordering::is_le)
            }
            _ => false,
        },
        Condition::BeginsWith(subject, prefix) => match (value(subject), value(prefix)) {
            (Some(subject), Some(prefix)) => {
                string(&subject).zip(string(&prefix)).is_some_and(|(text, prefix)| text.starts_with(prefix))
            }
            _ => false,
        },
        Condition::Exists(path) => at(item, path).is_some(),
        Condition::NotExists(path) => at(item, path).is_none(),
        Condition::And(left, right) => holds(left, item) && holds(right, item),
        Condition::Or(left, right) => holds(left, item) || holds(right, item),
        Condition::Not(inner) => !holds(inner, item),
    }
}

fn operand_value(operand: &Operand, item: &Item) -> Option<Value> {
    match operand {
        Operand::Path(path) => at(item, path).cloned(),
        Operand::Value(value) => Some(value.clone()),
        Operand::IfNotExists(path, otherwise) => at(item, path).cloned().or_else(|| operand_value(otherwise, item)),
        Operand::Sum(left, right) => arithmetic(left, right, item, |left, right| left + right),
        Operand::Difference(left, right) => arithmetic(left, right, item, |left, right| left - right),
    }
}

fn arithmetic(left: &Operand, right: &Operand, item: &Item, run: fn(f64, f64) -> f64) -> Option<Value> {
    let number = |operand| -> Option<f64> {
        let value = operand_value(operand, item)?;
        value.get("N")?.as_str()?.parse().ok()
    };
    Some(serde_json::json!({ "N": run(number(left)?, number(right)?).to_string() }))
}

/// The item after the changes. All operands see the item as it was before.
pub(crate) fn changed(before: &Item, changes: &[Change]) -> Result<Item, AwsError> {
    let mut item = before.clone();
    for change in changes {
        match change {
            Change::Set(path, operand) => {
                let value = operand_value(operand, before).ok_or_else(|| {
                    invalid("The provided expression refers to an attribute that does not exist in the item")
                })?;
                set(&mut item, path, value)?;
            }
            Change::Remove(path) => remove(&mut item, path)?,
        }
    }
    Ok(item)
}

fn bad_path() -> AwsError {
    invalid("The document path provided in the update expression is invalid for update")
}

/// The document that the last step of a path is in.
fn parent<'a>(item: &'a mut Item, path: &'a Path) -> Result<(Option<&'a mut Value>, &'a Step), AwsError> {
    let (last, before) = path.split_last().ok_or_else(bad_path)?;
    let Some((Step::Name(first), steps)) = before.split_first() else { return Ok((None, last)) };
    let mut value = item.get_mut(first).ok_or_else(bad_path)?;
    for step in steps {
        let inner = match step {
            Step::Name(name) => value.get_mut("M").and_then(|map| map.get_mut(name)),
            Step::Index(index) => value.get_mut("L").and_then(|list| list.get_mut(index)),
        };
        value = inner.ok_or_else(bad_path)?;
    }
    Ok((Some(value), last))
}

fn set(item: &mut Item, path: &Path, new: Value) -> Result<(), AwsError> {
    if let [Step::Name(name)] = path.as_slice() {
        item.insert(name.clone(), new);
        return Ok(());
    }
    let (document, last) = parent(item, path)?;
    let document = document.ok_or_else(bad_path)?;
    match last {
        Step::Name(name) => {
            document.get_mut("M").and_then(Value::as_object_mut).ok_or_else(bad_path)?.insert(name.clone(), new);
        }
        Step::Index(index) => {
            let list = document.get_mut("L").and_then(Value::as_array_mut).ok_or_else(bad_path)?;
            // Behind the end means at the end.
            match list.get_mut(*index) {
                Some(held) => *held = new,
                None => list.push(new),
            }
        }
    }
    Ok(())
}

fn remove(item: &mut Item, path: &Path) -> Result<(), AwsError> {
    if let [Step::Name(name)] = path.as_slice() {
        item.remove(name);
        return Ok(());
    }
    let (document, last) = parent(item, path)?;
    let document = document.ok_or_else(bad_path)?;
    match last {
        Step::Name(name) => {
            document.get_mut("M").and_then(Value::as_object_mut).ok_or_else(bad_path)?.remove(name);
        }
        Step::Index(index) => {
            let list = document.get_mut("L").and_then(Value::as_array_mut).ok_or_else(bad_path)?;
            if *index < list.len() {
                list.remove(*index);
            }
        }
    }
    Ok(())
}

/// The parts of an item that the paths name, in the shape of the item.
pub(crate) fn project(item: &Item, paths: &[Path]) -> Item {
    let mut out = Item::new();
    for path in paths {
        if let Some(value) = at(item, path) {
            graft(&mut out, path, value);
        }
    }
    out
}

/// Puts a value at its path, making the documents on the way. List elements close up, as AWS does it.
fn graft(out: &mut Item, path: &[Step], value: &Value) {
    let Some((Step::Name(first), rest)) = path.split_first() else { return };
    let Some((next, _)) = rest.split_first() else {
        out.insert(first.clone(), value.clone());
        return;
    };
    let kind = if matches!(next, Step::Name(_)) { "M" } else { "L" };
    let empty = if kind == "M" { serde_json::json!({ "M": {} }) } else { serde_json::json!({ "L": [] }) };
    let held = out.entry(first.clone()).or_insert(empty);
    if typed(held).is_none_or(|(held, _)| held != kind) {
        return;
    }
    match held.get_mut(kind) {
        Some(Value::Object(map)) => graft(map, rest, value),
        // What lies deeper in a list's element is shown with the whole element's place only.
        Some(Value::Array(list)) => {
            let mut inner = Item::new();
            let mut deeper = vec![Step::Name(String::new())];
            deeper.extend_from_slice(&rest[1..]);
            graft(&mut inner, &deeper, value);
            list.extend(inner.remove(""));
        }
        _ => {}
    }
}
