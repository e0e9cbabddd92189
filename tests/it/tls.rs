//! HTTPS and proxies, as the built binary speaks them: everything else here is plain HTTP on loopback.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use simaws::{Parameter, Server, Sim, World};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::cli::{CREDENTIALS, run};

const RULES: &str = r#"{"L-0865B754": {"limit": 900}}"#;
const EXPLAIN: &[&str] = &["explain", "--quota", "L-0865B754"];

fn sim() -> Sim {
    let mut world = World::empty();
    world.parameters.insert("/rules".to_owned(), Parameter { value: RULES.to_owned(), is_secure: true });
    Sim::new(world)
}

/// The simulated AWS behind TLS, with a certificate for `localhost` from an authority of its own.
struct Secure {
    url: String,
    /// A file with the authority's certificate.
    authority: PathBuf,
    task: JoinHandle<()>,
    _server: Server,
}

impl Secure {
    async fn start(sim: &Sim, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pem"));
        std::fs::write(&file, authority.pem()).unwrap();

        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = certificate.signed_by(&key, &authority).unwrap().into();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let server = sim.serve().await.unwrap();
        let behind = server.address();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust us hangs up in the handshake.
                    let Ok(mut inside) = acceptor.accept(stream).await else { return };
                    let mut outside = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut inside, &mut outside).await;
                });
            }
        });
        Self { url, authority: file, task, _server: server }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn variables<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [CREDENTIALS, &[("QUOTA_OVERRIDES", "ssm:/rules")], more].concat()
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_taken() {
    let sim = sim();
    let secure = Secure::start(&sim, "trusted").await;
    let authority = secure.authority.to_str().unwrap();
    let variables = variables(&[("AWS_ENDPOINT_URL", &secure.url), ("SSL_CERT_FILE", authority)]);
    let (code, text, error) = run(&sim, EXPLAIN, &variables).await;
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("limit        900"), "{text}");
    assert_eq!(sim.requests().len(), 1);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let sim = sim();
    let (secure, other) = (Secure::start(&sim, "unknown").await, Secure::start(&sim, "other").await);
    let authority = other.authority.to_str().unwrap();
    let variables = variables(&[("AWS_ENDPOINT_URL", &secure.url), ("SSL_CERT_FILE", authority)]);
    let (code, _, error) = run(&sim, EXPLAIN, &variables).await;
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("ConfigError") && error.contains("certificate"), "{error}");
    assert!(sim.requests().is_empty(), "nothing may be sent to a server that is not trusted");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_used_unless_the_host_is_excepted() {
    let sim = sim();
    let proxy = sim.serve().await.unwrap();
    let elsewhere = "http://ssm.invalid";
    let address = proxy.url();
    let proxied = variables(&[("AWS_ENDPOINT_URL", elsewhere), ("HTTP_PROXY", &address)]);
    let (code, text, error) = run(&sim, EXPLAIN, &proxied).await;
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("limit        900"), "{text}");

    let excepted = [proxied.as_slice(), &[("NO_PROXY", "ssm.invalid")]].concat();
    let (code, _, error) = run(&sim, EXPLAIN, &excepted).await;
    assert_eq!(code, 3, "{error}");
    assert_eq!(sim.requests().len(), 1, "the second call went to the proxy");
}
