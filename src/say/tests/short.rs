//! What leads: rejected contacts and calls in the short forms, and live quotas in every list.

use super::*;

fn calls(usage: f64, rejected: f64) -> Metric {
    rejecting(metric("L-12AB7C57", "Concurrent active calls per instance", usage, 100.0), rejected)
}

fn rejecting(metric: Metric, rejected: f64) -> Metric {
    Metric { status: Status::Critical, rejected: Some(rejected), ..metric }
}

fn flows() -> Metric {
    metric("L-22922690", "Contact flows per instance", 147.0, 100.0)
}

fn attribute<'a>(message: &'a Message, name: &str) -> &'a str {
    message.attributes.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

#[test]
fn the_short_forms_say_what_was_rejected() {
    let message = message(Some(&instance(Some("acme"))), &[], vec![flows(), calls(62.0, 340.0)]);
    assert_eq!(message.subject, "Connect Quota Alert - Instance: acme (2 violations): 340 calls REJECTED");
    let (body, document) = opened(&message);
    assert_eq!(
        body["sms"],
        "Connect Quota Alert: acme: 340 calls REJECTED, 2 violations, worst: Concurrent active calls per instance 62/100 (62.0%)"
    );
    assert!(
        message
            .text
            .contains("calls per instance: 62/100 (62.0%) - VIOLATION\n  340 calls REJECTED; critical; first seen")
    );
    let first = &document["violations"][0];
    assert_eq!((&first["rejected"], first["impact"].as_str()), (&340.0.into(), Some("live")));
    assert!(document["violations"][1].get("rejected").is_none());
}

#[test]
fn each_kind_is_called_by_its_name_and_counted_over_all_quotas() {
    let subject = |rows: Vec<Metric>| message(Some(&instance(Some("acme"))), &[], rows).subject;
    for (code, name, count, words) in [
        ("L-12AB7C57", "Concurrent active calls per instance", 1.0, "1 call REJECTED"),
        ("L-D4BA6F6E", "Concurrent active chats per instance", 12.0, "12 chats REJECTED"),
        ("L-60553137", "Concurrent active tasks per instance", 3.0, "3 tasks REJECTED"),
        ("L-B117F12F", "Concurrent active emails per instance", 2.0, "2 emails REJECTED"),
        ("L-8787723E", "Rate of AssociateApprovedOrigin API requests", 7.0, "7 requests REJECTED"),
        ("L-FFFFFFFF", "What only Service Quotas knows", 7.0, "7 requests REJECTED"),
    ] {
        let subject = subject(vec![rejecting(metric(code, name, 1.0, 100.0), count)]);
        assert_eq!(subject, format!("Connect Quota Alert - Instance: acme (1 violation): {words}"));
    }
    let rates = ["L-8787723E", "L-8C43A191"].map(|code| rejecting(metric(code, code, 1.0, 2.0), 5.0));
    let chats = rejecting(metric("L-D4BA6F6E", "Concurrent active chats per instance", 9.0, 100.0), 4.0);
    let all = subject(rates.into_iter().chain([calls(62.0, 340.0), chats]).collect());
    assert!(all.ends_with("(4 violations): 340 calls REJECTED, 10 requests REJECTED"), "{all}");
}

#[test]
fn a_long_name_pushes_no_rejection_out_of_the_short_forms() {
    let name = "a".repeat(62);
    let message = message(Some(&instance(Some(&name))), &[], vec![flows(), calls(62.0, 340.0)]);
    assert!(message.subject.len() <= 99 && message.subject.ends_with("a... (2 violations): 340 calls REJECTED"));
    let (body, _) = opened(&message);
    let sms = body["sms"].as_str().unwrap();
    assert!(sms.contains("340 calls REJECTED, 2 violations, worst: ") && sms.ends_with("62/100 (62.0%)"), "{sms}");
}

#[test]
fn live_quotas_come_first_then_severity_then_utilization() {
    let rows = [
        flows(),
        metric("L-8787723E", "Rate of AssociateApprovedOrigin API requests", 1.7, 2.0),
        metric("L-9A46857E", "Users per instance", 90.0, 100.0),
        calls(96.0, 1.0),
        metric("L-0865B754", "Prompts per instance", 99.0, 100.0),
    ];
    let message = message(Some(&instance(Some("acme"))), &[], rows.to_vec());
    let (_, document) = opened(&message);
    let order: Vec<_> =
        document["violations"].as_array().unwrap().iter().map(|v| v["quota_code"].as_str().unwrap()).collect();
    assert_eq!(order, ["L-12AB7C57", "L-8787723E", "L-22922690", "L-0865B754", "L-9A46857E"]);
    assert_eq!((attribute(&message, "impact"), document["impact"].as_str()), ("live", Some("live")));
}

#[test]
fn the_impact_of_a_message_is_the_gravest_of_all_that_it_names() {
    let of = |before: &[Metric], rows: Vec<Metric>| {
        let message = message(Some(&instance(Some("acme"))), before, rows);
        let (_, document) = opened(&message);
        assert_eq!(document["impact"], attribute(&message, "impact"));
        attribute(&message, "impact").to_owned()
    };
    assert_eq!(of(&[], vec![flows()]), "build");
    assert_eq!(of(&[], vec![flows(), calls(10.0, 5.0)]), "live");
    // Who was called for it hears of its end, too.
    let calm = metric("L-12AB7C57", "Concurrent active calls per instance", 5.0, 100.0);
    let full = metric("L-12AB7C57", "Concurrent active calls per instance", 97.0, 100.0);
    assert_eq!(of(&[full], vec![calm]), "live");
    let blind = unknown("L-12AB7C57", "Concurrent active calls per instance", "cloudwatch:GetMetricData");
    assert_eq!(of(&[], vec![blind]), "live");
    let mute = MuteRecord { reason: "a test".to_owned(), until: "2026-01-01T00:00:00Z".to_owned() };
    assert_eq!(of(&[], vec![Metric { muted: Some(mute), ..calls(97.0, 5.0) }, flows()]), "build");
}
