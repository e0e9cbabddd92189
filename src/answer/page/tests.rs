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
fn a_peak_stands_once() {
    let mut said = row("Calls", 5.0, 50.0, "ok");
    (said["peak_at"], said["note"]) = (json!("2026-03-02T11:40:00Z"), json!("peak at 2026-03-02 11:40 UTC"));
    let mut unsaid = said.clone();
    unsaid["note"] = json!("approximate");
    let (_, text) = tags_and_text(&render(&report(&json!([said]))));
    assert_eq!((text.matches("11:40").count(), text.contains("2026-03-02T11:40:00Z")), (1, false), "{text}");
    let (_, text) = tags_and_text(&render(&report(&json!([unsaid]))));
    assert!(text.contains("peak at 2026-03-02T11:40:00Z"), "{text}");
}

#[test]
fn the_page_fetches_nothing_and_its_script_is_small() {
    let page = render(&report(&rows()));
    assert!(script().len() <= 6 * 1024, "{} bytes", script().len());
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

#[test]
fn what_changed_and_who_is_throttled_stand_in_the_page_where_they_are_known() {
    let mut document = document(&rows());
    let plain = render(&StoredReport::parse(document.to_string()).unwrap());
    assert!(plain.contains("There is no earlier report") && !plain.contains("id=\"throttled\""));
    document["changed"] = json!({"since": "2026-03-02T11:00:00Z", "persistent": 3, "left_out": 7, "differences": [{
        "change": "worse", "instance_id": "i", "instance": "sales<", "service_code": "connect", "quota": "L-1",
        "quota_name": "Prompts", "utilization_before": 82.0, "utilization": 96.5, "limit_before": 10.0, "limit": 10.0,
    }]});
    document["throttled"] = json!([{"watch": "connect-throttled", "operation": "ListUsers", "caller": "role <crm>",
        "count": 45, "at_least": true, "first": "2026-03-02T11:50:00Z", "last": "2026-03-02T11:59:00Z"}]);
    let (_, text) = tags_and_text(&render(&StoredReport::parse(document.to_string()).unwrap()));
    for part in [
        "Since 2026-03-02T11:00:00Z. 3 over their threshold as before.",
        "▲ worse",
        "sales<",
        "82.0 %",
        "96.5 %",
        "and 7 more",
        "at least 45",
        "role <crm>",
        "ListUsers",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A report of so many instances.
fn fleet(instances: usize) -> StoredReport {
    let mut document = document(&rows());
    let one = document["instances"][0].clone();
    let named = |n: usize| {
        let mut instance = one.clone();
        instance["instance_id"] = json!(if n == 0 { "../../../etc/x".to_owned() } else { format!("id-{n}") });
        instance["instance_alias"] = json!(format!("center {n}"));
        instance
    };
    document["instances"] = (0..instances).map(named).collect();
    StoredReport::parse(document.to_string()).unwrap()
}

#[test]
fn more_than_ten_instances_have_pages_of_their_own_that_lead_back() {
    let few = fleet(10);
    let pages = Pages::of(&few, FOLDER, "index.html");
    assert!(!pages.is_split() && pages.parts().next().is_none() && pages.index() == render(&few));
    let many = fleet(11);
    let pages = Pages::of(&many, "a b-instances", "a b.html");
    let (index, parts) = (pages.index(), pages.parts().collect::<Vec<_>>());
    assert_eq!(parts.len(), 11);
    assert_eq!(parts[0].0, "instance-0.html", "an id that is a path names no file");
    for (name, page) in &parts {
        assert!(index.contains(&format!("href=\"a%20b-instances/{name}\"")), "{name}");
        assert!(page.contains("href=\"../a%20b.html\"") && page.contains("Content-Security-Policy"), "{name}");
        let (_, text) = tags_and_text(page);
        for quota in ["Contact flows", "Queues", "Prompts", "Hours", "no API"] {
            assert!(text.contains(quota), "{name}: {quota}");
        }
    }
    assert!(index.contains("Contact flows") && !index.contains("quotas are ok"), "what is well stands in the parts");
    assert!(render(&many).contains("quotas are ok"), "one document has everything");
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
