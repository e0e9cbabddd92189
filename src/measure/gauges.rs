//! Concurrency: what the series of a gauge and of its rejections say. Pure.

use super::outcome::{at_least, clock, not_asked, used};
use super::scan::Shared;
use crate::aws::cloudwatch::{Series, Unread};
use crate::catalogue::{Gauge, GaugeMetric, Quota, Share};
use crate::domain::{Fault, Figure, Instance, Measured, Usage};

/// The metric of calls that were rejected because they came faster than the rate of calls per second allows.
const TOO_FAST: &str = "ThrottledCalls";

pub(super) fn gauge_usage(
    quota: &Quota,
    gauge: Gauge,
    instance: &Instance,
    waited_since: Option<i64>,
    shared: &Shared,
) -> Measured {
    let metric = gauge.metric();
    let series = |name: &'static str, group| shared.gauges.get(&(instance.id.clone(), (name, group)));
    let mut lacks: Option<Box<Unread>> = None;
    // Of all groups that were read, the highest.
    let mut read = |name: &'static str| {
        let mut highest: Option<Series> = None;
        for group in metric.metric_groups {
            let (seen, missing) = match series(name, *group) {
                Some(Ok(series)) => (Some(*series), None),
                Some(Err(unread)) => (unread.part, Some(unread.clone())),
                None => (None, Some(Box::new(Unread { fault: not_asked(name), part: None }))),
            };
            lacks = lacks.take().or(missing);
            if seen.is_some_and(|seen| highest.is_none_or(|highest| seen.peak > highest.peak)) {
                highest = seen;
            }
        }
        highest
    };
    let mut rejections = Vec::new();
    let mut rejected = 0.0;
    let mut rejected_by_rate = true;
    for breach in metric.breaches {
        let sum = read(breach).map_or(0.0, |series| series.sum);
        if sum > 0.0 {
            rejected += sum;
            rejected_by_rate &= *breach == TOO_FAST;
            rejections.push(format!("{sum} {breach}"));
        }
    }
    let seen = read(metric.name);
    let mut has_figure = true;
    let figure = figure(metric, instance, shared, &mut has_figure);
    let rejected_by_rate = rejected_by_rate && rejected > 0.0;
    let usage = |Series { peak, peak_at, .. }: Series| {
        let mut notes: Vec<String> = peak_at.map(|at| format!("peak at {}", clock(at))).into_iter().collect();
        if rejected > 0.0 {
            notes.push(format!("{rejected} rejected in the window ({})", rejections.join(", ")));
        }
        notes.extend(
            waited_since.map(|at| format!("looked back to {}: no run measured this instance since", clock(at))),
        );
        if !has_figure {
            notes.push(format!("{} could not be read", metric.share.0));
        }
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        used(
            quota,
            Usage {
                value: peak,
                rejected,
                rejected_by_rate,
                peak_at,
                is_concurrency: true,
                figure,
                note,
                ..Usage::default()
            },
        )
    };
    match lacks {
        None => usage(seen.unwrap_or_default()),
        // Whatever was seen of the gauge or of its rejections has happened.
        Some(lacks) => {
            let part = seen.or_else(|| (rejected > 0.0).then(Series::default));
            at_least(&Unread { part, ..*lacks }, usage)
        }
    }
}

/// The highest value of an instance's gauge, of all groups together.
///
/// # Errors
/// The fault of a series that could not be read as a whole: a part of a bound is none.
pub(super) fn peak(gauge: Gauge, instance: &Instance, shared: &Shared) -> Result<f64, Fault> {
    let metric = gauge.metric();
    let mut highest = 0.0;
    for group in metric.metric_groups {
        match shared.gauges.get(&(instance.id.clone(), (metric.name, *group))) {
            Some(Ok(series)) => highest = f64::max(highest, series.peak),
            Some(Err(unread)) => return Err(unread.fault.clone()),
            None => return Err(not_asked(metric.name)),
        }
    }
    Ok(highest)
}

/// What AWS itself says of usage over limit. What was seen in a part of it has happened.
fn figure(metric: GaugeMetric, instance: &Instance, shared: &Shared, is_whole: &mut bool) -> Option<Figure> {
    let (name, unit) = metric.share;
    let mut highest: Option<Series> = None;
    for group in metric.metric_groups {
        let seen = match shared.gauges.get(&(instance.id.clone(), (name, *group))) {
            Some(Ok(series)) => Some(*series),
            Some(Err(unread)) => {
                *is_whole = false;
                unread.part
            }
            None => None,
        };
        highest = seen.filter(|s| highest.is_none_or(|h| s.peak > h.peak)).or(highest);
    }
    let value = highest.filter(|series| series.peak_at.is_some())?.peak;
    Some(Figure { value, is_fraction: unit == Share::Fraction })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::cloudwatch::Read;
    use crate::catalogue::{self, Meter};
    use crate::domain::FaultKind;

    fn calls(of_calls: Read, of_breaches: [Read; 2]) -> Measured {
        let instance = Instance { id: "i".to_owned(), arn: String::new(), alias: None, status: "ACTIVE".to_owned() };
        let quota = catalogue::all().find(|q| q.meter == Meter::Gauge(Gauge::Calls)).unwrap();
        let metric = Gauge::Calls.metric();
        let mut shared = Shared::default();
        shared.gauges.insert(("i".to_owned(), (metric.name, "VoiceCalls")), of_calls);
        for (name, read) in metric.breaches.iter().zip(of_breaches) {
            shared.gauges.insert(("i".to_owned(), (name, "VoiceCalls")), read);
        }
        gauge_usage(quota, Gauge::Calls, &instance, None, &shared)
    }

    /// CloudWatch gave a part: of the gauge, of a counter of rejections, or nothing at all.
    #[test]
    fn what_was_seen_in_a_part_has_happened() {
        let series = |peak: f64| Series { peak, peak_at: Some(60), sum: peak, ..Series::default() };
        let fault = Fault::new("cloudwatch:GetMetricData", FaultKind::BadResponse, "a part");
        let part = |part: Option<Series>| Err(Box::new(Unread { fault: fault.clone(), part }));
        let idle = || Ok(Series::default());
        let at_least = |measured: Measured| match measured {
            Measured::AtLeast(usage, _) => (usage.value, usage.rejected),
            other => panic!("{other:?}"),
        };
        assert_eq!(at_least(calls(part(Some(series(97.0))), [idle(), idle()])), (97.0, 0.0));
        assert_eq!(at_least(calls(Ok(series(97.0)), [idle(), part(Some(series(3.0)))])), (97.0, 3.0));
        assert_eq!(at_least(calls(Ok(series(97.0)), [idle(), part(None)])), (97.0, 0.0));
        assert_eq!(at_least(calls(part(None), [Ok(series(3.0)), idle()])), (0.0, 3.0));
        assert_eq!(calls(part(None), [idle(), idle()]), Measured::Unknown(fault.clone()));
        match calls(Ok(series(97.0)), [idle(), Ok(series(2.0))]) {
            Measured::Usage(usage) => assert_eq!((usage.value, usage.rejected, usage.peak_at), (97.0, 2.0, Some(60))),
            other => panic!("{other:?}"),
        }
    }
}
