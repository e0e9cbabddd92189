//! The words of a watch's message.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::look::{Callers, name_of};
use super::state::State;
use super::table::Watch;
use crate::domain::format::rfc3339;
use crate::domain::{Owner, label};

/// What a message says, before a channel's shape is put around it.
#[derive(Debug, Clone)]
pub struct Told {
    /// `throttled`, or `recovered`.
    pub event: &'static str,
    pub is_over: bool,
    pub subject: String,
    pub text: String,
    pub document: Value,
    pub summary: String,
    pub dedup_key: String,
    pub owner: Owner,
    pub account_name: Option<String>,
    pub instance_id: Option<String>,
}

/// What is known beside the counts.
#[derive(Debug, Clone, Default)]
pub struct Aside {
    /// What people call the account.
    pub name: Option<String>,
    /// A sentence about the quota and its applied limit.
    pub quota: String,
    /// A sentence about the accepted calls, or why there is none.
    pub accepted: String,
    pub callers: Option<Callers>,
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| "an unknown time".to_owned(), rfc3339)
}

#[must_use]
pub fn told(watch: &Watch, state: &State, owner: &Owner, aside: &Aside, is_over: bool) -> Told {
    let Aside { name, quota, accepted, callers } = aside;
    let name = name.as_deref();
    let count = format!("{}{}", if state.at_least { "at least " } else { "" }, state.count);
    let (times, calls) = if state.count == 1 { ("time", "call") } else { ("times", "calls") };
    let State { operation, caller, .. } = state;
    let (over, in_all) = if is_over { ("Over: ", " in all") } else { ("", "") };
    let summary = if watch.is_of_aws() {
        format!("{over}Amazon Connect refused {count} {calls} of {caller} ({operation}){in_all}.")
    } else {
        format!("{over}{caller} {} {count} {times}{in_all} ({operation}).", watch.words)
    };
    let mut lines = vec![
        summary.clone(),
        String::new(),
        format!("Account {} in {}", label(&owner.account_id, name), owner.region),
        format!("Operation: {operation}"),
        format!("Caller: {caller}"),
        format!("Count: {} {count} {times}", watch.words),
        format!("First: {}   last: {}", time(state.first), time(state.last)),
    ];
    for (name, list) in [
        ("Sessions", &state.sessions),
        ("Source addresses", &state.addresses),
        ("Software", &state.agents),
        ("Connect instances", &state.instances),
    ] {
        if !list.is_empty() {
            lines.push(format!("{name}: {}", list.iter().map(String::as_str).collect::<Vec<_>>().join(", ")));
        }
    }
    if !quota.is_empty() {
        lines.push(format!("Quota: {quota}"));
    }
    if !accepted.is_empty() {
        lines.push(format!("Who else: {accepted}"));
    }
    if !is_over {
        lines.extend([String::new(), watch.advice.to_owned()]);
    }
    let short: String = summary.chars().take(99).collect();
    let event = if is_over { "recovered" } else { "throttled" };
    let dedup_key = format!("{}/{}/watch/{}/{}", owner.account_id, owner.region, state.watch, key(state));
    let mut document = json!({
        "schema_version": 1,
        "product": "connect-quota-monitor",
        "event": event,
        "action": if is_over { "resolve" } else { "trigger" },
        "severity": if is_over { "info" } else { "warning" },
        "impact": "live",
        "dedup_key": dedup_key,
        "summary": summary,
        "account_id": owner.account_id,
        "region": owner.region,
        "watch": {
            "name": state.watch, "operation": operation, "caller": caller, "count": state.count,
            "at_least": state.at_least, "first": time(state.first), "last": time(state.last),
            "sessions": state.sessions, "addresses": state.addresses, "agents": state.agents,
            "instances": state.instances, "quota": quota, "accepted": accepted,
            "accepted_calls": callers.as_ref().map(document),
        },
    });
    if let Some(name) = name {
        document["account_name"] = json!(name);
    }
    let instance_id = if state.instances.len() == 1 { state.instances.first().cloned() } else { None };
    Told {
        event,
        is_over,
        subject: short,
        text: format!("{}\n", lines.join("\n")),
        document,
        summary,
        dedup_key,
        owner: owner.clone(),
        account_name: name.map(str::to_owned),
        instance_id,
    }
}

/// Who made the accepted calls, for programs.
fn document(callers: &Callers) -> Value {
    let most = callers
        .most
        .iter()
        .map(|(who, calls)| json!({ "caller": who, "calls": calls, "percent": callers.percent(*calls) }));
    json!({
        "from": time(callers.span.0), "until": time(callers.span.1), "calls": callers.calls,
        "complete": callers.is_whole, "callers": most.collect::<Vec<_>>(),
    })
}

/// The key of a state within its watch: of Genesys Cloud whose it is, else what was called and by whom.
#[must_use]
pub fn key(state: &State) -> String {
    match Watch::named(&state.watch) {
        Some(watch) if !watch.is_of_aws() => state.caller.clone(),
        _ => format!("{}{}", key_start(&state.service, &state.operation), state.caller),
    }
}

/// How the keys of one operation begin. Services have operations of the same name, so all but Amazon Connect's own bear
/// the service's.
#[must_use]
pub fn key_start(service: &str, operation: &str) -> String {
    match name_of(service) {
        "connect" => format!("{operation}|"),
        service => format!("{service}.{operation}|"),
    }
}
