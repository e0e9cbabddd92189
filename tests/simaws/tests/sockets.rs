//! What only real sockets can show: broken answers, and the Lambda Runtime API.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use simaws::lambda::{Outcome, RuntimeApi};
use simaws::{Fault, FaultKind, Sim, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request on a connection of its own: all that came back until the connection closed.
async fn exchange(address: &str, head: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!("{head} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}");
    let scope = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/connect/aws4_request";
    stream.write_all(format!("{head}\r\nauthorization: {scope}\r\n\r\n{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn broken_answers_are_broken_on_the_socket() -> std::io::Result<()> {
    let sim = Sim::new(World::with_instances(2));
    let server = sim.serve().await?;
    let address = server.url().trim_start_matches("http://").to_owned();
    let list = || exchange(&address, "GET /instance", "");

    assert!(list().await?.contains("InstanceSummaryList"));
    sim.script(Fault::new("connect", FaultKind::Reset));
    assert_eq!(list().await.unwrap_or_default(), "");
    sim.script(Fault::new("connect", FaultKind::TruncatedBody));
    let cut = list().await?;
    let (head, body) = cut.split_once("\r\n\r\n").expect("headers and a body");
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    assert!(promised.parse::<usize>().is_ok_and(|promised| promised > body.len()), "{cut}");
    sim.script(Fault::new("connect", FaultKind::Hang));
    assert!(tokio::time::timeout(Duration::from_millis(200), list()).await.is_err());

    drop(server);
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(&address).await.is_err());
    Ok(())
}

/// A function that answers the next invocation at this path with this body.
async fn function(address: String, end: &'static str, body: String) -> std::io::Result<String> {
    let next = exchange(&address, "GET /2018-06-01/runtime/invocation/next", "").await?;
    let (head, payload) = next.split_once("\r\n\r\n").expect("headers and a payload");
    let id = head.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).expect("an id");
    for header in ["deadline-ms", "invoked-function-arn", "trace-id"] {
        assert!(head.contains(&format!("lambda-runtime-{header}: ")), "{head}");
    }
    let answered = exchange(&address, &format!("POST /2018-06-01/runtime/invocation/{id}/{end}"), &body).await?;
    assert!(answered.starts_with("HTTP/1.1 202"), "{answered}");
    Ok(payload.to_owned())
}

#[tokio::test]
async fn the_runtime_api_hands_out_work_and_takes_answers() -> std::io::Result<()> {
    let api = RuntimeApi::start().await?;
    assert!(api.first_poll().is_none());
    let call = |payload: &'static str| api.invoke(Bytes::from_static(payload.as_bytes()), Duration::from_secs(5));

    // The function polls first, and waits.
    let polling = tokio::spawn(function(api.address(), "response", r#"{"ok":true}"#.to_owned()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(api.first_poll().is_some());
    assert_eq!(call(r#"{"dry_run":true}"#).await, Outcome::Response(json!({ "ok": true })));
    assert_eq!(polling.await??, r#"{"dry_run":true}"#);

    // Or the invocation comes first.
    let report = r#"{"errorType":"SinkError","errorMessage":"no bucket"}"#;
    let (outcome, _) = tokio::join!(call("{}"), function(api.address(), "error", report.to_owned()));
    let Outcome::Error { error_type, message, .. } = outcome else { panic!("not an error") };
    assert_eq!((error_type.as_str(), message.as_str()), ("SinkError", "no bucket"));

    let late = api.invoke(Bytes::from_static(b"{}"), Duration::from_millis(50)).await;
    assert!(matches!(late, Outcome::Error { error_type, .. } if error_type == "Sandbox.Timedout"));

    let bad = exchange(&api.address(), "POST /2018-06-01/runtime/invocation/nobody/response", "{}").await?;
    assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
    let failed = r#"{"errorType":"ConfigError","errorMessage":"THRESHOLD_PERCENTAGE"}"#;
    exchange(&api.address(), "POST /2018-06-01/runtime/init/error", failed).await?;
    assert_eq!(api.init_error().await["errorType"], "ConfigError");
    Ok(())
}
