//! CloudWatch's alarms over their wire: what is refused, what is filled in, and how lists go on.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the message")]

use std::time::Duration;

use http::Request;
use serde_json::{Value, json};
use simaws::{Reply, Sim, Throttle, World};

async fn call(sim: &Sim, operation: &str, input: &Value) -> (u16, Value) {
    let request = Request::builder()
        .method("POST")
        .uri("/")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/monitoring/aws4_request, Signature=0",
        )
        .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"))
        .body(input.to_string().into())
        .unwrap();
    match sim.handle(request).await {
        Reply::Http(response) => {
            (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or(Value::Null))
        }
        other => panic!("no answer but {other:?}"),
    }
}

/// The code of an error, without its namespace.
fn code(answer: &Value) -> String {
    answer["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned()
}

fn metric_alarm(name: &str) -> Value {
    json!({
        "AlarmName": name, "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 3, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
    })
}

fn math(name: &str, queries: Value) -> Value {
    let mut alarm = metric_alarm(name);
    for single in ["Namespace", "MetricName", "Statistic", "Period"] {
        alarm.as_object_mut().unwrap().remove(single);
    }
    alarm["Metrics"] = queries;
    alarm
}

fn source(id: &str) -> Value {
    let stat = json!({ "Metric": { "Namespace": "N", "MetricName": "M" }, "Period": 60, "Stat": "Sum" });
    json!({ "Id": id, "ReturnData": false, "MetricStat": stat })
}

#[tokio::test]
async fn what_put_metric_alarm_refuses() {
    let sim = Sim::new(World::empty());
    let mut bad = Vec::new();
    let mut with = |field: &str, value: Value| {
        let mut alarm = metric_alarm("a");
        alarm[field] = value;
        bad.push(alarm);
    };
    with("AlarmName", json!("x".repeat(256)));
    with("AlarmName", json!(""));
    with("AlarmDescription", json!("x".repeat(1_025)));
    with("AlarmActions", json!(["my-topic"]));
    with("OKActions", json!(vec!["arn:aws:sns:us-east-1:1:t"; 6]));
    with("EvaluationPeriods", json!(0));
    with("DatapointsToAlarm", json!(4));
    with("Period", json!(45));
    with("Period", json!(0));
    with("EvaluationPeriods", json!(1_441));
    with("ComparisonOperator", json!("AtLeast"));
    with("Threshold", Value::Null);
    with("TreatMissingData", json!("bad"));
    with("ExtendedStatistic", json!("p90"));
    with("Statistic", Value::Null);
    with("Namespace", Value::Null);
    with("MetricName", Value::Null);
    with("Metrics", json!([source("m1")]));
    with("Dimensions", json!([{ "Name": "A" }]));
    with("Tags", json!([{ "Key": "aws:x", "Value": "" }]));
    let result = json!({ "Id": "e1", "Expression": "m1*2" });
    bad.push(math("a", json!([source("m1")])));
    bad.push(math("a", json!([result, { "Id": "e2", "Expression": "m1" }, source("m1")])));
    bad.push(math("a", json!([result, source("m2")])));
    bad.push(math("a", json!([result, source("m1"), source("m1")])));
    bad.push(math("a", json!([{ "Id": "E1", "Expression": "m1" }, source("m1")])));
    bad.push(math("a", json!([{ "Id": "e1" }, source("m1")])));
    bad.push(math("a", (0..21).map(|n| source(&format!("m{n}"))).collect()));
    for alarm in &bad {
        let (status, answer) = call(&sim, "PutMetricAlarm", alarm).await;
        assert_eq!(status, 400, "{alarm} was taken");
        assert!(["ValidationError", "MissingParameter", "InvalidParameterValue"].contains(&code(&answer).as_str()));
    }
    assert!(sim.world().alarms.is_empty());
    let mut queries = vec![json!({ "Id": "e1", "Expression": "IF(m1 > 0, 100, 0) + m2" })];
    queries.extend((1..20).map(|n| source(&format!("m{n}"))));
    for good in [metric_alarm(&"x".repeat(255)), math("b", queries.into())] {
        assert_eq!(call(&sim, "PutMetricAlarm", &good).await.0, 200, "{good}");
    }
}

#[tokio::test]
async fn an_update_keeps_state_and_tags_and_replaces_everything_else() {
    let sim = Sim::new(World::empty());
    let mut alarm = metric_alarm("a");
    alarm["Tags"] = json!([{ "Key": "k", "Value": "v" }]);
    alarm["AlarmDescription"] = json!("first");
    call(&sim, "PutMetricAlarm", &alarm).await;
    sim.world().alarms.get_mut("a").unwrap().fields.insert("StateValue".to_owned(), json!("ALARM"));
    let mut update = metric_alarm("a");
    update["Tags"] = json!([{ "Key": "other", "Value": "v" }]);
    call(&sim, "PutMetricAlarm", &update).await;
    let (_, found) = call(&sim, "DescribeAlarms", &json!({ "AlarmNames": ["a"] })).await;
    let shown = &found["MetricAlarms"][0];
    assert_eq!((&shown["StateValue"], &shown["ActionsEnabled"]), (&json!("ALARM"), &json!(true)));
    assert_eq!((&shown["AlarmDescription"], &shown["OKActions"]), (&Value::Null, &json!([])));
    let arn = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a";
    assert_eq!(shown["AlarmArn"], arn);
    let (_, tags) = call(&sim, "ListTagsForResource", &json!({ "ResourceARN": arn })).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "k", "Value": "v" }]));
    let more = json!({ "ResourceARN": arn, "Tags": [{ "Key": "k", "Value": "w" }] });
    assert_eq!(call(&sim, "TagResource", &more).await.0, 200);
    assert_eq!(sim.world().alarms["a"].tags["k"], "w");
    let (status, answer) = call(&sim, "ListTagsForResource", &json!({ "ResourceARN": format!("{arn}b") })).await;
    assert_eq!((status, code(&answer).as_str()), (404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn alarms_come_in_pages_and_go_by_the_hundred() {
    let sim = Sim::new(World::empty());
    (0..250).for_each(|n| sim.world().add_alarm(&format!("p/{n:03}"), &[]));
    sim.world().add_alarm("q", &[]);
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let input = json!({ "AlarmNamePrefix": "p/", "NextToken": token });
        let (_, page) = call(&sim, "DescribeAlarms", &input).await;
        names.extend(page["MetricAlarms"].as_array().unwrap().iter().map(|a| a["AlarmName"].clone()));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(names.len(), 250);
    assert_eq!(call(&sim, "DescribeAlarms", &json!({ "MaxRecords": 101 })).await.0, 400);
    assert_eq!(code(&call(&sim, "DescribeAlarms", &json!({ "NextToken": "mine" })).await.1), "InvalidNextToken");
    assert_eq!(call(&sim, "DeleteAlarms", &json!({ "AlarmNames": names[..101] })).await.0, 400);
    assert_eq!(call(&sim, "DeleteAlarms", &json!({ "AlarmNames": names[..100] })).await.0, 200);
    let (status, answer) = call(&sim, "DeleteAlarms", &json!({ "AlarmNames": [names[0], names[100]] })).await;
    assert_eq!((status, code(&answer).as_str()), (404, "ResourceNotFound"));
    assert_eq!(sim.world().alarms.len(), 150, "what exists is deleted all the same");
}

#[tokio::test]
async fn metrics_of_two_weeks_come_in_pages_of_five_hundred() {
    let sim = Sim::new(World::empty());
    let now = 1_772_452_800;
    {
        let mut world = sim.world();
        world.metrics.now = Some(now);
        for n in 0..700 {
            world.metrics.put(
                "AWS/Usage",
                "CallCount",
                &[("Type", "API"), ("Resource", &format!("Op{n}"))],
                now - 60,
                1.0,
            );
        }
        world.metrics.put("AWS/Usage", "CallCount", &[("Type", "API"), ("Resource", "Old")], now - 15 * 86_400, 1.0);
        world.metrics.put("AWS/Usage", "CallCount", &[("Type", "Resource")], now, 1.0);
    }
    let mut input =
        json!({ "Namespace": "AWS/Usage", "Dimensions": [{ "Name": "Type", "Value": "API" }, { "Name": "Resource" }] });
    let (_, first) = call(&sim, "ListMetrics", &input).await;
    assert_eq!(first["Metrics"].as_array().unwrap().len(), 500);
    input["NextToken"] = first["NextToken"].clone();
    let (_, second) = call(&sim, "ListMetrics", &input).await;
    assert_eq!((second["Metrics"].as_array().unwrap().len(), &second["NextToken"]), (200, &Value::Null));
    input["MetricName"] = json!("CallCount");
    assert_eq!(call(&sim, "ListMetrics", &input).await.0, 400, "a token of another question");
}

#[tokio::test(start_paused = true)]
async fn writes_are_throttled_at_three_a_second() {
    let mut world = World::empty();
    world.throttle = Throttle::Shared;
    let sim = Sim::new(world);
    let mut taken = 0;
    for n in 0..10 {
        taken += u32::from(call(&sim, "PutMetricAlarm", &metric_alarm(&format!("a{n}"))).await.0 == 200);
    }
    assert_eq!(taken, 3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(call(&sim, "PutMetricAlarm", &metric_alarm("later")).await.0, 200);
}
