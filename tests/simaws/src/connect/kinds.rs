//! What filters look at: the kind of each thing. Cheap, because a filter may look at every index.

use crate::world::Instance;

/// One of these, by turns.
fn pick<'a>(among: &[&'a str], index: u64) -> &'a str {
    among[usize::try_from(index % among.len() as u64).unwrap_or(0)]
}

pub(crate) fn queue_type(instance: &Instance, index: u64) -> &'static str {
    if index < instance.count("ListQueues") { "STANDARD" } else { "AGENT" }
}

pub(crate) fn flow_state(instance: &Instance, index: u64) -> &'static str {
    if index < instance.count("ListContactFlows") { "ACTIVE" } else { "ARCHIVED" }
}

pub(crate) const FLOW_TYPES: &[&str] = &[
    "CONTACT_FLOW",
    "CUSTOMER_QUEUE",
    "CUSTOMER_HOLD",
    "CUSTOMER_WHISPER",
    "AGENT_HOLD",
    "AGENT_WHISPER",
    "OUTBOUND_WHISPER",
    "AGENT_TRANSFER",
    "QUEUE_TRANSFER",
    "CAMPAIGN",
];

pub(crate) fn flow_type(_: &Instance, index: u64) -> &'static str {
    // Most flows are plain ones.
    if index.is_multiple_of(3) { pick(FLOW_TYPES, index / 3) } else { "CONTACT_FLOW" }
}

pub(crate) const QUICK_CONNECT_TYPES: &[&str] = &["USER", "QUEUE", "PHONE_NUMBER", "FLOW"];

pub(crate) fn quick_connect_type(_: &Instance, index: u64) -> &'static str {
    pick(QUICK_CONNECT_TYPES, index)
}

pub(crate) const AGENT_STATUS_TYPES: &[&str] = &["ROUTABLE", "CUSTOM", "OFFLINE"];

/// Each instance has one routable and one offline status; all others are its own.
pub(crate) fn agent_status_type(_: &Instance, index: u64) -> &'static str {
    match index {
        0 => "ROUTABLE",
        1 => "OFFLINE",
        _ => "CUSTOM",
    }
}

pub(crate) fn always_active(_: &Instance, _: u64) -> &'static str {
    "ACTIVE"
}

pub(crate) fn always_published(_: &Instance, _: u64) -> &'static str {
    "PUBLISHED"
}

pub(crate) fn event_source(instance: &Instance, mut index: u64) -> &str {
    for (name, count) in &instance.rules {
        if index < *count {
            return name;
        }
        index -= count;
    }
    ""
}

/// The first rules of an event source have a condition in natural language.
pub(crate) fn reads_language(instance: &Instance, mut index: u64) -> bool {
    for (name, count) in &instance.rules {
        if index < *count {
            return index < instance.language_rules.get(name).copied().unwrap_or(0);
        }
        index -= count;
    }
    false
}

pub(crate) fn integration_type(instance: &Instance, index: u64) -> &str {
    integration(instance, index).0
}

pub(crate) fn integration_arn(instance: &Instance, index: u64) -> &str {
    integration(instance, index).1
}

pub(crate) fn integration(instance: &Instance, index: u64) -> (&str, &str) {
    usize::try_from(index)
        .ok()
        .and_then(|index| instance.integrations.get(index))
        .map_or(("", ""), |integration| (&integration.kind, &integration.arn))
}

/// Metrics that every instance has.
pub(crate) const METRICS_OF_AWS: u64 = 130;

pub(crate) fn metric_type(instance: &Instance, index: u64) -> &'static str {
    if index < instance.count("ListMetrics") { "CUSTOMER_MANAGED" } else { "AWS_MANAGED" }
}

pub(crate) fn bot_version(instance: &Instance, index: u64) -> &'static str {
    if index < instance.count("ListLexBots") { "V1" } else { "V2" }
}
