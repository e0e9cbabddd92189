//! The report as JUnit XML, for pipelines: one suite for each instance and one for the account. Pure.

use maud::{Markup, PreEscaped, html};

use super::rowless::Rowless;
use super::stored::{Row, StoredReport, Subject};
use crate::domain::Status;
use crate::domain::format::{number, one_line};

/// A violation is a failure, what is unknown an error, and what cannot be measured or is muted is skipped. An instance
/// without rows is one case: an error where it should have some.
#[must_use]
pub fn render(report: &StoredReport) -> String {
    let mut all = Counts::of(report.rows().map(|placed| placed.row));
    for (_, seen) in report.subjects() {
        all.add_rowless(Rowless::of(report, seen).as_ref());
    }
    let suites = html! {
        testsuites name="connect-quota-monitor" tests=(all.tests) failures=(all.failures) errors=(all.errors)
            skipped=(all.skipped) {
            @for (instance, seen) in report.subjects() {
                @let name = instance.map_or("(account)", |i| i.name());
                (suite(report, &one_line(name), seen))
            }
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", suites.into_string())
}

fn suite(report: &StoredReport, name: &str, seen: &Subject) -> Markup {
    let rows = || seen.metrics.iter().flatten();
    let rowless = Rowless::of(report, seen);
    let mut counts = Counts::of(rows());
    counts.add_rowless(rowless.as_ref());
    html! {
        testsuite name=(name) timestamp=(one_line(&report.started_at)) tests=(counts.tests) failures=(counts.failures)
            errors=(counts.errors) skipped=(counts.skipped) {
            @for row in rows() {
                testcase classname=(format!("{}.{name}", one_line(&row.service_code))) name=(title(row)) {
                    (outcome(row))
                }
            }
            @if let Some(rowless) = &rowless {
                testcase classname=(name) name="every quota" {
                    @match rowless {
                        Rowless::Skipped(why) => (skipped(&one_line(why))),
                        Rowless::Unseen(why) => error type="unknown" message=(one_line(why)) {},
                    }
                }
            }
        }
    }
}

/// What tells it from the other cases of its suite.
fn title(row: &Row) -> String {
    one_line(&format!("{} ({})", row.quota_name, row.quota_code))
}

fn outcome(row: &Row) -> Markup {
    let reading = || {
        let value = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), number);
        let percent = row.utilization.map(|u| format!(" ({u:.1}%)")).unwrap_or_default();
        let resource = row.resource.as_deref().map(|name| format!(", {name}")).unwrap_or_default();
        one_line(&format!("{}/{}{percent}{resource}", value(row.usage), value(row.limit)))
    };
    match (&row.muted, row.status) {
        (Some(mute), _) => skipped(&one_line(&format!("muted until {}: {}", mute.until, mute.reason))),
        (None, Status::Warning | Status::Critical) => html! {
            failure type=(row.status.as_str()) message=(reading()) { (one_line(row.note.as_deref().unwrap_or_default())) }
        },
        (None, Status::Unknown) => {
            let kind = row.fault.as_ref().map_or("unknown", |fault| &fault.kind);
            let why = row.fault.as_ref().map_or("it could not be measured", |fault| &fault.message);
            html! { error type=(one_line(kind)) message=(one_line(why)) {} }
        }
        (None, Status::NotMeasurable) => skipped(&one_line(row.note.as_deref().unwrap_or("AWS offers no way"))),
        (None, Status::Ok) => PreEscaped(String::new()),
    }
}

fn skipped(why: &str) -> Markup {
    html! { skipped message=(why) {} }
}

struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut counts = Self { tests: 0, failures: 0, errors: 0, skipped: 0 };
        for row in rows {
            counts.tests += 1;
            match (row.muted.is_some(), row.status) {
                (true, _) | (false, Status::NotMeasurable) => counts.skipped += 1,
                (false, Status::Warning | Status::Critical) => counts.failures += 1,
                (false, Status::Unknown) => counts.errors += 1,
                (false, Status::Ok) => {}
            }
        }
        counts
    }

    fn add_rowless(&mut self, rowless: Option<&Rowless>) {
        self.tests += usize::from(rowless.is_some());
        match rowless {
            Some(Rowless::Skipped(_)) => self.skipped += 1,
            Some(Rowless::Unseen(_)) => self.errors += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::{report, row, without_rows};
    use serde_json::json;

    #[test]
    fn a_violation_fails_and_hostile_names_stay_text() {
        let mut muted = row("Muted", 3.0, 2.0, "critical");
        muted["muted"] = json!({"reason": "known", "until": "2099-01-01"});
        let text = render(&report(&json!([
            row("a\"><x>&\u{0}\u{1b}]]>", 147.0, 100.0, "critical"),
            row("Prompts", 1.0, 2.0, "ok"),
            muted,
        ])));
        let expected = [
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            "\n",
            r#"<testsuites name="connect-quota-monitor" tests="3" failures="1" errors="0" skipped="1">"#,
            r#"<testsuite name="sales" timestamp="2026-03-02T12:00:00Z" tests="3" failures="1" errors="0" skipped="1">"#,
            r#"<testcase classname="connect.sales" name="a&quot;&gt;&lt;x&gt;&amp;  ]]&gt; (L-8787723E)">"#,
            r#"<failure type="critical" message="147/100 (147.0%)"></failure></testcase>"#,
            r#"<testcase classname="connect.sales" name="Prompts (L-8787723E)"></testcase>"#,
            r#"<testcase classname="connect.sales" name="Muted (L-8787723E)">"#,
            r#"<skipped message="muted until 2099-01-01: known"></skipped></testcase></testsuite>"#,
            r#"<testsuite name="(account)" timestamp="2026-03-02T12:00:00Z" tests="0" failures="0" errors="0" "#,
            r#"skipped="0"></testsuite></testsuites>"#,
            "\n",
        ];
        assert_eq!(text, expected.concat());
    }

    #[test]
    fn an_instance_without_rows_is_an_error_unless_it_was_to_be_skipped() {
        let text = render(&without_rows());
        let head = r#"<testsuites name="connect-quota-monitor" tests="5" failures="0" errors="3" skipped="1">"#;
        assert!(text.contains(head), "{text}");
        for case in [
            r#"<testcase classname="late" name="every quota"><error type="unknown" message="the run's time was over: x">"#,
            r#"<testcase classname="failed" name="every quota"><error type="unknown" message="nothing of it could be seen">"#,
            r#"<testcase classname="large" name="every quota"><error type="unknown" message="its 30 rows are not in this report: "#,
            r#"<testcase classname="chosen out" name="every quota"><skipped message="in EXCLUDE_INSTANCES">"#,
        ] {
            assert!(text.contains(case), "{case}: {text}");
        }
        let suite = r#"<testsuite name="large" timestamp="2026-03-02T12:00:00Z" tests="1" failures="0" errors="1" skipped="0">"#;
        assert!(text.contains(suite), "{text}");
    }
}
