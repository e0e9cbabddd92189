use proptest::prelude::*;

use super::*;

const TODAY: i64 = 20_000;

fn metric(source: &str, usage: f64, limit: f64) -> Metric {
    Metric {
        usage: Some(usage),
        limit: Some(limit),
        utilization: Some(usage * 100.0 / limit),
        source: source.to_owned(),
        ..Metric::sample()
    }
}

/// Values of the days up to yesterday.
fn until_yesterday(values: &[f64]) -> Vec<(i64, f64)> {
    (TODAY - i64::try_from(values.len()).unwrap()..).zip(values.iter().copied()).collect()
}

fn counted(values: &[f64], usage: f64, limit: f64) -> Option<Forecast> {
    forecast(&metric("connect:ListUsers", usage, limit), &until_yesterday(values), TODAY, 14.0, false)
}

fn warns(values: &[f64], usage: f64, limit: f64) -> bool {
    counted(values, usage, limit).is_some_and(|f| f.warns)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs().max(1.0)
}

#[test]
fn five_days_of_growth_make_a_forecast_and_four_do_not() {
    let grown = counted(&[40.0, 42.0, 44.0, 46.0, 48.0], 50.0, 70.0).unwrap();
    assert_eq!((grown.full_at.as_deref(), grown.per_day, grown.days_of_data), (Some("2024-10-14"), 2.0, 5));
    assert_eq!(date(TODAY).unwrap(), "2024-10-04", "ten days before");
    assert!(grown.warns);
    assert!(counted(&[40.0, 42.0, 44.0, 46.0], 48.0, 70.0).is_none());
}

#[test]
fn the_limit_of_today_counts_whatever_it_was_before() {
    let values: Vec<f64> = (0..10).map(|day| 40.0 + 4.0 * f64::from(day)).collect();
    assert!(warns(&values, 80.0, 100.0));
    assert!(!warns(&values, 80.0, 200.0), "raised: 30 days are left");
    let met = counted(&values, 80.0, 80.0).unwrap();
    assert_eq!((met.full_at, met.warns), (None, false), "full already: that is no forecast");
}

#[test]
fn what_was_told_holds_a_quarter_longer_and_without_certainty() {
    let points = until_yesterday(&[40.0, 42.0, 41.0, 44.0, 43.0, 46.0]);
    let at = |limit, is_told| forecast(&metric("connect:ListUsers", 46.0, limit), &points, TODAY, 14.0, is_told);
    assert!(at(60.0, false).is_none(), "not sure enough to begin with");
    let slope = at(60.0, true).unwrap().per_day;
    assert!(at(46.0 + slope * 17.0, true).unwrap().warns);
    assert!(!at(46.0 + slope * 18.0, true).unwrap().warns);
}

/// Mondays to Fridays are busy, the weekends are not.
fn week(day: i32, busy: f64) -> f64 {
    if day % 7 < 5 { busy } else { busy / 10.0 }
}

#[test]
fn the_days_of_the_week_are_no_trend() {
    for length in 5..=30 {
        for start in 0..7 {
            let values: Vec<f64> = (start..start + length).map(|d| week(d, 70.0 + f64::from(d % 5))).collect();
            let row = metric("AWS/Connect ConcurrentCalls Maximum", 10.0, 100.0);
            let found = forecast(&row, &until_yesterday(&values), TODAY, 14.0, false);
            assert!(found.is_none_or(|f| !f.warns), "{length} days from day {start}");
        }
    }
}

#[test]
fn growth_over_the_weeks_is_seen_through_the_days_of_the_week() {
    for length in 1..=30 {
        let values: Vec<f64> = (0..length).map(|d| week(d, 40.0) + f64::from(d)).collect();
        let row = metric("AWS/Connect ConcurrentCalls Maximum", 3.0, 80.0);
        let found = forecast(&row, &until_yesterday(&values), TODAY, 30.0, false);
        assert_eq!(found.is_some(), length >= 17, "{length} days");
        assert!(found.is_none_or(|f| close(f.per_day, 1.0)));
    }
}

proptest! {
    #[test]
    fn linear_growth_has_its_slope_whatever_days_are_missing(
        slope in 1u32..500, start in 0u32..10_000, kept in prop::collection::btree_set(1i64..=30, 5..30),
    ) {
        let (slope, start) = (f64::from(slope) / 8.0, f64::from(start));
        let points: Vec<_> = kept.iter().rev().map(|ago| (TODAY - ago, start - slope * days(*ago))).collect();
        let found = trend(&points, Kind::Count).unwrap();
        prop_assert!(found.is_real && close(found.per_day, slope), "{found:?}");
        prop_assert!(close(found.level_on(&points, TODAY), start));
    }

    #[test]
    fn little_noise_moves_the_slope_little(noise in prop::collection::vec(-1.0f64..1.0, 12..30)) {
        let values: Vec<f64> = (0u8..).zip(&noise).map(|(day, n)| 10.0 * f64::from(day) + n).collect();
        let found = trend(&until_yesterday(&values), Kind::Count).unwrap();
        prop_assert!(found.is_real && (found.per_day - 10.0).abs() < 1.0, "{found:?}");
    }

    #[test]
    fn noise_around_a_level_is_never_full_soon(noise in prop::collection::vec(-3.0f64..3.0, 0..30)) {
        let values: Vec<f64> = noise.iter().map(|n| 40.0 + n).collect();
        prop_assert!(!warns(&values, 40.0, 100.0));
    }

    #[test]
    fn one_jump_is_no_trend(before in 1usize..29, after in 1usize..29, low in 0u32..50, high in 50u32..100) {
        let values: Vec<f64> = vec![f64::from(low); before].into_iter().chain(vec![f64::from(high); after]).collect();
        let values = &values[values.len().saturating_sub(30)..];
        prop_assert!(counted(values, f64::from(high), 100.0).is_none());
    }

    #[test]
    fn what_stays_or_shrinks_is_never_full(steps in prop::collection::vec(0u32..50, 5..30), is_told in any::<bool>()) {
        let mut value = 5_000.0;
        let values: Vec<f64> = steps.iter().map(|step| { value -= f64::from(*step); value }).collect();
        let row = metric("connect:ListUsers", value, 5_001.0);
        prop_assert!(forecast(&row, &until_yesterday(&values), TODAY, 14.0, is_told).is_none());
    }

    #[test]
    fn no_series_breaks_it(points in prop::collection::vec((0i64..40, -1e12f64..1e12), 0..40), limit in -1.0f64..1e12) {
        let mut points = points;
        points.sort_by_key(|p| p.0);
        points.dedup_by_key(|p| p.0);
        for source in ["AWS/Usage CallCount peak minute", "connect:ListUsers"] {
            for is_told in [false, true] {
                let found = forecast(&metric(source, 1.0, limit), &points, 40, 14.0, is_told);
                prop_assert!(found.is_none_or(|f| f.per_day.is_finite() && f.per_day > 0.0 || f.per_day == 0.0));
            }
        }
    }
}
