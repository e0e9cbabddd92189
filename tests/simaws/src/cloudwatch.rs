//! CloudWatch's `GetMetricData`, in each of the three protocols that clients speak: Smithy RPC v2
//! CBOR (current SDKs), AWS JSON 1.0, and Query (older ones). All three are read into one JSON shape,
//! where times are Unix seconds, and written back from one.

use std::collections::BTreeSet;

use ciborium::Value as Cbor;
use http::Method;
use serde_json::{Map, Number, Value, json};

use crate::metrics::{Dimensions, Statistic};
use crate::paging::{self, Position, Quirk};
use crate::sts::{query_action, query_form};
use crate::text::{iso_time, parse_iso, xml};
use crate::wire::{Answer, AwsError, Call, Context, Protocol, cbor_response, respond};

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
const MAX_QUERIES: usize = 500;
/// A bound against overflow; AWS keeps no metric for longer than 455 days.
const MAX_PERIOD: i64 = 455 * 86_400;
const MAX_DATAPOINTS: u64 = 100_800;

pub(crate) fn protocol(call: &Call) -> Protocol {
    if call.header("smithy-protocol") == Some("rpc-v2-cbor") {
        Protocol::Cbor
    } else if call.header("x-amz-target").is_some() {
        Protocol::AwsJson { prefix: "com.amazonaws.cloudwatch#", content_type: "application/x-amz-json-1.0" }
    } else {
        Protocol::Query(NAMESPACE)
    }
}

pub(crate) fn operation(call: &Call) -> Result<String, AwsError> {
    let operation = match protocol(call) {
        Protocol::Cbor => {
            let path = call.path.strip_prefix("/service/GraniteServiceVersion20100801/operation/");
            path.filter(|_| call.method == Method::POST).unwrap_or_default().to_owned()
        }
        Protocol::AwsJson { .. } => call.target("GraniteServiceVersion20100801")?,
        _ => query_action(call, "2010-08-01", &["GetMetricData"])?,
    };
    if operation == "GetMetricData" {
        return Ok(operation);
    }
    Err(AwsError::new(404, "UnknownOperationException", "The operation is not known."))
}

pub(crate) fn answer(context: &Context<'_>) -> Answer {
    let call = context.call;
    let protocol = protocol(call);
    let input = match protocol {
        Protocol::Cbor => read_cbor(call)?,
        Protocol::AwsJson { .. } => call.json()?,
        _ => read_query(call)?,
    };
    let output = get_metric_data(context, &input)?;
    Ok(match protocol {
        Protocol::Cbor => cbor_response(200, &to_cbor(&output, false)),
        Protocol::AwsJson { content_type, .. } => respond(200, content_type, output.to_string()),
        _ => respond(200, "text/xml", to_xml(&output, &call.request_id)),
    })
}

fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}

/// One metric asked for.
struct Query {
    id: String,
    label: String,
    data: Vec<(i64, f64)>,
}

fn get_metric_data(context: &Context<'_>, input: &Value) -> Result<Value, AwsError> {
    let missing = |name: &str| AwsError::new(400, "MissingParameter", &format!("The parameter {name} is required."));
    let time = |name: &str| match input.get(name) {
        None | Some(Value::Null) => Err(missing(name)),
        // Up to the year 9999, as far as AWS's timestamps go.
        Some(value) => value
            .as_f64()
            .filter(|time| (0.0..253_402_300_800.0).contains(time))
            .ok_or_else(|| invalid(&format!("The parameter {name} is not a timestamp."))),
    };
    let (start, end) = (time("StartTime")?, time("EndTime")?);
    if start >= end {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    let asked = input.get("MetricDataQueries").and_then(Value::as_array);
    let asked = asked.ok_or_else(|| missing("MetricDataQueries"))?;
    if asked.is_empty() || asked.len() > MAX_QUERIES {
        let message = "The collection MetricDataQueries must not have a size less than 1 or greater than 500.";
        return Err(invalid(message));
    }
    let newest_first = match input.get("ScanBy").and_then(Value::as_str) {
        None | Some("TimestampDescending") => true,
        Some("TimestampAscending") => false,
        Some(other) => return Err(invalid(&format!("The value {other} for parameter ScanBy is not valid."))),
    };
    let max_datapoints = match input.get("MaxDatapoints") {
        None | Some(Value::Null) => MAX_DATAPOINTS,
        Some(value) => value
            .as_u64()
            .filter(|max| (1..=MAX_DATAPOINTS).contains(max))
            .ok_or_else(|| invalid("The parameter MaxDatapoints must be between 1 and 100800."))?,
    };
    let mut ids = BTreeSet::new();
    let mut queries = Vec::new();
    for query in asked {
        let id = query.get("Id").and_then(Value::as_str).unwrap_or_default();
        if !is_id(id) {
            return Err(invalid(&format!(
                "The value '{id}' for parameter MetricDataQueries.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        if !ids.insert(id) {
            return Err(invalid("The values for parameter id in MetricDataQueries are not unique."));
        }
        let read = read_metric(context, query, (start, end))?;
        if query.get("ReturnData") != Some(&Value::Bool(false)) {
            queries.push(read);
        }
    }
    if newest_first {
        queries.iter_mut().for_each(|query| query.data.reverse());
    }
    let page = context.world.metrics.page_datapoints.unwrap_or(usize::MAX);
    let limit = page.min(usize::try_from(max_datapoints).unwrap_or(usize::MAX)).max(1);
    fill(context, input, &queries, limit)
}

fn is_id(id: &str) -> bool {
    id.len() <= 255
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn read_metric(context: &Context<'_>, query: &Value, window: (f64, f64)) -> Result<Query, AwsError> {
    let id = query.get("Id").and_then(Value::as_str).unwrap_or_default();
    let text = |value: &Value, name: &str| {
        let found = value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.map(str::to_owned).ok_or_else(|| invalid(&format!("The parameter {name} of query {id} is required.")))
    };
    let none = Value::Null;
    let Some(stat) = query.get("MetricStat").filter(|stat| !stat.is_null()) else {
        return Err(invalid(&format!("Query {id} has no MetricStat; expressions are not simulated.")));
    };
    let metric = stat.get("Metric").unwrap_or(&none);
    let (namespace, name) = (text(metric, "Namespace")?, text(metric, "MetricName")?);
    let mut dimensions = Dimensions::new();
    for dimension in metric.get("Dimensions").and_then(Value::as_array).into_iter().flatten() {
        dimensions.insert(text(dimension, "Name")?, text(dimension, "Value")?);
    }
    if dimensions.len() > 30 {
        return Err(invalid("A metric has at most 30 dimensions."));
    }
    let period = stat.get("Period").and_then(Value::as_i64).unwrap_or(0);
    if !([1, 5, 10, 20, 30].contains(&period) || (period > 0 && period <= MAX_PERIOD && period % 60 == 0)) {
        return Err(invalid(&format!("The value {period} for parameter Period is not valid.")));
    }
    let statistic = text(stat, "Stat")?;
    let statistic = Statistic::parse(&statistic)
        .ok_or_else(|| invalid(&format!("The value {statistic} for parameter Stat is not supported.")))?;
    let data = context.world.metrics.read((&namespace, &name, &dimensions), statistic, period, window);
    let label = query.get("Label").and_then(Value::as_str).map_or(name, str::to_owned);
    Ok(Query { id: id.to_owned(), label, data })
}

/// One page: query after query, until it is full. The query that is cut is `PartialData`, and goes on
/// under the same id on the next page. A position is a query's number and a datapoint's in it.
fn fill(context: &Context<'_>, input: &Value, queries: &[Query], limit: usize) -> Result<Value, AwsError> {
    let mut bound = input.clone();
    if let Value::Object(members) = &mut bound {
        members.remove("NextToken");
    }
    let binding = bound.to_string();
    let start = match input.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => {
            let position = paging::read_token(&binding, token);
            position.map_err(|_| AwsError::new(400, "InvalidNextToken", "The next token is not valid."))?.offset
        }
    };
    let issue = |offset, nonce| Value::from(paging::token(&binding, Position { offset, nonce }));
    if context.quirk == Some(Quirk::EmptyFirst) && input.get("NextToken").is_none_or(Value::is_null) {
        return Ok(json!({ "MetricDataResults": [], "NextToken": issue(0, 1), "Messages": [] }));
    }
    let start = if context.quirk.is_some_and(|quirk| quirk != Quirk::EmptyFirst) { 0 } else { start };
    let (mut results, mut room, mut next) = (Vec::new(), limit, None);
    let first = usize::try_from(start >> 32).unwrap_or(usize::MAX);
    for (number, query) in queries.iter().enumerate().skip(first) {
        let skipped = if number == first { usize::try_from(start & 0xffff_ffff).unwrap_or(0) } else { 0 };
        let rest = query.data.get(skipped..).unwrap_or_default();
        if room == 0 && !rest.is_empty() {
            next = Some((number as u64) << 32);
            break;
        }
        let shown = rest.get(..room.min(rest.len())).unwrap_or_default();
        room -= shown.len();
        let cut = shown.len() < rest.len();
        results.push(json!({
            "Id": query.id,
            "Label": query.label,
            "Timestamps": shown.iter().map(|(at, _)| at).collect::<Vec<_>>(),
            "Values": shown.iter().map(|(_, value)| value).collect::<Vec<_>>(),
            "StatusCode": if cut { "PartialData" } else { "Complete" },
        }));
        if cut {
            next = Some((number as u64) << 32 | (skipped + shown.len()) as u64);
            break;
        }
    }
    let mut output = json!({ "MetricDataResults": results, "Messages": [] });
    match context.quirk {
        Some(Quirk::Endless) => output["NextToken"] = issue(0, context.nonce),
        Some(Quirk::Repeat) => output["NextToken"] = issue(0, 0),
        _ => {
            if let Some(offset) = next {
                output["NextToken"] = issue(offset, 0);
            }
        }
    }
    Ok(output)
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

/// Times are tagged; they are what stands under `Timestamps`.
fn to_cbor(value: &Value, times: bool) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::Number(number) => {
            let float = Cbor::Float(number.as_f64().unwrap_or(0.0));
            if times { Cbor::Tag(1, Box::new(float)) } else { float }
        }
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(list) => Cbor::Array(list.iter().map(|value| to_cbor(value, times)).collect()),
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| (Cbor::Text(name.clone()), to_cbor(value, name == "Timestamps"));
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
            "StartTime" | "EndTime" => {
                let time = parse_iso(&text);
                time.map_or(Value::String(text), Value::from)
            }
            "Period" | "MaxDatapoints" => text.parse::<i64>().map_or(Value::String(text), Value::from),
            "ReturnData" => Value::Bool(text == "true"),
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

fn to_xml(output: &Value, request_id: &str) -> String {
    let mut body = String::from("<MetricDataResults>");
    for result in output["MetricDataResults"].as_array().into_iter().flatten() {
        let text = |name: &str| xml(result[name].as_str().unwrap_or_default());
        let list = |name: &str, show: fn(&Value) -> String| -> String {
            let members = result[name].as_array().into_iter().flatten();
            members.map(|value| format!("<member>{}</member>", show(value))).collect()
        };
        body.push_str(&format!(
            "<member><Id>{}</Id><Label>{}</Label><StatusCode>{}</StatusCode><Timestamps>{}</Timestamps>\
             <Values>{}</Values></member>",
            text("Id"),
            text("Label"),
            text("StatusCode"),
            list("Timestamps", |at| iso_time(at.as_i64().unwrap_or(0))),
            list("Values", Value::to_string),
        ));
    }
    body.push_str("</MetricDataResults>");
    if let Some(token) = output["NextToken"].as_str() {
        body.push_str(&format!("<NextToken>{}</NextToken>", xml(token)));
    }
    format!(
        "<GetMetricDataResponse xmlns=\"{NAMESPACE}\"><GetMetricDataResult>{body}</GetMetricDataResult>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetMetricDataResponse>"
    )
}
