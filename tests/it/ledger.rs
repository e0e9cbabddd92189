//! What readers know, over runs that see less, tell nobody, or find things gone.

use connect_quota_monitor::config::overrides::Overrides;
use connect_quota_monitor::domain::instances::InstancePattern;
use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Times};

use crate::harness::{BUCKET, Bench, EVENTS_TOPIC, NOON, roomy};

const HOUR: i64 = 3600;

async fn run(bench: &mut Bench, hour: i64) -> Value {
    run_at(bench, NOON + hour * HOUR).await
}

async fn run_at(bench: &mut Bench, second: i64) -> Value {
    bench.restart();
    bench.run_at(&Request::default(), second).await.unwrap()
}

fn mails(bench: &Bench) -> Vec<String> {
    bench.mails().into_iter().map(|mail| mail.event).collect()
}

fn actions(bench: &Bench) -> Vec<String> {
    let world = bench.sim.world();
    let messages = &world.topics[EVENTS_TOPIC].messages;
    let action = |text: &str| serde_json::from_str::<Value>(text).unwrap()["action"].as_str().unwrap().to_owned();
    messages.iter().map(|m| action(&m.message)).collect()
}

fn prompts(bench: &Bench, instance: usize, prompts: u64) {
    bench.sim.world().instances[instance].set("ListPrompts", prompts);
}

/// Both homes of the ledger.
fn benches(instances: usize) -> [Bench; 2] {
    let bench = || Bench::new(roomy(instances)).with_topic().with_events_topic();
    [bench().with_table(), bench().with_bucket()]
}

#[tokio::test(start_paused = true)]
async fn two_accounts_and_two_regions_in_one_store_are_strangers() {
    for second in [("999988887777", "us-east-1"), ("111122223333", "eu-west-1")] {
        for mut first in benches(1) {
            prompts(&first, 0, 490);
            run(&mut first, 0).await;
            assert_eq!(mails(&first), ["raised"]);
            let mut world = roomy(1);
            (world.account_id, world.region) = (second.0.to_owned(), second.1.to_owned());
            // A replica has its source's id.
            world.instances[0].id = first.sim.world().instances[0].id.clone();
            world.instances[0].set("ListPrompts", 490);
            world.tables = first.sim.world().tables.clone();
            world.buckets = first.sim.world().buckets.clone();
            world.topics.clone_from(&first.sim.world().topics);
            let mut other = Bench::new(world);
            other.config = first.config.clone();
            let report = run_at(&mut other, NOON + 60).await;
            assert_eq!((&report["alerts"]["sent"], &report["alerts"]["suppressed"]), (&json!(1), &json!(0)));
            // And neither's end is the other's.
            prompts(&other, 0, 10);
            let report = run_at(&mut other, NOON + HOUR).await;
            assert_eq!(report["alerts"]["sent"], 1);
            first.sim.world().tables = other.sim.world().tables.clone();
            first.sim.world().buckets = other.sim.world().buckets.clone();
            let report = run(&mut first, 1).await;
            assert_eq!((&report["alerts"]["sent"], &report["alerts"]["suppressed"]), (&json!(0), &json!(1)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_without_channels_swallows_no_recovery() {
    for mut bench in benches(1) {
        prompts(&bench, 0, 490);
        run(&mut bench, 0).await;
        let told = bench.ledgers();
        prompts(&bench, 0, 10);
        // As `check --store` is configured.
        let channels = (bench.config.alert_topic_arn.take(), bench.config.events_topic_arn.take());
        run(&mut bench, 1).await;
        assert_eq!(bench.ledgers(), told, "it tells nobody, so it changes nothing");
        (bench.config.alert_topic_arn, bench.config.events_topic_arn) = channels;
        run(&mut bench, 2).await;
        assert_eq!((mails(&bench), actions(&bench)), (texts(&["raised", "recovered"]), texts(&["trigger", "resolve"])));
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn a_look_with_other_thresholds_makes_no_recovery() {
    for mut bench in benches(1) {
        prompts(&bench, 0, 425); // 85 %
        bench.config.thresholds.warning = 90.0;
        run(&mut bench, 0).await;
        let channels = (bench.config.alert_topic_arn.take(), bench.config.events_topic_arn.take());
        bench.config.thresholds.warning = 80.0;
        run(&mut bench, 1).await;
        (bench.config.alert_topic_arn, bench.config.events_topic_arn) = channels;
        bench.config.thresholds.warning = 90.0;
        run(&mut bench, 2).await;
        assert!(mails(&bench).is_empty() && actions(&bench).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_at_a_higher_threshold_ends_nothing() {
    for mut bench in benches(1) {
        prompts(&bench, 0, 430); // 86 %
        run(&mut bench, 0).await;
        let request = Request { threshold_percentage: Some(95.0), ..Request::default() };
        bench.restart();
        bench.run_at(&request, NOON + HOUR / 2).await.unwrap();
        for hour in 1..20 {
            run(&mut bench, hour).await;
        }
        assert_eq!(mails(&bench), ["raised"], "the quota is at 86 % all the time");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_read_is_not_overwritten() {
    for mut bench in benches(1) {
        let (service, operation) =
            if bench.config.dynamodb_table.is_some() { ("dynamodb", "GetItem") } else { ("s3", "GetObject") };
        prompts(&bench, 0, 490);
        for hour in 0..2 {
            run(&mut bench, hour).await;
        }
        let told = bench.ledgers();
        prompts(&bench, 0, 10);
        bench.sim.script(Fault::new(service, FaultKind::AccessDenied).operation(operation).times(Times::Forever));
        for hour in 2..4 {
            let report = run(&mut bench, hour).await;
            let fault = report["faults"].as_array().unwrap().iter().find(|f| f["kind"] == "access_denied").unwrap();
            assert_eq!(fault["operation"], format!("{service}:{operation}"));
        }
        assert_eq!(bench.ledgers(), told, "history, tours and turns stand");
        bench.sim.clear_faults();
        run(&mut bench, 4).await;
        assert_eq!(mails(&bench), ["raised", "recovered"]);
    }
}

/// Makes another text of a stored ledger.
type Spoil = Box<dyn Fn(&str) -> String>;

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_no_ledger_is_named_and_left_alone() {
    let foreign = |change: fn(&mut Value)| {
        move |text: &str| {
            let mut ledger: Value = serde_json::from_str(text).unwrap();
            change(&mut ledger);
            ledger.to_string()
        }
    };
    let spoils: [(&str, Spoil); 6] = [
        ("expected", Box::new(|_: &str| "not JSON".to_owned())),
        ("missing field", Box::new(|_: &str| r#"{"alert_state": {"L-1": {}}, "metrics": []}"#.to_owned())),
        ("schema_version is 7", Box::new(foreign(|l| l["schema_version"] = json!(7)))),
        ("belongs to 999988887777", Box::new(foreign(|l| l["account_id"] = json!("999988887777")))),
        (
            "unknown variant",
            Box::new(foreign(|l| {
                l["incidents"] =
                    json!({ "L-1": { "violation": { "since": "2026-01-01T00:00:00Z", "told": { "calm": {} } } } });
            })),
        ),
        ("at most", Box::new(|text: &str| format!("{text}{}", " ".repeat(500_000)))),
    ];
    for (why, spoil) in spoils {
        let mut bench = Bench::new(roomy(1)).with_topic().with_bucket();
        prompts(&bench, 0, 490);
        run(&mut bench, 0).await;
        let key = {
            let mut world = bench.sim.world();
            let objects = &mut world.buckets.get_mut(BUCKET).unwrap().objects;
            let id = "connect-ledger/111122223333/us-east-1/";
            let (key, object) =
                objects.iter_mut().find(|(k, _)| k.starts_with(id) && !k.ends_with("account.json")).unwrap();
            object.body = spoil(std::str::from_utf8(&object.body).unwrap()).into();
            key.clone()
        };
        let before = bench.sim.world().buckets[BUCKET].objects[&key].body.clone();
        let report = run(&mut bench, 1).await;
        let faults = report["faults"].as_array().unwrap();
        let named = |f: &&Value| {
            let message = f["message"].as_str().unwrap();
            message.contains(&key) && message.contains(why)
        };
        assert!(faults.iter().any(|f| named(&f)), "{why}: {faults:#?}");
        assert_eq!(mails(&bench), ["raised", "raised"], "{why}: told again rather than never");
        assert_eq!(bench.sim.world().buckets[BUCKET].objects[&key].body, before, "{why}: not overwritten");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_instance_is_over_once() {
    for mut bench in benches(2) {
        prompts(&bench, 1, 490);
        run(&mut bench, 0).await;
        let gone = bench.sim.world().instances.remove(1);
        for hour in 1..30 {
            run(&mut bench, hour).await;
        }
        assert_eq!((mails(&bench), actions(&bench)), (texts(&["raised", "recovered"]), texts(&["trigger", "resolve"])));
        let mail = bench.mails().pop().unwrap();
        assert_eq!(mail.instance_id, gone.id);
        assert!(mail.text.contains("no longer there"), "{}", mail.text);
        assert_eq!(bench.ledgers()["account"]["notes"]["instances"].as_object().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_excluded_instance_is_over_when_nobody_looks_at_it_any_more() {
    let mut bench = Bench::new(roomy(2)).with_table().with_topic().with_events_topic();
    prompts(&bench, 1, 490);
    run(&mut bench, 0).await;
    let id = bench.sim.world().instances[1].id.clone();
    bench.config.exclude = vec![InstancePattern::new(&id)];
    for hour in 1..30 {
        run(&mut bench, hour).await;
    }
    assert_eq!((mails(&bench), actions(&bench)), (texts(&["raised", "recovered"]), texts(&["trigger", "resolve"])));
    bench.config.exclude.clear();
    run(&mut bench, 30).await;
    assert_eq!(mails(&bench).last().unwrap(), "raised", "it is looked at again, and still over its threshold");
}

/// README, "Pacing": the instances are split over several functions that share one store.
#[tokio::test(start_paused = true)]
async fn functions_that_share_the_instances_do_not_flap() {
    let mut world = roomy(2);
    world.add("cases", "ListDomains", "support").add("ListFields", 450); // 90 % of 500
    let arn = world.arn_of("cases", "ListDomains", 0);
    world.instances[0].associate("CASES_DOMAIN", &arn);
    world.instances[1].set("ListPrompts", 430);
    world.quotas.set_account("L-0AA82C05", 10.0);
    let ids: Vec<String> = world.instances.iter().map(|i| i.id.clone()).collect();
    let mut bench = Bench::new(world).with_table().with_topic().with_events_topic();
    for hour in 0..12 {
        for (n, id) in ids.iter().enumerate() {
            bench.config.include = vec![InstancePattern::new(id)];
            run_at(&mut bench, NOON + hour * HOUR + 900 * i64::try_from(n).unwrap()).await;
        }
    }
    assert_eq!(mails(&bench), ["raised", "raised"], "one for each instance");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_withdrawn_ends_its_violation() {
    for mut bench in benches(1) {
        bench.sim.world().quotas.remove("L-DFA239E1");
        bench.sim.world().instances[0].set("SearchNotifications", 95);
        bench.config.overrides = Overrides::parse(r#"{"L-DFA239E1": {"limit": 100}}"#).unwrap();
        run(&mut bench, 0).await;
        bench.config.overrides = Overrides::default();
        for hour in 1..5 {
            run(&mut bench, hour).await;
        }
        assert_eq!((mails(&bench), actions(&bench)), (texts(&["raised", "recovered"]), texts(&["trigger", "resolve"])));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dissociated_domain_ends_what_was_told_of_it() {
    for mut bench in benches(1) {
        let arn = {
            let mut world = bench.sim.world();
            world.quotas.set_account("L-0AA82C05", 10.0);
            world.add("cases", "ListDomains", "support").add("ListFields", 450); // 90 % of 500
            world.arn_of("cases", "ListDomains", 0)
        };
        let before = bench.sim.world().instances[0].clone();
        bench.sim.world().instances[0].associate("CASES_DOMAIN", &arn);
        run(&mut bench, 0).await;
        // What cannot be seen is not gone.
        bench.once("connect", "ListIntegrationAssociations", FaultKind::AccessDenied);
        run(&mut bench, 1).await;
        assert_eq!(mails(&bench), ["raised"]);
        bench.sim.world().instances[0] = before;
        run(&mut bench, 2).await;
        let of_instance: Vec<_> = bench.mails().into_iter().filter(|m| m.instance_id != "account").collect();
        assert_eq!(of_instance.iter().map(|m| m.event.as_str()).collect::<Vec<_>>(), ["raised", "recovered"]);
        assert!(of_instance[1].text.contains("no longer there"), "{}", of_instance[1].text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_weekly_schedule_remembers() {
    for mut bench in benches(1) {
        bench.config.lookback_minutes = 10_080;
        prompts(&bench, 0, 430);
        run(&mut bench, 0).await;
        prompts(&bench, 0, 10);
        for week in 1..4 {
            run(&mut bench, week * 168).await;
        }
        assert_eq!(mails(&bench), ["raised", "recovered"]);
    }
}

#[tokio::test(start_paused = true)]
async fn clocks_that_disagree_by_an_hour_lose_nothing() {
    for mut bench in benches(1) {
        prompts(&bench, 0, 430);
        run(&mut bench, 5).await;
        prompts(&bench, 0, 490);
        run(&mut bench, 4).await;
        prompts(&bench, 0, 10);
        run(&mut bench, 6).await;
        assert_eq!(mails(&bench), ["raised", "escalated", "recovered"]);
        // A claim that a run left an hour ahead holds nobody up for ever.
        prompts(&bench, 0, 430);
        bench.sim.script(Fault::new("sns", FaultKind::Hang).operation("Publish").times(Times::N(8)));
        bench.time = std::time::Duration::from_secs(60);
        let app = bench.app().await;
        let moment = connect_quota_monitor::run::Moment::within(
            jiff::Timestamp::from_second(NOON + 9 * HOUR).unwrap(),
            bench.time,
        );
        // The process dies while its message is under way.
        let request = Request::default();
        let died = tokio::time::timeout(std::time::Duration::from_secs(20), app.run(&request, moment)).await;
        assert!(died.is_err());
        bench.sim.clear_faults();
        bench.time = std::time::Duration::from_secs(900);
        run(&mut bench, 8).await;
        assert_eq!(mails(&bench).last().unwrap(), "raised");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_without_channels_keeps_its_notes_and_opens_no_incident() {
    let mut bench = Bench::new(roomy(1)).with_table();
    prompts(&bench, 0, 490);
    run(&mut bench, 0).await;
    let ledgers = bench.ledgers();
    let id = bench.sim.world().instances[0].id.clone();
    assert_eq!((&ledgers[&id]["has_readers"], &ledgers[&id]["incidents"]), (&json!(false), &json!({})));
    // A topic is set later: everything is news.
    bench = bench.with_topic();
    run(&mut bench, 1).await;
    assert_eq!(mails(&bench), ["raised"]);
}

/// AWS may lack an operation in a Region, and that is no fault. But what was measured until now does not become
/// "not measurable" without a word.
#[tokio::test(start_paused = true)]
async fn a_quota_that_was_measured_and_whose_operation_is_gone_is_told_once() {
    for mut bench in benches(1) {
        let gone = FaultKind::Status {
            status: 404,
            code: "UnknownOperationException".to_owned(),
            message: "Unknown operation".to_owned(),
        };
        // This one has never been there; that one is little used: 6 %.
        bench.always("connect", "ListTaskTemplates", gone.clone());
        prompts(&bench, 0, 30);
        run(&mut bench, 0).await;
        bench.always("connect", "ListPrompts", gone);
        let answers = [run(&mut bench, 1).await, run(&mut bench, 2).await, run(&mut bench, 3).await];
        assert_eq!(mails(&bench), ["unseen"], "after two runs, once");
        let message = bench.mails().remove(0).text;
        assert!(message.contains("Prompts per instance"), "{message}");
        assert!(!message.contains("Task templates"), "never seen, never missed: {message}");
        for answer in answers {
            assert_eq!(answer["instances"][0]["unknown_count"], 1, "{answer:#}");
            assert_eq!(answer["complete"], false);
        }
        bench.sim.clear_faults();
        run(&mut bench, 4).await;
        assert_eq!(mails(&bench), ["unseen", "recovered"]);
    }
}
