use proptest::prelude::*;

use super::*;
use crate::domain::{Forecast, Metric, MuteRecord, Status, Thresholds};

fn row(key: &str, status: Status) -> Metric {
    Metric { quota_code: key.to_owned(), quota_name: key.to_owned(), status, ..Metric::sample() }
}

/// A row at a percentage, judged at 80 and 95.
fn used(percent: f64) -> Metric {
    let status = match percent {
        p if p >= 95.0 => Status::Critical,
        p if p >= 80.0 => Status::Warning,
        _ => Status::Ok,
    };
    Metric { utilization: Some(percent), ..row("a", status) }
}

/// Not measured in this run.
fn out_of_reach() -> Metric {
    Metric { is_out_of_reach: true, ..row("a", Status::NotMeasurable) }
}

fn unknown() -> Metric {
    row("a", Status::Unknown)
}

/// Critical because calls were rejected, at a percentage that says nothing of it.
fn rejected(percent: f64) -> Metric {
    Metric { status: Status::Critical, ..used(percent) }
}

fn growing(percent: f64, warns: bool) -> Metric {
    let forecast = Forecast { full_at: Some("2027-02-01".to_owned()), per_day: 2.0, days_of_data: 9, warns };
    Metric { forecast: Some(forecast), ..used(percent) }
}

fn rules(now: Timestamp, reminder_hours: u32) -> Rules {
    Rules {
        now,
        schedule_minutes: 60,
        reminders: Reminders { live: reminder_hours, build: reminder_hours },
        is_part: false,
    }
}

fn compare_at(before: Option<&Incidents>, rows: &[Metric], now: Timestamp, reminder_hours: u32) -> Decision {
    decide(before, rows, Missing::IsGone, &rules(now, reminder_hours))
}

fn at(hour: usize) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 3600 * i64::try_from(hour).unwrap()).unwrap()
}

/// Runs hour by hour from a stored, empty state. `arrives` says which messages can be published.
/// Returns the events, hour by hour; those that did not arrive in brackets.
fn story(rows: &[Metric], arrives: impl Fn(usize) -> bool, reminder_hours: u32) -> String {
    let mut state = Incidents::new();
    let mut events = Vec::new();
    for (hour, row) in rows.iter().enumerate() {
        let result = compare_at(Some(&state), std::slice::from_ref(row), at(hour), reminder_hours);
        let event = result.news.as_ref().map_or(".", |n| n.event.as_str());
        let was_sent = result.news.is_some() && arrives(hour);
        events.push(if result.news.is_none() || was_sent { event.to_owned() } else { format!("({event})") });
        state = if was_sent { result.if_told } else { result.if_not };
    }
    events.join(" ")
}

fn events(rows: &[Metric]) -> String {
    story(rows, |_| true, 24)
}

fn percents(percents: &[f64]) -> String {
    events(&percents.iter().map(|p| used(*p)).collect::<Vec<_>>())
}

#[test]
fn messages_follow_changes_only() {
    assert_eq!(percents(&[10.0, 85.0, 86.0, 97.0, 99.0, 50.0, 50.0]), ". raised . escalated . recovered .");
    assert_eq!(percents(&[99.0, 85.0, 97.0]), "raised . escalated", "it was far below critical in between");
    let nothing = out_of_reach();
    assert_eq!(events(&[used(85.0), nothing, used(85.0)]), "raised . .");
}

#[test]
fn at_its_threshold_a_quota_makes_no_noise() {
    assert_eq!(percents(&[80.0, 79.0, 80.0, 79.9, 80.0, 78.0, 80.0]), "raised . . . . . .");
    assert_eq!(percents(&[80.0, 79.0, 79.0, 79.0, 80.0]), "raised . recovered . raised", "two runs below");
    assert_eq!(percents(&[80.0, 77.9, 77.9]), "raised recovered .", "two points below");
    assert_eq!(percents(&[95.0, 94.0, 95.0, 93.0, 95.0]), "raised . . . .");
    assert_eq!(percents(&[95.0, 94.0, 94.0, 95.0]), "raised . . escalated");
    assert_eq!(percents(&[95.0, 92.9, 95.0]), "raised . escalated");
    assert_eq!(percents(&[95.0, 79.0, 94.0, 95.0]), "raised . . escalated", "two runs below critical");
}

#[test]
fn a_quotas_own_threshold_is_the_one_that_counts() {
    let own =
        |percent, status| Metric { levels: Thresholds { warning: 50.0, critical: 60.0 }, status, ..used(percent) };
    let rows = [own(50.0, Status::Warning), own(49.0, Status::Ok), own(50.0, Status::Warning), own(47.0, Status::Ok)];
    assert_eq!(events(&rows), "raised . . recovered");
}

#[test]
fn rejected_calls_are_over_after_two_runs_without_any() {
    assert_eq!(events(&[rejected(10.0), used(10.0), rejected(10.0), used(10.0), used(10.0)]), "raised . . . recovered");
    assert_eq!(events(&[rejected(85.0), used(85.0), rejected(85.0)]), "raised . .");
    let zero = |status| row("a", status);
    assert_eq!(events(&[zero(Status::Critical), zero(Status::Ok), zero(Status::Ok)]), "raised . recovered");
}

#[test]
fn blindness_is_told_after_two_runs_in_a_row_and_so_is_its_end() {
    let ok = || used(10.0);
    assert_eq!(events(&[ok(), unknown(), ok(), unknown(), ok()]), ". . . . .");
    assert_eq!(events(&[ok(), unknown(), unknown(), unknown(), ok(), ok()]), ". . unseen . recovered .");
    let story = events(&[used(85.0), unknown(), unknown(), used(85.0), used(10.0)]);
    assert_eq!(story, "raised . unseen recovered recovered", "out of sight is not over");
    let result = compare_at(None, &[unknown()], at(0), 24);
    assert_eq!(result.news.unwrap().event, Event::Unseen, "where nothing is remembered it is told at once");
}

#[test]
fn an_unchanged_violation_is_repeated_after_the_interval() {
    let rows = vec![used(85.0); 7];
    assert_eq!(story(&rows, |_| true, 3), "raised . . reminder . . reminder");
    assert_eq!(story(&rows[..3], |_| true, 0), "raised reminder reminder");
    let rows = [used(85.0), used(79.0), used(85.0)];
    assert_eq!(story(&rows, |_| true, 1), "raised . reminder", "what violates no more is not reminded of");
}

#[test]
fn a_forecast_is_told_once_and_its_end_after_a_day() {
    let soon = || growing(50.0, true);
    let mut rows = vec![used(50.0), soon(), soon(), used(50.0), soon()];
    assert_eq!(events(&rows), ". raised . . .");
    rows.extend(vec![used(50.0); 25]);
    assert_eq!(events(&rows), format!(". raised . . . {}recovered .", ". ".repeat(23)));
    assert_eq!(events(&vec![soon(); 60]).matches("remind").count(), 0, "a forecast alone is not repeated");
    assert_eq!(events(&[soon(), used(85.0), used(10.0)]), "raised raised recovered", "it came true");
    let result = compare_at(None, &[soon()], at(0), 24);
    assert_eq!(result.news.map(|n| (n.severity, n.violations.len())), Some((Severity::Warning, 0)));
}

#[test]
fn what_could_not_be_published_is_published_later_even_if_it_is_over() {
    let late = |rows: &[Metric]| story(rows, |hour| hour > 0, 24);
    assert_eq!(late(&[used(85.0), used(85.0), used(85.0)]), "(raised) raised .");
    assert_eq!(late(&[used(85.0), used(10.0), used(10.0)]), "(raised) recovered .");
    assert_eq!(late(&[used(99.0), unknown(), used(99.0)]), "(raised) unseen raised");
    let late = |rows: &[Metric]| story(rows, |hour| hour != 1, 24);
    assert_eq!(late(&[used(85.0), used(99.0), used(85.0), used(85.0)]), "raised (escalated) escalated .");
    assert_eq!(late(&[used(85.0), used(10.0), used(10.0), used(10.0)]), "raised (recovered) recovered .");
    let first = compare_at(Some(&Incidents::new()), &[used(85.0)], at(0), 24);
    let second = compare_at(Some(&first.if_not), &[used(85.0)], at(1), 24).news.unwrap();
    assert_eq!(second.violations["a"], Change::New(at(0)), "since it was first seen");
}

#[test]
fn without_state_every_run_with_a_violation_has_news() {
    let result = compare_at(None, &[row("a", Status::Warning), row("b", Status::Ok)], at(0), 24);
    assert_eq!(result.news.unwrap().event, Event::Raised);
    assert!(compare_at(None, &[row("b", Status::Ok)], at(0), 24).news.is_none());
}

#[test]
fn a_muted_quota_is_as_if_it_were_not_there() {
    let mut muted = growing(99.0, true);
    muted.muted = Some(MuteRecord { reason: "known".to_owned(), until: String::new() });
    let result = compare_at(None, &[muted], at(0), 24);
    assert!(result.news.is_none() && result.if_told.is_empty());
}

#[test]
fn two_runs_a_minute_apart_are_one() {
    let half_an_hour = |minutes: i64| at(1) + SignedDuration::from_mins(minutes);
    let told = compare_at(Some(&Incidents::new()), &[used(85.0)], at(0), 24).if_told;
    let calm = compare_at(Some(&told), &[used(79.0)], at(1), 24).if_not;
    assert!(compare_at(Some(&calm), &[used(79.0)], half_an_hour(1), 24).news.is_none());
    let over = compare_at(Some(&calm), &[used(79.0)], half_an_hour(30), 24).news.unwrap();
    assert_eq!(over.event, Event::Recovered);
    let dark = compare_at(Some(&Incidents::new()), &[unknown()], at(1), 24).if_not;
    assert!(compare_at(Some(&dark), &[unknown()], half_an_hour(1), 24).news.is_none());
    assert_eq!(compare_at(Some(&dark), &[unknown()], half_an_hour(30), 24).news.unwrap().event, Event::Unseen);
}

#[test]
fn what_vanished_is_over_once() {
    let told = compare_at(Some(&Incidents::new()), &[used(85.0)], at(0), 24).if_told;
    let gone = compare_at(Some(&told), &[], at(1), 24);
    let news = gone.news.unwrap();
    assert_eq!((news.event, news.recovered["a"].was), (Event::Recovered, Grade::Warning));
    assert_eq!(news.vanished["a"], "a");
    assert!(gone.if_told.is_empty() && gone.if_not == told);
    assert!(compare_at(Some(&gone.if_told), &[], at(2), 24).news.is_none());
    let kept = decide(Some(&told), &[], Missing::IsKept, &rules(at(1), 24));
    assert!(kept.news.is_none() && kept.if_not == told);
    // Its limit was withdrawn: it is counted against nothing.
    let counted = Metric { usage: Some(85.0), ..row("a", Status::NotMeasurable) };
    let news = compare_at(Some(&told), &[counted], at(1), 24).news.unwrap();
    assert_eq!(news.event, Event::Recovered);
    // A forecast and a loss of sight end as well.
    for before in [growing(50.0, true), unknown()] {
        let told = compare_at(None, &[before], at(0), 24).if_told;
        assert_eq!(compare_at(Some(&told), &[], at(1), 24).news.unwrap().event, Event::Recovered);
    }
}

#[test]
fn a_run_that_is_not_the_readers_own_ends_nothing() {
    let told = compare_at(Some(&Incidents::new()), &[used(86.0)], at(0), 24).if_told;
    let calm = Metric { levels: Thresholds { warning: 95.0, critical: 95.0 }, status: Status::Ok, ..used(86.0) };
    let news = compare_at(Some(&told), &[calm], at(1), 24).news.unwrap();
    assert_eq!(news.event, Event::Recovered);
    assert!(news.without_ends().is_none());
    let news = compare_at(Some(&told), &[used(99.0)], at(1), 24).news.unwrap();
    assert_eq!(news.without_ends().unwrap().event, Event::Escalated);
}

#[test]
fn the_ledger_keeps_its_shape() {
    let told = compare_at(None, &[used(99.0), Metric { quota_code: "b".to_owned(), ..unknown() }], at(0), 24).if_told;
    let owner = Owner { account_id: "111122223333".to_owned(), region: "us-east-1".to_owned() };
    let ledger = Ledger { incidents: told, has_readers: true, ..Ledger::new(&owner, "account", at(0)) };
    let text = serde_json::to_string(&ledger).unwrap();
    assert!(
        text.contains(r#""a":{"name":"a","violation":{"since":"2027-01-15T08:00:00Z","told":{"critical":{}}}"#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    let item: std::collections::HashMap<String, serde_dynamo::AttributeValue> = serde_dynamo::to_item(&ledger).unwrap();
    assert_eq!(serde_dynamo::from_item::<_, Ledger>(item).unwrap(), ledger);
    assert!(ledger.check(&owner, "account").is_ok());
    let other = Owner { region: "eu-west-1".to_owned(), ..owner.clone() };
    assert!(ledger.check(&other, "account").unwrap_err().contains("us-east-1"));
    let later = Ledger { schema_version: 2, ..ledger };
    assert!(later.check(&owner, "account").unwrap_err().contains("schema_version is 2"));
}

fn any_row() -> impl Strategy<Value = Metric> {
    prop_oneof![
        (0u32..1100).prop_map(|p| used(f64::from(p) / 10.0)),
        Just(unknown()),
        Just(rejected(10.0)),
        Just(growing(50.0, true)),
        Just(out_of_reach()),
    ]
}

/// What the reader believes after a message, as the message says it.
fn read(belief: &mut Option<Status>, news: &News, row: &Metric) {
    if news.violations.contains_key("a") {
        *belief = Some(row.status);
    }
    if news.recovered.contains_key("a") {
        *belief = None;
    }
}

proptest! {
    /// A publish that fails leaves the carried state: the next run must still have the news.
    #[test]
    fn news_that_was_not_published_stays_news(before in any_row(), after in any_row()) {
        let state = compare_at(None, std::slice::from_ref(&before), at(0), 24).if_told;
        let rows = std::slice::from_ref(&after);
        let second = compare_at(Some(&state), rows, at(1), 24);
        let third = compare_at(Some(&second.if_not), rows, at(2), 24);
        if let Some(news) = &second.news {
            prop_assert_eq!(Some(news.event), third.news.map(|n| n.event));
            let told = compare_at(Some(&second.if_told), rows, at(2), 24);
            // A second run below a threshold is no repetition.
            let is_over = |n: News| n.event == Event::Recovered;
            prop_assert!(told.news.is_none_or(is_over), "the same rows are no news once told");
        }
    }

    /// Whatever happens and whichever messages fail: when it has been quiet for two runs, the reader
    /// believes what is true.
    #[test]
    fn the_reader_is_never_left_with_a_wrong_belief(
        rows in prop::collection::vec((any_row(), any::<bool>()), 1..30), last in 0u32..1100,
    ) {
        let mut state = Incidents::new();
        let mut belief = None;
        let last = used(f64::from(last) / 10.0);
        let rows = rows.into_iter().chain(vec![(last.clone(), true); 3]);
        for (hour, (row, arrives)) in rows.enumerate() {
            let result = compare_at(Some(&state), std::slice::from_ref(&row), at(hour), 24);
            state = match &result.news {
                Some(news) if arrives => { read(&mut belief, news, &row); result.if_told }
                _ => result.if_not,
            };
        }
        let is_so = |status: Option<Status>| status.filter(|s| *s > Status::Unknown);
        match (is_so(Some(last.status)), belief) {
            (Some(Status::Warning), Some(Status::Critical)) => {} // Milder is no message.
            (truth, belief) => prop_assert_eq!(truth, belief),
        }
    }
}

/// Sixty operations in every minute of three days, and a thousand instances: more than its home takes.
#[test]
fn a_ledger_that_is_too_large_forgets_old_calls_and_nothing_else() {
    let owner = Owner { account_id: "111122223333".to_owned(), region: "us-east-1".to_owned() };
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let minute = 1_800_000_000 / 60;
    let mut ledger = Ledger::new(&owner, "account", now);
    for n in 0..1_000 {
        let id = format!("00000000-0000-0000-0000-{n:012}");
        let arn = format!("arn:aws:connect:us-east-1:111122223333:instance/{id}");
        let known = Known {
            arn,
            alias: Some(format!("instance-{n}")),
            seen_until: Some(0),
            looked_at: 0,
            schedule_minutes: 60,
        };
        ledger.notes.instances.insert(id, known);
    }
    for operation in 0..60 {
        for ago in 0..3 * 24 * 60 {
            ledger.notes.own_calls.add("connect", &format!("SearchOperation{operation}"), minute - ago, 2);
        }
    }
    let (bytes, hours) = ledger.fit(now).unwrap();
    assert!(bytes > MOST_BYTES && hours < 72, "{bytes} bytes, {hours} hours");
    assert!(serde_json::to_vec(&ledger).unwrap().len() <= MOST_BYTES);
    assert_eq!(ledger.notes.instances.len(), 1_000);
    assert_eq!(ledger.fit(now), None, "it fits now");
}
