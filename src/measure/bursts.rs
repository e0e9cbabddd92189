//! Bursts: an upper bound from the minutes of the rate quota beside it. Pure.
//!
//! A burst of B with a rate of R calls per second throttles only where some time of L seconds held more than B + R x L
//! calls. Such a time touches some minutes. If any two that follow each other hold B calls at most, and B is not more
//! than a minute's rate, there was none.

use super::outcome::{unknown, used};
use super::rates;
use super::scan::Rates;
use crate::aws::cloudwatch::Series;
use crate::catalogue::Quota;
use crate::domain::{Bound, Ceiling, Measured, Usage};
use crate::judge::limits::Limits;

pub(super) fn measured(quota: &Quota, limits: &Limits, rates: &Rates) -> Measured {
    let no = |why: &str| Measured::NotMeasurable(why.to_owned());
    let Some(rate) = quota.rate_beside() else {
        return no("Service Quotas lists no rate of this operation, and so no minute of its calls tells anything");
    };
    let read = rates.get(rate.code);
    let pair = match (rates::measured(Some(rate), read, limits, rate.code).0, read) {
        (Measured::Usage(_), Some(Ok(Series { pair: Some(pair), .. }))) => *pair,
        (Measured::Usage(_), _) => return no("the calls of this operation are not read by the minute"),
        (Measured::AtLeast(_, fault), _) => return unknown(&fault),
        (other, _) => return other,
    };
    let per_minute = match limits.resolve(rate, None, None) {
        Err(fault) => return Measured::Unknown(fault),
        Ok(limit) => limit.zip(limits.period_seconds(rate.code).ok()).map(|(limit, per)| limit.value / per * 60.0),
    };
    let burst = limits.resolve(quota, None, None).ok().flatten().map_or(0.0, |limit| limit.value);
    if per_minute.is_none_or(|per_minute| burst > per_minute) {
        return no("more than a minute's calls at the rate beside it: the calls of single minutes prove nothing");
    }
    let note = format!(
        "at most: as many calls were made in two adjacent minutes; up to the limit, no call can have been turned away \
         for it ({})",
        rate.name
    );
    used(
        quota,
        Usage {
            approximate: true,
            bound: Some(Bound::Upper),
            ceiling: Some(Ceiling::UpToLimit),
            note: (pair > 0.0).then_some(note),
            ..Usage::exactly(pair)
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Whether a bucket of this burst and rate turned any of these calls (seconds) away.
    fn throttles(calls: &[f64], burst: f64, rate: f64) -> bool {
        let (mut tokens, mut last) = (burst, 0.0);
        calls.iter().any(|at| {
            tokens = f64::min(burst, tokens + (at - last) * rate);
            last = *at;
            let is_empty = tokens < 1.0;
            tokens -= if is_empty { 0.0 } else { 1.0 };
            is_empty
        })
    }

    proptest! {
        /// What the bound says of a bucket that is nowhere but in AWS.
        #[test]
        fn where_adjacent_minutes_hold_a_burst_at_most_no_bucket_is_empty(
            mut calls in prop::collection::vec(0.0f64..600.0, 0..60), burst in 1u32..30, rate in 1u32..10,
        ) {
            let (burst, rate) = (f64::from(burst), f64::from(rate) / 2.0);
            prop_assume!(burst <= rate * 60.0);
            calls.sort_by(f64::total_cmp);
            let minute = |n: u32| calls.iter().filter(|at| **at >= f64::from(n) * 60.0 && **at < f64::from(n + 1) * 60.0).count();
            let pair = (0..10).map(|n| minute(n) + minute(n + 1)).max().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "some dozens")]
            let is_bounded = pair as f64 <= burst;
            prop_assert!(!is_bounded || !throttles(&calls, burst, rate));
        }
    }
}
