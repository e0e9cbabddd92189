//! What to paste into a request for a higher limit, as a person asks for it.

use connect_quota_monitor::domain::request::Request;
use jiff::Timestamp;

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, Bench, roomy};

const STORE: &[(&str, &str)] = &[("USE_S3_STORAGE", "true"), ("S3_BUCKET", BUCKET)];
const DAY: i64 = 86_400;

#[tokio::test]
async fn the_latest_report_gives_peak_trend_and_users_and_the_mail_points_to_it() {
    let mut bench = Bench::new(roomy(2)).with_bucket().with_topic();
    let now = Timestamp::now().as_second();
    bench.sim.world().instances[0].set("ListUsers", 42);
    for (day, prompts) in [(3, 400), (2, 470), (0, 450)] {
        bench.sim.world().instances[0].set("ListPrompts", prompts);
        bench.run_at(&Request::default(), now - day * DAY).await.unwrap();
    }
    let evidence = async |arguments: &[&str]| {
        run(&bench.sim, &[&["evidence"], arguments].concat(), &[CREDENTIALS, STORE].concat()).await
    };
    let (code, text, error) = evidence(&[]).await;
    assert_eq!(code, 0, "{error}");
    for told in [
        "Quota: Prompts per instance (L-0865B754)",
        "Use: 450 of 500 (90.0 %)",
        "Limit wanted: 750",
        "Highest day: 470 on ",
        "Trend: from 400 on ",
        "(3 of 4 days measured)",
        "Users (agents) of the instance: 42",
    ] {
        assert!(text.contains(told), "no {told} in {text}");
    }
    assert_eq!(text.matches("Quota: ").count(), 1, "{text}");
    let mail = bench.mails().remove(0).text;
    assert_eq!(mail.matches("connect-quota-monitor evidence").count(), 1, "{mail}");

    // What is asked for by name needs no violation.
    let alias = bench.sim.world().instances[1].alias.clone().unwrap();
    let (code, text, _) = evidence(&["--quota", "Queues per instance", "--instance", &alias]).await;
    assert!(code == 0 && text.contains("Queues per instance") && text.matches("Quota: ").count() == 1, "{text}");
    let (code, text, _) = evidence(&["--instance", &alias]).await;
    assert!(code == 0 && text.contains("advises no increase"), "{text}");
    for (arguments, part) in [
        (&["--quota", "Promts per instance"][..], "Prompts per instance"),
        (&["--quota", "Queues per instance", "--instance", "nope"], "no row of"),
        (&["--from", "/nonexistent"], "/nonexistent"),
    ] {
        let (code, out, error) = evidence(arguments).await;
        assert!(code == 3 && out.is_empty() && error.contains(part), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn a_report_that_left_out_rows_of_violations_says_so() {
    let mut bench = Bench::new(roomy(2)).with_bucket();
    bench.sim.world().instances[0].set("ListPrompts", 450);
    bench.sim.world().instances[1].set("ListPrompts", 460);
    bench.run_at(&Request::default(), Timestamp::now().as_second()).await.unwrap();
    let latest = {
        let world = bench.sim.world();
        let object = &world.buckets[BUCKET].objects["connect-reports/111122223333/us-east-1/latest/report.json"];
        object.body.to_vec()
    };
    let mut report: serde_json::Value = serde_json::from_slice(&latest).unwrap();
    let gone = report["instances"][0]["instance_id"].as_str().unwrap().to_owned();
    report["instances"][0].as_object_mut().unwrap().remove("metrics");
    let file = std::env::temp_dir().join(format!("evidence-{}.json", std::process::id()));
    std::fs::write(&file, report.to_string()).unwrap();
    let from = file.to_str().unwrap();
    let evidence = async |arguments: &[&str]| {
        run(&bench.sim, &[&["evidence", "--from", from], arguments].concat(), CREDENTIALS).await
    };
    for asked in [&[][..], &["--quota", "Prompts per instance"]] {
        let (code, text, error) = evidence(asked).await;
        assert!(code == 3 && error.contains(&gone) && error.contains("1 violations"), "{code} {error}");
        assert_eq!(text.matches("Quota: ").count(), 1, "what there is: {text}");
    }
    let (code, text, error) = evidence(&["--instance", &gone]).await;
    assert!(code == 3 && text.is_empty() && error.contains("--from"), "{code} {text} {error}");
    // What is not concerned is no reason to fail.
    assert_eq!(evidence(&["--quota", "L-AA17A6B9"]).await.0, 0);
    let other = report["instances"][1]["instance_id"].as_str().unwrap();
    assert_eq!(evidence(&["--instance", other]).await.0, 0);
    std::fs::remove_file(&file).unwrap();
}
