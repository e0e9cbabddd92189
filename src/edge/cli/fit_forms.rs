//! The forms in which `fit` answers: a table, Markdown, JUnit XML.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};
use maud::{Markup, html};

use crate::answer::markdown::escape;
use crate::domain::format::{number, one_line};
use crate::fit::{Changes, Line, Verdict};

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fits => "fits",
        Verdict::Warning => "fits, near its limit",
        Verdict::DoesNotFit => "DOES NOT FIT",
        Verdict::Unknown => "unknown",
    }
}

fn value(value: Option<f64>) -> String {
    value.map_or_else(|| "?".to_owned(), number)
}

fn cells(line: &Line) -> [String; 7] {
    let sign = if line.change > 0.0 { "+" } else { "" };
    [
        one_line(line.quota_name),
        one_line(&line.instance),
        value(line.before),
        format!("{sign}{}", number(line.change)),
        value(line.after),
        value(line.limit),
        word(line.status).to_owned(),
    ]
}

const HEADER: [&str; 7] = ["QUOTA", "INSTANCE", "BEFORE", "CHANGE", "AFTER", "LIMIT", ""];

/// What is said below the rows, one sentence a line.
fn remarks(lines: &[Line], changes: &Changes) -> Vec<String> {
    let mut remarks = Vec::new();
    for line in lines {
        if let Some(note) = &line.note {
            remarks.push(format!("{}, {}: {note}", line.quota_name, line.instance));
        }
        if let Some(more) = line.meanwhile {
            remarks.push(format!(
                "{}: {} more for a while, because new ones come before old ones go",
                line.quota_name,
                number(more)
            ));
        }
    }
    remarks.extend(changes.unread.iter().map(|what| format!("Not read: {what}")));
    let types = |types: &std::collections::BTreeMap<String, u64>| {
        types.iter().map(|(name, count)| format!("{name} ({count})")).collect::<Vec<_>>().join(", ")
    };
    if !changes.unknown_types.is_empty() {
        remarks.push(format!("Not known to this version, and so not judged: {}", types(&changes.unknown_types)));
    }
    if !changes.uncounted_types.is_empty() {
        remarks.push(format!("Counted by no quota: {}", types(&changes.uncounted_types)));
    }
    if changes.others > 0 {
        remarks.push(format!("{} resources of other services are not looked at", changes.others));
    }
    remarks.extend(changes.notes.iter().cloned());
    remarks.iter().map(|remark| one_line(remark)).collect()
}

pub(super) fn table(lines: &[Line], changes: &Changes) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(HEADER);
    for line in lines {
        table.add_row(cells(line));
    }
    let mut text = if lines.is_empty() {
        "The plan changes nothing that a quota counts.\n".to_owned()
    } else {
        format!("{table}\n")
    };
    for remark in remarks(lines, changes) {
        let _ = writeln!(text, "{remark}");
    }
    for line in lines {
        if let Some(command) = &line.increase_command {
            let _ = write!(text, "\nTo ask for more ({}):\n{command}\n", one_line(line.quota_name));
        }
    }
    text
}

pub(super) fn markdown(lines: &[Line], changes: &Changes) -> String {
    let mut text = String::from(
        "| Quota | Instance | Before | Change | After | Limit | |\n| --- | --- | ---: | ---: | ---: | ---: | --- |\n",
    );
    for line in lines {
        let cells: Vec<String> = cells(line).iter().map(|text| escape(text)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    for remark in remarks(lines, changes) {
        let _ = writeln!(text, "\n{}", escape(&remark));
    }
    for line in lines {
        if let Some(command) = &line.increase_command {
            let _ = write!(text, "\n```sh\n{command}\n```\n");
        }
    }
    text
}

fn case(line: &Line) -> Markup {
    let said = format!("{} of {} after {}", value(line.after), value(line.limit), number(line.change));
    let why = line.note.as_deref().unwrap_or("it cannot be judged");
    html! {
        testcase classname=(one_line(&line.instance)) name=(one_line(line.quota_name)) {
            @if line.status == Verdict::DoesNotFit {
                failure message=(said) { (line.increase_command.as_deref().unwrap_or_default()) }
            } @else if line.status == Verdict::Unknown {
                error message=(one_line(why)) {}
            }
        }
    }
}

/// What does not fit is a failure, and what cannot be judged an error.
pub(super) fn junit(lines: &[Line], changes: &Changes) -> String {
    let unread: Vec<String> = changes
        .unread
        .iter()
        .cloned()
        .chain(changes.unknown_types.keys().map(|name| format!("{name} is not known to this version")))
        .collect();
    let count = |verdict| lines.iter().filter(|line| line.status == verdict).count();
    let errors = count(Verdict::Unknown) + unread.len();
    let suites = html! {
        testsuites name="connect-quota-monitor fit" tests=(lines.len() + unread.len())
            failures=(count(Verdict::DoesNotFit)) errors=(errors) {
            testsuite name="fit" tests=(lines.len() + unread.len()) failures=(count(Verdict::DoesNotFit)) errors=(errors) {
                @for line in lines { (case(line)) }
                @for what in &unread {
                    testcase classname="plan" name=(one_line(what)) { error message=(one_line(what)) {} }
                }
            }
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", suites.into_string())
}
