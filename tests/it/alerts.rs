//! Who is told what, when, over several runs.

use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Times, World};

use crate::harness::{Bench, EVENTS_TOPIC, NOON, TOPIC, quiet, row};

const HOUR: i64 = 3600;

async fn run(bench: &mut Bench, hour: i64) {
    // A new process each time: nothing may be remembered but what is stored.
    bench.restart();
    bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
}

fn events(bench: &Bench) -> Vec<String> {
    bench.mails().into_iter().map(|m| m.event).collect()
}

async fn a_violation_is_told_once_then_reminded_of_then_gone(mut bench: Bench) {
    bench.config.reminder_hours_build = 24;
    bench.sim.world().instances[0].set("ListPrompts", 430);
    run(&mut bench, 0).await;
    assert_eq!(events(&bench), ["raised"]);
    for hour in 1..=23 {
        run(&mut bench, hour).await;
    }
    assert_eq!(events(&bench).len(), 1, "an unchanged violation is not repeated every hour");
    run(&mut bench, 24).await;
    assert_eq!(events(&bench).last().unwrap(), "reminder");
    bench.sim.world().instances[0].set("ListPrompts", 499);
    run(&mut bench, 25).await;
    assert_eq!(events(&bench).last().unwrap(), "escalated");
    bench.sim.world().instances[0].set("ListPrompts", 10);
    run(&mut bench, 26).await;
    run(&mut bench, 27).await;
    assert_eq!(events(&bench), ["raised", "reminder", "escalated", "recovered"]);
    let mails = bench.mails();
    assert_eq!(mails[0].severity, "warning");
    assert_eq!(mails[2].severity, "critical");
    assert_eq!(mails[3].severity, "info");
    assert!(mails[0].text.contains("• Prompts per instance: 430/500 (86.0%) - VIOLATION"), "{}", mails[0].text);
}

/// New things can wait: a quota that turns nobody away is repeated once a week.
#[tokio::test(start_paused = true)]
async fn a_quota_of_things_to_build_is_repeated_after_a_week() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    for hour in [0, 1, 24, 25, 120, 168, 169] {
        run(&mut bench, hour).await;
    }
    assert_eq!(events(&bench), ["raised", "reminder"]);
}

#[tokio::test(start_paused = true)]
async fn with_dynamodb_only() {
    a_violation_is_told_once_then_reminded_of_then_gone(Bench::new(quiet(1)).with_table().with_topic()).await;
}

#[tokio::test(start_paused = true)]
async fn with_s3_only() {
    a_violation_is_told_once_then_reminded_of_then_gone(Bench::new(quiet(1)).with_bucket().with_topic()).await;
}

#[tokio::test(start_paused = true)]
async fn with_both_stores() {
    a_violation_is_told_once_then_reminded_of_then_gone(Bench::new(quiet(1)).with_table().with_bucket().with_topic())
        .await;
}

#[tokio::test(start_paused = true)]
async fn without_storage_every_run_with_violations_alerts() {
    let mut bench = Bench::new(quiet(1)).with_topic();
    run(&mut bench, 0).await;
    assert!(bench.mails().is_empty());
    bench.sim.world().instances[0].set("ListPrompts", 430);
    run(&mut bench, 1).await;
    run(&mut bench, 2).await;
    assert_eq!(events(&bench), ["raised", "raised"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_topic_the_answer_and_the_log_say_so() {
    let mut bench = Bench::new(quiet(1)).with_table();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    let report = bench.run().await.unwrap();
    assert!(report["alerts"]["note"].as_str().unwrap().contains("ALERT_SNS_TOPIC_ARN"));
    assert!(bench.calls("sns").is_empty());
    // Once there is a topic, what was never told is told.
    let mut bench = bench.with_topic();
    run(&mut bench, 1).await;
    assert_eq!(events(&bench), ["raised"]);
}

#[tokio::test(start_paused = true)]
async fn blindness_is_told_once_and_names_what_is_not_seen() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    run(&mut bench, 0).await;
    assert!(bench.mails().is_empty(), "nothing to say");
    bench.always("connect", "ListQueues", FaultKind::AccessDenied);
    run(&mut bench, 1).await;
    run(&mut bench, 2).await;
    let mails = bench.mails();
    assert_eq!((mails.len(), mails[0].event.as_str(), mails[0].severity.as_str()), (1, "unseen", "warning"));
    assert!(mails[0].text.contains("Queues per instance"), "{}", mails[0].text);
    assert!(mails[0].text.contains("connect:ListQueues"), "{}", mails[0].text);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_publish_and_record_repeats_and_never_loses() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    // The instance's and the account's snapshots are stored; the one that says "told" is not.
    let pass = FaultKind::Delay(std::time::Duration::ZERO);
    bench.sim.script(Fault::new("dynamodb", pass).operation("PutItem").times(Times::N(2)));
    bench.sim.script(Fault::new("dynamodb", FaultKind::AccessDenied).operation("PutItem").times(Times::Once));
    run(&mut bench, 0).await;
    run(&mut bench, 1).await;
    run(&mut bench, 2).await;
    assert_eq!(events(&bench), ["raised", "raised"]);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_cannot_be_written_down_is_told_when_it_can_be() {
    let mut bench = Bench::new(quiet(1)).with_table().with_bucket().with_topic();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    run(&mut bench, 0).await;
    bench.sim.world().instances[0].set("ListPrompts", 10);
    // The ledger's home is away: were the recovery told now, the violation's return would be no news.
    bench.sim.script(Fault::new("dynamodb", FaultKind::AccessDenied).operation("PutItem").times(Times::N(4)));
    bench.restart();
    bench.run_at(&Request::default(), NOON + HOUR).await.unwrap_err();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    run(&mut bench, 2).await;
    assert_eq!(events(&bench), ["raised"], "it goes on, and readers know of it");
    bench.sim.world().instances[0].set("ListPrompts", 10);
    run(&mut bench, 3).await;
    assert_eq!(events(&bench), ["raised", "recovered"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_at_a_threshold_of_its_own_leaves_no_trace_in_what_was_told() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    run(&mut bench, 0).await;
    for percent in [1.0, 100.0] {
        let request = Request { threshold_percentage: Some(percent), ..Request::default() };
        bench.run_at(&request, NOON + HOUR).await.unwrap();
    }
    let before = bench.mails().len();
    run(&mut bench, 2).await;
    assert_eq!(bench.mails().len(), before, "the scheduled run finds its own state");
}

#[tokio::test(start_paused = true)]
async fn one_message_per_instance_and_one_for_the_account() {
    let mut bench = Bench::new(quiet(3)).with_table().with_topic();
    {
        let mut world = bench.sim.world();
        world.instances[0].set("ListPrompts", 430).set("ListUsers", 480).set("ListQuickConnects", 100);
        world.instances[2].set("ListPrompts", 430);
        world.quotas.set_account("L-AA17A6B9", 3.0);
    }
    run(&mut bench, 0).await;
    let mails = bench.mails();
    let mut about: Vec<&str> = mails.iter().map(|m| m.instance_id.as_str()).collect();
    about.sort_unstable();
    let world = bench.sim.world();
    let mut expected = vec![world.instances[0].id.as_str(), world.instances[2].id.as_str(), "account"];
    expected.sort_unstable();
    assert_eq!(about, expected);
    let first = mails.iter().find(|m| m.instance_id == world.instances[0].id).unwrap();
    assert!(first.subject.ends_with("(3 violations)"), "{}", first.subject);
    assert_eq!(first.document["violations_count"], 3);
}

#[tokio::test(start_paused = true)]
async fn no_alias_a_long_one_and_a_strange_one_arrive() {
    let mut world = World::with_instances(4);
    world.throttle = simaws::Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 100.0);
    let aliases =
        [None, Some("a".repeat(62)), Some("Zürich-Büro-☎-東京".to_owned()), Some("two\nlines\u{7}".to_owned())];
    for (instance, alias) in world.instances.iter_mut().zip(aliases) {
        instance.alias = alias;
        instance.set("ListPrompts", 500);
    }
    let mut bench = Bench::new(world).with_table().with_topic();
    run(&mut bench, 0).await;
    let mails = bench.mails();
    assert_eq!(mails.len(), 4, "SNS takes every one of them");
    for mail in mails {
        assert!(mail.subject.is_ascii() && mail.subject.len() <= 100, "{:?}", mail.subject);
        assert!(
            mail.subject.starts_with("Connect Quota Alert - Instance: ") && mail.subject.ends_with("(1 violation)")
        );
        assert!(mail.text.contains("Prompts per instance: 500/500 (100.0%) - VIOLATION"));
    }
}

#[tokio::test(start_paused = true)]
async fn three_hundred_violations_arrive_in_one_message() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    {
        let mut world = bench.sim.world();
        // Every rate limit of the account is 0 and every rate is used: 283 critical rows.
        for code in world.quotas.codes("connect") {
            world.quotas.set_account(code, 0.0);
        }
        for quota in connect_quota_monitor::catalogue::per_account() {
            if let Some(operation) = quota.name.strip_prefix("Rate of ").and_then(|n| n.strip_suffix(" API requests")) {
                let dimensions =
                    [("Type", "API"), ("Resource", operation.trim()), ("Service", "Connect"), ("Class", "None")];
                world.metrics.put("AWS/Usage", "CallCount", &dimensions, NOON - 600, 60.0);
            }
        }
    }
    run(&mut bench, 0).await;
    let mails = bench.mails();
    let mail = mails.iter().find(|m| m.instance_id == "account").unwrap();
    let listed = mail.document["violations"].as_array().unwrap().len() as u64;
    let omitted = mail.document["violations_omitted"].as_u64().unwrap();
    let total = mail.document["violations_count"].as_u64().unwrap();
    assert!(total >= 283, "{total}");
    assert_eq!(listed + omitted, total);
    let in_text = mail.text.lines().filter(|l| l.ends_with("- VIOLATION")).count() as u64;
    let more = mail
        .text
        .lines()
        .find_map(|l| l.trim_start_matches("• ").trim().strip_prefix("and ")?.split(' ').next()?.parse::<u64>().ok());
    assert_eq!(in_text + more.unwrap_or(0), total, "what is cut is counted");
}

#[tokio::test(start_paused = true)]
async fn a_test_alert_is_one_marked_message_and_nothing_else() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    let app = bench.app().await;
    let minute = |now| connect_quota_monitor::run::Moment::within(now, std::time::Duration::from_secs(60));
    let answer = app.test_alert(minute(jiff::Timestamp::from_second(NOON).unwrap())).await.unwrap();
    assert_eq!(answer["alerts"]["sent"], 1);
    let mails = bench.mails();
    assert_eq!((mails.len(), mails[0].event.as_str(), mails[0].severity.as_str()), (1, "test", "info"));
    assert!(mails[0].text.to_lowercase().contains("test"));
    assert!(bench.calls("connect").is_empty() && bench.items().is_empty());
    let error = Bench::new(quiet(1)).app().await.test_alert(minute(jiff::Timestamp::UNIX_EPOCH)).await.unwrap_err();
    assert_eq!(error.error_type(), "ConfigError");
}

#[tokio::test(start_paused = true)]
async fn a_muted_quota_is_silent_until_its_mute_ends() {
    let text = r#"{"L-0865B754": {"mute": {"reason": "known", "until": "2026-03-02T14:30:00Z"}}}"#;
    let mut bench = Bench::new(quiet(1))
        .with_table()
        .with_topic()
        .with_config(|c| c.overrides = connect_quota_monitor::config::overrides::Overrides::parse(text).unwrap());
    bench.sim.world().instances[0].set("ListPrompts", 500);
    run(&mut bench, 0).await;
    run(&mut bench, 2).await;
    assert!(bench.mails().is_empty());
    run(&mut bench, 3).await;
    assert_eq!(events(&bench), ["raised"]);
    assert!(
        bench.mails()[0].text.contains("its mute ended at 2026-03-02T14:30:00Z: known"),
        "{}",
        bench.mails()[0].text
    );
    bench.sim.world().instances[0].set("ListQuickConnects", 100);
    run(&mut bench, 4).await;
    let mail = bench.mails().pop().unwrap();
    assert!(mail.text.contains("Prompts per instance") && !mail.text.contains("mute ended"), "once: {}", mail.text);
}

#[tokio::test(start_paused = true)]
async fn rejected_callers_lead_every_short_form() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic().with_events_topic();
    {
        let mut world = bench.sim.world();
        world.quotas.set_account("L-AA17A6B9", 100.0).set_account("L-12AB7C57", 100.0);
        world.instances[0].set("ListPrompts", 499);
        let id = world.instances[0].id.clone();
        let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "VoiceCalls")];
        world.metrics.put("AWS/Connect", "ConcurrentCalls", &dimensions, NOON - 600, 62.0);
        world.metrics.put("AWS/Connect", "ThrottledCalls", &dimensions, NOON - 600, 340.0);
    }
    run(&mut bench, 0).await;
    let mail = bench.mails().remove(0);
    assert_eq!(mail.subject, "Connect Quota Alert - Instance: instance-1 (2 violations): 340 calls REJECTED");
    let first = &mail.document["violations"][0];
    assert_eq!(
        (&first["quota_code"], &first["rejected"], &first["impact"]),
        (&json!("L-12AB7C57"), &json!(340.0), &json!("live"))
    );
    let world = bench.sim.world();
    let message = &world.topics[TOPIC].messages[0];
    let sms = message.delivered("sms");
    assert!(sms.contains("340 calls REJECTED") && sms.contains("62/100 (62.0%)"), "{sms}");
    assert_eq!(
        (message.attributes["impact"].as_str(), message.attributes["account_id"].as_str()),
        ("live", "111122223333")
    );
    let summaries: Vec<String> = world.topics[EVENTS_TOPIC]
        .messages
        .iter()
        .map(|m| serde_json::from_str::<Value>(&m.message).unwrap()["summary"].as_str().unwrap().to_owned())
        .collect();
    let words = "instance-1: Concurrent active calls per instance: 340 calls REJECTED, 62/100 (62.0%), critical";
    assert!(summaries.iter().any(|s| s == words), "{summaries:?}");
}

#[tokio::test(start_paused = true)]
async fn what_aws_allows_once_by_design_is_never_told() {
    let mut bench = Bench::new(quiet(2)).with_table().with_topic().with_config(|c| c.auto_request_increase = true);
    {
        let mut world = bench.sim.world();
        world.quotas.set_account("L-AA17A6B9", 100.0);
        world.instances[0].integrate("CASES_DOMAIN", 1).integrate("WISDOM_ASSISTANT", 1).integrate("FILE_SCANNER", 1);
    }
    let report = bench.dry_run().await;
    let seen = &report["instances"][0];
    for code in ["L-0AA82C05", "L-FFE16A0F", "L-02421311"] {
        let row = row(seen, code);
        let numbers = (&row["usage"], &row["limit"], &row["utilization"], &row["status"]);
        assert_eq!(numbers, (&json!(1.0), &json!(1.0), &json!(100.0), &json!("ok")), "{row}");
        assert!(row["note"].as_str().unwrap().contains("by design"), "{row}");
    }
    assert!(seen["max_utilization"].as_f64().unwrap() < 100.0, "{}", seen["max_utilization"]);
    for day in 0..12 {
        run(&mut bench, 24 * day).await;
    }
    assert!(bench.mails().is_empty(), "{:?}", bench.mails());
    assert!(bench.sim.world().quotas.change_requests.is_empty());
    // A limit that was raised is a limit like any other.
    bench.sim.world().quotas.set_account("L-0AA82C05", 2.0);
    bench.sim.world().instances[0].integrate("CASES_DOMAIN", 1);
    run(&mut bench, 24 * 12).await;
    let mails = bench.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("Cases domain integration associations per instance: 2/2 (100.0%) - VIOLATION"));
}

#[tokio::test(start_paused = true)]
async fn two_of_two_instances_are_a_violation_of_the_account() {
    let mut bench = Bench::new(quiet(2)).with_table().with_topic();
    bench.sim.world().quotas.set_account("L-AA17A6B9", 2.0);
    run(&mut bench, 0).await;
    let mail = bench.mails().remove(0);
    assert_eq!((mail.instance_id.as_str(), mail.document["impact"].as_str()), ("account", Some("build")));
}

#[tokio::test(start_paused = true)]
async fn what_is_muted_does_not_pin_the_highest_utilization() {
    let text = r#"{"L-0865B754": {"mute": {"reason": "known", "until": "2100-01-01"}}}"#;
    let bench = Bench::new(quiet(1))
        .with_config(|c| c.overrides = connect_quota_monitor::config::overrides::Overrides::parse(text).unwrap());
    bench.sim.world().instances[0].set("ListPrompts", 500).set("ListQuickConnects", 25);
    let mut bench = bench;
    let report = bench.dry_run().await;
    let seen = &report["instances"][0];
    assert_eq!(row(seen, "L-0865B754")["utilization"], 100.0, "the row keeps its truth");
    assert!(seen["max_utilization"].as_f64().unwrap() < 80.0, "{}", seen["max_utilization"]);
}
