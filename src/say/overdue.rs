//! Requests for higher limits that hang: a message for people, and events for programs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::outgoing::{self, SOURCE};
use super::words::{NAME, SENTENCE, counted, date_of, number, plain};
use super::{Message, SMS, attributes_of, body};
use crate::catalogue;
use crate::domain::format::rfc3339;
use crate::domain::overdue::{Escalation, Overdue};
use crate::domain::{Account, Impact, console};
use crate::ledger::{News, Severity, key_of};

const EVENT: &str = "request_overdue";
const SUBJECT: usize = 99;

/// The quota's name, and its code.
fn quota(code: &str) -> String {
    match catalogue::find(code) {
        Some(quota) => format!("{} ({code})", quota.name),
        None => plain(code, NAME),
    }
}

fn command(account: &Account, id: &str) -> String {
    format!("aws service-quotas create-support-case --region {} --request-id {id}", account.region)
}

/// What can be done about a request, one line.
fn remedy(account: &Account, overdue: &Overdue) -> String {
    let id = plain(&overdue.id(), NAME);
    match (&overdue.escalation, overdue.request.case_id.as_deref()) {
        (Escalation::Opened, _) => "This run had AWS open a support case for it (AUTO_ESCALATE_REQUESTS).".to_owned(),
        (Escalation::Failed(why), _) => {
            let why = plain(why, SENTENCE);
            format!("No support case could be opened for it: {why}. By hand: {}", command(account, &id))
        }
        (Escalation::None, Some(case)) => {
            let case = plain(case, NAME);
            let link = console::support_case(account, &case);
            link.map_or_else(
                || format!("Ask in support case {case}."),
                |link| format!("Ask in its support case: {link}"),
            )
        }
        (Escalation::None, None) if overdue.request.is_pending() => {
            format!("AWS has opened no support case for it. This opens one: {}", command(account, &id))
        }
        (Escalation::None, None) => "Ask in its support case, which AWS did not name.".to_owned(),
    }
}

/// What a request asks for, one line.
fn summary(overdue: &Overdue, now: Timestamp) -> String {
    let request = &overdue.request;
    let (desired, status) = (number(request.desired), plain(&request.status, NAME));
    let since = date_of(&rfc3339(request.created), now);
    format!("{}: {desired} requested, {status} since {since}", quota(&request.quota_code))
}

fn document(account: &Account, overdue: &Overdue) -> Value {
    let request = &overdue.request;
    json!({
        "id": overdue.id(), "service_code": overdue.service_code, "quota_code": request.quota_code,
        "desired": request.desired, "status": request.status, "created": rfc3339(request.created),
        "last_updated": rfc3339(request.updated), "context": request.context, "case_id": request.case_id,
        "escalated": overdue.escalation == Escalation::Opened, "remedy": remedy(account, overdue),
    })
}

/// One message about all requests of the news.
#[must_use]
pub fn message(account: &Account, news: &News, now: Timestamp) -> Message {
    let count = counted(news.requests.len(), "request");
    let hang = if news.requests.len() == 1 { "hangs" } else { "hang" };
    let mut lines = vec![
        format!("Account: {} ({})", account.id, account.region),
        String::new(),
        format!(
            "{count} for higher limits {hang}: open for more than three business days, and untouched by AWS for more \
             than one."
        ),
        String::new(),
    ];
    for overdue in &news.requests {
        lines.push(format!("• {}", summary(overdue, now)));
        if let Some(context) = &overdue.request.context {
            lines.push(format!("  for {}", plain(context, SENTENCE)));
        }
        lines.push(format!("  {}", remedy(account, overdue)));
    }
    lines.extend([String::new(), "Each request is told once. Holidays count as business days.".to_owned()]);
    let text = format!("{}\n", lines.join("\n"));
    let document = json!({
        "schema_version": 1, "product": SOURCE, "event": EVENT, "severity": Severity::Warning.as_str(),
        "impact": Impact::Build.as_str(), "account_id": account.id, "region": account.region, "timestamp": rfc3339(now),
        "requests": news.requests.iter().map(|overdue| document(account, overdue)).collect::<Vec<_>>(),
    });
    let short = format!("Connect Quota Alert: account {}: {count} for higher limits {hang}", account.id);
    Message {
        subject: format!("Connect Quota Alert - Account: {} ({count} for higher limits {hang})", account.id)
            .chars()
            .take(SUBJECT)
            .collect(),
        body: body(&text, &short.chars().take(SMS).collect::<String>(), &document.to_string()),
        attributes: attributes_of(EVENT, Severity::Warning, Impact::Build, None, account),
        text,
    }
}

/// One event for each request that hangs, and one for each that was told and hangs no more.
#[must_use]
pub fn events(account: &Account, news: &News, now: Timestamp) -> Vec<outgoing::Event> {
    let event = |id: &str, what: &str, severity: Severity, action: &str, summary: String, request: Value| {
        let dedup_key = format!("{}/{}/account/{}", account.id, account.region, key_of(id));
        let body = json!({
            "schema_version": 1, "product": SOURCE, "event": what, "action": action, "severity": severity.as_str(),
            "impact": Impact::Build.as_str(), "dedup_key": dedup_key, "summary": summary, "account_id": account.id,
            "region": account.region, "timestamp": rfc3339(now), "request": request,
        });
        let mut attributes = attributes_of(what, severity, Impact::Build, None, account);
        attributes.extend([("action", action.to_owned()), ("dedup_key", dedup_key)]);
        outgoing::Event { body: body.to_string(), attributes, resource: None, time: now }
    };
    let hangs = news.requests.iter().map(|overdue| {
        let summary = format!("A request for a higher limit hangs: {}", summary(overdue, now));
        event(&overdue.id(), EVENT, Severity::Warning, "trigger", summary, document(account, overdue))
    });
    let over = news.requests_over.iter().map(|(id, code)| {
        let summary = format!("A request for a higher limit hangs no more: {}", quota(code));
        event(id, "recovered", Severity::Info, "resolve", summary, json!({ "id": id, "quota_code": code }))
    });
    hangs.chain(over).collect()
}
