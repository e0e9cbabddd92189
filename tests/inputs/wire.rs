//! The real SDK clients on the simulated AWS, with something that spoils the answers in between.

use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use simaws::{Reply, Sim};

#[path = "../it/transport.rs"]
mod transport;

/// Changes the body of a good answer.
pub type Spoil = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

#[derive(Clone)]
pub struct Wire {
    sim: Sim,
    spoil: Arc<Mutex<Option<Spoil>>>,
    /// The body of the last good answer, as it arrived.
    last: Arc<Mutex<Vec<u8>>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    pub fn new(sim: &Sim) -> Self {
        Self { sim: sim.clone(), spoil: Arc::default(), last: Arc::default() }
    }

    pub fn spoil(&self, spoil: Option<Spoil>) {
        *self.spoil.lock().unwrap() = spoil;
    }

    pub fn last(&self) -> Vec<u8> {
        self.last.lock().unwrap().clone()
    }

    pub async fn sdk(&self) -> SdkConfig {
        transport::clients(&self.sim, self.clone())
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .load()
            .await
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move {
            let Reply::Http(response) = transport::reply(&wire.sim, request).await? else {
                return Err(ConnectorError::user("no answer".into()));
            };
            let (mut parts, body) = response.into_parts();
            let spoil = wire.spoil.lock().unwrap().clone();
            let body = match spoil {
                Some(spoil) if parts.status.is_success() => {
                    // A checksum or a length of the good body would tell.
                    parts.headers.remove("x-amz-crc32");
                    parts.headers.remove("content-length");
                    spoil(&body)
                }
                _ => body.to_vec(),
            };
            wire.last.lock().unwrap().clone_from(&body);
            transport::answer(http::Response::from_parts(parts, SdkBody::from(body)))
        })
    }
}
