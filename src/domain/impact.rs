//! What a full quota does to its users.

use serde::{Deserialize, Serialize};

/// What happens when a quota is full, the milder first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Nothing new can be made; what there is goes on.
    Build,
    /// Contacts or API calls are turned away.
    Live,
}

impl Impact {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Live => "live",
        }
    }
}
