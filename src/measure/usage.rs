//! From what was counted and read to the usage of a quota. Pure.

use std::collections::{BTreeMap, HashMap};

use super::detail::{Fullest, Tallies, Visits};
use super::gauges::gauge_usage;
use super::outcome::{clock, unknown, used};
use super::queues::{QueueRead, capacity};
use super::scan::Shared;
use crate::catalogue::listing::{ARCHIVED, BUILT_IN};
use crate::catalogue::{Listing, Meter, Quota};
use crate::domain::tour::{ALL, Visited};
use crate::domain::{Bound, Ceiling, Fault, FaultKind, Group, GroupUsage, Instance, Measured, Tally, Usage};

/// What an instance's readings are made from.
pub(super) struct Sources<'a> {
    pub instance: &'a Instance,
    /// Its window begins so much earlier (unix seconds), because no run had time for it.
    pub waited_since: Option<i64>,
    pub tallies: &'a Tallies,
    pub visits: &'a HashMap<Listing, Visits>,
    pub shared: &'a Shared,
    /// The queues that have a maximum.
    pub queues: &'a [QueueRead],
}

pub(super) fn instance_usage(quota: &Quota, sources: &Sources<'_>) -> Measured {
    let Sources { instance, waited_since, tallies, visits, shared, queues } = sources;
    match quota.meter {
        Meter::Count(listing) => count_of(quota, listing, tallies),
        Meter::CountIn(listing, group) => {
            counted(quota, listing, tallies, |t| Usage::exactly(count(t.count_in(group))))
        }
        Meter::WorstGroup(listing, limits) => {
            // Names stand in another listing, where the items of this one have ids only.
            let names = listing.names().and_then(|names| tallies.get(&names)).and_then(|names| names.as_ref().ok());
            counted(quota, listing, tallies, |tally| by_group(&tally.groups, limits, names))
        }
        Meter::WorstMarked(listing, limits) => {
            counted(quota, listing, tallies, |tally| by_group(&tally.marked, limits, None))
        }
        Meter::CountWithDistinct(counted, distinct) => with_distinct(quota, (counted, distinct), tallies),
        Meter::OfInstance(listing) => counted(quota, listing, &shared.tallies, |t| of_instance(t, instance)),
        Meter::Worst(_) | Meter::WorstIn(..) | Meter::Higher(..) => worst(quota, visits, |_| true),
        Meter::Bounded(listing) => bounded(quota, listing, visits),
        Meter::QueueCapacity(listing) => match tallies.get(&listing) {
            Some(Err(fault)) => unknown(fault),
            _ => capacity(quota, queues),
        },
        Meter::Gauge(gauge) => gauge_usage(quota, gauge, instance, *waited_since, shared),
        Meter::NotMeasurable(reason) => Measured::NotMeasurable(reason.to_owned()),
        Meter::Instances
        | Meter::Rate
        | Meter::Burst
        | Meter::DistinctIn(..)
        | Meter::SumIn(..)
        | Meter::SumOf(_)
        | Meter::Trail(_) => Measured::NotMeasurable("measured for the account".to_owned()),
    }
}

/// All items of a listing.
pub(super) fn count_of(quota: &Quota, listing: Listing, tallies: &Tallies) -> Measured {
    counted(quota, listing, tallies, |tally| {
        let of = |part: &str| (tally.count_in(part) > 0).then(|| format!("{} are {part}", tally.count_in(part)));
        let note = [BUILT_IN, ARCHIVED].into_iter().find_map(of);
        Usage { note, ..Usage::exactly(count(tally.total)) }
    })
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
    match quota.meter {
        Meter::Worst(listing) | Meter::Bounded(listing) => fullest(quota, (listing, ALL), visits, keep),
        Meter::WorstIn(listing, group) => fullest(quota, (listing, group), visits, keep),
        Meter::Higher(listing, group, other) => {
            let of_group = fullest(quota, (listing, group), visits, &keep);
            match (of_group, fullest(quota, (other, ALL), visits, &keep)) {
                (Measured::Usage(one), Measured::Usage(two)) => {
                    Measured::Usage(if two.value > one.value { two } else { one })
                }
                (Measured::Usage(_), other) | (other, _) => other,
            }
        }
        _ => Measured::NotMeasurable("not counted by resource".to_owned()),
    }
}

/// The fullest by what one listing counts in a group.
fn fullest(
    quota: &Quota,
    (listing, group): (Listing, &'static str),
    visits: &HashMap<Listing, Visits>,
    keep: impl Fn(Option<&str>) -> bool,
) -> Measured {
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
    if of == 0 && visits.lists_all {
        let elsewhere =
            (!visits.resources.is_empty()).then(|| "each belongs to an instance, which reports it".to_owned());
        return used(quota, Usage { note: elsewhere, ..Usage::exactly(0.0) });
    }
    let value_of = |counts: &BTreeMap<String, u64>| counts.get(group).copied();
    let visited = visits.seen.iter().filter(|(seen, _)| keep(seen.root.as_deref()));
    let now: Vec<Visited> =
        visited.filter_map(|(seen, counts)| Some(Visited { value: value_of(counts)?, ..seen.clone() })).collect();
    let remembered = visits.tour.fullest.get(group).into_iter().flatten().filter(|seen| keep(seen.root.as_deref()));
    let fullest = now.iter().chain(remembered).max_by(|a, b| a.value.cmp(&b.value).then_with(|| b.key.cmp(&a.key)));
    let Some(fullest) = fullest else {
        if let Some((_, fault)) = &visits.refused {
            return unknown(fault);
        }
        if of == 0 {
            let why = "what these stand in has not been visited yet, or is too large for a run's DETAIL_CALL_BUDGET";
            return Measured::OutOfReach(why.to_owned());
        }
        return Measured::OutOfReach(format!(
            "none of {of} has been visited yet: a run makes DETAIL_CALL_BUDGET calls to single resources, and their turn will come"
        ));
    };
    let mut notes: Vec<String> = visits.tour.says(now.len(), of).into_iter().collect();
    if !now.iter().any(|seen| seen.key == fullest.key) {
        notes.push(format!("this value is of {}", clock(fullest.at.as_second())));
    }
    if let Some(refused) = visits.refusals() {
        notes.push(refused);
    }
    if visits.too_large > 0 {
        notes.push("one could not be counted within a run's DETAIL_CALL_BUDGET".to_owned());
    }
    if !visits.lists_all {
        notes.push("others stand in resources that were not visited in this run".to_owned());
    }
    let is_seen_now = now.iter().any(|seen| seen.key == fullest.key);
    let is_part = now.len() < of || !visits.lists_all;
    let usage = Usage {
        value: count(fullest.value),
        approximate: is_part,
        // One that was not visited may be fuller. What was seen earlier may be no more.
        bound: (is_part && is_seen_now).then_some(Bound::Lower),
        resource: Some(fullest.name.clone()),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        ..Usage::default()
    };
    used(quota, usage)
}

/// The fullest resource: by its visit, or by what its own listing tells of it where that is enough.
fn bounded(quota: &Quota, listing: Listing, visits: &HashMap<Listing, Visits>) -> Measured {
    let why = if listing == Listing::FormVersions {
        "at most: the number of its newest version"
    } else {
        "at most: its queues times its channels"
    };
    let is_searched = listing.parent().is_some_and(Listing::is_approximate);
    let told = visits.get(&listing).and_then(|visits| told(&visits.told, why, is_searched));
    let needs_visits = visits.get(&listing).is_none_or(|v| v.fault.is_some() || !v.resources.is_empty());
    match (needs_visits.then(|| worst(quota, visits, |_| true)), told) {
        // Where others wait for their visit, they may be fuller than any bound.
        (Some(Measured::Usage(seen)), Some(told))
            if told.value > seen.value && !(told.ceiling.is_some() && seen.bound == Some(Bound::Lower)) =>
        {
            used(quota, told)
        }
        // Of what could be too much nothing else is known.
        (Some(visited), _) => visited,
        (None, told) => used(quota, told.unwrap_or_else(|| Usage::exactly(0.0))),
    }
}

/// The items of one group in all resources of a kind, as far as this run visited them.
pub(super) fn sum_in(
    quota: &Quota,
    (listing, group, kind): (Listing, &str, &str),
    visits: &HashMap<Listing, Visits>,
) -> Measured {
    let Some(visits) = visits.get(&listing) else {
        return Measured::Unknown(Fault::new(listing.qualified(), FaultKind::Other, "no resource was visited"));
    };
    if let Some(fault) = &visits.fault {
        return unknown(fault);
    }
    let keys: Vec<String> =
        visits.resources.iter().filter(|r| r.kind.as_deref() == Some(kind)).map(|r| r.key()).collect();
    if visits.is_off && !keys.is_empty() {
        return Measured::NotMeasurable(
            "visits of single resources are switched off: DETAIL_CALL_BUDGET is 0".to_owned(),
        );
    }
    let of: Vec<u64> = visits
        .seen
        .iter()
        .filter(|(seen, _)| keys.contains(&seen.key))
        .filter_map(|(_, counts)| counts.get(group).copied())
        .collect();
    let is_part = of.len() < keys.len();
    if let (true, Some((_, fault))) = (of.is_empty() && is_part, &visits.refused) {
        return unknown(fault);
    }
    let usage = Usage {
        approximate: is_part,
        bound: is_part.then_some(Bound::Lower),
        note: is_part.then(|| format!("{} of {} visited in this run", of.len(), keys.len())),
        ..Usage::exactly(count(of.iter().sum()))
    };
    used(quota, usage)
}

/// The fullest of what needs no visit.
fn told(fullest: &Fullest, why: &str, is_searched: bool) -> Option<Usage> {
    let usage = |(value, name): &(u64, String)| Usage {
        approximate: is_searched,
        resource: (*value > 0).then(|| name.clone()),
        ..Usage::exactly(count(*value))
    };
    let at_most = fullest.at_most.as_ref().map(|told| Usage {
        approximate: true,
        bound: Some(Bound::Upper),
        ceiling: Some(Ceiling::BelowWarning),
        note: Some(why.to_owned()),
        ..usage(told)
    });
    // Of equal ones the surer.
    [at_most, fullest.exact.as_ref().map(usage)].into_iter().flatten().max_by(|a, b| a.value.total_cmp(&b.value))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn count(n: u64) -> f64 {
    n as f64
}

/// Every group with its own limit, where AWS has one. Which is the fullest is judged, with the limits that apply.
fn by_group(of: &BTreeMap<String, Group>, limits: &[(&'static str, f64)], names: Option<&Tally>) -> Usage {
    let limit_of = |name: &str| limits.iter().find(|(n, _)| *n == name).map(|(_, limit)| *limit);
    let elsewhere = |key: &str| names.and_then(|names| names.groups.get(key)).and_then(|group| group.name.clone());
    let groups = of.iter().map(|(key, group)| GroupUsage {
        name: group.name.clone().or_else(|| elsewhere(key)).unwrap_or_else(|| key.clone()),
        value: count(group.count),
        limit: limit_of(key),
        ..GroupUsage::default()
    });
    Usage { groups: groups.collect(), ..Usage::default() }
}

/// All items of one listing, and the distinct identities of another.
fn with_distinct(quota: &Quota, (of_all, of_distinct): (Listing, Listing), tallies: &Tallies) -> Measured {
    let distinct = match tallies.get(&of_distinct) {
        Some(Ok(tally)) => tally.groups.values().map(|group| group.ids.len() as u64).sum::<u64>(),
        Some(Err(fault)) => return unknown(fault),
        None => 0,
    };
    counted(quota, of_all, tallies, |tally| Usage::exactly(count(tally.total + distinct)))
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn each_group_is_counted_and_has_its_own_limit() {
        let usage = by_group(
            &tally(&[("OnPostCall", 300), ("OnMetricDataUpdate", 90)]).groups,
            &[("OnMetricDataUpdate", 100.0)],
            None,
        );
        let groups: Vec<_> = usage.groups.iter().map(|g| (g.name.as_str(), g.value, g.limit)).collect();
        assert_eq!(groups, [("OnMetricDataUpdate", 90.0, Some(100.0)), ("OnPostCall", 300.0, None)]);
        assert_eq!(by_group(&tally(&[]).groups, &[], None), Usage::exactly(0.0));
    }
}
