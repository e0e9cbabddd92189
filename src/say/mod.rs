//! News becomes one message for Amazon SNS. Pure: rows and news in, the finished message out.
//!
//! People get the text (`email`, `default`, and a line of `sms`); programs get a JSON document. Whatever
//! the number of violations, the message stays under SNS's limits: the worst are listed, and what is
//! left out is counted.

mod document;
mod facts;
pub mod outgoing;
mod remedy;
mod subject;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use crate::catalogue;
use crate::domain::format::day_of;
use crate::domain::snapshot::{ACCOUNT_KEY, Snapshot, Summary};
use crate::domain::{Account, Impact, Instance, Metric, Status, Thresholds};
use crate::ledger::{Change, Event, History, News, Severity};

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

/// What a forecast is called where other things are called by their status.
const FORECAST: &str = "forecast";

/// Whom a message is about, and the run that has the news.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub account: &'a Account,
    /// None: the message is about the account's own quotas.
    pub instance: Option<&'a Instance>,
    pub thresholds: Thresholds,
    pub execution_id: &'a str,
    pub now: Timestamp,
}

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

/// The part of a snapshot that a message needs, kept until alerts are sent. Rows without news are
/// dropped, so that memory stays flat over a fleet; their count and the summary stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Violations, unknown rows, both of these where they are muted, and rows that recovered or will
    /// be full soon.
    pub metrics: Vec<Metric>,
    /// The last peak before the day of the run, by quota key: its day since the Unix epoch, and percent.
    pub peaks: BTreeMap<String, (i64, f64)>,
    /// Rows that could be judged: ok, warning or critical.
    pub checked: usize,
    pub summary: Summary,
    /// Rows that a mute keeps out of the message: violations, and quotas that cannot be checked.
    pub muted: usize,
}

impl Rows {
    #[must_use]
    pub fn of(snapshot: &Snapshot, history: &History, news: &News) -> Self {
        let is_notable = |m: &Metric| matches!(m.status, Status::Warning | Status::Critical | Status::Unknown);
        let is_over = |key: &str| {
            news.recovered.contains_key(key)
                || news.seen_again.contains_key(key)
                || news.forecasts_gone.contains_key(key)
        };
        let all = &snapshot.metrics;
        let metrics: Vec<Metric> =
            all.iter().filter(|m| is_notable(m) || m.has_forecast() || is_over(m.key())).cloned().collect();
        let today = snapshot.timestamp.parse().map_or(0, day_of);
        let peak = |m: &Metric| {
            let series = history.0.get(m.key())?;
            Some((m.key().to_owned(), series.last_before(today)?))
        };
        Self {
            peaks: metrics.iter().filter_map(peak).collect(),
            metrics,
            checked: all.iter().filter(|m| matches!(m.status, Status::Ok | Status::Warning | Status::Critical)).count(),
            summary: snapshot.summary.clone(),
            muted: all.iter().filter(|m| m.muted.is_some() && is_notable(m)).count(),
        }
    }
}

/// Rows and news joined and put in reading order: what turns contacts away first, then the worst, then the
/// new.
#[derive(Debug)]
struct Digest<'a> {
    context: &'a Context<'a>,
    event: Event,
    severity: Severity,
    /// The gravest of all that it names.
    impact: Impact,
    rows: &'a Rows,
    violations: Vec<Violation<'a>>,
    /// Below their thresholds, but full soon.
    forecasts: Vec<Violation<'a>>,
    over: Vec<Over<'a>>,
    unseen: Vec<Unseen<'a>>,
    muted: Vec<&'a Metric>,
}

/// A violation, or a forecast.
#[derive(Debug, Clone, Copy)]
struct Violation<'a> {
    metric: &'a Metric,
    change: Change,
    /// That it will be full soon was not told before.
    new_forecast: bool,
}

/// What was told and is over.
#[derive(Debug, Clone, Copy)]
struct Over<'a> {
    key: &'a str,
    metric: Option<&'a Metric>,
    /// `critical`, `warning`, `unknown` or `forecast`.
    was: &'static str,
    since: Timestamp,
    /// The quota's name, where it is not there any more.
    gone: Option<&'a str>,
}

impl Over<'_> {
    /// As it was, where the quota is not there any more.
    fn impact(&self) -> Impact {
        self.metric.map_or_else(|| impact_of(self.key), |metric| metric.impact)
    }
}

/// What happens when the quota of this key is full, as the catalogue has it.
pub(crate) fn impact_of(key: &str) -> Impact {
    catalogue::find(key).map_or(Impact::Build, |quota| quota.impact)
}

#[derive(Debug, Clone, Copy)]
struct Unseen<'a> {
    metric: &'a Metric,
    is_new: bool,
}

impl<'a> Digest<'a> {
    fn of(context: &'a Context<'a>, rows: &'a Rows, news: &'a News) -> Self {
        let with_news = |metric: &'a Metric, of: &BTreeMap<String, Change>| Violation {
            metric,
            // A violation without history is a new one: the reader must not miss it.
            change: of.get(metric.key()).copied().unwrap_or(Change::New(context.now)),
            new_forecast: matches!(news.forecasts.get(metric.key()), Some(Change::New(_))),
        };
        let mut violations: Vec<_> =
            rows.metrics.iter().filter(|m| m.is_violation()).map(|m| with_news(m, &news.violations)).collect();
        violations.sort_by(|a, b| worst_first(a.metric, b.metric));
        let below = rows.metrics.iter().filter(|m| m.status == Status::Ok && m.has_forecast());
        let mut forecasts: Vec<_> = below.map(|m| with_news(m, &news.forecasts)).collect();
        forecasts
            .sort_by_key(|f| (Reverse(f.metric.impact), f.metric.forecast.as_ref().and_then(|f| f.full_at.clone())));
        let mut unseen: Vec<_> = rows
            .metrics
            .iter()
            .filter(|m| m.status == Status::Unknown && m.muted.is_none())
            .map(|metric| Unseen { metric, is_new: news.unseen.get(metric.key()).is_some_and(|unseen| unseen.is_new) })
            .collect();
        unseen.sort_by_key(|u| (!u.is_new, Reverse(u.metric.impact)));
        let row: BTreeMap<_, _> = rows.metrics.iter().map(|m| (m.key(), m)).collect();
        let over = |key: &'a String, was, since| {
            let gone = news.vanished.get(key).map(|name| if name.is_empty() { key.as_str() } else { name.as_str() });
            Over { key, metric: row.get(key.as_str()).copied(), was, since, gone }
        };
        let recovered = news.recovered.iter().map(|(key, told)| over(key, told.was.as_str(), told.since));
        let seen_again = news.seen_again.iter().map(|(key, seen)| over(key, Status::Unknown.as_str(), seen.since));
        let gone = news.forecasts_gone.iter().map(|(key, since)| over(key, FORECAST, *since));
        let over: Vec<_> = recovered.chain(seen_again).chain(gone).collect();
        let told = violations.iter().chain(&forecasts).map(|v| v.metric.impact);
        let impact = told.chain(unseen.iter().map(|u| u.metric.impact)).chain(over.iter().map(Over::impact)).max();
        Self {
            context,
            event: news.event,
            severity: news.severity,
            impact: impact.unwrap_or(Impact::Build),
            rows,
            violations,
            forecasts,
            over,
            unseen,
            muted: rows.metrics.iter().filter(|m| m.muted.is_some()).collect(),
        }
    }

    /// From this length on, every list is complete.
    fn longest_list(&self) -> usize {
        (self.violations.len() + self.forecasts.len()).max(self.over.len()).max(self.unseen.len())
    }
}

/// By impact, then by severity, then by utilization; usage of something whose limit is 0 is beyond any percentage.
fn worst_first(a: &Metric, b: &Metric) -> Ordering {
    let utilization = |m: &Metric| match (m.utilization, m.limit) {
        (Some(percent), _) => percent,
        (None, Some(_)) => f64::INFINITY,
        (None, None) => 0.0,
    };
    b.impact
        .cmp(&a.impact)
        .then_with(|| b.status.cmp(&a.status))
        .then_with(|| utilization(b).total_cmp(&utilization(a)))
        .then_with(|| a.quota_name.cmp(&b.quota_name))
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
    vec![
        ("event", event.as_str().to_owned()),
        ("severity", severity.as_str().to_owned()),
        ("impact", impact.as_str().to_owned()),
        ("instance_id", instance.map_or(ACCOUNT_KEY, |i| &i.id).to_owned()),
        ("account_id", account.id.clone()),
        ("region", account.region.clone()),
    ]
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
