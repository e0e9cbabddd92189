//! Between the real SDK clients and the simulated AWS: requests in, answers out, without sockets.

use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_connect::config::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use simaws::{Reply, Sim, Unconnected};

/// Clients that send through this connector.
pub fn clients(sim: &Sim, connector: impl HttpConnector + 'static) -> ConfigLoader {
    let connector = SharedHttpConnector::new(connector);
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(sim.world().region.clone()))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url("http://aws.test")
        .http_client(http_client_fn(move |_, _| connector.clone()))
}

/// What the simulated AWS says.
pub async fn reply(sim: &Sim, request: HttpRequest) -> Result<Reply, ConnectorError> {
    Ok(sim.handle(self::request(request)?).await)
}

/// A request, as the simulated AWS takes it.
pub fn request(request: HttpRequest) -> Result<http::Request<Bytes>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
    let (parts, body) = request.into_parts();
    let bytes = body.bytes().map(Bytes::copy_from_slice);
    let bytes = bytes.ok_or_else(|| ConnectorError::user("a streaming body".into()))?;
    Ok(http::Request::from_parts(parts, bytes))
}

/// An answer, as the SDK takes it.
pub fn answer(response: http::Response<SdkBody>) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(response).map_err(|e| ConnectorError::other(e.into(), None))
}

/// A layer of the connector's errors: it says where, and what is below says what.
#[derive(Debug)]
struct Layer(&'static str, BoxError);

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Layer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.1)
    }
}

/// What the connector says where there is no connection: `faults.rs` holds it against the real one.
#[allow(dead_code, reason = "not every crate of tests that takes this file has a use for it")]
pub fn unconnected(why: Unconnected) -> ConnectorError {
    let lookup = |text: &str| -> BoxError {
        let text = format!("failed to lookup address information: {text}");
        Layer("dns error", std::io::Error::other(text).into()).into()
    };
    let below: BoxError = match why {
        Unconnected::NoSuchName => lookup("Name or service not known"),
        Unconnected::NameTryAgain => lookup("Temporary failure in name resolution"),
        Unconnected::Refused => Layer("tcp connect error", std::io::Error::from_raw_os_error(111).into()).into(),
        Unconnected::BadTls => {
            let untrusted =
                std::io::Error::new(std::io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer");
            Layer("TLS handshake failed", std::io::Error::other(untrusted).into()).into()
        }
    };
    ConnectorError::io(Layer("client error (Connect)", below).into())
}
