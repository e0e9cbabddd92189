//! What the text says beside the numbers: growth, requests, what is over, what could not be sent.

use super::*;
use crate::domain::{Forecast, IncreaseRecord};
use crate::ledger::Event;

fn growing(metric: Metric, full_at: Option<&str>, warns: bool) -> Metric {
    let full_at = full_at.map(str::to_owned);
    Metric { forecast: Some(Forecast { full_at, per_day: 12.0, days_of_data: 14, warns }), ..metric }
}

fn request(sent_now: bool) -> IncreaseRecord {
    let (status, created) = ("CASE_OPENED".to_owned(), "2025-09-03T08:00:00Z".to_owned());
    IncreaseRecord { desired: 200.0, status, created, id: Some("r-1".to_owned()), sent_now }
}

/// The message about `rows`, of which the day before was seen too.
fn message_with_history(before: &[Metric], rows: Vec<Metric>) -> Message {
    let (account, instance) = (account("aws", "eu-central-1"), instance(Some("acme")));
    let state = compare(None, before, now() - SignedDuration::from_hours(9), 24).if_told;
    let news = news(Some(&state), &rows);
    let snapshot = Snapshot::new(&account, Subject::Instance(&instance), "run-1", now(), rows);
    let mut history = History::default();
    history.note(before, day_of(now()) - 1);
    compose(&context(&account, Some(&instance)), &Rows::of(&snapshot, &history, &news), &news)
}

fn flows(usage: f64) -> Metric {
    metric("L-22922690", "Contact flows per instance", usage, 100.0)
}

fn users(usage: f64) -> Metric {
    metric("L-9A46857E", "Users per instance", usage, 500.0)
}

#[test]
fn growth_requests_and_yesterday() {
    let calls = Metric {
        note: Some("peak at 2025-09-12 22:41 UTC; 3 rejected in the window (3 ThrottledCalls)".to_owned()),
        status: Status::Critical,
        increase_request: Some(request(true)),
        ..metric("L-12AB7C57", "Concurrent active calls per instance", 62.0, 100.0)
    };
    let flows_now =
        Metric { increase_request: Some(request(false)), ..growing(flows(92.0), Some("2025-12-09"), false) };
    let users_now = growing(users(360.0), Some("2025-09-25"), true);
    let message = message_with_history(&[flows(82.0)], vec![calls, flows_now, users_now]);
    assert_eq!(message.subject, "Connect Quota Alert - Instance: acme (2 violations)");
    assert_snapshot!(message.text, @r#"
    Instance: acme (12345678-1234-1234-1234-123456789012)
    Threshold: 80%
    Violations Found: 2

    VIOLATIONS:
    • Concurrent active calls per instance: 62/100 (62.0%) - VIOLATION
      critical; first seen 23:08 UTC
      38 left. When it is full, contacts are turned away
      limit: the default of AWS; AWS can raise it
      this run requested 200, CASE_OPENED, request r-1
      peak at 2025-09-12 22:41 UTC; 3 rejected in the window (3 ThrottledCalls)
    • Contact flows per instance: 92/100 (92.0%) - VIOLATION
      warning; since 14:08 UTC; was 82.0% yesterday
      8 left. When it is full, nothing new can be made, and contacts go on
      limit: the default of AWS; AWS can raise it
      +12 a day over 14 days: full on 9 December
      requested 200, CASE_OPENED since 3 September

    SUMMARY:
    • Total quotas monitored: 3
    • Maximum utilization: 92.0%
    • Average utilization: 75.3%

    FORECAST:
    • Users per instance: 360/500 (72.0%) - FORECAST
      +12 a day over 14 days: full on 25 September
      new; limit: the default of AWS; AWS can raise it

    WHAT TO DO:
    • Concurrent active calls per instance (L-12AB7C57): a request is open. Should AWS refuse it, ask again
      aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-12AB7C57 --desired-value 125 --context-id arn:aws:connect:eu-central-1:123456789012:instance/12345678-1234-1234-1234-123456789012
      Console: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-12AB7C57
    • Contact flows per instance (L-22922690): a request is open. Should AWS refuse it, ask again
      aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-22922690 --desired-value 154 --context-id arn:aws:connect:eu-central-1:123456789012:instance/12345678-1234-1234-1234-123456789012
      Console: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-22922690
    • Users per instance (L-9A46857E): ask AWS for more
      aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-9A46857E --desired-value 625 --context-id arn:aws:connect:eu-central-1:123456789012:instance/12345678-1234-1234-1234-123456789012
      Console: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-9A46857E
    • To mute Concurrent active calls per instance, add this to QUOTA_OVERRIDES (for another quota, replace the code):
      {"L-12AB7C57": {"instances": {"12345678-1234-1234-1234-123456789012": {"mute": {"reason": "...", "until": "2025-10-12"}}}}}

    Sent because a quota is newly over its threshold.
    Account 123456789012, Region eu-central-1, 2025-09-12 23:08 UTC, run run-1
    "#);
    let (_, document) = opened(&message);
    assert_eq!((document["forecasts_count"].as_u64(), listed(&document, "forecasts")), (Some(1), 1));
    assert_eq!(document["forecasts"][0]["forecast"]["full_at"], "2025-09-25");
    assert_eq!(document["violations"][0]["increase_request"]["sent_now"], true);
    assert_eq!(document["violations"][1]["increase_request"]["status"], "CASE_OPENED");
}

#[test]
fn a_forecast_only() {
    let message = message_with_history(&[], vec![growing(users(360.0), Some("2026-01-02"), true)]);
    assert_eq!(message.subject, "Connect Quota Alert - Instance: acme (0 violations, 1 forecast)");
    assert!(message.text.contains("full on 2 January 2026"), "{}", message.text);
    assert!(message.text.contains("Sent because a quota will be full soon."), "{}", message.text);
    let attributes: Vec<_> = message.attributes.iter().map(|(_, v)| v.as_str()).collect();
    assert_eq!(attributes[..2], ["raised", "warning"]);
    let growing_warning = growing(flows(85.0), Some("2025-09-25"), true);
    let text = message_with_history(&[flows(85.0)], vec![growing_warning]).text;
    assert!(text.contains("  +12 a day over 14 days: full on 25 September (new forecast)\n"), "{text}");
    assert!(text.contains("Sent because a quota will be full soon."), "{text}");
}

#[test]
fn what_is_over() {
    let seen = |told: Incident, row: Metric| {
        let news = compare(Some(&[(row.key().to_owned(), told)].into()), std::slice::from_ref(&row), now(), 24).news;
        let (account, instance) = (account("aws", "eu-central-1"), instance(Some("acme")));
        let snapshot = Snapshot::new(&account, Subject::Instance(&instance), "run-1", now(), vec![row]);
        let news = news.unwrap();
        assert_eq!(news.event, Event::Recovered);
        compose(&context(&account, Some(&instance)), &Rows::of(&snapshot, &History::default(), &news), &news)
    };
    let at = |hours| now() - SignedDuration::from_hours(hours);
    let again = seen(
        Incident { blind: Some(Blind::Told { since: at(3), cause: String::new() }), ..Incident::default() },
        users(10.0),
    );
    assert!(again.subject.ends_with("(0 violations, seen again)"), "{}", again.subject);
    assert!(
        again.text.contains("• Users per instance: 10/500 (2.0%), could not be checked since 20:08 UTC\n"),
        "{}",
        again.text
    );
    assert!(again.text.contains("Sent because quotas can be checked again."));
    assert_eq!(opened(&again).1["recovered"][0]["previous_status"], "unknown");
    let gone = seen(
        Incident { forecast: Some(Foreseen { since: at(72), fading_since: Some(at(24)) }), ..Incident::default() },
        users(10.0),
    );
    assert!(gone.text.contains("no longer full soon, as was told at 2025-09-09 23:08 UTC\n"), "{}", gone.text);
    assert_eq!(opened(&gone).1["recovered"][0]["previous_status"], "forecast");
}

#[test]
fn what_a_failed_message_would_have_said_is_said() {
    let (account, instance) = (account("aws", "eu-central-1"), instance(Some("acme")));
    let at = |hours| now() - SignedDuration::from_hours(hours);
    let told = compare(None, &[flows(85.0)], at(3), 24).if_told;
    let failed = compare(Some(&told), &[flows(99.0)], at(2), 24).if_not;
    let news = compare(Some(&failed), &[flows(86.0)], now(), 24).news.unwrap();
    let snapshot = Snapshot::new(&account, Subject::Instance(&instance), "run-1", now(), vec![flows(86.0)]);
    let text =
        compose(&context(&account, Some(&instance)), &Rows::of(&snapshot, &History::default(), &news), &news).text;
    assert!(text.contains("  warning; was critical in between, since 20:08 UTC\n"), "{text}");
}

#[test]
fn words_of_aws_stay_in_their_line() {
    let hostile = "x\n\nVIOLATIONS:\n• Fake: 1/1 (100.0%) - VIOLATION";
    let mut row = growing(flows(99.0), Some(hostile), true);
    row.increase_request = Some(IncreaseRecord {
        status: hostile.to_owned(),
        created: hostile.to_owned(),
        id: Some(hostile.to_owned()),
        ..request(false)
    });
    let text = message_with_history(&[], vec![row]).text;
    assert_eq!(text.lines().filter(|l| l.starts_with("VIOLATIONS:") || l.starts_with("• Fake")).count(), 1, "{text}");
}
