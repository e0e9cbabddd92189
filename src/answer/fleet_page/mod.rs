//! The fleet as one page for a browser: accounts and Regions as a matrix, what was not seen before everything. It fetches
//! nothing and has no script. Pure.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use base64_simd::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::domain::format::{number, one_line};
use crate::domain::label;
use crate::fleet::State;
use crate::fleet::report::{FleetReport, Row};

const STYLE: &str = include_str!("fleet.css");
/// Lines of a list; the matrix has every cell.
const MOST: usize = 300;

/// The page. `link`: where an object of the bucket can be looked at; none where nobody knows.
#[must_use]
pub fn render(report: &FleetReport, link: impl Fn(&str) -> Option<String>) -> String {
    let title = one_line(&format!("Amazon Connect quotas: the fleet of {}", report.hub()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode_to_string(Sha256::digest(STYLE.as_bytes()))
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(report))
                main {
                    (unseen(report))
                    (matrix(report, &link))
                    (over(report, &link))
                    (pairs(report))
                    (not_measured(report))
                }
                footer {
                    p {
                        "This page names accounts and instances: keep it private. Made by connect-quota-monitor "
                        (one_line(&report.version)) ", run " (one_line(&report.execution_id)) "."
                    }
                }
            }
        }
    };
    page.into_string()
}

fn header(report: &FleetReport) -> Markup {
    let cells = &report.cells;
    html! {
        header {
            h1 { "Amazon Connect quotas of the fleet" }
            p {
                "Hub " b { (one_line(&report.hub())) } ", " (one_line(&report.region)) ", "
                time datetime=(one_line(&report.started_at)) { (one_line(&report.started_at)) } "."
            }
            @if !report.complete {
                p.partial role="note" {
                    "▲ " (cells.seen) " of " (cells.expected) " cells were seen. " a href="#unseen" { "What and why" }
                }
            }
            @for note in &report.notes { p.partial { (one_line(note)) } }
            ul.tiles {
                li { b { (cells.unseen) } " cells not seen" }
                li { b { (cells.running) } " still running" }
                li { b { (cells.seen) } " seen" }
                li { b { (report.violations) } " quotas over their threshold" }
                li { b { (report.unknown) } " unknown" }
                li { b { (report.instances) } " instances" }
                li { b { (percent(report.max_utilization)) } " the fullest" }
            }
            nav aria-label="Sections" {
                @for (id, name) in SECTIONS { a href={ "#" (id) } { (name) } " " }
            }
        }
    }
}

const SECTIONS: [(&str, &str); 5] = [
    ("unseen", "Not seen"),
    ("matrix", "Accounts and Regions"),
    ("over", "Over their threshold"),
    ("pairs", "Replicas"),
    ("rest", "Not measured"),
];

fn section(id: &str, content: &Markup) -> Markup {
    let title = SECTIONS.iter().find(|(name, _)| *name == id).map_or("", |(_, title)| title);
    html! { section id=(id) aria-labelledby={ (id) "-title" } { h2 id={ (id) "-title" } { (title) } (content) } }
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "?".to_owned(), |percent| format!("{percent:.1} %"))
}

fn name(row: &Row) -> String {
    one_line(&label(&row.account_id, row.account_name.as_deref()))
}

fn whose(row: &Row) -> Markup {
    html! {
        @if let Some(owner) = &row.owner { small { "owner " (one_line(owner)) } }
        @if let Some(ou) = &row.ou { small { (one_line(ou)) } }
    }
}

fn unseen(report: &FleetReport) -> Markup {
    let rows: Vec<&Row> = report.matrix.iter().filter(|row| row.is_unseen()).collect();
    let content = html! {
        @if rows.is_empty() { p { "Every cell that has run was seen." } }
        @else {
            ul {
                @for row in rows.iter().take(MOST) {
                    li {
                        b { (name(row)) ", " (one_line(&row.region)) } ": " span.u { (row.state.as_str()) } ", " (row.state.in_words())
                        @if row.unseen_times > 1 { " (" (row.unseen_times) " times in a row)" }
                        @if let Some(reason) = &row.reason { small { (one_line(reason)) } }
                        @if let Some(at) = &row.seen_at { small { "Last seen " (one_line(at)) } }
                    }
                }
            }
            @if rows.len() > MOST { p { "and " (rows.len() - MOST) " more, in the matrix" } }
        }
    };
    section("unseen", &content)
}

fn matrix(report: &FleetReport, link: &impl Fn(&str) -> Option<String>) -> Markup {
    // Columns that hold nothing but what is not there would only widen the page.
    let says = |row: &&Row| row.measured || !matches!(row.state, State::NotOffered | State::Empty);
    let regions: BTreeSet<&str> = report.matrix.iter().filter(says).map(|row| row.region.as_str()).collect();
    let (mut accounts, mut known): (Vec<&str>, BTreeSet<&str>) = Default::default();
    let mut cells: BTreeMap<(&str, &str), &Row> = BTreeMap::new();
    // The rows stand worst first, and so do the accounts by their worst.
    for row in &report.matrix {
        if known.insert(&row.account_id) {
            accounts.push(&row.account_id);
        }
        cells.insert((&row.account_id, &row.region), row);
    }
    let shown: Vec<&str> = accounts
        .iter()
        .copied()
        .filter(|account| regions.iter().any(|region| cells.get(&(*account, *region)).is_some_and(says)))
        .collect();
    let hidden = accounts.len() - shown.len();
    let first = |account: &str| cells.range((account, "")..).next().map(|(_, row)| *row);
    let content = html! {
        @if shown.is_empty() { p { "There is no cell." } }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Accounts and Regions" {
                table {
                    caption { "Highest utilization, the worst account first" }
                    thead { tr { th scope="col" { "Account" } @for region in &regions { th scope="col" { (one_line(region)) } } } }
                    tbody {
                        @for account in &shown {
                            tr {
                                th scope="row" { @if let Some(row) = first(account) { (name(row)) (whose(row)) } }
                                @for region in &regions { (cell(cells.get(&(*account, *region)).copied(), link)) }
                            }
                        }
                    }
                }
            }
        }
        @if hidden > 0 { p { (hidden) " accounts without an instance are left out." } }
    };
    section("matrix", &content)
}

fn cell(row: Option<&Row>, link: &impl Fn(&str) -> Option<String>) -> Markup {
    let Some(row) = row else { return html! { td {} } };
    if !row.measured {
        let sign = if row.state == State::Empty { "–".to_owned() } else { row.state.as_str().replace('_', " ") };
        return html! { td { (sign) } };
    }
    let violates = row.violations.is_some_and(|n| n > 0);
    let (class, words) = match row.state {
        State::Seen if violates => ("c", format!("▲ {}", percent(row.max_utilization))),
        State::Seen => ("o", percent(row.max_utilization)),
        State::Empty => ("o", "no instance".to_owned()),
        State::Running => ("u", "… running".to_owned()),
        state => ("u", format!("? {}", state.as_str().replace('_', " "))),
    };
    let href = row.page.as_deref().map(|key| link(key).unwrap_or_else(|| format!("../../{key}")));
    html! {
        td class=(class) {
            @if let Some(href) = href { a href=(one_line(&href)) rel="noreferrer" { (words) } } @else { (words) }
            @if violates { small { (row.violations.unwrap_or(0)) " over" } }
            @if row.unknown.is_some_and(|n| n > 0) { small { (row.unknown.unwrap_or(0)) " unknown" } }
        }
    }
}

fn over(report: &FleetReport, link: &impl Fn(&str) -> Option<String>) -> Markup {
    let rows: Vec<&Row> =
        report.matrix.iter().filter(|row| row.measured && row.violations.is_some_and(|n| n > 0)).collect();
    let content = html! {
        @if rows.is_empty() { p { "No quota that was seen is over its threshold." } }
        @else {
            ul {
                @for row in rows.iter().take(MOST) {
                    li {
                        b { (name(row)) ", " (one_line(&row.region)) } ": " (row.violations.unwrap_or(0)) " over"
                        @if let Some(worst) = &row.worst {
                            ", the fullest " (one_line(&worst.quota_name)) " at " (percent(row.max_utilization))
                            @if let Some(instance) = &worst.instance { " in " (one_line(instance)) }
                        }
                        @if row.is_unseen() { ", as of " (one_line(row.seen_at.as_deref().unwrap_or("?"))) }
                        @if let Some(href) = row.page.as_deref().and_then(link) {
                            " " a href=(one_line(&href)) rel="noreferrer" { "its page" }
                        }
                    }
                }
            }
            @if rows.len() > MOST { p { "and " (rows.len() - MOST) " more, in the matrix" } }
        }
    };
    section("over", &content)
}

fn pairs(report: &FleetReport) -> Markup {
    let content = html! {
        @if report.pairs.is_empty() { p { "No instance stands in two Regions." } }
        @else {
            ul {
                @for pair in &report.pairs {
                    li {
                        b { (one_line(pair.name())) } " of " (one_line(&label(&pair.account_id, pair.account_name.as_deref())))
                        " in " (one_line(&pair.regions[0])) " and " (one_line(&pair.regions[1])) ": "
                        @if let Some(note) = &pair.note { "not compared, " (one_line(note)) }
                        @else { (pair.compared) " limits compared, " (pair.lower.len()) " differ" }
                        @for lower in pair.lower.iter().take(MOST) {
                            small.c {
                                (one_line(&lower.quota_name)) ": " (number(lower.limit)) " in " (one_line(&lower.region)) ", "
                                (number(lower.other_limit)) " in " (one_line(&lower.other_region))
                            }
                        }
                    }
                }
            }
        }
    };
    section("pairs", &content)
}

fn not_measured(report: &FleetReport) -> Markup {
    let discovery = &report.discovery;
    let made = discovery.made.map(crate::domain::format::rfc3339);
    let words = |state: &str| match state {
        "empty" => State::Empty.in_words(),
        "not_offered" => State::NotOffered.in_words(),
        "not_opted_in" => State::NotOptedIn.in_words(),
        "denied_by_policy" => State::DeniedByPolicy.in_words(),
        _ => "",
    };
    let content = html! {
        ul { @for (state, count) in &report.cells.settled { li { (count) " " (one_line(state)) ": " (words(state)) } } }
        p {
            @if let Some(made) = made {
                (discovery.accounts) " accounts, from " (one_line(&discovery.source)) ", as of " (made) "."
                @if discovery.not_active > 0 { " " (discovery.not_active) " accounts are not active." }
            } @else { "No list of accounts has been made yet." }
        }
    };
    section("rest", &content)
}
