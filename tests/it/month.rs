//! A month of hourly runs, each in a new process, in virtual time: exactly these messages, no other.

use connect_quota_monitor::domain::request::Request;
use simaws::FaultKind;

use crate::harness::{Bench, NOON, small};

const HOUR: i64 = 3600;
/// Hours from the first run, which is at noon, to the midnight that begins day n.
const fn midnight(n: i64) -> i64 {
    24 * n - 12
}

/// What the account is like in the hour of a run.
fn happens(bench: &Bench, hour: i64) {
    let mut world = bench.sim.world();
    let instance = &mut world.instances[0];
    // 3 flows more a day until somebody cleans up: 60 of 100 on day 16.
    let day = (hour + 12) / 24;
    instance.set("ListContactFlows", if day < 19 { 12 + 3 * u64::try_from(day).unwrap() } else { 15 });
    let hovers = |at: u64, below: u64| if hour % 2 == 1 { at } else { below };
    instance.set(
        "ListPrompts",
        match hour {
            5 | 600.. => 430,           // 86 %
            6..41 => hovers(400, 395),  // 80 % and 79 %
            41 => 499,                  // critical
            42..50 => hovers(480, 470), // 96 % and 94 %
            _ => 10,
        },
    );
    instance.set("ListUsers", if (90..95).contains(&hour) { 450 } else { 20 });
    if hour == 80 {
        let id = instance.id.clone();
        let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "VoiceCalls")];
        world.metrics.put("AWS/Connect", "ThrottledCalls", &dimensions, NOON + hour * HOUR - 600, 3.0);
    }
    drop(world);
    if matches!(hour, 60 | 70 | 71 | 72) {
        bench.once("connect", "ListQueues", FaultKind::AccessDenied);
    }
    if hour == 90 {
        bench.once("sns", "Publish", FaultKind::AccessDenied);
    }
}

/// The hour, the event and the text of every message of the runs of these hours.
async fn messages(mut bench: Bench, hours: i64) -> Vec<(i64, String, String)> {
    bench.config.reminder_hours_build = 24;
    let mut found = Vec::new();
    for hour in 0..hours {
        happens(&bench, hour);
        bench.restart();
        bench.sim.clear_requests();
        let before = bench.mails().len();
        let result = bench.run_at(&Request::default(), NOON + hour * HOUR).await;
        assert_eq!(result.is_err(), hour == 90, "a message that cannot be sent fails its run: {result:?}");
        found.extend(bench.mails().split_off(before).into_iter().map(|mail| (hour, mail.event, mail.text)));
    }
    found
}

/// When, which event, and a line of the text.
type Expected = (i64, &'static str, &'static str);

const FIRST_WEEK: &[Expected] = &[
    (5, "raised", "• Prompts per instance: 430/500 (86.0%) - VIOLATION\n  warning; first seen 17:00 UTC\n"),
    (29, "reminder", "  warning; since 2026-03-02 17:00 UTC; was 86.0% yesterday\n"),
    (41, "escalated", "  critical; escalated from warning, since 2026-03-02 17:00 UTC; was 80.0% yesterday\n"),
    (50, "recovered", "• Prompts per instance: 10/500 (2.0%), was critical since 2026-03-02 17:00 UTC\n"),
    (71, "unseen", "Queues per instance (new)"),
    (73, "recovered", "• Queues per instance: 5/100 (5.0%), could not be checked since 10:00 UTC\n"),
    (80, "raised", "3 rejected in the window (3 ThrottledCalls)\n"),
    (82, "recovered", "• Concurrent active calls per instance: 0/10 (0.0%), was critical since 20:00 UTC\n"),
    (91, "raised", "• Users per instance: 450/500 (90.0%) - VIOLATION\n  warning; first seen 06:00 UTC\n"),
    (95, "recovered", "• Users per instance: 20/500 (4.0%), was warning since 06:00 UTC\n"),
];

const LATER: &[Expected] = &[
    (
        midnight(16),
        "raised",
        "• Contact flows per instance: 60/100 (60.0%) - FORECAST\n  +3 a day over 16 days: full on 1 April\n  new; ",
    ),
    (midnight(19) + 23, "recovered", "• Contact flows per instance: 15/100 (15.0%), no longer full soon"),
    (600, "raised", "• Prompts per instance: 430/500 (86.0%) - VIOLATION\n  warning; first seen 12:00 UTC"),
    (624, "reminder", "warning; since 2026-03-27 12:00 UTC; was 86.0% yesterday\n"),
    (648, "reminder", "warning; since 2026-03-27 12:00 UTC"),
    (672, "reminder", "warning; since 2026-03-27 12:00 UTC"),
    (696, "reminder", "warning; since 2026-03-27 12:00 UTC"),
];

fn check(found: &[(i64, String, String)], expected: &[Expected]) {
    let short = |list: Vec<(i64, &str)>| format!("{list:?}");
    let told = found.iter().map(|(hour, event, _)| (*hour, event.as_str())).collect();
    assert_eq!(short(told), short(expected.iter().map(|(hour, event, _)| (*hour, *event)).collect()));
    for ((hour, _, text), (_, _, line)) in found.iter().zip(expected) {
        assert!(text.contains(line), "hour {hour} lacks {line:?}:\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_dynamodb_only() {
    let found = messages(Bench::new(small()).with_table().with_topic(), 30 * 24).await;
    check(&found, &[FIRST_WEEK, LATER].concat());
}

#[tokio::test(start_paused = true)]
async fn with_s3_only() {
    check(&messages(Bench::new(small()).with_bucket().with_topic(), 100).await, FIRST_WEEK);
}

#[tokio::test(start_paused = true)]
async fn with_both_stores() {
    check(&messages(Bench::new(small()).with_table().with_bucket().with_topic(), 100).await, FIRST_WEEK);
}

#[tokio::test(start_paused = true)]
async fn with_no_store_every_run_that_has_something_to_say_says_it() {
    let found = messages(Bench::new(small()).with_topic(), 100).await;
    let expected: Vec<_> = (0..100)
        .filter_map(|hour| match hour {
            5 | 41..50 | 80 | 91..95 => Some((hour, "raised")),
            6..41 => (hour % 2 == 1).then_some((hour, "raised")),
            60 | 70..73 => Some((hour, "unseen")),
            _ => None,
        })
        .collect();
    let found: Vec<_> = found.iter().map(|(hour, event, _)| (*hour, event.as_str())).collect();
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn a_forecast_survives_in_s3_too() {
    let mut bench = Bench::new(small()).with_bucket().with_topic();
    // One run a day is enough for the history.
    for day in 0..8 {
        bench.sim.world().instances[0].set("ListContactFlows", 40 + 5 * day);
        bench.restart();
        bench.run_at(&Request::default(), NOON + i64::try_from(day).unwrap() * 24 * HOUR).await.unwrap();
    }
    let mails = bench.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].document["forecasts"][0]["forecast"]["per_day"], 5.0);
    assert!(mails[0].text.contains("+5 a day over 5 days: full on 14 March"), "{}", mails[0].text);
}

#[tokio::test(start_paused = true)]
async fn forecasts_can_be_turned_off() {
    let mut bench = Bench::new(small()).with_table().with_topic().with_config(|c| {
        c.forecast_days = 0;
        c.reminder_hours_build = 24;
    });
    for day in 0..8 {
        bench.sim.world().instances[0].set("ListContactFlows", 40 + 5 * day);
        bench.run_at(&Request::default(), NOON + i64::try_from(day).unwrap() * 24 * HOUR).await.unwrap();
    }
    assert!(bench.mails().is_empty());
}
