//! From what was counted and read to the usage of a quota. Pure.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::detail::{Tallies, Visits};
use super::shared::Shared;
use crate::aws::cloudwatch::Series;
use crate::catalogue::{Gauge, Listing, Meter, Quota};
use crate::limits::Limits;
use crate::model::{Fault, FaultKind, Instance, Measured, Tally, Usage};
use crate::tour::{ALL, Seen};

/// What an instance's readings are made from.
pub(super) struct Sources<'a> {
    pub instance: &'a Instance,
    /// Its window begins so much earlier (unix seconds), because no run had time for it.
    pub waited_since: Option<i64>,
    pub tallies: &'a Tallies,
    pub visits: &'a HashMap<Listing, Visits>,
    pub shared: &'a Shared,
}

/// A usage with the catalogue's own doubt about it.
pub(super) fn used(quota: &Quota, mut usage: Usage) -> Measured {
    let notes = [usage.note.take().as_deref(), quota.note].into_iter().flatten().collect::<Vec<_>>().join("; ");
    usage.note = (!notes.is_empty()).then_some(notes);
    Measured::Usage(usage)
}

/// What a fault makes of a row. A companion service that is not here, or that the account does not have, is a
/// state and no failure; an operation that is not here yet is one that is told.
pub(super) fn unknown(fault: &Fault) -> Measured {
    match fault.kind {
        FaultKind::NotOffered | FaultKind::NotEnabled => Measured::NotMeasurable(fault.message.clone()),
        FaultKind::NoSuchOperation => Measured::Lacking(fault.clone()),
        _ => Measured::Unknown(fault.clone()),
    }
}

pub(super) fn instance_usage(quota: &Quota, sources: &Sources<'_>) -> Measured {
    let Sources { instance, waited_since, tallies, visits, shared } = sources;
    match quota.meter {
        Meter::Count(listing) => count_of(quota, listing, tallies),
        Meter::CountIn(listing, group) => {
            counted(quota, listing, tallies, |t| Usage::exactly(count(t.count_in(group))))
        }
        Meter::WorstGroup(listing, limits) => {
            counted(quota, listing, tallies, |t| worst_group(t, limits, quota.default))
        }
        Meter::OfInstance(listing) => counted(quota, listing, &shared.tallies, |t| of_instance(t, instance)),
        Meter::Worst(_) | Meter::WorstIn(..) => worst(quota, visits, |_| true),
        Meter::Gauge(gauge) => gauge_usage(quota, gauge, instance, *waited_since, shared),
        Meter::NotMeasurable(reason) => Measured::NotMeasurable(reason.to_owned()),
        Meter::Instances | Meter::Rate | Meter::DistinctIn(..) => {
            Measured::NotMeasurable("measured for the account".to_owned())
        }
    }
}

/// All items of a listing.
pub(super) fn count_of(quota: &Quota, listing: Listing, tallies: &Tallies) -> Measured {
    counted(quota, listing, tallies, |tally| Usage::exactly(count(tally.total)))
}

/// What `usage` makes of a listing that was made.
fn counted(quota: &Quota, listing: Listing, tallies: &Tallies, usage: impl Fn(&Tally) -> Usage) -> Measured {
    match tallies.get(&listing) {
        Some(Ok(tally)) => used(quota, Usage { approximate: listing.is_approximate(), ..usage(tally) }),
        Some(Err(fault)) => unknown(fault),
        None => Measured::Unknown(Fault::new(quota.meter.source(), FaultKind::Other, "the listing was not made")),
    }
}

/// The fullest of the resources whose outermost one `keep` lets through.
pub(super) fn worst(quota: &Quota, visits: &HashMap<Listing, Visits>, keep: impl Fn(Option<&str>) -> bool) -> Measured {
    let (listing, group) = match quota.meter {
        Meter::Worst(listing) => (listing, ALL),
        Meter::WorstIn(listing, group) => (listing, group),
        _ => return Measured::NotMeasurable("not counted by resource".to_owned()),
    };
    let Some(visits) = visits.get(&listing) else {
        return Measured::Unknown(Fault::new(listing.qualified(), FaultKind::Other, "no resource was visited"));
    };
    if let Some(fault) = &visits.fault {
        return unknown(fault);
    }
    if visits.is_off {
        return Measured::NotMeasurable(
            "visits of single resources are switched off: DETAIL_CALL_BUDGET is 0".to_owned(),
        );
    }
    let of = visits.resources.iter().filter(|r| keep(r.root.as_deref())).count();
    if of == 0 {
        let elsewhere =
            (!visits.resources.is_empty()).then(|| "each belongs to an instance, which reports it".to_owned());
        return used(quota, Usage { note: elsewhere, ..Usage::exactly(0.0) });
    }
    let value_of = |counts: &BTreeMap<String, u64>| counts.get(group).copied();
    let visited = visits.seen.iter().filter(|(seen, _)| keep(seen.root.as_deref()));
    let now: Vec<Seen> =
        visited.filter_map(|(seen, counts)| Some(Seen { value: value_of(counts)?, ..seen.clone() })).collect();
    let remembered = visits.tour.fullest.get(group).into_iter().flatten().filter(|seen| keep(seen.root.as_deref()));
    let fullest = now.iter().chain(remembered).max_by(|a, b| a.value.cmp(&b.value).then_with(|| b.key.cmp(&a.key)));
    let Some(fullest) = fullest else {
        return Measured::NotMeasurable(format!(
            "none of {of} has been visited yet: a run makes DETAIL_CALL_BUDGET calls to single resources, and their turn will come"
        ));
    };
    let mut notes: Vec<String> = visits.tour.says(now.len(), of).into_iter().collect();
    if !now.iter().any(|seen| seen.key == fullest.key) {
        notes.push(format!("this value is of {}", clock(fullest.at.as_second())));
    }
    if visits.too_large > 0 {
        notes.push("one could not be counted within a run's DETAIL_CALL_BUDGET".to_owned());
    }
    let usage = Usage {
        value: count(fullest.value),
        approximate: now.len() < of,
        resource: Some(fullest.name.clone()),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        ..Usage::default()
    };
    used(quota, usage)
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
            let shown = group.name.clone().unwrap_or_else(|| name.clone());
            Usage { value: count(group.count), resource: Some(shown), limit: limit_of(name), ..Usage::default() }
        }
    }
}

/// Items of the instance, by its ARN or its id, in a listing that serves every instance.
fn of_instance(tally: &Tally, instance: &Instance) -> Usage {
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

fn gauge_usage(
    quota: &Quota,
    gauge: Gauge,
    instance: &Instance,
    waited_since: Option<i64>,
    shared: &Shared,
) -> Measured {
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
            Some(Err(fault)) => return unknown(fault),
            None => return not_asked(metric.name),
        }
    }
    match series(metric.name) {
        Some(Ok(s)) => {
            let mut notes: Vec<String> = s.peak_at.map(|at| format!("peak at {}", clock(at))).into_iter().collect();
            if rejected > 0.0 {
                notes.push(format!("{rejected} rejected in the window ({})", rejections.join(", ")));
            }
            notes.extend(
                waited_since.map(|at| format!("looked back to {}: no run had time for this instance since", clock(at))),
            );
            let note = (!notes.is_empty()).then(|| notes.join("; "));
            used(quota, Usage { value: s.peak, rejected, note, ..Usage::default() })
        }
        Some(Err(fault)) => unknown(fault),
        None => not_asked(metric.name),
    }
}

fn not_asked(metric: &str) -> Measured {
    Measured::Unknown(Fault::new("cloudwatch:GetMetricData", FaultKind::Other, format!("{metric} was not asked for")))
}

/// A rate of the account, from the series that Service Quotas names for it.
pub(super) fn account_rate(
    quota: Option<&Quota>,
    series: Option<&Result<Series, Fault>>,
    limits: &Limits,
    code: &str,
) -> Measured {
    match series {
        Some(Ok(series)) => {
            let usage = rate_usage(*series, limits.period_seconds(code));
            quota.map_or_else(|| Measured::Usage(usage.clone()), |quota| used(quota, usage.clone()))
        }
        Some(Err(fault)) => unknown(fault),
        None if limits.is_unknown_service() => Measured::NotMeasurable(
            "the service is not offered in this Region: Service Quotas does not know it".to_owned(),
        ),
        None => match limits.faults().into_iter().next() {
            Some(fault) => Measured::Unknown(fault),
            None => Measured::NotMeasurable("Service Quotas names no usage metric for this rate".to_owned()),
        },
    }
}

/// Calls of the busiest minute, as calls per the quota's period.
fn rate_usage(series: Series, period_seconds: f64) -> Usage {
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

    fn tally(groups: &[(&str, u64)]) -> Tally {
        Tally {
            total: groups.iter().map(|(_, n)| n).sum(),
            groups: groups
                .iter()
                .map(|(name, n)| ((*name).to_owned(), Group { count: *n, ..Group::default() }))
                .collect(),
            ..Tally::default()
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
