//! What is no report, no plan or no store: an error that names it and says what was expected, and never a panic.

use std::fs;
use std::path::PathBuf;

use simaws::{Fault, FaultKind, Sim, Table, Times, World};

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, Bench, TABLE, quiet};

const IN_TABLE: &[(&str, &str)] = &[("USE_DYNAMODB", "true"), ("DYNAMODB_TABLE", TABLE)];
const IN_BUCKET: &[(&str, &str)] = &[("USE_S3_STORAGE", "true"), ("S3_BUCKET", BUCKET)];

/// It ends with 3, prints nothing but the error, and the error has these parts.
async fn refused(sim: &Sim, arguments: &[&str], variables: &[(&str, &str)], parts: &[&str]) {
    let (code, out, error) = run(sim, arguments, &[CREDENTIALS, variables].concat()).await;
    assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}: {error}");
    assert!(!error.contains("panicked") && error.lines().count() < 6, "{arguments:?}: {error}");
    for part in parts {
        assert!(error.contains(part), "no {part} in {arguments:?}: {error}");
    }
}

/// A report with every row, as the function stores it.
async fn report() -> String {
    let mut bench = Bench::new(quiet(1)).with_bucket();
    bench.run().await.unwrap();
    let world = bench.sim.world();
    let latest = &world.buckets[BUCKET].objects["connect-reports/111122223333/us-east-1/latest/report.json"];
    String::from_utf8(latest.body.to_vec()).unwrap()
}

#[tokio::test]
async fn files_that_are_no_report_are_refused_by_every_command_that_reads_one() {
    let sim = Sim::new(World::with_instances(1));
    let whole = report().await;
    let folder = std::env::temp_dir().join(format!("bad-input-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let put = |name: &str, bytes: &[u8]| -> String {
        let path: PathBuf = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = put("good.json", whole.as_bytes());
    let future = whole.replacen("\"schema_version\":1", "\"schema_version\":2", 1);
    assert_ne!(future, whole);
    let cases = [
        (put("future.json", future.as_bytes()), "schema_version"),
        (put("half.json", &whole.as_bytes()[..whole.len() / 2]), "check --output json"),
        (put("empty.json", b""), "check --output json"),
        (put("text.json", b"hello"), "no JSON"),
        (put("list.json", b"[1, 2]"), "check --output json"),
        (put("bytes.json", &[0xff, 0xfe, 0x00]), "bytes.json"),
        (folder.to_str().unwrap().to_owned(), "bad-input"),
        (folder.join("missing.json").to_str().unwrap().to_owned(), "missing.json"),
    ];
    for (file, part) in &cases {
        let parts = [part, file.as_str()];
        refused(&sim, &["report", "--from", file], &[], &parts).await;
        refused(&sim, &["evidence", "--from", file], &[], &parts).await;
        refused(&sim, &["fit", "--add", "users=1", "--from", file], &[], &parts).await;
        refused(&sim, &["diff", &good, file], &[], &parts).await;
        refused(&sim, &["diff", file, &good], &[], &parts).await;
    }
    // A report is no plan, and a plan is no report.
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fit/plan.json");
    refused(&sim, &["fit", "--plan", &good, "--from", &good], &[], &["terraform show -json", "good.json"]).await;
    refused(&sim, &["report", "--from", plan], &[], &["plan.json", "check --output json"]).await;
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fit/desk.yaml");
    refused(&sim, &["fit", "--plan", template, "--from", template], &[], &["desk.yaml", "check --output json"]).await;
    let half = fs::read(plan).unwrap();
    for (name, bytes) in
        [("half-plan.json", &half[..half.len() / 2]), ("no-plan.json", b"{\"a\": 1}"), ("two.yaml", b"a: [")]
    {
        let file = put(name, bytes);
        refused(&sim, &["fit", "--plan", &file, "--from", &good], &[], &[name, "terraform show -json"]).await;
    }
    assert!(sim.requests().is_empty(), "a file asks nobody");
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn stores_that_are_empty_gone_or_closed_are_named() {
    let mut world = World::with_instances(1);
    world.tables.insert(TABLE.to_owned(), Table::new("subject", "timestamp"));
    world.buckets.entry(BUCKET.to_owned()).or_default();
    let sim = Sim::new(world);
    for command in
        [&["report", "--from", "latest"][..], &["evidence"], &["fit", "--add", "users=1", "--from", "latest"]]
    {
        refused(&sim, command, &[], &["USE_S3_STORAGE=true and S3_BUCKET"]).await;
        refused(&sim, command, IN_BUCKET, &["latest/report.json", "no run has written"]).await;
    }
    for command in [&["history"][..], &["diff", "--since", "24h"]] {
        for store in [IN_TABLE, IN_BUCKET] {
            refused(&sim, command, store, &["111122223333", "has not run there yet"]).await;
        }
    }
    for (service, operation, action) in
        [("s3", "GetObject", "s3:GetObject"), ("dynamodb", "GetItem", "dynamodb:GetItem")]
    {
        sim.script(Fault::new(service, FaultKind::AccessDenied).operation(operation).times(Times::Forever));
        let store = if service == "s3" { IN_BUCKET } else { IN_TABLE };
        refused(&sim, &["history"], store, &[action]).await;
        refused(&sim, &["diff"], store, &[action]).await;
        if service == "s3" {
            refused(&sim, &["report", "--from", "latest"], store, &[action]).await;
            refused(&sim, &["evidence"], store, &[action]).await;
        }
    }
    sim.clear_faults();
    sim.world().tables.clear();
    sim.world().buckets.clear();
    for store in [IN_TABLE, IN_BUCKET] {
        refused(&sim, &["history"], store, &["not_found"]).await;
        refused(&sim, &["diff"], store, &["not_found"]).await;
    }
    refused(&sim, &["report", "--from", "latest"], IN_BUCKET, &["latest/report.json"]).await;
}
