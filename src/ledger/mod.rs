//! What readers know, and what else must outlive a run: one document per subject. Pure.
//!
//! The ledger is apart from the snapshots. It is written only where nobody else has written it since it
//! was read; see [`crate::keep::ledger`]. Who has news claims the ledger before the message leaves and
//! releases it afterwards, so that of two runs one tells; a claim that nobody releases ends by itself.

mod decide;
mod grade;
mod hanging;
mod history;
mod incident;
mod news;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use decide::{Decision, Missing, decide};
pub use grade::Grade;
pub use hanging::Hanging;
pub use history::{DailyPeaks, History};
pub use incident::{Blind, Foreseen, Incident, Reported, Violation, key_of};
pub use news::{Change, Event, News, Recovered, SeenAgain, Severity, Unseen};
pub use rules::{MARGIN_POINTS, Reminders, Rules};

use crate::domain::activity::Activity;
use crate::domain::kept::KeptLimits;
use crate::domain::own_calls::OwnCalls;
use crate::domain::rota::Rota;
use crate::domain::subscribers::Counted;
use crate::domain::tour::Tours;
use crate::domain::trail::Trail;
use crate::domain::{Metric, Owner};

/// Raised when a field changes its meaning or disappears; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// A claim lasts this long. A publish with all its retries takes less.
pub const CLAIM_LASTS: SignedDuration = SignedDuration::from_secs(120);

/// Incidents by quota key; of requests that hang, by `request/` and the request's id.
pub type Incidents = BTreeMap<String, Incident>;

/// The stored document of one subject: an instance, or the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub schema_version: u32,
    pub account_id: String,
    pub region: String,
    /// The instance's id, or `account`.
    pub instance_id: String,
    /// Grows by one with each writing.
    pub version: u64,
    /// The run that wrote it last.
    pub execution_id: String,
    pub written_at: Timestamp,
    /// A run that can tell readers something wrote it. Where false, all incidents are still to be told.
    pub has_readers: bool,
    /// The run that is telling its news right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    #[serde(default)]
    pub incidents: Incidents,
    #[serde(default)]
    pub notes: Notes,
}

/// Bytes as JSON. DynamoDB takes 400 KB of its own form, which is not larger.
const MOST_BYTES: usize = 300 * 1024;

/// Who is telling, and until when others wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub execution_id: String,
    pub until: Timestamp,
    /// Keys of the quotas of which it tells that something is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<String>,
}

/// What one run leaves to the next beside the incidents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Notes {
    /// Where the window of the last stored snapshot ended, in unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_until: Option<i64>,
    /// Daily peaks, from which forecasts are made.
    #[serde(default)]
    pub history: History,
    /// The day, counted from the Unix epoch, on which a quota was last measured by a listing; days that are long over
    /// are forgotten.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<String, i64>,
    /// Where the visits of single resources stand, by listing.
    #[serde(default)]
    pub tours: Tours,
    /// The limits of this very instance that Service Quotas had to be asked for one by one.
    #[serde(default, skip_serializing_if = "KeptLimits::is_empty")]
    pub kept_limits: KeptLimits,
    /// Which instances come next, where not all of them fit one run; only of the account.
    #[serde(default)]
    pub rota: Rota,
    /// The calls that runs made themselves, which AWS counts like everybody's; only of the account.
    #[serde(default, skip_serializing_if = "OwnCalls::is_empty")]
    pub own_calls: OwnCalls,
    /// The mark of news that people got and a channel for programs refused: the next run sends the mail no second time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed: Option<String>,
    /// When readers last got a message, in unix seconds; only of the account, and only where a long silence is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<i64>,
    /// When the alert topic's subscriptions were last counted; only of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribers: Option<Counted>,
    /// Which APIs were called lately; only of the account.
    #[serde(default, skip_serializing_if = "Activity::is_empty")]
    pub activity: Activity,
    /// What CloudTrail's event history counted when it was last looked into; only of the account.
    #[serde(default, skip_serializing_if = "Trail::is_empty")]
    pub trail: Trail,
    /// The instances that runs have measured, by id; only of the account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instances: BTreeMap<String, Known>,
}

/// An instance that runs have measured. Stored as one line, because an account may have a thousand: when a run last
/// measured it, the minutes between its function's runs, where the window of its last stored snapshot ended (or `-`),
/// its ARN, and its alias where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Known {
    pub arn: String,
    pub alias: Option<String>,
    /// Unix seconds; none where no window was ever read.
    pub seen_until: Option<i64>,
    /// Unix seconds.
    pub looked_at: i64,
    pub schedule_minutes: u32,
}

impl From<Known> for String {
    fn from(known: Known) -> Self {
        let seen = known.seen_until.map_or_else(|| "-".to_owned(), |until| until.to_string());
        let alias = known.alias.map_or_else(String::new, |alias| format!(" {alias}"));
        format!("{} {} {seen} {}{alias}", known.looked_at, known.schedule_minutes, known.arn)
    }
}

impl TryFrom<String> for Known {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.splitn(5, ' ');
        let mut next = || parts.next().ok_or_else(|| format!("`{text}` is no line of an instance"));
        let number = |part: &str| {
            let number = part.parse::<i64>().ok().filter(|n| n.unsigned_abs() <= LARGEST);
            number.ok_or_else(|| format!("`{part}` is no time of an instance"))
        };
        let looked_at = number(next()?)?;
        let schedule_minutes = u32::try_from(number(next()?)?).map_err(|e| e.to_string())?;
        let seen = next()?;
        let seen_until = if seen == "-" { None } else { Some(number(seen)?) };
        let arn = next()?.to_owned();
        Ok(Self { arn, alias: parts.next().map(str::to_owned), seen_until, looked_at, schedule_minutes })
    }
}

impl Known {
    /// What two runs know: of each thing the later look.
    fn join(&mut self, other: &Self) {
        self.seen_until = self.seen_until.max(other.seen_until);
        if other.looked_at > self.looked_at {
            (self.looked_at, self.schedule_minutes) = (other.looked_at, other.schedule_minutes);
        }
    }
}

/// So long a quota counts as one that was measured.
const MEASURED_DAYS: i64 = 30;

/// More than any count, and than any time in unix seconds, of a document that a run wrote.
const LARGEST: u64 = 100_000_000_000;

/// No number in it is beyond what a run writes.
fn is_sane(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.as_f64().is_some_and(|n| n.abs() <= 1e15 && (n.fract() != 0.0 || n.abs() <= 1e11))
        }
        Value::Array(items) => items.iter().all(is_sane),
        Value::Object(members) => members.values().all(is_sane),
        _ => true,
    }
}

impl Notes {
    fn has_sane_numbers(&self) -> bool {
        self.history.0.values().all(DailyPeaks::is_sane)
            && serde_json::to_value(self).is_ok_and(|notes| is_sane(&notes))
    }

    /// Notes which quotas the rows of `today` measured. What CloudWatch counts is never without an operation.
    pub fn note_measured(&mut self, metrics: &[Metric], today: i64) {
        let counted = metrics.iter().filter(|m| m.usage.is_some() && !m.source.starts_with("AWS/"));
        self.measured.extend(counted.map(|m| (m.key().to_owned(), today)));
        self.measured.retain(|_, day| today - *day <= MEASURED_DAYS);
    }

    /// Notes that a run has measured these instances.
    pub fn saw(&mut self, instances: BTreeMap<String, Known>) {
        for (id, seen) in instances {
            let known = self.instances.entry(id).or_insert_with(|| seen.clone());
            known.join(&seen);
            (known.arn, known.alias) = (seen.arn, seen.alias);
        }
    }
}

impl Notes {
    /// These notes, written after another run's: of each instance the later look counts.
    #[must_use]
    pub fn after(mut self, other: &Self) -> Self {
        self.seen_until = self.seen_until.max(other.seen_until);
        self.told_at = self.told_at.max(other.told_at);
        self.history = self.history.joined(other.history.clone());
        self.activity = self.activity.joined(&other.activity);
        self.trail = self.trail.joined(&other.trail);
        for (key, day) in &other.measured {
            let ours = self.measured.entry(key.clone()).or_insert(*day);
            *ours = (*ours).max(*day);
        }
        for (id, theirs) in &other.instances {
            self.instances.entry(id.clone()).or_insert_with(|| theirs.clone()).join(theirs);
        }
        self
    }
}

impl Ledger {
    /// The first ledger of a subject.
    #[must_use]
    pub fn new(owner: &Owner, instance_id: &str, now: Timestamp) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            account_id: owner.account_id.clone(),
            region: owner.region.clone(),
            instance_id: instance_id.to_owned(),
            version: 0,
            execution_id: String::new(),
            written_at: now,
            has_readers: false,
            claim: None,
            incidents: Incidents::new(),
            notes: Notes::default(),
        }
    }

    /// Takes away what the next runs can do without, where the document is larger than its home takes: the older of
    /// the monitor's own calls. Returns its bytes, and of how many hours calls are left.
    pub fn fit(&mut self, now: Timestamp) -> Option<(usize, i64)> {
        if self.notes.own_calls.is_empty() {
            return None;
        }
        let bytes = |ledger: &Self| serde_json::to_vec(ledger).map_or(0, |text| text.len());
        let before = bytes(self);
        let mut size = before;
        let minute = now.as_second().div_euclid(60);
        let mut left = None;
        for hours in [24, 8, 2, 0] {
            if self.notes.own_calls.is_empty() || size <= MOST_BYTES {
                break;
            }
            self.notes.own_calls.forget_before(minute - hours * 60);
            size = bytes(self);
            left = Some((before, hours));
        }
        left
    }

    /// What readers were told; none where nobody was ever told anything.
    #[must_use]
    pub fn told(&self) -> Option<&Incidents> {
        self.has_readers.then_some(&self.incidents)
    }

    /// Another run is telling its news, as far as `now` says.
    #[must_use]
    pub fn is_claimed(&self, execution_id: &str, now: Timestamp) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.execution_id != execution_id && claim.until > now)
    }

    /// Takes away the claim of a run that never came back. It may have told its news: what it may have called
    /// over counts as not told, so that it is told again where it goes on.
    pub fn end_claim(&mut self) {
        for key in self.claim.take().into_iter().flat_map(|claim| claim.ends) {
            if let Some(incident) = self.incidents.get_mut(&key) {
                incident.doubt();
            }
        }
    }

    /// Why this is not the ledger that was looked for, where it is not.
    ///
    /// # Errors
    /// Names the field, its value and what was expected.
    pub fn check(&self, owner: &Owner, instance_id: &str) -> Result<(), String> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "its schema_version is {}, and this version reads {SCHEMA_VERSION}: update the monitor",
                self.schema_version
            ));
        }
        if self.account_id != owner.account_id || self.region != owner.region || self.instance_id != instance_id {
            return Err(format!(
                "it belongs to {} {} {}, not to {owner} {instance_id}: move it to where it belongs, or delete it",
                self.account_id, self.region, self.instance_id
            ));
        }
        if self.version > LARGEST || !self.notes.has_sane_numbers() {
            return Err("it holds numbers that no run writes, so it is damaged: delete it".to_owned());
        }
        Ok(())
    }
}
