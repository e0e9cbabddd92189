//! What changed in a fleet, for people and programs. The quotas themselves are told by the runs of their cells.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::document::NamedEntry;
use super::outgoing::{Event as Outgoing, SOURCE};
use super::subject::clipped;
use super::words::{NAME, SENTENCE, counted, date_and_time, plain};
use super::{Message, SMS, TEXTS, body, fit};
use crate::domain::format::rfc3339;
use crate::domain::{Account, Impact, label};
use crate::fleet::compare::{CellItem, Item, News};
use crate::fleet::report::FleetReport;
use crate::ledger::{Event, Severity};

/// The `instance_id` of a message about the fleet.
pub const FLEET: &str = "fleet";
/// Lines of each list.
const MOST: usize = 200;
/// Of the whole message, so that a person reads it: far below SNS's limit.
const LONGEST: usize = 60 * 1024;

/// The digest's one message.
#[must_use]
pub fn message(report: &FleetReport, news: &News, account: &Account, page: Option<&str>) -> Message {
    let (event, severity) = grade(news);
    let subject = clipped(&format!("Connect Quota Alert - Fleet: {}", report.summary()));
    let text = fit(MOST, LONGEST / TEXTS, |most| text(report, news, page, most));
    let short: String = clipped(&format!("Connect Quota Fleet: {}", report.summary())).chars().take(SMS).collect();
    let document = fit(MOST, LONGEST, |most| document(report, news, (event, severity), most).to_string());
    let mut attributes = vec![
        ("event", event.as_str().to_owned()),
        ("severity", severity.as_str().to_owned()),
        ("impact", Impact::Build.as_str().to_owned()),
        ("instance_id", FLEET.to_owned()),
        ("account_id", account.id.clone()),
        ("region", account.region.clone()),
    ];
    attributes.extend(account.named.name.clone().map(|name| ("account_name", name)));
    Message { body: body(&text, &short, &document), subject, attributes, text }
}

/// The gravest of what happened.
fn grade(news: &News) -> (Event, Severity) {
    let blind = !news.unseen.is_empty() || news.discovery_failed.is_some();
    if !news.new.is_empty() {
        let is_critical = news.new.iter().any(|item| item.critical);
        (Event::Raised, if is_critical { Severity::Critical } else { Severity::Warning })
    } else if blind {
        (Event::Unseen, Severity::Warning)
    } else if !news.lower.is_empty() {
        (Event::Raised, Severity::Warning)
    } else {
        (Event::Recovered, Severity::Info)
    }
}

fn text(report: &FleetReport, news: &News, page: Option<&str>, most: usize) -> String {
    let mut lines = vec![
        format!("Fleet of hub {} ({}): {}", plain(&report.hub(), NAME), report.region, report.summary()),
        format!(
            "Over their threshold: {} in {}",
            counted(report.violations, "quota"),
            counted(report.instances, "instance")
        ),
    ];
    lines.extend(report.notes.iter().map(|note| format!("NOTE: {}", plain(note, SENTENCE))));
    let mut section = |title: &str, all: Vec<String>| {
        if all.is_empty() {
            return;
        }
        lines.extend([String::new(), title.to_owned()]);
        lines.extend(all.iter().take(most).map(|line| format!("• {line}")));
        if all.len() > most {
            lines.push(format!("• and {} more", all.len() - most));
        }
    };
    section("NOT SEEN, TWICE IN A ROW:", news.unseen.iter().map(unseen).collect());
    let failed = news.discovery_failed.iter().map(|why| format!("Accounts cannot be listed: {}", plain(why, SENTENCE)));
    section(
        "THE LIST OF ACCOUNTS:",
        failed.chain(news.discovery_works.then(|| "Accounts are listed again".to_owned())).collect(),
    );
    section("NEW:", news.new.iter().map(over).collect());
    section("LOWER LIMITS OF REPLICAS:", news.lower.iter().map(|line| plain(line, SENTENCE)).collect());
    section("RECOVERED:", news.recovered.iter().map(over).collect());
    section("SEEN AGAIN:", news.seen_again.iter().map(again).collect());
    if news.lower_gone > 0 {
        section("REPLICAS:", vec![format!("{} no longer lower", counted(news.lower_gone, "limit"))]);
    }
    lines.extend([
        String::new(),
        "Each instance's own message says more, and what to do.".to_owned(),
        format!("{}, run {}", time(&report.started_at), plain(&report.execution_id, NAME)),
    ]);
    lines.extend(page.map(|page| format!("The fleet's page: {page}")));
    lines.join("\n") + "\n"
}

fn time(text: &str) -> String {
    text.parse().map_or_else(|_| plain(text, NAME), date_and_time)
}

fn over(item: &Item) -> String {
    let percent = item.utilization.map(|percent| format!(" {percent:.1}%")).unwrap_or_default();
    let grade = if item.critical { ", critical" } else { "" };
    let gone = if item.gone { ", no longer there" } else { "" };
    let (account, subject) = (plain(&item.account, NAME), plain(&item.subject, NAME));
    format!("{account} / {} / {subject}: {}{percent}{grade}{gone}", item.region, plain(&item.quota_name, NAME))
}

fn cell(item: &CellItem) -> String {
    let account = plain(&label(&item.account_id, item.account_name.as_deref()), NAME);
    let owner = item.owner.as_deref().map(|owner| format!(", owner {}", plain(owner, NAME))).unwrap_or_default();
    format!("{account} / {}{owner}", item.region)
}

fn unseen(item: &CellItem) -> String {
    let reason = item.reason.as_deref().map(|reason| format!(": {}", plain(reason, SENTENCE))).unwrap_or_default();
    let (state, since) = (item.state, date_and_time(item.since));
    format!("{}: {} since {since}, {}{reason}", cell(item), state.as_str(), state.in_words())
}

fn again(item: &CellItem) -> String {
    let gone = if item.gone { ", no longer in the list" } else { "" };
    format!("{}: was {} since {}{gone}", cell(item), item.state.as_str(), date_and_time(item.since))
}

fn document(report: &FleetReport, news: &News, (event, severity): (Event, Severity), most: usize) -> Value {
    let item = |i: &Item| {
        json!({ "account_id": i.account_id, "region": i.region, "subject": i.subject, "quota_name": i.quota_name,
            "utilization": i.utilization, "critical": i.critical, "gone": i.gone })
    };
    let cell = |i: &CellItem| {
        json!({ "account_id": i.account_id, "account_name": i.account_name, "owner": i.owner, "region": i.region,
            "state": i.state, "reason": i.reason, "since": rfc3339(i.since), "gone": i.gone })
    };
    let items = |all: &[Item]| all.iter().take(most).map(item).collect::<Vec<_>>();
    let cells = |all: &[CellItem]| all.iter().take(most).map(cell).collect::<Vec<_>>();
    json!({
        "schema_version": 1,
        "product": SOURCE,
        "kind": FLEET,
        "event": event.as_str(),
        "severity": severity.as_str(),
        "impact": Impact::Build.as_str(),
        "summary": report.summary(),
        "account_id": report.account_id,
        "account_name": report.account_name,
        "region": report.region,
        "execution_id": report.execution_id,
        "timestamp": report.started_at,
        "complete": report.complete,
        "notes": report.notes,
        "cells": report.cells,
        "changes": report.changes,
        "new": items(&news.new),
        "recovered": items(&news.recovered),
        "unseen": cells(&news.unseen),
        "seen_again": cells(&news.seen_again),
        "discovery_failed": news.discovery_failed,
        "lower_limits": news.lower.iter().take(most).collect::<Vec<_>>(),
        "page_key": crate::fleet::key::PAGE,
    })
}

/// One event for each cell that cannot be seen, or is seen again: those of quotas come from the runs of their cells.
#[must_use]
pub fn events(report: &FleetReport, news: &News) -> Vec<Outgoing> {
    let unseen = news.unseen.iter().map(|item| outgoing(report, item, false));
    unseen.chain(news.seen_again.iter().map(|item| outgoing(report, item, true))).collect()
}

fn outgoing(report: &FleetReport, item: &CellItem, is_over: bool) -> Outgoing {
    let (event, action, severity) =
        if is_over { ("recovered", "resolve", Severity::Info) } else { ("unseen", "trigger", Severity::Warning) };
    let dedup_key = format!("{}/{}/cell/unseen", item.account_id, item.region);
    let summary = if is_over { again(item) } else { unseen(item) };
    let time: Timestamp = report.started_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let account = Account {
        id: item.account_id.clone(),
        region: item.region.clone(),
        partition: String::new(),
        named: crate::domain::Named { name: item.account_name.clone(), ou: None, owner: item.owner.clone() },
    };
    let mut document = json!({
        "schema_version": 1,
        "product": SOURCE,
        "event": event,
        "action": action,
        "severity": severity.as_str(),
        "impact": Impact::Build.as_str(),
        "dedup_key": dedup_key,
        "summary": summary,
        "account_id": item.account_id,
        "region": item.region,
        "execution_id": report.execution_id,
        "timestamp": report.started_at,
        "since": rfc3339(item.since),
        "instance": null,
        "metric": null,
        "unseen": null,
        "cell": { "state": item.state, "reason": item.reason },
    });
    let named = serde_json::to_value(NamedEntry::from(&account)).unwrap_or_default();
    if let (Some(all), Value::Object(named)) = (document.as_object_mut(), named) {
        all.extend(named);
    }
    let mut attributes = vec![
        ("event", event.to_owned()),
        ("action", action.to_owned()),
        ("severity", severity.as_str().to_owned()),
        ("impact", Impact::Build.as_str().to_owned()),
        ("instance_id", crate::domain::snapshot::ACCOUNT_KEY.to_owned()),
        ("account_id", item.account_id.clone()),
        ("region", item.region.clone()),
        ("quota_code", crate::domain::NO_CODE.to_owned()),
        ("dedup_key", dedup_key),
    ];
    attributes.extend(item.account_name.clone().map(|name| ("account_name", name)));
    Outgoing { body: document.to_string(), attributes, resource: None, time }
}
