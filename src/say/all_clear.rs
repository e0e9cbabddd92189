//! After a long silence: that the monitor watches, how much, what is fullest, and what it cannot see. Pure.

use jiff::Timestamp;

use super::digest::Context;
use super::overview::Overview;
use super::subject::LONGEST_SUBJECT;
use super::text::Page;
use super::words::{ascii, clip, counted, date_and_time, list};
use super::{Message, SMS, attributes, body, document};
use crate::domain::Impact;
use crate::ledger::{Event, Severity};

/// Names in one line.
const NAMES: usize = 8;

/// The message that nothing was told since `since`. `days`: after which such a message is due.
#[must_use]
pub fn all_clear(context: &Context<'_>, overview: &Overview, since: Timestamp, days: u32) -> Message {
    let account = context.account;
    let word = if overview.is_clear() { "all clear" } else { "still watching" };
    let (id, region) = (ascii(&account.label()), ascii(&account.region));
    let silent = context.now.duration_since(since).as_hours() / 24;
    let subject = format!("Connect Quota Monitor - {word}: {id} {region}, nothing told for {silent} days");
    let fullest = overview.fullest.first().map(|full| format!(", fullest: {}", ascii(&full.text)));
    let sms = format!("Connect Quota Monitor {word}: {id} {region}{}", fullest.unwrap_or_default());
    let text = text(context, overview, since, days);
    Message {
        subject: clip(&subject, LONGEST_SUBJECT),
        body: body(&text, &clip(&sms, SMS), &document::all_clear(context, overview, since)),
        attributes: attributes(Event::Reminder, Severity::Info, Impact::Build, None, account),
        text,
    }
}

fn text(context: &Context<'_>, overview: &Overview, since: Timestamp, days: u32) -> String {
    let mut page = Page::default();
    page.line(super::text::account_line(context.account));
    page.line(format!(
        "The monitor of Amazon Connect quotas watches. Nothing had to be told since {}.",
        date_and_time(since)
    ));
    page.section("WATCHED:");
    page.bullet(format!(
        "{} and the account: {} measured",
        counted(overview.instances, "instance"),
        counted(overview.quotas, "quota")
    ));
    if overview.left_out > 0 {
        page.bullet(format!("{} had no turn in this run", counted(overview.left_out, "instance")));
    }
    if overview.violations > 0 {
        page.bullet(format!("{} told before, and not over", counted(overview.violations, "violation")));
    }
    if overview.muted > 0 {
        page.bullet(format!("{} muted by QUOTA_OVERRIDES", counted(overview.muted, "quota")));
    }
    page.section("FULLEST:");
    if overview.fullest.is_empty() {
        page.bullet("none has a utilization");
    }
    for full in &overview.fullest {
        page.bullet(&full.text);
    }
    page.section("COULD NOT BE MEASURED:");
    match overview.unseen.len() {
        0 => page.bullet("nothing failed in this run"),
        count => page.bullet(format!("{} in this run: {}", counted(count, "quota"), list(&overview.unseen, NAMES))),
    }
    if overview.not_measurable > 0 {
        let quotas = counted(overview.not_measurable, "quota");
        page.bullet(format!("{quotas} for which AWS offers no way; the command `quotas` names them"));
    }
    page.line("");
    page.line(format!("Sent because no alert was sent for {} (ALL_CLEAR_DAYS).", counted(days as usize, "day")));
    super::text::origin_lines(&mut page, context);
    page.0
}
