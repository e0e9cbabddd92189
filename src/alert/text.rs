//! The email: plain lines that a phone's mail client shows well.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::remedy::{Increase, console_link, has_code, mute};
use super::words::{NAME, SENTENCE, counted, date_and_time, list, number, plain, reading, when};
use super::{Digest, Unseen, Violation};
use crate::changes::{Change, Event};
use crate::model::{Account, LimitSource};
use crate::snapshot::{Metric, Status};

/// Links, commands and mutes are long; beyond these, names suffice.
const WITH_REMEDY: usize = 10;
/// Names in one line.
const NAMES: usize = 8;

/// The text with at most `most` entries in each list.
pub(super) fn render(digest: &Digest<'_>, most: usize) -> String {
    let mut page = Page::default();
    header(&mut page, digest);
    violations(&mut page, digest, most);
    summary(&mut page, digest);
    recovered(&mut page, digest, most);
    unseen(&mut page, digest, most);
    muted(&mut page, digest);
    what_to_do(&mut page, digest, most);
    footer(&mut page, digest);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.line("");
        self.line(title);
    }

    fn bullet(&mut self, text: impl AsRef<str>) {
        self.line(format!("• {}", text.as_ref()));
    }

    fn detail(&mut self, text: impl AsRef<str>) {
        self.line(format!("  {}", text.as_ref()));
    }

    fn more(&mut self, count: usize) {
        if count > 0 {
            self.bullet(format!("and {count} more"));
        }
    }
}

fn header(page: &mut Page, digest: &Digest<'_>) {
    let context = digest.context;
    match context.instance {
        None => page.line(account_line(context.account)),
        Some(instance) => {
            let id = plain(&instance.id, NAME);
            let alias = instance.alias.as_deref().map(|a| plain(a, NAME)).filter(|a| !a.is_empty());
            page.line(alias.map_or_else(|| format!("Instance: {id}"), |alias| format!("Instance: {alias} ({id})")));
        }
    }
    page.line(format!("Threshold: {}%", number(context.thresholds.warning)));
    page.line(format!("Violations Found: {}", digest.violations.len()));
}

fn account_line(account: &Account) -> String {
    format!("Account: {} ({})", plain(&account.id, NAME), plain(&account.region, NAME))
}

fn violations(page: &mut Page, digest: &Digest<'_>, most: usize) {
    page.section("VIOLATIONS:");
    if digest.violations.is_empty() {
        page.bullet("none");
    }
    for violation in digest.violations.iter().take(most) {
        page.bullet(format!("{}: {} - VIOLATION", name(violation.metric), reading(violation.metric)));
        page.detail(circumstances(*violation, digest.context.now));
    }
    page.more(digest.violations.len().saturating_sub(most));
}

/// How bad, since when, against which limit, and what else to know before acting.
fn circumstances(violation: Violation<'_>, now: Timestamp) -> String {
    let Violation { metric, change } = violation;
    let mut facts = vec![metric.status.as_str().to_owned()];
    facts.push(match change {
        Change::New => "new".to_owned(),
        Change::Escalated(since) => format!("escalated from warning, since {}", when(since, now)),
        Change::Still(since) => format!("since {}", when(since, now)),
    });
    facts.extend(metric.limit_source.as_deref().map(|source| limit_origin(source).to_owned()));
    facts.extend(metric.adjustable.map(|yes| if yes { "adjustable" } else { "not adjustable" }.to_owned()));
    if metric.approximate {
        facts.push("approximate usage".to_owned());
    }
    facts.extend(metric.resource.as_deref().map(|r| format!("resource: {}", plain(r, NAME))));
    facts.extend(metric.note.as_deref().map(|n| plain(n, SENTENCE)));
    facts.join("; ")
}

fn limit_origin(source: &str) -> &str {
    let is = |known: LimitSource| source == known.as_str();
    if is(LimitSource::Instance) {
        "limit applied to this instance"
    } else if is(LimitSource::Account) {
        "limit applied to the account"
    } else if is(LimitSource::Override) {
        "limit: your override"
    } else {
        "limit: AWS default"
    }
}

fn summary(page: &mut Page, digest: &Digest<'_>) {
    let percent = |p: Option<f64>| p.map_or_else(|| "n/a".to_owned(), |p| format!("{p:.1}%"));
    page.section("SUMMARY:");
    page.bullet(format!("Total quotas monitored: {}", digest.rows.checked));
    page.bullet(format!("Maximum utilization: {}", percent(digest.rows.summary.max_utilization)));
    page.bullet(format!("Average utilization: {}", percent(digest.rows.summary.avg_utilization)));
}

fn recovered(page: &mut Page, digest: &Digest<'_>, most: usize) {
    if digest.recovered.is_empty() {
        return;
    }
    page.section("RECOVERED:");
    for one in digest.recovered.iter().take(most) {
        let now = one.metric.map_or_else(|| plain(one.key, NAME), |m| format!("{}: {}", name(m), reading(m)));
        let was = one.told.severity.map_or("violated", Status::as_str);
        page.bullet(format!("{now}, was {was} since {}", when(one.told.since, digest.context.now)));
    }
    page.more(digest.recovered.len().saturating_sub(most));
}

/// One entry per cause: a single missing permission may hide many quotas.
fn unseen(page: &mut Page, digest: &Digest<'_>, most: usize) {
    if digest.unseen.is_empty() {
        return;
    }
    page.section("COULD NOT BE CHECKED:");
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let mut causes: Vec<(String, Vec<&Unseen<'_>>)> = Vec::new();
    for one in &digest.unseen {
        let cause = cause(one.metric);
        let at = *place.entry(cause.clone()).or_insert(causes.len());
        match causes.get_mut(at) {
            Some((_, quotas)) => quotas.push(one),
            None => causes.push((cause, vec![one])),
        }
    }
    for (cause, quotas) in causes.iter().take(most) {
        page.bullet(cause);
        let names: Vec<_> =
            quotas.iter().map(|u| format!("{}{}", name(u.metric), if u.is_new { " (new)" } else { "" })).collect();
        let hidden_new = quotas.iter().skip(NAMES).filter(|u| u.is_new).count();
        let hidden_new = if hidden_new > 0 { format!(" ({hidden_new} new)") } else { String::new() };
        page.detail(format!("{}{hidden_new}", list(&names, NAMES)));
    }
    page.more(causes.iter().skip(most).map(|(_, quotas)| quotas.len()).sum());
}

fn cause(metric: &Metric) -> String {
    metric.fault.as_ref().map_or_else(
        || "no reason recorded".to_owned(),
        |f| format!("{} {}: {}", plain(&f.operation, NAME), f.kind, plain(&f.message, SENTENCE)),
    )
}

fn muted(page: &mut Page, digest: &Digest<'_>) {
    if digest.rows.muted == 0 {
        return;
    }
    page.section("MUTED:");
    let names: Vec<_> = digest.muted.iter().map(|m| muted_quota(m)).collect();
    page.bullet(format!("{} by QUOTA_OVERRIDES: {}", counted(digest.rows.muted, "quota"), list(&names, NAMES)));
}

fn muted_quota(metric: &Metric) -> String {
    let status = metric.status.as_str();
    let Some(mute) = &metric.muted else { return name(metric) };
    let until = mute.until.parse().map_or_else(|_| plain(&mute.until, NAME), date_and_time);
    format!("{} ({status}, until {until}: {})", name(metric), plain(&mute.reason, NAME))
}

fn what_to_do(page: &mut Page, digest: &Digest<'_>, most: usize) {
    if digest.violations.is_empty() && digest.unseen.is_empty() {
        return;
    }
    page.section("WHAT TO DO:");
    let detailed = most.min(WITH_REMEDY);
    for violation in digest.violations.iter().take(detailed) {
        let metric = violation.metric;
        page.bullet(name_and_code(metric));
        if let Some(link) = console_link(digest.context, metric) {
            page.detail(format!("Console: {link}"));
        }
        page.detail(match Increase::of(digest.context, metric) {
            Increase::Command(command) => format!("Ask AWS for more: {command}"),
            Increase::Fixed => "AWS does not raise this quota: use less of it.".to_owned(),
            Increase::Unlisted => "Not in Service Quotas: ask AWS Support for more.".to_owned(),
            Increase::OwnLimit => "The limit is your own: change it in QUOTA_OVERRIDES.".to_owned(),
        });
        page.detail(format!("Mute, in QUOTA_OVERRIDES: {}", mute(digest.context, metric)));
    }
    let others: Vec<_> = digest.violations.iter().skip(detailed).map(|v| name_and_code(v.metric)).collect();
    if !others.is_empty() {
        page.bullet(format!("the same for the other {}: {}", others.len(), list(&others, NAMES)));
    }
    if let Some(first) = digest.unseen.first() {
        page.bullet("What could not be checked: remove the cause named above, or mute the quota.");
        page.detail(format!("Mute, in QUOTA_OVERRIDES: {}", mute(digest.context, first.metric)));
    }
}

fn footer(page: &mut Page, digest: &Digest<'_>) {
    let context = digest.context;
    page.line("");
    page.line(format!(
        "Sent because {}.",
        match digest.event {
            Event::Raised => "a quota is newly over its threshold",
            Event::Escalated => "a warning became critical",
            Event::Unseen => "quotas can no longer be checked",
            Event::Recovered => "a quota is below its threshold again",
            Event::Reminder => "a reminder is due; no violation is new",
            Event::Test => "a test was asked for",
        }
    ));
    let (account, region) = (plain(&context.account.id, NAME), plain(&context.account.region, NAME));
    let (time, run) = (date_and_time(context.now), plain(context.execution_id, NAME));
    page.line(format!("Account {account}, Region {region}, {time}, run {run}"));
}

fn name(metric: &Metric) -> String {
    plain(&metric.quota_name, NAME)
}

fn name_and_code(metric: &Metric) -> String {
    let name = name(metric);
    if has_code(metric) { format!("{name} ({})", plain(&metric.quota_code, NAME)) } else { name }
}

/// A test must not be taken for an alert, nor its example for a violation: the example is quoted.
pub(super) fn test(account: &Account, now: Timestamp) -> String {
    let mut page = Page::default();
    page.line("This is a TEST of the Amazon Connect quota monitor. No quota was measured; no action is needed.");
    page.line("");
    page.line(account_line(account));
    page.line(format!("Sent: {}", date_and_time(now)));
    page.section("A REAL ALERT has a subject such as");
    page.line("> Connect Quota Alert - Instance: my-instance (1 violation)");
    page.line("and begins like this:");
    for line in [
        "Instance: my-instance (12345678-1234-1234-1234-123456789012)",
        "Threshold: 80%",
        "Violations Found: 1",
        "",
        "VIOLATIONS:",
        "• Contact flows per instance: 147/100 (147.0%) - VIOLATION",
        "  critical; new; limit applied to this instance; adjustable",
    ] {
        page.line(format!("> {line}").trim_end());
    }
    page.line("It goes on with a summary, with what could not be checked, and with what to do about each quota.");
    page.section("IF YOU DID NOT EXPECT THIS:");
    page.bullet("Somebody who may run the monitor in this account asked for it with \"test_alert\".");
    page.bullet("Ask the account's owner; the monitor's log at the time above shows the run.");
    page.bullet(
        "Alerts go to everybody who is subscribed to the monitor's SNS topic: unsubscribe if they are not for you.",
    );
    page.0
}
