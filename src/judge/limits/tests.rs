use super::*;
use crate::catalogue;
use crate::domain::FaultKind;
use crate::domain::limit::Statistic;
use proptest::prelude::*;

const ARN: &str = "arn:aws:connect:us-east-1:111122223333:instance/a";
const CODE: &str = "L-9A46857E";

fn quota(code: &str) -> &'static Quota {
    catalogue::all().find(|q| q.code == code).unwrap()
}

fn row(level: Level, value: Option<f64>) -> LimitRow {
    LimitRow {
        code: CODE.to_owned(),
        name: String::new(),
        value,
        error: None,
        adjustable: Some(true),
        level,
        period: Some(Period::Seconds(1.0)),
        usage_metric: None,
    }
}

fn resolved(limits: &Limits) -> Option<(f64, LimitSource)> {
    limits.resolve(quota(CODE), Some(ARN), None).unwrap().map(|l| (l.value, l.source))
}

#[test]
fn the_most_specific_value_wins() {
    let mine = row(Level::Resource(ARN.to_owned()), Some(4.0));
    let other = row(Level::Resource(format!("{ARN}-other")), Some(9.0));
    let all = row(Level::AllResources, Some(3.0));
    let account = row(Level::Account, Some(2.0));
    let default = || Ok(vec![row(Level::Account, Some(1.0))]);
    let limits = |rows: &[&LimitRow]| Limits::new(Ok(rows.iter().map(|r| (*r).clone()).collect()), default());
    assert_eq!(resolved(&limits(&[&other, &account, &all, &mine])), Some((4.0, LimitSource::Instance)));
    assert_eq!(resolved(&limits(&[&other, &account, &all])), Some((3.0, LimitSource::Account)));
    assert_eq!(resolved(&limits(&[&other, &account])), Some((2.0, LimitSource::Account)));
    assert_eq!(resolved(&limits(&[&other])), Some((1.0, LimitSource::Default)));
    assert_eq!(resolved(&Limits::new(Ok(vec![]), Ok(vec![]))), Some((500.0, LimitSource::Default)));
}

#[test]
fn what_get_service_quota_told_wins_over_the_account() {
    let limits = Limits::new(Ok(vec![row(Level::Account, Some(2.0))]), Ok(vec![]));
    let limit = limits.resolve(quota(CODE), Some(ARN), Some(Own::fresh(Some(7.0)))).unwrap().unwrap();
    assert_eq!((limit.value, limit.source), (7.0, LimitSource::Instance));
    assert!(limits.lacks_row_of(CODE, ARN) && !limits.lacks_row_of("L-00000000", ARN));
}

fn broken(level: Level, error: &str) -> LimitRow {
    LimitRow { error: Some(error.to_owned()), ..row(level, None) }
}

fn mine() -> Level {
    Level::Resource(ARN.to_owned())
}

/// At each level: an error there is a limit that is not known, whatever stands below, and a value above it counts.
#[test]
fn an_error_makes_the_limit_unknown_unless_a_more_specific_value_exists() {
    let levels = [mine(), Level::AllResources, Level::Account];
    for (n, level) in levels.iter().enumerate() {
        for error in [Some("DEPENDENCY_THROTTLING_ERROR"), Some("ANOTHER_ONE"), None] {
            let failed = error.map_or_else(|| row(level.clone(), None), |error| broken(level.clone(), error));
            let below = levels[n + 1..].iter().map(|level| row(level.clone(), Some(2.0)));
            let default = Ok(vec![row(Level::Account, Some(1.0))]);
            let mut rows: Vec<LimitRow> = below.chain([failed]).collect();
            let fault =
                Limits::new(Ok(rows.clone()), default.clone()).resolve(quota(CODE), Some(ARN), None).unwrap_err();
            assert!(fault.message.contains(CODE), "{fault}");
            assert!(fault.message.contains(error.unwrap_or("no value")), "{fault}");
            let named = ["this very instance", "all resources (*)", "the account"][n];
            assert!(fault.message.contains(named), "{fault}");
            // A value of its own, listed or asked for.
            let asked = Some(Own::fresh(Some(9.0)));
            let limit = Limits::new(Ok(rows.clone()), default.clone()).resolve(quota(CODE), Some(ARN), asked).unwrap();
            assert_eq!(limit.map(|l| (l.value, l.source)), Some((9.0, LimitSource::Instance)));
            for above in &levels[..n] {
                rows.push(row(above.clone(), Some(9.0)));
                assert_eq!(resolved(&Limits::new(Ok(rows.clone()), default.clone())).map(|l| l.0), Some(9.0));
                rows.pop();
            }
        }
    }
}

#[test]
fn what_is_said_of_others_and_of_instances_does_not_touch_the_account() {
    let rows = vec![
        broken(Level::Resource(format!("{ARN}-other")), "E"),
        broken(Level::AllResources, "E"),
        row(Level::Account, Some(2.0)),
    ];
    let limits = Limits::new(Ok(rows), Ok(vec![]));
    assert_eq!(limits.resolve(quota(CODE), None, None).unwrap().map(|l| l.value), Some(2.0));
    assert!(limits.resolve(quota(CODE), Some(ARN), None).is_err());
}

#[test]
fn a_default_that_cannot_be_read_is_not_replaced_by_the_documented_one() {
    let limits = Limits::new(Ok(vec![]), Ok(vec![broken(Level::Account, "DEPENDENCY_SERVICE_ERROR")]));
    assert!(limits.resolve(quota(CODE), Some(ARN), None).is_err());
    let limits = Limits::new(Ok(vec![]), Ok(vec![row(Level::Account, None)]));
    assert_eq!(resolved(&limits), Some((500.0, LimitSource::Default)));
}

#[test]
fn a_kept_value_stands_in_with_its_time() {
    let own = |value| Some(Own { value, read_at: Some(1_000), account: Some((70.0, 900)) });
    let found = |rows: Vec<LimitRow>, own| {
        let limits = Limits::new(Ok(rows), Ok(vec![row(Level::Account, Some(1.0))]));
        limits.resolve(quota(CODE), Some(ARN), own).map(|l| l.map(|l| (l.value, l.source, l.read_at)))
    };
    let account = || row(Level::Account, Some(2.0));
    assert_eq!(found(vec![account()], own(Some(5.0))), Ok(Some((5.0, LimitSource::Instance, Some(1_000)))));
    // The account's value is of this run.
    assert_eq!(found(vec![account()], own(None)), Ok(Some((2.0, LimitSource::Account, None))));
    let failed = || broken(Level::Account, "E");
    assert_eq!(found(vec![failed()], own(None)), Ok(Some((70.0, LimitSource::Account, Some(900)))));
    assert_eq!(found(vec![broken(mine(), "E")], own(Some(5.0))), Ok(Some((5.0, LimitSource::Instance, Some(1_000)))));
    assert!(
        found(vec![broken(mine(), "E"), account()], own(None)).is_err(),
        "it has one by now, and which is not known"
    );
    // And what is listed is newer.
    assert_eq!(found(vec![row(mine(), Some(6.0))], own(Some(5.0))), Ok(Some((6.0, LimitSource::Instance, None))));
}

/// The period from whichever row has one; what cannot be read is never taken for a second.
#[test]
fn the_period_comes_from_any_row_that_has_it() {
    let with = |period| LimitRow { period, ..row(Level::Account, Some(600.0)) };
    let seconds = |applied, default| Limits::new(Ok(vec![with(applied)]), Ok(vec![with(default)])).period_seconds(CODE);
    let (minute, hour) = (Some(Period::Seconds(60.0)), Some(Period::Seconds(3_600.0)));
    let fortnight = || Some(Period::Unreadable("1 FORTNIGHT".to_owned()));
    assert_eq!(seconds(None, minute.clone()), Ok(60.0));
    assert_eq!(seconds(hour.clone(), None), Ok(3_600.0));
    assert_eq!(seconds(hour.clone(), minute.clone()), Ok(3_600.0));
    assert!(seconds(fortnight(), minute).unwrap_err().contains("1 FORTNIGHT"));
    assert!(seconds(None, fortnight()).is_err());
    assert!(seconds(None, None).is_err(), "no rate of the catalogue");
    assert_eq!(Limits::default().period_seconds("L-9E54B88B"), Ok(1.0), "documented per second");
}

#[test]
fn the_statistic_is_the_recommended_one_and_calls_are_summed() {
    let metric = |name: &str, statistic: &str| UsageMetric {
        namespace: "AWS/Usage".to_owned(),
        name: name.to_owned(),
        dimensions: std::collections::BTreeMap::new(),
        statistic: statistic.to_owned(),
    };
    assert_eq!(metric("CallCount", "Maximum").read_as(), Ok(Statistic::Sum));
    for statistic in ["Maximum", "Average", "Sum", "Minimum", "SampleCount"] {
        assert_eq!(metric("ResourceCount", statistic).read_as().map(Statistic::as_str), Ok(statistic));
    }
    assert_eq!(metric("ResourceCount", "").read_as(), Ok(Statistic::Maximum));
    assert!(metric("ResourceCount", "p99").read_as().unwrap_err().contains("p99"));
}

#[test]
fn a_failed_listing_leaves_no_believable_limit() {
    let fault = || Fault::new("servicequotas:ListServiceQuotas", FaultKind::AccessDenied, "denied");
    let limits = Limits::new(Err(fault()), Ok(vec![row(Level::Account, Some(1.0))]));
    assert!(limits.resolve(quota(CODE), Some(ARN), None).is_err());
    let limits = Limits::new(Ok(vec![row(Level::Account, Some(2.0))]), Err(fault()));
    assert_eq!(resolved(&limits), Some((2.0, LimitSource::Account)));
    let limits = Limits::new(Ok(vec![]), Err(fault()));
    assert!(limits.resolve(quota(CODE), Some(ARN), None).is_err());
}

#[test]
fn a_rate_shown_as_200_is_not_believed() {
    let code = "L-9E54B88B";
    let mut shown = row(Level::Account, Some(200.0));
    shown.code = code.to_owned();
    let limits = Limits::new(Ok(vec![shown]), Ok(vec![]));
    let limit = limits.resolve(quota(code), None, None).unwrap().unwrap();
    assert_eq!((limit.value, limit.source), (2.0, LimitSource::Default));
    assert!(limit.note.unwrap().contains("display error"));
}

proptest! {
    /// The order of the rows in the listing never matters.
    #[test]
    fn resolution_does_not_depend_on_order(
        rows in prop::collection::vec((0usize..4, prop::option::of(0.0f64..1e6)), 0..4),
    ) {
        let mut seen = Vec::new();
        let rows: Vec<LimitRow> = rows.into_iter().filter(|(level, _)| {
            let fresh = !seen.contains(level);
            seen.push(*level);
            fresh
        }).map(|(level, value)| row(match level {
            0 => Level::Account,
            1 => Level::AllResources,
            2 => Level::Resource(ARN.to_owned()),
            _ => Level::Resource(format!("{ARN}-other")),
        }, value)).collect();
        let mut reversed = rows.clone();
        reversed.reverse();
        let found = |rows| Limits::new(Ok(rows), Ok(vec![])).resolve(quota(CODE), Some(ARN), None);
        prop_assert_eq!(found(rows), found(reversed));
    }
}
