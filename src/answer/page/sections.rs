//! The sections, in the order of a reader's questions.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::files::{encoded, file_name};
use super::row::{Detail, Rows, growth, table};
use crate::answer::Completeness;
use crate::answer::stored::{Placed, StoredInstance, StoredReport};
use crate::domain::Status;
use crate::domain::format::{number, one_line};

/// Anchor and title of each.
const ALL: [(&str, &str); 11] = [
    ("attention", "Needs attention now"),
    ("changed", "Changed"),
    ("soon", "Full soon"),
    ("unseen", "Not seen"),
    (THROTTLED, "Throttled callers"),
    ("instances", "Instances"),
    ("account", "Account and API rates"),
    ("requests", "Increase requests"),
    ("muted", "Muted"),
    ("coverage", "Coverage"),
    ("run", "Run"),
];

const THROTTLED: &str = "throttled";

/// Those that a report has.
pub(super) fn of(report: &StoredReport) -> impl Iterator<Item = (&'static str, &'static str)> {
    let has_callers = !report.throttled.is_empty();
    ALL.into_iter().filter(move |(id, _)| has_callers || *id != THROTTLED)
}

pub(super) fn section(id: &str, content: &Markup) -> Markup {
    let title = ALL.iter().find(|(name, _)| *name == id).map_or("", |(_, title)| title);
    html! { section id=(id) aria-labelledby={ (id) "-title" } { h2 id={ (id) "-title" } { (title) } (content) } }
}

const WITH_ALL: Detail = Detail { named: true, remedy: true };

pub(super) fn attention(rows: &Rows<'_>) -> Markup {
    let found = rows.where_(|p| p.row.is_violation());
    let content = html! {
        @if found.is_empty() { p { "No quota that was seen is over its threshold." } }
        @else { (table("Over their threshold, the worst first", &found, WITH_ALL)) }
    };
    section("attention", &content)
}

pub(super) fn full_soon(rows: &Rows<'_>) -> Markup {
    let warns = |p: &Placed<'_>| p.row.muted.is_none() && p.row.forecast.as_ref().is_some_and(|f| f.warns);
    let mut found = rows.where_(|p| warns(p) && !p.row.is_violation());
    found.sort_by_key(|p| p.row.forecast.as_ref().and_then(|f| f.full_at.clone()));
    let growing = rows.where_(|p| p.row.forecast.is_some() && !warns(p));
    let content = html! {
        @if found.is_empty() { p { "No quota below its threshold is foretold to be full soon." } }
        @else { (table("Full soon, the soonest first", &found, WITH_ALL)) }
        @if !growing.is_empty() {
            details {
                summary { (growing.len()) " more grow" }
                ul {
                    @for p in &growing {
                        li {
                            (one_line(p.name())) ": " (one_line(&p.row.quota_name))
                            @if let Some(forecast) = &p.row.forecast { ", " (one_line(&growth(forecast))) }
                        }
                    }
                }
            }
        }
    };
    section("soon", &content)
}

/// Grouped by what could not be done; never hidden, never green.
pub(super) fn not_seen(report: &StoredReport, rows: &Rows<'_>) -> Markup {
    let unknown = rows.where_(|p| p.row.status == Status::Unknown);
    let unseen: Vec<_> = report.instances.iter().filter(|i| i.seen.status == Completeness::Skipped).collect();
    let content = html! {
        @if unknown.is_empty() && unseen.is_empty() && report.faults.is_empty() {
            p { "Everything that can be measured was seen." }
        }
        @if !report.faults.is_empty() {
            h3 { "What failed" }
            ul {
                @for fault in &report.faults {
                    li {
                        b { (one_line(&fault.operation)) } " " (one_line(&fault.kind)) ": " (one_line(&fault.message))
                        @if let Some(id) = &fault.instance_id { " (" (one_line(id)) ")" }
                    }
                }
            }
            @if report.faults_left_out > 0 { p { "and " (report.faults_left_out) " more" } }
        }
        @if !unseen.is_empty() {
            h3 { "Instances that were not looked at" }
            ul {
                @for i in &unseen {
                    li { b { (one_line(i.name())) } ": " (one_line(i.seen.reason.as_deref().unwrap_or("no reason given"))) }
                }
            }
        }
        @if !unknown.is_empty() { (table("Unknown", &unknown, Detail { named: true, remedy: false })) }
    };
    section("unseen", &content)
}

/// Each instance with what it has, here or on a page of its own in `folder`; what can never be measured stands in the
/// section on coverage, and what needs attention or is unknown above.
pub(super) fn instances(report: &StoredReport, rows: &Rows<'_>, folder: Option<&str>) -> Markup {
    let is_here = |p: &Placed<'_>| p.row.status == Status::Ok;
    let content = html! {
        ul {
            @for (place, i) in report.instances.iter().enumerate() {
                li {
                    @if let Some(folder) = folder {
                        a href={ (encoded(folder)) "/" (file_name(place, i)) } { (one_line(i.name())) }
                    } @else { a href={ "#i" (place) } { (one_line(i.name())) } }
                    ": " (i.seen.violations_count) " over, " (i.seen.unknown_count) " unknown"
                    @if let Some(most) = i.seen.max_utilization { ", fullest " (format!("{most:.1}")) " %" }
                }
            }
        }
        @for (place, i) in report.instances.iter().enumerate().filter(|_| folder.is_none()) {
            @let own = rows.where_(|p| p.instance.is_some_and(|o| std::ptr::eq(o, i)) && is_here(p));
            article id={ "i" (place) } aria-labelledby={ "i" (place) "-title" } {
                h3 id={ "i" (place) "-title" } { (one_line(i.name())) }
                p { (one_line(&i.instance_id)) ", " (i.seen.metrics_count) " quotas" }
                @if i.seen.metrics.is_none() && i.seen.metrics_count > 0 {
                    p.partial { "This report does not hold its rows: its snapshot does." }
                }
                @if !own.is_empty() {
                    details {
                        summary { (own.len()) " quotas are ok" }
                        (table(&format!("{}: ok", i.name()), &own, Detail { named: false, remedy: false }))
                    }
                }
            }
        }
        @if report.instances.is_empty() { p { "There is no instance." } }
    };
    section("instances", &content)
}

/// Everything of one instance, on its own page.
pub(super) fn instance(instance: &StoredInstance, rows: &Rows<'_>) -> Markup {
    let unnamed = |remedy| Detail { named: false, remedy };
    let (never, found): (Vec<_>, Vec<_>) =
        rows.all.iter().copied().partition(|p| p.row.status == Status::NotMeasurable);
    html! {
        p { (one_line(&instance.instance_id)) ", " (instance.seen.metrics_count) " quotas" }
        @if let Some(reason) = &instance.seen.reason { p.partial { (one_line(reason)) } }
        @if instance.seen.metrics.is_none() && instance.seen.metrics_count > 0 {
            p.partial { "This report does not hold its rows: its snapshot does." }
        }
        @if !found.is_empty() { (table("All quotas, the worst first", &found, unnamed(true))) }
        @if !never.is_empty() {
            details {
                summary { (never.len()) " quotas cannot be measured" }
                ul.names {
                    @for p in &never {
                        li {
                            b { (one_line(&p.row.quota_name)) } " (" (one_line(&p.row.service_code)) "): "
                            (one_line(p.row.note.as_deref().unwrap_or_default()))
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn account(rows: &Rows<'_>) -> Markup {
    let all = rows.where_(|p| p.instance.is_none() && p.row.status == Status::Ok);
    let (idle, active): (Vec<_>, Vec<_>) = all.into_iter().partition(|p| p.row.is_idle_rate());
    let content = html! {
        @if active.is_empty() { p { "No other quota of the account is in use." } }
        @else {
            details { summary { (active.len()) " in use and ok" } (table("Account: ok", &active, Detail { named: false, remedy: false })) }
        }
        @if !idle.is_empty() {
            details {
                summary { (idle.len()) " API rates idle" }
                ul.names { @for p in &idle { li { (one_line(&p.row.quota_name)) } } }
            }
        }
    };
    section("account", &content)
}

pub(super) fn requests(rows: &Rows<'_>) -> Markup {
    let open = rows.where_(|p| p.row.increase_request.is_some());
    let content = html! {
        @if open.is_empty() { p { "No request for a higher limit is open." } }
        @else {
            ul {
                @for p in &open {
                    @if let Some(asked) = &p.row.increase_request {
                        li {
                            (one_line(p.name())) ": " (one_line(&p.row.quota_name)) ", " (number(asked.desired)) " asked for on "
                            (one_line(&asked.created)) ", " (one_line(&asked.status))
                            @if let Some(id) = &asked.id { " (" (one_line(id)) ")" }
                        }
                    }
                }
            }
        }
    };
    section("requests", &content)
}

pub(super) fn muted(rows: &Rows<'_>) -> Markup {
    let muted = rows.where_(|p| p.row.muted.is_some());
    let content = html! {
        @if muted.is_empty() { p { "Nothing is muted." } }
        @else {
            ul {
                @for p in &muted {
                    @if let Some(mute) = &p.row.muted {
                        li {
                            (one_line(p.name())) ": " (one_line(&p.row.quota_name)) " " (p.row.status.as_str()) ", until "
                            (one_line(&mute.until)) ": " (one_line(&mute.reason))
                        }
                    }
                }
            }
            @let shown = rows.where_(|p| p.row.muted.is_some() && matches!(p.row.status, Status::Warning | Status::Critical));
            @if !shown.is_empty() { (table("Muted", &shown, Detail { named: true, remedy: false })) }
        }
    };
    section("muted", &content)
}

/// What can never be measured stands once for all instances.
pub(super) fn coverage(report: &StoredReport, rows: &Rows<'_>) -> Markup {
    let mut never: BTreeMap<(&str, &str, &str), Vec<&Placed<'_>>> = BTreeMap::new();
    for p in rows.all.iter().filter(|p| p.row.status == Status::NotMeasurable) {
        let why = p.row.note.as_deref().unwrap_or_default();
        never.entry((&p.row.service_code, &p.row.quota_name, why)).or_default().push(p);
    }
    let limits = |of: &[&Placed<'_>]| {
        let mut limits: Vec<String> = of.iter().filter_map(|p| p.row.limit).map(number).collect();
        limits.sort();
        limits.dedup();
        limits.join(", ")
    };
    let content = html! {
        @if !report.services.is_empty() {
            ul {
                @for s in &report.services {
                    li { (one_line(&s.service_code)) ": " (one_line(&s.status)) @if let Some(note) = &s.note { ", " (one_line(note)) } }
                }
            }
        }
        @if never.is_empty() { p { "Every quota can be measured." } }
        @else {
            details {
                summary { (never.len()) " quotas cannot be measured" }
                ul.names {
                    @for ((service, name, why), of) in &never {
                        li {
                            b { (one_line(name)) } " (" (one_line(service)) ", " (of.len()) " rows, limit " (limits(of)) "): "
                            (one_line(why))
                        }
                    }
                }
            }
        }
    };
    section("coverage", &content)
}

pub(super) fn run(report: &StoredReport) -> Markup {
    let calls = report.connect_api;
    let seconds = std::time::Duration::from_millis(report.duration_ms).as_secs_f64();
    let content = html! {
        p {
            (calls.requests) " Connect calls, " (calls.throttled) " throttled, in " (format!("{seconds:.1}")) " s."
            @if let Some(plan) = &report.plan {
                " At least " (plan.seconds_needed) " s were needed, and " (plan.seconds_left) " s were there."
                @if let Some(note) = &plan.note { " " (one_line(note)) }
            }
        }
    };
    section("run", &content)
}
