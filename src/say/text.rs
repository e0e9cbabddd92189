//! The email: plain lines that a phone's mail client shows well.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::digest::{Context, Digest, FORECAST, Unseen, Violation};
use super::facts::{circumstances, growth, origin, requested};
use super::remedy::{Increase, console_link, has_code, mute};
use super::words::{NAME, SENTENCE, counted, date_and_time, list, number, plain, reading, when};
use crate::domain::{Account, Metric, Named, Status, console};
use crate::ledger::{Change, Event};

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
    forecasts(&mut page, digest, most);
    over(&mut page, digest, most);
    what_to_do(&mut page, digest, most);
    unseen(&mut page, digest, most);
    muted(&mut page, digest);
    footer(&mut page, digest);
    page.0
}

#[derive(Default)]
pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    pub(super) fn section(&mut self, title: &str) {
        self.line("");
        self.line(title);
    }

    pub(super) fn bullet(&mut self, text: impl AsRef<str>) {
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
    if context.instance.is_some() && context.account.named != Named::default() {
        page.line(account_line(context.account));
    }
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
    if !digest.unseen.is_empty() {
        page.line(format!("Not checked: {}", counted(digest.unseen.len(), "quota")));
    }
}

pub(super) fn account_line(account: &Account) -> String {
    let (id, region) = (plain(&account.id, NAME), plain(&account.region, NAME));
    let Named { name, ou, owner } = &account.named;
    let Some(name) = name else {
        return format!("Account: {id} ({region}){}", whose(ou.as_deref(), owner.as_deref()));
    };
    let whose = whose(ou.as_deref(), owner.as_deref());
    format!("Account: {} ({id}), Region {region}{whose}", plain(name, NAME))
}

/// Who answers for the account, as far as it is known.
fn whose(ou: Option<&str>, owner: Option<&str>) -> String {
    let part = |what: &str, text: Option<&str>| text.map(|text| format!(", {what} {}", plain(text, NAME)));
    [part("owner", owner), part("OU", ou)].into_iter().flatten().collect()
}

fn violations(page: &mut Page, digest: &Digest<'_>, most: usize) {
    page.section("VIOLATIONS:");
    if digest.violations.is_empty() {
        page.bullet(if digest.rows.checked == 0 { "none seen, because nothing could be checked" } else { "none" });
    }
    for violation in digest.violations.iter().take(most) {
        page.bullet(format!("{}: {} - VIOLATION", name(violation.metric), reading(violation.metric)));
        for line in circumstances(digest, *violation) {
            page.detail(line);
        }
    }
    page.more(digest.violations.len().saturating_sub(most));
}

fn summary(page: &mut Page, digest: &Digest<'_>) {
    let percent = |p: Option<f64>| p.map_or_else(|| "n/a".to_owned(), |p| format!("{p:.1}%"));
    page.section("SUMMARY:");
    page.bullet(format!("Total quotas monitored: {}", digest.rows.checked));
    page.bullet(format!("Maximum utilization: {}", percent(digest.rows.summary.max_utilization)));
    page.bullet(format!("Average utilization: {}", percent(digest.rows.summary.avg_utilization)));
}

fn forecasts(page: &mut Page, digest: &Digest<'_>, most: usize) {
    if digest.forecasts.is_empty() {
        return;
    }
    let now = digest.context.now;
    page.section("FORECAST:");
    for forecast in digest.forecasts.iter().take(most) {
        let metric = forecast.metric;
        page.bullet(format!("{}: {} - FORECAST", name(metric), reading(metric)));
        page.detail(growth(*forecast, now).unwrap_or_default());
        let told = match forecast.change {
            Change::New(_) => "new".to_owned(),
            told => format!("told since {}", when(told.since(), now)),
        };
        page.detail(format!("{told}; {}", origin(metric)));
        if let Some(line) = requested(metric, now) {
            page.detail(line);
        }
    }
    page.more(digest.forecasts.len().saturating_sub(most));
}

fn over(page: &mut Page, digest: &Digest<'_>, most: usize) {
    if digest.over.is_empty() {
        return;
    }
    page.section("RECOVERED:");
    for one in digest.over.iter().take(most) {
        let now = match (one.metric, one.gone) {
            (Some(metric), _) => format!("{}: {}", name(metric), reading(metric)),
            (None, Some(name)) => format!("{}: no longer there", plain(name, NAME)),
            (None, None) => plain(one.key, NAME),
        };
        let since = when(one.since, digest.context.now);
        page.bullet(match one.was {
            FORECAST => format!("{now}, no longer full soon, as was told at {since}"),
            was if was == Status::Unknown.as_str() => format!("{now}, could not be checked since {since}"),
            was => format!("{now}, was {was} since {since}"),
        });
    }
    page.more(digest.over.len().saturating_sub(most));
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
    if let (true, Some(first)) = (digest.violations.is_empty() && digest.forecasts.is_empty(), digest.unseen.first()) {
        to_mute(page, digest, first.metric);
    }
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

/// What to do about each quota, a command on a line of its own, and how to mute one.
fn what_to_do(page: &mut Page, digest: &Digest<'_>, most: usize) {
    let all: Vec<&Metric> = digest.violations.iter().chain(&digest.forecasts).map(|v| v.metric).collect();
    let Some(first) = all.first().copied() else { return };
    page.section("WHAT TO DO:");
    let detailed = most.min(WITH_REMEDY);
    // The stored report has the numbers that a request is made of; one line of the mail says so.
    let mut evidence = digest.context.bucket.map(|_| " (with the numbers of: connect-quota-monitor evidence)");
    for metric in all.iter().take(detailed) {
        let (remedy, command) = remedy(digest, metric);
        let evidence = command.as_ref().and_then(|_| evidence.take()).unwrap_or_default();
        page.bullet(format!("{}: {remedy}{evidence}", name_and_code(metric)));
        if let Some(command) = command {
            page.detail(command);
        }
        if let Some(link) = console_link(digest.context, metric) {
            page.detail(format!("Console: {link}"));
        }
    }
    let others: Vec<_> = all.iter().skip(detailed).map(|m| name_and_code(m)).collect();
    if !others.is_empty() {
        page.bullet(format!("the same for the other {}: {}", others.len(), list(&others, NAMES)));
    }
    to_mute(page, digest, first);
}

/// One line for the whole message: whoever mutes one quota can mute another.
fn to_mute(page: &mut Page, digest: &Digest<'_>, metric: &Metric) {
    let quotas = digest.violations.len() + digest.forecasts.len() + digest.unseen.len();
    let others = if quotas > 1 { " (for another quota, replace the code)" } else { "" };
    page.bullet(format!("To mute {}, add this to QUOTA_OVERRIDES{others}:", name(metric)));
    page.detail(mute(digest.context, metric));
}

/// What helps, and the command that does it.
fn remedy(digest: &Digest<'_>, metric: &Metric) -> (&'static str, Option<String>) {
    match Increase::of(digest.context, metric) {
        // While one is open AWS takes no second one.
        Increase::Command(command) if metric.increase_request.is_some() => {
            ("a request is open. Should AWS refuse it, ask again", Some(command))
        }
        Increase::Command(command) => ("ask AWS for more", Some(command)),
        Increase::TooFast => (
            "calls came faster than the instance's rate of calls per second allows. Slow the dialer, or ask AWS \
             Support for a higher rate. A higher limit of this quota would not help",
            None,
        ),
        Increase::Fixed => ("AWS does not raise this quota. Use less of it", None),
        Increase::Unlisted => ("not in Service Quotas. Ask AWS Support for more", None),
        Increase::OwnLimit => ("the limit is your own. Change it in QUOTA_OVERRIDES", None),
    }
}

fn footer(page: &mut Page, digest: &Digest<'_>) {
    let context = digest.context;
    page.line("");
    page.line(format!("Sent because {}.", reason(digest)));
    origin_lines(page, context);
}

/// Which run of which account wrote it, and where its page is.
pub(super) fn origin_lines(page: &mut Page, context: &Context<'_>) {
    let (account, region) = (plain(&context.account.label(), NAME), plain(&context.account.region, NAME));
    let (time, run) = (date_and_time(context.now), plain(context.execution_id, NAME));
    page.line(format!("Account {account}, Region {region}, {time}, run {run}"));
    if let Some(link) = context.bucket.and_then(|bucket| console::latest_page(context.account, bucket)) {
        page.line(format!("The page of the latest run: {link}"));
    }
}

fn reason(digest: &Digest<'_>) -> &'static str {
    let has_new = |of: &[Violation<'_>]| of.iter().any(|v| matches!(v.change, Change::New(_)));
    let is_over = |was: &str| digest.over.iter().any(|o| o.was == was);
    match digest.event {
        Event::Raised if has_new(&digest.violations) => "a quota is newly over its threshold",
        Event::Raised => "a quota will be full soon",
        Event::Escalated => "a warning became critical",
        Event::Unseen => "quotas can no longer be checked",
        Event::Recovered if is_over(Status::Warning.as_str()) || is_over(Status::Critical.as_str()) => {
            "a quota is below its threshold again"
        }
        Event::Recovered if is_over(FORECAST) => "a quota will not be full soon any more",
        Event::Recovered => "quotas can be checked again",
        Event::Reminder if digest.violations.iter().any(|v| was_sent_now(v.metric)) => {
            "AWS was asked for a higher limit; no violation is new"
        }
        Event::Reminder => "a reminder is due; no violation is new",
        Event::Test => "a test was asked for",
    }
}

fn was_sent_now(metric: &Metric) -> bool {
    metric.increase_request.as_ref().is_some_and(|r| r.sent_now)
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
        "  critical; first seen 14:00 UTC",
        "  It is full: nothing new can be made, and contacts go on",
        "  limit set for this instance; AWS can raise it",
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
