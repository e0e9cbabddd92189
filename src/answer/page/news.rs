//! What changed since the report before, and whom the watches see rejected.

use maud::{Markup, html};

use super::sections::section;
use crate::answer::diff::{Change, Difference};
use crate::answer::stored::StoredReport;
use crate::domain::format::{number, one_line};

pub(super) fn changed(report: &StoredReport) -> Markup {
    let Some(changed) = &report.changed else {
        let why =
            "There is no earlier report to compare with: the monitor compares the reports that it keeps in its bucket.";
        return section("changed", &html! { p { (why) } });
    };
    let content = html! {
        p {
            "Since " (one_line(&changed.since)) ". " (changed.persistent) " over their threshold as before."
            @if changed.differences.is_empty() { " Nothing is new, worse, better, recovered or unseen, and no limit changed." }
        }
        @if !changed.differences.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="What changed" {
                table {
                    caption { "What changed, the gravest first" }
                    thead { tr { @for name in ["Change", "Quota", "Before", "Now"] { th scope="col" { (name) } } } }
                    tbody { @for d in &changed.differences { (line(d)) } }
                }
            }
        }
        @if changed.left_out > 0 { p { "and " (changed.left_out) " more" } }
    };
    section("changed", &content)
}

fn line(difference: &Difference) -> Markup {
    let (class, shape) = match difference.change {
        Change::New | Change::Worse => ("c", "▲"),
        Change::Better => ("w", "▼"),
        Change::NoLongerSeen => ("u", "?"),
        Change::Recovered => ("o", "●"),
        Change::LimitChanged => ("n", "–"),
    };
    let (before, now, unit) = if difference.change == Change::LimitChanged {
        (difference.limit_before, difference.limit, "limit ")
    } else {
        (difference.utilization_before, difference.utilization, "")
    };
    let value = |value: Option<f64>| match value {
        None => "?".to_owned(),
        Some(value) if unit.is_empty() => format!("{value:.1} %"),
        Some(value) => format!("{unit}{}", number(value)),
    };
    html! {
        tr class=(class) {
            td { (shape) " " (difference.change.words()) }
            th scope="row" { (one_line(&difference.quota_name)) small { (one_line(&difference.instance)) } }
            td { (value(before)) }
            td { (value(now)) }
        }
    }
}

/// Nothing where no watch counts anything.
pub(super) fn throttled(report: &StoredReport) -> Markup {
    if report.throttled.is_empty() {
        return html! {};
    }
    let content = html! {
        div.scroll tabindex="0" role="region" aria-label="Callers" {
            table {
                caption { "Callers whose calls are rejected, those with the most first" }
                thead { tr { @for name in ["Times", "Caller", "Operation", "First", "Last"] { th scope="col" { (name) } } } }
                tbody {
                    @for caller in &report.throttled {
                        tr.w {
                            td { "◆ " @if caller.at_least { "at least " } (caller.count) }
                            th scope="row" { (one_line(&caller.caller)) small { (one_line(&caller.watch)) } }
                            td { (one_line(&caller.operation)) }
                            td { (one_line(&caller.first)) }
                            td { (one_line(&caller.last)) }
                        }
                    }
                }
            }
        }
    };
    section("throttled", &content)
}
