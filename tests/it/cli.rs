//! The command line, as a person runs it.

use std::process::{Output, Stdio};

use serde_json::Value;
use simaws::{Fault, FaultKind, Parameter, Sim, Throttle, Times, World};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_connect-quota-monitor");

fn quiet() -> World {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 10.0);
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance("L-9A46857E", &arn, 700.0);
    world
}

pub async fn run(sim: &Sim, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let server = sim.serve().await.unwrap();
    run_at(&server.url(), arguments, variables).await
}

pub async fn run_at(url: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", url)
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

pub const CREDENTIALS: &[(&str, &str)] =
    &[("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
const CHECK: &[&str] = &["check", "--pacing", "per-operation"];

#[tokio::test]
async fn exit_codes_tell_well_violated_unseen_and_failed_apart() {
    let sim = Sim::new(quiet());
    let (code, table, _) = run(&sim, CHECK, CREDENTIALS).await;
    assert_eq!(code, 0, "{table}");
    assert!(table.contains("Users per instance") && table.contains("0 violations"), "{table}");
    assert!(!table.contains('\u{1b}'), "no escape sequences where stdout is no terminal");

    sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListQueues").times(Times::Forever));
    let (code, table, _) = run(&sim, CHECK, CREDENTIALS).await;
    assert_eq!(code, 2, "{table}");
    assert!(table.contains("Could not see connect:ListQueues"), "{table}");

    sim.world().instances[0].set("ListPrompts", 450);
    let (code, table, _) = run(&sim, CHECK, CREDENTIALS).await;
    assert_eq!(code, 1, "a violation counts more than blindness: {table}");

    sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListInstances").times(Times::Forever));
    let (code, _, error) = run(&sim, CHECK, CREDENTIALS).await;
    assert_eq!(code, 3);
    assert!(error.contains("DiscoveryError") && error.contains("connect:ListInstances"), "{error}");
}

#[tokio::test]
async fn json_output_is_the_answer_with_every_row() {
    let sim = Sim::new(quiet());
    let arguments = ["check", "--pacing", "per-operation", "--output", "json", "--threshold", "1"];
    let (code, json, _) = run(&sim, &arguments, CREDENTIALS).await;
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["dry_run"], true);
    assert!(report["instances"][0]["metrics"].as_array().unwrap().len() > 60);
    let id = report["instances"][0]["instance_id"].as_str().unwrap();
    let (code, _, _) = run(&sim, &["check", "--pacing", "per-operation", "--instance", id], CREDENTIALS).await;
    assert_eq!(code, 0);
    let (code, _, error) = run(&sim, &["check", "--instance", "nope"], CREDENTIALS).await;
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("nope"), "{error}");
}

#[tokio::test]
async fn alarms_are_printed_as_code_and_none_is_made() {
    let mut world = World::demo();
    world.throttle = Throttle::None;
    // Then the limits of single instances must be asked for one by one.
    world.quotas.list_resource_level = false;
    let sim = Sim::new(world);
    let (code, json, error) = run(&sim, &["alarms", "--format", "cloudformation"], CREDENTIALS).await;
    assert_eq!(code, 0, "{error}");
    let template: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(template["Resources"].as_object().unwrap().len(), 5 + 9);
    assert_eq!(template["Parameters"]["TopicArn"]["Default"], "");
    assert!(json.contains("m1/500*100") && json.contains("m1/100*100"), "each instance's own limit: {json}");
    assert!(!json.contains("is kept by"), "these are the reader's own");

    let id = sim.world().instances[1].id.clone();
    let arguments = ["alarms", "--format", "terraform", "--kind", "instance", "--instance", &id];
    let (code, hcl, _) = run(&sim, &arguments, CREDENTIALS).await;
    assert_eq!((code, hcl.matches("resource \"aws_cloudwatch_metric_alarm\"").count()), (0, 3), "{hcl}");
    assert!(sim.world().alarms.is_empty());

    let overrides = r#"{"L-12AB7C57": {"limit": 321}}"#;
    sim.world()
        .parameters
        .insert("/connect/overrides".to_owned(), Parameter { value: overrides.to_owned(), is_secure: false });
    let variables = [CREDENTIALS, &[("QUOTA_OVERRIDES", "ssm:/connect/overrides")]].concat();
    let (code, hcl, error) = run(&sim, &arguments, &variables).await;
    assert_eq!((code, hcl.matches("m1/321*100").count()), (0, 1), "a stored override counts here too: {error}");

    sim.script(Fault::new("monitoring", FaultKind::AccessDenied).operation("ListMetrics").times(Times::Forever));
    let (code, half, error) = run(&sim, &["alarms", "--format", "terraform"], CREDENTIALS).await;
    assert_eq!((code, half.as_str()), (3, ""), "half of it would look like all");
    assert!(error.contains("CollectionError") && error.contains("cloudwatch:ListMetrics"), "{error}");
    assert_eq!(run(&sim, &["alarms"], CREDENTIALS).await.0, 3, "the format must be given");
}

#[tokio::test]
async fn missing_credentials_and_region_say_what_to_do() {
    let sim = Sim::new(quiet());
    let (code, _, error) = run(&sim, CHECK, &[("AWS_REGION", "us-east-1")]).await;
    assert_eq!(code, 3);
    assert!(error.contains("credentials") && error.contains("aws configure"), "{error}");
    let (code, _, error) = run(&sim, CHECK, &CREDENTIALS[1..]).await;
    assert_eq!(code, 3);
    assert!(error.contains("--region") && error.contains("AWS_REGION"), "{error}");
}

#[tokio::test]
async fn wrong_arguments_and_variables_fail_with_3_and_help_with_0() {
    let sim = Sim::new(quiet());
    let (code, help, _) = run(&sim, &["check", "--help"], &[]).await;
    assert_eq!(code, 0);
    for option in [
        "--region",
        "--profile",
        "--instance",
        "--threshold",
        "--pacing",
        "--output",
        "--store",
        "--alert",
        "Exit codes",
    ] {
        assert!(help.contains(option), "{option} is missing in the help");
    }
    assert_eq!(run(&sim, &["check", "--nope"], &[]).await.0, 3);
    assert_eq!(run(&sim, &["check", "--threshold", "0"], &[]).await.0, 3);
    assert_eq!(run(&sim, &[], &[]).await.0, 3);
    let (code, _, error) =
        run(&sim, CHECK, &[("REMINDER_HOURS", "soon"), ("S3_BUCKET", "b"), ("USE_S3_STORAGE", "perhaps")]).await;
    assert_eq!(code, 3);
    assert!(error.contains("REMINDER_HOURS") && error.contains("USE_S3_STORAGE"), "{error}");
    let (code, _, error) = run(&sim, &["check", "--store", "--alert"], CREDENTIALS).await;
    assert_eq!(code, 3);
    assert!(error.contains("--store") && error.contains("--alert"), "{error}");
}

#[tokio::test]
async fn a_service_that_the_catalogue_lacks_is_named_with_those_it_has() {
    let sim = Sim::new(World::with_instances(0));
    let (code, stdout, stderr) = run(&sim, &["quotas", "--service", "nope"], CREDENTIALS).await;
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("nope") && stderr.contains("connect-campaigns"), "{stderr}");
    let (code, stdout, _) = run(&sim, &["quotas", "--service", "cases"], CREDENTIALS).await;
    assert!(code == 0 && stdout.contains("Cases"), "{stdout}");
}

#[tokio::test]
async fn a_stored_answer_is_rendered_again_with_the_same_exit_code() {
    let mut world = quiet();
    world.instances[0].set("ListPrompts", 450);
    let sim = Sim::new(world);
    let file = std::env::temp_dir().join(format!("report-{}.json", std::process::id()));
    let name = file.to_str().unwrap();
    let (code, out, error) = run(&sim, &[CHECK, &["--output", "json", "-o", name]].concat(), CREDENTIALS).await;
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    for (form, begins) in [
        ("html", "<!DOCTYPE html>"),
        ("csv", "account_id,"),
        ("markdown", "# Amazon Connect quotas"),
        ("prometheus", "# HELP "),
        ("junit", "<?xml "),
        ("json", "{"),
    ] {
        let (code, out, error) = run(&sim, &["report", "--from", name, "--output", form], &[]).await;
        assert_eq!(code, 1, "{form}: {error}");
        assert!(out.starts_with(begins) && out.contains("Prompts per instance"), "{form}: {out}");
    }
    std::fs::write(&file, "{\"schema_version\": 1, ").unwrap();
    let (code, _, error) = run(&sim, &["report", "--from", name], &[]).await;
    assert!(code == 3 && error.contains("ends in the middle") && error.contains("expected"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let (code, _, error) = run(&sim, &["report", "--from", name], &[]).await;
    assert!(code == 3 && error.contains(name) && error.contains("expected"), "{error}");
}
