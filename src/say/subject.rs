//! The short forms: the subject of an email and the text message.

use super::LONGEST_SUBJECT;
use super::digest::{Context, Digest};
use super::words::{NAME, all_rejections, ascii, clip, counted, reading};
use crate::domain::{Account, Status};

/// One part of a text message in the GSM alphabet has 160 characters; SNS may add a prefix.
const LONGEST_SMS: usize = 140;
/// Of a text message, so that there is room for the worst quota.
const LONGEST_SMS_NAME: usize = 45;
/// The same, where the line also says what was rejected.
const LONGEST_SMS_NAME_BESIDE: usize = 24;
/// Kinds of rejected contacts and calls: more do not fit.
const KINDS: usize = 2;

/// The name is cut where it is too long; the count, and what AWS rejected, never.
pub(super) fn subject(digest: &Digest<'_>) -> String {
    let kind = if digest.context.instance.is_some() { "Instance" } else { "Account" };
    let start = format!("Connect Quota Alert - {kind}: ");
    let rejected = rejected(digest).map_or_else(String::new, |rejected| format!(": {rejected}"));
    let end = format!(" ({}){rejected}", count(digest));
    let name = clip(&name(digest.context), LONGEST_SUBJECT.saturating_sub(start.len() + end.len()));
    format!("{start}{name}{end}")
}

pub(super) fn sms(digest: &Digest<'_>) -> String {
    let rejected = rejected(digest);
    let longest = if rejected.is_some() { LONGEST_SMS_NAME_BESIDE } else { LONGEST_SMS_NAME };
    let name = clip(&name(digest.context), longest);
    let rejected = rejected.map_or_else(String::new, |rejected| format!("{rejected}, "));
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
    clip(&format!("Connect Quota Alert - TEST for account {}: no action needed", ascii(&account.id)), LONGEST_SUBJECT)
}

pub(super) fn test_sms(account: &Account) -> String {
    let (id, region) = (ascii(&account.id), ascii(&account.region));
    clip(&format!("Connect Quota Alert TEST for account {id} ({region}): no action needed"), LONGEST_SMS)
}

/// An alias of which nothing is left is no name.
fn name(context: &Context<'_>) -> String {
    let Some(instance) = context.instance else { return ascii(&context.account.id) };
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
