//! CloudTrail `LookupEvents`, and reading trails: AWS JSON 1.1.
//!
//! The history of management events of the last 90 days, the newest first. One attribute at most, 50 events a page;
//! a token is bound to the parameters that it came with.

use serde_json::{Value, json};

use crate::paging;
use crate::text::parse_iso;
use crate::wire::{Answer, AwsError, Context, respond};

const DAY: i64 = 86_400;
const HISTORY: i64 = 90 * DAY;
const KEYS: [&str; 8] =
    ["EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"];

/// What CloudTrail recorded, in any order.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// Records as CloudTrail writes them: `eventID`, `eventTime`, `eventName`, `eventSource`, `userIdentity` ...
    pub records: Vec<Value>,
    /// Trails that deliver events. The history needs none.
    pub deliveries: Vec<Delivery>,
    /// Seconds after which a call shows in the history. AWS says: within minutes.
    pub delay: i64,
}

fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_default()
}

/// Unix seconds of a record.
#[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
fn at(record: &Value) -> i64 {
    parse_iso(text(record, "eventTime")).map_or(0, |at| at as i64)
}

/// The name that CloudTrail shows as the event's user: that of a role's session, or of the user.
fn user(record: &Value) -> &str {
    let identity = &record["userIdentity"];
    let session = || text(identity, "arn").rsplit('/').next().unwrap_or_default();
    identity["userName"].as_str().unwrap_or_else(session)
}

fn is_read(record: &Value) -> String {
    record["readOnly"].as_bool().unwrap_or_default().to_string()
}

fn matches(record: &Value, key: &str, value: &str) -> bool {
    let resources = || record["resources"].as_array().into_iter().flatten();
    match key {
        "EventId" => text(record, "eventID") == value,
        "EventName" => text(record, "eventName") == value,
        "EventSource" => text(record, "eventSource") == value,
        "ReadOnly" => is_read(record) == value,
        "Username" => user(record) == value,
        "AccessKeyId" => record.pointer("/userIdentity/accessKeyId").and_then(Value::as_str) == Some(value),
        "ResourceType" => resources().any(|resource| text(resource, "type") == value),
        _ => resources().any(|resource| text(resource, "ARN") == value),
    }
}

/// A time of the request, in Unix seconds.
#[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
fn time(input: &Value, name: &str) -> Result<Option<i64>, AwsError> {
    match &input[name] {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64().map(|seconds| seconds.floor() as i64)),
        _ => Err(AwsError::new(400, "SerializationException", "STRING_VALUE can not be converted to a timestamp.")),
    }
}

pub(crate) fn answer(context: &mut Context<'_>) -> Answer {
    let input = context.call.json()?;
    match context.operation {
        "LookupEvents" => {}
        "DescribeTrails" | "GetTrailStatus" | "GetEventSelectors" => return trails(context, &input),
        _ => return Err(AwsError::new(400, "UnknownOperationException", "")),
    }
    let now = context.world.metrics.clock.unwrap_or(context.world.quotas.now);
    let attribute = attribute(&input)?;
    let limit = match &input["MaxResults"] {
        Value::Null => 50,
        value => value.as_u64().filter(|limit| (1..=50).contains(limit)).ok_or_else(|| {
            AwsError::new(400, "InvalidMaxResultsException", "A maximum results value must be between 1 and 50.")
        })?,
    };
    if !matches!(input["EventCategory"].as_str(), None | Some("insight")) {
        return Err(AwsError::new(400, "InvalidEventCategoryException", "The event category is not valid."));
    }
    let (start, end) = (time(&input, "StartTime")?, time(&input, "EndTime")?);
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        let message = "Start time must be before end time.";
        return Err(AwsError::new(400, "InvalidTimeRangeException", message));
    }
    let trail = &context.world.trail;
    let oldest = start.unwrap_or(i64::MIN).max(now - HISTORY);
    let newest = end.unwrap_or(i64::MAX).min(now - trail.delay);
    let is_insight = !input["EventCategory"].is_null();
    let mut found: Vec<&Value> = trail
        .records
        .iter()
        .filter(|record| !is_insight && (oldest..=newest).contains(&at(record)))
        .filter(|record| attribute.is_none_or(|(key, value)| matches(record, key, value)))
        .collect();
    found.sort_by_key(|record| std::cmp::Reverse(at(record)));
    let mut bound = input.clone();
    if let Some(bound) = bound.as_object_mut() {
        bound.remove("NextToken");
    }
    let listing = paging::Listing {
        binding: &format!("LookupEvents {bound}"),
        token: input["NextToken"].as_str(),
        limit,
        total: found.len() as u64,
        quirk: context.quirk,
        short: false,
        nonce: context.nonce,
    };
    let page = listing
        .page(|_| true)
        .map_err(|_| AwsError::new(400, "InvalidNextTokenException", "The pagination token is invalid."))?;
    let of_page = page.indexes.iter().filter_map(|index| found.get(usize::try_from(*index).ok()?));
    let mut body = json!({ "Events": of_page.map(|record| event(record)).collect::<Vec<_>>() });
    if let Some(next) = page.next {
        body["NextToken"] = json!(next);
    }
    Ok(respond(200, "application/x-amz-json-1.1", body.to_string()))
}

/// What is said of trails, which are named by their ARN where they are another Region's.
fn trails(context: &Context<'_>, input: &Value) -> Answer {
    let world = &context.world;
    let arn = |trail: &Delivery| {
        format!("arn:{}:cloudtrail:{}:{}:trail/{}", world.partition, world.region, world.account_id, trail.name)
    };
    let body = if context.operation == "DescribeTrails" {
        let shown =
            |trail: &Delivery| json!({ "Name": trail.name, "TrailARN": arn(trail), "HomeRegion": world.region });
        json!({ "trailList": world.trail.deliveries.iter().map(shown).collect::<Vec<_>>() })
    } else {
        let name = input["Name"].as_str().or(input["TrailName"].as_str()).unwrap_or_default();
        let found = world.trail.deliveries.iter().find(|trail| trail.name == name || arn(trail) == name);
        let trail = found.ok_or_else(|| {
            let message = format!("Unknown trail: {name} for the user: {}", world.account_id);
            AwsError::new(400, "TrailNotFoundException", &message)
        })?;
        if context.operation == "GetTrailStatus" {
            json!({ "IsLogging": trail.is_logging })
        } else {
            let mut body = trail.selectors.clone();
            body["TrailARN"] = json!(arn(trail));
            body
        }
    };
    Ok(respond(200, "application/x-amz-json-1.1", body.to_string()))
}

/// A trail that delivers events.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub name: String,
    pub is_logging: bool,
    /// As `GetEventSelectors` answers: `EventSelectors` or `AdvancedEventSelectors`.
    pub selectors: Value,
}

/// The one attribute of a request.
fn attribute(input: &Value) -> Result<Option<(&str, &str)>, AwsError> {
    let invalid = |message: &str| AwsError::new(400, "InvalidLookupAttributesException", message);
    let attributes = input["LookupAttributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [attribute] = attributes else {
        return if attributes.is_empty() { Ok(None) } else { Err(invalid("Only one lookup attribute is allowed.")) };
    };
    let (key, value) = (text(attribute, "AttributeKey"), text(attribute, "AttributeValue"));
    if !KEYS.contains(&key) || value.is_empty() || value.chars().count() > 2_000 {
        return Err(invalid("The lookup attribute is not valid."));
    }
    Ok(Some((key, value)))
}

fn event(record: &Value) -> Value {
    let resources = record["resources"].as_array().into_iter().flatten();
    let mut event = json!({
        "EventId": record["eventID"], "EventName": record["eventName"], "EventSource": record["eventSource"],
        "EventTime": at(record), "ReadOnly": is_read(record), "Username": user(record),
        "Resources": resources.map(|r| json!({ "ResourceType": r["type"], "ResourceName": r["ARN"] })).collect::<Vec<_>>(),
        "CloudTrailEvent": record.to_string(),
    });
    if let Some(key) = record.pointer("/userIdentity/accessKeyId") {
        event["AccessKeyId"] = key.clone();
    }
    event
}
