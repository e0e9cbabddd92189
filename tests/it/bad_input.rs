//! Input that nobody should send: ten thousand of each kind in every run of the tests. What must hold
//! stands in `tests/fuzz/src/checks.rs`, which the fuzz targets use too.

use connect_quota_monitor::config::VARS;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::checks::{self, Edges, Read};
use crate::stories;

const CASES: u32 = 10_000;

fn run<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>, check: impl Fn(T)) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(strategy, |input| {
        check(input);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Any JSON, with names and words that mean something among those that do not.
fn any_json(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let word = prop_oneof![proptest::sample::select(words).prop_map(str::to_owned), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u8..120).prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(word.clone(), inner, 0..6).prop_map(|m| json!(m)),
        ]
    })
}

/// Bytes of JSON, now and then with a byte changed or cut off.
fn bytes_of(json: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<u8>> {
    (json, any::<proptest::sample::Index>(), any::<u8>(), 0u8..8).prop_map(|(value, at, byte, what)| {
        let mut bytes = value.to_string().into_bytes();
        let at = at.index(bytes.len());
        match what {
            0 => bytes[at] = byte,
            1 => bytes.truncate(at),
            2 => bytes.insert(at, byte),
            _ => {}
        }
        bytes
    })
}

#[test]
fn any_payload_is_a_request_or_is_refused_by_name() {
    const WORDS: &[&str] = &[
        "dry_run",
        "test_alert",
        "instance_ids",
        "threshold_percentage",
        "remove_api_alarms",
        "source",
        "detail-type",
        "aws.events",
        "Scheduled Event",
        "",
        "\u{202e}",
        "a\r\nb",
    ];
    run(&bytes_of(any_json(WORDS)), |bytes| checks::payload(&bytes));
}

#[test]
fn any_environment_is_a_configuration_or_is_refused_by_name() {
    const VALUES: &[&str] = &[
        "true",
        "false",
        "yes",
        "0",
        "1",
        "80",
        "101",
        "-1",
        "1e3",
        "NaN",
        "inf",
        "account",
        "per-operation",
        "3 of 3",
        "4 of 3",
        "off",
        "summary",
        "literal",
        "a,b",
        ",",
        "[",
        "ssm:",
        "arn:aws:sns:us-east-1:111122223333:t",
        "\u{0}",
    ];
    let value = prop_oneof![proptest::sample::select(VALUES).prop_map(str::to_owned), "[^\\r\\n]{0,40}"];
    let lines = proptest::collection::vec((0..VARS.len(), value), 0..6);
    run(&lines, |lines| {
        let text: Vec<String> = lines.iter().map(|(n, value)| format!("{n}={value}")).collect();
        checks::environment(text.join("\n").as_bytes());
    });
}

#[test]
fn any_overrides_are_rules_or_are_refused_with_a_reason() {
    const WORDS: &[&str] = &[
        "L-22922690",
        "instances",
        "warning",
        "critical",
        "limit",
        "mute",
        "reason",
        "until",
        "2026-02-30",
        "2030-01-01",
        "name:*",
        "category:users",
        "*",
        "Users per instance",
        "prod-*",
        "[",
        "\u{2028}",
    ];
    run(&bytes_of(any_json(WORDS)), |bytes| checks::overrides(&bytes));
}

/// Answers much like those of AWS: the members of every listing, with what a page holds.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&str] = &[
        "InstanceSummaryList",
        "UserSummaryList",
        "QueueSummaryList",
        "PromptSummaryList",
        "NextToken",
        "nextToken",
        "domains",
        "Items",
        "items",
        "assistantSummaries",
        "knowledgeBaseSummaries",
        "DataIntegrations",
        "Applications",
        "ApproximateTotalCount",
        "RoutingProfiles",
        "Quotas",
        "QuotaCode",
        "Value",
        "Id",
        "Arn",
        "Name",
        "Type",
        "RequestedQuotas",
        "IntegrationAssociationSummaryList",
        "IntegrationType",
        "campaignSummaryList",
        "id",
        "NumberOfAssociatedQueues",
        "SecurityProfileSummaryList",
        "ContactFlowSummaryList",
        "M",
        "S",
        "N",
        "alert_state",
    ];
    let json = any_json(WORDS);
    prop_oneof![4 => bytes_of(json).boxed(), 1 => proptest::collection::vec(any::<u8>(), 0..64).boxed()]
}

#[test]
fn any_answer_of_aws_is_counted_as_it_is_or_is_a_fault() {
    let edges = Edges::new();
    let input = (any::<u8>(), answers()).prop_map(|(which, body)| [vec![which], body].concat());
    run(&input, |bytes| edges.body(&bytes));
}

/// What the simulated AWS answers to each call that a first byte chooses, with that byte.
fn valid_answers() -> Vec<(u8, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let recorded = runtime.block_on(async {
        let mut stories = stories::all().await;
        let story = stories.remove(2);
        assert!(story.is_whole);
        let mut bench = story.bench();
        story.play(&mut bench, stories::FIRST).await.unwrap();
        bench.sim.requests()
    });
    let mut names: Vec<(&str, &str)> = Edges::listings().iter().map(|l| (l.service().code(), l.operation())).collect();
    let services = ["servicequotas", "monitoring", "dynamodb", "connect", "s3", "servicequotas"];
    names.extend(services.into_iter().zip(Edges::OTHERS));
    let mut answers = Vec::new();
    for (which, (service, operation)) in names.iter().enumerate() {
        let of_it = recorded.iter().filter(|r| (r.service, r.operation.as_str()) == (*service, *operation));
        let fullest = of_it.max_by_key(|r| r.answer.len());
        // Listed only where there is something to list.
        answers.extend(fullest.map(|r| (u8::try_from(which).unwrap(), r.answer.to_vec())));
    }
    assert!(answers.len() > 38, "{} of {} calls were made", answers.len(), names.len());
    answers
}

/// Changes one place of a JSON document: takes it away, makes it something else, or doubles it.
fn bend(value: &mut Value, path: &[u16], what: u8) {
    let Some((step, rest)) = path.split_first() else { return };
    let step = usize::from(*step);
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = step % items.len();
            match (rest.is_empty() || step % 5 == 0, what % 4) {
                (false, _) => bend(&mut items[at], rest, what),
                (true, 0) => drop(items.remove(at)),
                (true, 1) => items.push(items[at].clone()),
                (true, 2) => items[at] = Value::Null,
                (true, _) => items[at] = json!({ "Id": what }),
            }
        }
        Value::Object(members) if !members.is_empty() => {
            let name = members.keys().nth(step % members.len()).unwrap().clone();
            match (rest.is_empty() || step % 5 == 0, what % 5) {
                (false, _) => bend(members.get_mut(&name).unwrap(), rest, what),
                (true, 0) => drop(members.remove(&name)),
                (true, 1) => drop(members.insert(name, Value::Null)),
                (true, 2) => drop(members.insert(name, json!(-1))),
                (true, 3) => drop(members.insert(name, json!([[]]))),
                (true, _) => drop(members.insert(name, json!("\u{202e}x"))),
            }
        }
        other => *other = [json!(1e300), json!(""), json!({}), Value::Null][usize::from(what % 4)].clone(),
    }
}

#[test]
fn a_valid_answer_that_is_bent_is_counted_as_it_is_or_is_a_fault() {
    let (edges, answers) = (Edges::new(), valid_answers());
    let mut whole = 0;
    for (which, body) in &answers {
        whole += usize::from(matches!(edges.read(*which, body), Read::Count(_, Ok(_)) | Read::Other(Ok(()))));
    }
    // Of the others the recorded page is not the last one, or is about another query.
    assert!(whole + 4 >= answers.len(), "{whole} of {} valid answers are read", answers.len());
    let path = proptest::collection::vec(any::<u16>(), 1..5);
    let input = (0..answers.len(), path, any::<u8>(), any::<bool>(), any::<proptest::sample::Index>());
    let counted = std::cell::Cell::new(0);
    run(&input, |(n, path, what, is_json, at)| {
        let (which, body) = &answers[n];
        let mut bytes = body.clone();
        match serde_json::from_slice::<Value>(body) {
            Ok(mut value) if is_json => {
                bend(&mut value, &path, what);
                bytes = value.to_string().into_bytes();
            }
            _ => {
                let at = at.index(bytes.len());
                if what % 3 == 0 { bytes.truncate(at) } else { bytes[at] = what }
            }
        }
        bytes.insert(0, *which);
        counted.set(counted.get() + u32::from(matches!(edges.read(bytes[0], &bytes[1..]), Read::Count(_, Ok(_)))));
        edges.body(&bytes);
    });
    assert!(counted.get() > CASES / 6, "only {} of {CASES} were counted", counted.get());
}
