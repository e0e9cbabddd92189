//! One line for each row, for spreadsheets. Pure.

use super::rowless::Rowless;
use super::stored::{Placed, StoredInstance, StoredReport};

const HEADER: &str = "account_id,region,instance_id,instance_alias,quota_code,quota_name,service_code,category,scope,\
                      impact,status,usage,limit,utilization,headroom,limit_source,resource,peak_at,rejected,\
                      full_at,muted_until,source,note\r\n";

/// RFC 4180, with a header. A text that a spreadsheet would run begins with an apostrophe. What should have rows and has
/// none is one line, whose status is `unknown`.
#[must_use]
pub fn render(report: &StoredReport) -> String {
    let mut text = HEADER.to_owned();
    for placed in report.rows() {
        let cells = cells(report, placed);
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    for (instance, seen) in report.subjects() {
        if let Some(Rowless::Unseen(why)) = Rowless::of(report, seen) {
            text.push_str(&unseen(report, instance, &why).join(","));
            text.push_str("\r\n");
        }
    }
    text
}

fn unseen(report: &StoredReport, instance: Option<&StoredInstance>, why: &str) -> [String; 23] {
    let mut cells: [String; 23] = Default::default();
    cells[0] = cell(&report.account_id);
    cells[1] = cell(&report.region);
    cells[2] = cell(instance.map_or("", |i| &i.instance_id));
    cells[3] = cell(instance.and_then(|i| i.instance_alias.as_deref()).unwrap_or_default());
    cells[4] = cell(crate::domain::NO_CODE);
    cells[5] = cell("every quota");
    cells[10] = cell(crate::domain::Status::Unknown.as_str());
    cells[22] = cell(why);
    cells
}

fn cells(report: &StoredReport, placed: Placed<'_>) -> [String; 23] {
    let Placed { instance, row, .. } = placed;
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    let some = |value: Option<&str>| cell(value.unwrap_or_default());
    let why = row.note.as_deref().or(row.fault.as_ref().map(|fault| fault.message.as_str()));
    [
        cell(&report.account_id),
        cell(&report.region),
        cell(placed.instance_id()),
        some(instance.and_then(|i| i.instance_alias.as_deref())),
        cell(&row.quota_code),
        cell(&row.quota_name),
        cell(&row.service_code),
        cell(&row.category),
        cell(&row.scope),
        cell(row.impact.as_str()),
        cell(row.status.as_str()),
        number(row.usage),
        number(row.limit),
        number(row.utilization),
        // A number of ours: a spreadsheet shall count with it, below zero too.
        number(row.headroom()),
        some(row.limit_source.as_deref()),
        some(row.resource.as_deref()),
        some(row.peak_at.as_deref()),
        number(row.rejected),
        some(row.forecast.as_ref().and_then(|f| f.full_at.as_deref())),
        some(row.muted.as_ref().map(|mute| mute.until.as_str())),
        cell(&row.source),
        some(why),
    ]
}

/// A text as a cell: never a formula, and quoted where it holds what parts cells.
fn cell(text: &str) -> String {
    let is_run = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text != "-";
    let text = if is_run { format!("'{text}") } else { text.to_owned() };
    let is_parted = text.contains(['"', ',', '\n', '\r']);
    if is_parted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::{report, row, without_rows};
    use proptest::prelude::*;
    use serde_json::json;

    /// Cells of a document, as RFC 4180 reads it.
    fn parse(text: &str) -> Vec<Vec<String>> {
        let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    cell.push('"');
                    chars.next();
                }
                '"' => quoted = !quoted,
                ',' if !quoted => line.push(std::mem::take(&mut cell)),
                '\r' if !quoted && chars.peek() == Some(&'\n') => {
                    chars.next();
                    line.push(std::mem::take(&mut cell));
                    lines.push(std::mem::take(&mut line));
                }
                c => cell.push(c),
            }
        }
        assert!(!quoted && cell.is_empty() && line.is_empty(), "the document ends in a cell");
        lines
    }

    #[test]
    fn a_row_is_a_line() {
        let text = render(&report(&json!([row("Contact flows", 147.0, 100.0, "critical")])));
        assert_eq!(
            text.lines().nth(1).unwrap(),
            "111122223333,us-east-1,11111111-2222-3333-4444-555555555555,sales,L-8787723E,Contact flows,connect,flows,\
             instance,build,critical,147,100,147,-47,account,,,,,,connect:ListContactFlows,"
        );
    }

    #[test]
    fn what_should_have_rows_and_has_none_is_a_line() {
        let lines = parse(&render(&without_rows()));
        let header = &lines[0];
        let at = |name: &str| header.iter().position(|cell| cell == name).unwrap();
        let told: Vec<_> = lines[2..].iter().map(|line| (&*line[at("instance_alias")], &*line[at("status")])).collect();
        assert_eq!(told, [("late", "unknown"), ("failed", "unknown"), ("large", "unknown")]);
        assert!(lines.iter().all(|line| line.len() == 23) && lines[4][at("note")].contains("30 rows"), "{lines:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn hostile_rows_stay_cells_that_run_nowhere(
            names in prop::collection::vec("[=+@\\-\t\r]?[\\PC\t\r\n\"',;=+@<>&\u{202e}\u{0}-]{0,12}", 805),
        ) {
            let rows: Vec<_> = names.iter().map(|name| row(name, 1.0, 2.0, "ok")).collect();
            let lines = parse(&render(&report(&json!(rows))));
            prop_assert_eq!(lines.len(), 806);
            for (line, name) in lines[1..].iter().zip(&names) {
                prop_assert_eq!(line.len(), 23);
                let shown = &line[5];
                prop_assert!(!shown.starts_with(['=', '+', '@', '\t', '\r']), "{:?}", shown);
                prop_assert!(!shown.starts_with('-') || shown == "-", "{:?}", shown);
                prop_assert_eq!(shown.strip_prefix('\'').filter(|_| shown != name).unwrap_or(shown), name);
            }
        }
    }
}
