//! EventBridge `PutEvents` and `ListRules`: AWS JSON 1.1.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::ids::uuid;
use crate::paging::Listing;
use crate::wire::{Answer, AwsError, Context, respond};
use crate::world::World;

const MAX_ENTRIES: usize = 10;
const MAX_BYTES: usize = 262_144;
const BUS_PATTERN: &str = r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[\.\-_A-Za-z0-9]+";

/// An event bus, and what was put on it.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    pub events: Vec<Event>,
    /// How the next entries end: none is a success, some an error code such as `InternalFailure`.
    pub outcomes: VecDeque<Option<&'static str>>,
}

/// One event as a rule sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub source: String,
    pub detail_type: String,
    pub detail: Value,
    pub resources: Vec<String>,
}

pub(crate) fn answer(context: &mut Context<'_>) -> Answer {
    let input = context.call.json()?;
    match context.operation {
        "PutEvents" => {}
        "ListRules" => return list_rules(context, &input),
        _ => return Err(AwsError::new(400, "UnknownOperationException", "")),
    }
    let entries = input["Entries"]
        .as_array()
        .ok_or_else(|| invalid("Value null at 'entries' failed to satisfy constraint: Member must not be null"))?;
    if entries.is_empty() || entries.len() > MAX_ENTRIES {
        let side = if entries.is_empty() { "greater than or equal to 1" } else { "less than or equal to 10" };
        return Err(invalid(&format!(
            "Value at 'entries' failed to satisfy constraint: Member must have length {side}"
        )));
    }
    if entries.iter().map(size).sum::<usize>() > MAX_BYTES {
        return Err(AwsError::new(
            400,
            "ValidationException",
            "Total size of the entries in the request is over the limit.",
        ));
    }
    let mut results = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        results.push(match put(context, entry)? {
            Ok(()) => json!({ "EventId": uuid("event", "", context.nonce * 16 + n as u64) }),
            Err((code, message)) => json!({ "ErrorCode": code, "ErrorMessage": message }),
        });
    }
    let failed = results.iter().filter(|r| r.get("ErrorCode").is_some()).count();
    let body = json!({ "FailedEntryCount": failed, "Entries": results });
    Ok(respond(200, "application/x-amz-json-1.1", body.to_string()))
}

/// The rules of the default bus, by name.
fn list_rules(context: &Context<'_>, input: &Value) -> Answer {
    if let Some(bus) = input["EventBusName"].as_str().filter(|bus| bus_name(bus).as_deref() != Some("default")) {
        let message = format!("Event bus {bus} does not exist.");
        return Err(AwsError::new(400, "ResourceNotFoundException", &message));
    }
    let limit = match &input["Limit"] {
        Value::Null => 100,
        value => value.as_u64().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
            invalid("Value at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100")
        })?,
    };
    let prefix = input["NamePrefix"].as_str().unwrap_or_default();
    let mut rules: Vec<&Rule> = context.world.rules.iter().filter(|rule| rule.name.starts_with(prefix)).collect();
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    let listing = Listing {
        binding: &format!("ListRules {prefix} {limit}"),
        token: input["NextToken"].as_str(),
        limit,
        total: rules.len() as u64,
        quirk: context.quirk,
        short: context.world.short_pages,
        nonce: context.nonce,
    };
    let page = listing.page(|_| true).map_err(|_| invalid("Value at 'nextToken' is not valid"))?;
    let shown = page.indexes.iter().filter_map(|index| rules.get(usize::try_from(*index).ok()?));
    let mut body = json!({ "Rules": shown.map(|rule| rule.shown(context.world)).collect::<Vec<_>>() });
    if let Some(next) = page.next {
        body["NextToken"] = json!(next);
    }
    Ok(respond(200, "application/x-amz-json-1.1", body.to_string()))
}

/// A rule of the default bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub description: String,
    /// Such as `rate(1 hour)`; none for a rule on events.
    pub schedule: Option<String>,
    /// `ENABLED`, `DISABLED` or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
    pub state: &'static str,
}

impl Rule {
    fn shown(&self, world: &World) -> Value {
        let mut shown = json!({
            "Name": self.name, "State": self.state, "EventBusName": "default",
            "Arn": format!("arn:{}:events:{}:{}:rule/{}", world.partition, world.region, world.account_id, self.name),
        });
        if !self.description.is_empty() {
            shown["Description"] = json!(self.description);
        }
        match &self.schedule {
            Some(schedule) => shown["ScheduleExpression"] = json!(schedule),
            None => shown["EventPattern"] = json!("{}"),
        }
        shown
    }
}

/// One entry: an error of its own fails it alone; a name that no bus can have fails the request.
fn put(context: &mut Context<'_>, entry: &Value) -> Result<Result<(), (&'static str, String)>, AwsError> {
    let named = entry["EventBusName"].as_str().unwrap_or("default");
    let bus = bus_name(named).ok_or_else(|| {
        invalid(&format!(
            "Value '{named}' at 'entries.1.member.eventBusName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: {BUS_PATTERN}"
        ))
    })?;
    for name in ["Source", "DetailType", "Detail"] {
        if entry[name].as_str().is_none_or(str::is_empty) {
            let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            return Ok(Err(("InvalidArgument", message)));
        }
    }
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    if text("Source").starts_with("aws.") {
        return Ok(Err(("NotAuthorizedForSource", "Not authorized for the source.".to_owned())));
    }
    let Ok(detail @ Value::Object(_)) = serde_json::from_str(&text("Detail")) else {
        return Ok(Err(("MalformedDetail", "Detail is malformed.".to_owned())));
    };
    // A bus that does not exist takes everything, and nobody ever sees it.
    let Some(bus) = context.world.buses.get_mut(&bus) else { return Ok(Ok(())) };
    if let Some(Some(code)) = bus.outcomes.pop_front() {
        return Ok(Err((code, "Unexpected failure.".to_owned())));
    }
    // So is one with a detail type of more than 128 characters.
    if text("DetailType").chars().count() <= 128 {
        let resources = entry["Resources"].as_array().into_iter().flatten();
        bus.events.push(Event {
            source: text("Source"),
            detail_type: text("DetailType"),
            detail,
            resources: resources.filter_map(Value::as_str).map(str::to_owned).collect(),
        });
    }
    Ok(Ok(()))
}

fn invalid(what: &str) -> AwsError {
    AwsError::new(400, "ValidationException", &format!("1 validation error detected: {what}"))
}

/// The name within a bus's name or ARN.
fn bus_name(text: &str) -> Option<String> {
    let name = if text.starts_with("arn:") {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        parts.get(5)?.strip_prefix("event-bus/").filter(|_| parts[2] == "events")?
    } else {
        text
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (!name.is_empty() && name.chars().all(allowed)).then(|| name.to_owned())
}

/// An entry's size as EventBridge documents it: 14 bytes for a time, and UTF-8 lengths.
fn size(entry: &Value) -> usize {
    let text = |name: &str| entry[name].as_str().map_or(0, str::len);
    let resources = entry["Resources"].as_array().into_iter().flatten();
    let time = if entry["Time"].is_null() { 0 } else { 14 };
    time + text("Source")
        + text("DetailType")
        + text("Detail")
        + resources.filter_map(Value::as_str).map(str::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buses_are_named_or_given_as_arns() {
        assert_eq!(bus_name("default").as_deref(), Some("default"));
        let arn = "arn:aws-cn:events:cn-north-1:111122223333:event-bus/ops.main";
        assert_eq!(bus_name(arn).as_deref(), Some("ops.main"));
        for bad in ["", "a b", "arn:aws:sns:us-east-1:111122223333:event-bus/x", "arn:aws:events:x"] {
            assert_eq!(bus_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_size_of_an_entry_is_counted_in_bytes() {
        let entry = json!({ "Time": 1, "Source": "ab", "DetailType": "é", "Detail": "{}", "Resources": ["x", "yz"] });
        assert_eq!(size(&entry), 14 + 2 + 2 + 2 + 3);
    }
}
