//! What AWS's codes and statuses mean, and what single services mean by them.

use super::failure::{Failure, Retry, unreadable, without_people};
use crate::catalogue::Service;
use crate::domain::FaultKind;

/// The service's own words, in AWS's codes.
pub(super) fn service(status: u16, code: Option<&str>, message: Option<&str>) -> Failure {
    let text = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => format!("HTTP {status}: {message}"),
        (None, None) => format!("HTTP {status}"),
    };
    let code = code.unwrap_or_default();
    if !is_throttle(status, code) && (200..300).contains(&status) {
        return unreadable(status);
    }
    let (kind, retry) = kind(status, code);
    Failure::new(kind, retry, without_people(&text))
}

fn kind(status: u16, code: &str) -> (FaultKind, Retry) {
    use FaultKind::{AccessDenied, Credentials, Invalid, NoSuchOperation, NotEnabled, NotFound, Other, Unavailable};
    if is_throttle(status, code) {
        return (FaultKind::Throttled, Retry::Throttled);
    }
    let kind = match code {
        "SubscriptionRequiredException" | "OptInRequired" | "OptInRequiredException" => NotEnabled,
        "UnknownOperationException" | "UnknownOperation" => NoSuchOperation,
        "" if status == 404 => NoSuchOperation,
        "AuthorizationError" | "AuthorizationErrorException" | "AllAccessDisabled" | "AccountProblem" => AccessDenied,
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => Invalid,
        _ if code.contains("AccessDenied") || code.contains("NotAuthorized") || code.contains("Unauthorized") => {
            AccessDenied
        }
        _ if is_bad_identity(code) => Credentials,
        _ if code.contains("NotFound") || code.starts_with("NoSuch") => NotFound,
        _ if status >= 500 => return (Unavailable, Retry::Transient),
        _ => match status {
            403 => AccessDenied,
            404 => NotFound,
            400..500 => Invalid,
            _ => Other,
        },
    };
    (kind, Retry::Never)
}

/// What a kind becomes at one service.
///
/// Operations of Connect and its companion services come to Regions one by one, and an account subscribes to a
/// companion service or does not. Of every other service neither may pass for a state of the account.
pub(super) fn of_service(service: &str, kind: FaultKind) -> FaultKind {
    let of_family = Service::ASKED.iter().find(|s| s.code() == service);
    match (kind, of_family) {
        (FaultKind::NoSuchOperation, None) if matches!(service, "s3" | "sns" | "ssm" | "events") => FaultKind::NotFound,
        (FaultKind::NoSuchOperation, None) => FaultKind::Invalid,
        (FaultKind::NotEnabled, None | Some(Service::Connect)) => FaultKind::AccessDenied,
        _ => kind,
    }
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
        "KMSThrottling",
        "KMSThrottlingException",
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
            | "MissingAuthenticationToken"
            | "RequestExpired"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each service's own codes, as its errors carry them.
    #[test]
    fn codes_and_statuses_are_told_apart_by_service() {
        use FaultKind::{
            AccessDenied, BadResponse, Credentials, Invalid, NoSuchOperation, NotEnabled, NotFound, Throttled,
            Unavailable,
        };
        for (name, status, code, kind, retry) in [
            ("connect", 429, "ThrottlingException", Throttled, Retry::Throttled),
            ("connect", 400, "ThrottlingException", Throttled, Retry::Throttled),
            ("connect", 400, "TooManyRequestsException", Throttled, Retry::Throttled),
            ("connect", 429, "", Throttled, Retry::Throttled),
            ("connect", 429, "LimitExceededException", Invalid, Retry::Never),
            ("connect", 402, "ServiceQuotaExceededException", Invalid, Retry::Never),
            ("connect", 429, "ServiceQuotaExceededException", Invalid, Retry::Never),
            ("connect", 403, "AccessDeniedException", AccessDenied, Retry::Never),
            ("connect", 403, "", AccessDenied, Retry::Never),
            ("connect", 403, "InvalidSignatureException", Credentials, Retry::Never),
            ("connect", 404, "ResourceNotFoundException", NotFound, Retry::Never),
            ("connect", 404, "UnknownOperationException", NoSuchOperation, Retry::Never),
            ("connect", 404, "", NoSuchOperation, Retry::Never),
            ("connect", 403, "SubscriptionRequiredException", AccessDenied, Retry::Never),
            ("connect", 400, "InvalidParameterException", Invalid, Retry::Never),
            ("connect", 500, "InternalServiceException", Unavailable, Retry::Transient),
            ("connect", 503, "", Unavailable, Retry::Transient),
            ("connect", 200, "", BadResponse, Retry::Transient),
            ("cases", 404, "", NoSuchOperation, Retry::Never),
            ("profile", 403, "OptInRequired", NotEnabled, Retry::Never),
            ("wisdom", 403, "SubscriptionRequiredException", NotEnabled, Retry::Never),
            ("servicequotas", 400, "NoSuchResourceException", NotFound, Retry::Never),
            ("servicequotas", 400, "UnknownOperationException", Invalid, Retry::Never),
            ("cloudwatch", 400, "Throttling", Throttled, Retry::Throttled),
            ("cloudwatch", 403, "AccessDenied", AccessDenied, Retry::Never),
            ("cloudwatch", 404, "", Invalid, Retry::Never),
            ("cloudwatch", 404, "UnknownOperationException", Invalid, Retry::Never),
            ("cloudwatch", 403, "OptInRequired", AccessDenied, Retry::Never),
            ("sts", 403, "ExpiredToken", Credentials, Retry::Never),
            ("sts", 403, "InvalidClientTokenId", Credentials, Retry::Never),
            ("dynamodb", 400, "ProvisionedThroughputExceededException", Throttled, Retry::Throttled),
            ("dynamodb", 400, "ResourceNotFoundException", NotFound, Retry::Never),
            ("dynamodb", 400, "UnrecognizedClientException", Credentials, Retry::Never),
            ("s3", 503, "SlowDown", Throttled, Retry::Throttled),
            ("s3", 404, "NoSuchKey", NotFound, Retry::Never),
            ("s3", 404, "", NotFound, Retry::Never),
            ("s3", 301, "PermanentRedirect", Invalid, Retry::Never),
            ("s3", 403, "AllAccessDisabled", AccessDenied, Retry::Never),
            ("sns", 403, "AuthorizationError", AccessDenied, Retry::Never),
            ("sns", 400, "KMSAccessDenied", AccessDenied, Retry::Never),
            ("sns", 400, "KMSThrottling", Throttled, Retry::Throttled),
            ("sns", 404, "NotFound", NotFound, Retry::Never),
            ("events", 400, "ResourceNotFoundException", NotFound, Retry::Never),
            ("ssm", 400, "ParameterNotFound", NotFound, Retry::Never),
        ] {
            let failure = service(status, Some(code).filter(|code| !code.is_empty()), None);
            let fault = failure.clone().into_fault(&format!("{name}:Operation"));
            assert_eq!((fault.kind, failure.retry), (kind, retry), "{name} {status} {code}");
        }
    }

    #[test]
    fn no_code_of_another_service_passes_for_a_state_of_the_account() {
        for name in ["servicequotas", "cloudwatch", "sts", "dynamodb", "s3", "sns", "events", "ssm"] {
            for (status, code) in [(404, None), (404, Some("UnknownOperationException")), (403, Some("OptInRequired"))]
            {
                let kind = service(status, code, None).into_fault(&format!("{name}:Operation")).kind;
                let states = [FaultKind::NoSuchOperation, FaultKind::NotEnabled, FaultKind::NotOffered];
                assert!(!states.contains(&kind), "{name} {status} {code:?}: {kind:?}");
            }
        }
    }
}
