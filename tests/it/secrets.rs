//! What must not leave: names of people, texts about them, and credentials. What leaves otherwise cannot
//! take the place of something else.

use std::time::Duration;

use serde_json::Value;
use simaws::{Fault, FaultKind, Throttle, Times, World};
use tokio::io::AsyncReadExt;

use crate::binary::Function;
use crate::cli::run;
use crate::harness::{BUCKET, EVENTS_TOPIC, TABLE, TOPIC};

const MARKER: &str = "zq-personal-zq";
const KEY_ID: &str = "AKIAZQCREDENTIALZQ";
const SECRET: &str = "zq/secret+access/key/zq";
const TOKEN: &str = "zqSessionTokenzq";

const CREDENTIALS: &[(&str, &str)] = &[
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_SESSION_TOKEN", TOKEN),
    ("RUST_LOG", "trace"),
    ("CONNECT_PACING", "per-operation"),
    ("DETAIL_CALL_BUDGET", "12"),
];

/// The demo's account with somebody in every text.
fn world() -> World {
    let mut world = World::demo();
    world.marker = Some(MARKER.to_owned());
    world.throttle = Throttle::None;
    world.tables.insert(TABLE.to_owned(), simaws::Table::new("subject", "timestamp"));
    world.buckets.entry(BUCKET.to_owned()).or_default();
    world.add_topic("quota-alerts");
    world.add_topic("quota-events");
    world
}

#[track_caller]
fn holds_nothing_secret(place: &str, text: &str) {
    assert!(!text.is_empty(), "{place} is empty: nothing was searched");
    for secret in [MARKER, KEY_ID, SECRET, TOKEN] {
        if let Some(at) = text.find(secret) {
            let before: Vec<char> = text[..at].chars().rev().take(200).collect();
            let around: String = before.into_iter().rev().chain(text[at..].chars().take(200)).collect();
            panic!("{secret} stands in the {place}: {around}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_personal_and_no_credential_leaves_the_function() {
    let variables = [
        CREDENTIALS,
        &[
            ("USE_DYNAMODB", "true"),
            ("DYNAMODB_TABLE", TABLE),
            ("USE_S3_STORAGE", "true"),
            ("S3_BUCKET", BUCKET),
            ("ALERT_SNS_TOPIC_ARN", TOPIC),
            ("EVENTS_SNS_TOPIC_ARN", EVENTS_TOPIC),
            ("EVENT_BUS_NAME", "default"),
            ("RUN_METRICS", "per-quota"),
            ("MANAGE_INSTANCE_ALARMS", "true"),
        ],
    ]
    .concat();
    let mut function = Function::start(world(), &variables).await;
    // Read as they come: a full pipe would stop the function.
    let mut streams: Vec<_> = Vec::new();
    let (mut stdout, mut stderr) = function.streams();
    streams.push(tokio::spawn(async move {
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.map(|_| text)
    }));
    streams.push(tokio::spawn(async move {
        let mut text = String::new();
        stderr.read_to_string(&mut text).await.map(|_| text)
    }));
    let mut answers = vec![function.answer("{}").await];
    let asked: usize = function.sim.served("connect").len();
    for (service, operation, kind) in [
        ("connect", "ListUsers", FaultKind::AccessDenied),
        ("connect", "ListQueues", FaultKind::InvalidBody),
        ("connect", "ListPrompts", FaultKind::TruncatedBody),
        ("cases", "ListFields", FaultKind::AccessDenied),
        ("servicequotas", "ListRequestedServiceQuotaChangeHistory", FaultKind::AccessDenied),
    ] {
        function.sim.script(Fault::new(service, kind).operation(operation).times(Times::Forever));
    }
    answers.push(function.answer(r#"{"dry_run": true}"#).await);
    answers.push(function.answer("{}").await);
    function
        .sim
        .script(Fault::new("connect", FaultKind::AccessDenied).operation("ListInstances").times(Times::Forever));
    let (_, refusal) = function.refusal("{}").await;
    assert!(refusal.contains("AccessDenied"), "{refusal}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sim = function.sim.clone();
    function.stop().await;
    let marked = sim.marked();
    assert!(marked.len() > 40 && asked > 30, "{} of the answers carried the marker: {marked:?}", marked.len());
    for stream in streams {
        let text = stream.await.unwrap().unwrap();
        if !text.is_empty() {
            holds_nothing_secret("log", &text);
            for line in text.lines() {
                let _: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            }
        }
    }
    holds_nothing_secret("answers", &answers.iter().map(Value::to_string).collect::<String>());
    holds_nothing_secret("refusal", &refusal);
    let world = sim.world();
    holds_nothing_secret("table", &format!("{:?}", world.tables[TABLE].plain_items()));
    for topic in [TOPIC, EVENTS_TOPIC] {
        holds_nothing_secret(topic, &format!("{:?}", world.topics[topic].messages));
    }
    holds_nothing_secret("bus", &format!("{:?}", world.buses));
    holds_nothing_secret("alarms", &format!("{:?}", world.alarms));
    let objects = world.buckets[BUCKET].objects.values().map(|o| String::from_utf8_lossy(&o.body).into_owned());
    holds_nothing_secret("bucket", &objects.collect::<String>());
}

#[tokio::test]
async fn nothing_personal_and_no_credential_leaves_the_command() {
    let sim = simaws::Sim::new(world());
    sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListUsers").times(Times::Forever));
    sim.script(Fault::new("connect", FaultKind::InvalidBody).operation("ListQueues").times(Times::Forever));
    for arguments in [
        &["check", "--all"][..],
        &["check", "--output", "json"],
        &["alarms", "--format", "terraform"],
        &["alarms", "--format", "cloudformation"],
        &["explain", "--quota", "Users per instance"],
        &["quotas"],
    ] {
        let (_, stdout, stderr) = run(&sim, arguments, CREDENTIALS).await;
        holds_nothing_secret(&arguments.join(" "), &format!("{stdout}{stderr}"));
    }
}

/// Terminals obey what they are shown.
#[tokio::test]
async fn other_peoples_text_does_not_steer_the_terminal() {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.instances[0].alias = Some("a\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\r\nacme".to_owned());
    world.instances[0].set("ListPrompts", 450);
    let sim = simaws::Sim::new(world);
    let bad = FaultKind::Status {
        status: 400,
        code: "InvalidRequestException".to_owned(),
        message: "\u{1b}[31mno\r\nx".to_owned(),
    };
    sim.script(Fault::new("connect", bad).operation("ListQueues").times(Times::Forever));
    let (_, stdout, stderr) = run(&sim, &["check", "--pacing", "per-operation"], crate::cli::CREDENTIALS).await;
    let (code, _, refused) = run(&sim, &["check", "--instance", "nonsense"], crate::cli::CREDENTIALS).await;
    assert_eq!(code, 3);
    assert!(refused.contains("names nonsense") && refused.contains(&sim.world().instances[0].id), "{refused}");
    let all = format!("{stdout}{stderr}{refused}");
    assert!(all.contains("acme") && all.contains("Could not see connect:ListQueues"), "{all}");
    let odd: Vec<char> = all.chars().filter(|c| c.is_control() && *c != '\n' || *c == '\u{202e}').collect();
    assert!(odd.is_empty(), "{odd:?}");
}
