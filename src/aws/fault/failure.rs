//! What an SDK error says, as data.

use crate::domain::{Answered, FaultKind};

/// How a failed attempt is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// AWS says "slow down".
    Throttled,
    /// A new attempt may succeed: the network, a 5xx, an answer that cannot be read.
    Transient,
    Never,
}

/// What an SDK error says, as data.
#[derive(Debug, Clone)]
pub struct Failure {
    pub kind: FaultKind,
    pub retry: Retry,
    pub message: String,
    /// What AWS answered with, where it answered.
    pub answered: Answered,
}

impl Failure {
    pub(super) fn new(kind: FaultKind, retry: Retry, message: String) -> Self {
        Self { kind, retry, message, answered: Answered::default() }
    }

    /// An attempt that was given up after so many seconds.
    #[must_use]
    pub fn no_answer(seconds: u64) -> Self {
        Self::new(FaultKind::Timeout, Retry::Transient, format!("no answer within {seconds} s"))
    }
}

pub(super) fn unreadable(status: u16) -> Failure {
    let why = format!("an answer (HTTP {status}) that cannot be read");
    Failure::new(FaultKind::BadResponse, Retry::Transient, why)
}

/// AWS's words without the caller's name: a session of a role is often called like a person, and so is
/// an IAM user. The role stays, because it says what to mend.
pub(super) fn without_people(text: &str) -> String {
    let named = |word: &str| {
        let is_arn = word.starts_with("arn:");
        let people = if word.contains(":assumed-role/") { 2 } else { 1 };
        let is_person = is_arn && (people == 2 || word.contains(":user/") || word.contains(":federated-user/"));
        let kept: Vec<&str> = word.split('/').take(if is_person { people } else { usize::MAX }).collect();
        kept.join("/")
    };
    text.split(' ').map(named).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_name_is_nobodys_business() {
        let denied = |who: &str| format!("User: {who} is not authorized to perform: connect:ListUsers on resource: *");
        for (who, shown) in [
            (
                "arn:aws:sts::111122223333:assumed-role/monitor/ada@example.com",
                "arn:aws:sts::111122223333:assumed-role/monitor",
            ),
            ("arn:aws-cn:iam::111122223333:user/people/ada", "arn:aws-cn:iam::111122223333:user"),
            ("arn:aws:sts::111122223333:federated-user/ada", "arn:aws:sts::111122223333:federated-user"),
            (
                "arn:aws:connect:us-east-1:111122223333:instance/a/queue/b",
                "arn:aws:connect:us-east-1:111122223333:instance/a/queue/b",
            ),
        ] {
            assert_eq!(without_people(&denied(who)), denied(shown));
        }
    }
}
