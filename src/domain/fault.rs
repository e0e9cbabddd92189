//! Why something could not be read, as data.

use std::fmt;

/// Why something could not be read. A fault makes its rows unknown: never 0, never ok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `service:Operation`, as in `connect:ListUsers`.
    pub operation: String,
    pub kind: FaultKind,
    /// Names the thing, the value and the remedy.
    pub message: String,
    pub instance_id: Option<String>,
    pub answered: Answered,
}

/// What AWS answered to a call that failed; empty where no answer came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answered {
    pub http_status: Option<u16>,
    /// Such as `AccessDeniedException`.
    pub error_code: Option<String>,
    /// By which AWS Support finds the call.
    pub request_id: Option<String>,
}

impl Fault {
    #[must_use]
    pub fn new(operation: impl Into<String>, kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            operation: operation.into(),
            kind,
            message: message.into(),
            instance_id: None,
            answered: Answered::default(),
        }
    }

    /// The service that was called, as `operation` names it.
    #[must_use]
    pub fn service(&self) -> &str {
        self.operation.split(':').next().unwrap_or_default()
    }

    /// Faults of several services' turns at one operation: the same cause stands once, with the services.
    #[must_use]
    pub fn by_cause<'a>(faults: impl IntoIterator<Item = (&'a str, &'a Self)>) -> Vec<Self> {
        let mut causes: Vec<(Self, Vec<&str>)> = Vec::new();
        for (service, fault) in faults {
            let is_same = |known: &Self| {
                known.operation == fault.operation
                    && known.kind == fault.kind
                    && known.answered.error_code == fault.answered.error_code
            };
            match causes.iter_mut().find(|(known, _)| is_same(known)) {
                Some((_, services)) => services.push(service),
                None => causes.push((fault.clone(), vec![service])),
            }
        }
        let named = |(fault, services): (Self, Vec<&str>)| Self {
            message: format!("{} (asked for {})", fault.message, services.join(", ")),
            ..fault
        };
        causes.into_iter().map(named).collect()
    }

    #[must_use]
    pub fn of_instance(mut self, id: &str) -> Self {
        self.instance_id = Some(id.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.kind.as_str(), self.message)
    }
}

/// The closed set of ways in which a call to AWS fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Still throttled after the last attempt.
    Throttled,
    /// IAM, a service control policy or the service itself said no.
    AccessDenied,
    NotFound,
    /// The request was refused as invalid: a defect of ours, or of an emulator.
    Invalid,
    /// No answer in time.
    Timeout,
    /// No connection, or an AWS-side error (HTTP 5xx).
    Unavailable,
    /// An answer that cannot be read, or lacks what was asked for.
    BadResponse,
    /// No usable credentials.
    Credentials,
    /// The endpoint's name does not exist, after the last attempt. That alone says nothing about the service:
    /// to readers it is `unavailable`.
    NoSuchHost,
    /// The service is not in this Region: its name does not exist, and Service Quotas does not know it.
    NotOffered,
    /// The service does not know the operation: it may not be in this Region yet.
    NoSuchOperation,
    /// The account has not subscribed to the service.
    NotEnabled,
    /// The topic takes messages, and nobody receives them.
    NoSubscribers,
    /// The run's time was over.
    Deadline,
    Other,
}

impl FaultKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid_request",
            Self::Timeout => "timeout",
            Self::Unavailable | Self::NoSuchHost => "unavailable",
            Self::BadResponse => "bad_response",
            Self::Credentials => "no_credentials",
            Self::NotOffered => "not_offered",
            Self::NoSuchOperation => "unknown_operation",
            Self::NotEnabled => "not_enabled",
            Self::NoSubscribers => "no_subscribers",
            Self::Deadline => "deadline",
            Self::Other => "other",
        }
    }
}
