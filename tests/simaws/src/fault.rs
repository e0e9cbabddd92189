//! Scripted misbehaviour: what a test wants AWS to do to the next matching request.

use std::time::Duration;

/// How often a [`Fault`] strikes before it is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Once,
    N(u32),
    Forever,
}

/// What happens to the request.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Any error, in the wire format of the service.
    Status { status: u16, code: String, message: String },
    /// The service's own throttling error, whatever the buckets hold.
    Throttle,
    /// The service's own internal error (500).
    InternalError,
    /// What IAM answers when the action is not allowed.
    AccessDenied,
    /// No answer, ever.
    Hang,
    /// The connection is closed without an answer.
    Reset,
    /// The endpoint's name does not exist (NXDOMAIN).
    NoSuchName,
    /// The resolver cannot tell at the moment (`EAI_AGAIN`).
    NameTryAgain,
    /// Nobody listens on the endpoint's port.
    Refused,
    /// The handshake ends with a certificate that is not trusted.
    BadTls,
    /// The answer is cut off in the middle.
    TruncatedBody,
    /// A 200 whose body is not what the protocol says.
    InvalidBody,
    /// Each page carries a fresh next token, forever; the tokens are accepted.
    EndlessToken,
    /// Each page carries the very same next token.
    RepeatToken,
    /// The first page of a listing is empty and carries a valid token; the rest follows.
    EmptyPageWithToken,
    /// The answer is right, but late.
    Delay(Duration),
}

/// One scripted fault. The first one that matches a request is applied, and only that one.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The service's name as in [`Recorded`](crate::Recorded).
    pub service: &'static str,
    /// All operations of the service, when `None`.
    pub operation: Option<String>,
    /// Only requests that name this in their path, query or body.
    pub instance_id: Option<String>,
    pub times: Times,
    pub kind: FaultKind,
}

impl Fault {
    /// A fault on the next request of the service; narrow it with the methods below.
    #[must_use]
    pub fn new(service: &'static str, kind: FaultKind) -> Self {
        Self { service, operation: None, instance_id: None, times: Times::Once, kind }
    }

    #[must_use]
    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    #[must_use]
    pub fn instance(mut self, instance_id: &str) -> Self {
        self.instance_id = Some(instance_id.to_owned());
        self
    }

    #[must_use]
    pub fn times(mut self, times: Times) -> Self {
        self.times = times;
        self
    }
}

/// The faults that are still to strike.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<Fault>);

impl Script {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// The first fault for this request, counted as used.
    pub(crate) fn take(&mut self, service: &str, operation: &str, names: impl Fn(&str) -> bool) -> Option<FaultKind> {
        let at = self.0.iter().position(|fault| {
            fault.service == service
                && fault.times != Times::N(0)
                && fault.operation.as_deref().is_none_or(|wanted| wanted == operation)
                && fault.instance_id.as_deref().is_none_or(&names)
        })?;
        let kind = self.0[at].kind.clone();
        match self.0[at].times {
            Times::Forever => {}
            Times::Once | Times::N(0 | 1) => {
                self.0.remove(at);
            }
            Times::N(left) => self.0[at].times = Times::N(left - 1),
        }
        Some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_in_order_and_only_as_often_as_scripted() {
        let mut script = Script::default();
        script.add(Fault::new("connect", FaultKind::Throttle).operation("ListUsers").times(Times::N(2)));
        script.add(Fault::new("connect", FaultKind::Reset).instance("i-1").times(Times::Forever));
        let mut take = |operation: &str, id: &str| script.take("connect", operation, |wanted| wanted == id);
        assert_eq!(take("ListQueues", "i-2"), None);
        assert_eq!(take("ListUsers", "i-1"), Some(FaultKind::Throttle));
        assert_eq!(take("ListUsers", "i-2"), Some(FaultKind::Throttle));
        assert_eq!(take("ListUsers", "i-2"), None);
        assert_eq!(take("ListUsers", "i-1"), Some(FaultKind::Reset));
        assert_eq!(take("ListUsers", "i-1"), Some(FaultKind::Reset));
    }
}
