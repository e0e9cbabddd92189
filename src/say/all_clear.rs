//! After a long silence: that the monitor watches, how much, what is fullest, and what it cannot see. Pure.

use jiff::Timestamp;

use super::digest::Context;
use super::overview::Overview;
use super::subject::{LONGEST_SMS, LONGEST_SUBJECT};
use super::text::Page;
use super::words::{ascii, clip, counted, date_and_time, list};

/// Names in one line.
const NAMES: usize = 8;

/// The subject of the message that nothing was told since `since`.
pub(super) fn subject(context: &Context<'_>, overview: &Overview, since: Timestamp) -> String {
    let silent = usize::try_from(context.now.duration_since(since).as_hours() / 24).unwrap_or(0);
    clip(&format!("{}, nothing told for {}", head(context, overview, " - "), counted(silent, "day")), LONGEST_SUBJECT)
}

pub(super) fn sms(context: &Context<'_>, overview: &Overview) -> String {
    let fullest = overview.fullest.first().map(|full| format!(", fullest: {}", ascii(&full.text)));
    clip(&format!("{}{}", head(context, overview, " "), fullest.unwrap_or_default()), LONGEST_SMS)
}

fn head(context: &Context<'_>, overview: &Overview, dash: &str) -> String {
    let word = if overview.is_clear() { "all clear" } else { "still watching" };
    let (account, region) = (ascii(&context.account.label()), ascii(&context.account.region));
    format!("Connect Quota Monitor{dash}{word}: {account} {region}")
}

/// The text. `days`: after which such a message is due.
pub(super) fn text(context: &Context<'_>, overview: &Overview, since: Timestamp, days: u32) -> String {
    let mut page = Page::default();
    page.line(super::text::account_line(context.account));
    page.line(format!(
        "The monitor of Amazon Connect quotas watches. No run had anything to tell since {}. (Messages about throttled \
         callers are not counted.)",
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
        0 if overview.faults == 0 => page.bullet("nothing failed in this run"),
        0 => page.bullet("every quota that can be measured was measured"),
        count => page.bullet(format!("{} in this run: {}", counted(count, "quota"), list(&overview.unseen, NAMES))),
    }
    if overview.faults > 0 {
        page.bullet(format!("{} in this run: its log and its answer name them", counted(overview.faults, "failure")));
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
