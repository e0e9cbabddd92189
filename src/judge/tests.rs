use super::*;
use crate::domain::{Fault, FaultKind, GroupUsage, Impact, QuotaId, Scope};
use proptest::prelude::*;

const LEVELS: Thresholds = Thresholds { warning: 80.0, critical: 95.0 };

fn reading(measured: Measured, limit: Result<Option<Limit>, Fault>) -> Reading {
    Reading {
        quota: QuotaId {
            code: "L-9A46857E".to_owned(),
            name: "Users per instance".to_owned(),
            service: "connect".to_owned(),
            category: "core".to_owned(),
            scope: Scope::Instance,
            impact: Impact::Build,
            is_single: false,
        },
        limit,
        measured,
        source: "connect:ListUsers".to_owned(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the form in which a reading holds it")]
fn limit(value: f64) -> Result<Option<Limit>, Fault> {
    Ok(Some(Limit::new(value, LimitSource::Account)))
}

fn judged(reading: Reading, overrides: &str) -> Metric {
    let overrides = Overrides::parse(overrides).unwrap();
    judge(vec![reading], LEVELS, &overrides, None, Timestamp::UNIX_EPOCH).remove(0)
}

fn with(usage: f64, of: f64) -> Metric {
    judged(reading(Measured::Usage(Usage::exactly(usage)), limit(of)), "{}")
}

#[test]
fn status_follows_the_shown_percentage() {
    for (usage, of, expected, shown) in [
        (0.0, 100.0, Status::Ok, Some(0.0)),
        (79.0, 100.0, Status::Ok, Some(79.0)),
        (80.0, 100.0, Status::Warning, Some(80.0)),
        (7_996.0, 10_000.0, Status::Warning, Some(80.0)),
        (95.0, 100.0, Status::Critical, Some(95.0)),
        (147.0, 100.0, Status::Critical, Some(147.0)),
        (0.0, 0.0, Status::Ok, None),
        (1.0, 0.0, Status::Critical, None),
    ] {
        let row = with(usage, of);
        assert_eq!((row.status, row.utilization), (expected, shown), "{usage} of {of}");
    }
}

#[test]
fn a_fault_of_either_side_makes_the_row_unknown() {
    let fault = Fault::new("connect:ListUsers", FaultKind::AccessDenied, "denied");
    let row = judged(reading(Measured::Unknown(fault.clone()), limit(100.0)), "{}");
    assert_eq!((row.status, row.usage, row.utilization, row.limit), (Status::Unknown, None, None, Some(100.0)));
    let row = judged(reading(Measured::Usage(Usage::exactly(5.0)), Err(fault)), "{}");
    assert_eq!((row.status, row.usage, row.limit), (Status::Unknown, Some(5.0), None));
    assert_eq!(row.fault.unwrap().kind, "access_denied");
}

#[test]
fn rejected_requests_are_critical_whatever_the_utilization() {
    let usage = Usage { value: 1.0, rejected: 3.0, ..Usage::default() };
    let row = judged(reading(Measured::Usage(usage), limit(100.0)), "{}");
    assert_eq!((row.status, row.utilization, row.rejected), (Status::Critical, Some(1.0), Some(3.0)));
    assert_eq!(with(1.0, 100.0).rejected, None);
}

#[test]
fn an_own_limit_and_own_thresholds_win() {
    let row = judged(
        reading(Measured::Usage(Usage::exactly(50.0)), limit(1000.0)),
        r#"{"L-9A46857E": {"limit": 100, "threshold_percentage": 40, "critical_percentage": 60}}"#,
    );
    assert_eq!((row.status, row.limit, row.limit_source.as_deref()), (Status::Warning, Some(100.0), Some("override")));
}

fn grouped(groups: &[(&str, f64, Option<f64>)], overrides: &str) -> Metric {
    let groups = groups.iter().map(|(name, value, limit)| GroupUsage {
        name: (*name).to_owned(),
        value: *value,
        limit: *limit,
        ..GroupUsage::default()
    });
    let usage = Usage { groups: groups.collect(), ..Usage::default() };
    judged(reading(Measured::Usage(usage), limit(500.0)), overrides)
}

/// The fullest group is found by the limits that apply, and an own limit is one of them.
#[test]
fn groups_are_judged_by_the_limit_of_each_and_then_the_fullest_is_shown() {
    let rules = [("OnPostCallAnalysisAvailable", 340.0, None), ("OnMetricDataUpdate", 90.0, Some(100.0))];
    let shown = |row: Metric| (row.resource.unwrap_or_default(), row.limit, row.utilization, row.limit_source);
    let of = |name: &str, limit: f64, percent: f64, source: &str| {
        (name.to_owned(), Some(limit), Some(percent), Some(source.to_owned()))
    };
    assert_eq!(shown(grouped(&rules, "{}")), of("OnMetricDataUpdate", 100.0, 90.0, "default"));
    let own = r#"{"L-9A46857E": {"limit": 350}}"#;
    assert_eq!(shown(grouped(&rules, own)), of("OnPostCallAnalysisAvailable", 350.0, 97.1, "override"));
    let few = [("A", 300.0, None), ("B", 70.0, Some(100.0))];
    assert_eq!(shown(grouped(&few, "{}")), of("B", 100.0, 70.0, "default"));
    assert_eq!(shown(grouped(&[("A", 450.0, None), ("B", 85.0, Some(100.0))], "{}")), of("A", 500.0, 90.0, "account"));
    let fault = Fault::new("servicequotas:ListServiceQuotas", FaultKind::Throttled, "not read");
    let usage = Usage {
        groups: vec![GroupUsage { name: "B".to_owned(), value: 99.0, limit: Some(100.0), ..GroupUsage::default() }],
        ..Usage::default()
    };
    let row = judged(reading(Measured::Usage(usage), Err(fault)), "{}");
    assert_eq!((row.status, row.limit, row.usage), (Status::Unknown, None, Some(99.0)));
}

#[test]
fn a_part_tells_a_violation_and_never_that_there_is_none() {
    let fault = Fault::new("cloudwatch:GetMetricData", FaultKind::BadResponse, "only a part");
    let part = |value: f64, rejected: f64| {
        let usage = Usage { value, rejected, ..Usage::default() };
        judged(reading(Measured::AtLeast(usage, fault.clone()), limit(100.0)), "{}")
    };
    for (value, rejected, status) in
        [(80.0, 0.0, Status::Warning), (147.0, 0.0, Status::Critical), (1.0, 2.0, Status::Critical)]
    {
        let row = part(value, rejected);
        assert_eq!((row.status, row.usage, row.approximate, row.bound), (status, Some(value), true, Some("lower")));
        assert_eq!((row.rejected, row.fault.is_none()), ((rejected > 0.0).then_some(rejected), true));
        assert!(row.note.unwrap().contains("only a part"));
    }
    let row = part(79.0, 0.0);
    assert_eq!((row.status, row.usage, row.utilization, row.bound), (Status::Unknown, None, None, None));
    assert_eq!(row.fault.unwrap().operation, "cloudwatch:GetMetricData");
}

#[test]
fn concurrency_with_a_limit_that_was_set_to_0_is_a_warning() {
    let with = |limit: Limit, value: f64, is_concurrency: bool| {
        let usage = Usage { is_concurrency, ..Usage::exactly(value) };
        judged(reading(Measured::Usage(usage), Ok(Some(limit))), "{}")
    };
    let zero = |source, default| Limit { default, ..Limit::new(0.0, source) };
    for source in [LimitSource::Instance, LimitSource::Account] {
        let row = with(zero(source, Some(10.0)), 0.0, true);
        assert_eq!((row.status, row.utilization), (Status::Warning, None));
        assert_eq!(row.note.as_deref(), Some("limit 0: nothing can be handled here"));
        assert_eq!(with(zero(source, None), 0.0, true).status, Status::Warning);
        assert_eq!(with(zero(source, Some(0.0)), 0.0, true).status, Status::Ok, "AWS gives nobody any");
        assert_eq!(with(zero(source, Some(10.0)), 0.0, false).status, Status::Ok);
        assert_eq!(with(zero(source, Some(10.0)), 1.0, true).status, Status::Critical);
    }
    assert_eq!(with(zero(LimitSource::Default, Some(0.0)), 0.0, true).status, Status::Ok);
    let usage = Usage { is_concurrency: true, ..Usage::default() };
    let own = judged(reading(Measured::Usage(usage), limit(10.0)), r#"{"L-9A46857E": {"limit": 0}}"#);
    assert_eq!(own.status, Status::Ok, "who says so knows it");
}

#[test]
fn a_limit_of_an_earlier_run_and_a_peak_have_their_times() {
    let limit = Limit { read_at: Some(1_772_452_800), ..Limit::new(100.0, LimitSource::Instance) };
    let usage = Usage { peak_at: Some(1_772_449_200), ..Usage::exactly(5.0) };
    let row = judged(reading(Measured::Usage(usage), Ok(Some(limit))), "{}");
    assert_eq!(row.limit_read_at.as_deref(), Some("2026-03-02T12:00:00Z"));
    assert_eq!(row.peak_at.as_deref(), Some("2026-03-02T11:00:00Z"));
    let own = Limit { read_at: Some(0), ..Limit::new(1.0, LimitSource::Instance) };
    let row = judged(reading(Measured::Usage(Usage::exactly(5.0)), Ok(Some(own))), r#"{"L-9A46857E": {"limit": 100}}"#);
    assert_eq!((row.limit, row.limit_read_at), (Some(100.0), None));
}

#[test]
fn an_own_threshold_above_the_critical_percentage_leaves_room_for_a_warning() {
    let row = |usage, rule: &str| {
        let text = format!(r#"{{"L-9A46857E": {rule}}}"#);
        judged(reading(Measured::Usage(Usage::exactly(usage)), limit(100.0)), &text).status
    };
    let rule = r#"{"threshold_percentage": 97}"#;
    assert_eq!(
        [96.0, 97.0, 99.0, 100.0].map(|usage| row(usage, rule)),
        [Status::Ok, Status::Warning, Status::Warning, Status::Critical]
    );
    let both = r#"{"threshold_percentage": 97, "critical_percentage": 98}"#;
    assert_eq!((row(97.0, both), row(98.0, both)), (Status::Warning, Status::Critical));
}

#[test]
fn one_of_one_by_design_is_no_violation_and_a_raised_limit_is_judged() {
    let single = |usage, of: f64| {
        let mut reading = reading(Measured::Usage(Usage::exactly(usage)), limit(of));
        reading.quota.is_single = true;
        judged(reading, "{}")
    };
    let row = single(1.0, 1.0);
    assert_eq!((row.status, row.utilization, row.usage), (Status::Ok, Some(100.0), Some(1.0)));
    assert!(row.is_full_by_design && !row.is_violation() && row.note.unwrap().contains("by design"));
    let unused = single(0.0, 1.0);
    assert_eq!((unused.status, unused.note), (Status::Ok, None));
    assert_eq!(single(2.0, 1.0).status, Status::Critical);
    assert_eq!(single(2.0, 2.0).status, Status::Critical);
    assert_eq!(with(1.0, 1.0).status, Status::Critical, "a quota that is 1 by chance is full");
    let overridden = {
        let mut reading = reading(Measured::Usage(Usage::exactly(1.0)), limit(1.0));
        reading.quota.is_single = true;
        judged(reading, r#"{"L-9A46857E": {"limit": 10}}"#)
    };
    assert_eq!((overridden.status, overridden.is_full_by_design), (Status::Ok, false));
}

#[test]
fn a_mute_hides_the_violation_but_not_the_truth() {
    let text = r#"{"L-9A46857E": {"mute": {"reason": "known", "until": "2030-01-01"}}}"#;
    let row = judged(reading(Measured::Usage(Usage::exactly(99.0)), limit(100.0)), text);
    assert_eq!((row.status, row.is_violation()), (Status::Critical, false));
    let text = text.replace("2030", "1960");
    assert!(judged(reading(Measured::Usage(Usage::exactly(99.0)), limit(100.0)), &text).is_violation());
}

#[test]
fn a_quota_without_any_published_limit_is_not_measurable() {
    let row = judged(reading(Measured::Usage(Usage::exactly(5.0)), Ok(None)), "{}");
    assert_eq!((row.status, row.usage), (Status::NotMeasurable, Some(5.0)));
}

proptest! {
    #[test]
    fn status_never_falls_when_usage_grows(of in 0u32..5_000, a in 0u32..10_000, b in 0u32..10_000) {
        let (low, high) = (a.min(b), a.max(b));
        let (low, high) = (with(low.into(), of.into()), with(high.into(), of.into()));
        prop_assert!(low.status <= high.status);
    }
}
