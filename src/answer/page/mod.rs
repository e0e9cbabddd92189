//! The report as one page for a browser: readable without scripts, and nothing leaves it. Pure.
//!
//! Every text is escaped by the template engine. The page's own style and script are named by their hashes in its
//! policy, so that nothing else runs and nothing is fetched, whatever a name from AWS holds.

mod row;
mod sections;
mod spark;
#[cfg(test)]
mod tests;

use base64_simd::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::Completeness;
use super::stored::StoredReport;
use crate::domain::Status;
use crate::domain::format::one_line;
use row::Rows;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole document.
#[must_use]
pub fn render(report: &StoredReport) -> String {
    let rows = Rows::of(report);
    let title = format!("Amazon Connect quotas: {} {}", report.account_label(), report.region);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (one_line(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(report, &rows))
                main {
                    (sections::attention(&rows))
                    (sections::full_soon(&rows))
                    (sections::not_seen(report, &rows))
                    (sections::instances(report, &rows))
                    (sections::account(&rows))
                    (sections::requests(&rows))
                    (sections::muted(&rows))
                    (sections::coverage(report, &rows))
                    (sections::run(report))
                }
                footer {
                    p {
                        "This page names instances, resources and limits of the account: keep it private. "
                        "Made by connect-quota-monitor " (one_line(&report.version)) "."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn policy() -> String {
    let hash = |text: &str| STANDARD.encode_to_string(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn header(report: &StoredReport, rows: &Rows<'_>) -> Markup {
    let count = |status| rows.all.iter().filter(|p| p.row.status == status).count();
    let (unknown, unmeasurable) = (count(Status::Unknown), count(Status::NotMeasurable));
    let measured = rows.all.len() - unknown - unmeasurable;
    let unseen = report.instances.iter().filter(|i| i.seen.status == Completeness::Skipped).count();
    html! {
        header {
            h1 { "Amazon Connect quotas" }
            p {
                "Account " b { (one_line(&report.account_label())) } ", Region " b { (one_line(&report.region)) } ", "
                time datetime=(one_line(&report.started_at)) { (one_line(&report.started_at)) }
                ". Run " (one_line(&report.execution_id)) "."
            }
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
                @for (id, name) in sections::ALL { a href={ "#" (id) } { (name) } " " }
            }
            div #tools hidden {
                label { "Filter " input #q type="search" autocomplete="off"; }
                label {
                    "Status "
                    select #s {
                        @for (value, name) in
                            [("", "all"), ("attention", "needs attention"), ("critical", "critical"), ("warning", "warning"),
                             ("unknown", "unknown"), ("ok", "ok")] {
                            option value=(value) { (name) }
                        }
                    }
                }
                button #open type="button" { "Open all" }
                span #shown role="status" {}
            }
        }
    }
}
