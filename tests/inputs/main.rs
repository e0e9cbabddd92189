//! Odd input of every kind, ten thousand cases each: the payload, the environment, the overrides, and
//! the bodies that AWS may return. `tests/fuzz` makes the same claims under a fuzzer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "in a test a panic is the message"
)]

mod bodies;
mod checks;
mod spoil;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use connect_quota_monitor::config::VARS;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use bodies::Target;
use spoil::Change;

const CASES: u32 = 10_000;

/// The same cases in every run, so that what fails fails again; the fuzzer looks elsewhere.
fn many() -> ProptestConfig {
    ProptestConfig {
        cases: CASES,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_302),
        ..ProptestConfig::default()
    }
}

/// JSON of any shape, with names that mean something here and there.
fn json(names: &'static [&'static str]) -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        prop_oneof![any::<f64>(), -10.0..200.0].prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        "2[0-9]{3}-[01][0-9]-[0-3][0-9]".prop_map(Into::into),
        prop::sample::select(names).prop_map(Into::into),
    ];
    let name = move || prop_oneof![3 => prop::sample::select(names).prop_map(str::to_owned), 1 => "\\PC{0,8}"];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

const PAYLOAD: &[&str] = &[
    "dry_run",
    "instance_ids",
    "threshold_percentage",
    "test_alert",
    "remove_api_alarms",
    "detail-type",
    "source",
    "dryrun",
];
const RULES: &[&str] = &[
    "L-9A46857E",
    "Users per instance",
    "Prompts per *",
    "category:API rates",
    "threshold",
    "critical",
    "limit",
    "mute",
    "reason",
    "until",
    "instances",
    "acme-*",
    "12345678-1234-1234-1234-123456789012",
    "*",
    "L-00000000",
];

proptest! {
    #![proptest_config(many())]

    #[test]
    fn payloads(value in json(PAYLOAD), cut in any::<prop::sample::Index>(), is_cut in prop::bool::weighted(0.2)) {
        let mut text = value.to_string().into_bytes();
        if is_cut {
            text.truncate(cut.index(text.len().max(1)));
        }
        checks::payload(&text);
    }

    #[test]
    fn payloads_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        checks::payload(&bytes);
    }

    #[test]
    fn environments(variables in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..14)) {
        let set: HashMap<String, String> =
            variables.into_iter().map(|(name, value)| (VARS[name.index(VARS.len())].0.to_owned(), value)).collect();
        checks::environment(&set);
    }

    #[test]
    fn overrides(value in json(RULES), cut in any::<prop::sample::Index>(), is_cut in prop::bool::weighted(0.2)) {
        let mut text = value.to_string();
        if is_cut {
            let at = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(at);
        }
        checks::overrides(&text);
    }

    #[test]
    fn overrides_of_any_text(text in "\\PC{0,80}") {
        checks::overrides(&text);
    }
}

/// What people write into variables, right and wrong.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(
            &[
                "true",
                "false",
                "TRUE",
                "1",
                "0",
                "80",
                "95",
                "100",
                "101",
                "-1",
                "1e3",
                " 80 ",
                "",
                "account",
                "per-operation",
                "arn:aws:sns:us-east-1:111122223333:topic",
                "arn:aws-cn:sns:cn-north-1:111122223333:t",
                "bucket-name",
                "table_1",
                "acme-*,12345678-1234-1234-1234-123456789012",
                "{}",
                r#"{"L-9A46857E": {"threshold": 90}}"#,
                "2 of 3",
                "missing",
                "summary",
                "per-quota",
                "default",
                "ssm:/a",
                "s3://b/c",
                "18446744073709551616",
                "NaN",
                "inf",
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{0,30}",
        any::<i32>().prop_map(|n| n.to_string()),
    ]
}

fn changes() -> impl Strategy<Value = Change> {
    let of_bytes = prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| spoil::change_of(&bytes));
    // Every kind as often as the others, and bodies of any bytes.
    prop_oneof![4 => of_bytes, 1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Change::Bytes)]
}

/// Runs a claim on many changes of good answers.
fn spoiled(cases: u32, claim: impl Fn(&Target, usize, Arc<Change>)) {
    let target = Target::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases, ..many() });
    let result = runner.run(&(any::<u16>(), changes()), |(which, change)| {
        claim(&target, usize::from(which), Arc::new(change));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn by(change: Arc<Change>) -> wire::Spoil {
    Arc::new(move |body| change.apply(body))
}

#[test]
fn bodies_of_listings() {
    spoiled(CASES, |target, which, change| target.listing(which, by(change)));
}

#[test]
fn bodies_of_limits() {
    spoiled(CASES / 4, |target, _, change| target.limits(by(change)));
}

#[test]
fn bodies_of_metrics() {
    spoiled(CASES / 2, |target, _, change| target.metrics(by(change)));
}

#[test]
fn bodies_of_stores() {
    spoiled(CASES / 4, |target, _, change| target.memory(by(change)));
}
