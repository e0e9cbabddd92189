//! Calls that got no answer: what broke on the way. Decided by the types in the chain of causes; where the
//! system gives nothing but text, [`lookup`] reads it, and nothing else does.

use std::error::Error;
use std::io;

use super::failure::{Failure, Retry};
use crate::domain::FaultKind;

/// What a resolver said of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lookup {
    /// There is no such name (NXDOMAIN), or it has no address.
    Missing,
    /// Nobody can tell at the moment (`EAI_AGAIN`, REFUSED, SERVFAIL).
    Unanswered,
}

/// A call that failed before an answer came.
pub(super) fn broken(error: &(dyn Error + 'static), is_timeout: bool, is_io: bool) -> Failure {
    let transient = |kind, what: &str| Failure::new(kind, Retry::Transient, format!("{what}{}", cause(error)));
    if is_timeout {
        return transient(FaultKind::Timeout, "");
    }
    match lookup(error) {
        Some(Lookup::Missing) => return transient(FaultKind::NoSuchHost, "the endpoint's name does not exist: "),
        Some(Lookup::Unanswered) => {
            return transient(FaultKind::Unavailable, "the endpoint's name cannot be resolved at the moment: ");
        }
        None => {}
    }
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => transient(FaultKind::Unavailable, "the connection was refused: "),
        // What is received is no TLS, or not of a server that is trusted.
        Some(io::ErrorKind::InvalidData) => transient(FaultKind::Unavailable, "no TLS connection: "),
        Some(io::ErrorKind::TimedOut) => transient(FaultKind::Timeout, ""),
        None if !is_io && says_credentials(error) => Failure::new(FaultKind::Credentials, Retry::Never, cause(error)),
        _ => transient(FaultKind::Unavailable, ""),
    }
}

/// The innermost cause says what happened; the layers above it say that something did.
pub(super) fn cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Each cause of the one before it. An `io::Error` passes over what it holds when it is asked for its cause, and the
/// connector puts one into another.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// The kind of the innermost error of the system.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    chain(error).filter_map(|e| e.downcast_ref::<io::Error>()).last().map(io::Error::kind)
}

/// What `getaddrinfo` said, whose codes Rust's standard library turns into text: glibc's, musl's, macOS's and
/// Windows's words for a name that does not exist. Everything else leaves the question open.
fn lookup(error: &(dyn Error + 'static)) -> Option<Lookup> {
    const MISSING: &[&str] = &[
        "name or service not known",
        "no address associated with hostname",
        "name does not resolve",
        "name has no usable address",
        "nodename nor servname provided",
        "no such host is known",
    ];
    const LOOKUP: &[&str] = &["dns error", "failed to lookup address"];
    let texts: Vec<String> = chain(error).map(|e| e.to_string().to_ascii_lowercase()).collect();
    let says = |words: &[&str]| words.iter().any(|word| texts.iter().any(|text| text.contains(word)));
    if !says(LOOKUP) {
        return None;
    }
    Some(if says(MISSING) { Lookup::Missing } else { Lookup::Unanswered })
}

/// The SDK's errors about credentials have no public type in common.
fn says_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|e| {
        let text = e.to_string().to_ascii_lowercase();
        text.contains("credential") || text.contains("identity")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    /// As the connector has it: a layer that says where, around the system's error.
    #[derive(Debug)]
    struct Layer(&'static str, io::Error);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    fn kind(layer: &'static str, error: io::Error) -> (FaultKind, Retry) {
        let failure = broken(&Layer(layer, error), false, true);
        (failure.kind, failure.retry)
    }

    #[test]
    fn only_a_name_that_does_not_exist_is_one() {
        let name =
            |text: &str| kind("dns error", io::Error::other(format!("failed to lookup address information: {text}")));
        for text in [
            "Name or service not known",
            "No address associated with hostname",
            "Name does not resolve",
            "nodename nor servname provided, or not known",
        ] {
            assert_eq!(name(text), (FaultKind::NoSuchHost, Retry::Transient), "{text}");
        }
        for text in ["Temporary failure in name resolution", "Try again", "Non-recoverable failure in name resolution"]
        {
            assert_eq!(name(text), (FaultKind::Unavailable, Retry::Transient), "{text}");
        }
    }

    #[test]
    fn what_is_no_lookup_is_never_a_missing_name() {
        for error in [
            io::ErrorKind::ConnectionRefused.into(),
            io::ErrorKind::ConnectionReset.into(),
            io::ErrorKind::UnexpectedEof.into(),
            io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer"),
            io::Error::other("name or service not known"),
        ] {
            assert_eq!(kind("tcp connect error", error), (FaultKind::Unavailable, Retry::Transient));
        }
        assert_eq!(kind("tcp connect error", io::ErrorKind::TimedOut.into()).0, FaultKind::Timeout);
    }

    #[test]
    fn a_tls_error_is_found_inside_the_connectors_own() {
        let untrusted = io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer");
        let failure = broken(&Layer("TLS handshake failed", io::Error::other(untrusted)), false, true);
        assert_eq!(failure.message, "no TLS connection: invalid peer certificate: UnknownIssuer");
    }
}
