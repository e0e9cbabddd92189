//! A fleet, hour by hour: accounts and Regions that are seen, and each way in which they are not.

use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Times};

use crate::harness::BUCKET;
use crate::hub::{ACCOUNTS, Hub, REGIONS, cell_payload, instance_id, target};
use crate::schema;

/// The states of the cells of a digest's report, by account and Region.
fn states(report: &Value) -> Vec<(String, String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let mut all: Vec<_> = report["matrix"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(row, "account_name"), text(row, "region"), text(row, "state")))
        .collect();
    all.sort();
    all
}

fn subjects(hub: &Hub) -> Vec<String> {
    hub.mails().into_iter().map(|mail| mail.subject).collect()
}

#[tokio::test(start_paused = true)]
async fn three_hours_of_a_fleet_in_which_everything_happens() {
    let hub = Hub::new();
    // Acme is in both Regions, with a replica. Beta's role is missing. Gamma: one Region is denied by policy, one off.
    let [acme, beta, gamma] = ACCOUNTS;
    let [west, east] = REGIONS;
    hub.estate.trust(&[acme, gamma], "ConnectQuotaMonitorReader", Some("a-secret"));
    let (source, replica) = hub.pair(acme, 1);
    source.world().instances[0].set("ListPrompts", 430);
    replica.world().quotas.set_account("L-9A46857E", 300.0);
    hub.estate.land().denied.insert((gamma.to_owned(), west.to_owned()));
    hub.estate.land().off.insert((gamma.to_owned(), east.to_owned()));

    // The first hour: the search, the cells, the digest.
    let found = hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    assert_eq!(
        found["cells"],
        json!({ "expected": 4, "seen": 2, "no_role": 2, "denied_by_policy": 1, "not_opted_in": 1 }),
        "{found:#}"
    );
    let payloads = hub.object("fleet/cells.json");
    let listed: Vec<(&str, &str)> = payloads
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["target"]["account_id"].as_str().unwrap(), p["target"]["region"].as_str().unwrap()))
        .collect();
    assert_eq!(listed, [(acme, west), (acme, east), (beta, west), (beta, east)]);
    let answers = hub.hour(0).await;
    let refusal = answers[2].as_ref().unwrap_err();
    assert_eq!(refusal.error_type(), "DiscoveryError");
    let message = refusal.to_string();
    for part in
        ["account Beta (222233334444) in eu-west-2 cannot be seen: no_role", "sts:AssumeRole", "fleet/reader-role.yaml"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    let report = hub.object("fleet/latest/report.json");
    assert_eq!(
        states(&report),
        [
            ("Acme", west, "seen"),
            ("Acme", east, "seen"),
            ("Beta", west, "no_role"),
            ("Beta", east, "no_role"),
            ("Gamma", west, "denied_by_policy"),
            ("Gamma", east, "not_opted_in"),
        ]
        .map(|(a, r, s)| (a.to_owned(), r.to_owned(), s.to_owned()))
    );
    assert_eq!(report["cells"]["settled"], json!({ "denied_by_policy": 1, "not_opted_in": 1 }));
    // A replica with the id of its source, and a limit that is lower there.
    let pair = &report["pairs"][0];
    assert_eq!((&pair["regions"], pair["lower"].as_array().unwrap().len()), (&json!([west, east]), 1), "{pair:#}");
    let lower = &pair["lower"][0];
    assert_eq!(
        (&lower["quota"], &lower["region"], &lower["limit"]),
        (&json!("L-9A46857E"), &json!(east), &json!(300.0))
    );
    assert_eq!(
        subjects(&hub),
        [
            "Connect Quota Alert - Instance: instance-1 (1 violation) - Acme",
            "Connect Quota Alert - Fleet: 1 new, 0 recovered, 2 of 4 cells seen",
        ]
    );
    let of_instance = &hub.mails()[0];
    assert!(
        of_instance
            .text
            .starts_with("Account: Acme (111122220001), Region eu-west-2, owner team-a\nInstance: instance-1")
    );
    let attributes = &hub.mails()[0].attributes;
    for (name, value) in [
        ("account_id", acme),
        ("account_name", "Acme"),
        ("region", west),
        ("owner", "team-a"),
        ("instance_id", &instance_id(1)),
    ] {
        assert_eq!(attributes[name], value, "{name}");
    }
    let digest = hub.mails()[1].text.clone();
    for line in [
        "• Acme (111122220001) / eu-west-2 / instance-1: Prompts per instance 86.0%",
        "LOWER LIMITS OF REPLICAS:",
        "• instance-1: Users per instance is 300 in us-east-1 and 500 in eu-west-2: traffic that moves to us-east-1 meets the lower one",
    ] {
        assert!(digest.contains(line), "{line}: {digest}");
    }
    assert!(!digest.contains("NOT SEEN"), "once is no news: {digest}");

    // The second hour: a cell times out, one is throttled, one without the role is unseen again.
    source.script(Fault::new("connect", FaultKind::Hang).operation("ListInstances").times(Times::Forever));
    replica.script(Fault::new("connect", FaultKind::Throttle).operation("ListInstances").times(Times::Forever));
    hub.forget_mails();
    hub.hour(1).await;
    let report = hub.object("fleet/latest/report.json");
    let now: Vec<String> = states(&report).into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(now, ["timeout", "throttled", "no_role", "no_role", "denied_by_policy", "not_opted_in"]);
    let timed_out = report["matrix"].as_array().unwrap().iter().find(|row| row["state"] == "timeout").unwrap();
    assert_eq!(
        (&timed_out["max_utilization"], &timed_out["violations"]),
        (&json!(86.0), &json!(1)),
        "as seen last, never 0"
    );
    assert_eq!(report["pairs"][0]["lower"].as_array().unwrap().len(), 1, "the pair stays as it was seen");
    assert_eq!(subjects(&hub), ["Connect Quota Alert - Fleet: 0 new, 0 recovered, 0 of 4 cells seen"]);
    let digest = hub.mails()[0].text.clone();
    assert!(
        digest.contains("NOT SEEN, TWICE IN A ROW:\n• Beta (222233334444) / eu-west-2: no_role since 2026-03-02 12:0"),
        "{digest}"
    );
    assert_eq!(digest.matches("no_role since").count(), 2, "{digest}");
    assert!(!digest.contains("RECOVERED") && !digest.contains("timeout"), "{digest}");

    // The third hour: all of Acme is back, its violation is over, and Beta has its role.
    source.clear_faults();
    replica.clear_faults();
    source.world().instances[0].set("ListPrompts", 10);
    replica.world().quotas.set_account("L-9A46857E", 500.0);
    hub.estate.trust(&[beta], "ConnectQuotaMonitorReader", Some("a-secret"));
    hub.forget_mails();
    hub.hour(2).await;
    let report = hub.object("fleet/latest/report.json");
    let now: Vec<String> = states(&report).into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(now, ["seen", "seen", "empty", "empty", "denied_by_policy", "not_opted_in"]);
    assert_eq!(
        subjects(&hub),
        [
            "Connect Quota Alert - Instance: instance-1 (0 violations, recovered) - Acme",
            "Connect Quota Alert - Fleet: 0 new, 1 recovered, 4 of 4 cells seen",
        ]
    );
    let digest = hub.mails()[1].text.clone();
    assert!(digest.contains("SEEN AGAIN:\n• Beta (222233334444) / eu-west-2: was no_role since"), "{digest}");
    assert!(digest.contains("REPLICAS:\n• 1 limit no longer lower"), "{digest}");

    // Quiet from now on.
    hub.forget_mails();
    hub.hour(3).await;
    assert_eq!(subjects(&hub), Vec::<String>::new());
    // Programs got an incident for each cell that was unseen, and its end.
    let events = hub.events();
    let of_event = schema::schema("event");
    for event in &events {
        schema::assert_valid(&of_event, event);
    }
    let of_cells: Vec<(&str, &str)> = events
        .iter()
        .filter(|e| e["dedup_key"].as_str().unwrap().ends_with("/cell/unseen"))
        .map(|e| (e["action"].as_str().unwrap(), e["dedup_key"].as_str().unwrap()))
        .collect();
    assert_eq!(
        of_cells,
        [
            ("trigger", "222233334444/eu-west-2/cell/unseen"),
            ("trigger", "222233334444/us-east-1/cell/unseen"),
            ("resolve", "222233334444/eu-west-2/cell/unseen"),
            ("resolve", "222233334444/us-east-1/cell/unseen"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_cells_run_uses_the_roles_session_and_keeps_what_it_has_apart() {
    let hub = Hub::new();
    let [acme, ..] = ACCOUNTS;
    let [west, east] = REGIONS;
    hub.estate.trust(&[acme], "ConnectQuotaMonitorReader", Some("a-secret"));
    let (source, replica) = hub.pair(acme, 1);
    for cell in [&source, &replica] {
        cell.world().instances[0].set("ListPrompts", 499);
    }
    let first = hub.run(target(acme, west), 0).await.unwrap();
    let second = hub.run(target(acme, east), 0).await.unwrap();
    assert_eq!((&first["account_id"], &first["region"]), (&json!(acme), &json!(west)));
    assert_eq!(
        (&second["account_id"], &second["region"], &second["violations"]),
        (&json!(acme), &json!(east), &json!(1))
    );
    let assumed = hub.estate.land().assumed.clone();
    let sessions: Vec<_> = assumed.iter().map(|a| (a.session.clone(), a.external_id.as_deref())).collect();
    let of = |answer: &Value| (answer["execution_id"].as_str().unwrap().to_owned(), Some("a-secret"));
    assert_eq!(sessions, [of(&first), of(&second)], "the session is the execution's");
    // Every call about the cell went there with its credentials, and nothing of it was stored there.
    for cell in [&source, &replica] {
        let services: Vec<&str> = cell.requests().iter().map(|r| r.service).collect();
        assert!(
            services.contains(&"connect") && services.contains(&"servicequotas") && services.contains(&"monitoring")
        );
        assert!(!services.iter().any(|s| ["s3", "dynamodb", "sns", "events"].contains(s)), "{services:?}");
    }
    let of_hub: Vec<&str> = hub.estate.hub().requests().iter().map(|r| r.service).collect();
    assert!(!of_hub.contains(&"connect") && !of_hub.contains(&"servicequotas"), "{of_hub:?}");
    // Two instances of the same id are two: two mails, two ledgers, two latest reports.
    assert_eq!(hub.mails().len(), 2);
    let keys = hub.keys();
    let id = instance_id(1);
    for region in [west, east] {
        for key in [
            format!("connect-ledger/{acme}/{region}/{id}.json"),
            format!("connect-reports/{acme}/{region}/latest/report.json"),
            format!("fleet/cells/{acme}/{region}.json"),
        ] {
            assert!(keys.contains(&key), "{key} is missing in {keys:#?}");
        }
    }
    // The page of the cell is in the hub's bucket, in the hub's Region.
    let link = format!(
        "https://eu-central-1.console.aws.amazon.com/s3/object/{BUCKET}?region=eu-central-1&prefix=\
         connect-reports/{acme}/{west}/latest/index.html"
    );
    assert!(hub.mails()[0].text.contains(&link), "{}", hub.mails()[0].text);
    // The same again: told already, and the requests of both go on at their own pace.
    hub.forget_mails();
    hub.run(target(acme, west), 1).await.unwrap();
    assert!(hub.mails().is_empty());
}

#[tokio::test(start_paused = true)]
async fn bad_targets_are_refused_by_name_and_nothing_is_called() {
    let mut hub = Hub::new();
    for (payload, kind, part) in [
        (
            json!({"target": {"account_id": "11112222333", "region": "eu-west-2"}}),
            "PayloadError",
            "`target.account_id` is \"11112222333\"",
        ),
        (
            json!({"target": {"account_id": "111122220001", "region": "mars"}}),
            "PayloadError",
            "`target.region` is \"mars\"",
        ),
        (json!({"target": {"account_id": "111122220001", "region": "cn-north-1"}}), "PayloadError", "partition aws-cn"),
        (
            json!({"target": {"account_id": "111122220001", "region": "eu-west-2", "nmae": "x"}}),
            "PayloadError",
            "`target.nmae`",
        ),
        (json!({"fleet": "digset"}), "PayloadError", "`fleet`"),
    ] {
        let error = hub.invoke(&payload, 0).await.unwrap_err();
        assert_eq!(error.error_type(), kind, "{payload}: {error}");
        assert!(error.to_string().contains(part), "{payload}: {error}");
    }
    assert!(hub.estate.land().calls.is_empty() && hub.keys().is_empty());
    // A Region that has the form of one and does not exist is not offered.
    let [acme, ..] = ACCOUNTS;
    hub.estate.trust(&[acme], "ConnectQuotaMonitorReader", Some("a-secret"));
    let error = hub.invoke(&cell_payload(acme, "eu-west-9"), 0).await.unwrap_err();
    assert!(error.to_string().contains("eu-west-9 cannot be seen: not_offered"), "{error}");
    // A wrong external id is a role that does not trust.
    hub.estate.trust(&[acme], "ConnectQuotaMonitorReader", Some("another"));
    let error = hub.invoke(&cell_payload(acme, "eu-west-2"), 0).await.unwrap_err();
    assert!(error.to_string().contains("cannot be seen: no_role"), "{error}");
    // Without its settings there is no fleet.
    hub.config(|c| c.fleet.role_name = None);
    let error = hub.invoke(&cell_payload(acme, "eu-west-2"), 0).await.unwrap_err();
    assert_eq!((error.error_type(), error.to_string().contains("FLEET_ROLE_NAME")), ("ConfigError", true));
    hub.config(|c| c.s3_bucket = None);
    let error = hub.invoke(&json!({"fleet": "digest"}), 0).await.unwrap_err();
    assert_eq!((error.error_type(), error.to_string().contains("USE_S3_STORAGE")), ("ConfigError", true));
}
