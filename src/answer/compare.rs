//! What changed since the report before, for the page: two reports in, differences out. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Report;
use super::changed::Changed;
use super::diff::{Change, Difference, Differences, Seen};
use crate::domain::snapshot::{ACCOUNT_KEY, SCHEMA_VERSION};
use crate::domain::{Metric, NO_CODE, Status};

/// A page with more is not read.
const MOST: usize = 100;

/// An earlier report, as far as it is compared; its texts are not copied.
#[derive(Deserialize)]
struct Before<'a> {
    schema_version: u32,
    #[serde(borrow)]
    account_id: Cow<'a, str>,
    #[serde(borrow)]
    region: Cow<'a, str>,
    #[serde(borrow)]
    started_at: Cow<'a, str>,
    #[serde(borrow)]
    account: Subject<'a>,
    #[serde(borrow)]
    instances: Vec<Subject<'a>>,
}

#[derive(Deserialize)]
struct Subject<'a> {
    #[serde(borrow, default)]
    instance_id: Cow<'a, str>,
    #[serde(borrow, default)]
    instance_alias: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metrics: Option<Vec<Row<'a>>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    quota_code: Cow<'a, str>,
    #[serde(borrow)]
    quota_name: Cow<'a, str>,
    #[serde(borrow)]
    service_code: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    status: Status,
    utilization: Option<f64>,
    limit: Option<f64>,
    #[serde(default)]
    muted: Option<serde::de::IgnoredAny>,
}

impl<'a> Row<'a> {
    fn of(metric: &'a Metric) -> Self {
        Self {
            quota_code: Cow::Borrowed(&metric.quota_code),
            quota_name: Cow::Borrowed(&metric.quota_name),
            service_code: Cow::Borrowed(&metric.service_code),
            source: Cow::Borrowed(&metric.source),
            status: metric.status,
            utilization: metric.utilization,
            limit: metric.limit,
            muted: metric.muted.is_some().then_some(serde::de::IgnoredAny),
        }
    }

    fn place(&self) -> (&str, &str) {
        (&self.service_code, if self.quota_code == NO_CODE { &self.quota_name } else { &self.quota_code })
    }

    fn is_violation(&self) -> bool {
        self.muted.is_none() && matches!(self.status, Status::Warning | Status::Critical)
    }

    fn is_measured(&self) -> bool {
        !matches!(self.status, Status::Unknown | Status::NotMeasurable)
    }

    /// Whatever a comparison looks at, these two show nothing new: most rows of most runs.
    fn is_quiet_beside(&self, other: &Self) -> bool {
        let same_limit = match (self.limit, other.limit) {
            (Some(a), Some(b)) => (a - b).abs() <= f64::EPSILON,
            _ => true,
        };
        same_limit && !self.is_violation() && !other.is_violation() && self.is_measured() == other.is_measured()
    }

    fn document(&self) -> Value {
        let muted = self.muted.is_some().then(|| json!({}));
        json!({
            "quota_code": self.quota_code, "quota_name": self.quota_name, "service_code": self.service_code,
            "source": self.source, "status": self.status, "utilization": self.utilization, "limit": self.limit,
            "muted": muted,
        })
    }
}

/// One side of the comparison: the rows that may differ, as a report holds them.
#[derive(Default)]
struct Side(Vec<Value>);

impl Side {
    fn add(&mut self, id: &str, name: &str, rows: &[Value]) {
        self.0.push(json!({ "instance_id": id, "instance_alias": name, "metrics": rows }));
    }

    fn seen(self, account_id: &str, region: &str, started_at: &str) -> Result<Seen, String> {
        let document = json!({
            "schema_version": SCHEMA_VERSION, "account_id": account_id, "region": region, "started_at": started_at,
            "instances": self.0, "account": { "metrics": [] },
        });
        Seen::read(document.to_string().as_bytes())
    }
}

/// Compares a report with the text of an earlier one. Subjects of which one of the two holds no rows are left out:
/// they stand elsewhere in the page.
///
/// # Errors
/// The earlier text is no report of this account and Region, or of another schema.
pub fn compare(text: &[u8], now: &Report) -> Result<Changed, String> {
    let before: Before<'_> = serde_json::from_slice(text).map_err(|e| format!("it is no report: {e}"))?;
    if before.schema_version != SCHEMA_VERSION {
        let version = before.schema_version;
        return Err(format!("its schema_version is {version}, and this version compares {SCHEMA_VERSION}"));
    }
    let mut earlier: BTreeMap<&str, &Subject<'_>> =
        before.instances.iter().map(|subject| (&*subject.instance_id, subject)).collect();
    earlier.insert(ACCOUNT_KEY, &before.account);
    let (mut old, mut new, mut violations) = (Side::default(), Side::default(), 0);
    let subjects = now.instances.iter().map(|i| (&*i.instance_id, i.instance_alias.as_deref(), &i.seen));
    for (id, alias, seen) in subjects.chain([(ACCOUNT_KEY, None, &now.account)]) {
        let known = earlier.remove(id);
        let Some(metrics) = &seen.metrics else { continue };
        // A new instance had no rows; of one whose rows were left out nothing is known.
        let rows = known.map_or(Some(&[][..]), |subject| subject.metrics.as_deref());
        let Some(rows) = rows else { continue };
        let mut rows: BTreeMap<_, _> = rows.iter().map(|row| (row.place(), row)).collect();
        let (mut was, mut is) = (Vec::new(), Vec::new());
        for metric in metrics {
            let row = Row::of(metric);
            violations += usize::from(row.is_violation());
            let other = rows.remove(&(metric.service_code.as_str(), metric.key()));
            if other.is_none_or(|other| !row.is_quiet_beside(other)) {
                is.push(row.document());
                was.extend(other.map(Row::document));
            }
        }
        was.extend(rows.into_values().map(Row::document));
        let name = alias.unwrap_or(if id == ACCOUNT_KEY { "(account)" } else { id });
        old.add(id, name, &was);
        new.add(id, name, &is);
    }
    // Of an instance that is gone only what was full is news.
    for (id, subject) in earlier {
        let rows = subject.metrics.iter().flatten().filter(|row| row.is_violation());
        let name = subject.instance_alias.as_deref().unwrap_or(id);
        old.add(id, name, &rows.map(Row::document).collect::<Vec<_>>());
    }
    let old = old.seen(&before.account_id, &before.region, &before.started_at)?;
    let new = new.seen(&now.account_id, &now.region, &now.started_at)?;
    let found = Differences::between(&old, &new)?;
    let mut differences = found.differences;
    let moved = |d: &&Difference| matches!(d.change, Change::New | Change::Worse | Change::Better);
    let persistent = violations.saturating_sub(differences.iter().filter(moved).count());
    let left_out = differences.len().saturating_sub(MOST);
    differences.truncate(MOST);
    Ok(Changed { since: before.started_at.into_owned(), differences, left_out, persistent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::{document, measured, row};

    fn changed(before: &Value, now: &Value) -> Result<Changed, String> {
        let now = measured(now);
        compare(document(before).to_string().as_bytes(), &now)
    }

    fn named(name: &str, percent: f64, status: &str) -> Value {
        let mut row = row(name, percent, 100.0, status);
        row["quota_code"] = json!("-");
        row
    }

    #[test]
    fn each_kind_of_change_is_found_and_what_is_quiet_is_not() {
        let before = json!([
            named("quiet", 10.0, "ok"),
            named("fills", 70.0, "ok"),
            named("grows", 82.0, "warning"),
            named("falls", 99.0, "critical"),
            named("ends", 85.0, "warning"),
            named("stays", 90.0, "warning"),
            named("hides", 40.0, "ok"),
            named("leaves", 40.0, "ok"),
        ]);
        let mut other_limit = named("quiet", 11.0, "ok");
        other_limit["limit"] = json!(200.0);
        let now = json!([
            other_limit,
            named("fills", 81.0, "warning"),
            named("grows", 97.0, "critical"),
            named("falls", 90.0, "warning"),
            named("ends", 60.0, "ok"),
            named("stays", 90.4, "warning"),
            named("hides", 40.0, "unknown"),
            named("comes", 12.0, "ok"),
        ]);
        let changed = changed(&before, &now).unwrap();
        let found: Vec<_> = changed.differences.iter().map(|d| (d.change, d.quota_name.as_str())).collect();
        assert_eq!(
            found,
            [
                (Change::New, "fills"),
                (Change::Worse, "grows"),
                (Change::Better, "falls"),
                (Change::Recovered, "ends"),
                (Change::NoLongerSeen, "hides"),
                (Change::NoLongerSeen, "leaves"),
                (Change::LimitChanged, "quiet"),
            ]
        );
        assert_eq!((changed.persistent, changed.left_out, changed.since.as_str()), (1, 0, "2026-03-02T12:00:00Z"));
        assert_eq!(changed.differences[0].instance, "sales");
    }

    #[test]
    fn rows_that_were_left_out_are_neither_new_nor_gone() {
        let rows = json!([named("full", 90.0, "warning")]);
        let mut before = document(&rows);
        before["instances"][0].as_object_mut().unwrap().remove("metrics");
        let changed = compare(before.to_string().as_bytes(), &measured(&rows)).unwrap();
        assert_eq!((changed.differences.len(), changed.persistent), (0, 0));
        let mut now = measured(&rows);
        now.instances[0].seen.metrics = None;
        assert_eq!(compare(document(&rows).to_string().as_bytes(), &now).unwrap().differences, []);
    }

    #[test]
    fn of_an_instance_that_is_gone_only_what_was_full_is_news() {
        let rows = json!([named("full", 90.0, "warning"), named("well", 9.0, "ok")]);
        let mut now = measured(&rows);
        now.instances.clear();
        let changed = compare(document(&rows).to_string().as_bytes(), &now).unwrap();
        let found: Vec<_> = changed.differences.iter().map(|d| (d.change, d.quota_name.as_str())).collect();
        assert_eq!(found, [(Change::NoLongerSeen, "full")]);
    }

    #[test]
    fn more_than_a_page_holds_is_counted() {
        let rows =
            |percent: f64, status: &str| (0..130).map(|n| named(&n.to_string(), percent, status)).collect::<Value>();
        let changed = changed(&rows(50.0, "ok"), &rows(90.0, "warning")).unwrap();
        assert_eq!((changed.differences.len(), changed.left_out, changed.persistent), (100, 30, 0));
    }

    #[test]
    fn what_is_no_earlier_report_of_the_account_says_so() {
        let now = measured(&json!([]));
        let mut other = document(&json!([]));
        other["account_id"] = json!("999999999999");
        let mut later = document(&json!([]));
        later["schema_version"] = json!(2);
        for (text, part) in [
            ("{".to_owned(), "no report"),
            (later.to_string(), "schema_version is 2"),
            (other.to_string(), "999999999999"),
        ] {
            let error = compare(text.as_bytes(), &now).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
