//! Between the real SDK clients and the simulated AWS: requests in, answers out, without sockets.

use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_connect::config::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use simaws::{Reply, Sim};

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
    let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
    let (parts, body) = request.into_parts();
    let bytes = body.bytes().map(Bytes::copy_from_slice);
    let bytes = bytes.ok_or_else(|| ConnectorError::user("a streaming body".into()))?;
    Ok(sim.handle(http::Request::from_parts(parts, bytes)).await)
}

/// An answer, as the SDK takes it.
pub fn answer(response: http::Response<SdkBody>) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(response).map_err(|e| ConnectorError::other(e.into(), None))
}
