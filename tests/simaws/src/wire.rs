//! What all services share on the wire: telling the service of a request, and writing errors in the
//! protocol of that service.

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::companion::{APIS, Api};
use crate::paging::Quirk;
use crate::text::{form_pairs, percent_decode, xml};
use crate::world::World;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    Connect,
    /// Any of the table-driven services beside Connect.
    Companion(&'static Api),
    Quotas,
    Monitoring,
    DynamoDb,
    S3,
    Sns,
    Sts,
    Events,
    Ssm,
    Trail,
}

impl Service {
    const ALL: [Self; 10] = [
        Self::Connect,
        Self::Quotas,
        Self::Monitoring,
        Self::DynamoDb,
        Self::S3,
        Self::Sns,
        Self::Sts,
        Self::Events,
        Self::Ssm,
        Self::Trail,
    ];

    /// The service of this signing name.
    fn named(name: &str) -> Option<Self> {
        let companion = || APIS.into_iter().find(|api| api.name == name).map(Self::Companion);
        Self::ALL.into_iter().find(|service| service.name() == name).or_else(companion)
    }

    /// The signing name, which is also what tests call the service.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Companion(api) => api.name,
            Self::Quotas => "servicequotas",
            Self::Monitoring => "monitoring",
            Self::DynamoDb => "dynamodb",
            Self::S3 => "s3",
            Self::Sns => "sns",
            Self::Sts => "sts",
            Self::Events => "events",
            Self::Ssm => "ssm",
            Self::Trail => "cloudtrail",
        }
    }

    /// The error of a call over the service's rate.
    pub(crate) fn throttled(self) -> AwsError {
        match self {
            Self::Connect => AwsError::new(429, "ThrottlingException", "Rate exceeded"),
            Self::Companion(api) => AwsError::new(api.throttled, "ThrottlingException", "Rate exceeded"),
            Self::Quotas => AwsError::new(400, "TooManyRequestsException", "Rate exceeded"),
            Self::DynamoDb => AwsError::new(
                400,
                "ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded.",
            ),
            Self::S3 => AwsError::new(503, "SlowDown", "Please reduce your request rate."),
            Self::Monitoring | Self::Sns | Self::Sts => AwsError::new(400, "Throttling", "Rate exceeded"),
            Self::Events | Self::Ssm | Self::Trail => AwsError::new(400, "ThrottlingException", "Rate exceeded"),
        }
    }

    pub(crate) fn internal(self) -> AwsError {
        let code = match self {
            Self::Connect => "InternalServiceException",
            Self::Companion(api) => api.internal,
            Self::Quotas => "ServiceException",
            Self::Monitoring => "InternalServiceError",
            Self::DynamoDb => "InternalServerError",
            Self::S3 => "InternalError",
            Self::Sns | Self::Sts | Self::Trail => "InternalFailure",
            Self::Events => "InternalException",
            Self::Ssm => "InternalServerError",
        };
        AwsError::new(500, code, "We encountered an internal error. Please try again.")
    }

    /// What an account gets from a service that it never signed up for. No model names this error.
    pub(crate) fn not_enabled() -> AwsError {
        let message = "The AWS Access Key Id needs a subscription for the service";
        AwsError::new(403, "SubscriptionRequiredException", message)
    }

    pub(crate) fn access_denied(self, operation: &str, world: &World) -> AwsError {
        let (status, code) = match self {
            Self::Connect | Self::Companion(_) => (403, "AccessDeniedException"),
            Self::Quotas | Self::DynamoDb | Self::Events | Self::Ssm | Self::Trail => (400, "AccessDeniedException"),
            Self::Sns => (403, "AuthorizationError"),
            Self::Monitoring | Self::S3 | Self::Sts => (403, "AccessDenied"),
        };
        let prefix = if matches!(self, Self::Monitoring) { "cloudwatch" } else { self.name() };
        let user = world.caller_arn();
        let message = format!("User: {user} is not authorized to perform: {prefix}:{operation} on resource: *");
        AwsError::new(status, code, &message)
    }
}

/// An error answer, before it is written in a service's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsError {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl AwsError {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }

    pub(crate) fn is_throttle(&self) -> bool {
        self.status == 429
            || [
                "Throttling",
                "ThrottlingException",
                "TooManyRequestsException",
                "ProvisionedThroughputExceededException",
                "SlowDown",
            ]
            .contains(&self.code.as_str())
    }
}

pub(crate) type Answer = Result<Response<Bytes>, AwsError>;

/// One request, taken apart as far as all services need it.
#[derive(Debug)]
pub(crate) struct Call {
    pub method: Method,
    /// As sent: still percent-encoded.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub host: String,
    pub body: Bytes,
    pub request_id: String,
}

impl Call {
    pub(crate) fn new(request: http::Request<Bytes>, request_id: String) -> Self {
        let (parts, body) = request.into_parts();
        let header_host = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let host = header_host.or_else(|| parts.uri.host()).unwrap_or_default().to_owned();
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: form_pairs(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            host,
            body,
            request_id,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The decoded segments of the path.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path.trim_start_matches('/').split('/').map(|part| percent_decode(part, false)).collect()
    }

    /// Whether the request names this id anywhere.
    pub(crate) fn names(&self, id: &str) -> bool {
        let in_body = |body: &[u8]| body.windows(id.len().max(1)).any(|part| part == id.as_bytes());
        percent_decode(&self.path, false).contains(id)
            || self.query.iter().any(|(_, value)| value.contains(id))
            || in_body(&self.body)
    }

    /// The `X-Amz-Target` of the JSON protocols, without its prefix.
    pub(crate) fn target(&self, prefix: &str) -> Result<String, AwsError> {
        let target = self.header("x-amz-target").unwrap_or_default();
        match target.split_once('.') {
            Some((service, operation)) if service == prefix && self.method == Method::POST => Ok(operation.to_owned()),
            _ => Err(AwsError::new(400, "UnknownOperationException", "")),
        }
    }

    /// The body of a JSON protocol: an object, where an empty body stands for an empty one.
    pub(crate) fn json(&self) -> Result<Value, AwsError> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => {
                Err(AwsError::new(400, "SerializationException", "Start of structure or map found where not expected."))
            }
        }
    }

    /// The service and Region of the SigV4 credential scope.
    pub(crate) fn service(&self, region: &str) -> Result<Service, AwsError> {
        let missing = AwsError::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
        let scope = match self.header("authorization") {
            Some(header) => header.split([' ', ',']).find_map(|part| part.strip_prefix("Credential=")),
            None => Some(self.param("X-Amz-Credential").ok_or(missing)?),
        };
        // From the right: an access key may hold slashes, a scope may not.
        let mut scope = scope.unwrap_or_default().rsplit('/');
        let (end, name, scoped_to) = (scope.next(), scope.next(), scope.next());
        let (Some("aws4_request"), Some(name), Some(scoped_to)) = (end, name, scoped_to) else {
            let message = "Authorization header requires 'Credential' parameter.";
            return Err(AwsError::new(403, "IncompleteSignatureException", message));
        };
        let service = Service::named(name).ok_or_else(|| {
            let message = format!("Credential should be scoped to correct service, not '{name}'.");
            AwsError::new(403, "InvalidSignatureException", &message)
        })?;
        // STS may be called at its global endpoint, whatever the Region.
        if !matches!(service, Service::Sts) && scoped_to != region {
            let message = format!("Credential should be scoped to a valid region, not '{scoped_to}'.");
            return Err(AwsError::new(403, "InvalidSignatureException", &message));
        }
        Ok(service)
    }
}

/// What a service works with to answer one call.
pub(crate) struct Context<'a> {
    pub call: &'a Call,
    pub operation: &'a str,
    pub world: &'a mut World,
    pub quirk: Option<Quirk>,
    /// Different for each request.
    pub nonce: u64,
    pub at: tokio::time::Instant,
}

/// How a service writes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// With the member of an error that holds the message.
    RestJson(&'static str),
    /// With the prefix of `__type` and the content type.
    AwsJson {
        prefix: &'static str,
        content_type: &'static str,
    },
    Cbor,
    /// With the XML namespace.
    Query(&'static str),
    RestXml,
}

impl Protocol {
    pub(crate) fn of(service: Service, call: &Call) -> Self {
        match service {
            Service::Connect => Self::RestJson("Message"),
            Service::Companion(api) => Self::RestJson(api.message),
            Service::Quotas => Self::AwsJson { prefix: "", content_type: "application/x-amz-json-1.1" },
            Service::DynamoDb => Self::AwsJson {
                prefix: "com.amazonaws.dynamodb.v20120810#",
                content_type: "application/x-amz-json-1.0",
            },
            Service::Events | Service::Ssm | Service::Trail => {
                Self::AwsJson { prefix: "", content_type: "application/x-amz-json-1.1" }
            }
            Service::S3 => Self::RestXml,
            Service::Sns => Self::Query("http://sns.amazonaws.com/doc/2010-03-31/"),
            Service::Sts => Self::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
            Service::Monitoring => crate::cloudwatch::protocol(call),
        }
    }

    /// The error as this protocol writes it.
    pub(crate) fn error(self, error: &AwsError, request_id: &str) -> Response<Bytes> {
        let AwsError { status, code, message } = error;
        let sender = if *status < 500 { "Sender" } else { "Receiver" };
        match self {
            Self::RestJson(member) => {
                // The front of the service, which throttles, spells the member in lower case.
                let member = if *status == 429 { "message" } else { member };
                let body = json!({ member: message }).to_string();
                let mut response = respond(*status, "application/json", body);
                set_header(&mut response, "x-amzn-errortype", code);
                response
            }
            Self::AwsJson { prefix, content_type } => {
                let generic = ["UnknownOperationException", "SerializationException"].contains(&code.as_str());
                let prefix = match code.as_str() {
                    "ValidationException" if !prefix.is_empty() => "com.amazon.coral.validate#",
                    _ if generic => "com.amazon.coral.service#",
                    _ => prefix,
                };
                let member = if prefix.is_empty() { "Message" } else { "message" };
                let body = json!({ "__type": format!("{prefix}{code}"), member: message }).to_string();
                let mut response = respond(*status, content_type, body);
                if prefix.is_empty() {
                    set_header(&mut response, "x-amzn-errortype", code);
                }
                response
            }
            Self::Cbor => {
                let body = Cbor::Map(vec![
                    (Cbor::from("__type"), Cbor::from(format!("com.amazonaws.cloudwatch#{code}"))),
                    (Cbor::from("message"), Cbor::from(message.as_str())),
                ]);
                let mut response = cbor_response(*status, &body);
                set_header(&mut response, "x-amzn-query-error", &format!("{code};{sender}"));
                response
            }
            Self::Query(namespace) => {
                let (code, message) = (xml(code), xml(message));
                let body = format!(
                    "<ErrorResponse xmlns=\"{namespace}\">\n  <Error>\n    <Type>{sender}</Type>\n    \
                     <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  \
                     <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n"
                );
                respond(*status, "text/xml", body)
            }
            Self::RestXml => {
                let (code, message) = (xml(code), xml(message));
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}\
                     </Message><RequestId>{request_id}</RequestId><HostId>{request_id}</HostId></Error>"
                );
                respond(*status, "application/xml", body)
            }
        }
    }

    /// Marks any answer with the request's id, under the name the service gives it.
    pub(crate) fn identify(self, response: &mut Response<Bytes>, request_id: &str) {
        let name = if self == Self::RestXml { "x-amz-request-id" } else { "x-amzn-requestid" };
        set_header(response, name, request_id);
        if self == Self::RestXml {
            set_header(response, "x-amz-id-2", request_id);
        }
    }
}

pub(crate) fn respond(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

pub(crate) fn cbor_response(status: u16, body: &Cbor) -> Response<Bytes> {
    let mut bytes = Vec::new();
    // Writing into memory cannot fail, and a failure would show as an unreadable answer.
    let _ = ciborium::into_writer(body, &mut bytes);
    let mut response = respond(status, "application/cbor", bytes);
    set_header(&mut response, "smithy-protocol", "rpc-v2-cbor");
    response
}

/// Sets a header; a value that no header can carry is left out, as a proxy would do.
pub(crate) fn set_header(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
