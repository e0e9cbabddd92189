//! The protocols of CloudWatch: Smithy RPC v2 CBOR (current SDKs), AWS JSON 1.0, and Query (older ones).
//! All three are read into one JSON shape, where times are Unix seconds, and written back from one.

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::Response;
use serde_json::{Map, Number, Value, json};

use super::{NAMESPACE, invalid};
use crate::sts::query_form;
use crate::text::{iso_time, parse_iso, xml};
use crate::wire::{AwsError, Call, Protocol, cbor_response, respond};

/// The request's members.
pub(super) fn read(call: &Call, protocol: Protocol) -> Result<Value, AwsError> {
    match protocol {
        Protocol::Cbor => read_cbor(call),
        Protocol::AwsJson { .. } => call.json(),
        _ => read_query(call),
    }
}

/// The answer with these members.
pub(super) fn write(protocol: Protocol, operation: &str, output: &Value, request_id: &str) -> Response<Bytes> {
    match protocol {
        Protocol::Cbor => cbor_response(200, &to_cbor(output, false)),
        Protocol::AwsJson { content_type, .. } => respond(200, content_type, output.to_string()),
        _ => {
            let body = members(output);
            let body = format!(
                "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{body}</{operation}Result>\
                 <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
            );
            respond(200, "text/xml", body)
        }
    }
}

fn read_cbor(call: &Call) -> Result<Value, AwsError> {
    let unreadable = || AwsError::new(400, "SerializationException", "The body is not a CBOR map.");
    let value: Cbor = ciborium::from_reader(call.body.as_ref()).map_err(|_| unreadable())?;
    match from_cbor(value) {
        Some(value @ Value::Object(_)) => Ok(value),
        _ => Err(unreadable()),
    }
}

fn from_cbor(value: Cbor) -> Option<Value> {
    Some(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Integer(number) => Value::from(i64::try_from(number).ok()?),
        Cbor::Float(number) => Value::Number(Number::from_f64(number)?),
        Cbor::Text(text) => Value::String(text),
        // Tag 1 is a time in Unix seconds.
        Cbor::Tag(1, time) => from_cbor(*time)?,
        Cbor::Array(list) => Value::Array(list.into_iter().map(from_cbor).collect::<Option<_>>()?),
        Cbor::Map(members) => {
            let mut object = Map::new();
            for (name, value) in members {
                object.insert(name.into_text().ok()?, from_cbor(value)?);
            }
            Value::Object(object)
        }
        _ => return None,
    })
}

fn is_time(member: &str) -> bool {
    member.ends_with("Timestamp") || member.ends_with("Timestamps")
}

/// Times are tagged; whole numbers stay whole, because clients refuse a float where an integer belongs.
fn to_cbor(value: &Value, times: bool) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::Number(number) if times => Cbor::Tag(1, Box::new(Cbor::Float(number.as_f64().unwrap_or(0.0)))),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cbor::Integer(whole.into()),
            None => Cbor::Float(number.as_f64().unwrap_or(0.0)),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(list) => Cbor::Array(list.iter().map(|value| to_cbor(value, times)).collect()),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (Cbor::Text(name.clone()), to_cbor(value, is_time(name)));
            Cbor::Map(members.iter().map(member).collect())
        }
    }
}

/// `A.member.1.B=x` as nested JSON. Numbers, flags and times are told by their names.
fn read_query(call: &Call) -> Result<Value, AwsError> {
    let mut input = json!({});
    for (key, text) in query_form(call) {
        let leaf = key.rsplit('.').next().unwrap_or_default();
        let value = match leaf {
            "StartTime" | "EndTime" => parse_iso(&text).map_or(Value::String(text), Value::from),
            "Period" | "MaxDatapoints" | "EvaluationPeriods" | "DatapointsToAlarm" | "MaxRecords" => {
                text.parse::<i64>().map_or(Value::String(text), Value::from)
            }
            "Threshold" => text.parse::<f64>().map_or(Value::String(text), Value::from),
            "ReturnData" | "ActionsEnabled" => Value::Bool(text == "true"),
            _ => Value::String(text),
        };
        // The deepest real parameter has seven steps.
        let path: Vec<&str> = key.split('.').filter(|part| *part != "member").take(16).collect();
        place(&mut input, &path, value).ok_or_else(|| invalid(&format!("The parameter {key} is not valid.")))?;
    }
    Ok(input)
}

fn place(at: &mut Value, path: &[&str], value: Value) -> Option<()> {
    let Some((part, rest)) = path.split_first() else {
        *at = value;
        return Some(());
    };
    let inner = match part.parse::<usize>() {
        Ok(number) => {
            if at.is_null() {
                *at = json!([]);
            }
            let list = at.as_array_mut()?;
            // Members come in order; one more than the largest collection allowed is enough to tell.
            if number == 0 || number > list.len() + 1 {
                return None;
            }
            if number > list.len() {
                list.push(Value::Null);
            }
            list.get_mut(number - 1)?
        }
        Err(_) => {
            if at.is_null() {
                *at = json!({});
            }
            at.as_object_mut()?.entry(*part).or_insert(Value::Null)
        }
    };
    place(inner, rest, value)
}

/// The members of an object as elements.
fn members(value: &Value) -> String {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("<{name}>{}</{name}>", element(value, is_time(name)))).collect()
}

fn element(value: &Value, times: bool) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => xml(text),
        Value::Number(number) if times => iso_time(number.as_f64().map_or(0, |at| at as i64)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(list) => list.iter().map(|item| format!("<member>{}</member>", element(item, times))).collect(),
        Value::Object(_) => members(value),
    }
}
