//! What to paste into a request for a higher limit: measured numbers only, and what is not known is left out. Pure.
//!
//! AWS asks for the number of agents, the volume of calls and their average duration ("Plan ahead with quotas",
//! <https://docs.aws.amazon.com/connect/latest/adminguide/plan-ahead-quotas.html>). Of these the monitor measures users
//! and contacts at the same time.

use std::fmt::Write as _;

use super::stored::{Placed, Row, StoredReport};
use crate::catalogue;
use crate::domain::Scope;
use crate::domain::format::{DailySeries, date, day_of, number, one_line};
use crate::domain::increase::desired;

const USERS: &str = "L-9A46857E";
/// Contacts at the same time, as the request calls them.
const CONTACTS: &[(&str, &str)] =
    &[("L-12AB7C57", "calls"), ("L-D4BA6F6E", "chats"), ("L-60553137", "tasks"), ("L-B117F12F", "emails")];

/// At which scope a quota stands, by its code or name; none where the catalogue does not know it.
#[must_use]
pub fn scope_of(quota: &str) -> Option<Scope> {
    catalogue::find(quota).map(|quota| quota.scope)
}

/// The rows whose increase the report advises, in its order.
pub fn advised(report: &StoredReport) -> impl Iterator<Item = Placed<'_>> {
    report.rows().filter(|placed| placed.remedy().is_some_and(|remedy| remedy.increase.is_some()))
}

/// The block of one row. None where its usage or its limit is not known: then there is nothing to show.
#[must_use]
pub fn block(report: &StoredReport, placed: Placed<'_>) -> Option<String> {
    let row = placed.row;
    let (usage, limit) = (row.usage?, row.limit?);
    let code = if row.quota_code == crate::domain::NO_CODE { String::new() } else { format!(" ({})", row.quota_code) };
    let mut text = String::new();
    let mut line = |what: &str, value: &str| {
        let _ = writeln!(text, "{what}: {}", one_line(value));
    };
    line("Quota", &format!("{}{code}", row.quota_name));
    line("Account", &format!("{}, Region {}", report.account_label(), report.region));
    if let Some(instance) = placed.instance {
        let alias = instance.instance_alias.as_ref().map(|alias| format!(" ({alias})")).unwrap_or_default();
        line("Instance", &format!("{}{alias}", instance.instance_id));
    }
    let source = row.limit_source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
    line("Limit now", &format!("{}{source}", number(limit)));
    line("Limit wanted", &number(desired(limit, usage)));
    line("Use", &used(row, usage));
    if let Some(resource) = &row.resource {
        line("Highest in", resource);
    }
    if let Some(rejected) = row.rejected {
        line("Turned away because of this quota", &format!("{} in the time looked at", number(rejected)));
    }
    if let Some(series) = placed.history() {
        for (what, value) in trend(series, limit) {
            line(what, &value);
        }
    }
    if let Some(growth) = &row.forecast {
        let full = growth.full_at.as_ref().map(|at| format!("; full on {at} at this rate")).unwrap_or_default();
        line("Growth", &format!("{} a day over {} days{full}", number(growth.per_day), growth.days_of_data));
    }
    let of_instance = |code: &str| {
        let rows = placed.instance?.seen.metrics.as_ref()?;
        rows.iter().find(|other| other.quota_code == code && other.quota_code != row.quota_code)
    };
    if let Some(users) = of_instance(USERS).and_then(|users| users.usage) {
        line("Users (agents) of the instance", &number(users));
    }
    for (code, noun) in CONTACTS {
        if let Some((other, usage)) = of_instance(code).and_then(|other| Some((other, other.usage?)))
            && usage > 0.0
        {
            line(&format!("Concurrent {noun}"), &used(other, usage));
        }
    }
    line("Measured", &format!("{} by connect-quota-monitor {}", report.started_at, report.version));
    Some(text)
}

fn used(row: &Row, usage: f64) -> String {
    let mut text = number(usage);
    if let Some(limit) = row.limit {
        let _ = write!(text, " of {}", number(limit));
    }
    if let Some(percent) = row.utilization {
        let _ = write!(text, " ({percent:.1} %)");
    }
    if row.approximate {
        text.push_str(", approximately");
    }
    if let Some(at) = &row.peak_at {
        let _ = write!(text, ", highest at {at}");
    }
    text
}

/// The highest day, and the first and the last one of those that were measured.
fn trend(series: &DailySeries, limit: f64) -> Vec<(&'static str, String)> {
    let first = format!("{}T00:00:00Z", series.from).parse().map(day_of);
    let Ok(first) = first else { return Vec::new() };
    let points: Vec<(i64, f64)> = (first..)
        .zip(&series.peaks)
        .filter_map(|(day, peak)| peak.filter(|p| p.is_finite()).map(|p| (day, p)))
        .collect();
    let (Some(oldest), Some(newest)) = (points.first(), points.last()) else { return Vec::new() };
    let highest = points.iter().fold(*oldest, |best, point| if point.1 > best.1 { *point } else { best });
    let mut lines = vec![("Highest day", format!("{} on {}", number(highest.1), date(highest.0)))];
    if points.len() > 1 {
        let days = newest.0 - oldest.0 + 1;
        lines.push((
            "Trend",
            format!(
                "from {} on {} to {} on {} ({} of {days} days measured)",
                number(oldest.1),
                date(oldest.0),
                number(newest.1),
                date(newest.0),
                points.len()
            ),
        ));
        let near = points.iter().filter(|(_, peak)| limit > 0.0 && peak / limit >= 0.8).count();
        if near > 0 {
            lines.push(("Days at 80 % of the limit or more", near.to_string()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn report(change: impl FnOnce(&mut Value)) -> StoredReport {
        let row = |code: &str, name: &str, usage: f64, limit: f64| {
            json!({"quota_code": code, "quota_name": name, "service_code": "connect", "category": "c", "scope": "instance",
                   "impact": "live", "usage": usage, "limit": limit, "limit_source": "instance",
                   "utilization": usage * 100.0 / limit, "status": "ok", "source": "s"})
        };
        let seen = |metrics: Vec<Value>| {
            json!({"status": "complete", "metrics_count": metrics.len(), "violations_count": 0, "unknown_count": 0,
                   "not_measurable_count": 0, "metrics": metrics})
        };
        let mut instance = seen(vec![
            row("L-12AB7C57", "Concurrent active calls per instance", 97.0, 100.0),
            row(USERS, "Users per instance", 350.0, 500.0),
            row("L-D4BA6F6E", "Concurrent active chats per instance", 0.0, 100.0),
        ]);
        instance["instance_id"] = json!("i-1");
        instance["instance_alias"] = json!("acme\nLimit wanted: 9");
        let mut document = json!({"schema_version": 1, "execution_id": "e", "version": "1.2.3", "account_id": "111122223333",
            "region": "us-east-1", "started_at": "2026-03-02T12:00:00Z", "complete": true, "violations": 0,
            "account": seen(Vec::new()), "instances": [instance]});
        change(&mut document["instances"][0]);
        StoredReport::parse(document.to_string()).unwrap()
    }

    fn first(report: &StoredReport) -> Option<String> {
        block(report, report.rows().next().unwrap())
    }

    #[test]
    fn everything_measured_stands_in_it() {
        let report = report(|instance| {
            let row = &mut instance["metrics"][0];
            row["peak_at"] = json!("2026-03-02T11:30:00Z");
            row["rejected"] = json!(12);
            row["forecast"] = json!({"per_day": 1.5, "days_of_data": 20, "full_at": "2026-03-04", "warns": true});
            instance["history"] = json!({"L-12AB7C57": {"from": "2026-02-27", "peaks": [60, null, 99, 97]}});
            instance["remedies"] = json!({"L-12AB7C57": {"increase": "aws ...", "mute": "{}"}});
        });
        let expected = "\
Quota: Concurrent active calls per instance (L-12AB7C57)
Account: 111122223333, Region us-east-1
Instance: i-1 (acme Limit wanted: 9)
Limit now: 100 (instance)
Limit wanted: 162
Use: 97 of 100 (97.0 %), highest at 2026-03-02T11:30:00Z
Turned away because of this quota: 12 in the time looked at
Highest day: 99 on 2026-03-01
Trend: from 60 on 2026-02-27 to 97 on 2026-03-02 (3 of 4 days measured)
Days at 80 % of the limit or more: 2
Growth: 1.5 a day over 20 days; full on 2026-03-04 at this rate
Users (agents) of the instance: 350
Measured: 2026-03-02T12:00:00Z by connect-quota-monitor 1.2.3
";
        assert_eq!(first(&report).unwrap(), expected);
        assert_eq!(advised(&report).count(), 1);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let bare = report(|instance| {
            instance["metrics"][1]["usage"] = Value::Null;
            instance["metrics"][0]["utilization"] = Value::Null;
            instance["history"] = json!({"L-12AB7C57": {"from": "nonsense", "peaks": [1]}});
        });
        let text = first(&bare).unwrap();
        for absent in ["Turned away", "Trend", "Highest", "Growth", "Users", "chats", "%"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
        assert_eq!(advised(&bare).count(), 0);
        assert_eq!(first(&report(|instance| instance["metrics"][0]["usage"] = Value::Null)), None);
        assert_eq!(first(&report(|instance| instance["metrics"][0]["limit"] = Value::Null)), None);
    }
}
