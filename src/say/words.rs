//! How single things are written: names from outside, numbers, times.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::{self, Meter};
pub(super) use crate::domain::format::number;
use crate::domain::format::{is_harmless, one_line};
use crate::domain::{Impact, Metric};

/// The longest quota or resource name that a text shows.
pub(super) const NAME: usize = 120;
/// The longest note or error message that a text shows.
pub(super) const SENTENCE: usize = 300;

/// Text from AWS or from a user on one line of ours: without line breaks, control characters and marks
/// that reorder text, because nothing from outside may look like a line that we wrote.
pub(crate) fn plain(text: &str, longest: usize) -> String {
    clip(&one_line(text), longest)
}

/// Printable ASCII only: `?` for other letters, a space for what is no character to print.
pub(super) fn ascii(text: &str) -> String {
    let printable: String = text
        .chars()
        .map(|c| match c {
            ' '..='~' => c,
            c if is_harmless(c) => '?',
            _ => ' ',
        })
        .collect();
    printable.trim().to_owned()
}

/// At most `longest` characters; a cut is visible.
pub(super) fn clip(text: &str, longest: usize) -> String {
    if text.chars().nth(longest).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

/// `147/100 (147.0%)`; against a limit of 0 there is no percentage.
pub(crate) fn reading(metric: &Metric) -> String {
    let usage = metric.usage.map_or_else(|| "?".to_owned(), number);
    match (metric.limit, metric.utilization) {
        (Some(limit), Some(percent)) => format!("{usage}/{} ({percent:.1}%)", number(limit)),
        (Some(limit), None) => format!("{usage}/{}", number(limit)),
        (None, _) => format!("{usage} (no limit known)"),
    }
}

/// `340 calls REJECTED`: what AWS turned away because of the quota.
pub(crate) fn rejections(metric: &Metric) -> Option<String> {
    metric.rejected.map(|count| in_words(count, rejected_noun(metric)))
}

/// `340 calls REJECTED, 12 chats REJECTED`: of each kind the sum, in the order of the quotas, and `most`
/// kinds at most.
pub(super) fn all_rejections<'a>(metrics: impl Iterator<Item = &'a Metric>, most: usize) -> Option<String> {
    let mut sums: Vec<(&str, f64)> = Vec::new();
    for (noun, count) in metrics.filter_map(|m| Some((rejected_noun(m), m.rejected?))) {
        match sums.iter_mut().find(|(known, _)| *known == noun) {
            Some((_, sum)) => *sum += count,
            None => sums.push((noun, count)),
        }
    }
    let words: Vec<String> = sums.into_iter().take(most).map(|(noun, count)| in_words(count, noun)).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn in_words(count: f64, noun: &str) -> String {
    let plural = if (count - 1.0).abs() < f64::EPSILON { "" } else { "s" };
    format!("{} {noun}{plural} REJECTED", number(count))
}

/// One of what the quota lets through.
fn rejected_noun(metric: &Metric) -> &'static str {
    match catalogue::find(metric.key()).map(|quota| quota.meter) {
        Some(Meter::Gauge(gauge)) => gauge.noun(),
        Some(Meter::QueueCapacity(_)) => "contact",
        _ => "request",
    }
}

/// What happens when the quota is full, or that it is full already.
pub(super) fn impact(metric: &Metric) -> String {
    let what = match metric.impact {
        Impact::Live if metric.category == catalogue::Category::ApiRates.as_str() => "API calls are turned away",
        Impact::Live => "contacts are turned away",
        Impact::Build => "nothing new can be made, and contacts go on",
    };
    match (metric.usage, metric.limit) {
        (Some(usage), Some(limit)) if usage >= limit => format!("It is full: {what}"),
        (Some(usage), Some(limit)) => format!("{} left. When it is full, {what}", number(limit - usage)),
        _ => format!("When it is full, {what}"),
    }
}

/// `1 violation`, `2 violations`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `14:00 UTC` for a time of the reader's day, `2025-09-12 14:00 UTC` for any other.
pub(super) fn when(time: Timestamp, now: Timestamp) -> String {
    let day = |t: Timestamp| TimeZone::UTC.to_datetime(t).date();
    if day(time) == day(now) { time.strftime("%H:%M UTC").to_string() } else { date_and_time(time) }
}

pub(super) fn date_and_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `9 December`, with its year where that is another one than now.
pub(super) fn date(time: Timestamp, now: Timestamp) -> String {
    let year = |t: Timestamp| TimeZone::UTC.to_datetime(t).year();
    time.strftime(if year(time) == year(now) { "%-d %B" } else { "%-d %B %Y" }).to_string()
}

/// A stored date or time, as [`date`] writes it; text that is none as it is.
pub(super) fn date_of(text: &str, now: Timestamp) -> String {
    let time = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
    time.map_or_else(|_: jiff::Error| plain(text, NAME), |time| date(time, now))
}

/// `a, b and 212 more`: the first `most` of the names.
pub(crate) fn list(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
