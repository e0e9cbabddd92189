use crate::catalogue;
use proptest::prelude::*;

use super::*;
use crate::domain::Scope;

const ID: &str = "11111111-2222-3333-4444-555555555555";
const USERS: &str = "L-9A46857E";

fn quota(key: &str) -> QuotaId {
    find_quota(key).unwrap()
}

fn instance(alias: &str) -> Instance {
    Instance { id: ID.to_owned(), arn: String::new(), alias: Some(alias.to_owned()), status: "ACTIVE".to_owned() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-06-01T00:00:00Z";

fn effective(text: &str, key: &str, alias: Option<&str>) -> Effective {
    Overrides::parse(text).unwrap().effective(&quota(key), alias.map(instance).as_ref(), at(NOW))
}

#[test]
fn the_most_specific_rule_wins_field_by_field() {
    let text = r#"{"L-9A46857E": {"threshold_percentage": 70, "limit": 900, "instances": {
        "11111111-2222-3333-4444-555555555555": {"limit": 5},
        "acme-*": {"limit": 250, "critical_percentage": 99}}}}"#;
    let rule = effective(text, USERS, Some("acme-eu"));
    assert_eq!((rule.threshold, rule.critical, rule.limit), (Some(70.0), Some(99.0), Some(5.0)));
    assert_eq!(effective(text, USERS, None).limit, Some(900.0));
}

#[test]
fn code_then_name_then_pattern_then_category_and_only_then_the_instance() {
    let name = "Users per instance";
    assert_eq!(quota(name).code, USERS);
    // From the least specific to the most specific: each rule sets its own limit.
    let ladder = [
        ("category:core", None),
        ("category:core", Some("acme-*")),
        ("category:core", Some(ID)),
        ("*", Some(ID)),
        ("Users*", None),
        ("* per instance", None),
        ("Users per instanc?", Some("*")),
        (name, None),
        (name, Some("acme-eu")),
        (USERS, None),
        (USERS, Some("*")),
        (USERS, Some("acme-*")),
        (USERS, Some("acme-eu")),
        (USERS, Some(ID)),
    ];
    assert!(catalogue::all().any(|q| q.id().category == "core" && q.code == USERS), "users are a core quota");
    for (winner, _) in ladder.iter().enumerate() {
        let mut rules = serde_json::Map::new();
        for (limit, (key, instance)) in ladder.iter().enumerate().take(winner + 1) {
            let entry = rules.entry(*key).or_insert_with(|| serde_json::json!({})).as_object_mut().unwrap();
            match instance {
                None => drop(entry.insert("limit".to_owned(), limit.into())),
                Some(name) => {
                    let all = entry.entry("instances").or_insert_with(|| serde_json::json!({}));
                    all[name] = serde_json::json!({ "limit": limit });
                }
            }
        }
        let text = serde_json::to_string(&rules).unwrap();
        let limit = effective(&text, USERS, Some("acme-eu")).limit;
        assert_eq!(limit, Some(f64::from(u32::try_from(winner).unwrap())), "{:?} in {text}", ladder[winner]);
    }
}

#[test]
fn a_mute_until_a_date_lasts_through_that_day() {
    let text = r#"{"L-9A46857E": {"mute": {"reason": "known", "until": "2026-12-31"}}}"#;
    assert_eq!(effective(text, USERS, None).mute.unwrap().until, at("2027-01-01T00:00:00Z"));
}

#[test]
fn the_end_of_a_mute_is_a_date_or_a_time_with_its_offset_and_nothing_else() {
    let parsed = |until: &str| {
        let text = format!(r#"{{"L-9A46857E": {{"mute": {{"reason": "known", "until": "{until}"}}}}}}"#);
        Overrides::parse(&text)
    };
    for (until, end) in [
        ("2027-03-31", "2027-04-01T00:00:00Z"),
        ("2027-03-31T02:00:00Z", "2027-03-31T02:00:00Z"),
        ("2027-03-31t02:00:00.5z", "2027-03-31T02:00:00.5Z"),
        ("2027-03-31T02:00:00+02:00", "2027-03-31T00:00:00Z"),
        ("2027-03-31T02:00:00.25-05:30", "2027-03-31T07:30:00.25Z"),
    ] {
        assert_eq!(
            parsed(until).unwrap().effective(&quota(USERS), None, at(NOW)).mute.unwrap().until,
            at(end),
            "{until}"
        );
    }
    for bad in [
        "2027-03-31T02:00:00",
        "2027-03-31T02:00",
        "2027-03-31 02:00",
        "2027-03-31T02:00:00+02:00[Europe/Berlin]",
        "2027-03-31T02:00[Europe/Berlin]",
        "2027-03-31[UTC]",
        "2027-02-30",
        "2027-03-31T25:00:00Z",
        "20270331",
        "2027-W13-3",
        "31.03.2027",
        "",
    ] {
        let problems = parsed(bad).unwrap_err();
        assert_eq!(problems.len(), 1, "{bad}");
        assert!(problems[0].contains(&format!("mute.until is `{bad}`")) && problems[0].contains("with its offset"));
    }
}

#[test]
fn what_only_service_quotas_knows_can_be_named_by_its_category() {
    let text = r#"{"category:not in the catalogue": {"mute": {"reason": "not ours", "until": "2027-03-31"}}}"#;
    let overrides = Overrides::parse(text).unwrap();
    let unlisted = QuotaId {
        code: "L-FFFFFFFF".to_owned(),
        name: "Something new".to_owned(),
        category: catalogue::Category::Uncatalogued.as_str().to_owned(),
        ..quota(USERS)
    };
    assert!(overrides.effective(&unlisted, None, at(NOW)).mute.is_some());
    assert!(overrides.effective(&quota(USERS), None, at(NOW)).mute.is_none());
    assert_eq!(overrides.warnings(at(NOW)), Vec::<String>::new());
    let problems = Overrides::parse(r#"{"category:nonsense": {"limit": 1}}"#).unwrap_err();
    assert!(problems[0].contains("`not in the catalogue`"), "{problems:?}");
}

#[test]
fn a_mute_that_ended_is_ignored_and_mentioned() {
    let text = r#"{"L-9A46857E": {"mute": {"reason": "old", "until": "2026-01-31"}},
        "category:core": {"mute": {"reason": "wide", "until": "2026-12-31"}}}"#;
    let rule = effective(text, USERS, None);
    assert_eq!((rule.mute.unwrap().reason.as_str(), rule.expired), ("wide", None), "a wider one that holds counts");
    let overrides = Overrides::parse(text).unwrap();
    let later = overrides.effective(&quota(USERS), None, at("2027-02-01T00:00:00Z"));
    assert_eq!((later.mute, later.expired.unwrap().reason.as_str()), (None, "old"));
    assert_eq!(overrides.warnings(at(NOW)), ["L-9A46857E: the mute (old) ended at 2026-02-01T00:00:00Z"]);
}

#[test]
fn one_quota_can_be_heard_although_its_group_is_muted() {
    let text =
        r#"{"category:core": {"mute": {"reason": "all", "until": "2026-12-31"}}, "L-9A46857E": {"mute": false}}"#;
    assert_eq!(effective(text, USERS, None).mute, None);
    assert!(effective(text, "Security profiles per instance", None).mute.is_some());
    let problems = Overrides::parse(&text.replace("false", "true")).unwrap_err();
    assert!(problems[0].contains("line 1 column") && problems[0].contains("false"), "{problems:?}");
}

#[test]
fn every_problem_is_named() {
    let problems = Overrides::parse(
        r#"{"L-9A46857E": {"threshold_percentage": 0, "limit": -1, "mute": {"reason": "", "until": "soon"}},
            "category:Core": {}, "Rate of Nothing*": {}, "Users per instnce": {},
            "AAAAAAAA-2222-3333-4444-555555555555": {},
            "*": {"instances": {"aaaaaaaa-2222-3333-4444-555555555555": {}, "AAAAAAAA-2222-3333-4444-555555555555": {}}}}"#,
    )
    .unwrap_err();
    assert_eq!(problems.len(), 9, "{problems:#?}");
    for words in ["there are", "`core`", "like `Rate of Nothing*`", "perhaps Users per instance (L-9A46857E)", "twice"]
    {
        assert!(problems.iter().any(|p| p.contains(words)), "{words} is missing in {problems:#?}");
    }
}

#[test]
fn a_json_error_names_line_and_column() {
    for (text, what) in [
        ("{\n  \"L-9A46857E\": 3 }", "line 2 column"),
        (r#"{"L-9A46857E": {"treshold": 3}}"#, "treshold"),
        ("{\"L-9A46857E\": {},\n \"L-9A46857E\": {}}", "duplicate key `L-9A46857E` at line 2 column"),
        (r#"{"L-9A46857E": {"limit": 3, "limit": 4}}"#, "duplicate field `limit` at line 1"),
        (r#"{"L-9A46857E": {"instances": {"a": {}, "a": {}}}}"#, "duplicate key `a` at line 1 column"),
        (r#"{"L-9A46857E": {"mute": {"reason": "x"}}}"#, "missing field `until` at line 1 column"),
        ("[]", "line 1 column"),
    ] {
        let problems = Overrides::parse(text).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(what), "{text}: {problems:?}");
    }
}

#[test]
fn rules_without_effect_are_pointed_out() {
    let rate = catalogue::all().find(|q| q.scope == Scope::Account && q.is_listed()).unwrap().code;
    let text = format!(r#"{{"L-00000000": {{"limit": 3}}, "{rate}": {{"instances": {{"acme": {{"limit": 3}}}}}}}}"#);
    let warnings = Overrides::parse(&text).unwrap().warnings(at(NOW));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().any(|w| w.starts_with("L-00000000: the catalogue has no quota")));
    assert!(warnings.iter().any(|w| w.starts_with(rate) && w.contains("for the account")));
}

#[test]
fn an_explanation_names_every_rule_and_the_winner_of_each_field() {
    let text = r#"{"L-9A46857E": {"limit": 900, "instances": {
            "acme-*": {"threshold_percentage": 97}, "11111111-2222-3333-4444-555555555555": {"limit": 5}}},
        "category:core": {"mute": {"reason": "old", "until": "2026-01-31"}}, "L-22922690": {"limit": 1}}"#;
    let overrides = Overrides::parse(text).unwrap();
    let explain = |asked: Asked| overrides.explain(&quota(USERS), &asked, (80.0, 95.0), at(NOW)).unwrap();
    let by_alias = explain(Asked::new(Some("acme-eu"), None));
    let rules: Vec<_> = by_alias.rules.iter().map(|r| (r.rule.as_str(), r.applies)).collect();
    assert_eq!(
        rules,
        [
            ("L-9A46857E / instances / 11111111-2222-3333-4444-555555555555", None),
            ("L-9A46857E / instances / acme-*", Some(true)),
            ("L-9A46857E", Some(true)),
            ("category:core", Some(true)),
        ]
    );
    assert_eq!(by_alias.rules[0].why.as_deref(), Some("the instance's id was not given"));
    assert_eq!((by_alias.limit.value, by_alias.limit.from.as_str()), (Some(900.0), "L-9A46857E"));
    assert_eq!(by_alias.threshold_percentage.from, "L-9A46857E / instances / acme-*");
    assert_eq!(
        (by_alias.critical_percentage.value, by_alias.critical_percentage.from.as_str()),
        (Some(100.0), "CRITICAL_PERCENTAGE, raised because the threshold is above it")
    );
    assert_eq!((by_alias.mute.state, by_alias.mute.from.as_deref()), ("expired", Some("category:core")));
    let by_both = explain(Asked::new(Some(ID), Some("other")));
    assert_eq!((by_both.limit.value, by_both.threshold_percentage.value), (Some(5.0), Some(80.0)));
    let by_none = explain(Asked::default());
    assert_eq!((by_none.limit.value, by_none.rules[1].applies), (Some(900.0), Some(false)));
}

#[test]
fn an_unknown_quota_is_refused_with_near_names() {
    assert!(find_quota("L-9A46857F").unwrap_err().contains("L-9A46857E"));
    assert!(find_quota("users per instance").unwrap_err().contains("Users per instance"));
    assert!(find_quota("GetMetricDataV2").unwrap_err().contains("Rate of GetMetricDataV2"));
    assert!(!find_quota("zzz").unwrap_err().contains("perhaps"));
    assert!(find_quota("-").is_err());
}

const KEYS: [&str; 7] =
    ["*", "Users*", "Users per *", "Users per instance", USERS, "category:core", "?sers per instance"];
const NAMES: [&str; 6] = ["*", "acme-*", "acme-e?", "acme-eu", "?cme-eu", ID];

/// A rule set as text, with its keys in the order given.
fn written(rules: &[(usize, Option<usize>, u32)]) -> String {
    let mut keys: Vec<usize> = Vec::new();
    for (key, ..) in rules {
        if !keys.contains(key) {
            keys.push(*key);
        }
    }
    let entries = keys.iter().map(|key| {
        let of_key: Vec<_> = rules.iter().filter(|(k, ..)| k == key).collect();
        let own = of_key.iter().filter(|(_, i, _)| i.is_none()).map(|(.., limit)| format!(r#""limit": {limit}"#));
        let inner: Vec<_> = of_key
            .iter()
            .filter_map(|(_, i, limit)| i.map(|i| format!(r#""{}": {{"limit": {limit}}}"#, NAMES[i])))
            .collect();
        let instances = (!inner.is_empty()).then(|| format!(r#""instances": {{{}}}"#, inner.join(",")));
        format!(r#""{}": {{{}}}"#, KEYS[*key], own.chain(instances).collect::<Vec<_>>().join(","))
    });
    format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
}

proptest! {
    #[test]
    fn the_order_of_the_keys_never_matters(
        rules in prop::collection::btree_map((0..KEYS.len(), prop::option::of(0..NAMES.len())), 0u32..1000, 0..12),
        seed in any::<u64>(),
    ) {
        let mut rules: Vec<_> = rules.into_iter().map(|((key, name), limit)| (key, name, limit)).collect();
        let first = effective(&written(&rules), USERS, Some("acme-eu"));
        fastrand::Rng::with_seed(seed).shuffle(&mut rules);
        prop_assert_eq!(&first, &effective(&written(&rules), USERS, Some("acme-eu")));
        // A rule for exactly this quota and instance beats all of these.
        let limit = rules.iter().find(|(key, name, _)| KEYS[*key] == USERS && name.is_some_and(|n| NAMES[n] == ID));
        if let Some((_, _, limit)) = limit {
            prop_assert_eq!(first.limit, Some(f64::from(*limit)));
        }
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_reason(text in "[{}\":,a-zL0-9 *-]{0,60}") {
        if let Err(problems) = Overrides::parse(&text) {
            prop_assert!(!problems.is_empty() && problems.iter().all(|p| !p.is_empty()));
        }
    }
}
