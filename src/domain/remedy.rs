//! What a reader can do about a quota, as plain data.

use serde::{Deserialize, Serialize};

/// Ready to open, or to paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// The quota in the Service Quotas console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
    /// The command that asks AWS for more; absent where that cannot help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increase: Option<String>,
    /// The rule for `QUOTA_OVERRIDES` that mutes it.
    pub mute: String,
}
