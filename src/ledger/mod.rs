//! What readers know, and what else must outlive a run: one document per subject. Pure.
//!
//! The ledger is apart from the snapshots. It is written only where nobody else has written it since it
//! was read; see [`crate::keep::ledger`]. Who has news claims the ledger before the message leaves and
//! releases it afterwards, so that of two runs one tells; a claim that nobody releases ends by itself.

mod decide;
mod history;
mod incident;
mod news;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use decide::{Decision, MARGIN_POINTS, Missing, Reminders, Rules, decide};
pub use history::{DailyPeaks, History};
pub use incident::{Blind, Foreseen, Grade, Incident, Reported, Violation};
pub use news::{Change, Event, News, Recovered, SeenAgain, Severity, Unseen};

use crate::domain::Owner;
use crate::domain::activity::Activity;
use crate::domain::kept::KeptLimits;
use crate::domain::own_calls::OwnCalls;
use crate::domain::rota::Rota;
use crate::domain::tour::Tours;

/// Raised when a field changes its meaning or disappears; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// A claim lasts this long. A publish with all its retries takes less.
pub const CLAIM_LASTS: SignedDuration = SignedDuration::from_secs(120);

/// Incidents by quota key.
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
    /// Which APIs were called lately; only of the account.
    #[serde(default, skip_serializing_if = "Activity::is_empty")]
    pub activity: Activity,
    /// The instances that runs have measured, by id; only of the account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instances: BTreeMap<String, Known>,
}

/// An instance that runs have measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Where the window of its last stored snapshot ended, in unix seconds.
    pub seen_until: i64,
}

impl Notes {
    /// These notes, written after another run's: of each instance the later look counts.
    #[must_use]
    pub fn after(mut self, other: &Self) -> Self {
        self.seen_until = self.seen_until.max(other.seen_until);
        self.history = self.history.joined(other.history.clone());
        self.activity = self.activity.joined(&other.activity);
        for (id, theirs) in &other.instances {
            let ours = self.instances.entry(id.clone()).or_insert_with(|| theirs.clone());
            ours.seen_until = ours.seen_until.max(theirs.seen_until);
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
        Ok(())
    }
}
