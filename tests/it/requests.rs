//! Requests for higher limits: read, shown, and where it is switched on, sent.

use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::FaultKind;

use crate::harness::{Bench, NOON, quiet, row};

const PROMPTS: &str = "L-0865B754";
const HISTORY: &str = "ListRequestedServiceQuotaChangeHistory";
const ASK: &str = "RequestServiceQuotaIncrease";

fn asked(bench: &Bench) -> Vec<Value> {
    bench.sim.world().quotas.change_requests.clone()
}

fn asking(bench: Bench) -> Bench {
    bench.with_config(|c| c.auto_request_increase = true)
}

fn critical() -> Bench {
    let bench = Bench::new(quiet(2)).with_table().with_topic();
    {
        let mut world = bench.sim.world();
        world.instances[0].set("ListPrompts", 490);
        // Two instances are no violation.
        world.quotas.set_account("L-AA17A6B9", 100.0);
    }
    bench
}

fn count(bench: &Bench, operation: &str) -> usize {
    bench.calls("servicequotas").iter().filter(|o| *o == operation).count()
}

async fn run(bench: &mut Bench, hour: i64) -> Value {
    bench.restart();
    bench.sim.world().quotas.now = NOON + hour * 3600;
    bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_open_request_is_shown_in_the_row_and_in_the_message() {
    let mut bench = critical();
    let arn = {
        let mut world = bench.sim.world();
        let arn = world.instances[0].arn(&world);
        for (id, status, desired, context) in [
            ("open", "CASE_OPENED", 800.0, arn.as_str()),
            ("old", "DENIED", 700.0, "*"),
            ("other", "PENDING", 9e3, "arn:other"),
        ] {
            world.quotas.change_requests.push(json!({
                "Id": id, "ServiceCode": "connect", "QuotaCode": PROMPTS, "DesiredValue": desired, "Status": status,
                "Created": NOON - 3 * 86_400, "QuotaRequestedAtLevel": "RESOURCE", "QuotaContext": { "ContextId": context },
            }));
        }
        // So many that they fill more than one page.
        for n in 0..250 {
            world.quotas.change_requests.insert(
                0,
                json!({
                    "Id": format!("{n}"), "ServiceCode": "connect", "QuotaCode": "L-9A46857E", "DesiredValue": 1.0,
                    "Status": "APPROVED", "Created": NOON, "QuotaRequestedAtLevel": "ACCOUNT",
                }),
            );
        }
        arn
    };
    let answer = bench.dry_run().await;
    let request = &row(&answer["instances"][0], PROMPTS)["increase_request"];
    assert_eq!(
        *request,
        json!({ "desired": 800.0, "status": "CASE_OPENED", "created": "2026-02-27T12:00:00Z", "id": "open" })
    );
    assert!(row(&answer["instances"][1], PROMPTS).get("increase_request").is_none(), "{arn} is another instance");
    assert_eq!(count(&bench, HISTORY), 3 + 5, "once a run, in pages of 100; and once for each companion service");
    run(&mut bench, 0).await;
    let text = &bench.mails()[0].text;
    assert!(text.contains("  requested 800, CASE_OPENED since 27 February\n"), "{text}");
    assert!(asked(&bench).len() == 253, "nothing is asked for unless it is switched on");
}

#[tokio::test(start_paused = true)]
async fn where_requests_cannot_be_read_nothing_else_suffers_and_nothing_is_asked_for() {
    let mut bench = asking(critical());
    bench.always("servicequotas", HISTORY, FaultKind::AccessDenied);
    let answer = run(&mut bench, 0).await;
    assert_eq!((&answer["complete"], answer["alerts"]["sent"].as_u64()), (&json!(true), Some(1)));
    assert_eq!(answer["faults"][0]["operation"], format!("servicequotas:{HISTORY}"));
    assert_eq!(count(&bench, ASK), 0);
    let broken = asking(critical());
    for kind in [FaultKind::InvalidBody, FaultKind::InternalError] {
        broken.always("servicequotas", HISTORY, kind);
    }
    let mut broken = broken;
    assert_eq!(run(&mut broken, 0).await["complete"], true);
    assert_eq!(count(&broken, ASK), 0);
}

#[tokio::test(start_paused = true)]
async fn a_critical_quota_is_asked_for_once_and_said_so() {
    let mut bench = asking(critical());
    run(&mut bench, 0).await;
    run(&mut bench, 1).await;
    let requests = asked(&bench);
    assert_eq!(requests.len(), 1);
    let arn = {
        let world = bench.sim.world();
        world.instances[0].arn(&world)
    };
    assert_eq!((&requests[0]["QuotaCode"], &requests[0]["DesiredValue"]), (&json!(PROMPTS), &json!(817.0)));
    assert_eq!(requests[0]["QuotaContext"]["ContextId"], arn);
    let mails = bench.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("  this run requested 817, PENDING, request "), "{}", mails[0].text);
    let stored = bench.items();
    let rows = |n: usize| {
        let of_instance: Vec<_> = stored.iter().filter(|i| i["instance_arn"] == arn).collect();
        let metrics = of_instance[n]["metrics"].as_array().unwrap().clone();
        metrics.into_iter().find(|m| m["quota_code"] == PROMPTS).unwrap()
    };
    assert_eq!(rows(0)["increase_request"]["sent_now"], true);
    assert_eq!(rows(1)["increase_request"]["status"], "PENDING");
    assert!(rows(1)["increase_request"].get("sent_now").is_none());
    // AWS refuses: a month of silence, not an hour.
    bench.sim.world().quotas.change_requests[0]["Status"] = json!("NOT_APPROVED");
    run(&mut bench, 2).await;
    assert_eq!(asked(&bench).len(), 1);
    run(&mut bench, 31 * 24).await;
    assert_eq!(asked(&bench).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn switched_on_later_the_request_is_told_at_once() {
    let mut bench = critical();
    run(&mut bench, 0).await;
    let mut bench = asking(bench);
    run(&mut bench, 1).await;
    run(&mut bench, 2).await;
    let mails = bench.mails();
    assert_eq!(mails.iter().map(|m| m.event.as_str()).collect::<Vec<_>>(), ["raised", "reminder"]);
    assert!(mails[1].text.contains("Sent because AWS was asked for a higher limit"), "{}", mails[1].text);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_in_a_trial() {
    let mut bench = asking(critical());
    bench.dry_run().await;
    let trial = Request { threshold_percentage: Some(50.0), ..Request::default() };
    bench.run_at(&trial, NOON).await.unwrap();
    assert!(asked(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_asks_for_three_things_at_most_and_stops_where_aws_refuses() {
    let everything = |bench: &Bench| {
        let mut world = bench.sim.world();
        let operations = ["ListPrompts", "ListUsers", "ListQueues", "ListQuickConnects", "ListContactFlows"];
        for operation in operations {
            world.instances[0].set(operation, 5_000);
        }
    };
    let mut bench = asking(critical());
    everything(&bench);
    run(&mut bench, 0).await;
    assert_eq!(asked(&bench).len(), 3);
    run(&mut bench, 1).await;
    assert_eq!(asked(&bench).len(), 5, "the next run goes on");

    let mut full = asking(critical());
    everything(&full);
    full.sim.world().quotas.most_open_requests = 2;
    let answer = run(&mut full, 0).await;
    assert_eq!((asked(&full).len(), count(&full, ASK)), (2, 3));
    let message = answer["faults"][0]["message"].as_str().unwrap();
    assert!(message.contains("QuotaExceededException"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn the_pause_counts_from_the_answer() {
    for (status, asked_days_ago, answered_hours_ago, again) in [
        ("DENIED", 35, 24, false),
        ("CASE_CLOSED", 40, 2, false),
        ("APPROVED", 5, 1, false),
        ("DENIED", 65, 31 * 24, true),
        ("APPROVED", 5, 25, true),
    ] {
        let mut bench = asking(critical());
        {
            let mut world = bench.sim.world();
            let arn = world.instances[0].arn(&world);
            world.quotas.change_requests.push(json!({
                "Id": "r-1", "ServiceCode": "connect", "QuotaCode": PROMPTS, "DesiredValue": 800.0, "Status": status,
                "Created": NOON - asked_days_ago * 86_400, "LastUpdated": NOON - answered_hours_ago * 3_600,
                "QuotaRequestedAtLevel": "RESOURCE", "QuotaContext": { "ContextId": arn },
            }));
        }
        run(&mut bench, 0).await;
        assert_eq!(asked(&bench).len() == 2, again, "{status}, answered {answered_hours_ago} h ago");
    }
}
