//! What stands above the sections: whose report, how complete, and the tools.

use maud::{Markup, html};

use super::row::Rows;
use super::sections;
use crate::answer::Completeness;
use crate::answer::stored::{StoredInstance, StoredReport};
use crate::domain::Status;
use crate::domain::format::one_line;

pub(super) fn of(report: &StoredReport, rows: &Rows<'_>) -> Markup {
    let count = |status| rows.all.iter().filter(|p| p.row.status == status).count();
    let (unknown, unmeasurable) = (count(Status::Unknown), count(Status::NotMeasurable));
    let measured = rows.all.len() - unknown - unmeasurable;
    let unseen = report.instances.iter().filter(|i| i.seen.status == Completeness::Skipped).count();
    html! {
        header {
            h1 { "Amazon Connect quotas" }
            (whose(report))
            @if !report.complete {
                p.partial role="note" { "▲ Partial: not everything could be seen. " a href="#unseen" { "What and why" } }
            }
            @for note in [&report.note, &report.metrics_note].into_iter().flatten() { p.partial { (one_line(note)) } }
            ul.tiles {
                li { b { (report.violations) } " over their threshold" }
                li { b { (measured) } " measured" }
                li { b { (unknown) } " unknown" }
                li { b { (unmeasurable) } " not measurable" }
                li { b { (unseen) } " instances not looked at" }
            }
            nav aria-label="Sections" {
                @for (id, name) in sections::of(report) { a href={ "#" (id) } { (name) } " " }
            }
            (tools())
        }
    }
}

pub(super) fn of_instance(report: &StoredReport, instance: &StoredInstance, index: &str) -> Markup {
    html! {
        header {
            h1 { (one_line(instance.name())) }
            (whose(report))
            nav aria-label="Pages" { a href=(index) { "All instances" } }
            (tools())
        }
    }
}

fn whose(report: &StoredReport) -> Markup {
    html! {
        p {
            "Account " b { (one_line(&report.account_label())) } ", Region " b { (one_line(&report.region)) } ", "
            time datetime=(one_line(&report.started_at)) { (one_line(&report.started_at)) }
            ". Run " (one_line(&report.execution_id)) "."
        }
    }
}

/// Statuses by the classes of their rows.
const STATUSES: [(&str, &str); 6] =
    [("", "all"), ("cwu", "needs attention"), ("c", "critical"), ("w", "warning"), ("u", "unknown"), ("o", "ok")];

/// Only the script shows and serves them.
fn tools() -> Markup {
    html! {
        div #tools hidden {
            label { "Filter " input #q type="search" autocomplete="off"; }
            label { "Status " select #s { @for (value, name) in STATUSES { option value=(value) { (name) } } } }
            @for (id, name) in [("i", "Instance"), ("v", "Service"), ("l", "Limit from")] {
                label { (name) " " select id=(id) { option value="" { "all" } } }
            }
            span #shown role="status" {}
            details #columns { summary { "Columns" } }
            @for (id, name) in [("open", "Open all"), ("theme", "Light or dark"), ("csv", "Save CSV"), ("json", "Save JSON")] {
                button id=(id) type="button" { (name) }
            }
        }
    }
}
