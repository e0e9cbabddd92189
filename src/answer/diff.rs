//! What changed between two answers. Pure: two documents in, differences out.

use std::fmt::Write as _;

use serde::Serialize;

pub use super::seen::Seen;
use super::seen::{Look, Row};
use crate::domain::format::one_line;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A violation that was none.
    New,
    /// A violation that is graver, or at least one percentage point fuller.
    Worse,
    Better,
    Recovered,
    /// It was measured, and is not.
    NoLongerSeen,
    LimitChanged,
}

impl Change {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Recovered => "recovered",
            Self::NoLongerSeen => "no longer seen",
            Self::LimitChanged => "limit changed",
        }
    }
}

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Difference {
    pub change: Change,
    pub instance_id: String,
    pub instance: String,
    pub service_code: String,
    /// Its code, or its name where it has none.
    pub quota: String,
    pub quota_name: String,
    /// Percent.
    pub utilization_before: Option<f64>,
    pub utilization: Option<f64>,
    pub limit_before: Option<f64>,
    pub limit: Option<f64>,
}

/// Everything that differs, the gravest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differences {
    pub from: String,
    pub to: String,
    pub differences: Vec<Difference>,
    /// What the reader must know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Percentage points that make a violation worse, or better.
const NOTABLE: f64 = 1.0;

impl Differences {
    /// Compares two answers.
    ///
    /// # Errors
    /// They are of different accounts or Regions.
    pub fn between(old: &Seen, new: &Seen) -> Result<Self, String> {
        if old.owner != new.owner {
            return Err(format!(
                "the first is of account {} in {}, and the second of {} in {}: they cannot be compared",
                old.owner.account_id, old.owner.region, new.owner.account_id, new.owner.region
            ));
        }
        let mut differences = Vec::new();
        let mut not_stored = 0;
        let places = old.rows.iter().chain(new.rows.iter().filter(|(place, _)| !old.rows.contains_key(*place)));
        for (place, any) in places {
            let (before, now) = match (old.look(place, any), new.look(place, any)) {
                (Look::NotStored, _) | (_, Look::NotStored) => {
                    not_stored += 1;
                    continue;
                }
                (before, now) => (before.row(), now.row()),
            };
            let (before, now) = (before.as_deref(), now.as_deref());
            let of = |change| Difference {
                change,
                instance_id: place.0.clone(),
                instance: any.instance.clone(),
                service_code: place.1.clone(),
                quota: place.2.clone(),
                quota_name: any.quota.clone(),
                utilization_before: before.and_then(|row| row.utilization),
                utilization: now.and_then(|row| row.utilization),
                limit_before: before.and_then(|row| row.limit),
                limit: now.and_then(|row| row.limit),
            };
            differences.extend(change(before, now).map(of));
            differences.extend(has_other_limit(before, now).then(|| of(Change::LimitChanged)));
        }
        differences.sort_by(|a, b| {
            let fullness = |d: &Difference| d.utilization.or(d.utilization_before).unwrap_or_default();
            a.change.cmp(&b.change).then(fullness(b).total_cmp(&fullness(a)))
        });
        let notes = if not_stored > 0 {
            vec![format!("{not_stored} rows are not compared: one of their reports was too large to hold them")]
        } else {
            Vec::new()
        };
        Ok(Self { from: old.started_at.clone(), to: new.started_at.clone(), differences, notes })
    }

    /// Something is new or worse.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.differences.iter().any(|d| matches!(d.change, Change::New | Change::Worse))
    }

    /// One line for each; control characters of other people's text are left out.
    #[must_use]
    pub fn text(&self) -> String {
        let plain = one_line;
        let shown = |value: Option<f64>, unit: &str| value.map_or_else(|| "-".to_owned(), |v| format!("{v}{unit}"));
        let mut text = format!("From {} to {}:\n", plain(&self.from), plain(&self.to));
        if self.differences.is_empty() {
            text.push_str("nothing is new, worse, better, recovered or unseen, and no limit changed\n");
        }
        for d in &self.differences {
            let figures = if d.change == Change::LimitChanged {
                format!("limit {} -> {}", shown(d.limit_before, ""), shown(d.limit, ""))
            } else {
                format!("{} -> {}", shown(d.utilization_before, "%"), shown(d.utilization, "%"))
            };
            let _ =
                writeln!(text, "{:<14}  {}: {}: {figures}", d.change.words(), plain(&d.instance), plain(&d.quota_name));
        }
        for note in &self.notes {
            let _ = writeln!(text, "{}", plain(note));
        }
        text
    }
}

fn change(before: Option<&Row>, now: Option<&Row>) -> Option<Change> {
    let Some(now) = now.filter(|row| row.is_measured()) else {
        return before.is_some_and(Row::is_measured).then_some(Change::NoLongerSeen);
    };
    let (was, is) = (before.map_or(0, Row::severity), now.severity());
    let rise = now.utilization.unwrap_or_default() - before.and_then(|row| row.utilization).unwrap_or_default();
    match (was, is) {
        (0, 0) => None,
        (0, _) => Some(Change::New),
        // A mute is no recovery.
        (_, 0) => (!now.is_muted).then_some(Change::Recovered),
        _ if is > was => Some(Change::Worse),
        _ if is < was => Some(Change::Better),
        _ if rise >= NOTABLE => Some(Change::Worse),
        _ if rise <= -NOTABLE => Some(Change::Better),
        _ => None,
    }
}

fn has_other_limit(before: Option<&Row>, now: Option<&Row>) -> bool {
    let limits = before.and_then(|row| row.limit).zip(now.and_then(|row| row.limit));
    limits.is_some_and(|(old, new)| (old - new).abs() > f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::snapshot::{Snapshot, Subject};
    use crate::domain::{Account, Metric, Named, Owner, Scope, Status};
    use serde_json::{Value, json};

    fn answer(rows: &[(&str, &str, Option<f64>, f64)]) -> Value {
        let metrics: Vec<Value> = rows
            .iter()
            .map(|(code, status, percent, limit)| {
                json!({"quota_code": code, "quota_name": format!("Quota {code}"), "service_code": "connect",
                       "status": status, "utilization": percent, "limit": limit, "of_the_future": [1]})
            })
            .collect();
        json!({"account_id": "111122223333", "region": "us-east-1", "started_at": "2026-03-02T12:00:00Z",
               "account": {}, "instances": [{"instance_id": "i", "instance_alias": "acme", "metrics": metrics}]})
    }

    fn read(answer: &Value) -> Seen {
        Seen::read(answer.to_string().as_bytes()).unwrap()
    }

    fn changes(old: &Value, new: &Value) -> Vec<(Change, String)> {
        let found = Differences::between(&read(old), &read(new)).unwrap();
        found.differences.into_iter().map(|d| (d.change, d.quota)).collect()
    }

    #[test]
    fn each_way_to_change_is_told_apart() {
        use Change::{Better, LimitChanged, New, NoLongerSeen, Recovered, Worse};
        let row = |status: &'static str, percent: f64| vec![("L", status, Some(percent), 100.0)];
        let unknown = vec![("L", "unknown", None, 100.0)];
        for (old, new, expected) in [
            (row("ok", 70.0), row("warning", 80.0), Some(New)),
            (unknown.clone(), row("critical", 99.0), Some(New)),
            (vec![], row("warning", 80.0), Some(New)),
            (row("warning", 80.0), row("critical", 95.0), Some(Worse)),
            (row("warning", 80.0), row("warning", 81.0), Some(Worse)),
            (row("warning", 80.0), row("warning", 80.9), None),
            (row("warning", 82.0), row("warning", 81.0), Some(Better)),
            (row("critical", 95.0), row("warning", 94.9), Some(Better)),
            (row("critical", 95.0), row("ok", 50.0), Some(Recovered)),
            (row("ok", 1.0), row("ok", 60.0), None),
            (row("critical", 95.0), unknown.clone(), Some(NoLongerSeen)),
            (row("ok", 5.0), vec![], Some(NoLongerSeen)),
            (unknown.clone(), vec![], None),
            (unknown.clone(), row("ok", 5.0), None),
        ] {
            let found = changes(&answer(&old), &answer(&new));
            let expected: Vec<_> = expected.into_iter().map(|change| (change, "L".to_owned())).collect();
            assert_eq!(found, expected, "{old:?} {new:?}");
        }
        let found = changes(&answer(&row("ok", 50.0)), &answer(&[("L", "ok", Some(25.0), 200.0)]));
        assert_eq!(found, [(LimitChanged, "L".to_owned())]);
    }

    #[test]
    fn a_mute_is_no_recovery_and_its_violation_is_not_new() {
        let (well, full) = (answer(&[("L", "ok", Some(50.0), 100.0)]), answer(&[("L", "critical", Some(99.0), 100.0)]));
        let mut muted = full.clone();
        muted["instances"][0]["metrics"][0]["muted"] = json!({"reason": "known"});
        assert_eq!(changes(&full, &muted), []);
        assert_eq!(changes(&well, &muted), []);
        assert_eq!(changes(&muted, &full), [(Change::New, "L".to_owned())]);
    }

    #[test]
    fn what_is_no_answer_says_what_was_expected() {
        let whole = answer(&[("L", "ok", Some(50.0), 100.0)]);
        let half = &whole.to_string().into_bytes()[..100];
        let without = |name: &str| {
            let mut answer = whole.clone();
            answer.as_object_mut().unwrap().remove(name);
            answer.to_string().into_bytes()
        };
        for (text, told) in [
            (half.to_vec(), "it is no JSON"),
            (b"hello".to_vec(), "it is no JSON"),
            (b"[]".to_vec(), "no `account_id`"),
            (without("instances"), "no `instances`"),
            (without("region"), "no `region`"),
            (br#"{"account_id":"1","region":"r","started_at":"t","instances":[]}"#.to_vec(), "no rows"),
        ] {
            let error = Seen::read(&text).unwrap_err();
            assert!(error.contains(told) && error.contains("check --output json"), "{error}");
        }
        let error = Seen::read(br#"{"schema_version": 9}"#).unwrap_err();
        assert!(error.contains('9') && error.contains("newer version"), "{error}");
        let mut other = whole.clone();
        other["region"] = json!("eu-central-1");
        let error = Differences::between(&read(&whole), &read(&other)).unwrap_err();
        assert!(error.contains("eu-central-1"), "{error}");
    }

    #[test]
    fn rows_that_one_report_left_out_are_not_compared() {
        let whole = answer(&[("L", "warning", Some(80.0), 100.0), ("M", "ok", Some(5.0), 100.0)]);
        let mut large = whole.clone();
        let instance = large["instances"][0].as_object_mut().unwrap();
        instance.remove("metrics");
        instance.insert("metrics_count".to_owned(), json!(2));
        large["account"] = json!({"metrics": [], "metrics_count": 0});
        for (old, new) in [(&whole, &large), (&large, &whole)] {
            let found = Differences::between(&read(old), &read(new)).unwrap();
            assert_eq!(found.differences, []);
            assert!(found.notes[0].starts_with("2 rows are not compared"), "{:?}", found.notes);
        }
        // One that was skipped has no rows to leave out.
        large["instances"][0]["metrics_count"] = json!(0);
        assert_eq!(changes(&whole, &large).len(), 2);
    }

    fn stored(rows: &[(&str, &str, Option<f64>, f64)], more: &Value) -> Seen {
        let owner = Owner { account_id: "111122223333".to_owned(), region: "us-east-1".to_owned() };
        let mut snapshot = answer(rows)["instances"][0].clone();
        snapshot["timestamp"] = json!("2026-03-02T12:00:00Z");
        snapshot.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Seen::of_snapshots(&owner, &[snapshot]).unwrap()
    }

    #[test]
    fn what_a_stored_snapshot_leaves_out_is_not_taken_for_unseen() {
        let full = stored(&[("L", "critical", Some(99.0), 100.0)], &json!({}));
        let found = |new: &Seen| {
            let found = Differences::between(&full, new).unwrap();
            (found.differences.iter().map(|d| d.change).collect::<Vec<_>>(), found.notes.len())
        };
        assert_eq!(found(&stored(&[], &json!({"idle": ["L"]}))), (vec![Change::Recovered], 0));
        assert_eq!(found(&stored(&[], &json!({"idle": ["M", "-"]}))), (vec![Change::NoLongerSeen], 0));
        assert_eq!(found(&stored(&[], &json!({"truncated": {"ok": 9}}))), (vec![], 1));
        // A rate without a code is known by its name.
        let mut rate = answer(&[("-", "warning", Some(85.0), 100.0)])["instances"][0].clone();
        rate["metrics"][0]["source"] = json!("AWS/Usage CallCount peak minute");
        let rate = Seen::of_snapshots(&full.owner, &[rate]).unwrap();
        let idle = stored(&[], &json!({"idle": ["-"]}));
        let found = Differences::between(&rate, &idle).unwrap();
        assert_eq!(found.differences[0].change, Change::Recovered);
        let error = Seen::of_snapshots(&full.owner, &[json!({"schema_version": 2})]).unwrap_err();
        assert!(error.contains("newer version"), "{error}");
    }

    /// Every list of a stored snapshot is named here: a further one does not compile until somebody has thought of it.
    fn lists(snapshot: Snapshot) -> [Vec<String>; 3] {
        let Snapshot {
            schema_version: _,
            id: _,
            execution_id: _,
            timestamp: _,
            account_id: _,
            region: _,
            instance_id: _,
            instance_arn: _,
            instance_alias: _,
            instance_status: _,
            complete: _,
            metrics_count: _,
            violations_count: _,
            forecasts_count: _,
            metrics: _,
            idle,
            empty,
            limit_only,
            summary: _,
        } = snapshot;
        [idle, empty, limit_only]
    }

    #[test]
    fn every_list_of_a_stored_snapshot_is_read() {
        let owner = Owner { account_id: "111122223333".to_owned(), region: "us-east-1".to_owned() };
        let account = Account {
            id: owner.account_id.clone(),
            region: owner.region.clone(),
            partition: "aws".to_owned(),
            named: Named::default(),
        };
        let metric = |code: &str, usage: f64| Metric {
            quota_code: code.to_owned(),
            quota_name: format!("Quota {code}"),
            usage: Some(usage),
            limit: Some(100.0),
            utilization: Some(usage),
            status: if usage < 80.0 { Status::Ok } else { Status::Warning },
            ..Metric::sample()
        };
        let rows = |usage: f64| {
            let rate = Metric { source: "AWS/Usage CallCount peak minute".to_owned(), ..metric("L-RATE", usage) };
            let resource = Metric {
                scope: Scope::Resource.as_str().to_owned(),
                service_code: "cases".to_owned(),
                ..metric("L-RESOURCE", usage)
            };
            let limit = Metric {
                source: String::new(),
                status: Status::NotMeasurable,
                usage: None,
                utilization: None,
                ..metric("L-LIMIT", 0.0)
            };
            vec![rate, resource, limit]
        };
        let snapshot = |rows| {
            let now = "2026-03-02T12:00:00Z".parse().unwrap();
            Snapshot::new(&account, Subject::Account, "run-1", now, rows).stored()
        };
        let seen =
            |snapshot: &Snapshot| Seen::of_snapshots(&owner, &[serde_json::to_value(snapshot).unwrap()]).unwrap();
        let (full, empty) = (snapshot(rows(90.0)), snapshot(rows(0.0)));
        assert_eq!(empty.metrics, []);
        assert_eq!(lists(empty.clone()), [["L-RATE"], ["L-RESOURCE"], ["L-LIMIT"]]);
        let found = |old: &Snapshot, new: &Snapshot| -> Vec<(Change, String)> {
            let found = Differences::between(&seen(old), &seen(new)).unwrap();
            let mut found: Vec<_> = found.differences.into_iter().map(|d| (d.change, d.quota)).collect();
            found.sort();
            found
        };
        let both = |change| [(change, "L-RATE".to_owned()), (change, "L-RESOURCE".to_owned())];
        assert_eq!(found(&full, &empty), both(Change::Recovered));
        assert_eq!(found(&empty, &full), both(Change::New));
        // What nothing can measure was not seen before either.
        assert_eq!(found(&snapshot(rows(5.0)), &empty), []);
    }
}
