//! What a text says about one quota, line by line.

use jiff::Timestamp;

use super::digest::{Digest, Violation};
use super::words::{NAME, SENTENCE, counted, date, date_of, impact, number, plain, rejections, when};
use crate::domain::format::day_of;
use crate::domain::{LimitSource, Metric, Status};
use crate::ledger::Change;

/// How bad and since when; against which limit; how it grows; what was asked for; and what else to
/// know before acting. Each on a line of its own.
pub(super) fn circumstances(digest: &Digest<'_>, violation: Violation<'_>) -> Vec<String> {
    let (now, metric) = (digest.context.now, violation.metric);
    let mut what = match violation.change {
        Change::New(since) => format!("{}; first seen {}", metric.status.as_str(), when(since, now)),
        Change::Still(since) => format!("{}; since {}", metric.status.as_str(), when(since, now)),
        Change::Escalated(since) if metric.status == Status::Critical => {
            format!("critical; escalated from warning, since {}", when(since, now))
        }
        // The message that would have said so could not be sent.
        Change::Escalated(since) => {
            format!("{}; was critical in between, since {}", metric.status.as_str(), when(since, now))
        }
    };
    if let Some(before) = peak_before(digest, metric) {
        what = format!("{what}; {before}");
    }
    if let Some(rejected) = rejections(metric) {
        what = format!("{rejected}; {what}");
    }
    let mut lines = vec![what, impact(metric), origin(metric)];
    lines.extend(growth(violation, now).map(|growth| {
        let news = if violation.new_forecast { " (new forecast)" } else { "" };
        format!("{growth}{news}")
    }));
    lines.extend(requested(metric, now));
    lines.extend(metric.note.as_deref().map(|n| plain(n, SENTENCE)));
    lines.extend(metric.callers.as_deref().map(|callers| plain(callers, 2 * SENTENCE)));
    lines
}

/// The limit, and what the usage is counted in.
pub(super) fn origin(metric: &Metric) -> String {
    let mut facts = Vec::new();
    facts.extend(metric.limit_source.as_deref().map(|source| limit_origin(source).to_owned()));
    facts
        .extend(metric.adjustable.map(|yes| if yes { "AWS can raise it" } else { "AWS does not raise it" }.to_owned()));
    facts.extend(metric.limit_read_at.as_deref().map(|at| format!("as it was read at {at}")));
    if metric.approximate {
        let usage = match metric.bound {
            Some("lower") => "the usage is this much at least",
            Some("upper") => "the usage is this much at most",
            _ => "approximate usage",
        };
        facts.push(usage.to_owned());
    }
    facts.extend(metric.resource.as_deref().map(|r| format!("resource: {}", plain(r, NAME))));
    facts.join("; ")
}

/// `was 82.0% yesterday`, the peak of that day.
fn peak_before(digest: &Digest<'_>, metric: &Metric) -> Option<String> {
    let (day, percent) = digest.rows.peaks.get(metric.key())?;
    let now = digest.context.now;
    let day = match day_of(now) - day {
        1 => "yesterday".to_owned(),
        _ => format!("on {}", date(Timestamp::from_second(day * 86_400).ok()?, now)),
    };
    Some(format!("was {percent:.1}% {day}"))
}

/// `+12 a day over 14 days: full on 9 December`.
pub(super) fn growth(violation: Violation<'_>, now: Timestamp) -> Option<String> {
    let growth = violation.metric.forecast.as_ref()?;
    let full = growth.full_at.as_deref().map(|day| format!(": full on {}", date_of(day, now)));
    let (per_day, days) = (number(growth.per_day), counted(growth.days_of_data, "day"));
    Some(format!("+{per_day} a day over {days}{}", full.unwrap_or_default()))
}

/// `requested 200, CASE_OPENED since 3 December`.
pub(super) fn requested(metric: &Metric, now: Timestamp) -> Option<String> {
    let request = metric.increase_request.as_ref()?;
    let (desired, status) = (number(request.desired), plain(&request.status, NAME));
    Some(if request.sent_now {
        let id = request.id.as_deref().map_or_else(String::new, |id| format!(", request {}", plain(id, NAME)));
        format!("this run requested {desired}, {status}{id}")
    } else {
        format!("requested {desired}, {status} since {}", date_of(&request.created, now))
    })
}

fn limit_origin(source: &str) -> &str {
    let is = |known: LimitSource| source == known.as_str();
    if is(LimitSource::Instance) {
        "limit set for this instance"
    } else if is(LimitSource::Account) {
        "limit set for the account"
    } else if is(LimitSource::Override) {
        "limit: your own"
    } else {
        "limit: the default of AWS"
    }
}
