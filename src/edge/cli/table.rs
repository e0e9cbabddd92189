//! The report as a table for a person.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};

use crate::answer::Completeness;
use crate::answer::stored::{Row, StoredReport};
use crate::domain::Status;
use crate::say::plain;

/// The longest name or message: other people's text must not fill the terminal, nor steer it.
const LONGEST: usize = 400;

/// Rows sorted by utilization, then a summary in words.
#[must_use]
pub fn render(report: &StoredReport, all: bool, no_color: bool) -> String {
    let (table, hidden) = rows_of(&[report], all, no_color, false);
    format!("{table}\n{}", summary(report, hidden))
}

/// The same of several Regions in one table, and what could not be seen of them.
#[must_use]
pub fn render_cells(reports: &[StoredReport], unseen: &[(String, String)], all: bool, no_color: bool) -> String {
    let reports: Vec<&StoredReport> = reports.iter().collect();
    let (table, hidden) = rows_of(&reports, all, no_color, true);
    let mut text = table.to_string();
    for (place, report) in reports.iter().enumerate() {
        let _ = write!(text, "\n{}", summary(report, if place + 1 == reports.len() { hidden } else { 0 }));
    }
    for (region, why) in unseen {
        let _ = write!(text, "\nCould not see {}: {}", plain(region, LONGEST), plain(why, LONGEST * 2));
    }
    text
}

/// The table, and how many rows are hidden.
fn rows_of(reports: &[&StoredReport], all: bool, no_color: bool, with_region: bool) -> (Table, usize) {
    let mut rows: Vec<((&str, &str), &Row)> = Vec::new();
    for report in reports {
        rows.extend(report.rows().map(|placed| ((report.region.as_str(), placed.name()), placed.row)));
    }
    let total = rows.len();
    if !all {
        rows.retain(|(_, m)| match m.status {
            Status::NotMeasurable => false,
            Status::Ok => m.utilization.unwrap_or(0.0) > 0.0,
            Status::Unknown | Status::Warning | Status::Critical => true,
        });
    }
    rows.sort_by(|(_, a), (_, b)| rank(b).partial_cmp(&rank(a)).unwrap_or(std::cmp::Ordering::Equal));

    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if no_color {
        table.force_no_tty();
    }
    let header = ["Region", "Instance", "Quota", "Usage", "Limit", "Used", "Status", "Limit from"];
    table.set_header(&header[usize::from(!with_region)..]);
    let hidden = total - rows.len();
    for ((region, name), metric) in rows {
        let mut cells = vec![
            Cell::new(plain(region, LONGEST)),
            Cell::new(plain(name, LONGEST)),
            Cell::new(match &metric.resource {
                Some(resource) => plain(&format!("{} ({resource})", metric.quota_name), LONGEST),
                None => plain(&metric.quota_name, LONGEST),
            }),
            number(metric.usage),
            number(metric.limit),
            Cell::new(metric.utilization.map_or_else(|| "-".to_owned(), |u| format!("{u:.1}%")))
                .set_alignment(CellAlignment::Right),
            status(metric),
            Cell::new(plain(metric.limit_source.as_deref().unwrap_or("-"), LONGEST)),
        ];
        table.add_row(cells.split_off(usize::from(!with_region)));
    }
    (table, hidden)
}

/// Unknown rows come first: what is not seen is the first thing to know.
fn rank(metric: &Row) -> (bool, Status, f64) {
    let severity = if metric.status == Status::NotMeasurable { Status::Ok } else { metric.status };
    (metric.status == Status::Unknown, severity, metric.utilization.unwrap_or(-1.0))
}

fn number(value: Option<f64>) -> Cell {
    let text = value.map_or_else(
        || "-".to_owned(),
        |v| {
            let text = format!("{v:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        },
    );
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn status(metric: &Row) -> Cell {
    let text = if metric.muted.is_some() {
        format!("{} (muted)", metric.status.as_str())
    } else {
        metric.status.as_str().to_owned()
    };
    let cell = Cell::new(text);
    match metric.status {
        Status::Critical => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Status::Warning => cell.fg(Color::Yellow),
        Status::Unknown => cell.fg(Color::Magenta),
        Status::Ok => cell.fg(Color::Green),
        Status::NotMeasurable => cell,
    }
}

fn summary(report: &StoredReport, hidden: usize) -> String {
    let measured = report.instances.iter().filter(|i| i.seen.status != Completeness::Skipped);
    let (mut unknown, mut not_measurable) = (report.account.unknown_count, report.account.not_measurable_count);
    for instance in measured.clone() {
        unknown += instance.seen.unknown_count;
        not_measurable += instance.seen.not_measurable_count;
    }
    let mut text = format!(
        "Account {} in {}: {} instances measured, {} violations, {unknown} unknown, {not_measurable} not measurable.\n",
        plain(&report.account_label(), LONGEST),
        plain(&report.region, LONGEST),
        measured.count(),
        report.violations,
    );
    if let Some(note) = &report.note {
        let _ = writeln!(text, "{}.", plain(note, LONGEST));
    }
    if let Some(note) = &report.metrics_note {
        let _ = writeln!(text, "{}.", plain(note, LONGEST));
    }
    for instance in report.instances.iter().filter(|i| i.seen.status == Completeness::Skipped) {
        let _ = writeln!(
            text,
            "Skipped {}: {}",
            plain(instance.name(), LONGEST),
            plain(instance.seen.reason.as_deref().unwrap_or("no reason given"), LONGEST)
        );
    }
    for fault in &report.faults {
        let place = fault.instance_id.as_deref().map(|id| format!(" ({})", plain(id, LONGEST))).unwrap_or_default();
        let _ = writeln!(
            text,
            "Could not see {}{place}: {}: {}",
            plain(&fault.operation, LONGEST),
            plain(&fault.kind, LONGEST),
            plain(&fault.message, LONGEST)
        );
    }
    if report.faults_left_out > 0 {
        let _ = writeln!(text, "and {} more faults", report.faults_left_out);
    }
    if hidden > 0 {
        let _ = writeln!(text, "{hidden} rows at 0 % or not measurable are hidden; --all shows them.");
    }
    let _ = write!(
        text,
        "{} Connect calls, {} throttled, {:.1} s.",
        report.connect_api.requests,
        report.connect_api.throttled,
        std::time::Duration::from_millis(report.duration_ms).as_secs_f64()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn faults_that_are_left_out_are_counted() {
        let seen = json!({"status": "complete", "metrics_count": 0, "violations_count": 0, "unknown_count": 0,
                          "not_measurable_count": 0, "metrics": []});
        let mut document = json!({"schema_version": 1, "execution_id": "e", "account_id": "111122223333",
            "region": "us-east-1", "started_at": "2026-03-02T12:00:00Z", "complete": false, "violations": 0,
            "account": seen, "instances": []});
        let text =
            |document: &serde_json::Value| render(&StoredReport::parse(document.to_string()).unwrap(), false, true);
        assert!(!text(&document).contains("more faults"));
        document["faults_left_out"] = json!(4);
        assert!(text(&document).lines().any(|line| line == "and 4 more faults"), "{}", text(&document));
    }
}
