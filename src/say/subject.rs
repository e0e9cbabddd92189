//! The short forms: the subject of an email and the text message.

use super::digest::{Context, Digest};
use super::words::{NAME, all_rejections, ascii, clip, counted, reading};
use crate::domain::{Account, Status};

/// SNS's reference says "less than 100 characters".
pub(super) const LONGEST_SUBJECT: usize = 99;
/// One part of a text message in the GSM alphabet has 160 characters; SNS may add a prefix.
pub(super) const LONGEST_SMS: usize = 140;
/// Of a text message, so that there is room for the worst quota.
const LONGEST_SMS_NAME: usize = 45;
/// The same, where the line also says what was rejected.
const LONGEST_SMS_NAME_BESIDE: usize = 24;
/// Of the account's name beside an instance's in a text message.
const LONGEST_SMS_ACCOUNT: usize = 20;
/// With its dash; less of a name is none.
const SHORTEST_NAME: usize = 11;
/// Kinds of rejected contacts and calls: more do not fit.
const KINDS: usize = 2;

/// The name is cut where it is too long; the count, and what AWS rejected, never.
pub(super) fn subject(digest: &Digest<'_>) -> String {
    let kind = if digest.context.instance.is_some() { "Instance" } else { "Account" };
    let start = format!("Connect Quota Alert - {kind}: ");
    let rejected = rejected(digest).map_or_else(String::new, |rejected| format!(": {rejected}"));
    let end = format!(" ({}){rejected}", count(digest));
    let account = beside(digest.context).map_or_else(String::new, |name| format!(" - {name}"));
    let name = clip(&name(digest.context), LONGEST_SUBJECT.saturating_sub(start.len() + end.len()));
    let subject = format!("{start}{name}{end}");
    let room = LONGEST_SUBJECT.saturating_sub(subject.len());
    // Where there is no room for a part of it that says something, the mail's first line says it.
    if room >= SHORTEST_NAME.min(account.len()) { subject + &clip(&account, room) } else { subject }
}

/// A subject of other words.
pub(super) fn clipped(text: &str) -> String {
    clip(&ascii(text), LONGEST_SUBJECT)
}

pub(super) fn sms(digest: &Digest<'_>) -> String {
    let rejected = rejected(digest);
    let longest = if rejected.is_some() { LONGEST_SMS_NAME_BESIDE } else { LONGEST_SMS_NAME };
    let name = clip(&name(digest.context), longest);
    let rejected = rejected.map_or_else(String::new, |rejected| format!("{rejected}, "));
    let name = beside(digest.context).map_or(name.clone(), |of| format!("{}: {name}", clip(&of, LONGEST_SMS_ACCOUNT)));
    let mut line = format!("Connect Quota Alert: {name}: {rejected}{}", count(digest));
    if let Some(worst) = digest.violations.first() {
        let quota = ascii(&clip(&worst.metric.quota_name, NAME));
        let reading = ascii(&reading(worst.metric));
        let room = LONGEST_SMS.saturating_sub(line.len() + reading.len() + ", worst:  ".len());
        line = format!("{line}, worst: {} {reading}", clip(&quota, room));
    }
    clip(&line, LONGEST_SMS)
}

pub(super) fn test(account: &Account) -> String {
    let whose = ascii(&account.label());
    clip(&format!("Connect Quota Alert - TEST for account {whose}: no action needed"), LONGEST_SUBJECT)
}

pub(super) fn test_sms(account: &Account) -> String {
    let (id, region) = (ascii(&account.label()), ascii(&account.region));
    clip(&format!("Connect Quota Alert TEST for account {id} ({region}): no action needed"), LONGEST_SMS)
}

/// The account's name, where the message is about an instance of it.
fn beside(context: &Context<'_>) -> Option<String> {
    let name = context.account.named.name.as_deref().filter(|_| context.instance.is_some());
    name.map(ascii).filter(|name| !name.is_empty())
}

/// An alias of which nothing is left is no name.
fn name(context: &Context<'_>) -> String {
    let Some(instance) = context.instance else { return ascii(&context.account.label()) };
    let alias = ascii(instance.display_name());
    if alias.is_empty() { ascii(&instance.id) } else { alias }
}

/// What AWS turned away, over all quotas of the message.
fn rejected(digest: &Digest<'_>) -> Option<String> {
    all_rejections(digest.violations.iter().map(|v| v.metric), KINDS)
}

/// What happened, in the words of a subject. Only where nothing violates is there room, and need, to
/// say why the message was sent.
fn count(digest: &Digest<'_>) -> String {
    let mut parts = vec![counted(digest.violations.len(), "violation")];
    if digest.violations.is_empty() {
        if !digest.forecasts.is_empty() {
            parts.push(counted(digest.forecasts.len(), "forecast"));
        }
        if digest.over.iter().any(|o| o.was != Status::Unknown.as_str()) {
            parts.push("recovered".to_owned());
        } else if !digest.over.is_empty() {
            parts.push("seen again".to_owned());
        }
        if !digest.unseen.is_empty() {
            parts.push(format!("{} not seen", digest.unseen.len()));
        }
    }
    parts.join(", ")
}
