//! Watches on events, on the simulated table and topic.

use std::time::Duration;

use connect_quota_monitor::run::Moment;
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::FaultKind;

use crate::harness::{Bench, NOON, quiet};

fn record(n: usize) -> Value {
    let body = json!({ "id": format!("e{n}"), "source": "aws.connect", "detail-type": "AWS API Call via CloudTrail",
        "account": "111122223333", "region": "us-east-1", "time": "2026-03-02T12:00:00Z",
        "detail": { "eventID": format!("id-{n}"), "eventSource": "connect.amazonaws.com", "eventName": "ListUsers",
            "errorCode": "ThrottlingException", "eventTime": "2026-03-02T12:00:00Z", "requestParameters": null,
            "userAgent": "aws-sdk-js/3 exec-env/AWS_Lambda_nodejs20.x",
            "userIdentity": { "type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/crm-role/crm-sync" } } });
    json!({ "messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": body.to_string() })
}

async fn batch(bench: &mut Bench, records: Vec<Value>) -> Value {
    let app = bench.app().await;
    let moment = Moment::within(Timestamp::from_second(NOON).unwrap(), Duration::from_secs(60));
    app.watch_batch(&json!({ "Records": records }), moment).await.unwrap()["batchItemFailures"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_told_once_whatever_is_delivered_again() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    for _ in 0..3 {
        assert_eq!(batch(&mut bench, (0..9).map(record).collect()).await, json!([]));
    }
    assert!(bench.mails().is_empty());
    let poison = json!({ "messageId": "bad", "eventSource": "aws:sqs", "body": "{" });
    let failed = batch(&mut bench, vec![poison, record(9)]).await;
    assert_eq!(failed, json!([{ "itemIdentifier": "bad" }]));
    batch(&mut bench, (5..20).map(record).collect()).await;
    let mails = bench.mails();
    assert_eq!((mails.len(), mails[0].event.as_str()), (1, "throttled"));
    assert!(
        mails[0].text.contains("Lambda function crm-sync") && mails[0].text.contains("10 times"),
        "{}",
        mails[0].text
    );
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_published_is_told_by_the_next_delivery() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.once("sns", "Publish", FaultKind::AccessDenied);
    let failed = batch(&mut bench, (0..10).map(record).collect()).await;
    assert_eq!(failed.as_array().unwrap().len(), 10);
    assert_eq!(batch(&mut bench, (0..10).map(record).collect()).await, json!([]));
    assert_eq!(bench.mails().len(), 1);
}
