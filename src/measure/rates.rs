//! Quotas whose usage is a metric that Service Quotas names: what to read of it, and what the number means. Pure.

use super::outcome::{at_least, clock, not_asked, unknown, used};
use crate::aws::cloudwatch::{Query, Read, Rolling, Series};
use crate::catalogue::{Meter, Quota};
use crate::domain::limit::{Statistic, UsageMetric};
use crate::domain::{Bound, Ceiling, Measured, Usage};
use crate::judge::limits::Limits;

const MINUTE: i32 = 60;
const DAY: i64 = 86_400;
/// CloudWatch keeps nothing for longer.
const LONGEST_PERIOD: f64 = 400.0 * 86_400.0;

/// How a metric is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Method {
    /// Calls per so many seconds (a minute at most), averaged over the busiest minute.
    Minute(f64),
    /// Calls of the busiest time of so many seconds, whole datapoints of `step` seconds. It is `too_long` where that
    /// is more than the quota's own period.
    Sum { seconds: i64, step: i32, too_long: bool },
    /// The number as it is.
    Gauge(Statistic),
}

impl Method {
    /// The method for a code and its metric; an error says why there is none.
    fn of(limits: &Limits, code: &str, metric: &UsageMetric) -> Result<Self, String> {
        let statistic = metric.read_as()?;
        if !metric.is_rate() {
            return Ok(Self::Gauge(statistic));
        }
        let seconds = limits.period_seconds(code)?;
        if seconds <= f64::from(MINUTE) {
            return Ok(Self::Minute(seconds));
        }
        if seconds > LONGEST_PERIOD {
            return Err(format!("the rate is per {seconds} seconds, and CloudWatch does not keep its data that long"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "400 days at most")]
        let whole = seconds.ceil() as i64;
        // Few datapoints are enough, and CloudWatch keeps single minutes for 15 days.
        let step = match whole {
            0..=10_800 => MINUTE,
            _ if whole <= 14 * DAY => 300,
            _ => 3_600,
        };
        let whole = (whole + i64::from(step) - 1) / i64::from(step) * i64::from(step);
        #[expect(clippy::cast_precision_loss, reason = "400 days at most")]
        let too_long = whole as f64 > seconds;
        Ok(Self::Sum { seconds: whole, step, too_long })
    }
}

/// The query for a code's metric in a window that begins at `from` (unix seconds), and where to begin reading. None
/// where there is no metric, or no way to read it.
pub(super) fn question(limits: &Limits, code: &str, from: i64) -> Option<(i64, Query)> {
    let metric = limits.usage_metric(code)?;
    Some(match Method::of(limits, code, metric).ok()? {
        Method::Minute(_) => (from, Query::calls(metric, MINUTE)),
        Method::Sum { seconds, step, .. } => {
            let rolling = Some(Rolling { seconds, from });
            (from - seconds, Query { rolling, ..Query::calls(metric, step) })
        }
        Method::Gauge(statistic) => (from, Query::of(metric, statistic, MINUTE)),
    })
}

/// The operation whose calls the metric of a code counts.
pub(super) fn operation<'a>(limits: &'a Limits, code: &str) -> Option<&'a str> {
    let metric = limits.usage_metric(code).filter(|metric| metric.is_rate())?;
    metric.dimensions.get("Resource").map(String::as_str)
}

/// Service Quotas names a metric for a quota that the catalogue takes for one without.
pub(super) fn is_live(quota: &Quota, limits: &Limits) -> bool {
    matches!(quota.meter, Meter::NotMeasurable(_) | Meter::Burst) && limits.usage_metric(quota.key()).is_some()
}

/// As [`measured`], of an instance's quota: the metric counts all instances, so it is a bound for each.
pub(super) fn of_all(quota: &Quota, read: Option<&Read>, limits: &Limits) -> (Measured, String) {
    let (measured, source) = measured(Some(quota), read, limits, quota.code);
    let measured = match measured {
        Measured::Usage(usage) => Measured::Usage(Usage {
            approximate: true,
            bound: Some(Bound::Upper),
            ceiling: Some(Ceiling::BelowWarning),
            ..usage
        }),
        // A part of a bound is none.
        Measured::AtLeast(_, fault) => Measured::Unknown(fault),
        other => other,
    };
    (measured, source)
}

/// The usage from the answer, and how it was obtained.
pub(super) fn measured(quota: Option<&Quota>, read: Option<&Read>, limits: &Limits, code: &str) -> (Measured, String) {
    let by_meter = || quota.map_or_else(String::new, |quota| quota.meter.source());
    if limits.is_unknown_service() {
        let why = "the service is not offered in this Region: Service Quotas does not know it";
        return (Measured::NotMeasurable(why.to_owned()), by_meter());
    }
    let Some(metric) = limits.usage_metric(code) else {
        let measured = match limits.faults().into_iter().next() {
            Some(fault) => Measured::Unknown(fault),
            None if quota.is_some_and(|quota| !quota.is_listed()) => Measured::NotMeasurable(
                "Service Quotas lists this rate with a code that this version does not know, which has a row of its \
                 own, or names no usage metric for any rate of the service"
                    .to_owned(),
            ),
            None => Measured::NotMeasurable("Service Quotas names no usage metric for this rate".to_owned()),
        };
        return (measured, by_meter());
    };
    let method = match Method::of(limits, code, metric) {
        Ok(method) => method,
        Err(why) => return (Measured::NotMeasurable(why), by_meter()),
    };
    let usage = |usage: Usage| match quota {
        Some(quota) => used(quota, usage),
        None => Measured::Usage(usage),
    };
    let source = match method {
        Method::Minute(_) => Meter::Rate.source(),
        Method::Sum { seconds, .. } => format!("{} {} busiest {seconds} s", metric.namespace, metric.name),
        Method::Gauge(statistic) => format!("{} {} {}", metric.namespace, metric.name, statistic.as_str()),
    };
    let measured = match read {
        Some(Ok(series)) if matches!(method, Method::Gauge(_)) && series.peak_at.is_none() => {
            // Of a number of things that is no 0, as it is of calls.
            Measured::OutOfReach(format!("CloudWatch holds no datapoint of {} in the window", metric.name))
        }
        Some(Ok(series)) => usage(usage_of(*series, method)),
        Some(Err(unread)) => at_least(unread, |part| usage(usage_of(part, method))),
        None => unknown(&not_asked(&metric.name)),
    };
    (measured, source)
}

fn usage_of(series: Series, method: Method) -> Usage {
    let Series { peak, peak_at, own, .. } = series;
    let at = |what: &dyn Fn(String) -> String| peak_at.map(|at| what(clock(at)));
    match method {
        Method::Minute(seconds) => Usage {
            value: peak / f64::from(MINUTE) * seconds,
            peak_at,
            own_calls: own,
            note: at(&|at| {
                format!("{peak} calls in the minute of {at}; bursts inside a minute are higher than its average")
            }),
            ..Usage::default()
        },
        Method::Sum { seconds, too_long, .. } => Usage {
            value: peak,
            peak_at,
            own_calls: own,
            approximate: too_long,
            bound: too_long.then_some(Bound::Upper),
            note: at(&|at| format!("{peak} calls in the {seconds} seconds up to {at}")),
            ..Usage::default()
        },
        Method::Gauge(_) => Usage { value: peak, peak_at, note: at(&|at| format!("peak at {at}")), ..Usage::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::cloudwatch::Unread;
    use crate::domain::limit::{Level, LimitRow, Period};
    use crate::domain::{Fault, FaultKind};
    use std::collections::BTreeMap;

    const CODE: &str = "L-0000CAFE";

    fn limits(name: &str, statistic: &str, period: Option<Period>) -> Limits {
        let row = LimitRow {
            code: CODE.to_owned(),
            name: "Things".to_owned(),
            value: Some(500.0),
            error: None,
            adjustable: None,
            level: Level::Account,
            period,
            usage_metric: Some(UsageMetric {
                namespace: "AWS/Usage".to_owned(),
                name: name.to_owned(),
                dimensions: BTreeMap::new(),
                statistic: statistic.to_owned(),
            }),
        };
        Limits::new(Ok(vec![row]), Ok(vec![]))
    }

    fn per(seconds: f64) -> Limits {
        limits("CallCount", "Sum", Some(Period::Seconds(seconds)))
    }

    fn series(peak: f64) -> Series {
        Series { peak, peak_at: Some(0), sum: peak, own: 3, ..Series::default() }
    }

    fn value(limits: &Limits, peak: f64) -> f64 {
        match measured(None, Some(&Ok(series(peak))), limits, CODE).0 {
            Measured::Usage(usage) => usage.value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rate_per_second_is_the_busiest_minutes_average() {
        assert!((value(&per(1.0), 120.0) - 2.0).abs() < 1e-9);
        assert!((value(&per(0.001), 120.0) - 0.002).abs() < 1e-9);
        assert!((value(&per(30.0), 120.0) - 60.0).abs() < 1e-9);
        assert!((value(&per(60.0), 120.0) - 120.0).abs() < 1e-9);
        let idle = measured(None, Some(&Ok(Series::default())), &per(1.0), CODE).0;
        assert_eq!(idle, Measured::Usage(Usage::exactly(0.0)), "no calls are no calls");
    }

    #[test]
    fn a_rate_per_hour_or_day_is_summed_up_and_read_from_so_far_back() {
        for (seconds, step, rolling) in
            [(120.0, 60, 120), (3_600.0, 60, 3_600), (86_400.0, 300, 86_400), (604_800.0, 300, 604_800)]
        {
            let limits = per(seconds);
            let (start, query) = question(&limits, CODE, 1_000_000_000).unwrap();
            assert_eq!((start, query.period), (1_000_000_000 - rolling, step));
            assert_eq!(query.rolling, Some(Rolling { seconds: rolling, from: 1_000_000_000 }));
            assert!((value(&limits, 10.0) - 10.0).abs() < 1e-9, "as many as were made in {seconds} s");
        }
    }

    #[test]
    fn a_period_between_minutes_is_rounded_up_and_marked() {
        let (_, query) = question(&per(90.0), CODE, 0).unwrap();
        assert_eq!(query.rolling.map(|r| r.seconds), Some(120));
        let Measured::Usage(usage) = measured(None, Some(&Ok(series(9.0))), &per(90.0), CODE).0 else { panic!() };
        assert_eq!((usage.approximate, usage.bound), (true, Some(Bound::Upper)));
    }

    #[test]
    fn everything_but_calls_is_a_gauge_as_it_is() {
        for statistic in ["Maximum", "Average", "Sum", "Minimum", "SampleCount"] {
            let limits = limits("ResourceCount", statistic, Some(Period::Seconds(1.0)));
            assert_eq!(question(&limits, CODE, 0).unwrap().1.statistic.as_str(), statistic);
            assert!((value(&limits, 480.0) - 480.0).abs() < 1e-9);
            let source = measured(None, Some(&Ok(series(480.0))), &limits, CODE).1;
            assert_eq!(source, format!("AWS/Usage ResourceCount {statistic}"));
        }
        let limits = limits("ResourceCount", "Maximum", None);
        let nothing = measured(None, Some(&Ok(Series::default())), &limits, CODE).0;
        assert!(matches!(nothing, Measured::OutOfReach(_)), "no datapoint is no 0: {nothing:?}");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (limits, why) in [
            (limits("CallCount", "Sum", None), "names no period"),
            (limits("CallCount", "Sum", Some(Period::Unreadable("2 MOON".to_owned()))), "2 MOON"),
            (limits("CallCount", "Sum", Some(Period::Seconds(1e9))), "CloudWatch"),
            (limits("ResourceCount", "p99", None), "p99"),
        ] {
            assert_eq!(question(&limits, CODE, 0), None);
            match measured(None, None, &limits, CODE).0 {
                Measured::NotMeasurable(reason) => assert!(reason.contains(why), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_part_is_a_lower_bound() {
        let fault = Fault::new("cloudwatch:GetMetricData", FaultKind::BadResponse, "a part");
        let unread = Unread { fault: fault.clone(), part: Some(series(120.0)) };
        let (part, _) = measured(None, Some(&Err(Box::new(unread))), &per(1.0), CODE);
        assert!(matches!(part, Measured::AtLeast(usage, _) if (usage.value - 2.0).abs() < 1e-9));
        let nothing =
            measured(None, Some(&Err(Box::new(Unread { fault: fault.clone(), part: None }))), &per(1.0), CODE).0;
        assert_eq!(nothing, Measured::Unknown(fault));
    }
}
