//! From what was counted and read to the usage of a quota. Pure.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Shared;
use crate::aws::cloudwatch::Series;
use crate::catalogue::{Gauge, Listing, Meter, Quota};
use crate::model::{Fault, FaultKind, Instance, Measured, Tally, Usage};

/// A usage with the catalogue's own doubt about it.
pub(super) fn used(quota: &Quota, mut usage: Usage) -> Measured {
    let notes = [usage.note.take().as_deref(), quota.note].into_iter().flatten().collect::<Vec<_>>().join("; ");
    usage.note = (!notes.is_empty()).then_some(notes);
    Measured::Usage(usage)
}

pub(super) fn instance_usage(
    quota: &Quota,
    instance: &Instance,
    tallies: &HashMap<Listing, Result<Tally, Fault>>,
    shared: &Shared,
) -> Measured {
    let from = |listing: Listing, count: &dyn Fn(&Tally) -> Usage| match tallies.get(&listing) {
        Some(Ok(tally)) => used(quota, Usage { approximate: listing.is_approximate(), ..count(tally) }),
        Some(Err(fault)) => Measured::Unknown(fault.clone()),
        None => Measured::Unknown(Fault::new(quota.meter.source(), FaultKind::Other, "the listing was not made")),
    };
    match quota.meter {
        Meter::Count(listing) => from(listing, &|t| Usage::exactly(count(t.total))),
        Meter::CountIn(listing, group) => from(listing, &|t| Usage::exactly(count(t.count_in(group)))),
        Meter::WorstGroup(listing, limits) => from(listing, &|t| worst_group(t, limits, quota.default)),
        Meter::PhoneNumbers => match &shared.phone_numbers {
            Ok(tally) => used(quota, phone_usage(tally, instance)),
            Err(fault) => Measured::Unknown(fault.clone()),
        },
        Meter::Gauge(gauge) => gauge_usage(quota, gauge, instance, shared),
        Meter::NotMeasurable(reason) => Measured::NotMeasurable(reason.to_owned()),
        Meter::Instances | Meter::Rate | Meter::DistinctIn(..) => {
            Measured::NotMeasurable("measured for the account".to_owned())
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn count(n: u64) -> f64 {
    n as f64
}

/// The group that is fullest against its own limit.
fn worst_group(tally: &Tally, limits: &[(&'static str, f64)], default: Option<f64>) -> Usage {
    let limit_of = |name: &str| limits.iter().find(|(n, _)| *n == name).map(|(_, limit)| *limit);
    let fullness = |name: &str, n: u64| count(n) / limit_of(name).or(default).unwrap_or(f64::INFINITY);
    let worst = tally.groups.iter().max_by(|(a, x), (b, y)| fullness(a, x.count).total_cmp(&fullness(b, y.count)));
    match worst {
        None => Usage::exactly(0.0),
        Some((name, group)) => {
            Usage { value: count(group.count), resource: Some(name.clone()), limit: limit_of(name), ..Usage::default() }
        }
    }
}

fn phone_usage(tally: &Tally, instance: &Instance) -> Usage {
    let to_groups: u64 = tally
        .groups
        .iter()
        .filter(|(target, _)| target.contains(":traffic-distribution-group/"))
        .map(|(_, g)| g.count)
        .sum();
    Usage {
        value: count(tally.count_in(&instance.arn) + tally.count_in(&instance.id)),
        note: (to_groups > 0).then(|| {
            format!("{to_groups} numbers claimed to traffic distribution groups are not counted for any instance")
        }),
        ..Usage::default()
    }
}

fn gauge_usage(quota: &Quota, gauge: Gauge, instance: &Instance, shared: &Shared) -> Measured {
    let metric = gauge.metric();
    let series = |name: &'static str| shared.gauges.get(&(instance.id.clone(), name));
    let mut rejections = Vec::new();
    let mut rejected = 0.0;
    for breach in metric.breaches {
        match series(breach) {
            Some(Ok(s)) if s.sum > 0.0 => {
                rejected += s.sum;
                rejections.push(format!("{} {breach}", s.sum));
            }
            Some(Ok(_)) => {}
            Some(Err(fault)) => return Measured::Unknown(fault.clone()),
            None => return not_asked(metric.name),
        }
    }
    match series(metric.name) {
        Some(Ok(s)) => {
            let mut notes: Vec<String> = s.peak_at.map(|at| format!("peak at {}", clock(at))).into_iter().collect();
            if rejected > 0.0 {
                notes.push(format!("{rejected} rejected in the window ({})", rejections.join(", ")));
            }
            let note = (!notes.is_empty()).then(|| notes.join("; "));
            used(quota, Usage { value: s.peak, rejected, note, ..Usage::default() })
        }
        Some(Err(fault)) => Measured::Unknown(fault.clone()),
        None => not_asked(metric.name),
    }
}

fn not_asked(metric: &str) -> Measured {
    Measured::Unknown(Fault::new("cloudwatch:GetMetricData", FaultKind::Other, format!("{metric} was not asked for")))
}

/// Calls of the busiest minute, as calls per the quota's period.
pub(super) fn rate_usage(series: Series, period_seconds: f64) -> Usage {
    let note = series.peak_at.map(|at| {
        format!(
            "{} calls in the minute of {}; bursts inside a minute are higher than its average",
            series.peak,
            clock(at)
        )
    });
    Usage { value: series.peak / 60.0 * period_seconds, note, ..Usage::default() }
}

fn clock(unix_seconds: i64) -> String {
    Timestamp::from_second(unix_seconds)
        .map_or_else(|_| "?".to_owned(), |t| t.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Group;
    use std::collections::BTreeSet;

    fn tally(groups: &[(&str, u64)]) -> Tally {
        Tally {
            total: groups.iter().map(|(_, n)| n).sum(),
            groups: groups
                .iter()
                .map(|(name, n)| ((*name).to_owned(), Group { count: *n, ids: BTreeSet::new() }))
                .collect(),
        }
    }

    #[test]
    fn the_worst_group_is_the_fullest_against_its_own_limit() {
        let usage = worst_group(
            &tally(&[("OnPostCall", 300), ("OnMetricDataUpdate", 90)]),
            &[("OnMetricDataUpdate", 100.0)],
            Some(500.0),
        );
        assert_eq!(
            (usage.resource.as_deref(), usage.value, usage.limit),
            (Some("OnMetricDataUpdate"), 90.0, Some(100.0))
        );
        assert_eq!(worst_group(&tally(&[]), &[], Some(500.0)), Usage::exactly(0.0));
    }

    #[test]
    fn a_rate_is_the_busiest_minutes_average() {
        let series = Series { peak: 120.0, peak_at: Some(0), sum: 500.0 };
        assert!((rate_usage(series, 1.0).value - 2.0).abs() < 1e-9);
        assert_eq!(rate_usage(Series::default(), 1.0), Usage::exactly(0.0));
    }
}
