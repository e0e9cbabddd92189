//! Why a run fails its invocation. The type names are stable: alarms and retries filter on them.

use std::fmt;

use crate::config::ConfigError;
use crate::domain::Fault;
use crate::domain::request::PayloadError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunError {
    Config(ConfigError),
    Payload(PayloadError),
    /// Instances cannot be discovered, or the filters leave none.
    Discovery(String),
    /// A call that discovery rests on failed.
    Undiscovered(Box<Fault>),
    /// Not one instance could be measured.
    Collection(String),
    /// A configured sink took nothing, or an alert could not be sent.
    Sink(String),
}

impl RunError {
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Config(_) => "ConfigError",
            Self::Payload(_) => "PayloadError",
            Self::Discovery(_) | Self::Undiscovered(_) => "DiscoveryError",
            Self::Collection(_) => "CollectionError",
            Self::Sink(_) => "SinkError",
        }
    }

    /// Instances cannot be discovered.
    #[must_use]
    pub fn discovery(fault: &Fault) -> Self {
        Self::Undiscovered(Box::new(fault.clone()))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(e) => e.fmt(f),
            Self::Payload(e) => e.fmt(f),
            Self::Undiscovered(fault) => write!(f, "instances cannot be discovered: {fault}"),
            Self::Discovery(text) | Self::Collection(text) | Self::Sink(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for RunError {}

impl From<ConfigError> for RunError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<PayloadError> for RunError {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}
