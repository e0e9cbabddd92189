//! Why a cell was seen, or was not. Pure.

use serde::{Deserialize, Serialize};

use crate::domain::{Fault, FaultKind};

/// The closed set of states of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its instances were measured.
    Seen,
    /// A run has begun and its time is not over.
    Running,
    /// It has no instance.
    Empty,
    /// Amazon Connect is not in the Region, or there is no such Region.
    NotOffered,
    /// The account has not enabled the Region.
    NotOptedIn,
    /// A policy of the organization, or a boundary, says no.
    DeniedByPolicy,
    /// The role is missing, does not trust the monitor, or a policy denies taking it.
    NoRole,
    /// The role lacks a permission.
    Denied,
    Throttled,
    /// AWS did not answer in time, or the run's time was over.
    Timeout,
    /// No run of it has begun.
    NotRun,
    Failed,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Running => "running",
            Self::Empty => "empty",
            Self::NotOffered => "not_offered",
            Self::NotOptedIn => "not_opted_in",
            Self::DeniedByPolicy => "denied_by_policy",
            Self::NoRole => "no_role",
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::NotRun => "not_run",
            Self::Failed => "failed",
        }
    }

    /// What it means, for people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Seen => "measured",
            Self::Running => "its run has not ended yet",
            Self::Empty => "no instance",
            Self::NotOffered => "Amazon Connect is not offered there, or there is no such Region",
            Self::NotOptedIn => "the account has not enabled the Region",
            Self::DeniedByPolicy => "a policy of the organization denies it",
            Self::NoRole => "the role is missing, does not trust the monitor, or a policy denies taking it",
            Self::Denied => "the role lacks a permission",
            Self::Throttled => "AWS throttled the monitor",
            Self::Timeout => "no answer in time",
            Self::NotRun => "no run of it began",
            Self::Failed => "its run failed",
        }
    }

    /// Somebody decided so: there is nothing to watch, and nothing to tell.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Empty | Self::NotOffered | Self::NotOptedIn | Self::DeniedByPolicy)
    }

    /// Its numbers are those of this time.
    #[must_use]
    pub fn is_seen(self) -> bool {
        matches!(self, Self::Seen | Self::Empty)
    }

    /// Why the role of an account could not be assumed.
    #[must_use]
    pub fn of_role(fault: &Fault) -> Self {
        match fault.kind {
            // Also where a policy says no: it may be one of the hub, and then every cell would count as settled.
            FaultKind::AccessDenied | FaultKind::NotFound => Self::NoRole,
            _ => Self::of_network(fault),
        }
    }

    /// Why the instances of a cell could not be listed, with the credentials of its role.
    #[must_use]
    pub fn of_listing(fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::AccessDenied if is_of_policy(fault) => Self::DeniedByPolicy,
            FaultKind::AccessDenied => Self::Denied,
            // They were good a moment ago: a Region that is off does not know the session.
            FaultKind::Credentials => Self::NotOptedIn,
            FaultKind::NoSuchHost | FaultKind::NotOffered => Self::NotOffered,
            _ => Self::of_network(fault),
        }
    }

    fn of_network(fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::Throttled => Self::Throttled,
            FaultKind::Timeout | FaultKind::Deadline => Self::Timeout,
            _ => Self::Failed,
        }
    }
}

/// AWS names the policy, or says "explicit deny" alone. One in a policy of the role itself, of its session or of an
/// endpoint is no decision of the organization.
fn is_of_policy(fault: &Fault) -> bool {
    let names = ["service control policy", "resource control policy", "permissions boundary"];
    let is_nameless = fault.message.contains("explicit deny") && !fault.message.contains("explicit deny in ");
    is_nameless || names.iter().any(|name| fault.message.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_own_state() {
        let fault = |kind, text: &str| Fault::new("x:Y", kind, text);
        let policy = "not authorized to perform: x with an explicit deny in a service control policy";
        let boundary = "not authorized to perform: x because no permissions boundary allows the x action";
        let own = "not authorized to perform: x with an explicit deny in an identity-based policy";
        let nameless = "not authorized to perform: x with an explicit deny";
        for (kind, text, role, listing) in [
            // A role that cannot be taken is never settled.
            (FaultKind::AccessDenied, policy, State::NoRole, State::DeniedByPolicy),
            (FaultKind::AccessDenied, boundary, State::NoRole, State::DeniedByPolicy),
            (FaultKind::AccessDenied, nameless, State::NoRole, State::DeniedByPolicy),
            (FaultKind::AccessDenied, own, State::NoRole, State::Denied),
            (FaultKind::AccessDenied, "not authorized to perform: sts:AssumeRole", State::NoRole, State::Denied),
            (FaultKind::Credentials, "the token is invalid", State::Failed, State::NotOptedIn),
            (FaultKind::NoSuchHost, "no such name", State::Failed, State::NotOffered),
            (FaultKind::Throttled, "Rate exceeded", State::Throttled, State::Throttled),
            (FaultKind::Timeout, "", State::Timeout, State::Timeout),
            (FaultKind::Deadline, "", State::Timeout, State::Timeout),
            (FaultKind::Unavailable, "", State::Failed, State::Failed),
        ] {
            let fault = fault(kind, text);
            assert_eq!((State::of_role(&fault), State::of_listing(&fault)), (role, listing), "{kind:?} {text}");
        }
    }

    #[test]
    fn names_are_those_of_the_documents() {
        for state in [State::Seen, State::NotOptedIn, State::DeniedByPolicy, State::NoRole, State::NotRun] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
