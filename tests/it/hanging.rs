//! Requests for higher limits that AWS leaves open: told once, and escalated where that is switched on.

use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::FaultKind;

use crate::harness::{Bench, Mail, NOON, quiet};

const DAY: i64 = 86_400;
const CASE: &str = "CreateSupportCase";

/// Requests as AWS lists them: id, status, days since they were made, and hours since AWS touched them.
fn request(id: &str, status: &str, days: i64, hours: i64) -> Value {
    json!({
        "Id": id, "ServiceCode": "connect", "QuotaCode": "L-0865B754", "DesiredValue": 800.0, "Status": status,
        "Created": NOON - days * DAY, "LastUpdated": NOON - hours * 3_600, "QuotaRequestedAtLevel": "ACCOUNT",
        "CaseId": if status == "CASE_OPENED" { json!("5446684281") } else { json!(null) },
    })
}

fn bench(requests: Vec<Value>) -> Bench {
    let bench = Bench::new(quiet(2)).with_table().with_topic().with_bus();
    {
        let mut world = bench.sim.world();
        world.quotas.change_requests = requests;
        // Two instances are no violation.
        world.quotas.set_account("L-AA17A6B9", 100.0);
    }
    bench
}

async fn run(bench: &mut Bench, hour: i64) -> Value {
    bench.restart();
    bench.sim.world().quotas.now = NOON + hour * 3600;
    bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap()
}

/// What is called where a request hangs and is escalated.
pub async fn calls() -> Vec<(&'static str, String)> {
    let mut bench = bench(vec![request("pending", "PENDING", 6, 144)]).with_config(|c| c.auto_escalate_requests = true);
    run(&mut bench, 0).await;
    bench.sim.requests().into_iter().map(|request| (request.service, request.operation)).collect()
}

fn told(bench: &Bench) -> Vec<Mail> {
    bench.mails().into_iter().filter(|mail| mail.event == "request_overdue").collect()
}

fn events(bench: &Bench) -> Vec<(String, String)> {
    let world = bench.sim.world();
    let text = |event: &simaws::Event, name: &str| event.detail[name].as_str().unwrap().to_owned();
    world.buses["default"].events.iter().map(|e| (text(e, "action"), text(e, "dedup_key"))).collect()
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_told_once_with_what_to_do() {
    // NOON is a Monday: three business days before it began on the Wednesday.
    let mut bench = bench(vec![
        request("pending", "PENDING", 6, 144),
        request("opened", "CASE_OPENED", 10, 80),
        request("young", "PENDING", 4, 96),
        request("touched", "CASE_OPENED", 10, 5),
        request("answered", "DENIED", 10, 200),
    ]);
    let answer = run(&mut bench, 0).await;
    assert_eq!((&answer["alerts"]["sent"], &answer["violations"]), (&json!(1), &json!(0)));
    let mail = &told(&bench)[0];
    assert_eq!(mail.subject, "Connect Quota Alert - Account: 111122223333 (2 requests for higher limits hang)");
    let text = &mail.text;
    for line in [
        "• Prompts per instance (L-0865B754): 800 requested, PENDING since 24 February\n",
        "aws service-quotas create-support-case --region us-east-1 --request-id pending\n",
        "https://support.console.aws.amazon.com/support/home#/case/?displayId=5446684281&language=en\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(mail.document["requests"].as_array().unwrap().len(), 2, "neither the young one nor the touched one");
    assert_eq!(mail.document["requests"][1]["case_id"], "5446684281");
    for hour in 1..4 {
        run(&mut bench, hour).await;
    }
    assert_eq!(told(&bench).len(), 1, "once");
    let key = |id: &str| format!("111122223333/us-east-1/account/request/{id}");
    let trigger = |id: &str| ("trigger".to_owned(), key(id));
    assert_eq!(events(&bench), [trigger("pending"), trigger("opened")]);
    // AWS answers one, and the other one hangs on: no mail, and for programs an end.
    bench.sim.world().quotas.change_requests[0]["Status"] = json!("APPROVED");
    let answer = run(&mut bench, 4).await;
    assert_eq!(answer["alerts"]["sent"], 0);
    run(&mut bench, 5).await;
    assert_eq!(events(&bench)[2..], [("resolve".to_owned(), key("pending"))]);
    // A day later the young one hangs too, and the touched one does again.
    run(&mut bench, 25).await;
    let mails = told(&bench);
    assert_eq!((mails.len(), mails[1].document["requests"].as_array().unwrap().len()), (2, 2));
    assert!(
        mails[1].text.contains("--request-id young")
            && !mails[1].text.contains("Prompts per instance (L-0865B754): 700")
    );
    assert!(bench.calls("servicequotas").iter().all(|operation| operation != CASE), "off unless it is switched on");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_is_told_by_the_next_run() {
    let mut bench = bench(vec![request("pending", "PENDING", 6, 144)]);
    bench.always("sns", "Publish", FaultKind::AccessDenied);
    bench.restart();
    let failed = bench.run_at(&Request::default(), NOON).await;
    assert!(failed.is_err() && told(&bench).is_empty());
    bench.sim.clear_faults();
    run(&mut bench, 1).await;
    run(&mut bench, 2).await;
    assert_eq!(told(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_neither_told_nor_forgotten() {
    let mut bench = bench(vec![request("pending", "PENDING", 6, 144)]);
    run(&mut bench, 0).await;
    bench.always("servicequotas", "ListRequestedServiceQuotaChangeHistory", FaultKind::AccessDenied);
    run(&mut bench, 1).await;
    bench.sim.clear_faults();
    run(&mut bench, 2).await;
    assert_eq!((told(&bench).len(), events(&bench).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_trial_and_a_run_without_storage_tell_nothing_of_requests() {
    let mut trial = bench(vec![request("pending", "PENDING", 6, 144)]).with_config(|c| c.auto_escalate_requests = true);
    trial.dry_run().await;
    let other = Request { threshold_percentage: Some(50.0), ..Request::default() };
    trial.run_at(&other, NOON).await.unwrap();
    assert!(told(&trial).is_empty() && trial.calls("servicequotas").iter().all(|operation| operation != CASE));
    let mut bare = bench(vec![request("pending", "PENDING", 6, 144)]).with_config(|c| c.dynamodb_table = None);
    run(&mut bare, 0).await;
    assert!(told(&bare).is_empty(), "nobody could know that it was told");
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_tell_it_once() {
    let mut bench = bench(vec![request("pending", "PENDING", 6, 144)]);
    let first = bench.app().await;
    bench.restart();
    let second = bench.app().await;
    let moment = || {
        let now = jiff::Timestamp::from_second(NOON).unwrap();
        connect_quota_monitor::run::Moment::within(now, std::time::Duration::from_secs(900))
    };
    let request = Request::default();
    let (one, other) = tokio::join!(first.run(&request, moment()), second.run(&request, moment()));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(told(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pending_request_is_escalated_once_where_it_is_switched_on() {
    let escalating = |requests| bench(requests).with_config(|c| c.auto_escalate_requests = true);
    let cases = |bench: &Bench| bench.calls("servicequotas").iter().filter(|o| *o == CASE).count();
    let mut bench = escalating(vec![request("pending", "PENDING", 6, 144), request("opened", "CASE_OPENED", 10, 80)]);
    for hour in 0..3 {
        run(&mut bench, hour).await;
    }
    let text = &told(&bench)[0].text;
    assert!(text.contains("This run had AWS open a support case for it"), "{text}");
    assert_eq!((cases(&bench), told(&bench).len()), (1, 1));
    assert_eq!(bench.sim.world().quotas.change_requests[0]["Status"], "CASE_OPENED");
    let mut denied = escalating(vec![request("pending", "PENDING", 6, 144)]);
    denied.always("servicequotas", CASE, FaultKind::AccessDenied);
    let answer = run(&mut denied, 0).await;
    assert_eq!(answer["faults"][0]["operation"], "servicequotas:CreateSupportCase");
    let text = &told(&denied)[0].text;
    assert!(
        text.contains("No support case could be opened for it: access_denied") && text.contains("By hand: aws "),
        "{text}"
    );
    run(&mut denied, 1).await;
    assert_eq!((cases(&denied), told(&denied).len()), (1, 1), "told once, and not tried again");
}
