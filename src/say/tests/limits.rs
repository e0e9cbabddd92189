//! SNS's limits, and our own lines, under oversized and hostile input.

use proptest::prelude::*;

use super::*;
use crate::config::overrides::Overrides;

/// The N of the "and N more" that ends a section of the text.
fn cut(text: &str, section: &str) -> usize {
    let section = text.split(section).nth(1).unwrap().split("\n\n").next().unwrap();
    let last = section.lines().find_map(|l| l.strip_prefix("• and ")?.strip_suffix(" more"));
    last.map_or(0, |n| n.parse().unwrap())
}

#[test]
fn whatever_is_cut_is_counted_and_the_worst_is_kept() {
    for count in [300, 5_000] {
        let rows: Vec<_> = (0..count)
            .map(|i| Metric {
                note: Some("peak minute 22:41 UTC; 12 calls \"rejected\"\n".repeat(3)),
                resource: Some("routing profile Ünïcödé".to_owned()),
                ..metric(&format!("L-{i:08}"), &format!("Quota number {i}"), 100.0 + f64::from(i), 100.0)
            })
            .collect();
        let message = message(Some(&instance(Some("acme"))), &[], rows);
        let (_, document) = opened(&message);
        let count = usize::try_from(count).unwrap();
        let (in_document, in_text) = (listed(&document, "violations"), message.text.matches(" - VIOLATION").count());
        assert_eq!(in_document + usize::try_from(document["violations_omitted"].as_u64().unwrap()).unwrap(), count);
        assert_eq!(in_text + cut(&message.text, "VIOLATIONS:"), count);
        assert!(in_document >= 20 && in_text >= 100, "{in_document} and {in_text}: the room is used");
        assert_eq!(document["violations"][0]["usage"], 99.0 + f64::from(u32::try_from(count).unwrap()));
        assert_eq!(document["violations_count"], count);
        assert!(message.text.contains(&format!("• the same for the other {}: ", count - 10)));
        assert_eq!(message.text.matches("--context-id").count(), 10);
        assert!(message.subject.ends_with(&format!("({count} violations)")));
    }
}

#[test]
fn unseen_quotas_are_cut_and_counted_too() {
    let one_cause: Vec<_> =
        (0..300).map(|i| unknown(&format!("L-{i:08}"), &format!("Quota {i}"), "connect:ListUsers")).collect();
    let text = message(None, &[], one_cause).text;
    assert!(text.contains("Quota 7 (new) and 292 more (292 new)\n"), "{text}");
    let own_causes: Vec<_> = (0..3_000)
        .map(|i| unknown(&format!("L-{i:08}"), &format!("Quota {i}"), &format!("connect:List{i}")))
        .chain([metric("L-22922690", "Contact flows per instance", 147.0, 100.0)])
        .collect();
    let message = message(None, &[], own_causes);
    let (_, document) = opened(&message);
    assert_eq!(listed(&document, "violations"), 1, "other lists do not push out a violation");
    assert_eq!(
        listed(&document, "unseen") + usize::try_from(document["unseen_omitted"].as_u64().unwrap()).unwrap(),
        3_000
    );
    assert_eq!(message.text.matches(" access_denied: ").count() + cut(&message.text, "COULD NOT BE CHECKED:"), 3_000);
}

#[test]
fn text_from_outside_forges_no_line() {
    let hostile = "a\r\n\nVIOLATIONS:\u{2028}• Fake: 1/1 (100.0%) - VIOLATION\u{202e}";
    let mut instance = instance(Some(hostile));
    instance.arn = "arn:aws:connect:x:1:instance/$(rm -rf /)'\nrm -rf /".to_owned();
    let mut row = metric("L-22922690", hostile, 3.0, 0.0);
    (row.resource, row.note) = (Some(hostile.to_owned()), Some(hostile.to_owned()));
    let mut blind = unknown("L-9A46857E", hostile, hostile);
    blind.fault.as_mut().unwrap().message = hostile.to_owned();
    let message = message(Some(&instance), &[], vec![row, blind]);
    let (_, document) = opened(&message);
    assert_eq!(message.text.lines().filter(|l| l.starts_with("VIOLATIONS:")).count(), 1);
    assert!(!message.text.lines().any(|l| l.starts_with("• Fake")));
    assert!(!message.text.contains(['\u{2028}', '\u{202e}', '\r']));
    assert!(message.text.contains("VIOLATION: 3/0 - VIOLATION\n"), "{}", message.text);
    let command = document["violations"][0]["increase_command"].as_str().unwrap();
    assert!(command.ends_with(r"--context-id 'arn:aws:connect:x:1:instance/$(rm -rf /)'\'' rm -rf /'"), "{command}");
}

#[test]
fn every_mute_that_is_shown_is_accepted() {
    for row in [
        metric("L-22922690", "Contact flows per instance", 147.0, 100.0),
        metric("-", "Approved origins per instance", 99.0, 100.0),
        unknown("L-9A46857E", "Users per instance", "connect:ListUsers"),
    ] {
        for instance in [Some(instance(None)), None] {
            let text = message(instance.as_ref(), &[], vec![row.clone()]).text;
            let mutes: Vec<_> = text.lines().filter_map(|l| Some(l.trim()).filter(|l| l.starts_with('{'))).collect();
            assert_eq!(mutes.len(), 1, "one line, however many quotas: {text}");
            Overrides::parse(mutes[0]).unwrap();
            assert_eq!(mutes[0].contains(ID), instance.is_some());
            let named = if row.quota_code == "-" { &row.quota_name } else { &row.quota_code };
            assert!(mutes[0].contains(named.as_str()) && mutes[0].contains("2025-10-12"), "{}", mutes[0]);
        }
    }
}

/// Who reads it on a phone at night finds what is full, and the command, before the first scroll.
#[test]
fn one_violation_is_a_short_mail() {
    let account = account("aws", "eu-central-1");
    let one = vec![metric("L-22922690", "Contact flows per instance", 147.0, 100.0)];
    let instance = instance(Some("acme"));
    let news = news(None, &one);
    let snapshot = Snapshot::new(&account, Subject::Instance(&instance), "run-1", now(), one);
    let context = Context { bucket: Some(("history", "us-east-1")), ..context(&account, Some(&instance)) };
    let text = compose(&context, &Rows::of(&snapshot, &History::default(), &news), &news).text;
    assert!(text.contains("The page of the latest run: "), "{text}");
    assert!(text.lines().count() <= 25, "{} lines:\n{text}", text.lines().count());
    let command = text.lines().position(|l| l.starts_with("  aws service-quotas request-service-quota-increase "));
    assert!(command.is_some_and(|line| line < 20), "the command stands on a line of its own:\n{text}");
}

fn subject_of(alias: &str) -> String {
    message(Some(&instance(Some(alias))), &[], vec![metric("L-1", "a", 9.0, 9.0)]).subject
}

#[test]
fn the_alias_is_cut_and_never_the_count() {
    assert_eq!(subject_of("acme"), "Connect Quota Alert - Instance: acme (1 violation)");
    let long = format!("Connect Quota Alert - Instance: {}... (1 violation)", "a".repeat(50));
    assert_eq!(subject_of(&"a".repeat(62)), long);
    assert_eq!(subject_of(&"a".repeat(200)), long);
    assert_eq!(
        subject_of("caf\u{e9} \u{1f525}\r\nBcc: x"),
        "Connect Quota Alert - Instance: caf? ?  Bcc: x (1 violation)"
    );
    assert_eq!(subject_of(" \n"), format!("Connect Quota Alert - Instance: {ID} (1 violation)"));
}

proptest! {
    #[test]
    fn any_alias_makes_a_subject_that_sns_accepts(alias in prop_oneof![any::<String>(), "\\PC{0,300}", "[a-z\\r\\n\\t\u{1f525}]{0,300}"]) {
        let subject = subject_of(&alias);
        prop_assert!((1..=100).contains(&subject.len()), "{} characters", subject.len());
        prop_assert!(subject.bytes().all(|b| (b' '..=b'~').contains(&b)));
        prop_assert!(subject.starts_with("Connect") && subject.ends_with(" (1 violation)"));
    }

    #[test]
    fn the_size_of_a_json_string_is_known_without_writing_it(text in any::<String>()) {
        prop_assert_eq!(as_json_string(&text), serde_json::to_string(&text).unwrap().len());
    }
}
