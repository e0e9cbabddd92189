//! Errors of the SDK become the closed set of faults that the rest of the program knows.

mod failure;
mod remedy;
mod table;
mod transport;

use std::error::Error;

use aws_sdk_connect::config::http::HttpResponse;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_connect::operation::RequestId;

use crate::domain::{Fault, FaultKind};
pub use failure::{Failure, Retry};
pub use remedy::granted;
pub(super) use remedy::out_of_time;

impl Failure {
    /// The fault of an operation named as `service:Operation`: its kind is what this service means by it.
    #[must_use]
    pub fn into_fault(self, operation: &str) -> Fault {
        let service = operation.split(':').next().unwrap_or_default();
        let kind = table::of_service(service, self.kind);
        let remedy = remedy::remedy(kind, operation, &self.answered, &self.message);
        Fault { answered: self.answered, ..Fault::new(operation, kind, format!("{}{remedy}", self.message)) }
    }
}

/// Reads an SDK error of any operation of any service.
pub fn failure<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|r| r.status().as_u16());
    let mut failure = match error {
        SdkError::TimeoutError(_) => Failure::new(FaultKind::Timeout, Retry::Transient, "no answer in time".to_owned()),
        SdkError::DispatchFailure(e) => {
            let is_timeout = e.is_timeout();
            transport::broken(error, is_timeout, e.is_io())
        }
        SdkError::ConstructionFailure(_) => transport::broken(error, false, false),
        SdkError::ResponseError(_) => failure::unreadable(status.unwrap_or_default()),
        SdkError::ServiceError(e) => {
            let mut failure = table::service(status.unwrap_or_default(), e.err().code(), e.err().message());
            failure.answered.error_code = e.err().code().map(str::to_owned);
            failure
        }
        _ => Failure::new(FaultKind::Other, Retry::Never, transport::cause(error)),
    };
    failure.answered.http_status = status;
    failure.answered.request_id = error.request_id().map(str::to_owned);
    failure
}
