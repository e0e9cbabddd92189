//! A fleet as a person sees it: several Regions of a check, the command `fleet`, and the function's own process.

use bytes::Bytes;
use serde_json::{Value, json};
use simaws::lambda::{Outcome, RuntimeApi};
use simaws::{Estate, Fault, FaultKind, Times};
use std::time::Duration;

use crate::binary;
use crate::cli::run_at;
use crate::harness::BUCKET;
use crate::hub::world;

const HUB: &str = "999900001111";
const ACME: &str = "111122220001";
const ARN: &str = "arn:aws:iam::111122220001:role/reader";
const HUBS: &[(&str, &str)] =
    &[("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

/// One value applied to an instance: then no quota has to be asked for one by one.
fn applied(account_id: &str, region: &str) -> simaws::World {
    let mut world = world(account_id, region, 1);
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance("L-9A46857E", &arn, 700.0);
    world
}

fn estate() -> Estate {
    let mut hub = world(HUB, "us-east-1", 0);
    hub.buckets.entry(BUCKET.to_owned()).or_default();
    hub.add_topic("quota-alerts");
    let estate = Estate::new(hub);
    for region in ["eu-west-2", "us-west-2"] {
        estate.add(applied(ACME, region));
    }
    estate.trust(&[ACME], "reader", Some("a-secret"));
    estate
}

#[tokio::test]
async fn a_check_of_several_regions_is_one_table_and_one_answer() {
    let estate = estate();
    let server = estate.serve_on(0).await.unwrap();
    let check = ["check", "--pacing", "per-operation", "--regions", "eu-west-2,us-west-2,eu-west-2", "--role-arn", ARN];
    let with = |more: &[&'static str]| [&check[..], &["--external-id", "a-secret"], more].concat();
    let (code, table, error) = run_at(&server.url(), &with(&[]), HUBS).await;
    assert_eq!(code, 0, "{table}{error}");
    assert!(table.contains("Region") && table.matches("instance-1").count() >= 2, "{table}");
    assert_eq!(table.matches("Account 111122220001 in ").count(), 2, "a Region that is named twice is one: {table}");

    // One of them is over a threshold, and of the other nothing can be seen.
    estate.cell(ACME, "eu-west-2").unwrap().world().instances[0].set("ListPrompts", 499);
    estate.land().denied.insert((ACME.to_owned(), "us-west-2".to_owned()));
    let (code, text, error) = run_at(&server.url(), &with(&["--output", "json"]), HUBS).await;
    assert_eq!(code, 1, "{error}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&answer["kind"], &answer["violations"], &answer["complete"]),
        (&json!("cells"), &json!(1), &json!(false))
    );
    assert_eq!((&answer["cells"][0]["account_id"], &answer["cells"][0]["region"]), (&json!(ACME), &json!("eu-west-2")));
    assert_eq!(
        (&answer["unseen"][0]["region"], &answer["unseen"][0]["state"]),
        (&json!("us-west-2"), &json!("denied_by_policy"))
    );
    // A form that holds one Region is refused before anything is asked.
    let asked = |estate: &Estate| estate.land().assumed.len();
    let before = asked(&estate);
    for form in ["html", "prometheus", "junit"] {
        let (code, _, error) = run_at(&server.url(), &with(&["--output", form]), HUBS).await;
        assert!(code == 3 && error.contains("ArgumentError: this --output holds one Region"), "{form}: {error}");
    }
    assert_eq!(asked(&estate), before);
    // What was not seen is named in each of the others.
    let (code, text, _) = run_at(&server.url(), &with(&["--output", "markdown"]), HUBS).await;
    let rest = text.split("# Regions that could not be measured\n\n- us-west-2: ").nth(1).unwrap_or_default();
    assert!(code == 1 && rest.contains("denied&#95;by&#95;policy"), "{text}");
    let (code, text, error) = run_at(&server.url(), &with(&["--output", "csv"]), HUBS).await;
    assert!(code == 1 && !text.contains("us-west-2"), "{text}");
    assert!(error.contains("us-west-2 is not in the output: ") && error.contains("denied_by_policy"), "{error}");

    // With the caller's own credentials it is the caller's account.
    let own = ["check", "--pacing", "per-operation", "--regions", "us-east-1,us-west-2"];
    let (code, table, error) = run_at(&server.url(), &own, HUBS).await;
    assert!(code != 3 && table.matches("Account 999900001111 in us-").count() == 2, "{table}{error}");

    // Without the external id nobody is let in, which is a failure of all.
    let (code, _, error) = run_at(&server.url(), &check, HUBS).await;
    assert!(
        code == 3 && error.contains("not one of 2 Regions could be measured") && error.contains("no_role"),
        "{error}"
    );
    for (arguments, part) in [
        (["check", "--role-arn", "reader"], "expected arn:<partition>:iam::<account>:role/<name>"),
        (["check", "--role-arn", "arn:aws:iam::11112222000:role/reader"], "expected the 12 digits"),
        (["check", "--regions", "mars"], "expected a Region such as"),
        (["check", "--external-id", "x"], "--role-arn"),
    ] {
        let (code, _, error) = run_at(&server.url(), &arguments, HUBS).await;
        assert!(code == 3 && error.contains(part), "{arguments:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_function_searches_measures_and_sums_up_and_the_command_shows_it() {
    let estate = estate();
    {
        let mut land = estate.land();
        land.organization.add(ACME, "Acme", "r-ab12");
        land.organization.add("222233334444", "Beta", "r-ab12");
    }
    estate
        .cell(ACME, "us-west-2")
        .unwrap()
        .script(Fault::new("connect", FaultKind::AccessDenied).operation("ListInstances").times(Times::Forever));
    estate.cell(ACME, "eu-west-2").unwrap().world().instances[0].set("ListPrompts", 499);
    let (api, server) = (RuntimeApi::start().await.unwrap(), estate.serve_on(0).await.unwrap());
    let variables = [
        ("USE_S3_STORAGE", "true"),
        ("S3_BUCKET", BUCKET),
        ("ALERT_SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:999900001111:quota-alerts"),
        ("CONNECT_PACING", "per-operation"),
        ("FLEET_ROLE_NAME", "reader"),
        ("FLEET_EXTERNAL_ID", "a-secret"),
        ("FLEET_REGIONS", "eu-west-2,us-west-2"),
    ];
    let mut function = binary::command(&api.address(), &server.url(), &variables).spawn().unwrap();
    let invoke = async |payload: Value| api.invoke(Bytes::from(payload.to_string()), Duration::from_secs(120)).await;
    let answer = async |payload: Value| match invoke(payload).await {
        Outcome::Response(value) => value,
        Outcome::Error { error_type, message, .. } => panic!("{error_type}: {message}"),
    };
    let found = answer(json!({ "fleet": "discover" })).await;
    assert_eq!(found["cells"], json!({ "expected": 4, "seen": 1, "denied": 1, "no_role": 2 }));
    let cells: Value = {
        let world = estate.hub().world();
        serde_json::from_slice(&world.buckets[BUCKET].objects["fleet/cells.json"].body).unwrap()
    };
    let mut ends = Vec::new();
    for payload in cells.as_array().unwrap() {
        ends.push(match invoke(payload.clone()).await {
            Outcome::Response(report) => report["region"].as_str().unwrap().to_owned(),
            Outcome::Error { error_type, message, .. } => {
                let state = message.split("cannot be seen: ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
                format!("{error_type} {state}")
            }
        });
    }
    assert_eq!(ends, ["eu-west-2", "DiscoveryError denied", "DiscoveryError no_role", "DiscoveryError no_role"]);
    let digest = answer(json!({ "fleet": "digest" })).await;
    assert_eq!(digest["cells"], json!({ "expected": 4, "seen": 1, "running": 0, "unseen": 3, "settled": {} }));
    assert_eq!(digest["alerts"], json!({ "sent": 1, "suppressed": 0, "failed": 0 }));
    function.kill().await.unwrap();

    let variables = [HUBS, &[("USE_S3_STORAGE", "true"), ("S3_BUCKET", BUCKET)]].concat();
    let (code, table, error) = run_at(&server.url(), &["fleet"], &variables).await;
    assert_eq!(code, 1, "{error}");
    let place = |text: &str| table.find(text).unwrap_or_else(|| panic!("{text} is missing in {table}"));
    assert!(place("no_role") < place("seen ") && place("Acme (111122220001)") > 0 && place("99.8%") > 0, "{table}");
    assert!(table.contains("1 new, 0 recovered, 1 of 4 cells seen"), "{table}");
    let (_, page, _) = run_at(&server.url(), &["fleet", "--output", "html"], &variables).await;
    assert!(page.starts_with("<!DOCTYPE html>"));
    let (code, _, error) = run_at(&server.url(), &["fleet"], HUBS).await;
    assert!(code == 3 && error.contains("S3_BUCKET"), "{error}");
}
