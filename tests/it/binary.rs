//! The built binary as Lambda runs it: a Runtime API, several invocations in one process.

use std::ffi::OsStr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use simaws::lambda::{Outcome, RuntimeApi};
use simaws::{Fault, FaultKind, Sim, Throttle, Times, World};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::Instant;

use crate::harness::{BUCKET, TABLE, TOPIC};

const BINARY: &str = env!("CARGO_BIN_EXE_connect-quota-monitor");

/// The function's process, pointed at the simulated AWS; it ends with the value.
pub struct Function {
    pub api: RuntimeApi,
    pub sim: Sim,
    child: Child,
    _server: simaws::Server,
}

impl Function {
    pub async fn start(world: World, variables: &[(&str, &str)]) -> Self {
        Self::start_on(Sim::new(world), variables).await
    }

    pub async fn start_on(sim: Sim, variables: &[(&str, &str)]) -> Self {
        let api = RuntimeApi::start().await.unwrap();
        let server = sim.serve().await.unwrap();
        let child = command(&api.address(), &server.url(), variables).spawn().unwrap();
        Self { api, sim, child, _server: server }
    }

    /// What the process writes, to be read as it comes.
    pub fn streams(&mut self) -> (ChildStdout, ChildStderr) {
        (self.child.stdout.take().unwrap(), self.child.stderr.take().unwrap())
    }

    pub async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }

    pub async fn invoke(&self, payload: &str) -> Outcome {
        self.api.invoke(Bytes::copy_from_slice(payload.as_bytes()), Duration::from_secs(120)).await
    }

    pub async fn answer(&self, payload: &str) -> Value {
        match self.invoke(payload).await {
            Outcome::Response(value) => value,
            Outcome::Error { error_type, message, .. } => panic!("{error_type}: {message}"),
        }
    }

    pub async fn refusal(&self, payload: &str) -> (String, String) {
        match self.invoke(payload).await {
            Outcome::Response(value) => panic!("a success: {value}"),
            Outcome::Error { error_type, message, .. } => (error_type, message),
        }
    }
}

/// The binary in an environment of its own.
pub fn command(runtime_api: &str, endpoint: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = under_lambda(BINARY, runtime_api);
    command.env("AWS_ENDPOINT_URL", endpoint).envs(variables.iter().copied());
    command
}

/// A program in the environment that Lambda gives it: nothing of the machine's leaks in.
pub fn under_lambda(program: impl AsRef<OsStr>, runtime_api: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", "connect-quota-monitor")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn stocked() -> World {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 10.0);
    world.instances[0].set("ListPrompts", 499);
    // One value applied to an instance, as in most accounts: no quota has to be asked for one by one.
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance("L-9A46857E", &arn, 700.0);
    world.tables.insert(TABLE.to_owned(), simaws::Table::new("subject", "timestamp"));
    world.buckets.entry(BUCKET.to_owned()).or_default();
    world.add_topic("quota-alerts");
    world
}

const EVERYTHING: &[(&str, &str)] = &[
    ("CONNECT_PACING", "per-operation"),
    ("USE_DYNAMODB", "true"),
    ("DYNAMODB_TABLE", TABLE),
    ("USE_S3_STORAGE", "true"),
    ("S3_BUCKET", BUCKET),
    ("ALERT_SNS_TOPIC_ARN", TOPIC),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_function_keeps_alarms_and_removes_them_when_told_to() {
    let mut world = stocked();
    let dimensions = [("Type", "API"), ("Resource", "ListUsers"), ("Service", "Connect"), ("Class", "None")];
    world.metrics.put("AWS/Usage", "CallCount", &dimensions, jiff::Timestamp::now().as_second(), 3.0);
    let variables = [EVERYTHING, &[("MANAGE_API_ALARMS", "true"), ("MANAGE_INSTANCE_ALARMS", "true")]].concat();
    let function = Function::start(world, &variables).await;
    let answer = function.answer("{}").await;
    assert_eq!(answer["api_alarms"], json!({ "put": 4, "deleted": 0, "kept": 0, "failed": 0, "left_out": [] }));
    assert_eq!(function.answer("{}").await["api_alarms"]["kept"], 4);
    let removed = function.answer(r#"{"remove_api_alarms": true}"#).await;
    assert_eq!(removed["api_alarms"]["deleted"], 4, "{removed}");
    assert!(function.sim.world().alarms.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn several_invocations_in_one_process() {
    let function = Function::start(stocked(), EVERYTHING).await;
    let scheduled = json!({"version": "0", "id": "e", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "111122223333", "time": "2026-03-02T12:00:00Z", "region": "us-east-1", "resources": ["r"], "detail": {}});
    let first = function.answer(&scheduled.to_string()).await;
    assert_eq!((&first["complete"], &first["violations"]), (&json!(true), &json!(1)), "{first:#}");
    assert_eq!(first["snapshots"], json!({ "dynamodb": 2, "s3": 2, "failed": 0 }));
    assert_eq!(first["alerts"], json!({ "sent": 1, "suppressed": 0, "failed": 0 }));
    assert!(first["instances"][0].get("metrics").is_none());

    // Nothing as payload, an empty object, a dry run, a test alert.
    let second = function.answer("").await;
    assert_ne!(first["execution_id"], second["execution_id"]);
    assert_eq!(second["alerts"], json!({ "sent": 0, "suppressed": 1, "failed": 0 }), "nothing changed");
    function.answer("{}").await;
    let dry = function.answer(r#"{"dry_run": true, "threshold_percentage": 100}"#).await;
    assert_eq!((&dry["dry_run"], &dry["violations"]), (&json!(true), &json!(0)));
    assert!(dry["instances"][0]["metrics"].as_array().unwrap().len() > 60);
    assert_eq!(function.answer(r#"{"test_alert": true}"#).await["test_alert"], true);
    let messages = function.sim.world().topics[TOPIC].messages.len();
    assert_eq!(messages, 2, "one alert, one test");
    let id = function.sim.world().instances[0].id.clone();
    let one = function.answer(&json!({ "dry_run": true, "instance_ids": [id] }).to_string()).await;
    assert_eq!(one["instances"].as_array().unwrap().len(), 1);

    for (payload, name) in
        [(r#"{"dryrun": true}"#, "dryrun"), (r#"{"dry_run": "x"}"#, "dry_run"), ("{", "JSON"), ("[]", "list")]
    {
        let (kind, message) = function.refusal(payload).await;
        assert_eq!(kind, "PayloadError", "{payload}");
        assert!(message.contains(name), "{payload}: {message}");
    }
    assert!(function.answer("{}").await["complete"].as_bool().unwrap(), "a bad payload harms no later invocation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_invocation_that_has_too_little_time_answers_in_time() {
    let mut world = stocked();
    world.instances = World::with_instances(4).instances;
    let variables: Vec<_> = EVERYTHING.iter().filter(|(name, _)| *name != "CONNECT_PACING").copied().collect();
    let function = Function::start(world, &variables).await;
    let time = Duration::from_secs(12);
    let (began, outcome) = (Instant::now(), function.api.invoke(Bytes::from_static(b"{}"), time).await);
    assert!(began.elapsed() < time, "{:?}", began.elapsed());
    let Outcome::Response(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!(answer["complete"], false);
    assert!(answer["plan"]["note"].as_str().unwrap().contains("set CONNECT_PACING=per-operation"), "{answer:#}");
    let statuses: Vec<&str> =
        answer["instances"].as_array().unwrap().iter().map(|i| i["status"].as_str().unwrap()).collect();
    assert!(statuses.contains(&"skipped") && !statuses.contains(&"complete"), "{statuses:?}");
    let partial = statuses.iter().filter(|s| **s == "partial").count();
    assert_eq!(answer["snapshots"]["dynamodb"], partial + 1, "what was seen is stored: {answer:#}");
}

/// Where credentials come from a container's agent, they run out and are fetched anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn credentials_that_run_out_are_refreshed_between_invocations() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let agent = {
        let fetched = Arc::clone(&fetched);
        simaws::Server::start(0, move |_| {
            let n = fetched.fetch_add(1, Ordering::Relaxed);
            let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
            let credentials = json!({ "AccessKeyId": format!("AKID{n}"), "SecretAccessKey": "secret",
                "Token": "token", "Expiration": soon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() });
            let response = http::Response::builder().header("content-type", "application/json");
            let response = response.body(Bytes::from(credentials.to_string())).unwrap();
            async move { simaws::Reply::Http(response) }
        })
        .await
        .unwrap()
    };
    let sim = Sim::new(stocked());
    let (api, server) = (RuntimeApi::start().await.unwrap(), sim.serve().await.unwrap());
    let child = command(&api.address(), &server.url(), EVERYTHING)
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/credentials", agent.url()))
        .spawn()
        .unwrap();
    let function = Function { api, sim, child, _server: server };
    for _ in 0..2 {
        assert_eq!(function.answer("{}").await["complete"], true);
        let before = fetched.load(Ordering::Relaxed);
        assert!(before > 0);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(function.answer("{}").await["complete"], true);
        assert!(fetched.load(Ordering::Relaxed) > before, "the first ones had run out");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn failures_fail_the_invocation_with_their_stable_type() {
    for (service, operation, kind) in [
        ("connect", "ListInstances", "DiscoveryError"),
        ("sns", "Publish", "SinkError"),
        ("s3", "PutObject", "SinkError"),
        ("dynamodb", "PutItem", "SinkError"),
    ] {
        let function = Function::start(stocked(), EVERYTHING).await;
        function.sim.script(Fault::new(service, FaultKind::AccessDenied).operation(operation).times(Times::Forever));
        let (error_type, message) = function.refusal("{}").await;
        assert_eq!(error_type, kind, "{message}");
        assert!(message.contains(operation), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_bad_environment_fails_the_start_and_names_everything() {
    let variables =
        [("THRESHOLD_PERCENTAGE", "0"), ("CONNECT_PACING", "fast"), ("QUOTA_OVERRIDES", "{"), ("USE_DYNAMODB", "true")];
    let function = Function::start(World::empty(), &variables).await;
    let error = function.api.init_error().await;
    assert_eq!(error["errorType"], "ConfigError");
    let message = error["errorMessage"].as_str().unwrap();
    for name in ["THRESHOLD_PERCENTAGE", "CONNECT_PACING", "QUOTA_OVERRIDES", "DYNAMODB_TABLE"] {
        assert!(message.contains(name), "{name} is missing in: {message}");
    }
    let output = function.child.wait_with_output().await.unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stdout).unwrap();
    assert!(log.contains("ConfigError") && log.contains("THRESHOLD_PERCENTAGE"), "{log}");
    assert!(function.sim.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn logs_are_json_lines_and_hold_nothing_personal() {
    const MARKER: &str = "zq-personal-zq";
    let mut world = stocked();
    world.marker = Some(MARKER.to_owned());
    let mut function = Function::start(world, EVERYTHING).await;
    function.sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListQueues").times(Times::Forever));
    let answer = function.answer("{}").await;
    function.child.kill().await.unwrap();
    let output = function.child.wait_with_output().await.unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    assert!(log.lines().count() >= 2, "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        if line.get("_aws").is_some() {
            continue;
        }
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    let world = function.sim.world();
    let stored = format!("{:?}{:?}", world.tables[TABLE].plain_items(), world.topics[TOPIC].messages);
    let objects: Vec<_> =
        world.buckets[BUCKET].objects.values().map(|o| String::from_utf8_lossy(&o.body).into_owned()).collect();
    for (place, text) in
        [("log", log), ("answer", answer.to_string()), ("store or alert", stored), ("objects", objects.concat())]
    {
        assert!(!text.contains(MARKER), "a name from AWS's answers stands in the {place}");
    }
}

/// At the loudest level too: neither credentials nor people's names, on stdout or stderr.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_trace_of_a_run_holds_neither_credentials_nor_names() {
    const MARKER: &str = "zq-personal-zq";
    const SECRETS: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "AKIAZQACCESSKEYZQ"),
        ("AWS_SECRET_ACCESS_KEY", "zq-secret-key-zq"),
        ("AWS_SESSION_TOKEN", "zq-session-token-zq"),
    ];
    let mut world = stocked();
    world.marker = Some(MARKER.to_owned());
    let variables: Vec<_> = EVERYTHING.iter().copied().chain(SECRETS).chain([("RUST_LOG", "trace")]).collect();
    let mut function = Function::start(world, &variables).await;
    let read = |mut pipe: Box<dyn tokio::io::AsyncRead + Send + Unpin>| {
        tokio::spawn(async move {
            let mut text = String::new();
            pipe.read_to_string(&mut text).await.map(|_| text)
        })
    };
    let stdout = read(Box::new(function.child.stdout.take().unwrap()));
    let stderr = read(Box::new(function.child.stderr.take().unwrap()));
    function.answer("{}").await;
    function.child.kill().await.unwrap();
    let log = [stdout.await.unwrap().unwrap(), stderr.await.unwrap().unwrap()].concat();
    assert!(log.contains("run finished"), "{log}");
    for (what, text) in SECRETS.into_iter().chain([("a name", MARKER)]) {
        let line = log.lines().find(|line| line.contains(text));
        let line: Option<String> = line.map(|line| line.chars().take(300).collect());
        assert!(line.is_none(), "{what} stands in the log: {line:?}");
    }
}

/// The metric records that runs wrote to the log: one of a run, one of a dry run, one that failed.
async fn metric_records(setting: &str) -> Vec<Value> {
    let variables: Vec<_> = EVERYTHING.iter().copied().chain([("RUN_METRICS", setting)]).collect();
    let mut function = Function::start(stocked(), &variables).await;
    // Read as it comes, as Lambda does: a full pipe would stop the function.
    let mut stdout = function.child.stdout.take().unwrap();
    let log = tokio::spawn(async move {
        let mut log = String::new();
        stdout.read_to_string(&mut log).await.map(|_| log)
    });
    let answer = function.answer("{}").await;
    assert!(answer["instances"][0].get("metrics").is_none(), "rows stay out of the answer");
    function.answer(r#"{"dry_run": true}"#).await;
    function.sim.script(Fault::new("s3", FaultKind::AccessDenied).operation("PutObject").times(Times::Forever));
    function.refusal("{}").await;
    function.child.kill().await.unwrap();
    let log = log.await.unwrap().unwrap();
    let records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record.get("_aws").is_some()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_run_writes_its_metrics_to_the_log_also_one_that_fails() {
    assert!(metric_records("off").await.is_empty());
    let records = metric_records("summary").await;
    assert_eq!(records.len(), 4, "two runs of one instance: {records:#?}");
    let run = &records[0];
    assert_eq!(run["FunctionName"], "connect-quota-monitor");
    assert_eq!((&run["Instances"], &run["Violations"], &run["Unknown"]), (&json!(1), &json!(1), &json!(0)));
    assert!(run["RunDuration"].as_u64().unwrap() > 0 && run["ConnectCalls"].as_u64().unwrap() > 20);
    assert_eq!((&records[1]["MaxUtilization"], &run["MaxUtilization"]), (&json!(99.8), &json!(99.8)));
    let records = metric_records("per-quota").await;
    assert!(records.iter().any(|r| r["Prompts per instance (L-0865B754)"] == json!(99.8)), "{records:#?}");
    let all = |r: &Value| r["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len();
    assert!(records.iter().map(all).sum::<usize>() > 600 && records.iter().all(|r| all(r) <= 100));
}

/// CloudWatch's name does not exist, as the real resolver says it: gauges and rates are unknown, the run is not
/// complete, and readers are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_name_that_cannot_be_resolved_makes_the_run_incomplete() {
    let variables = [EVERYTHING, &[("AWS_ENDPOINT_URL_CLOUDWATCH", "http://monitoring.nowhere.invalid")]].concat();
    let function = Function::start(stocked(), &variables).await;
    let answer = function.answer("{}").await;
    assert_eq!((&answer["complete"], &answer["instances"][0]["status"]), (&json!(false), &json!("partial")));
    let fault = &answer["faults"][0];
    assert_eq!((&fault["operation"], &fault["kind"]), (&json!("cloudwatch:GetMetricData"), &json!("unavailable")));
    assert!(fault["message"].as_str().unwrap().contains("name"), "{fault}");
    assert_eq!(answer["instances"][0]["unknown_count"], 5, "the gauges");
    assert_eq!(answer["account"]["unknown_count"], 522, "the rates, the bursts beside them, and a sum of gauges");
    let dry = function.answer(r#"{"dry_run": true}"#).await;
    let calls = crate::harness::row(&dry["instances"][0], "L-12AB7C57");
    assert_eq!((&calls["status"], &calls["usage"]), (&json!("unknown"), &Value::Null), "{calls}");
}
