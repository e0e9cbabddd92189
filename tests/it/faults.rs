//! Calls that fail: what was not read is unknown, exactly that, and everything else stands. That this holds
//! for every call and every kind of failure is the matrix's to show; see `matrix.rs`.

use std::collections::BTreeSet;

use connect_quota_monitor::catalogue::{self, Listing};
use connect_quota_monitor::measure::instance_listings as listings;
use connect_quota_monitor::run::error::RunError;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Times};

use crate::harness::{Bench, quiet, row, with_status};

/// Keys of the instance quotas that a listing serves.
fn served_by(listing: Listing) -> Vec<String> {
    let mut keys: Vec<String> = catalogue::per_instance()
        .filter(|q| {
            // A visit needs the listing that says whom to visit.
            let of = q.meter.listing();
            of == Some(listing) || q.meter.beside() == Some(listing) || of.and_then(Listing::parent) == Some(listing)
        })
        .map(|q| q.id().key().to_owned())
        .collect();
    keys.sort();
    keys
}

/// For each listing: it fails this way for one of two instances, for ever.
async fn exactly_its_quotas_are_unknown(kind: FaultKind, named: &str) {
    for listing in listings() {
        let mut bench = Bench::new(quiet(2));
        let (first, second) = {
            let world = bench.sim.world();
            (world.instances[0].id.clone(), world.instances[1].id.clone())
        };
        bench.sim.script(
            Fault::new("connect", kind.clone()).operation(listing.operation()).instance(&first).times(Times::Forever),
        );
        let report = bench.dry_run().await;
        let of =
            |id: &str| report["instances"].as_array().unwrap().iter().find(|i| i["instance_id"] == id).unwrap().clone();
        let place = format!("{} {named}", listing.operation());
        assert_eq!(with_status(&of(&first), "unknown"), served_by(listing), "{place}");
        assert_eq!(of(&first)["status"], "partial", "{place}");
        assert_eq!(of(&second)["status"], "complete", "{place}: the other instance is untouched");
        let fault = &report["faults"][0];
        let expected = json!(format!("connect:{}", listing.operation()));
        assert_eq!((&fault["operation"], &fault["kind"]), (&expected, &json!(named)), "{place}");
        assert_eq!(fault["instance_id"], json!(first), "{place}");
        assert_eq!(report["complete"], false, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_listing() {
    exactly_its_quotas_are_unknown(FaultKind::AccessDenied, "access_denied").await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_passes_trouble_is_counted_exactly() {
    for kind in [
        FaultKind::Throttle,
        FaultKind::InternalError,
        FaultKind::Reset,
        FaultKind::Hang,
        FaultKind::EmptyPageWithToken,
    ] {
        let mut bench = Bench::new(quiet(1));
        bench.once("connect", "ListUsers", kind.clone());
        let report = bench.dry_run().await;
        let expected = bench.sim.world().instances[0].counts["ListUsers"];
        assert_eq!(row(&report["instances"][0], "L-9A46857E")["usage"].as_f64().unwrap() as u64, expected, "{kind:?}");
        assert_eq!(report["complete"], true, "{kind:?}: {}", report["faults"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_late_never_leaves_a_partial_count() {
    let mut bench = Bench::new(quiet(1));
    bench.sim.world().instances[0].set("ListUsers", 3_500);
    bench.app().await;
    // Three pages pass, the fourth is denied.
    bench.sim.script(
        Fault::new("connect", FaultKind::Delay(std::time::Duration::ZERO)).operation("ListUsers").times(Times::N(3)),
    );
    bench.always("connect", "ListUsers", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    let users = row(&report["instances"][0], "L-9A46857E");
    assert_eq!((&users["status"], &users["usage"]), (&json!("unknown"), &Value::Null), "{users}");
}

#[tokio::test(start_paused = true)]
async fn listings_without_an_end_are_not_believed() {
    for kind in [FaultKind::RepeatToken, FaultKind::EndlessToken] {
        let mut bench = Bench::new(quiet(1));
        bench.always("connect", "ListPrompts", kind.clone());
        let report = bench.dry_run().await;
        let prompts = row(&report["instances"][0], "L-0865B754");
        assert_eq!(
            (&prompts["status"], &prompts["fault"]["kind"]),
            (&json!("unknown"), &json!("bad_response")),
            "{kind:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_retried_eight_times_and_quota_errors_never() {
    let mut bench = Bench::new(quiet(1));
    bench.always("connect", "ListUsers", FaultKind::Throttle);
    let quota = |code: &str, status| FaultKind::Status { status, code: code.to_owned(), message: "no".to_owned() };
    bench.always("connect", "ListPrompts", quota("ServiceQuotaExceededException", 402));
    bench.always("connect", "ListQueues", quota("LimitExceededException", 429));
    bench.always("connect", "ListRules", quota("TooManyRequestsException", 429));
    bench.always("connect", "ListBots", quota("ResourceNotFoundException", 404));
    bench.always("connect", "ListLexBots", quota("InvalidParameterException", 400));
    let report = bench.dry_run().await;
    let calls = bench.calls("connect");
    for (operation, attempts) in
        [("ListUsers", 8), ("ListRules", 8), ("ListPrompts", 1), ("ListQueues", 1), ("ListBots", 1), ("ListLexBots", 1)]
    {
        assert_eq!(calls.iter().filter(|c| *c == operation).count(), attempts, "{operation}");
    }
    assert_eq!(report["connect_api"]["throttled"], 16);
}

#[tokio::test(start_paused = true)]
async fn instances_that_cannot_be_discovered_fail_the_run() {
    for kind in [
        FaultKind::AccessDenied,
        FaultKind::Throttle,
        FaultKind::InternalError,
        FaultKind::InvalidBody,
        FaultKind::RepeatToken,
    ] {
        let mut bench = Bench::new(quiet(12)).with_table().with_topic();
        bench.always("connect", "ListInstances", kind.clone());
        let error = bench.run().await.unwrap_err();
        assert_eq!(error.error_type(), "DiscoveryError", "{kind:?}");
        assert!(error.to_string().contains("connect:ListInstances"), "{error}");
        assert!(bench.items().is_empty() && bench.mails().is_empty(), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_in_which_nothing_could_be_measured_fails() {
    let mut bench = Bench::new(quiet(2)).with_table();
    bench.sim.script(Fault::new("monitoring", FaultKind::AccessDenied).times(Times::Forever));
    bench.sim.script(Fault::new("servicequotas", FaultKind::AccessDenied).times(Times::Forever));
    for listing in listings() {
        bench.always("connect", listing.operation(), FaultKind::AccessDenied);
    }
    bench.always("connect", "ListPhoneNumbersV2", FaultKind::AccessDenied);
    bench.always("connect", "ListTrafficDistributionGroups", FaultKind::AccessDenied);
    let error = bench.run().await.unwrap_err();
    assert!(matches!(error, RunError::Collection(_)), "{error}");
    assert_eq!(bench.items().len(), 3, "what the run saw of its blindness is stored");
}

#[tokio::test(start_paused = true)]
async fn metrics_that_cannot_be_read_are_unknown_not_idle() {
    for kind in [FaultKind::AccessDenied, FaultKind::InvalidBody, FaultKind::InternalError, FaultKind::Hang] {
        let mut bench = Bench::new(quiet(1));
        bench.always("monitoring", "GetMetricData", kind.clone());
        let report = bench.dry_run().await;
        let gauges: BTreeSet<String> = with_status(&report["instances"][0], "unknown").into_iter().collect();
        let expected = ["L-12AB7C57", "L-D4BA6F6E", "L-E908C3A1", "L-60553137", "L-B117F12F"].map(str::to_owned).into();
        assert_eq!(gauges, expected, "{kind:?}");
        assert_eq!(with_status(&report["account"], "unknown").len(), 397, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn phone_numbers_that_cannot_be_listed_are_unknown_for_every_instance() {
    let mut bench = Bench::new(quiet(2));
    bench.always("connect", "ListPhoneNumbersV2", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    for n in 0..2 {
        assert_eq!(with_status(&report["instances"][n], "unknown"), ["L-8F812903"]);
    }
    assert_eq!(report["faults"].as_array().unwrap().len(), 1, "one call failed, one fault: {}", report["faults"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_time_is_over_says_so_and_shows_nothing_as_ok() {
    use connect_quota_monitor::aws::pace::PacingPlan;
    use connect_quota_monitor::run::Moment;
    let mut bench = Bench::new(quiet(3)).plans(PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas);
    let app = bench.app().await;
    let now = jiff::Timestamp::from_second(crate::harness::NOON).unwrap();
    let request = connect_quota_monitor::domain::request::Request { dry_run: true, ..Default::default() };
    let report =
        serde_json::to_value(app.run(&request, Moment::within(now, std::time::Duration::from_secs(12))).await.unwrap())
            .unwrap();
    assert_eq!(report["complete"], false);
    let (first, last) = (&report["instances"][0], &report["instances"][2]);
    assert!(with_status(first, "unknown").len() > 5 && first["status"] == "partial", "{first}");
    assert_eq!((&last["status"], last.get("metrics")), (&json!("skipped"), None), "{last}");
    assert!(report["faults"].as_array().unwrap().iter().any(|f| f["kind"] == "deadline"));
    assert!(report["duration_ms"].as_u64().unwrap() < 12_000);
}

/// One cause stands once, with the services of which it is true.
#[tokio::test(start_paused = true)]
async fn limits_that_cannot_be_listed_are_one_fault_with_all_services() {
    for operation in ["ListServiceQuotas", "ListAWSDefaultServiceQuotas", "ListRequestedServiceQuotaChangeHistory"] {
        let mut bench = Bench::new(quiet(1));
        bench.always("servicequotas", operation, FaultKind::AccessDenied);
        let report = bench.dry_run().await;
        let faults = report["faults"].as_array().unwrap();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        let message = faults[0]["message"].as_str().unwrap();
        for code in ["connect", "cases", "profile", "wisdom", "app-integrations", "connect-campaigns"] {
            assert!(message.contains(code), "{code} is missing in: {message}");
        }
        assert_eq!(
            (&faults[0]["http_status"], &faults[0]["error_code"]),
            (&json!(400), &json!("AccessDeniedException"))
        );
        assert!(faults[0]["request_id"].is_string(), "{}", faults[0]);
    }
}

/// An operation of Connect may not be in a Region yet. That is said once, and its quotas are not measurable.
#[tokio::test(start_paused = true)]
async fn an_operation_that_the_region_does_not_know_is_named_once() {
    let unknown = FaultKind::Status {
        status: 404,
        code: "UnknownOperationException".to_owned(),
        message: "no such operation".to_owned(),
    };
    let mut bench = Bench::new(quiet(1));
    bench.always("connect", "ListPrompts", unknown);
    let report = bench.dry_run().await;
    assert_eq!(report["complete"], true, "{}", report["faults"]);
    let faults = report["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(
        (&faults[0]["operation"], &faults[0]["kind"]),
        (&json!("connect:ListPrompts"), &json!("unknown_operation"))
    );
    let rows = report["instances"][0]["metrics"].as_array().unwrap();
    let lacking: Vec<&Value> = rows.iter().filter(|row| row["source"] == "connect:ListPrompts").collect();
    assert!(!lacking.is_empty());
    for row in lacking {
        assert_eq!((&row["status"], &row["fault"]["kind"]), (&json!("not_measurable"), &json!("unknown_operation")));
        assert!(row["note"].as_str().unwrap().contains("connect:ListPrompts"), "{row}");
    }
}

/// The same from CloudWatch is no state of the Region.
#[tokio::test(start_paused = true)]
async fn cloudwatch_that_knows_no_such_operation_cannot_be_read() {
    for (status, code) in [(404, "UnknownOperationException"), (404, ""), (403, "OptInRequired")] {
        let mut bench = Bench::new(quiet(1));
        let kind = FaultKind::Status { status, code: code.to_owned(), message: "no".to_owned() };
        bench.always("monitoring", "GetMetricData", kind);
        let report = bench.dry_run().await;
        assert_eq!(report["complete"], false, "{status} {code}");
        assert_eq!(with_status(&report["instances"][0], "unknown").len(), 5, "{status} {code}");
    }
}

/// Not offered: the name does not exist, and Service Quotas knows no such service.
#[tokio::test(start_paused = true)]
async fn a_region_without_connect_is_an_answer() {
    let without = || {
        let mut world = quiet(0);
        for code in world.quotas.codes("connect") {
            world.quotas.remove(code);
        }
        world
    };
    let mut bench = Bench::new(without());
    bench.always("connect", "ListInstances", FaultKind::NoSuchName);
    let report = bench.run().await.unwrap();
    assert_eq!((&report["instances"], &report["complete"]), (&json!([]), &json!(true)), "{report:#}");
    assert!(report["note"].as_str().unwrap().contains("not offered in us-east-1"), "{report:#}");

    for (world, kind) in [
        (without(), FaultKind::NameTryAgain),
        (without(), FaultKind::Refused),
        (without(), FaultKind::BadTls),
        (quiet(1), FaultKind::NoSuchName),
    ] {
        let mut bench = Bench::new(world);
        bench.always("connect", "ListInstances", kind.clone());
        assert_eq!(bench.run().await.unwrap_err().error_type(), "DiscoveryError", "{kind:?}");
    }
}

/// The connector itself, without the simulated AWS: what it says where there is no connection has the types and
/// the words that the harness gives it.
#[tokio::test]
async fn the_real_connector_fails_as_the_simulated_one_does() {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use simaws::Unconnected;

    let chain = |error: &ConnectorError| {
        let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
        causes.skip(1).map(ToString::to_string).collect::<Vec<_>>()
    };
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let plain = simaws::Sim::new(quiet(0)).serve().await.unwrap();
    let no_tls = format!("https://{}/", plain.address());
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
        .region("us-east-1")
        .credentials_provider(aws_sdk_connect::config::Credentials::new("test", "test", None, None, "test"))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .http_client(connect_quota_monitor::aws::http::client())
        .load()
        .await;
    for (url, simulated, says) in [
        (
            "http://name.invalid/".to_owned(),
            vec![Unconnected::NoSuchName, Unconnected::NameTryAgain],
            "the endpoint's name ",
        ),
        (format!("http://127.0.0.1:{port}/"), vec![Unconnected::Refused], "the connection was refused"),
        (no_tls, vec![Unconnected::BadTls], "no TLS connection"),
    ] {
        let sdk = sdk.to_builder().endpoint_url(&url).build();
        let sent = aws_sdk_connect::Client::new(&sdk).list_instances().send().await;
        let sent = sent.unwrap_err();
        let message = connect_quota_monitor::aws::fault::failure(&sent).message;
        assert!(message.starts_with(says), "{url}: {message}");
        let aws_sdk_connect::error::SdkError::DispatchFailure(failure) = sent else {
            panic!("{url} is there");
        };
        let error = failure.as_connector_error().unwrap();
        let simulated = simulated.into_iter().map(crate::harness::unconnected).collect::<Vec<_>>();
        assert!(error.is_io() && simulated.iter().all(ConnectorError::is_io), "{error:?}");
        let real = chain(error);
        // The innermost words of TLS differ from case to case; all others are the same.
        let is_same = |s: &ConnectorError| {
            let simulated = chain(s);
            simulated == real
                || (url.starts_with("https") && simulated[..2] == real[..2] && simulated.len() == real.len())
        };
        assert!(simulated.iter().any(is_same), "{real:#?} is none of {simulated:#?}");
    }
}
