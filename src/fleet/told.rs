//! What readers of the fleet's messages know. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;

/// Raised when a field changes its meaning or disappears.
pub const SCHEMA_VERSION: u32 = 1;

/// The document, written only where it is still the version that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub schema_version: u32,
    /// A digest is about to tell; after this time another one may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_until: Option<Timestamp>,
    /// Whose claim it is: an id of one attempt, so that no two digests write the same claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
    /// By `<account>#<region>`.
    pub cells: BTreeMap<String, CellTold>,
    /// That cells could not be looked for.
    #[serde(default)]
    pub discovery_failed: bool,
    /// Limits of replicas that are lower, by key: since when.
    #[serde(default)]
    pub lower_limits: BTreeMap<String, Timestamp>,
}

/// What readers know of a cell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CellTold {
    /// By `<instance id, or account>/<quota key>`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub violations: BTreeMap<String, Known>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub quota_name: String,
    pub since: Timestamp,
}

/// A cell that could not be seen: so many times in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unseen {
    pub since: Timestamp,
    pub times: u32,
    /// What was counted last.
    pub evidence: Timestamp,
    pub state: State,
    pub told: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            claimed_until: None,
            claimed_by: None,
            cells: BTreeMap::new(),
            discovery_failed: false,
            lower_limits: BTreeMap::new(),
        }
    }
}

impl Told {
    /// Reads the document.
    ///
    /// # Errors
    /// What is wrong with it: it is not overwritten then.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let told: Self = serde_json::from_slice(bytes).map_err(|e| format!("it cannot be read: {e}"))?;
        if told.schema_version == SCHEMA_VERSION {
            Ok(told)
        } else {
            Err(format!("its schema_version is {}, expected {SCHEMA_VERSION}", told.schema_version))
        }
    }
}
