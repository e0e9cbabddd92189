//! Errors of the SDK become the closed set of faults that the rest of the program knows.

use std::error::Error;

use aws_sdk_connect::config::http::HttpResponse;
use aws_sdk_connect::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::model::{Fault, FaultKind};

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
}

impl Failure {
    /// The fault of an operation named as `service:Operation`.
    #[must_use]
    pub fn into_fault(self, operation: &str) -> Fault {
        let remedy = match self.kind {
            FaultKind::AccessDenied => format!("; grant {operation} to the monitor's role"),
            FaultKind::Credentials => {
                "; give AWS credentials: `aws configure`, `aws sso login`, --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID"
                    .to_owned()
            }
            _ => String::new(),
        };
        Fault::new(operation, self.kind, format!("{}{remedy}", self.message))
    }
}

/// Reads an SDK error of any operation of any service.
pub fn failure<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map_or(0, |r| r.status().as_u16());
    match error {
        SdkError::TimeoutError(_) => of(FaultKind::Timeout, Retry::Transient, "no answer in time".to_owned()),
        SdkError::DispatchFailure(e) if e.is_timeout() => of(FaultKind::Timeout, Retry::Transient, cause(error)),
        SdkError::DispatchFailure(_) if is_no_such_host(error) => {
            of(FaultKind::NotOffered, Retry::Transient, format!("no such endpoint: {}", cause(error)))
        }
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) if is_credentials(error) => {
            of(FaultKind::Credentials, Retry::Never, cause(error))
        }
        SdkError::DispatchFailure(_) => of(FaultKind::Unavailable, Retry::Transient, cause(error)),
        SdkError::ResponseError(_) => of(FaultKind::BadResponse, Retry::Transient, unreadable(status)),
        SdkError::ServiceError(e) => service(status, e.err().code(), e.err().message()),
        _ => of(FaultKind::Other, Retry::Never, cause(error)),
    }
}

fn of(kind: FaultKind, retry: Retry, message: String) -> Failure {
    Failure { kind, retry, message }
}

fn unreadable(status: u16) -> String {
    format!("an answer (HTTP {status}) that cannot be read")
}

/// The service's own words, in AWS's codes. Pure, and tested below.
fn service(status: u16, code: Option<&str>, message: Option<&str>) -> Failure {
    let text = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => format!("HTTP {status}: {message}"),
        (None, None) => format!("HTTP {status}"),
    };
    let text = without_people(&text);
    let code = code.unwrap_or_default();
    if is_throttle(status, code) {
        return of(FaultKind::Throttled, Retry::Throttled, text);
    }
    if (200..300).contains(&status) {
        return of(FaultKind::BadResponse, Retry::Transient, unreadable(status));
    }
    if matches!(code, "SubscriptionRequiredException" | "OptInRequired" | "OptInRequiredException") {
        return of(FaultKind::NotEnabled, Retry::Never, text);
    }
    if matches!(code, "UnknownOperationException" | "UnknownOperation") || (status == 404 && code.is_empty()) {
        return of(FaultKind::NotOffered, Retry::Never, text);
    }
    if code.contains("AccessDenied") || code.contains("NotAuthorized") || code.contains("Unauthorized") {
        return of(FaultKind::AccessDenied, Retry::Never, text);
    }
    if is_bad_identity(code) {
        return of(FaultKind::Credentials, Retry::Never, text);
    }
    if code.contains("NotFound") || code == "NoSuchResourceException" || code.starts_with("NoSuch") {
        return of(FaultKind::NotFound, Retry::Never, text);
    }
    if status >= 500 {
        return of(FaultKind::Unavailable, Retry::Transient, text);
    }
    match status {
        403 => of(FaultKind::AccessDenied, Retry::Never, text),
        404 => of(FaultKind::NotFound, Retry::Never, text),
        400..500 => of(FaultKind::Invalid, Retry::Never, text),
        _ => of(FaultKind::Other, Retry::Never, text),
    }
}

/// AWS's words without the caller's name: a session of a role is often called like a person, and so is
/// an IAM user. The role stays, because it says what to mend.
fn without_people(text: &str) -> String {
    let named = |word: &str| {
        let is_arn = word.starts_with("arn:");
        let people = if word.contains(":assumed-role/") { 2 } else { 1 };
        let is_person = is_arn && (people == 2 || word.contains(":user/") || word.contains(":federated-user/"));
        let kept: Vec<&str> = word.split('/').take(if is_person { people } else { usize::MAX }).collect();
        kept.join("/")
    };
    text.split(' ').map(named).collect::<Vec<_>>().join(" ")
}

/// 429 alone is not a throttle: `ServiceQuotaExceededException` and `LimitExceededException` come with
/// it too, and asking again does not help there.
fn is_throttle(status: u16, code: &str) -> bool {
    const CODES: &[&str] = &[
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
    ];
    let of_that_kind = code.is_empty() || code.contains("Throttl") || code.contains("TooManyRequests");
    CODES.contains(&code) || (status == 429 && of_that_kind)
}

fn is_bad_identity(code: &str) -> bool {
    matches!(
        code,
        "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidAccessKeyId"
            | "MissingAuthenticationTokenException"
    )
}

/// True where the endpoint's name does not exist: AWS has none for the service in this Region.
fn is_no_such_host(error: &(dyn Error + 'static)) -> bool {
    let text = format!("{}", DisplayErrorContext(error)).to_ascii_lowercase();
    text.contains("dns error") || text.contains("failed to lookup address")
}

fn is_credentials(error: &(dyn Error + 'static)) -> bool {
    let text = format!("{}", DisplayErrorContext(error)).to_ascii_lowercase();
    text.contains("credential") || text.contains("identity")
}

fn cause(error: &(dyn Error + 'static)) -> String {
    // The innermost cause says what happened; the layers above it say that something did.
    let mut source = error;
    while let Some(next) = source.source() {
        source = next;
    }
    source.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_are_told_apart() {
        use FaultKind::{AccessDenied, BadResponse, Credentials, Invalid, NotFound, Throttled, Unavailable};
        for (status, code, kind, retry) in [
            (429, Some("ThrottlingException"), Throttled, Retry::Throttled),
            (400, Some("ThrottlingException"), Throttled, Retry::Throttled),
            (400, Some("TooManyRequestsException"), Throttled, Retry::Throttled),
            (429, None, Throttled, Retry::Throttled),
            (400, Some("ProvisionedThroughputExceededException"), Throttled, Retry::Throttled),
            (429, Some("LimitExceededException"), Invalid, Retry::Never),
            (402, Some("ServiceQuotaExceededException"), Invalid, Retry::Never),
            (429, Some("ServiceQuotaExceededException"), Invalid, Retry::Never),
            (403, Some("AccessDeniedException"), AccessDenied, Retry::Never),
            (403, None, AccessDenied, Retry::Never),
            (403, Some("InvalidSignatureException"), Credentials, Retry::Never),
            (404, Some("ResourceNotFoundException"), NotFound, Retry::Never),
            (404, Some("UnknownOperationException"), FaultKind::NotOffered, Retry::Never),
            (404, None, FaultKind::NotOffered, Retry::Never),
            (403, Some("SubscriptionRequiredException"), FaultKind::NotEnabled, Retry::Never),
            (400, Some("NoSuchResourceException"), NotFound, Retry::Never),
            (400, Some("InvalidParameterException"), Invalid, Retry::Never),
            (500, Some("InternalServiceException"), Unavailable, Retry::Transient),
            (503, None, Unavailable, Retry::Transient),
            (200, None, BadResponse, Retry::Transient),
        ] {
            let failure = service(status, code, None);
            assert_eq!((failure.kind, failure.retry), (kind, retry), "{status} {code:?}");
        }
    }

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
