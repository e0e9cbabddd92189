//! CloudWatch: `GetMetricData` and `ListMetrics` here, alarms in [`alarms`], and in [`codec`] the three
//! protocols that clients speak.

pub(crate) mod alarms;
mod codec;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::metrics::{Dimensions, Statistic};
use crate::paging::{self, Listing, Position, Quirk};
use crate::sts::query_action;
use crate::wire::{Answer, AwsError, Call, Context, Protocol};

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
const MAX_QUERIES: usize = 500;
/// A bound against overflow; AWS keeps no metric for longer than 455 days.
const MAX_PERIOD: i64 = 455 * 86_400;
const MAX_DATAPOINTS: u64 = 100_800;
/// The only page size of `ListMetrics`.
const LISTED_METRICS: u64 = 500;

const OPERATIONS: &[&str] = &[
    "GetMetricData",
    "ListMetrics",
    "DescribeAlarms",
    "PutMetricAlarm",
    "DeleteAlarms",
    "TagResource",
    "ListTagsForResource",
];

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
        _ => query_action(call, "2010-08-01", OPERATIONS)?,
    };
    if OPERATIONS.contains(&operation.as_str()) {
        return Ok(operation);
    }
    Err(AwsError::new(404, "UnknownOperationException", "The operation is not known."))
}

pub(crate) fn answer(context: &mut Context<'_>) -> Answer {
    let protocol = protocol(context.call);
    let input = codec::read(context.call, protocol)?;
    let output = match context.operation {
        "GetMetricData" => get_metric_data(context, &input)?,
        "ListMetrics" => list_metrics(context, &input)?,
        _ => alarms::answer(context, &input)?,
    };
    Ok(codec::write(protocol, context.operation, &output, &context.call.request_id))
}

fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}

/// One metric asked for.
struct Query {
    id: String,
    label: String,
    data: Vec<(i64, f64)>,
    /// The rest of the data does not come, on no page.
    is_part: bool,
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
    let mut data = context.world.metrics.read((&namespace, &name, &dimensions), statistic, period, window);
    let part = context.world.metrics.parts.get(&name).copied();
    data.truncate(part.unwrap_or(usize::MAX));
    let label = query.get("Label").and_then(Value::as_str).map_or(name, str::to_owned);
    Ok(Query { id: id.to_owned(), label, data, is_part: part.is_some() })
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
            "StatusCode": if cut || query.is_part { "PartialData" } else { "Complete" },
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

/// A page of the metrics that have data of the last two weeks. A filter's dimension without a value
/// matches every value; dimensions beyond those of the filter do not matter.
fn list_metrics(context: &Context<'_>, input: &Value) -> Result<Value, AwsError> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if input.get("RecentlyActive").is_some_and(|active| !active.is_null() && active != "PT3H") {
        return Err(parameter("The only value for RecentlyActive is PT3H."));
    }
    let mut filter = Vec::new();
    for dimension in input.get("Dimensions").and_then(Value::as_array).into_iter().flatten() {
        let name = text(dimension, "Name").ok_or_else(|| parameter("A dimension filter needs a Name."))?;
        filter.push((name, text(dimension, "Value")));
    }
    if filter.len() > 10 {
        return Err(parameter("A filter has at most 10 dimensions."));
    }
    let (namespace, metric) = (text(input, "Namespace"), text(input, "MetricName"));
    let listed: Vec<Value> = context
        .world
        .metrics
        .active(input.get("RecentlyActive").is_some_and(|active| !active.is_null()))
        .filter(|(space, name, dimensions)| {
            namespace.as_ref().is_none_or(|wanted| wanted == *space)
                && metric.as_ref().is_none_or(|wanted| wanted == *name)
                && filter.iter().all(|(key, wanted)| {
                    dimensions.get(key).is_some_and(|value| wanted.as_ref().is_none_or(|wanted| wanted == value))
                })
        })
        .map(|(space, name, dimensions)| {
            json!({ "Namespace": space, "MetricName": name, "Dimensions": alarms::dimensions(dimensions) })
        })
        .collect();
    let (page, next) = page(context, input, LISTED_METRICS, listed)?;
    Ok(with_token(json!({ "Metrics": page }), next))
}

fn parameter(message: &str) -> AwsError {
    AwsError::new(400, "InvalidParameterValue", message)
}

/// A page of what is listed, and the token of the next one.
fn page(
    context: &Context<'_>,
    input: &Value,
    limit: u64,
    items: Vec<Value>,
) -> Result<(Vec<Value>, Option<String>), AwsError> {
    let mut bound = input.clone();
    if let Value::Object(members) = &mut bound {
        members.remove("NextToken");
    }
    let listing = Listing {
        binding: &format!("{} {bound}", context.operation),
        token: input.get("NextToken").and_then(Value::as_str),
        limit,
        total: items.len() as u64,
        quirk: context.quirk,
        short: context.world.short_pages,
        nonce: context.nonce,
    };
    let page =
        listing.page(|_| true).map_err(|_| AwsError::new(400, "InvalidNextToken", "The next token is not valid."))?;
    let shown = page.indexes.iter().filter_map(|index| items.get(usize::try_from(*index).ok()?)).cloned().collect();
    Ok((shown, page.next))
}

fn with_token(mut output: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        output["NextToken"] = Value::from(next);
    }
    output
}
