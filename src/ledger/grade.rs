//! How grave a violation is.

use serde::{Deserialize, Serialize};

use crate::domain::Status;

/// The two grades of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    Warning,
    Critical,
}

impl Grade {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => Status::Warning.as_str(),
            Self::Critical => Status::Critical.as_str(),
        }
    }

    pub(super) fn of(status: Status) -> Option<Self> {
        match status {
            Status::Warning => Some(Self::Warning),
            Status::Critical => Some(Self::Critical),
            Status::Ok | Status::NotMeasurable | Status::Unknown => None,
        }
    }
}
