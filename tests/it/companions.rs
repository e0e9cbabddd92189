//! The companion services: what belongs to whom, what an account may not have, and visits over several runs.

use std::collections::BTreeSet;

use connect_quota_monitor::catalogue::{self, Listing, Meter, Service};
use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{FaultKind, World};

use crate::harness::{Bench, NOON, TABLE, quiet, row, with_status};

const FIELDS: &str = "L-C5B69356";
const PROFICIENCIES: &str = "L-50375162";

fn service<'a>(report: &'a Value, code: &str) -> &'a Value {
    report["services"].as_array().unwrap().iter().find(|s| s["service_code"] == code).unwrap()
}

fn has_row(seen: &Value, code: &str) -> bool {
    seen["metrics"].as_array().unwrap().iter().any(|m| m["quota_code"] == code)
}

#[tokio::test(start_paused = true)]
async fn a_domain_is_reported_under_the_instance_that_it_belongs_to() {
    let mut world = quiet(2);
    world.add("cases", "ListDomains", "support").add("ListFields", 450);
    world.add("cases", "ListDomains", "orphan").add("ListFields", 70);
    let arn = world.arn_of("cases", "ListDomains", 0);
    world.instances[1].associate("CASES_DOMAIN", &arn);
    let report = Bench::new(world).dry_run().await;
    let (other, owner) = (&report["instances"][0], &report["instances"][1]);
    assert!(!has_row(other, FIELDS));
    let fields = row(owner, FIELDS);
    assert_eq!(
        (&fields["usage"], &fields["resource"], &fields["status"]),
        (&json!(450.0), &json!("support"), &json!("warning"))
    );
    let fields = row(&report["account"], FIELDS);
    assert_eq!((&fields["usage"], &fields["resource"]), (&json!(70.0), &json!("orphan")));
    assert_eq!(row(&report["account"], "L-C2B81BC3")["usage"], 2.0, "the domains themselves count for the account");
    assert_eq!(service(&report, "cases")["status"], "in_use");
}

#[tokio::test(start_paused = true)]
async fn a_companion_services_quota_is_asked_for_without_an_instance() {
    let mut world = quiet(1);
    world.add("cases", "ListDomains", "support").add("ListFields", 450);
    let arn = world.arn_of("cases", "ListDomains", 0);
    world.instances[0].associate("CASES_DOMAIN", &arn).set("ListPrompts", 430);
    let mut bench = Bench::new(world).with_topic();
    bench.run().await.unwrap();
    let mails = bench.mails();
    let mail = mails.iter().find(|m| m.instance_id != "account").unwrap();
    let command = |code: &str| {
        let wanted = format!("--quota-code {code} ");
        mail.text.lines().find(|l| l.contains(&wanted)).unwrap_or_else(|| panic!("{}", mail.text)).to_owned()
    };
    assert!(command(FIELDS).contains("--service-code cases") && !command(FIELDS).contains("--context-id"));
    assert!(command("L-0865B754").contains("--context-id arn:"), "{}", command("L-0865B754"));
}

#[tokio::test(start_paused = true)]
async fn a_run_of_one_instance_does_not_blame_the_account_for_anothers_domain() {
    let mut world = quiet(2);
    world.add("cases", "ListDomains", "support").add("ListFields", 490);
    let arn = world.arn_of("cases", "ListDomains", 0);
    world.instances[1].associate("CASES_DOMAIN", &arn);
    let first = world.instances[0].id.clone();
    let mut bench = Bench::new(world);
    let request = Request { dry_run: true, instance_ids: vec![first], ..Request::default() };
    let report = bench.run_at(&request, NOON).await.unwrap();
    assert_eq!(row(&report["account"], FIELDS)["status"], "not_measurable");
}

#[tokio::test(start_paused = true)]
async fn where_every_domain_belongs_to_an_instance_the_account_says_so() {
    let mut world = quiet(1);
    world.add("cases", "ListDomains", "support").add("ListFields", 3);
    let arn = world.arn_of("cases", "ListDomains", 0);
    world.instances[0].associate("CASES_DOMAIN", &arn);
    let report = Bench::new(world).dry_run().await;
    let fields = row(&report["account"], FIELDS);
    assert_eq!(fields["usage"], 0.0);
    assert!(fields["note"].as_str().unwrap().contains("belongs to an instance"), "{fields}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_there_is_a_stated_status_and_no_failure() {
    let companions = ["cases", "profile", "wisdom", "app-integrations", "connect-campaigns"];
    for (status, prepare) in [
        (
            "not_offered",
            (|w, s| {
                w.not_offered.insert(s);
            }) as fn(&mut World, &'static str),
        ),
        ("not_enabled", |w, s| {
            w.not_enabled.insert(s);
        }),
    ] {
        for code in companions {
            let mut world = quiet(1);
            prepare(&mut world, code);
            let mut bench = Bench::new(world);
            let report = bench.dry_run().await;
            assert_eq!(service(&report, code)["status"], status, "{code}");
            assert_eq!(report["complete"], true, "{code} {status}: {}", report["faults"]);
            assert_eq!(report["faults"], json!([]), "{code} {status}");
            if status == "not_offered" {
                assert!(!bench.calls(code).is_empty(), "{code}: that Service Quotas does not know it is no proof");
            }
            for quota in
                catalogue::all().filter(|q| q.service.code() == code && !matches!(q.meter, Meter::Rate | Meter::Burst))
            {
                let place =
                    if quota.service == Service::Campaigns { &report["instances"][0] } else { &report["account"] };
                let row = row(place, quota.id().key());
                assert_eq!(row["status"], "not_measurable", "{status} {row}");
                assert!(!row["note"].as_str().unwrap().is_empty());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_service_is_unknown_and_named_and_fails_nothing() {
    let mut bench = Bench::new(quiet(1));
    bench.always("cases", "ListDomains", FaultKind::AccessDenied);
    let report = bench.run().await.expect("the run succeeds");
    assert_eq!(service(&report, "cases")["status"], "denied");
    assert_eq!(report["account"]["status"], "partial");
    assert!(report["faults"][0]["message"].as_str().unwrap().contains("grant cases:ListDomains"));
}

#[tokio::test(start_paused = true)]
async fn voice_id_is_shown_as_retired_and_never_asked() {
    let mut bench = Bench::new(quiet(1));
    let report = bench.dry_run().await;
    let retired: Vec<&Value> =
        report["account"]["metrics"].as_array().unwrap().iter().filter(|m| m["service_code"] == "voiceid").collect();
    assert_eq!(retired.len(), 9);
    assert!(retired.iter().all(|m| m["status"] == "not_measurable" && m["category"] == "Voice ID (retired)"));
    let asked = bench.sim.requests().iter().any(|r| String::from_utf8_lossy(&r.body).contains("voiceid"));
    assert!(!asked);
}

#[tokio::test(start_paused = true)]
async fn codes_that_only_service_quotas_knows_are_shown_as_such() {
    let report = Bench::new(quiet(1)).dry_run().await;
    let agents = row(&report["account"], "L-3B582C30");
    assert_eq!((&agents["status"], &agents["category"]), (&json!("not_measurable"), &json!("not in the catalogue")));
    assert!(agents["limit"].as_f64().is_some() && agents["usage"].is_null(), "{agents}");
    assert_eq!(agents["impact"], "build", "no metric of calls is named for it");
    let listed: usize = ["connect", "cases", "profile", "wisdom", "app-integrations", "connect-campaigns"]
        .iter()
        .map(|s| World::empty().quotas.codes(s).len())
        .sum();
    let rows = report["instances"][0]["metrics"].as_array().unwrap().iter();
    let rows = rows.chain(report["account"]["metrics"].as_array().unwrap());
    let seen: BTreeSet<&str> = rows.filter_map(|m| m["quota_code"].as_str()).filter(|c| *c != "-").collect();
    let voice_id = catalogue::all().filter(|q| q.service == Service::VoiceId).count();
    assert_eq!(seen.len(), listed + voice_id, "every code that AWS lists has a row");
}

#[tokio::test(start_paused = true)]
async fn agents_are_visited_in_turn_over_the_runs_and_the_worst_is_remembered() {
    let mut world = quiet(1);
    world.instances[0].set("ListUsers", 200).set("ListQueues", 0).set_children("ListUserProficiencies", 150, 9);
    let mut bench = Bench::new(world).with_table().with_config(|c| c.detail_calls = 40);
    let mut seen = Vec::new();
    for hour in 0..8 {
        bench.restart();
        bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap();
        let visits: Vec<String> = bench.calls("connect").into_iter().filter(|c| c == "ListUserProficiencies").collect();
        assert!(visits.len() <= 40, "{}", visits.len());
        bench.sim.clear_requests();
        let items = bench.items();
        let last = items.iter().rfind(|i| i["instance_id"] != "account").unwrap();
        let row = last["metrics"].as_array().unwrap().iter().find(|m| m["quota_code"] == PROFICIENCIES).unwrap();
        seen.push((row["usage"].as_f64(), row["note"].as_str().map(str::to_owned)));
    }
    let (usage, note) = seen.last().unwrap();
    assert_eq!(*usage, Some(9.0), "found in its turn and remembered: {seen:?}");
    assert!(note.as_deref().unwrap().contains("of 200 visited in this run"), "{note:?}");
    assert!(seen[0].0 == Some(0.0) && seen[0].1.as_deref().unwrap().contains("34 of 200"), "{:?}", seen[0]);
    // Users are people: the row names the agent by id.
    let id = row_of(&bench, PROFICIENCIES)["resource"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 36, "{id}");
    assert!(bench.sim.world().tables.contains_key(TABLE));
}

fn row_of(bench: &Bench, code: &str) -> Value {
    let items = bench.items();
    let last = items.iter().rfind(|i| i["instance_id"] != "account").unwrap();
    last["metrics"].as_array().unwrap().iter().find(|m| m["quota_code"] == code).unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_no_single_resource_is_visited() {
    let mut bench = Bench::new(crate::family::whole()).with_config(|c| c.detail_calls = 0);
    let report = bench.dry_run().await;
    assert_eq!(report["complete"], true);
    let visits: Vec<Listing> = catalogue::listings().iter().copied().filter(|l| l.parent().is_some()).collect();
    for listing in &visits {
        let calls = bench.calls(listing.service().code());
        let is_shared = matches!(listing.operation(), "ListDomains");
        assert!(is_shared || !calls.iter().any(|c| c == listing.operation()), "{}", listing.qualified());
    }
    let proficiencies = row(&report["instances"][0], PROFICIENCIES);
    assert_eq!(proficiencies["status"], "not_measurable");
    assert!(proficiencies["note"].as_str().unwrap().contains("DETAIL_CALL_BUDGET is 0"));
}

#[tokio::test(start_paused = true)]
async fn the_cost_in_calls_stays_within_the_stated_bound() {
    let mut bench = Bench::new(crate::family::whole()).with_config(|c| c.detail_calls = 0);
    bench.dry_run().await;
    let calls = bench.calls("connect").len();
    // Besides: the instances, their phone numbers, the groups of traffic distribution, and whether it is a replica.
    assert!(calls <= 31 + 4, "{calls} Connect calls for one instance whose lists fit a page");
    let mut bench = Bench::new(crate::family::whole());
    bench.dry_run().await;
    assert!(bench.calls("connect").len() <= calls + 60);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_vanishes_between_listing_and_visit_counts_nothing() {
    let mut world = quiet(1);
    world.instances[0].set("ListQueues", 3);
    let mut bench = Bench::new(world);
    let gone =
        FaultKind::Status { status: 404, code: "ResourceNotFoundException".to_owned(), message: "gone".to_owned() };
    bench.always("connect", "ListQueueEmailAddresses", gone);
    let report = bench.dry_run().await;
    let emails = row(&report["instances"][0], "L-7B867368");
    assert_eq!(emails["usage"], 0.0, "{emails}");
    assert!(with_status(&report["instances"][0], "unknown").is_empty());
}

/// A name that does not exist is a state only where Service Quotas does not know the service either.
#[tokio::test(start_paused = true)]
async fn a_service_that_service_quotas_knows_is_never_not_offered() {
    for kind in [FaultKind::NoSuchName, FaultKind::NameTryAgain, FaultKind::Refused, FaultKind::BadTls] {
        let mut bench = Bench::new(quiet(1));
        bench.sim.script(simaws::Fault::new("cases", kind.clone()).times(simaws::Times::Forever));
        let report = bench.dry_run().await;
        assert_eq!(service(&report, "cases")["status"], "failed", "{kind:?}");
        assert_eq!(report["complete"], false, "{kind:?}");
        assert_eq!(report["faults"][0]["kind"], "unavailable", "{kind:?}");
    }
}

/// And that Service Quotas does not know it is none either: whoever gets no answer cannot tell.
#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_is_never_not_offered() {
    for kind in [FaultKind::NameTryAgain, FaultKind::Refused, FaultKind::BadTls, FaultKind::Reset] {
        let mut world = quiet(1);
        for code in world.quotas.codes("cases") {
            world.quotas.remove(code);
        }
        let mut bench = Bench::new(world);
        bench.sim.script(simaws::Fault::new("cases", kind.clone()).times(simaws::Times::Forever));
        let report = bench.dry_run().await;
        assert_eq!((&service(&report, "cases")["status"], &report["complete"]), (&json!("failed"), &json!(false)));
    }
}

/// The service answers and Service Quotas does not know it: what AWS documents applies.
#[tokio::test(start_paused = true)]
async fn a_service_that_only_service_quotas_does_not_know_has_its_documented_limits() {
    let mut world = quiet(1);
    for code in world.quotas.codes("cases") {
        world.quotas.remove(code);
    }
    world.add("cases", "ListDomains", "support").add("ListFields", 490); // 98 % of 500
    let report = Bench::new(world).dry_run().await;
    let fields = row(&report["account"], "L-C5B69356");
    assert_eq!((&fields["status"], &fields["limit"]), (&json!("critical"), &json!(500.0)), "{fields}");
    assert!(fields["note"].as_str().unwrap().contains("documented default"), "{fields}");
}
