//! Between store, publish and record: whatever fails, a message is never lost and at most repeated.

use std::time::Duration;

use bytes::Bytes;
use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::edge::{lambda, logging};
use connect_quota_monitor::run::sinks::Sinks;
use connect_quota_monitor::run::{App, MetricsLog};
use serde_json::Value;
use simaws::lambda::{Outcome, RuntimeApi};
use simaws::{Fault, FaultKind, Times};

use crate::binary::under_lambda;
use crate::harness::{Bench, NOON, sdk, small};

const HOUR: i64 = 3600;
const PASS: FaultKind = FaultKind::Delay(Duration::ZERO);

/// Quiet, a violation, still there, over, quiet: two transitions, in hours 1 and 3.
fn prompts(hour: i64) -> u64 {
    if (1..3).contains(&hour) { 430 } else { 10 }
}

/// Runs the story with one operation failing in one hour, after so many that pass. Returns the events
/// without the repeated ones, how often a message was repeated, and how many runs failed.
async fn story(
    mut bench: Bench,
    service: &'static str,
    operation: &str,
    at: i64,
    passing: u32,
) -> (Vec<String>, usize, usize) {
    let mut failed = 0;
    for hour in 0..6 {
        bench.sim.world().instances[0].set("ListPrompts", prompts(hour));
        if hour == at {
            if passing > 0 {
                bench.sim.script(Fault::new(service, PASS).operation(operation).times(Times::N(passing)));
            }
            bench.sim.script(Fault::new(service, FaultKind::AccessDenied).operation(operation).times(Times::Once));
        }
        bench.restart();
        failed += usize::from(bench.run_at(&Request::default(), NOON + hour * HOUR).await.is_err());
    }
    let mut events: Vec<String> = bench.mails().into_iter().map(|m| m.event).collect();
    let all = events.len();
    events.dedup();
    let repeated = all - events.len();
    (events, repeated, failed)
}

#[tokio::test(start_paused = true)]
async fn at_every_point_of_a_run_and_with_every_store() {
    for (table, bucket) in [(true, false), (false, true), (true, true)] {
        let bench = || {
            let mut bench = Bench::new(small()).with_topic();
            bench = if table { bench.with_table() } else { bench };
            if bucket { bench.with_bucket() } else { bench }
        };
        let put = if table { ("dynamodb", "PutItem") } else { ("s3", "PutObject") };
        // In the hours of the two transitions: the instance's snapshot, the account's, the publish,
        // and the record of it.
        for hour in [1, 3] {
            for ((service, operation), passing) in [(put, 0), (put, 1), (("sns", "Publish"), 0), (put, 2)] {
                let (events, repeated, failed) = story(bench(), service, operation, hour, passing).await;
                let place = format!("hour {hour}, {operation} after {passing}, stores {table} {bucket}");
                let over_at_once = hour == 3 && operation == "Publish";
                assert_eq!(events, ["raised", "recovered"], "{place}");
                assert!(repeated <= 1, "{place}: repeated {repeated} times");
                assert_eq!(failed, usize::from(operation == "Publish"), "{place}");
                assert!(!over_at_once || repeated == 0, "{place}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_violation_that_was_over_before_it_could_be_told_is_told() {
    let mut bench = Bench::new(small()).with_table().with_topic();
    for hour in 0..4 {
        bench.sim.world().instances[0].set("ListPrompts", if hour == 1 { 499 } else { 10 });
        if hour == 1 {
            bench.once("sns", "Publish", FaultKind::AccessDenied);
        }
        bench.restart();
        let result = bench.run_at(&Request::default(), NOON + hour * HOUR).await;
        assert_eq!(result.is_err(), hour == 1, "a failed publish fails its run");
    }
    let mails = bench.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].event, "recovered");
    assert!(
        mails[0].text.contains("Prompts per instance: 10/500 (2.0%), was critical since 13:00 UTC"),
        "{}",
        mails[0].text
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_topic_nothing_waits_for_ever_to_be_told() {
    let mut bench = Bench::new(small()).with_table();
    for hour in 0..4 {
        bench.sim.world().instances[0].set("ListPrompts", prompts(hour));
        bench.restart();
        bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
    }
    // The topic comes when all is over.
    let mut bench = bench.with_topic();
    for hour in 4..7 {
        bench.restart();
        bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
    }
    assert!(bench.mails().is_empty(), "{:?}", bench.mails());
}

/// The function of `a_panic_is_the_invocations_error_and_ends_the_process`, in the process that it starts.
#[tokio::test]
#[ignore = "does nothing but in a process of its own, under a Runtime API"]
async fn a_function_that_panics() {
    if std::env::var("AWS_LAMBDA_RUNTIME_API").is_err() {
        return;
    }
    logging::for_lambda(|_| None);
    lambda::report_panics();
    let bench = Bench::new(small());
    let sdk = sdk(&bench.sim, Duration::ZERO).await;
    let mut app = App::new(bench.config.clone(), Aws::new(&sdk, &bench.config), Sinks::new(&sdk, &bench.config, true));
    let write = |line: &str| {
        assert!(std::env::var("QUIET").is_ok(), "a message with a value in it: {line}");
        panic!("a literal message");
    };
    app.metrics_log = Some(MetricsLog { function: "panics".to_owned(), per_quota: false, write });
    lambda::serve(app).await.unwrap();
}

#[tokio::test]
async fn a_panic_is_the_invocations_error_and_ends_the_process() {
    for quiet in [true, false] {
        let api = RuntimeApi::start().await.unwrap();
        let mut child = under_lambda(std::env::current_exe().unwrap(), &api.address());
        child.args(["--exact", "crashes::a_function_that_panics", "--include-ignored", "--nocapture"]);
        let child = child.envs(quiet.then_some(("QUIET", "1"))).spawn().unwrap();
        let outcome = api.invoke(Bytes::from_static(b"{}"), Duration::from_secs(60)).await;
        let Outcome::Error { error_type, message, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(error_type, "Panic");
        assert!(message.starts_with("the monitor panicked at tests/it/crashes.rs:"), "{message}");
        let ended = child.wait_with_output().await.unwrap();
        assert!(!ended.status.success() && ended.status.code().is_none(), "it is aborted: {}", ended.status);
        let log = String::from_utf8_lossy(&ended.stdout);
        let line = log.lines().find(|line| line.contains("panicked")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"ERROR".into(), &message.as_str().into()));
        assert_eq!(message.contains(": a literal message;"), quiet, "{message}");
        // Values may be the names of people.
        let said = format!("{log}{}", String::from_utf8_lossy(&ended.stderr));
        assert!(!said.contains("with a value in it"), "{said}");
    }
}
