//! Stores, topics, bus and parameter served by moto, an implementation of AWS that is not ours.
//!
//! `tests/all.sh` installs moto and names the Python that has it in `MOTO_PYTHON`; without it these tests
//! cannot run, and say so by failing. `moto_server.py` says why moto answers one request at a time here.

mod around;
mod queues;

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_connect::config::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use bytes::Bytes;
use serde_json::{Value, json};
use simaws::lambda::{Outcome, RuntimeApi};
use simaws::{Sim, Throttle, World};
use tokio::process::{Child, Command};

use crate::binary::command;
use queues::{create_queue, receive, subscribe_queue};

struct Moto {
    url: String,
    _child: Child,
}

impl Moto {
    async fn start() -> Self {
        let python =
            std::env::var("MOTO_PYTHON").expect("MOTO_PYTHON names the Python that has moto: run tests/all.sh");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/moto_server.py"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("moto's server starts");
        for _ in 0..600 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Self { url: format!("http://127.0.0.1:{port}"), _child: child };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("moto's server did not open its port within a minute");
    }

    async fn sdk(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(&self.url)
            .http_client(connect_quota_monitor::aws::http::client())
            .load()
            .await
    }
}

async fn make_table(sdk: &SdkConfig) {
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    aws_sdk_dynamodb::Client::new(sdk)
        .create_table()
        .table_name("history")
        .attribute_definitions(attribute("subject"))
        .attribute_definitions(attribute("timestamp"))
        .key_schema(key("subject", KeyType::Hash))
        .key_schema(key("timestamp", KeyType::Range))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}

fn buckets(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(sdk).force_path_style(true).build())
}

/// Everything that the topic has published, as moto remembers it.
async fn published(url: &str) -> Vec<Value> {
    let (host, path) = (url.trim_start_matches("http://"), "/moto-api/data.json");
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let data: Value = serde_json::from_str(body).unwrap();
    data["sns"]["Topic"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs moto: tests/all.sh runs it"]
async fn snapshots_state_and_alerts_on_an_implementation_that_is_not_ours() {
    let moto = Moto::start().await;
    let sdk = moto.sdk().await;
    make_table(&sdk).await;
    buckets(&sdk).create_bucket().bucket("history").send().await.unwrap();
    let sns = aws_sdk_sns::Client::new(&sdk);
    let topic = sns.create_topic().name("alerts").send().await.unwrap().topic_arn.unwrap();
    let events = sns.create_topic().name("events").send().await.unwrap().topic_arn.unwrap();
    let queue =
        async |name: &str, topic: &str, filter: &str| subscribe_queue(&moto.url, &sns, topic, name, filter).await;

    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 10.0);
    world.instances[0].set("ListPrompts", 499);
    let id = world.instances[0].id.clone();
    let critical = queue("critical", &topic, r#"{"severity": ["critical"]}"#).await;
    let warnings = queue("warnings", &topic, r#"{"severity": ["warning", "info"]}"#).await;
    let documented = queue("documented", &topic, &documented_filter()).await;
    let opened = queue("opened", &events, &json!({ "action": ["trigger"], "instance_id": [id] }).to_string()).await;
    let resolved = queue("resolved", &events, r#"{"action": ["resolve"], "region": ["us-east-1"]}"#).await;
    let of_one_quota = queue("prompts", &events, r#"{"quota_code": ["L-0865B754"]}"#).await;
    let from_bus = put_rule(&moto.url, &sdk).await;
    aws_sdk_ssm::Client::new(&sdk)
        .put_parameter()
        .name("/connect/quota-overrides")
        .value(r#"{"Users per *": {"limit": 20}}"#)
        .r#type(aws_sdk_ssm::types::ParameterType::SecureString)
        .send()
        .await
        .unwrap();
    let sim = Sim::new(world);
    let server = sim.serve().await.unwrap();
    let api = RuntimeApi::start().await.unwrap();
    let _child = command(
        &api.address(),
        &server.url(),
        &[
            ("AWS_ENDPOINT_URL_DYNAMODB", &moto.url),
            ("AWS_ENDPOINT_URL_S3", &moto.url),
            ("AWS_ENDPOINT_URL_SNS", &moto.url),
            ("AWS_ENDPOINT_URL_STS", &moto.url),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", &moto.url),
            ("AWS_ENDPOINT_URL_SSM", &moto.url),
            ("QUOTA_OVERRIDES", "ssm:/connect/quota-overrides"),
            ("EVENTS_SNS_TOPIC_ARN", &events),
            ("EVENT_BUS_NAME", "default"),
            ("CONNECT_PACING", "per-operation"),
            ("USE_DYNAMODB", "true"),
            ("DYNAMODB_TABLE", "history"),
            ("USE_S3_STORAGE", "true"),
            ("S3_BUCKET", "history"),
            ("ALERT_SNS_TOPIC_ARN", &topic),
        ],
    )
    .spawn()
    .unwrap();
    let run = async || match api.invoke(Bytes::from_static(b"{}"), Duration::from_secs(120)).await {
        Outcome::Response(answer) => answer,
        Outcome::Error { error_type, message, .. } => panic!("{error_type}: {message}"),
    };

    // moto counts no subscription as confirmed, whatever it delivers to: that one fault is moto's.
    let alerts = |answer: &Value| ["sent", "suppressed", "failed"].map(|name| answer["alerts"][name].as_u64().unwrap());
    let faults = |answer: &Value| {
        let all = answer["faults"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|fault| fault["kind"] != "no_subscribers").collect::<Vec<_>>()
    };
    let first = run().await;
    assert_eq!(first["snapshots"], json!({ "dynamodb": 2, "s3": 2, "failed": 0 }), "{first:#}");
    assert_eq!(alerts(&first), [1, 0, 0]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let second = run().await;
    assert_eq!(alerts(&second), [0, 1, 0], "the state is read back");
    assert_eq!(faults(&second), Vec::<Value>::new());

    let items = aws_sdk_dynamodb::Client::new(&sdk).scan().table_name("history").send().await.unwrap();
    let (ledgers, snapshots): (Vec<_>, Vec<_>) =
        items.items().iter().partition(|item| item["timestamp"].as_s().unwrap() == "#ledger");
    assert_eq!(ledgers.len(), 2, "one for the instance, one for the account");
    assert!(ledgers.iter().all(|ledger| ledger["has_readers"].as_bool().is_ok_and(|has| *has)));
    let about: Vec<_> = snapshots.iter().map(|i| i["instance_id"].as_s().unwrap().as_str()).collect();
    assert_eq!(about.iter().filter(|a| **a == id).count(), 2);
    assert_eq!(about.iter().filter(|a| **a == "account").count(), 2);
    for item in snapshots {
        assert!(item["expires_at"].as_n().is_ok() && item["metrics"].as_l().is_ok() && item["summary"].as_m().is_ok());
    }
    let objects = buckets(&sdk).list_objects_v2().bucket("history").send().await.unwrap();
    let keys: Vec<_> = objects.contents().iter().filter_map(|o| o.key()).collect();
    assert_eq!(keys.iter().filter(|k| k.starts_with("connect-metrics/")).count(), 4, "{keys:?}");
    assert_eq!(keys.iter().filter(|k| k.starts_with("connect-reports/")).count(), 4, "{keys:?}");
    assert!(!published(&moto.url).await.is_empty());

    // What subscribers got so far: one critical message, and one event for each of its two quotas.
    let message = receive(&moto.url, &critical).await.remove(0);
    assert_eq!(message["violations_count"], 2, "{message}");
    let names: Vec<_> =
        message["violations"].as_array().unwrap().iter().map(|v| v["quota_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Users per instance", "Prompts per instance"]);
    assert_eq!(message["violations"][0]["limit_source"], "override", "the parameter was read");
    assert!(receive(&moto.url, &warnings).await.is_empty(), "filtered out by its severity");
    assert_eq!(receive(&moto.url, &documented).await, [message]);
    // The account is that of the instance, which is not moto's.
    let about = |quota: &str| format!("111122223333/us-east-1/{id}/{quota}");
    let keys = |events: Vec<Value>| {
        let mut keys: Vec<_> = events.iter().map(|e| e["dedup_key"].as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    let both = [about("L-0865B754"), about("L-9A46857E")];
    assert_eq!(keys(receive(&moto.url, &opened).await), both);
    assert!(receive(&moto.url, &resolved).await.is_empty());
    let on_bus = receive(&moto.url, &from_bus).await;
    assert_eq!(on_bus.iter().map(|e| e["source"].as_str().unwrap()).collect::<Vec<_>>(), ["connect-quota-monitor"; 2]);
    assert_eq!(keys(on_bus.into_iter().map(|e| e["detail"].clone()).collect()), both);

    // It recovers, and a test goes through everything.
    sim.world().instances[0].set("ListPrompts", 10);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    run().await;
    let test = match api.invoke(Bytes::from_static(br#"{"test_alert": true}"#), Duration::from_secs(120)).await {
        Outcome::Response(answer) => answer,
        Outcome::Error { error_type, message, .. } => panic!("{error_type}: {message}"),
    };
    assert_eq!((&test["alerts"]["sent"], &test["events"]["sent"]), (&json!(1), &json!(2)));
    assert_eq!(keys(receive(&moto.url, &resolved).await), [about("L-0865B754")]);
    let story: Vec<_> = receive(&moto.url, &of_one_quota).await.iter().map(|e| e["event"].clone()).collect();
    assert_eq!(story, [json!("raised"), json!("recovered")]);
    let last: Vec<_> = receive(&moto.url, &warnings).await.iter().map(|m| m["event"].clone()).collect();
    assert_eq!(last, [json!("test")], "the other quota is critical still");
    assert_eq!(receive(&moto.url, &from_bus).await.len(), 2, "a recovery and a test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs moto: tests/all.sh runs it"]
async fn of_writers_under_one_condition_one_wins() {
    let moto = Moto::start().await;
    let sdk = moto.sdk().await;
    make_table(&sdk).await;
    let attribute =
        |n: usize| (format!("a{n}"), AttributeValue::M([("b".to_owned(), AttributeValue::Bool(true))].into()));
    let large = AttributeValue::M((0..800).map(attribute).collect());
    let table = aws_sdk_dynamodb::Client::new(&sdk);
    for round in 0..8 {
        let mut writes = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let write = table.put_item().table_name("history").item("large", large.clone());
            let write = write.item("subject", AttributeValue::S(round.to_string()));
            let write = write.item("timestamp", AttributeValue::S("#ledger".to_owned()));
            writes.spawn(write.condition_expression("attribute_not_exists(subject)").send());
        }
        let written = writes.join_all().await;
        assert_eq!(written.iter().filter(|write| write.is_ok()).count(), 1, "round {round}");
    }
}

/// Two processes of the function, as two overlapping schedules or a schedule and a person have them, on one store.
/// Each change is told by one of them, whoever comes first.
async fn two_processes_tell_each_change_once(home: &[(&str, &str)]) {
    let moto = Moto::start().await;
    let sdk = moto.sdk().await;
    make_table(&sdk).await;
    buckets(&sdk).create_bucket().bucket("history").send().await.unwrap();
    let sns = aws_sdk_sns::Client::new(&sdk);
    let topic = sns.create_topic().name("alerts").send().await.unwrap().topic_arn.unwrap();
    let all = subscribe_queue(&moto.url, &sns, &topic, "all", r#"{"severity": ["critical", "warning", "info"]}"#).await;
    let mut world = World::with_instances(2);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 10.0);
    let sim = Sim::new(world);
    let server = sim.serve().await.unwrap();
    let mut functions = Vec::new();
    for _ in 0..2 {
        let api = RuntimeApi::start().await.unwrap();
        let variables: Vec<(&str, &str)> = [
            ("AWS_ENDPOINT_URL_DYNAMODB", moto.url.as_str()),
            ("AWS_ENDPOINT_URL_S3", &moto.url),
            ("AWS_ENDPOINT_URL_SNS", &moto.url),
            ("AWS_ENDPOINT_URL_STS", &moto.url),
            ("CONNECT_PACING", "per-operation"),
            ("DETAIL_CALL_BUDGET", "0"),
            ("ALERT_SNS_TOPIC_ARN", &topic),
        ]
        .into_iter()
        .chain(home.iter().copied())
        .collect();
        let child = command(&api.address(), &server.url(), &variables).spawn().unwrap();
        functions.push((api, child));
    }
    let both = async || {
        let run = async |api: &RuntimeApi| match api.invoke(Bytes::from_static(b"{}"), Duration::from_secs(120)).await {
            Outcome::Response(answer) => answer,
            Outcome::Error { error_type, message, .. } => panic!("{error_type}: {message}"),
        };
        tokio::join!(run(&functions[0].0), run(&functions[1].0))
    };
    for round in 0..4 {
        // Both instances change in every round: to full, and back again.
        let is_full = round % 2 == 0;
        for instance in &mut sim.world().instances {
            instance.set("ListPrompts", if is_full { 499 } else { 10 });
        }
        let (first, second) = both().await;
        let told = receive(&moto.url, &all).await;
        let mut about: Vec<_> = told
            .iter()
            .map(|m| (m["event"].as_str().unwrap(), m["instance"]["id"].as_str().unwrap_or_else(|| panic!("{m:#}"))))
            .collect();
        about.sort_unstable();
        let what = if is_full { "raised" } else { "recovered" };
        let mut wanted: Vec<_> = sim.world().instances.iter().map(|i| (what, i.id.clone())).collect();
        wanted.sort_unstable();
        let wanted: Vec<_> = wanted.iter().map(|(what, id)| (*what, id.as_str())).collect();
        assert_eq!(about, wanted, "round {round}: {first:#} {second:#}");
        let sent = [&first, &second].map(|answer| answer["alerts"]["sent"].as_u64().unwrap());
        assert_eq!(sent.iter().sum::<u64>(), 2, "round {round}");
        // And once more, with nothing new.
        let (first, second) = both().await;
        assert!(receive(&moto.url, &all).await.is_empty(), "round {round}: {first:#} {second:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs moto: tests/all.sh runs it"]
async fn two_processes_on_one_table_tell_each_change_once() {
    two_processes_tell_each_change_once(&[("USE_DYNAMODB", "true"), ("DYNAMODB_TABLE", "history")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs moto: tests/all.sh runs it"]
async fn two_processes_on_one_bucket_tell_each_change_once() {
    two_processes_tell_each_change_once(&[("USE_S3_STORAGE", "true"), ("S3_BUCKET", "history")]).await;
}

/// The filter policy that the documentation of the alert document shows.
fn documented_filter() -> String {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ALERT-DOCUMENT.md")).unwrap();
    let block = text.rsplit("```json\n").next().unwrap().split("\n```").next().unwrap();
    assert!(block.contains("$or"), "{block}");
    block.to_owned()
}

/// A rule of the default bus that sends the monitor's events to a queue; returns the queue's URL.
async fn put_rule(url: &str, sdk: &SdkConfig) -> String {
    let queue = create_queue(url, "bus").await;
    let events = aws_sdk_eventbridge::Client::new(sdk);
    let pattern = r#"{"source": ["connect-quota-monitor"], "detail-type": ["Connect Quota Transition"]}"#;
    events.put_rule().name("monitor").event_pattern(pattern).send().await.unwrap();
    let target =
        aws_sdk_eventbridge::types::Target::builder().id("queue").arn("arn:aws:sqs:us-east-1:123456789012:bus");
    events.put_targets().rule("monitor").targets(target.build().unwrap()).send().await.unwrap();
    queue
}
