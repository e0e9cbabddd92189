//! The search for a fleet's cells: an organization, a list, and what goes wrong with either.

use std::sync::Arc;
use std::time::Duration;

use connect_quota_monitor::aws::pace::PacingPlan;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::roomy;
use crate::hub::{ACCOUNTS, Hub, REGIONS};

const ROLE: &str = "ConnectQuotaMonitorReader";

fn trusting() -> Hub {
    let hub = Hub::new();
    hub.estate.trust(&ACCOUNTS, ROLE, Some("a-secret"));
    hub
}

#[tokio::test(start_paused = true)]
async fn a_list_in_the_bucket_stands_for_the_organization_and_a_cell_is_one_however_often_it_is_named() {
    let hub = trusting();
    hub.pair(ACCOUNTS[0], 2);
    let line = format!("{},{},Acme list,team-b\n", ACCOUNTS[0], REGIONS[0]);
    hub.put("fleet/accounts.txt", &line.repeat(100_000));
    let answer = hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    assert_eq!(
        (&answer["source"], &answer["cells"]),
        (&json!("fleet/accounts.txt"), &json!({ "expected": 1, "seen": 1 }))
    );
    let cells = hub.object("fleet/cells.json");
    let target =
        json!({ "account_id": ACCOUNTS[0], "region": REGIONS[0], "account_name": "Acme list", "owner": "team-b" });
    assert_eq!(cells, json!([{ "target": target }]));
    let targets = hub.object("fleet/targets.json");
    assert_eq!((&targets[0]["instances"], &targets[0]["state"]), (&json!(2), &json!("seen")));
    assert!(!hub.estate.land().calls.keys().any(|call| call.starts_with("organizations:")));
    // The entry is a payload as it stands.
    hub.invoke(&cells[0], 0).await.unwrap();

    let many: String = (0..100_000).map(|n| format!("{n:012}\n")).collect();
    hub.put("fleet/accounts.txt", &many);
    let error = hub.task(json!({ "fleet": "discover" }), 1).await.unwrap_err();
    assert_eq!(error.error_type(), "DiscoveryError");
    assert!(error.to_string().contains("it names 100000 cells, and one hub measures at most 10000"), "{error}");
    hub.put("fleet/accounts.json", r#"["11112222333"]"#);
    let error = hub.task(json!({ "fleet": "discover" }), 1).await.unwrap_err();
    assert!(error.to_string().contains("fleet/accounts.json: entry 1: the account is \"11112222333\""), "{error}");
    assert_eq!(hub.object("fleet/cells.json"), cells, "the list that stands stays");
}

#[tokio::test(start_paused = true)]
async fn units_exclusions_tags_and_enabled_regions() {
    let mut hub = trusting();
    hub.estate.land().off.insert((ACCOUNTS[1].to_owned(), REGIONS[1].to_owned()));
    hub.config(|c| {
        c.fleet.ous = vec!["ou-ab12-beta".to_owned()];
        c.fleet.regions.clear();
    });
    let answer = hub.task(json!({ "fleet": "discover", "dry_run": true }), 0).await.unwrap();
    assert_eq!((&answer["accounts"], &answer["accounts_not_active"]), (&json!(2), &json!(1)), "{answer:#}");
    let found: Vec<(&str, &str, &str)> = answer["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["account_name"].as_str().unwrap(), t["ou"].as_str().unwrap(), t["region"].as_str().unwrap()))
        .collect();
    // The unit below belongs to it, a Region that is off is not asked, and the hub's own is one of them.
    assert_eq!(
        found,
        [
            ("Beta", "ou-ab12-beta", "eu-central-1"),
            ("Beta", "ou-ab12-beta", "eu-west-2"),
            ("Gamma", "ou-ab12-gamma", "eu-central-1"),
            ("Gamma", "ou-ab12-gamma", "eu-west-2"),
            ("Gamma", "ou-ab12-gamma", "us-east-1"),
        ]
    );
    assert!(hub.keys().is_empty(), "a dry run writes nothing");
    hub.config(|c| c.fleet.exclude_accounts = vec![ACCOUNTS[1].to_owned(), ACCOUNTS[2].to_owned()]);
    let error = hub.task(json!({ "fleet": "discover" }), 0).await.unwrap_err();
    assert!(error.to_string().contains("not one active account was listed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_search_keeps_the_list_and_the_digest_says_so_once() {
    let hub = trusting();
    hub.pair(ACCOUNTS[0], 1);
    hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    hub.hour(0).await;
    assert!(hub.mails().is_empty(), "{:?}", hub.mails());
    let cells = hub.object("fleet/cells.json");

    // Not due yet, then due and denied.
    let young = hub.task(json!({ "fleet": "discover", "if_older_than_hours": 24 }), 23).await.unwrap();
    assert_eq!(young["due"], false);
    let denied = "You don't have permissions to access this resource.";
    hub.estate.land().organization.fault = Some((400, "AccessDeniedException".to_owned(), denied.to_owned()));
    let error = hub.task(json!({ "fleet": "discover", "if_older_than_hours": 24 }), 24).await.unwrap_err();
    assert_eq!(error.error_type(), "DiscoveryError");
    let message = error.to_string();
    for part in ["organizations:ListAccounts", "access_denied", "the list of 2026-03-02T12:00:00Z stays"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(hub.object("fleet/cells.json"), cells);
    for hour in [24, 25] {
        hub.hour(hour).await;
    }
    let mails = hub.mails();
    assert_eq!(mails.len(), 1, "told once: {mails:#?}");
    assert_eq!(mails[0].attributes["event"], "unseen");
    assert!(mails[0].text.contains("THE LIST OF ACCOUNTS:\n• Accounts cannot be listed: organizations:ListAccounts"));
    let report = hub.object("fleet/latest/report.json");
    assert!(report["notes"][0].as_str().unwrap().starts_with("Accounts cannot be listed since 2026-03-03T12:00:00Z"));
    assert!(hub.text("fleet/latest/index.html").contains("Accounts cannot be listed since"));

    hub.estate.land().organization.fault = None;
    hub.forget_mails();
    // It failed last time, so it is due again.
    let again = hub.task(json!({ "fleet": "discover", "if_older_than_hours": 24 }), 26).await.unwrap();
    assert_eq!(again["due"], true);
    hub.hour(26).await;
    assert!(hub.mails()[0].text.contains("Accounts are listed again"));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_entered_keeps_its_cells_and_one_that_was_emptied_is_told() {
    let hub = trusting();
    let (west, _) = hub.pair(ACCOUNTS[0], 1);
    west.world().instances[0].set("ListPrompts", 499);
    hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    hub.hour(0).await;
    assert_eq!(hub.mails().len(), 2);
    hub.estate.land().sts_throttled.insert(ACCOUNTS[0].to_owned());
    let answer = hub.task(json!({ "fleet": "discover" }), 24).await.unwrap();
    assert_eq!((&answer["cells"]["throttled"], &answer["cells"]["expected"]), (&json!(2), &json!(2)), "{answer:#}");
    let targets = hub.object("fleet/targets.json");
    assert_eq!((&targets[0]["instances"], &targets[0]["state"]), (&json!(1), &json!("throttled")), "as known, never 0");

    hub.estate.land().sts_throttled.clear();
    west.world().instances.clear();
    hub.forget_mails();
    let answer = hub.task(json!({ "fleet": "discover" }), 48).await.unwrap();
    assert_eq!((&answer["cells"]["empty"], &answer["cells"]["expected"]), (&json!(5), &json!(2)), "{answer:#}");
    hub.hour(48).await;
    let subjects: Vec<String> = hub.mails().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(
        subjects,
        [
            "Connect Quota Alert - Instance: instance-1 (0 violations, recovered) - Acme",
            "Connect Quota Alert - Fleet: 0 new, 1 recovered, 2 of 2 cells seen",
        ]
    );
    let answer = hub.task(json!({ "fleet": "discover" }), 72).await.unwrap();
    assert_eq!(answer["cells"]["expected"], 1, "told, and measured no more");
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_off_is_not_told_as_unseen_where_the_role_cannot_be_taken_a_day_later() {
    let hub = trusting();
    hub.pair(ACCOUNTS[0], 1);
    hub.estate.land().off.insert((ACCOUNTS[1].to_owned(), REGIONS[0].to_owned()));
    hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    hub.estate.land().sts_throttled.insert(ACCOUNTS[1].to_owned());
    for day in [1, 2] {
        let answer = hub.task(json!({ "fleet": "discover" }), 24 * day).await.unwrap();
        // The other Region had no instance, and nobody knows of it now.
        assert_eq!(
            answer["cells"],
            json!({ "expected": 3, "seen": 2, "empty": 2, "not_opted_in": 1, "throttled": 1 }),
            "{answer:#}"
        );
        let targets = hub.object("fleet/targets.json");
        let target = |t: &&serde_json::Value| t["account_id"] == ACCOUNTS[1] && t["region"] == REGIONS[0];
        let off = targets.as_array().unwrap().iter().find(target).unwrap();
        assert_eq!((&off["measured"], &off["checked_at"]), (&json!(false), &json!("2026-03-02T12:00:00Z")), "{off:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_cells_are_found_and_summed_up() {
    let mut hub = Hub::new();
    let accounts: Vec<String> = (0..500).map(|n| format!("7{n:011}")).collect();
    hub.estate.trust(&accounts.iter().map(String::as_str).collect::<Vec<_>>(), ROLE, Some("a-secret"));
    hub.estate.others_hold(roomy(1));
    {
        let mut land = hub.estate.land();
        land.organization.members.clear();
        for (n, account) in accounts.iter().enumerate() {
            land.organization.add(account, &format!("Account {n}"), "r-ab12");
        }
    }
    hub.config(|c| c.fleet.owner_tag = None);
    let began = tokio::time::Instant::now();
    let answer = hub.task(json!({ "fleet": "discover" }), 0).await.unwrap();
    assert_eq!(answer["cells"], json!({ "expected": 1000, "seen": 1000 }));
    // At Organizations' pace, in virtual time: answers take none here.
    let searched = began.elapsed();
    assert!(searched.as_secs() < 60, "{searched:?}");

    // What the cells would have left, with one over its threshold.
    for (n, account) in accounts.iter().enumerate() {
        for region in REGIONS {
            let over = json!({ "L-8787723E": { "quota_name": "Prompts", "utilization": 90.0, "critical": false } });
            let is_over = n == 7 && region == REGIONS[0];
            let violations = if is_over { over } else { json!({}) };
            let id = format!("instance-{n}-{region}");
            let subject = json!({ "id": id, "looked_at": true, "max_utilization": 90.0, "violations": violations });
            let seen = json!({ "at": "2026-03-02T12:01:00Z", "complete": true, "instances": 1, "violations": usize::from(is_over),
                "unknown": 0, "max_utilization": if is_over { 90.0 } else { 10.0 }, "subjects": [subject] });
            let document = json!({ "schema_version": 1, "account_id": account, "region": region, "state": "seen", "execution_id": "e",
                "began": "2026-03-02T12:00:10Z", "until": "2026-03-02T12:15:00Z", "ended": "2026-03-02T12:01:00Z", "seen": seen });
            hub.put(&format!("fleet/cells/{account}/{region}.json"), &document.to_string());
        }
    }
    let answer = hub.digest(0).await.unwrap();
    assert_eq!(answer["cells"], json!({ "expected": 1000, "seen": 1000, "running": 0, "unseen": 0, "settled": {} }));
    assert_eq!((&answer["violations"], &answer["complete"]), (&json!(1), &json!(true)));
    assert_eq!(answer["changes"], json!({ "new": 1, "recovered": 0, "unseen": 0, "seen_again": 0 }));
    assert!(answer.to_string().len() < 10_000, "{} bytes", answer.to_string().len());
    assert_eq!(hub.mails().len(), 1);
    let page = hub.text("fleet/latest/index.html");
    eprintln!(
        "the page of 1,000 cells takes {} bytes, the report {}",
        page.len(),
        hub.text("fleet/latest/report.json").len()
    );
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.find("▲ 90.0 %").unwrap() < page.find("10.0 %").unwrap(), "the worst account first");
    // A second digest at the same time says nothing anew.
    hub.digest(0).await.unwrap();
    assert_eq!(hub.mails().len(), 1);
}

/// How long a round takes: fifty cells at a time, at the documented pace, 100 ms a call.
#[tokio::test(start_paused = true)]
#[ignore = "a hundred whole runs take the processor some minutes"]
async fn cells_an_hour() {
    let mut hub = Hub::new();
    hub.plans = (PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas);
    hub.latency = Duration::from_millis(100);
    hub.estate.trust(&ACCOUNTS, ROLE, Some("a-secret"));
    let cells: Vec<String> = (0..100).map(|n| format!("8{n:011}")).collect();
    hub.estate.trust(&cells.iter().map(String::as_str).collect::<Vec<_>>(), ROLE, Some("a-secret"));
    for account in &cells {
        let world = crate::hub::world(account, REGIONS[0], 1);
        let arn = world.instances[0].arn(&world);
        hub.estate.add(world).world().quotas.set_instance("L-9A46857E", &arn, 700.0);
    }
    let (hub, began, turns) = (Arc::new(hub), tokio::time::Instant::now(), Arc::new(Semaphore::new(50)));
    let mut running = JoinSet::new();
    for account in cells {
        let (hub, turns) = (Arc::clone(&hub), Arc::clone(&turns));
        running.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            let began = tokio::time::Instant::now();
            hub.invoke(&crate::hub::cell_payload(&account, REGIONS[0]), 0).await.unwrap();
            began.elapsed().as_secs_f64()
        });
    }
    let seconds: Vec<f64> = running.join_all().await;
    let round = began.elapsed().as_secs_f64();
    let each = seconds.iter().sum::<f64>() / 100.0;
    eprintln!("100 cells in {round:.1} s, {each:.1} s each: {:.0} cells an hour", 100.0 / round * 3600.0);
    assert!(round < 180.0, "{round}");
}
