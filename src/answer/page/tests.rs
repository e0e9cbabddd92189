use super::*;
use crate::answer::tests::{document, report, row};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Of each tag its name, and the text between tags with its entities read.
fn tags_and_text(page: &str) -> (Vec<String>, String) {
    let body = &page[page.find("<body>").unwrap()..page.rfind("<script>").unwrap()];
    let (mut tags, mut text) = (Vec::new(), String::new());
    for part in body.split('<').skip(1) {
        let (tag, after) = part.split_once('>').unwrap();
        tags.push(tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap_or_default().to_owned());
        text.push_str(after);
    }
    (tags, text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

fn rows() -> Value {
    let mut unknown = row("Prompts", 1.0, 2.0, "unknown");
    (unknown["usage"], unknown["utilization"]) = (json!(null), json!(null));
    let mut never = row("Hours", 1.0, 2.0, "not_measurable");
    (never["usage"], never["note"]) = (json!(null), json!("no API"));
    json!([row("Contact flows", 147.0, 100.0, "critical"), row("Queues", 5.0, 50.0, "ok"), unknown, never])
}

#[test]
fn every_row_stands_in_the_page_without_scripts() {
    let (_, text) = tags_and_text(&render(&report(&rows())));
    for name in ["Contact flows", "Queues", "Prompts", "Hours", "147", "-47", "no API", "1 quotas are ok"] {
        assert!(text.contains(name), "{name}: {text}");
    }
}

#[test]
fn days_without_data_are_gaps_and_the_words_say_the_same() {
    let mut document = document(&rows());
    document["instances"][0]["history"] = json!({"L-8787723E": {"from": "2026-02-01", "peaks": [10, 20, null, 40]}});
    let page = render(&StoredReport::parse(document.to_string()).unwrap());
    let drawing = &page[page.find("<svg width=\"120\"").unwrap()..];
    let drawing = &drawing[..drawing.find("</svg>").unwrap()];
    assert_eq!(drawing.matches("<polyline").count(), 2, "{drawing}");
    assert!(drawing.contains("3 days with data since 2026-02-01: lowest peak 10, highest 40, last 40"), "{drawing}");
}

#[test]
fn the_page_fetches_nothing_and_its_script_is_small() {
    let page = render(&report(&rows()));
    assert!(SCRIPT.len() <= 6 * 1024, "{} bytes", SCRIPT.len());
    assert!(!page.contains(" style=") && !page.contains(" src=") && !page.contains("<link"));
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !SCRIPT.contains("</"));
    for wanted in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "script-src 'sha256-"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(!page.contains("unsafe-"));
}

#[test]
fn anchors_resolve_and_ids_stand_once() {
    let page = render(&report(&rows()));
    let values = |name: &str| -> Vec<&str> {
        page.split(&format!(" {name}=\"")).skip(1).filter_map(|part| part.split('"').next()).collect()
    };
    let ids = values("id");
    for id in &ids {
        assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{id}");
    }
    for anchor in values("href").into_iter().filter_map(|href| href.strip_prefix('#')) {
        assert!(ids.contains(&anchor), "#{anchor} leads nowhere");
    }
}

#[test]
fn ten_instances_take_at_most_300_kilobytes() {
    let many: Vec<Value> = (0..130)
        .map(|n| {
            let status = if n < 2 {
                "critical"
            } else if n < 90 {
                "ok"
            } else {
                "not_measurable"
            };
            row(&format!("A quota with a usual name {n}"), 5.0, 50.0, status)
        })
        .collect();
    let mut document = document(&json!(many));
    document["instances"] = json!(vec![document["instances"][0].clone(); 10]);
    let page = render(&StoredReport::parse(document.to_string()).unwrap());
    assert!(page.len() <= 300_000, "{} bytes", page.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn hostile_names_add_no_tag(
        names in prop::collection::vec("[\\PC<>\"'&\r\n\u{0}\u{202e}]{1,12}|</script><script>x|\"><img src=x onerror=y>", 805),
    ) {
        let rows = |names: &mut dyn Iterator<Item = &str>| -> Value {
            names.map(|name| row(name, 1.0, 2.0, "critical")).collect()
        };
        let hostile = render(&report(&rows(&mut names.iter().map(String::as_str))));
        let tame = render(&report(&rows(&mut names.iter().map(|_| "tame"))));
        let ((tags, text), (expected, _)) = (tags_and_text(&hostile), tags_and_text(&tame));
        prop_assert_eq!(tags, expected);
        for name in &names {
            prop_assert!(text.contains(&one_line(name)), "{:?}", name);
        }
        prop_assert_eq!(hostile.find(['\u{202e}', '\0']), None);
    }
}
