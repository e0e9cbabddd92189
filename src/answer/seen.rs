//! An answer, or the snapshots of a store, as far as they are compared. Pure. Fields that are not needed may be missing
//! or new.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::snapshot::{ACCOUNT_KEY, SCHEMA_VERSION};
use crate::domain::{NO_CODE, Owner};

/// What was seen at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub owner: Owner,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub(super) rows: BTreeMap<Place, Row>,
    /// By subject: what a stored snapshot leaves out, or a report that was too large.
    left_out: BTreeMap<String, LeftOut>,
}

/// Instance (or `account`), service and quota.
pub(super) type Place = (String, String, String);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub instance: String,
    pub quota: String,
    pub status: String,
    pub utilization: Option<f64>,
    pub limit: Option<f64>,
    pub is_muted: bool,
    is_rate: bool,
}

/// What a document leaves out, to be small. A quota of the list `limit_only` is measured by nothing, as one without a row.
#[derive(Debug, Clone, PartialEq, Default)]
struct LeftOut {
    /// Codes of the rates that nobody called.
    idle: BTreeSet<String>,
    /// Some of these have no code.
    has_nameless_idle: bool,
    /// Codes, or names without one, of the quotas of resources of which none was found.
    empty: BTreeSet<String>,
    /// It was too large, and lost rows.
    is_truncated: bool,
}

/// What is known of a place.
pub(super) enum Look<'a> {
    Row(Cow<'a, Row>),
    Absent,
    /// It may have had a row: the document was too large to hold it.
    NotStored,
}

impl<'a> Look<'a> {
    pub(super) fn row(self) -> Option<Cow<'a, Row>> {
        if let Self::Row(row) = self { Some(row) } else { None }
    }
}

impl Row {
    pub(super) fn is_measured(&self) -> bool {
        matches!(self.status.as_str(), "ok" | "warning" | "critical")
    }

    /// 0 where it is no violation that readers are told of.
    pub(super) fn severity(&self) -> u8 {
        match self.status.as_str() {
            _ if self.is_muted => 0,
            "warning" => 1,
            "critical" => 2,
            _ => 0,
        }
    }

    /// The same quota at a time when nobody called, or there was none of it.
    fn at_zero(&self) -> Self {
        Self { status: "ok".to_owned(), utilization: Some(0.0), limit: None, is_muted: false, ..self.clone() }
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

/// A later schema is refused, because its fields may mean something else.
fn check_version(document: &Value) -> Result<(), String> {
    let later = document["schema_version"].as_u64().filter(|v| *v > u64::from(SCHEMA_VERSION));
    later.map_or(Ok(()), |version| {
        Err(format!("it has schema_version {version}, and this version reads {SCHEMA_VERSION}: use a newer version"))
    })
}

impl Seen {
    /// Reads an answer with rows.
    ///
    /// # Errors
    /// What is wrong with the document, and what was expected.
    pub fn read(document: &[u8]) -> Result<Self, String> {
        const EXPECTED: &str = "expected the whole answer of `check --output json`";
        let answer: Value = serde_json::from_slice(document).map_err(|e| format!("it is no JSON ({e}); {EXPECTED}"))?;
        check_version(&answer)?;
        answer["kind"].as_str().map_or(Ok(()), |kind| Err(super::kind::of_kind(kind)))?;
        let need = |name: &str| text(&answer, name).ok_or_else(|| format!("it has no `{name}`; {EXPECTED}"));
        let owner = Owner { account_id: need("account_id")?, region: need("region")? };
        let mut seen =
            Self { owner, started_at: need("started_at")?, rows: BTreeMap::new(), left_out: BTreeMap::new() };
        let instances = answer["instances"].as_array().ok_or_else(|| format!("it has no `instances`; {EXPECTED}"))?;
        let mut has_rows = false;
        for subject in instances.iter().chain([&answer["account"]]) {
            has_rows |= seen.add(subject).map_err(|why| format!("{why}; {EXPECTED}"))?;
        }
        if has_rows { Ok(seen) } else { Err(format!("it has no rows (`metrics`); {EXPECTED}")) }
    }

    /// Reads snapshots, of which the first tells the time.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn of_snapshots(owner: &Owner, snapshots: &[Value]) -> Result<Self, String> {
        let started_at = snapshots.first().and_then(|first| text(first, "timestamp")).unwrap_or_default();
        let mut seen = Self { owner: owner.clone(), started_at, rows: BTreeMap::new(), left_out: BTreeMap::new() };
        for snapshot in snapshots {
            let about = |why: String| {
                let (id, at) = (&snapshot["instance_id"], &snapshot["timestamp"]);
                format!("the snapshot of {id} at {at}: {why}; expected one that this monitor stored")
            };
            check_version(snapshot).map_err(about)?;
            if !seen.add(snapshot).map_err(about)? {
                return Err(about("it has no `metrics`".to_owned()));
            }
            let listed = |name: &str| -> BTreeSet<String> {
                let codes = snapshot[name].as_array().into_iter().flatten().filter_map(Value::as_str);
                codes.map(str::to_owned).collect()
            };
            let idle = listed("idle");
            let left_out = LeftOut {
                has_nameless_idle: idle.contains(NO_CODE),
                idle,
                empty: listed("empty"),
                is_truncated: snapshot.get("truncated").is_some(),
            };
            seen.left_out.insert(text(snapshot, "instance_id").unwrap_or_default(), left_out);
        }
        Ok(seen)
    }

    /// Adds a subject's rows; false where it has no list of rows.
    fn add(&mut self, subject: &Value) -> Result<bool, String> {
        let id = text(subject, "instance_id").unwrap_or_else(|| ACCOUNT_KEY.to_owned());
        let Some(metrics) = subject["metrics"].as_array() else {
            // A report that was too large counts the rows that it does not hold.
            if subject["metrics_count"].as_u64().is_some_and(|count| count > 0) {
                self.left_out.insert(id, LeftOut { is_truncated: true, ..LeftOut::default() });
            }
            return Ok(false);
        };
        let name = text(subject, "instance_alias").unwrap_or_else(|| id.clone());
        for metric in metrics {
            let field = |name: &str| text(metric, name).ok_or_else(|| format!("a row has no `{name}`"));
            let quota = field("quota_name")?;
            let code = text(metric, "quota_code").filter(|code| code != NO_CODE).unwrap_or_else(|| quota.clone());
            let row = Row {
                instance: name.clone(),
                quota,
                status: field("status")?,
                utilization: metric["utilization"].as_f64(),
                limit: metric["limit"].as_f64(),
                is_muted: metric["muted"].is_object(),
                is_rate: metric["source"].as_str().is_some_and(|source| source.starts_with("AWS/Usage CallCount")),
            };
            self.rows.insert((id.clone(), text(metric, "service_code").unwrap_or_default(), code), row);
        }
        Ok(true)
    }

    /// What is known of a place of which `other` was seen at another time.
    pub(super) fn look(&self, place: &Place, other: &Row) -> Look<'_> {
        if let Some(row) = self.rows.get(place) {
            return Look::Row(Cow::Borrowed(row));
        }
        let Some(left_out) = self.left_out.get(&place.0) else { return Look::Absent };
        // The place of a quota without a code is its name.
        let is_nameless = place.2 == other.quota;
        let is_idle = left_out.idle.contains(&place.2) || is_nameless && other.is_rate && left_out.has_nameless_idle;
        if is_idle || left_out.empty.contains(&place.2) {
            return Look::Row(Cow::Owned(other.at_zero()));
        }
        if left_out.is_truncated { Look::NotStored } else { Look::Absent }
    }
}
