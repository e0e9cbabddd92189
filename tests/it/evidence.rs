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
