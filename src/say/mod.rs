//! News becomes one message for Amazon SNS. Pure: rows and news in, the finished message out.
//!
//! People get the text (`email`, `default`, and a line of `sms`); programs get a JSON document. Whatever
//! the number of violations, the message stays under SNS's limits: the worst are listed, and what is
//! left out is counted.

mod all_clear;
mod digest;
mod document;
mod facts;
pub mod fleet;
pub mod outgoing;
pub mod overdue;
mod overview;
mod remedy;
mod subject;
#[cfg(test)]
mod tests;
mod text;
mod words;

use jiff::Timestamp;
use serde_json::json;

use crate::domain::remedy::Remedy;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::domain::{Account, Impact, Instance, Metric, Named};
use crate::ledger::{Event, News, Severity};
use crate::watch::words::Told;
use digest::Digest;
pub(crate) use digest::impact_of;
pub use digest::{Context, Rows};
pub use overview::Overview;
pub(crate) use words::{counted, list, plain, reading, rejections};

/// What SNS accepts as one message: body, attributes and all.
const SNS_LIMIT: usize = 256 * 1024;
/// Kept free, because SNS's own accounting is documented in words only.
const MARGIN: usize = 2 * 1024;
/// The protocols' names, quotes, commas and the `sms` line around the texts and documents.
const FRAME: usize = 512;
/// The subscriptions that get the text, and those that get the document.
const TEXTS: usize = 2;
const DOCUMENTS: usize = 5;
/// Characters of one SMS.
const SMS: usize = 140;

/// A message, ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    /// The whole `MessageStructure=json` document.
    pub body: String,
    /// For the filter policies of subscriptions.
    pub attributes: Vec<(&'static str, String)>,
    /// The email's text alone, for people and demos.
    pub text: String,
}

/// `snapshot`'s rows and summary with the news about them: one message, under all of SNS's limits.
#[must_use]
pub fn compose(context: &Context<'_>, rows: &Rows, news: &News) -> Message {
    let digest = Digest::of(context, rows, news);
    let subject = subject::subject(&digest);
    let attributes = attributes(digest.event, digest.severity, digest.impact, context.instance, context.account);
    let spent =
        subject.len() + attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len()).sum::<usize>();
    let budget = (SNS_LIMIT - MARGIN - FRAME).saturating_sub(spent);
    let all = digest.longest_list();
    // Programs can page through the stored snapshot; a person has only this text. So it may take two
    // fifths, or more where the documents leave more.
    let documents = DOCUMENTS * as_json_string(&document::render(&digest, all));
    let for_texts = (budget * 2 / 5).max(budget.saturating_sub(documents));
    let text = fit(all, for_texts / TEXTS, |most| text::render(&digest, most));
    let for_documents = budget.saturating_sub(TEXTS * as_json_string(&text));
    let document = fit(all, for_documents / DOCUMENTS, |most| document::render(&digest, most));
    Message { body: body(&text, &subject::sms(&digest), &document), subject, attributes, text }
}

/// What a reader can do about one quota.
#[must_use]
pub fn remedy_for(context: &Context<'_>, metric: &Metric) -> Remedy {
    Remedy {
        console: remedy::console_link(context, metric),
        increase: remedy::Increase::of(context, metric).command(),
        mute: remedy::mute(context, metric),
    }
}

/// What a watch tells, for people and programs.
#[must_use]
pub fn watched(told: &Told) -> Message {
    let severity = if told.is_over { Severity::Info } else { Severity::Warning };
    let mut attributes = vec![
        ("event", told.event.to_owned()),
        ("severity", severity.as_str().to_owned()),
        ("impact", Impact::Live.as_str().to_owned()),
        ("instance_id", told.instance_id.clone().unwrap_or_else(|| ACCOUNT_KEY.to_owned())),
        ("account_id", told.owner.account_id.clone()),
        ("region", told.owner.region.clone()),
    ];
    attributes.extend(told.account_name.clone().map(|name| ("account_name", name)));
    let short: String = told.summary.chars().take(SMS).collect();
    let body = body(&told.text, &short, &told.document.to_string());
    Message { subject: told.subject.clone(), body, attributes, text: told.text.clone() }
}

/// The message that nothing was told since `since`. `days`: after which such a message is due.
#[must_use]
pub fn all_clear(context: &Context<'_>, overview: &Overview, since: Timestamp, days: u32) -> Message {
    let text = all_clear::text(context, overview, since, days);
    Message {
        subject: all_clear::subject(context, overview, since),
        body: body(&text, &all_clear::sms(context, overview), &document::all_clear(context, overview, since)),
        attributes: attributes(Event::Reminder, Severity::Info, Impact::Build, None, context.account),
        text,
    }
}

/// What a person gets who wants to see that alerts arrive.
#[must_use]
pub fn test_message(account: &Account, now: Timestamp) -> Message {
    let text = text::test(account, now);
    Message {
        subject: subject::test(account),
        body: body(&text, &subject::test_sms(account), &document::test(account, now)),
        attributes: attributes(Event::Test, Severity::Info, Impact::Build, None, account),
        text,
    }
}

fn attributes(
    event: Event,
    severity: Severity,
    impact: Impact,
    instance: Option<&Instance>,
    account: &Account,
) -> Vec<(&'static str, String)> {
    attributes_of(event.as_str(), severity, impact, instance, account)
}

fn attributes_of(
    event: &str,
    severity: Severity,
    impact: Impact,
    instance: Option<&Instance>,
    account: &Account,
) -> Vec<(&'static str, String)> {
    let mut attributes = vec![
        ("event", event.to_owned()),
        ("severity", severity.as_str().to_owned()),
        ("impact", impact.as_str().to_owned()),
        ("instance_id", instance.map_or(ACCOUNT_KEY, |i| &i.id).to_owned()),
        ("account_id", account.id.clone()),
        ("region", account.region.clone()),
    ];
    let Named { name, ou, owner } = &account.named;
    let known = [("account_name", name), ("ou", ou), ("owner", owner)];
    attributes.extend(known.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))));
    attributes
}

/// One entry per SNS protocol. A key that is no protocol would be dropped without a word.
fn body(text: &str, sms: &str, document: &str) -> String {
    json!({
        "default": text,
        "email": text,
        "sms": sms,
        "http": document,
        "https": document,
        "sqs": document,
        "lambda": document,
        "firehose": document,
    })
    .to_string()
}

/// The rendering with the longest lists (at most `all` entries each) that takes no more than `budget`
/// bytes as a JSON string. With empty lists every rendering is small.
fn fit(all: usize, budget: usize, render: impl Fn(usize) -> String) -> String {
    let complete = render(all);
    if as_json_string(&complete) <= budget {
        return complete;
    }
    let mut best = render(0);
    let (mut fits, mut too_long) = (0, all);
    while too_long - fits > 1 {
        let middle = usize::midpoint(fits, too_long);
        let candidate = render(middle);
        if as_json_string(&candidate) <= budget {
            (fits, best) = (middle, candidate);
        } else {
            too_long = middle;
        }
    }
    best
}

/// Bytes that a text takes as a string inside a JSON document.
fn as_json_string(text: &str) -> usize {
    let escaped: usize = text
        .bytes()
        .map(|b| match b {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum();
    escaped + 2
}
