//! Requests to AWS for higher limits, as plain data.

use jiff::Timestamp;

/// A request, as AWS's history has it.
#[derive(Debug, Clone, PartialEq)]
pub struct IncreaseRequest {
    pub id: Option<String>,
    pub quota_code: String,
    pub desired: f64,
    /// AWS's word, such as `PENDING`, `CASE_OPENED`, `APPROVED` or `DENIED`.
    pub status: String,
    pub created: Timestamp,
    /// When AWS last changed it: of a request that is closed, when it was answered.
    pub updated: Timestamp,
    /// The ARN of the resource that it is for; none: the account, or all its resources.
    pub context: Option<String>,
}

impl IncreaseRequest {
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "CASE_OPENED")
    }
}

/// What to ask AWS for.
#[derive(Debug, Clone, PartialEq)]
pub struct Increase {
    pub service_code: String,
    pub quota_code: String,
    pub desired: f64,
    /// The instance's ARN, for what is counted in an instance.
    pub context: Option<String>,
}
