//! The report of the latest run, in the bucket, and the command that reads it there.

use std::time::Duration;

use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::Moment;
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Sim, Times};

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, Bench, NOON, quiet};
use crate::watch::record;

const LATEST: &str = "connect-reports/111122223333/us-east-1/latest";

fn object(sim: &Sim, name: &str) -> String {
    let world = sim.world();
    let object = world.buckets[BUCKET].objects.get(&format!("{LATEST}/{name}"));
    String::from_utf8(object.unwrap_or_else(|| panic!("no {name}")).body.to_vec()).unwrap()
}

#[tokio::test]
async fn the_latest_report_has_every_row_and_is_read_from_the_bucket() {
    let mut bench = Bench::new(quiet(2)).with_bucket().with_topic();
    bench.sim.world().instances[0].set("ListPrompts", 490);
    let answer = bench.run().await.unwrap();
    let report: Value = serde_json::from_str(&object(&bench.sim, "report.json")).unwrap();
    assert_eq!((&report["execution_id"], &report["schema_version"]), (&answer["execution_id"], &json!(1)));
    let rows = |seen: &Value| seen["metrics"].as_array().unwrap().len() as u64;
    for seen in report["instances"].as_array().unwrap().iter().chain([&report["account"]]) {
        assert_eq!(rows(seen), seen["metrics_count"].as_u64().unwrap());
    }
    let page = object(&bench.sim, "index.html");
    assert!(page.contains("Prompts per instance") && page.contains("Content-Security-Policy"));
    assert!(bench.mails()[0].text.contains(&format!("{LATEST}/index.html")), "{}", bench.mails()[0].text);

    let variables = [CREDENTIALS, &[("USE_S3_STORAGE", "true"), ("S3_BUCKET", BUCKET)]].concat();
    let from = format!("s3://{BUCKET}/{LATEST}/report.json");
    for from in ["latest", &from] {
        let (code, out, error) = run(&bench.sim, &["report", "--from", from], &variables).await;
        assert!(code == 1 && out.contains("Prompts per instance"), "{from}: {code} {error}");
    }
    let nothing = format!("s3://{BUCKET}/nothing.json");
    for (from, part) in [(nothing.as_str(), "nothing.json"), ("s3://x", "expected s3://BUCKET/KEY")] {
        let (code, _, error) = run(&bench.sim, &["report", "--from", from], &variables).await;
        assert!(code == 3 && error.contains(part), "{from}: {code} {error}");
    }
    let (code, _, error) = run(&bench.sim, &["report", "--from", "latest"], CREDENTIALS).await;
    assert!(code == 3 && error.contains("S3_BUCKET"), "{code} {error}");
    bench.sim.script(Fault::new("s3", FaultKind::AccessDenied).operation("GetObject").times(Times::Forever));
    let (code, _, error) = run(&bench.sim, &["report", "--from", "latest"], &variables).await;
    assert!(code == 3 && error.contains("s3:GetObject"), "{code} {error}");
}

#[tokio::test(start_paused = true)]
async fn a_look_at_one_instance_leaves_the_latest_report() {
    let mut bench = Bench::new(quiet(2)).with_bucket();
    bench.run().await.unwrap();
    let (report, page) = (object(&bench.sim, "report.json"), object(&bench.sim, "index.html"));
    let id = bench.sim.world().instances[0].id.clone();
    let request = Request { instance_ids: vec![id], ..Default::default() };
    bench.run_at(&request, NOON + 600).await.unwrap();
    bench.dry_run().await;
    assert_eq!((object(&bench.sim, "report.json"), object(&bench.sim, "index.html")), (report, page));
}

#[tokio::test(start_paused = true)]
async fn the_latest_report_says_what_changed_since_the_one_before_and_who_is_throttled() {
    let mut bench = Bench::new(quiet(2)).with_bucket().with_table().with_topic();
    bench.sim.world().instances[0].set("ListPrompts", 490);
    bench.run().await.unwrap();
    let first: Value = serde_json::from_str(&object(&bench.sim, "report.json")).unwrap();
    assert_eq!((first.get("changed"), first.get("throttled")), (None, None), "there was nothing before");

    let records: Vec<Value> = (0..12).map(record).collect();
    let moment = Moment::within(Timestamp::from_second(NOON).unwrap(), Duration::from_secs(60));
    bench.app().await.watch_batch(&json!({ "Records": records }), moment).await.unwrap();
    bench.sim.world().instances[0].set("ListPrompts", 10);
    bench.sim.world().instances[1].set("ListPrompts", 450);
    let answer = bench.run_at(&Request::default(), NOON + 3600).await.unwrap();
    let second: Value = serde_json::from_str(&object(&bench.sim, "report.json")).unwrap();
    let changed = &second["changed"];
    let persistent = second["violations"].as_u64().unwrap() - 1;
    assert_eq!((&changed["since"], &changed["persistent"]), (&first["started_at"], &json!(persistent)), "{changed}");
    let kinds: Vec<_> = changed["differences"].as_array().unwrap().iter().map(|d| &d["change"]).collect();
    assert_eq!(kinds, [&json!("new"), &json!("recovered")], "{changed}");
    let throttled = &second["throttled"];
    assert_eq!((throttled.as_array().unwrap().len(), &throttled[0]["count"]), (1, &json!(12)), "{throttled}");
    assert!(throttled[0]["caller"].as_str().unwrap().contains("crm-sync"), "{throttled}");
    let page = object(&bench.sim, "index.html");
    assert!(page.contains("▲ new") && page.contains("● recovered") && page.contains("crm-sync"));
    assert_eq!((answer.get("changed"), answer.get("throttled")), (None, None), "the answer stays small");
}

#[tokio::test(start_paused = true)]
async fn incidents_that_were_told_stand_before_keys_that_were_not() {
    let mut bench = Bench::new(quiet(1)).with_bucket().with_table().with_topic();
    let of = |n: usize, operation: &str, account: &str| {
        let mut record = record(n);
        let mut event: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        event["detail"]["eventName"] = json!(operation);
        event["detail"]["recipientAccountId"] = json!(account);
        record["body"] = json!(event.to_string());
        record
    };
    let own = "111122223333";
    let mut records: Vec<Value> = (0..150).map(|n| of(n, &format!("Another{n}"), own)).collect();
    records.extend((200..212).map(|n| of(n, "ListPrompts", own)));
    records.extend((300..330).map(|n| of(n, "ListUsers", own)));
    records.extend((400..450).map(|n| of(n, "ListUsers", "000000000000")));
    let moment = Moment::within(Timestamp::from_second(NOON).unwrap(), Duration::from_secs(60));
    bench.app().await.watch_batch(&json!({ "Records": records }), moment).await.unwrap();
    bench.run().await.unwrap();
    let report: Value = serde_json::from_str(&object(&bench.sim, "report.json")).unwrap();
    let counts: Vec<_> = report["throttled"].as_array().unwrap().iter().map(|one| &one["count"]).collect();
    assert_eq!(counts, [&json!(30), &json!(12)], "this account's, the most calls first");
}

#[tokio::test(start_paused = true)]
async fn a_report_before_that_cannot_be_read_is_a_fault_and_is_replaced() {
    let mut bench = Bench::new(quiet(1)).with_bucket();
    bench.run().await.unwrap();
    bench
        .sim
        .world()
        .buckets
        .get_mut(BUCKET)
        .unwrap()
        .objects
        .get_mut(&format!("{LATEST}/report.json"))
        .unwrap()
        .body = "{".into();
    let answer = bench.run_at(&Request::default(), NOON + 3600).await.unwrap();
    let told = answer["faults"].to_string();
    assert!(told.contains("the latest report before") && told.contains("s3:GetObject"), "{told}");
    let again = bench.run_at(&Request::default(), NOON + 7200).await.unwrap();
    assert_eq!(again["faults"], json!([]), "it was replaced");
    let report: Value = serde_json::from_str(&object(&bench.sim, "report.json")).unwrap();
    assert_eq!(report["changed"]["differences"], json!([]), "nothing changed");
}

#[tokio::test(start_paused = true)]
async fn each_of_many_instances_has_a_page_that_the_first_one_leads_to() {
    let mut bench = Bench::new(quiet(12)).with_bucket();
    bench.run().await.unwrap();
    let index = object(&bench.sim, "index.html");
    let instances = bench.sim.world().instances.clone();
    for instance in instances {
        let name = format!("instances/{}.html", instance.id);
        assert!(index.contains(&format!("href=\"{name}\"")), "{name}");
        assert!(object(&bench.sim, &name).contains("Prompts per instance"), "{name}");
    }
    let mut few = Bench::new(quiet(2)).with_bucket();
    few.run().await.unwrap();
    assert!(!few.sim.world().buckets[BUCKET].objects.keys().any(|key| key.contains("/instances/")));
}
