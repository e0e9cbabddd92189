//! `diff` of two answers that the command itself wrote.

use connect_quota_monitor::domain::request::Request;
use jiff::Timestamp;
use serde_json::Value;
use simaws::{Fault, FaultKind, Sim, Throttle, Times, World};

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, Bench, TABLE, roomy};

const CHECK: &[&str] = &["check", "--pacing", "per-operation", "--output", "json"];

#[tokio::test]
async fn two_answers_of_check_are_compared() {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 10.0);
    let sim = Sim::new(world);
    let folder = std::env::temp_dir().join(format!("diff-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (old, new, half) = (file("old.json"), file("new.json"), file("half.json"));

    let (_, json, error) = run(&sim, CHECK, CREDENTIALS).await;
    std::fs::write(&old, &json).unwrap();
    std::fs::write(&half, &json[..json.len() / 2]).unwrap();
    let (code, text, _) = run(&sim, &["diff", &old, &old], &[]).await;
    assert!(code == 0 && text.contains("nothing is new"), "{text}{error}");

    sim.world().instances[0].set("ListPrompts", 450);
    sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListQueues").times(Times::Forever));
    std::fs::write(&new, run(&sim, CHECK, CREDENTIALS).await.1).unwrap();
    let (code, text, _) = run(&sim, &["diff", &old, &new], &[]).await;
    assert!(code == 1 && text.contains("new  ") && text.contains("Prompts per instance"), "{text}");
    assert!(text.contains("no longer seen  ") && text.contains("Queues per instance"), "{text}");
    let (code, json, _) = run(&sim, &["diff", &new, &old, "--output", "json"], &[]).await;
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &found["differences"][0]["change"]), (0, &"recovered".into()), "{json}");

    // As PowerShell writes it.
    let marked = file("marked.json");
    std::fs::write(&marked, format!("\u{feff}{}", std::fs::read_to_string(&old).unwrap())).unwrap();
    let (code, text, error) = run(&sim, &["diff", &old, &marked], &[]).await;
    assert!(code == 0 && text.contains("nothing is new"), "{text}{error}");
    let (code, text, error) = run(&sim, &["report", "--from", &marked], &[]).await;
    assert!(code < 3 && text.contains("Prompts per instance"), "{error}");
    let wide = file("wide.json");
    std::fs::write(&wide, b"\xff\xfe{\0}\0").unwrap();
    for command in [&["diff", &old, &wide][..], &["report", "--from", &wide]] {
        let (code, _, error) = run(&sim, command, &[]).await;
        assert!(code == 3 && error.contains("wide.json") && error.contains("UTF-16"), "{error}");
    }

    for wrong in [half, file("missing.json")] {
        let (code, _, error) = run(&sim, &["diff", &old, &wrong], &[]).await;
        assert!(code == 3 && error.contains(&wrong), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

const IN_TABLE: &[(&str, &str)] = &[("USE_DYNAMODB", "true"), ("DYNAMODB_TABLE", TABLE)];
const IN_BUCKET: &[(&str, &str)] = &[("USE_S3_STORAGE", "true"), ("S3_BUCKET", BUCKET)];
const HOUR: i64 = 3_600;

async fn since(sim: &Sim, time: &str, variables: &[(&str, &str)]) -> (i32, String, String) {
    run(sim, &["diff", "--since", time, "--output", "json"], &[CREDENTIALS, variables].concat()).await
}

/// Three runs: 30 hours ago, 3 hours ago and now.
async fn three_runs(bench: &mut Bench) {
    let now = Timestamp::now().as_second() - 60;
    let codes = ["L-0865B754", "L-19A87C94", "L-22922690"];
    let arns: Vec<String> = {
        let world = bench.sim.world();
        world.instances.iter().map(|instance| instance.arn(&world)).collect()
    };
    for (hours, [prompts, queues, flows], second) in
        [(30, [450, 95, 10], 10), (3, [10, 95, 10], 450), (0, [10, 97, 90], 450)]
    {
        for arn in &arns {
            for code in codes {
                bench.sim.world().quotas.set_instance(code, arn, if code == "L-0865B754" { 500.0 } else { 100.0 });
            }
        }
        if hours == 0 {
            bench.sim.world().quotas.set_instance("L-F325A715", &arns[0], 777.0);
        }
        for (operation, count) in [("ListPrompts", prompts), ("ListQueues", queues), ("ListContactFlows", flows)] {
            bench.sim.world().instances[0].set(operation, count);
        }
        bench.sim.world().instances[1].set("ListPrompts", second);
        bench.run_at(&Request::default(), now - hours * HOUR).await.unwrap();
    }
}

#[tokio::test]
async fn what_changed_since_a_time_is_read_from_either_store() {
    for (bench, store) in
        [(Bench::new(roomy(2)).with_table(), IN_TABLE), (Bench::new(roomy(2)).with_bucket().with_topic(), IN_BUCKET)]
    {
        let mut bench = bench;
        three_runs(&mut bench).await;
        let before = bench.sim.requests().len();
        let (code, json, error) = since(&bench.sim, "24h", store).await;
        assert_eq!(code, 1, "{error}");
        let found: Value = serde_json::from_str(&json).unwrap();
        let of = |change: &str| -> Vec<(&str, &str)> {
            let all = found["differences"].as_array().unwrap().iter().filter(|d| d["change"] == change);
            all.map(|d| (d["instance"].as_str().unwrap(), d["quota_name"].as_str().unwrap())).collect()
        };
        let names: Vec<String> = bench.sim.world().instances.iter().map(|i| i.alias.clone().unwrap()).collect();
        let [one, two] = [names[0].as_str(), names[1].as_str()];
        assert_eq!(of("recovered"), [(one, "Prompts per instance")], "{found:#}");
        assert_eq!(of("worse"), [(one, "Queues per instance")]);
        let new = of("new");
        assert!(new.contains(&(one, "Contact flows per instance")) && new.contains(&(two, "Prompts per instance")));
        assert_eq!(of("limit_changed"), [(one, "Security profiles per instance")]);
        // Against three hours ago the second instance is as it was.
        let (code, json, _) = since(&bench.sim, "90m", store).await;
        let found: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(code, 1);
        assert!(!json.contains(two), "{found:#}");
        let asked: Vec<String> = bench.sim.requests()[before..].iter().map(|r| r.operation.clone()).collect();
        let reads = |operation: &String| ["Get", "List", "Query"].iter().any(|verb| operation.starts_with(verb));
        assert!(!asked.is_empty() && asked.iter().all(reads), "{asked:?}");
        // The default is a day; an instance that is gone by then is named.
        // One that came makes no number of it.
        let mut other = World::with_instances(3).instances.remove(2);
        other.set("ListPrompts", 1);
        let gone = std::mem::replace(&mut bench.sim.world().instances[1], other).id;
        bench.run_at(&Request::default(), Timestamp::now().as_second()).await.unwrap();
        let (code, text, error) = run(&bench.sim, &["diff"], &[CREDENTIALS, store].concat()).await;
        // A monitor with readers tells them, and forgets the instance.
        let note = if store == IN_TABLE {
            format!("Measured then and not by the newest run, because its time was over or they are gone: {gone}")
        } else {
            "1 of the 2 instances of then are gone: theirs are not compared".to_owned()
        };
        assert!(code == 1 && text.lines().any(|line| line == note), "{text}{error}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_answer_says_why() {
    let (sim, bench) = (Sim::new(roomy(1)), Bench::new(roomy(1)).with_table());
    for (time, part) in [("soon", "90m, 24h or 7d"), ("24h", "USE_DYNAMODB=true")] {
        let (code, out, error) = since(&sim, time, &[]).await;
        assert!(code == 3 && out.is_empty() && error.contains(part), "{error}");
    }
    let mut bench = bench;
    let (code, _, error) = since(&bench.sim, "24h", IN_TABLE).await;
    assert!(code == 3 && error.contains("has not run there yet"), "{error}");
    let now = Timestamp::now().as_second() - 60;
    bench.run_at(&Request::default(), now - 2 * HOUR).await.unwrap();
    let (code, _, error) = since(&bench.sim, "24h", IN_TABLE).await;
    assert!(code == 3 && error.contains("no report of") && error.contains("ask for less"), "{error}");
    let (code, _, error) = since(&bench.sim, "1h", IN_TABLE).await;
    assert!(code == 3 && error.contains("nothing has run since"), "{error}");
    bench.sim.script(Fault::new("dynamodb", FaultKind::AccessDenied).operation("Query").times(Times::Forever));
    let (code, _, error) = since(&bench.sim, "1h", IN_TABLE).await;
    assert!(code == 3 && error.contains("dynamodb:Query"), "{error}");
    let (code, _, error) = run(&bench.sim, &["diff", "one.json"], CREDENTIALS).await;
    assert!(code == 3 && error.contains("<NEW>"), "{error}");
}

#[tokio::test]
async fn a_bucket_is_read_over_pages_and_its_refusal_is_named() {
    let mut bench = Bench::new(roomy(2)).with_bucket();
    three_runs(&mut bench).await;
    bench.sim.script(Fault::new("s3", FaultKind::EmptyPageWithToken).operation("ListObjectsV2").times(Times::Forever));
    let (code, json, error) = since(&bench.sim, "24h", IN_BUCKET).await;
    assert!(code == 1 && json.contains("recovered"), "{json}{error}");
    let mut bench = Bench::new(roomy(2)).with_bucket();
    three_runs(&mut bench).await;
    bench.sim.script(Fault::new("s3", FaultKind::AccessDenied).operation("ListObjectsV2").times(Times::Forever));
    let (code, _, error) = since(&bench.sim, "24h", IN_BUCKET).await;
    assert!(code == 3 && error.contains("s3:ListBucket"), "{error}");
}
