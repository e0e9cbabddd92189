//! The report for an issue, a chat or a pipeline's summary. Pure.

use std::fmt::Write as _;

use super::rowless::Rowless;
use super::stored::worst_first;
use super::stored::{Placed, StoredReport};
use crate::domain::Status;
use crate::domain::format::{number, one_line};

/// The Regions of a check that could not be measured, with their reasons; none where there is none.
#[must_use]
pub fn unseen(regions: &[(String, String)]) -> Option<String> {
    let mut text = "# Regions that could not be measured\n\n".to_owned();
    for (region, why) in regions {
        let _ = writeln!(text, "- {}: {}", escape(region), escape(why));
    }
    (!regions.is_empty()).then_some(text)
}

/// The violations and what is unknown first, then every other row that has a usage.
#[must_use]
pub fn render(report: &StoredReport) -> String {
    let mut rows: Vec<Placed<'_>> = report.rows().collect();
    rows.sort_by(|a, b| worst_first(a, b));
    let mut text = format!(
        "# Amazon Connect quotas of {} in {}\n\n{}: {} violations, {}.\n",
        escape(&report.account_label()),
        escape(&report.region),
        escape(&report.started_at),
        report.violations,
        if report.complete { "everything measurable was seen" } else { "NOT everything was seen" },
    );
    for note in [&report.note, &report.metrics_note].into_iter().flatten() {
        let _ = writeln!(text, "\n{}", escape(note));
    }
    text.push_str(
        "\n| Status | Instance | Quota | Usage | Limit | Used | Limit from |\n|---|---|---|--:|--:|--:|---|\n",
    );
    let quiet = |row: &Placed<'_>| row.row.status == Status::NotMeasurable || row.row.is_idle_rate();
    for placed in rows.iter().filter(|row| !quiet(row)) {
        let row = placed.row;
        let value = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), number);
        let quota = match &row.resource {
            Some(resource) => format!("{} ({resource})", row.quota_name),
            None => row.quota_name.clone(),
        };
        let _ = writeln!(
            text,
            "| {}{} | {} | {} | {} | {} | {} | {} |",
            row.status.as_str(),
            if row.muted.is_some() { " (muted)" } else { "" },
            escape(placed.name()),
            escape(&quota),
            value(row.usage),
            value(row.limit),
            row.utilization.map_or_else(|| "?".to_owned(), |percent| format!("{percent:.1} %")),
            escape(row.limit_source.as_deref().unwrap_or("?")),
        );
    }
    let count = rows.iter().filter(|row| quiet(row)).count();
    if count > 0 {
        let _ = writeln!(text, "\n{count} more rows are idle rates or cannot be measured.");
    }
    let rowless: Vec<(&str, Rowless)> = report
        .subjects()
        .filter_map(|(instance, seen)| Some((instance.map_or("(account)", |i| i.name()), Rowless::of(report, seen)?)))
        .collect();
    if !rowless.is_empty() {
        text.push_str("\n## Without rows\n\n");
    }
    for (name, rowless) in &rowless {
        let word = if matches!(rowless, Rowless::Skipped(_)) { "skipped" } else { "NOT seen" };
        let _ = writeln!(text, "- {}: {word}: {}", escape(name), escape(rowless.why()));
    }
    if !report.faults.is_empty() {
        text.push_str("\n## Not seen\n\n");
    }
    for fault in &report.faults {
        let place = fault.instance_id.as_deref().map(|id| format!(" ({})", escape(id))).unwrap_or_default();
        let _ = writeln!(
            text,
            "- {}{place}: {}: {}",
            escape(&fault.operation),
            escape(&fault.kind),
            escape(&fault.message)
        );
    }
    if report.faults_left_out > 0 {
        let _ = writeln!(text, "- and {} more faults", report.faults_left_out);
    }
    text
}

/// Text from outside: no mark-up of it works, and it stays in its cell.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // An address would become a link, and a name would call somebody.
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' | '@' | ':' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped.replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::{report, row, without_rows};
    use serde_json::json;

    #[test]
    fn the_worst_is_first_and_mark_up_of_others_is_inert() {
        let text = render(&report(&json!([
            row("Prompts", 1.0, 2.0, "ok"),
            row("a|b](http://x) <img> @team `c`\nd", 147.0, 100.0, "critical"),
        ])));
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert_eq!(
            lines,
            [
                "| critical | sales | a&#124;b&#93;(http&#58;//x) &lt;img&gt; &#64;team &#96;c&#96; d | 147 | 100 | 147.0 % | \
                 account |",
                "| ok | sales | Prompts | 1 | 2 | 50.0 % | account |"
            ]
        );
    }

    #[test]
    fn what_has_no_rows_is_told() {
        let text = render(&without_rows());
        for line in [
            "the rows of 1 snapshots are left out",
            "- late: NOT seen: the run's time was over&#58; x",
            "- failed: NOT seen: nothing of it could be seen",
            "- large: NOT seen: its 30 rows are not in this report&#58; the rows of 1 snapshots are left out",
            "- chosen out: skipped: in EXCLUDE&#95;INSTANCES",
            "- and 4 more faults",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}: {text}");
        }
    }
}
