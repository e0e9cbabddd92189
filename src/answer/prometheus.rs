//! The report in Prometheus's text format, for the textfile collector or a push gateway. Pure.

use std::fmt::Write as _;

use super::stored::{Placed, StoredReport};
use crate::domain::Status;

const STATUSES: [Status; 5] = [Status::Ok, Status::NotMeasurable, Status::Unknown, Status::Warning, Status::Critical];

/// One family each for usage, limit, utilization and status. What is not known has no sample: it is never 0.
#[must_use]
pub fn render(report: &StoredReport) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, value: fn(Placed<'_>) -> Option<f64>| {
        head(&mut text, name, help);
        for placed in report.rows() {
            if let Some(value) = value(placed).filter(|value| value.is_finite()) {
                let _ = writeln!(text, "{name}{{{}}} {value}", labels(report, placed));
            }
        }
    };
    family("connect_quota_usage", "Usage of the quota, in its own unit.", |p| p.row.usage);
    family("connect_quota_limit", "Limit of the quota, in its own unit.", |p| p.row.limit);
    family("connect_quota_utilization_percent", "Usage as a percentage of the limit, not capped.", |p| {
        p.row.utilization
    });
    let status = "connect_quota_status";
    head(&mut text, status, "1 for the status that the quota has, 0 for the others.");
    for placed in report.rows() {
        let labels = labels(report, placed);
        for one in STATUSES {
            let value = u8::from(placed.row.status == one);
            let _ = writeln!(text, "{status}{{{labels},status=\"{}\"}} {value}", one.as_str());
        }
    }
    let (account, region) = (label(&report.account_id), label(&report.region));
    let own = format!("{{account_id=\"{account}\",region=\"{region}\"}}");
    let help = "1 where the run saw everything that can be measured, and every row of it is here.";
    head(&mut text, "connect_quota_run_complete", help);
    let is_whole = report.complete && report.metrics_note.is_none();
    let _ = writeln!(text, "connect_quota_run_complete{own} {}", u8::from(is_whole));
    if let Ok(time) = report.started_at.parse::<jiff::Timestamp>() {
        head(&mut text, "connect_quota_run_timestamp_seconds", "When the run started, in unix seconds.");
        let _ = writeln!(text, "connect_quota_run_timestamp_seconds{own} {}", time.as_second());
    }
    text
}

fn head(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// What tells one row of the report from every other one, and its names.
fn labels(report: &StoredReport, placed: Placed<'_>) -> String {
    let row = placed.row;
    let pairs = [
        ("account_id", report.account_id.as_str()),
        ("region", &report.region),
        ("instance_id", placed.instance_id()),
        ("instance_alias", placed.instance.and_then(|i| i.instance_alias.as_deref()).unwrap_or_default()),
        ("service_code", &row.service_code),
        ("quota_code", &row.quota_code),
        ("quota_name", &row.quota_name),
        ("scope", &row.scope),
        ("impact", row.impact.as_str()),
        ("limit_source", row.limit_source.as_deref().unwrap_or_default()),
        ("muted", if row.muted.is_some() { "true" } else { "false" }),
    ];
    pairs.map(|(name, value)| format!("{name}=\"{}\"", label(value))).join(",")
}

/// As the format asks for it in a label's value.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::{report, row, without_rows};
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    type Labels = BTreeSet<(String, String)>;

    /// The value after the name and its labels, as the format's grammar reads a sample; none where it is none.
    fn sample(line: &str) -> Option<(&str, Labels, f64)> {
        let end = line.find('{')?;
        let (name, mut rest) = (&line[..end], &line[end + 1..]);
        let is_name = |name: &str| {
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        let mut labels = BTreeSet::new();
        loop {
            let (key, value) = rest.split_once("=\"")?;
            let (mut text, mut chars) = (String::new(), value.char_indices());
            let after = loop {
                match chars.next()? {
                    (at, '"') => break &value[at + 1..],
                    (_, '\\') => text.push(match chars.next()?.1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        _ => return None,
                    }),
                    (_, c) => text.push(c),
                }
            };
            if !is_name(key) || !labels.insert((key.to_owned(), text)) {
                return None;
            }
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => return Some((name, labels, after.strip_prefix("} ")?.parse().ok()?)).filter(|s| is_name(s.0)),
            }
        }
    }

    #[test]
    fn what_is_not_known_has_no_sample() {
        let mut unknown = row("Prompts", 1.0, 2.0, "unknown");
        (unknown["usage"], unknown["utilization"]) = (json!(null), json!(null));
        let text = render(&report(&json!([unknown])));
        assert!(!text.contains("connect_quota_usage{") && text.contains("connect_quota_limit{"), "{text}");
        assert!(text.contains(",status=\"unknown\"} 1\n") && text.contains(",status=\"ok\"} 0\n"), "{text}");
        assert!(text.contains(
            "connect_quota_run_timestamp_seconds{account_id=\"111122223333\",region=\"us-east-1\"} 1772452800"
        ));
    }

    #[test]
    fn a_report_that_left_rows_out_is_not_complete() {
        let value = |report: &StoredReport| {
            let text = render(report);
            let line = text.lines().find(|line| line.starts_with("connect_quota_run_complete{")).unwrap();
            line.chars().last()
        };
        assert_eq!(value(&report(&json!([]))), Some('1'));
        let left_out = without_rows();
        assert!(left_out.complete, "the run saw everything");
        assert_eq!(value(&left_out), Some('0'));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn every_line_is_of_the_format(names in prop::collection::vec("[\\PC\n\r\t\"\\\\{},= \u{2028}]{0,10}", 1..60)) {
            let rows: Vec<_> = names.iter().enumerate().map(|(n, name)| {
                let mut row = row(name, 1.5, 2.0, "ok");
                row["quota_code"] = json!(format!("L-{n}"));
                row
            }).collect();
            let text = render(&report(&json!(rows)));
            let (mut seen, mut family, mut usages) = (BTreeSet::new(), "", Vec::new());
            for line in text.split_terminator('\n') {
                if let Some(head) = line.strip_prefix("# ") {
                    family = head.split(' ').nth(1).unwrap();
                    continue;
                }
                let Some((name, labels, _)) = sample(line) else { panic!("no sample: {line:?}") };
                prop_assert_eq!(name, family, "a family stands together, after its TYPE");
                if name == "connect_quota_usage" {
                    usages.extend(labels.iter().find(|(key, _)| key == "quota_name").map(|(_, name)| name.clone()));
                }
                prop_assert!(seen.insert((name.to_owned(), labels)), "a series stands once: {}", line);
            }
            prop_assert_eq!(usages, names);
        }
    }
}
