//! The report of the latest run, in the bucket, and the command that reads it there.

use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Sim, Times};

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, Bench, quiet};

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
    let request = connect_quota_monitor::domain::request::Request { instance_ids: vec![id], ..Default::default() };
    bench.run_at(&request, crate::harness::NOON + 600).await.unwrap();
    bench.dry_run().await;
    assert_eq!((object(&bench.sim, "report.json"), object(&bench.sim, "index.html")), (report, page));
}
