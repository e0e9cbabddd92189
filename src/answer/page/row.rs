//! A row of a table, and the table around rows.

use maud::{Markup, html};

use super::spark;
use crate::answer::stored::{Placed, Row, StoredInstance, StoredReport, worst_first};
use crate::domain::Status;
use crate::domain::format::{number, one_line};

/// The rows of a report by the question that they answer; each in reading order.
pub(super) struct Rows<'a> {
    pub(super) all: Vec<Placed<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(report: &'a StoredReport) -> Self {
        let mut all: Vec<_> = report.rows().collect();
        all.sort_by(worst_first);
        Self { all }
    }

    pub(super) fn of_instance(report: &'a StoredReport, instance: &StoredInstance) -> Self {
        let is_its = |p: &Placed<'a>| p.instance.is_some_and(|own| std::ptr::eq(own, instance));
        let mut all: Vec<_> = report.rows().filter(is_its).collect();
        all.sort_by(worst_first);
        Self { all }
    }

    pub(super) fn where_(&self, is_one: impl Fn(&Placed<'a>) -> bool) -> Vec<Placed<'a>> {
        self.all.iter().copied().filter(is_one).collect()
    }
}

/// How much of a row is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detail {
    /// The instance's name stands in the row.
    pub named: bool,
    /// What to do about it stands in the row.
    pub remedy: bool,
}

/// Rows that do not name their instance are all of the first one's.
pub(super) fn table(caption: &str, rows: &[Placed<'_>], detail: Detail) -> Markup {
    let whose = rows.first().filter(|_| !detail.named).map(|first| one_line(first.name()));
    html! {
        div.scroll tabindex="0" role="region" aria-label=(one_line(caption)) {
            table.q data-i=[whose] {
                caption { (one_line(caption)) }
                thead {
                    tr {
                        @for name in ["Status", "Quota", "Usage", "Limit", "Used", "Left", "Limit from", "30 days"] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody { @for placed in rows { (line(*placed, detail)) } }
            }
        }
    }
}

fn line(placed: Placed<'_>, detail: Detail) -> Markup {
    let row = placed.row;
    let (class, shape) = look(row);
    html! {
        tr class=(class) data-v=[(row.service_code != CONNECT).then(|| one_line(&row.service_code))] {
            td { (shape) " " (word(row.status)) @if row.muted.is_some() { " (muted)" } }
            th scope="row" {
                (one_line(&row.quota_name))
                @if let Some(resource) = &row.resource { " " i { (one_line(resource)) } }
                @if detail.named { small.n { (one_line(placed.name())) } }
                (facts(row))
                @if detail.remedy { (remedy(placed)) }
            }
            td { @if row.approximate { "about " } (value(row.usage)) }
            td { (value(row.limit)) }
            td { @if let Some(percent) = row.utilization { (format!("{percent:.1}")) " %" (bar(percent)) } @else { "?" } }
            td { (value(row.headroom())) }
            td { (one_line(row.limit_source.as_deref().unwrap_or("?"))) }
            td { @if let Some(series) = placed.history() { (spark::line(series, row.limit)) } }
        }
    }
}

/// The service of a row that names none: most are of this one.
const CONNECT: &str = "connect";

/// Class and shape: colour alone says nothing.
fn look(row: &Row) -> (&'static str, &'static str) {
    match row.status {
        _ if row.muted.is_some() => ("m", "○"),
        Status::Critical => ("c", "▲"),
        Status::Warning => ("w", "◆"),
        Status::Unknown => ("u", "?"),
        Status::Ok => ("o", "●"),
        Status::NotMeasurable => ("n", "–"),
    }
}

fn word(status: Status) -> &'static str {
    if status == Status::NotMeasurable { "not measurable" } else { status.as_str() }
}

fn value(value: Option<f64>) -> String {
    value.map_or_else(|| "?".to_owned(), number)
}

/// The bar ends at the limit; the number beside it does not. Where it would be a hair there is none.
fn bar(percent: f64) -> Markup {
    let width = (percent / 2.0).clamp(0.0, 50.0).round();
    if width < 2.0 {
        return html! {};
    }
    html! { svg width="50" height="6" aria-hidden="true" { rect width=(width) height="6" {} } }
}

/// What a reader should know before trusting the number.
fn facts(row: &Row) -> Markup {
    // Notes give the minute, as `2026-03-02 11:40`.
    let minute = row.peak_at.as_ref().and_then(|at| at.get(..16)).map(|minute| minute.replace('T', " "));
    let says_peak = minute.is_some_and(|minute| row.note.as_deref().is_some_and(|note| note.contains(&minute)));
    let lines = [
        row.rejected.filter(|n| *n > 0.0).map(|n| format!("{} rejected by AWS in the window", number(n))),
        row.peak_at.as_ref().filter(|_| !says_peak).map(|at| format!("peak at {at}")),
        row.forecast.as_ref().filter(|f| f.warns).map(growth),
        row.limit_read_at.as_ref().map(|at| format!("limit as of {at}")),
        row.note.clone(),
        row.fault.as_ref().map(|fault| format!("{} {}: {}", fault.operation, fault.kind, fault.message)),
    ];
    html! { @for line in lines.into_iter().flatten() { small { (one_line(&line)) } } }
}

/// `full on 2026-12-09 at +2.1 a day, from 28 days of data`.
pub(super) fn growth(forecast: &crate::answer::stored::Growth) -> String {
    let when = forecast.full_at.as_ref().map_or_else(|| "growing".to_owned(), |day| format!("full on {day}"));
    format!("{when} at +{} a day, from {} days of data", number(forecast.per_day), forecast.days_of_data)
}

fn remedy(placed: Placed<'_>) -> Markup {
    let Some(remedy) = placed.remedy() else { return html! {} };
    let console = remedy.console.as_deref().filter(|link| link.starts_with("https://"));
    html! {
        details {
            summary { "What to do" }
            @if let Some(link) = console {
                p { a href=(one_line(link)) rel="noreferrer" { "The quota in the Service Quotas console" } }
            }
            @if let Some(command) = &remedy.increase { p { "Ask AWS for more:" } pre tabindex="0" { code { (one_line(command)) } } }
            p { "Mute it, in QUOTA_OVERRIDES:" }
            pre tabindex="0" { code { (one_line(&remedy.mute)) } }
        }
    }
}
