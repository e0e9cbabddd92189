//! How a companion service answered.

use serde::Serialize;

/// A companion service of Amazon Connect in this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    pub service_code: &'static str,
    /// `in_use`, `unused`, `not_offered`, `not_enabled`, `denied`, `failed`, or `not_asked`.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
