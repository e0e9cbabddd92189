//! The simulation over its wire: what a client sees, whichever client it is.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{answer, read, request};
use http::Request;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Reply, Sim, Throttle, Times, World};
use tokio::time::Instant;

/// Every listing of one instance that is a `GET`, with the member that holds its items.
const GETS: &[(&str, &str)] = &[
    ("/users-summary/{}", "UserSummaryList"),
    ("/queues-summary/{}", "QueueSummaryList"),
    ("/routing-profiles-summary/{}", "RoutingProfileSummaryList"),
    ("/security-profiles-summary/{}", "SecurityProfileSummaryList"),
    ("/user-hierarchy-groups-summary/{}", "UserHierarchyGroupSummaryList"),
    ("/quick-connects/{}", "QuickConnectSummaryList"),
    ("/hours-of-operations-summary/{}", "HoursOfOperationSummaryList"),
    ("/prompts-summary/{}", "PromptSummaryList"),
    ("/contact-flows-summary/{}", "ContactFlowSummaryList"),
    ("/contact-flow-modules-summary/{}", "ContactFlowModulesSummaryList"),
    ("/agent-status/{}", "AgentStatusSummaryList"),
    ("/predefined-attributes/{}", "PredefinedAttributeSummaryList"),
    ("/instance/{}/lambda-functions", "LambdaFunctions"),
    ("/instance/{}/lex-bots", "LexBots"),
    ("/data-tables/{}", "DataTableSummaryList"),
    ("/instance/{}/integration-associations", "IntegrationAssociationSummaryList"),
    ("/instance/{}/task/template", "TaskTemplates"),
    ("/instance/{}/approved-origins", "Origins"),
    ("/evaluation-forms/{}", "EvaluationFormSummaryList"),
    ("/rules/{}", "RuleSummaryList"),
    ("/workspaces/{}", "WorkspaceSummaryList"),
    ("/notifications/{}", "NotificationSummaryList"),
];

const SEARCHES: &[(&str, &str)] = &[
    ("/search-users", "Users"),
    ("/search-queues", "Queues"),
    ("/search-routing-profiles", "RoutingProfiles"),
    ("/search-data-tables", "DataTables"),
    ("/search-hours-of-operation-overrides", "HoursOfOperationOverrides"),
    ("/search-email-addresses", "EmailAddresses"),
    ("/search-workspaces", "Workspaces"),
    ("/search-notifications", "Notifications"),
    ("/phone-number/list", "ListPhoneNumbersSummaryList"),
];

fn targeted(service: &str, target: &str, body: &Value) -> Request<Bytes> {
    let mut request = request(service, "POST", "/", body.to_string());
    request.headers_mut().insert("x-amz-target", target.parse().expect("a header"));
    request
}

/// All pages of a listing, whose paths hold `{}` for the instance.
async fn all(sim: &Sim, id: &str, path: &str, list: &str) -> Vec<Value> {
    let search = !path.contains("{}");
    let (mut items, mut token) = (Vec::new(), None::<String>);
    for _ in 0..1_000 {
        let request = if search {
            let mut body = json!({ "InstanceId": id, "MaxResults": 50 });
            if let Some(token) = &token {
                body["NextToken"] = token.as_str().into();
            }
            request("connect", "POST", path, body.to_string())
        } else {
            let token = token.map(|token| format!("&nextToken={}", token.replace('=', "%3D").replace('+', "%2B")));
            let query = format!("{}?maxResults=25{}", path.replace("{}", id), token.unwrap_or_default());
            request("connect", "GET", &query, "")
        };
        let (status, body) = read(sim, request).await;
        assert_eq!(status, 200, "{path}: {body}");
        items.extend(body[list].as_array().into_iter().flatten().cloned());
        token = body["NextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            return items;
        }
    }
    panic!("{path} never ends");
}

fn unthrottled() -> (Sim, String) {
    let mut world = World::demo_at(1_780_000_000);
    world.throttle = Throttle::None;
    let id = world.instances[0].id.clone();
    (Sim::new(world), id)
}

#[tokio::test]
async fn short_pages_lose_and_repeat_nothing() {
    let (sim, id) = unthrottled();
    for (path, list) in GETS.iter().chain(SEARCHES) {
        sim.world().short_pages = false;
        let full = all(&sim, &id, path, list).await;
        assert!(!full.is_empty(), "{path}");
        sim.world().short_pages = true;
        assert_eq!(all(&sim, &id, path, list).await, full, "{path}");
    }
}

/// Whatever a customer or an agent typed carries the marker, so that a test can look for it. Names that
/// an alert may hold do not.
#[tokio::test]
async fn every_free_text_field_is_marked() {
    const FREE: [&str; 11] = [
        "Name",
        "Username",
        "Title",
        "Description",
        "DisplayName",
        "EmailAddress",
        "PhoneNumber",
        "FirstName",
        "LastName",
        "DeskPhoneNumber",
        "en_US",
    ];
    const SHOWN: [&str; 8] = [
        "/queues-summary",
        "/routing-profiles-summary",
        "/hours-of-operations-summary",
        "/data-tables",
        "/instance/{}/task/template",
        "/search-queues",
        "/search-routing-profiles",
        "/search-data-tables",
    ];
    fn check(value: &Value, path: &str) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(text) if FREE.contains(&name.as_str()) => {
                            // The fullest evaluation form is named by its title.
                            let plain = name == "Name" && SHOWN.iter().any(|shown| path.starts_with(shown))
                                || name == "Title" && path.starts_with("/evaluation-forms");
                            assert_eq!(!text.contains("PII-7"), plain, "{path}: {name} is {text}");
                        }
                        _ => check(value, path),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| check(value, path)),
            _ => {}
        }
    }
    let (sim, id) = unthrottled();
    sim.world().marker = Some("PII-7".to_owned());
    for (path, list) in GETS.iter().chain(SEARCHES) {
        let items = all(&sim, &id, path, list).await;
        items.iter().for_each(|item| check(item, path));
        if items.iter().all(Value::is_string) {
            assert!(items.iter().all(|item| item.as_str().is_some_and(|text| text.contains("PII-7"))), "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn shared_and_separate_buckets_throttle_as_documented() {
    async fn granted(throttle: Throttle) -> usize {
        let mut world = World::with_instances(1);
        world.throttle = throttle;
        let id = world.instances[0].id.clone();
        let sim = Sim::new(world);
        for _ in 0..100 {
            for path in ["users-summary", "prompts-summary"] {
                let response = answer(&sim, request("connect", "GET", &format!("/{path}/{id}"), "")).await;
                if response.status() == 429 {
                    assert_eq!(response.headers()["x-amzn-errortype"], "ThrottlingException");
                    assert_eq!(response.body(), r#"{"message":"Rate exceeded"}"#);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let requests = sim.requests();
        assert!(requests.iter().all(|request| request.throttled == (request.status == 429)));
        requests.iter().filter(|request| request.status == 200).count()
    }
    // Ten seconds at 2/s after a burst of 5, in one bucket or in two.
    assert_eq!(granted(Throttle::Shared).await, 24);
    assert_eq!(granted(Throttle::PerOperation).await, 48);
    assert_eq!(granted(Throttle::None).await, 200);
}

#[tokio::test(start_paused = true)]
async fn faults_do_what_they_say() {
    let (sim, id) = unthrottled();
    let users = || request("connect", "GET", &format!("/users-summary/{id}?maxResults=1000"), "");
    let users_fault = |kind| Fault::new("connect", kind).operation("ListUsers").instance(&id);

    sim.script(users_fault(FaultKind::Throttle).times(Times::N(2)));
    sim.script(users_fault(FaultKind::AccessDenied));
    sim.script(users_fault(FaultKind::InternalError));
    sim.script(users_fault(FaultKind::Status { status: 402, code: "X".into(), message: "y".into() }));
    for (status, code) in [
        (429, "ThrottlingException"),
        (429, "ThrottlingException"),
        (403, "AccessDeniedException"),
        (500, "InternalServiceException"),
        (402, "X"),
    ] {
        let response = answer(&sim, users()).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-amzn-errortype"], code);
        assert!(response.headers().contains_key("x-amzn-requestid"));
    }
    assert_eq!(answer(&sim, users()).await.status(), 200, "all faults are spent");

    sim.script(users_fault(FaultKind::Reset));
    assert!(matches!(sim.handle(users()).await, Reply::Reset));
    sim.script(users_fault(FaultKind::Hang));
    assert!(matches!(sim.handle(users()).await, Reply::Hang));
    assert_eq!(sim.requests().last().map(|last| last.status), Some(0));
    sim.script(users_fault(FaultKind::TruncatedBody));
    let Reply::Truncated(cut) = sim.handle(users()).await else { panic!("not cut") };
    let promised: usize = cut.headers()["content-length"].to_str().unwrap_or("").parse().unwrap_or(0);
    assert!(promised > cut.body().len());
    sim.script(users_fault(FaultKind::InvalidBody));
    assert!(serde_json::from_slice::<Value>(answer(&sim, users()).await.body()).is_err());
    sim.script(users_fault(FaultKind::Delay(Duration::from_secs(7))));
    let start = Instant::now();
    assert_eq!(answer(&sim, users()).await.status(), 200);
    assert_eq!(start.elapsed(), Duration::from_secs(7));

    sim.script(users_fault(FaultKind::EmptyPageWithToken).times(Times::Forever));
    assert_eq!(all(&sim, &id, "/users-summary/{}", "UserSummaryList").await.len(), 1_200);
}

#[tokio::test]
async fn bad_requests_get_errors_and_never_a_panic() {
    let (sim, id) = unthrottled();
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        format!("{{\"InstanceId\":{deep}}}"),
        json!({ "InstanceId": 7, "MaxResults": "x", "NextToken": {} }).to_string(),
        json!({ "InstanceId": id, "MaxResults": -1 }).to_string(),
        json!({ "InstanceId": id, "MaxResults": 1.5 }).to_string(),
        json!({ "ServiceCode": 1, "QuotaCode": [] }).to_string(),
        json!({ "TableName": "quota-snapshots", "Key": {}, "Item": {}, "UpdateExpression": "SET" }).to_string(),
        json!({ "TableName": "quota-snapshots", "KeyConditionExpression": "((((" }).to_string(),
        json!({ "StartTime": -1e300, "EndTime": 1e300, "MetricDataQueries": [{}] }).to_string(),
        "Action=Publish&Version=2010-03-31&Message=%ff&TopicArn=%".to_owned(),
        "Action=GetMetricData&Version=2010-08-01&StartTime=9999999999999999-1-1T1:1:1Z&a.0=1&a.99999999999=2"
            .to_owned(),
    ];
    let quotas = ["ServiceQuotasV20190624.ListServiceQuotas", "ServiceQuotasV20190624.GetServiceQuota"];
    let dynamodb = ["PutItem", "GetItem", "Query", "UpdateItem", "Scan"];
    let mut requests = Vec::new();
    for body in &bodies {
        for target in quotas {
            requests.push(("servicequotas", target.to_owned(), "/", body));
        }
        for operation in dynamodb {
            requests.push(("dynamodb", format!("DynamoDB_20120810.{operation}"), "/", body));
        }
        requests.push(("monitoring", "GraniteServiceVersion20100801.GetMetricData".to_owned(), "/", body));
        for (path, _) in SEARCHES {
            requests.push(("connect", String::new(), path, body));
        }
        for service in ["sns", "sts", "monitoring", "s3", "dynamodb", "servicequotas", "nothing"] {
            requests.push((service, String::new(), "/", body));
        }
    }
    for (service, target, path, body) in requests {
        let mut request = request(service, "POST", path, body.clone());
        if !target.is_empty() {
            request.headers_mut().insert("x-amz-target", target.parse().expect("a header"));
        }
        let response = answer(&sim, request).await;
        // Listing all phone numbers takes no parameter, and so an empty body will do.
        let fine = path == "/phone-number/list";
        assert!(fine || response.status().is_client_error(), "{service} {target} {path} {body}: {response:?}");
    }
    for body in [&b"\xa1"[..], b"\xff", b"\xa0", b"\x81\x81\x81", b"\xbf\x69StartTime\xc1\xfb\x7f\xf8\0\0\0\0\0\0\xff"]
    {
        let path = "/service/GraniteServiceVersion20100801/operation/GetMetricData";
        let mut request = request("monitoring", "POST", path, body);
        request.headers_mut().insert("smithy-protocol", http::HeaderValue::from_static("rpc-v2-cbor"));
        let response = answer(&sim, request).await;
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    }
}

#[tokio::test]
async fn a_value_below_the_account_is_told_only_where_it_is_asked_for() {
    let (sim, id) = unthrottled();
    let arn = format!("arn:aws:connect:us-east-1:111122223333:instance/{id}");
    let list = |level: &str| {
        let body = json!({ "ServiceCode": "connect", "QuotaCode": "L-9A46857E", "QuotaAppliedAtLevel": level });
        targeted("servicequotas", "ServiceQuotasV20190624.ListServiceQuotas", &body)
    };
    let values = |body: &Value| -> Vec<f64> {
        body["Quotas"].as_array().into_iter().flatten().filter_map(|quota| quota["Value"].as_f64()).collect()
    };
    assert_eq!(values(&read(&sim, list("ACCOUNT")).await.1), [500.0]);
    assert_eq!(values(&read(&sim, list("ALL")).await.1), [500.0, 2_000.0]);
    sim.world().quotas.list_resource_level = false;
    assert_eq!(values(&read(&sim, list("ALL")).await.1), [500.0]);
    let get = |context: &str| {
        let body = json!({ "ServiceCode": "connect", "QuotaCode": "L-9A46857E", "ContextId": context });
        targeted("servicequotas", "ServiceQuotasV20190624.GetServiceQuota", &body)
    };
    assert_eq!(read(&sim, get(&arn)).await.1["Quota"]["Value"], 2_000.0);
    let (status, body) = read(&sim, get("*")).await;
    assert_eq!((status, body["__type"].as_str()), (400, Some("NoSuchResourceException")));
    sim.world().quotas.set_any_instance("L-9A46857E", 700.0).set_error("L-19A87C94", "DEPENDENCY_THROTTLING_ERROR");
    assert_eq!(read(&sim, get("*")).await.1["Quota"]["Value"], 700.0);
}

#[tokio::test]
async fn events_are_judged_one_by_one_and_requests_as_a_whole() {
    let sim = Sim::new(World::empty());
    let put = async |entries: Value| {
        read(&sim, targeted("events", "AWSEvents.PutEvents", &json!({ "Entries": entries }))).await
    };
    let entry = |change: &[(&str, Value)]| {
        let mut entry = json!({ "Source": "x", "DetailType": "y", "Detail": "{}" });
        change.iter().for_each(|(name, value)| entry[*name] = value.clone());
        entry
    };
    let entries = [
        entry(&[]),
        entry(&[("Detail", json!("[]"))]),
        entry(&[("Source", json!("aws.connect"))]),
        entry(&[("DetailType", Value::Null)]),
        entry(&[("EventBusName", json!("nowhere"))]),
    ];
    let (status, body) = put(json!(entries)).await;
    assert_eq!((status, &body["FailedEntryCount"]), (200, &json!(3)));
    let codes: Vec<_> = body["Entries"].as_array().expect("a list").iter().map(|e| e["ErrorCode"].as_str()).collect();
    assert_eq!(codes, [None, Some("MalformedDetail"), Some("NotAuthorizedForSource"), Some("InvalidArgument"), None]);
    assert_eq!(sim.world().buses["default"].events.len(), 1, "a bus that does not exist takes events and shows none");
    let large = entry(&[("Detail", json!(format!("{{\"x\":\"{}\"}}", "y".repeat(262_144))))]);
    for bad in
        [json!([]), json!(vec![entry(&[]); 11]), json!([large]), json!([entry(&[("EventBusName", json!("a b"))])])]
    {
        let (status, body) = put(bad).await;
        assert_eq!((status, &body["__type"]), (400, &json!("ValidationException")), "{body}");
    }
}

#[tokio::test]
async fn parameters_are_found_by_name_and_arn_and_secure_ones_want_decryption() {
    let mut world = World::empty();
    let parameter = simaws::Parameter { value: "secret".to_owned(), is_secure: true };
    world.parameters.insert("/a/b".to_owned(), parameter);
    let arn = world.arn("ssm", "parameter/a/b");
    let sim = Sim::new(world);
    let get = async |input: Value| read(&sim, targeted("ssm", "AmazonSSM.GetParameter", &input)).await;
    for name in ["/a/b", "/a/b:1", arn.as_str()] {
        let (status, body) = get(json!({ "Name": name, "WithDecryption": true })).await;
        assert_eq!((status, &body["Parameter"]["Value"]), (200, &json!("secret")), "{name}: {body}");
        assert_eq!((&body["Parameter"]["Type"], &body["Parameter"]["ARN"]), (&json!("SecureString"), &json!(arn)));
    }
    assert_ne!(get(json!({ "Name": "/a/b" })).await.1["Parameter"]["Value"], json!("secret"));
    for (name, code) in [
        ("/a", "ParameterNotFound"),
        ("/a/b:2", "ParameterVersionNotFound"),
        ("", "ValidationException"),
        ("/a b", "ValidationException"),
    ] {
        let (status, body) = get(json!({ "Name": name })).await;
        assert_eq!((status, &body["__type"]), (400, &json!(code)), "{body}");
    }
}
