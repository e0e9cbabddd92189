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
    let answer = hub.invoke_at(&json!({ "fleet": "digest" }), NOON + 3600 + 1200).await.unwrap();
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

/// A cell that runs out of memory each hour leaves `running`, and the digest comes before its time would be over.
#[tokio::test(start_paused = true)]
async fn a_cell_that_is_killed_early_each_hour_is_told_after_the_second_one() {
    let hub = fleet().await;
    hub.hour(0).await;
    hub.forget_mails();
    let payloads = hub.object("fleet/cells.json");
    for hour in [1, 2, 3] {
        hub.invoke(&payloads[0], hour).await.unwrap();
        let (key, mut document) = cell(&hub, REGIONS[1]);
        document["state"] = json!("running");
        document["began"] = json!(format!("2026-03-02T{}:00:07Z", 12 + hour));
        document["until"] = json!(format!("2026-03-02T{}:15:05Z", 12 + hour));
        document.as_object_mut().unwrap().remove("ended");
        hub.put(&key, &document.to_string());
        // Thrice, as a person may start it again: one killed run is one.
        for _ in 0..3 {
            let start = NOON + hour * 3600;
            let started_at = jiff::Timestamp::from_second(start).unwrap().to_string();
            let answer =
                hub.invoke_at(&json!({ "fleet": "digest", "started_at": started_at }), start + 120).await.unwrap();
            assert_eq!(
                (&answer["cells"]["running"], &answer["unseen"][0]["state"], &answer["complete"]),
                (&json!(0), &json!("timeout"), &json!(false)),
                "{answer:#}"
            );
            let reason = answer["unseen"][0]["reason"].as_str().unwrap();
            assert!(reason.contains("left no result and was ended before its time was over"), "{reason}");
        }
        let mails = hub.mails();
        assert_eq!(mails.len(), usize::from(hour > 1), "hour {hour}: {mails:#?}");
    }
    let text = &hub.mails()[0].text;
    assert!(text.contains("NOT SEEN") && text.contains("timeout since 2026-03-02 13:00"), "{text}");
}

/// The digest follows the ledger of the cell: over is what was seen two points below, or below in two runs.
#[tokio::test(start_paused = true)]
async fn a_quota_that_hovers_at_its_threshold_is_told_once_and_once_that_it_is_over() {
    let hub = fleet().await;
    let west = hub.estate.cell(ACCOUNTS[0], REGIONS[0]).unwrap();
    hub.hour(0).await;
    let digests = |hub: &Hub| hub.mails().into_iter().filter(|m| m.subject.contains("Fleet")).collect::<Vec<_>>();
    assert_eq!(digests(&hub).len(), 1);
    hub.forget_mails();
    for (hour, prompts) in [(1, 399), (2, 401), (3, 399), (4, 401), (5, 399)] {
        west.world().instances[0].set("ListPrompts", prompts);
        hub.hour(hour).await;
        let answer = hub.object("fleet/latest/report.json");
        assert_eq!(answer["violations"], usize::from(prompts > 400), "hour {hour}");
        assert!(digests(&hub).is_empty(), "hour {hour}: {:#?}", digests(&hub));
    }
    hub.hour(6).await;
    let mails = digests(&hub);
    assert_eq!((mails.len(), mails[0].subject.contains("0 new, 1 recovered")), (1, true), "{mails:#?}");
}

/// Not seen is not recovered: the rows of what an instance owns are missing without its integrations.
#[tokio::test(start_paused = true)]
async fn a_violation_whose_row_is_missing_is_not_told_as_recovered() {
    let hub = Hub::new();
    hub.estate.trust(&ACCOUNTS, "ConnectQuotaMonitorReader", Some("a-secret"));
    let (west, _) = hub.pair(ACCOUNTS[0], 1);
    let arn = {
        let mut world = west.world();
        world.quotas.set_account("L-0AA82C05", 10.0);
        world.add("cases", "ListDomains", "support").add("ListFields", 450); // 90 % of 500
        world.arn_of("cases", "ListDomains", 0)
    };
    let before = west.world().instances[0].clone();
    west.world().instances[0].associate("CASES_DOMAIN", &arn);
    hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    hub.hour(0).await;
    let changes = |hub: &Hub| {
        let report = hub.object("fleet/latest/report.json");
        (report["changes"]["new"].clone(), report["changes"]["recovered"].clone())
    };
    assert_eq!(changes(&hub), (json!(1), json!(0)));
    west.script(
        Fault::new("connect", FaultKind::AccessDenied).operation("ListIntegrationAssociations").times(Times::Once),
    );
    hub.hour(1).await;
    assert_eq!(changes(&hub), (json!(0), json!(0)));
    // The domain is the instance's no more, which is over, and stands among the account's own.
    west.world().instances[0] = before;
    hub.hour(2).await;
    assert_eq!(changes(&hub), (json!(1), json!(1)));
}

/// The numbers are good, the message was not sent: that is the run's failure, and no gap.
#[tokio::test(start_paused = true)]
async fn a_cell_that_was_measured_and_could_not_tell_is_seen_with_its_reason() {
    let hub = fleet().await;
    hub.estate.hub().script(Fault::new("sns", FaultKind::AccessDenied).operation("Publish").times(Times::Forever));
    let payloads = hub.object("fleet/cells.json");
    let error = hub.invoke(&payloads[0], 0).await.unwrap_err();
    assert_eq!(error.error_type(), "SinkError", "{error}");
    hub.invoke(&payloads[1], 0).await.unwrap();
    let (_, document) = cell(&hub, REGIONS[0]);
    assert_eq!((&document["state"], &document["seen"]["violations"]), (&json!("seen"), &json!(1)), "{document:#}");
    assert!(document["reason"].as_str().unwrap().starts_with("SinkError: "), "{document:#}");
    hub.estate.hub().clear_faults();
    let answer = hub.digest(0).await.unwrap();
    assert_eq!(
        (&answer["cells"]["seen"], &answer["cells"]["unseen"], &answer["complete"]),
        (&json!(2), &json!(0), &json!(false))
    );
    let note = answer["notes"][0].as_str().unwrap();
    let start =
        "1 cells were measured but could not store or tell: account Acme (111122220001) in eu-west-2: SinkError: ";
    assert!(note.starts_with(start) && note.contains("sns:Publish"), "{note}");
}

/// Nothing is seen, and nobody decided that there is nothing: a deny of the hub's own must not make cells vanish.
#[tokio::test(start_paused = true)]
async fn a_fleet_of_which_no_role_can_be_taken_is_not_green() {
    let hub = Hub::new();
    let found = hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    assert_eq!(found["cells"], json!({ "expected": 6, "no_role": 6 }));
    // All that could be seen is denied by policies: that is nothing seen, too.
    hub.estate.trust(&ACCOUNTS, "ConnectQuotaMonitorReader", Some("a-secret"));
    for account in ACCOUNTS {
        for region in REGIONS {
            hub.estate.land().denied.insert((account.to_owned(), region.to_owned()));
        }
    }
    hub.task(json!({ "fleet": "discover" }), 24).await.unwrap();
    let answer = hub.digest(24).await.unwrap();
    assert_eq!(
        (&answer["cells"], &answer["complete"]),
        (
            &json!({ "expected": 0, "seen": 0, "running": 0, "unseen": 0, "settled": { "denied_by_policy": 6 } }),
            &json!(false)
        )
    );
    // And where there is nothing at all, all was seen.
    hub.estate.land().denied.clear();
    hub.estate.land().off.insert((ACCOUNTS[0].to_owned(), REGIONS[0].to_owned()));
    hub.task(json!({ "fleet": "discover" }), 48).await.unwrap();
    let answer = hub.digest(48).await.unwrap();
    assert_eq!((&answer["cells"]["expected"], &answer["complete"]), (&json!(0), &json!(true)), "{answer:#}");
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
