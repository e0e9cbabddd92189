//! What changed since the report before, as the latest report holds it.

use serde::{Deserialize, Serialize};

use super::diff::Difference;

/// What changed since an earlier report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// When the run of the earlier report began: RFC 3339, UTC.
    pub since: String,
    /// The gravest first, at most a hundred.
    pub differences: Vec<Difference>,
    /// Differences beyond these.
    #[serde(default)]
    pub left_out: usize,
    /// Violations that go on as they were.
    pub persistent: usize,
}
