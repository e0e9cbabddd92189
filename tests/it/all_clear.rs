//! After a long silence one message says that the monitor watches: virtual days.

use connect_quota_monitor::config::overrides::Overrides;
use connect_quota_monitor::domain::request::Request;
use serde_json::Value;
use simaws::{FaultKind, World};

use crate::harness::{Bench, Mail, NOON, small};

const DAY: i64 = 86_400;

fn silent(world: World) -> Bench {
    Bench::new(world).with_topic().with_table().with_config(|c| c.all_clear_days = 7)
}

/// One run on each of these days; the mails since the first of them.
async fn days(bench: &mut Bench, days: std::ops::RangeInclusive<i64>) -> Vec<(i64, Mail)> {
    let mut mails = Vec::new();
    for day in days {
        let before = bench.mails().len();
        bench.run_at(&Request::default(), NOON + day * DAY).await.unwrap();
        mails.extend(bench.mails().into_iter().skip(before).map(|mail| (day, mail)));
    }
    mails
}

fn told_on(mails: &[(i64, Mail)]) -> Vec<i64> {
    mails.iter().map(|(day, _)| *day).collect()
}

#[tokio::test(start_paused = true)]
async fn once_a_period_it_says_that_it_watches_and_what_it_cannot_see() {
    for in_bucket in [false, true] {
        let mut bench = if in_bucket {
            Bench::new(small()).with_topic().with_bucket().with_config(|c| c.all_clear_days = 7)
        } else {
            silent(small())
        };
        bench.sim.world().instances[0].set("ListPrompts", 350);
        let mails = days(&mut bench, 0..=22).await;
        assert_eq!(told_on(&mails), [7, 14, 21]);
        let mail = &mails[0].1;
        assert_eq!(
            (mail.event.as_str(), mail.severity.as_str(), mail.instance_id.as_str()),
            ("reminder", "info", "account")
        );
        assert!(
            mail.subject.starts_with("Connect Quota Monitor - all clear: 111122223333 us-east-1"),
            "{}",
            mail.subject
        );
        assert!(mail.subject.ends_with("7 days") && mail.subject.len() < 100, "{}", mail.subject);
        for told in [
            "1 instance and the account:",
            "Prompts per instance (",
            "): 350/500 (70.0%)",
            "nothing failed in this run",
        ] {
            assert!(mail.text.contains(told), "no {told} in {}", mail.text);
        }
        let fullest = mail.text.split("FULLEST:").nth(1).unwrap().split("COULD NOT").next().unwrap();
        assert_eq!(fullest.matches('•').count(), 5, "{}", mail.text);
        let schema = crate::schema::schema("alert-document");
        crate::schema::assert_valid(&schema, &mail.document);
        assert_eq!(mail.document["all_clear"]["instances"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn any_message_begins_the_silence_anew_and_none_is_sent_beside_it() {
    let mut bench = silent(small());
    let mut mails = days(&mut bench, 0..=5).await;
    bench.sim.world().instances[0].set("ListPrompts", 450);
    mails.extend(days(&mut bench, 6..=6).await);
    bench.sim.world().instances[0].set("ListPrompts", 10);
    mails.extend(days(&mut bench, 7..=15).await);
    let events: Vec<_> = mails.iter().map(|(day, mail)| (*day, mail.event.as_str())).collect();
    assert_eq!(events, [(6, "raised"), (7, "recovered"), (14, "reminder")]);
    assert_eq!(mails[2].1.severity, "info");
}

#[tokio::test(start_paused = true)]
async fn what_is_muted_counts_as_silence_and_is_named() {
    let mut bench = silent(small());
    let mute = r#"{"L-0865B754": {"mute": {"reason": "known", "until": "2030-01-01"}}}"#;
    bench = bench.with_config(|c| c.overrides = Overrides::parse(mute).unwrap());
    bench.sim.world().instances[0].set("ListPrompts", 490);
    let mails = days(&mut bench, 0..=7).await;
    assert_eq!(told_on(&mails), [7]);
    assert!(mails[0].1.text.contains("1 quota muted by QUOTA_OVERRIDES"), "{}", mails[0].1.text);
    assert!(!mails[0].1.text.contains("490"), "{}", mails[0].1.text);
}

#[tokio::test(start_paused = true)]
async fn standing_trouble_is_not_called_clear() {
    let mut bench = silent(small()).with_config(|c| (c.reminder_hours, c.reminder_hours_build) = (8_000, 8_000));
    bench.sim.world().instances[0].set("ListPrompts", 490);
    bench.always("connect", "ListQueues", FaultKind::AccessDenied);
    let mails = days(&mut bench, 0..=9).await;
    let last = &mails.last().unwrap().1;
    assert_eq!((last.event.as_str(), last.severity.as_str()), ("reminder", "info"));
    assert!(last.subject.contains("still watching"), "{}", last.subject);
    assert!(
        last.text.contains("1 violation told before") && last.text.contains("Queues per instance ("),
        "{}",
        last.text
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_refused_is_due_again_and_a_crash_repeats_it_at_most() {
    let mut bench = silent(small());
    days(&mut bench, 0..=6).await;
    bench.always("sns", "Publish", FaultKind::AccessDenied);
    let error = bench.run_at(&Request::default(), NOON + 7 * DAY).await.unwrap_err();
    assert_eq!(error.error_type(), "SinkError");
    assert!(bench.ledgers()["account"]["claim"].is_null(), "the claim is released");
    bench.sim.clear_faults();
    let mails = days(&mut bench, 8..=15).await;
    assert_eq!(told_on(&mails), [8, 15]);
}

#[tokio::test(start_paused = true)]
async fn of_overlapping_runs_one_tells() {
    let mut bench = silent(small());
    bench.latency = std::time::Duration::from_millis(20);
    days(&mut bench, 0..=6).await;
    let app = bench.app().await;
    let now = jiff::Timestamp::from_second(NOON + 7 * DAY).unwrap();
    bench.sim.set_clock(NOON + 7 * DAY);
    let request = Request::default();
    let run = || app.run(&request, connect_quota_monitor::run::Moment::within(now, bench.time));
    let (one, two, three) = tokio::join!(run(), run(), run());
    let sent: usize = [one, two, three].into_iter().map(|report| report.unwrap().alerts.sent).sum();
    assert_eq!((sent, bench.mails().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_the_variable_a_store_or_a_whole_look_nothing_is_said() {
    let mut off = Bench::new(small()).with_topic().with_table();
    assert!(days(&mut off, 0..=15).await.is_empty());
    assert_eq!(off.ledgers()["account"]["notes"]["told_at"], Value::Null);
    let mut storeless = Bench::new(small()).with_topic().with_config(|c| c.all_clear_days = 7);
    assert!(days(&mut storeless, 0..=8).await.is_empty());
    let mut bench = silent(small());
    days(&mut bench, 0..=6).await;
    let id = bench.sim.world().instances[0].id.clone();
    for request in [
        Request { instance_ids: vec![id], ..Request::default() },
        Request { dry_run: true, ..Request::default() },
        Request { threshold_percentage: Some(99.0), ..Request::default() },
    ] {
        bench.run_at(&request, NOON + 7 * DAY).await.unwrap();
        assert!(bench.mails().is_empty(), "{request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_in_which_something_failed_is_not_called_clear() {
    let mut bench = silent(small()).with_bucket();
    assert!(days(&mut bench, 0..=6).await.is_empty());
    bench.always("s3", "PutObject", FaultKind::AccessDenied);
    let error = bench.run_at(&Request::default(), NOON + 7 * DAY).await.unwrap_err();
    assert_eq!(error.error_type(), "SinkError");
    let mails = bench.mails();
    let mail = mails.last().unwrap();
    assert!(mail.subject.contains("still watching") && !mail.text.contains("nothing failed"), "{}", mail.text);
    assert!(mail.text.contains("in this run: its log and its answer name them"), "{}", mail.text);
}
