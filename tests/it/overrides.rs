//! `QUOTA_OVERRIDES` from the inside of AWS, and what the command says about them.

use serde_json::Value;
use simaws::{Bucket, Fault, FaultKind, Parameter, Sim, Throttle, Times, World};

use crate::binary::Function;
use crate::cli::{CREDENTIALS, run};

/// Prompts (430 of 500) are a violation, unless something says otherwise.
const MUTED: &str = r#"{"Prompts per *": {"mute": {"reason": "known", "until": "2999-12-31"}}}"#;
const PARAMETER: &str = "/connect/quota-overrides";

fn world(text: &str) -> World {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 10.0);
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance("L-9A46857E", &arn, 700.0);
    world.instances[0].set("ListPrompts", 430);
    world.parameters.insert(PARAMETER.to_owned(), Parameter { value: text.to_owned(), is_secure: true });
    let mut bucket = Bucket::default();
    bucket.put("rules/overrides.json", text);
    world.buckets.insert("settings".to_owned(), bucket);
    world
}

async fn function(text: &str, reference: &str) -> Function {
    Function::start(world(text), &[("CONNECT_PACING", "per-operation"), ("QUOTA_OVERRIDES", reference)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rules_are_read_from_a_parameter_or_an_object() {
    let parameter = format!("ssm:{PARAMETER}");
    let arn = format!("ssm:{}", world(MUTED).arn("ssm", &format!("parameter{PARAMETER}")));
    for reference in [parameter.as_str(), arn.as_str(), "s3://settings/rules/overrides.json"] {
        let function = function(MUTED, reference).await;
        let answer = function.answer("{}").await;
        assert_eq!(answer["violations"], 0, "{reference}: {answer:#}");
        function.answer("{}").await;
        let reads = function.sim.requests().iter().filter(|r| ["ssm", "s3"].contains(&r.service)).count();
        assert_eq!(reads, 1, "once for the process: {reference}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_cannot_be_read_fails_the_start_and_says_why() {
    let bad = "{\n  \"L-9A46857E\": 3 }";
    for (reference, fault, words) in [
        ("ssm:/connect/nothing", None, vec!["ssm:/connect/nothing", "ParameterNotFound"]),
        ("ssm:/connect/quota-overrides:7", None, vec!["ParameterVersionNotFound"]),
        ("s3://settings/nothing.json", None, vec!["s3://settings/nothing.json", "s3:GetObject", "NoSuchKey"]),
        ("s3://nowhere/x.json", None, vec!["NoSuchBucket"]),
        ("s3://settings", None, vec!["expected s3://<bucket>/<key>"]),
        ("ssm:/connect/quota-overrides", None, vec!["ssm:/connect/quota-overrides", "line 2 column"]),
        ("ssm:/connect/quota-overrides", Some(FaultKind::AccessDenied), vec!["ssm:GetParameter", "grant"]),
        ("ssm:/connect/quota-overrides", Some(FaultKind::Hang), vec!["no answer within 7 s"]),
    ] {
        let sim = Sim::new(world(bad));
        if let Some(kind) = fault {
            sim.script(Fault::new("ssm", kind).times(Times::Forever));
        }
        let variables = [("QUOTA_OVERRIDES", reference), ("REMINDER_HOURS", "often")];
        let function = Function::start_on(sim, &variables).await;
        let error = function.api.init_error().await;
        assert_eq!(error["errorType"], "ConfigError");
        let message = error["errorMessage"].as_str().unwrap();
        for word in words.into_iter().chain(["QUOTA_OVERRIDES", "REMINDER_HOURS"]) {
            assert!(message.contains(word), "{reference}: {word} is missing in: {message}");
        }
    }
}

const RULES: &str = r#"{"L-0865B754": {"limit": 900, "instances": {"acme-*": {"threshold_percentage": 70}}},
    "category:routing": {"mute": {"reason": "gone", "until": "2020-01-31"}}}"#;

#[tokio::test]
async fn explain_tells_which_rule_wins_without_a_call() {
    let sim = Sim::new(World::empty());
    let inline = [("QUOTA_OVERRIDES", RULES)];
    let (code, text, error) = run(&sim, &["explain", "--quota", "L-0865B754", "--instance", "acme-eu"], &inline).await;
    assert_eq!(code, 0, "{error}");
    for words in [
        "Prompts per instance (L-0865B754)",
        "warning at   70 %       from L-0865B754 / instances / acme-*",
        "critical at  95 %       from CRITICAL_PERCENTAGE",
        "limit        900        from L-0865B754",
        "1. L-0865B754 / instances / acme-* (quota by code, instance by alias pattern)",
    ] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    let arguments = ["explain", "--quota", "Queues per instance", "--output", "json"];
    let (code, json, _) = run(&sim, &arguments, &inline).await;
    let told: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, 0);
    assert_eq!((&told["mute"]["state"], &told["mute"]["from"]), (&"expired".into(), &"category:routing".into()));
    assert!(sim.requests().is_empty());

    let (code, _, error) = run(&sim, &["explain", "--quota", "Prompt per instance"], &inline).await;
    assert_eq!(code, 3);
    assert!(error.contains("perhaps Prompts per instance (L-0865B754)"), "{error}");
    let rate = ["explain", "--quota", "L-AA17A6B9", "--instance", "acme-eu"];
    assert!(run(&sim, &rate, &inline).await.2.contains("whole account"));
    let (code, _, error) = run(&sim, &["explain", "--quota", "L-0865B754"], &[("QUOTA_OVERRIDES", "{\n3")]).await;
    assert_eq!(code, 3);
    assert!(error.contains("ConfigError: QUOTA_OVERRIDES: ") && error.contains("line 2 column"), "{error}");
}

#[tokio::test]
async fn explain_reads_a_reference() {
    let sim = Sim::new(world(RULES));
    let variables: Vec<_> =
        CREDENTIALS.iter().copied().chain([("QUOTA_OVERRIDES", "ssm:/connect/quota-overrides")]).collect();
    let (code, text, error) = run(&sim, &["explain", "--quota", "L-0865B754"], &variables).await;
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("limit        900"), "{text}");
    let (code, _, error) =
        run(&sim, &["explain", "--quota", "L-0865B754"], &[("QUOTA_OVERRIDES", "ssm:/connect/quota-overrides")]).await;
    assert_eq!(code, 3);
    assert!(error.contains("no AWS Region"), "{error}");
}
