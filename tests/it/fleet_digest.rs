//! The digest at odd moments: while cells run, after one was killed, twice at once, and where it cannot tell.

use std::time::Duration;

use connect_quota_monitor::aws::pace::PacingPlan;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::{App, Moment};
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Times};

use crate::harness::NOON;
use crate::hub::{ACCOUNTS, Hub, REGIONS};

async fn fleet() -> Hub {
    let hub = Hub::new();
    hub.estate.trust(&ACCOUNTS, "ConnectQuotaMonitorReader", Some("a-secret"));
    let (west, _) = hub.pair(ACCOUNTS[0], 1);
    west.world().instances[0].set("ListPrompts", 430);
    hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    hub
}

fn cell(hub: &Hub, region: &str) -> (String, Value) {
    let key = format!("fleet/cells/{}/{region}.json", ACCOUNTS[0]);
    let document = hub.object(&key);
    (key, document)
}

#[tokio::test(start_paused = true)]
async fn a_digest_while_cells_run_says_so_and_a_run_that_was_killed_is_unseen() {
    let hub = fleet().await;
    hub.hour(0).await;
    hub.forget_mails();
    // The next hour: one cell is done, the other has begun.
    let payloads = hub.object("fleet/cells.json");
    hub.invoke(&payloads[0], 1).await.unwrap();
    let (key, mut document) = cell(&hub, REGIONS[1]);
    for (name, value) in [
        ("state", json!("running")),
        ("began", json!("2026-03-02T13:10:00Z")),
        ("until", json!("2026-03-02T13:25:00Z")),
    ] {
        document[name] = value;
    }
    document.as_object_mut().unwrap().remove("ended");
    hub.put(&key, &document.to_string());
    let answer = hub.digest(1).await.unwrap();
    assert_eq!(
        answer["cells"],
        json!({ "expected": 2, "seen": 1, "running": 1, "unseen": 0, "settled": { "empty": 4 } })
    );
    assert_eq!(
        (&answer["complete"], &answer["summary"]),
        (&json!(false), &json!("0 new, 0 recovered, 1 of 2 cells seen, 1 still running"))
    );
    assert_eq!(answer["notes"], json!(["1 cells still run: their numbers are those of the run before"]));
    assert!(hub.text("fleet/latest/index.html").contains("… running"));
    // Its time is over, and it left no result: twice in a row is told.
    for (minute, mails) in [(30, 0), (35, 0)] {
        let answer = hub.invoke_at(&json!({ "fleet": "digest" }), NOON + 3600 + minute * 60).await.unwrap();
        assert_eq!(
            (&answer["cells"]["unseen"], &answer["unseen"][0]["state"]),
            (&json!(1), &json!("timeout")),
            "{answer:#}"
        );
        assert!(answer["unseen"][0]["reason"].as_str().unwrap().contains("left no result until 2026-03-02T13:25:00Z"));
        assert_eq!(hub.mails().len(), mails);
    }
    // In the hour after, no run of it begins at all.
    hub.invoke(&payloads[0], 2).await.unwrap();
    let answer = hub.digest(2).await.unwrap();
    assert_eq!(
        (&answer["unseen"][0]["state"], answer["changes"]["unseen"].as_u64()),
        (&json!("not_run"), Some(1)),
        "{answer:#}"
    );
    let mails = hub.mails();
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].text.contains("us-east-1, owner team-a: not_run since") || mails[0].text.contains("not_run since"),
        "{}",
        mails[0].text
    );
    assert!(!mails[0].text.contains("RECOVERED"), "{}", mails[0].text);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_told_by_the_next_digest_and_never_twice() {
    let hub = fleet().await;
    let payloads = hub.object("fleet/cells.json");
    for payload in payloads.as_array().unwrap() {
        hub.invoke(payload, 0).await.unwrap();
    }
    hub.forget_mails();
    hub.estate.hub().script(Fault::new("sns", FaultKind::AccessDenied).operation("Publish").times(Times::Once));
    let error = hub.digest(0).await.unwrap_err();
    assert_eq!((error.error_type(), error.to_string().contains("sns:Publish")), ("SinkError", true), "{error}");
    assert!(hub.keys().contains(&"fleet/latest/report.json".to_owned()), "the page is there all the same");
    hub.digest(0).await.unwrap();
    hub.digest(0).await.unwrap();
    assert_eq!(hub.mails().len(), 1);
    // Another digest is telling at this moment: this one leaves it to that.
    let mut told = hub.object("fleet/told.json");
    told["cells"] = json!({});
    told["claimed_until"] = json!("2026-03-02T12:21:00Z");
    hub.put("fleet/told.json", &told.to_string());
    let answer = hub.digest(0).await.unwrap();
    assert_eq!((&answer["alerts"]["suppressed"], hub.mails().len()), (&json!(1), 1));
    // What cannot be read is not overwritten.
    hub.put("fleet/told.json", "{");
    let error = hub.digest(0).await.unwrap_err();
    assert!(error.to_string().contains("fleet/told.json: it cannot be read"), "{error}");
    assert_eq!(hub.text("fleet/told.json"), "{");
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_the_digests_own() {
    let hub = fleet().await;
    let payloads = hub.object("fleet/cells.json");
    for payload in payloads.as_array().unwrap() {
        hub.invoke(payload, 0).await.unwrap();
    }
    hub.forget_mails();
    let claim = Fault::new("s3", FaultKind::TruncatedBody).operation("PutObject").instance("claimed_until");
    hub.estate.hub().script(claim);
    let answer = hub.digest(0).await.unwrap();
    assert_eq!((&answer["alerts"]["suppressed"], hub.mails().len()), (&json!(0), 1), "{answer}");
    let requests = hub.estate.hub().requests();
    let claims = requests
        .iter()
        .filter(|r| r.operation == "PutObject" && String::from_utf8_lossy(&r.body).contains("claimed_until"));
    assert_eq!(claims.count(), 2, "it was written, and written again");
}

#[tokio::test(start_paused = true)]
async fn a_digest_before_anything_is_found_says_what_is_missing() {
    let hub = Hub::new();
    let answer = hub.task(json!({ "fleet": "digest" }), 0).await.unwrap();
    assert_eq!((&answer["cells"]["expected"], &answer["complete"]), (&json!(0), &json!(false)));
    assert!(answer["notes"][0].as_str().unwrap().contains("No list of accounts has been made yet"));
    // Cells that were measured without a list are a fleet too.
    hub.estate.trust(&ACCOUNTS, "ConnectQuotaMonitorReader", Some("a-secret"));
    hub.pair(ACCOUNTS[0], 1);
    let target = json!({ "account_id": ACCOUNTS[0], "region": REGIONS[0], "account_name": "Acme itself" });
    hub.run(target, 0).await.unwrap();
    let answer = hub.task(json!({ "fleet": "digest" }), 0).await.unwrap();
    assert_eq!((&answer["cells"]["expected"], &answer["cells"]["seen"]), (&json!(1), &json!(1)), "{answer:#}");
    assert_eq!(hub.object("fleet/latest/report.json")["matrix"][0]["account_name"], "Acme itself");
    let dry = hub.task(json!({ "fleet": "digest", "dry_run": true }), 0).await.unwrap();
    assert_eq!(dry["dry_run"], true);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_cell_leaves_nothing() {
    let hub = fleet().await;
    let before = hub.keys();
    let mut payload = hub.object("fleet/cells.json")[0].clone();
    payload["dry_run"] = json!(true);
    let answer = hub.invoke(&payload, 0).await.unwrap();
    assert_eq!((&answer["dry_run"], &answer["account_name"]), (&json!(true), &json!("Acme")));
    assert!(answer["instances"][0]["metrics"].as_array().unwrap().len() > 60);
    assert_eq!((hub.keys(), hub.mails().len()), (before, 0));
}

async fn look(app: &App, payload: &Value) {
    let mut request = Request::from_payload(payload).unwrap();
    request.dry_run = true;
    let now = jiff::Timestamp::from_second(NOON).unwrap();
    app.run(&request, Moment::within(now, Duration::from_secs(900))).await.unwrap();
}

/// AWS's limits are of an account and Region: cells do not wait for each other, and two runs of one cell do.
#[tokio::test(start_paused = true)]
async fn each_cell_has_its_own_pace_in_one_process() {
    let mut hub = fleet().await;
    hub.plans = (PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas);
    let cells = hub.object("fleet/cells.json");
    let time = async |cells: [&Value; 2]| {
        let (app, began) = (hub.app().await, tokio::time::Instant::now());
        tokio::join!(look(&app, cells[0]), look(&app, cells[1]));
        began.elapsed().as_secs_f64()
    };
    let apart = time([&cells[0], &cells[1]]).await;
    let together = time([&cells[0], &cells[0]]).await;
    assert!(apart > 10.0 && together > 1.6 * apart, "{apart} s apart, {together} s together");
}
