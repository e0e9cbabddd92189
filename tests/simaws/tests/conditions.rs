//! Conditional writes, which keep two writers apart, and holding a request.

mod common;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use common::{answer, read, request};
use http::Request;
use serde_json::{Value, json};
use simaws::{Bucket, Hook, Passing, Sim, Table, World};

fn with_stores() -> Sim {
    let mut world = World::empty();
    world.tables.insert("t".to_owned(), Table::new("subject", "timestamp"));
    world.buckets.insert("b".to_owned(), Bucket::default());
    Sim::new(world)
}

fn item(operation: &str, input: &Value) -> Request<Bytes> {
    let mut request = request("dynamodb", "POST", "/", input.to_string());
    let target = format!("DynamoDB_20120810.{operation}");
    request.headers_mut().insert("x-amz-target", target.parse().expect("a header"));
    request
}

fn put(body: &'static str, condition: Option<(&'static str, &str)>) -> Request<Bytes> {
    let mut request = request("s3", "PUT", "/b/connect-ledger/one.json", body);
    if let Some((name, value)) = condition {
        request.headers_mut().insert(name, value.parse().expect("a header"));
    }
    request
}

#[tokio::test]
async fn an_object_is_written_only_over_the_version_that_was_read() {
    let sim = with_stores();
    assert_eq!(answer(&sim, put("a", Some(("if-match", "\"none\"")))).await.status(), 404, "there is none to match");
    let first = answer(&sim, put("a", Some(("if-none-match", "*")))).await;
    assert_eq!(first.status(), 200);
    let etag = first.headers()["etag"].to_str().expect("text").to_owned();
    let again = answer(&sim, put("b", Some(("if-none-match", "*")))).await;
    assert_eq!(again.status(), 412);
    assert!(String::from_utf8_lossy(again.body()).contains("<Code>PreconditionFailed</Code>"));
    let get = || request("s3", "GET", "/b/connect-ledger/one.json", "");
    let read = answer(&sim, get()).await;
    assert_eq!((&read.body()[..], read.headers()["etag"].to_str().ok()), (&b"a"[..], Some(etag.as_str())));
    assert_eq!(answer(&sim, put("b", Some(("if-match", &etag)))).await.status(), 200);
    assert_eq!(answer(&sim, put("c", Some(("if-match", &etag)))).await.status(), 412, "it is another version now");
    assert_eq!(&answer(&sim, get()).await.body()[..], b"b");
}

#[tokio::test]
async fn a_missing_object_is_denied_to_who_may_not_list() {
    let sim = with_stores();
    let get = || request("s3", "GET", "/b/connect-ledger/none.json", "");
    assert_eq!(answer(&sim, get()).await.status(), 404);
    sim.world().buckets.get_mut("b").expect("a bucket").unlisted = true;
    let denied = answer(&sim, get()).await;
    assert_eq!(denied.status(), 403);
    assert!(String::from_utf8_lossy(denied.body()).contains("<Code>AccessDenied</Code>"));
    assert_eq!(answer(&sim, put("a", None)).await.status(), 200, "what is there needs no listing");
    assert_eq!(answer(&sim, request("s3", "GET", "/b/connect-ledger/one.json", "")).await.status(), 200);
}

#[tokio::test]
async fn an_item_is_written_only_over_the_version_that_was_read() {
    let sim = with_stores();
    let stored = |version: u32| json!({ "subject": { "S": "a#r#i" }, "timestamp": { "S": "#ledger" }, "version": { "N": version.to_string() } });
    let first = json!({ "TableName": "t", "Item": stored(1), "ConditionExpression": "attribute_not_exists(subject)" });
    let over = |known: u32, new: u32| {
        json!({ "TableName": "t", "Item": stored(new), "ConditionExpression": "attribute_not_exists(subject) OR version = :v",
            "ExpressionAttributeValues": { ":v": { "N": known.to_string() } } })
    };
    assert_eq!(read(&sim, item("PutItem", &first)).await.0, 200);
    let (status, refused) = read(&sim, item("PutItem", &first)).await;
    assert_eq!(status, 400);
    assert!(refused["__type"].as_str().is_some_and(|t| t.ends_with("#ConditionalCheckFailedException")), "{refused}");
    assert_eq!(read(&sim, item("PutItem", &over(1, 2))).await.0, 200);
    assert_eq!(read(&sim, item("PutItem", &over(1, 3))).await.0, 400);
    let get = json!({ "TableName": "t", "Key": { "subject": { "S": "a#r#i" }, "timestamp": { "S": "#ledger" } },
        "ConsistentRead": true, "ProjectionExpression": "version" });
    let (_, found) = read(&sim, item("GetItem", &get)).await;
    assert_eq!(found, json!({ "Item": { "version": { "N": "2" } } }));
}

#[tokio::test]
async fn a_hook_sees_each_request_of_its_caller_before_and_after() {
    let sim = with_stores();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hooked = {
        let (seen, sim) = (Arc::clone(&seen), sim.clone());
        sim.clone().hooked(Hook::new(move |passing: Passing| {
            let stored = sim.world().buckets["b"].objects.len();
            seen.lock().expect("a lock").push((passing.service, passing.operation, passing.is_answered, stored));
            std::future::ready(())
        }))
    };
    answer(&hooked, put("a", None)).await;
    answer(&sim, put("b", None)).await;
    let seen = seen.lock().expect("a lock").clone();
    assert_eq!(seen, [("s3", "PutObject".to_owned(), false, 0), ("s3", "PutObject".to_owned(), true, 1)]);
}
