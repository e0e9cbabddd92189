//! The fleet at a glance: the document that the page and the command are made of. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;
use super::cell::Worst;
use super::compare::{News, Now};
use super::found::{Discovery, Found};
use super::pairs::Pair;
use super::told::Told;
use crate::domain::console;

/// Raised when a field changes its meaning or disappears.
pub const SCHEMA_VERSION: u32 = 1;
/// Cells that the answer of a digest names: Step Functions takes 256 KB.
const NAMED: usize = 50;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FleetReport {
    pub schema_version: u32,
    /// `fleet`, which tells it from the report of a run.
    pub kind: String,
    pub execution_id: String,
    pub version: String,
    /// Of the hub.
    pub account_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    pub region: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Every cell was seen, kept and told what it had to, and none still runs. Not where no cell is expected because
    /// policies deny them all: then nothing was seen.
    pub complete: bool,
    /// What must be known before the rest is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    pub discovery: Discovery,
    pub cells: Counts,
    pub instances: usize,
    pub violations: usize,
    pub unknown: usize,
    pub max_utilization: Option<f64>,
    pub changes: Changes,
    /// The worst first.
    pub matrix: Vec<Row>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
}

/// Cells, counted. `expected` is the sum of the next three.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub expected: usize,
    pub seen: usize,
    pub running: usize,
    pub unseen: usize,
    /// Not measured, because there is nothing to watch: by state.
    #[serde(default)]
    pub settled: BTreeMap<String, usize>,
}

/// What this digest told, or would have told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changes {
    pub new: usize,
    pub recovered: usize,
    pub unseen: usize,
    pub seen_again: usize,
}

impl From<&News> for Changes {
    fn from(news: &News) -> Self {
        Self {
            new: news.new.len(),
            recovered: news.recovered.len(),
            unseen: news.unseen.len(),
            seen_again: news.seen_again.len(),
        }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub account_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ou: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub region: String,
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Runs measure it.
    pub measured: bool,
    /// In a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unseen_times: u32,
    /// When the numbers were measured; of a cell that is not seen they are old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violations: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_utilization: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Worst>,
    /// The key of the cell's own page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Row {
    #[must_use]
    pub fn of(cell: &Now<'_>, told: &Told) -> Self {
        let Found { target, measured, .. } = cell.found;
        let name = format!("{}#{}", target.account_id, target.region);
        let seen = cell.document.and_then(|document| document.seen.as_ref());
        let unseen_times = told.cells.get(&name).and_then(|c| c.unseen.as_ref()).map_or(0, |unseen| unseen.times);
        Self {
            account_id: target.account_id.clone(),
            account_name: target.account_name.clone(),
            ou: target.ou.clone(),
            owner: target.owner.clone(),
            region: target.region.clone(),
            state: cell.state,
            reason: cell.reason.clone(),
            measured: *measured,
            unseen_times,
            seen_at: seen.map(|seen| crate::domain::format::rfc3339(seen.at)),
            instances: seen.map(|seen| seen.instances),
            violations: seen.map(|seen| seen.violations),
            unknown: seen.map(|seen| seen.unknown),
            max_utilization: seen.and_then(|seen| seen.max_utilization),
            worst: seen.and_then(|seen| seen.worst.clone()),
            page: seen.map(|_| console::latest(&target.account_id, &target.region, "index.html")),
        }
    }

    /// It should have been seen, and was not.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        self.measured && !self.state.is_seen() && self.state != State::Running
    }

    /// Unseen before everything, then the fullest; what is not measured is last.
    #[must_use]
    pub fn rank(&self) -> (bool, bool, f64) {
        let violates = self.violations.is_some_and(|n| n > 0);
        let full = self.max_utilization.unwrap_or(if self.measured { -1.0 } else { -2.0 });
        (!self.is_unseen(), !violates, -full)
    }
}

impl FleetReport {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected the object fleet/latest/report.json of the hub's bucket";
        let report: Self =
            serde_json::from_str(text).map_err(|e| format!("it is no report of a fleet ({e}); {EXPECTED}"))?;
        match (report.kind.as_str(), report.schema_version) {
            ("fleet", SCHEMA_VERSION) => Ok(report),
            ("fleet", other) => Err(format!("its schema_version is {other}, and this version reads {SCHEMA_VERSION}")),
            (kind, _) => Err(format!("its kind is `{kind}`; {EXPECTED}")),
        }
    }

    /// `Acme (111122223333)`, or the number alone.
    #[must_use]
    pub fn hub(&self) -> String {
        crate::domain::label(&self.account_id, self.account_name.as_deref())
    }

    /// As `check` ends: 1 where a quota is over its threshold, 2 where a cell was not seen, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.violations, self.complete && self.unknown == 0) {
            (1.., _) => 1,
            (0, true) => 0,
            (0, false) => 2,
        }
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let Changes { new, recovered, .. } = self.changes;
        let Counts { expected, seen, running, .. } = self.cells;
        let running = if running > 0 { format!(", {running} still running") } else { String::new() };
        format!("{new} new, {recovered} recovered, {seen} of {expected} cells seen{running}")
    }

    /// Unseen cells, as the answer of a digest names them.
    #[must_use]
    pub fn unseen(&self) -> Vec<&Row> {
        self.matrix.iter().filter(|row| row.is_unseen()).take(NAMED).collect()
    }

    /// Sums up the rows, and puts the worst first.
    #[must_use]
    pub fn with_rows(mut self, mut rows: Vec<Row>) -> Self {
        rows.sort_by(|a, b| {
            let (a, b) = ((a.rank(), a), (b.rank(), b));
            (a.0.0, a.0.1)
                .cmp(&(b.0.0, b.0.1))
                .then(a.0.2.total_cmp(&b.0.2))
                .then_with(|| (&a.1.account_id, &a.1.region).cmp(&(&b.1.account_id, &b.1.region)))
        });
        let measured = || rows.iter().filter(|row| row.measured);
        self.cells = Counts {
            expected: measured().count(),
            seen: measured().filter(|row| row.state.is_seen()).count(),
            running: measured().filter(|row| row.state == State::Running).count(),
            unseen: measured().filter(|row| row.is_unseen()).count(),
            settled: BTreeMap::new(),
        };
        for row in rows.iter().filter(|row| !row.measured) {
            *self.cells.settled.entry(row.state.as_str().to_owned()).or_default() += 1;
        }
        let sum = |of: fn(&Row) -> Option<usize>| measured().filter_map(of).sum();
        (self.instances, self.violations, self.unknown) =
            (sum(|r| r.instances), sum(|r| r.violations), sum(|r| r.unknown));
        self.max_utilization = measured().filter_map(|row| row.max_utilization).reduce(f64::max);
        let is_nothing = |row: &Row| matches!(row.state, State::Empty | State::NotOffered | State::NotOptedIn);
        let is_anywhere = self.cells.expected > 0 || !rows.is_empty() && rows.iter().all(is_nothing);
        let is_kept = !measured().any(|row| row.state.is_seen() && row.reason.is_some());
        self.complete = self.cells.seen == self.cells.expected && is_anywhere && is_kept;
        self.matrix = rows;
        self
    }

    /// A report of nothing yet, of the run that `execution_id` names.
    #[must_use]
    pub fn new(execution_id: &str, now: Timestamp, discovery: Discovery) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            kind: "fleet".to_owned(),
            execution_id: execution_id.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            account_id: String::new(),
            account_name: None,
            region: String::new(),
            started_at: crate::domain::format::rfc3339(now),
            complete: false,
            notes: Vec::new(),
            discovery,
            cells: Counts::default(),
            instances: 0,
            violations: 0,
            unknown: 0,
            max_utilization: None,
            changes: Changes::default(),
            matrix: Vec::new(),
            pairs: Vec::new(),
        }
    }
}
