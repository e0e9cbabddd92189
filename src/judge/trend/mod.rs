//! When a quota will be full. Pure: the daily peaks of up to 30 days in, a forecast out.
//!
//! The slope is Theil's and Sen's: the median of the slopes between all pairs of days, which single
//! odd days do not move. It counts as growth only if chance hardly explains it (the lower confidence
//! bound of the pairs' slopes, after Sen, is above 0), and if it is still growth once the days before
//! and after any single day are no longer compared: one jump is no trend.
//!
//! Peaks of calls, chats and API rates follow the days of the week. Of these only the same days of
//! different weeks are compared, which needs about two and a half weeks; counts need five days.

#[cfg(test)]
mod tests;

use crate::domain::format::day_of;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{Forecast, Metric};
use crate::ledger::History;

const FEWEST_DAYS: usize = 5;
const DAY: i64 = 86_400;
/// One in a hundred series without any trend would be taken for a rising one ...
const SURE: f64 = 2.326;
/// ... and one in twenty where a jump is looked for, which leaves fewer pairs.
const LIKELY: f64 = 1.645;
/// A forecast that was told holds until the quota is full so much later than the horizon.
const MARGIN: f64 = 1.25;
/// Further away than this nothing is foretold.
const FURTHEST_DAYS: f64 = 3_650.0;

/// Gives every row that grows its forecast. `horizon_days`: how soon a quota must be full for a
/// warning; 0 turns all of it off. `is_foretold`: readers know that a quota will be full soon.
pub fn foretell(
    metrics: &mut [Metric],
    history: &History,
    is_foretold: impl Fn(&str) -> bool,
    now: Timestamp,
    horizon_days: u32,
) {
    if horizon_days == 0 {
        return;
    }
    let today = day_of(now);
    for metric in metrics.iter_mut().filter(|m| !m.is_full_by_design) {
        let Some(series) = history.0.get(metric.key()) else { continue };
        // The day that is not over has no peak yet.
        let points: Vec<_> = series.points().filter(|(day, _)| *day < today).collect();
        let is_told = is_foretold(metric.key());
        metric.forecast = forecast(metric, &points, today, f64::from(horizon_days), is_told);
    }
}

/// Steady growth of a series, and when it reaches the limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    pub per_day: f64,
    /// None where it is full already, or further away than anybody can tell.
    pub full_at: Option<String>,
}

/// What the days before `today` foretell. None where nothing grows steadily. `is_peak`: the usage follows the days of
/// the week.
#[must_use]
pub fn outlook(points: &[(i64, f64)], limit: f64, is_peak: bool, today: i64) -> Option<Outlook> {
    let kind = if is_peak { Kind::Peak } else { Kind::Count };
    let past: Vec<(i64, f64)> = points.iter().copied().filter(|(day, _)| *day < today).collect();
    let found = trend(&past, kind).filter(|trend| trend.is_real && trend.per_day > 0.0)?;
    let level = match kind {
        Kind::Count => points.last().map(|(_, value)| *value)?,
        Kind::Peak => found.level_on(&past, today),
    };
    let full_at = days_ahead(limit, level, found.per_day).and_then(|days| in_days(today, days));
    Some(Outlook { per_day: three_decimals(found.per_day), full_at })
}

/// Days until the limit is reached; none where it is full already, or further away than anybody can tell.
fn days_ahead(limit: f64, level: f64, per_day: f64) -> Option<f64> {
    let days = (limit - level) / per_day;
    (days > 0.0 && days <= FURTHEST_DAYS).then_some(days)
}

fn in_days(today: i64, days: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "at most some thousand days")]
    let days = days.ceil() as i64;
    date(today + days)
}

fn three_decimals(per_day: f64) -> f64 {
    (per_day * 1000.0).round() / 1000.0
}

fn forecast(metric: &Metric, points: &[(i64, f64)], today: i64, horizon: f64, is_told: bool) -> Option<Forecast> {
    let (usage, limit) = (metric.usage?, metric.limit?);
    let kind = Kind::of(metric);
    let trend = trend(points, kind)?;
    if trend.per_day <= 0.0 || !(trend.is_real || is_told) {
        return None;
    }
    let level = match kind {
        Kind::Count => usage,
        // The hour of this run says little about the day.
        Kind::Peak => trend.level_on(points, today),
    };
    let days_left = days_ahead(limit, level, trend.per_day);
    let soon = if is_told { horizon * MARGIN } else { horizon };
    Some(Forecast {
        full_at: days_left.and_then(|days| in_days(today, days)),
        per_day: three_decimals(trend.per_day),
        days_of_data: points.len(),
        warns: days_left.is_some_and(|days| days <= soon),
    })
}

fn date(day: i64) -> Option<String> {
    Some(Timestamp::from_second(day * DAY).ok()?.strftime("%Y-%m-%d").to_string())
}

/// What a usage is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A number of things, which stays until somebody changes it.
    Count,
    /// The peak of something that rises and falls with the day and the week.
    Peak,
}

impl Kind {
    fn of(metric: &Metric) -> Self {
        if metric.source.starts_with("AWS/") { Self::Peak } else { Self::Count }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Trend {
    per_day: f64,
    is_real: bool,
}

impl Trend {
    /// Where the line through the points stands on a day.
    fn level_on(self, points: &[(i64, f64)], day: i64) -> f64 {
        let mut levels: Vec<f64> = points.iter().map(|(d, v)| v + self.per_day * days(day - d)).collect();
        levels.sort_by(f64::total_cmp);
        median(&levels).unwrap_or_default()
    }
}

/// None where there is too little to compare.
fn trend(points: &[(i64, f64)], kind: Kind) -> Option<Trend> {
    if points.len() < FEWEST_DAYS {
        return None;
    }
    let all = Slopes::of(points, kind, None);
    let is_real = all.lower_bound(SURE).is_some_and(|low| low > 0.0)
        && points[1..].iter().all(|(day, _)| {
            let apart = Slopes::of(points, kind, Some(*day));
            apart.lower_bound(LIKELY).is_some_and(|low| low > 0.0)
        });
    Some(Trend { per_day: median(&all.sorted)?, is_real })
}

/// Slopes between the pairs of days that may be compared.
struct Slopes {
    sorted: Vec<f64>,
    /// Of Kendall's score, if there were no trend.
    variance: f64,
}

impl Slopes {
    /// `split`: days before this one are not compared with later ones.
    fn of(points: &[(i64, f64)], kind: Kind, split: Option<i64>) -> Self {
        let mut groups: BTreeMap<(i64, bool), Vec<(i64, f64)>> = BTreeMap::new();
        for point in points {
            let weekday = if kind == Kind::Peak { point.0.rem_euclid(7) } else { 0 };
            groups.entry((weekday, split.is_some_and(|day| point.0 >= day))).or_default().push(*point);
        }
        let mut slopes = Self { sorted: Vec::new(), variance: 0.0 };
        for group in groups.values() {
            for (place, (day, value)) in group.iter().enumerate() {
                slopes.sorted.extend(group[place + 1..].iter().map(|(d, v)| (v - value) / days(d - day)));
            }
            #[expect(clippy::cast_precision_loss, reason = "at most 30 days")]
            let n = group.len() as f64;
            slopes.variance += n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
        }
        slopes.sorted.sort_by(f64::total_cmp);
        slopes
    }

    /// The slope that the true one is hardly below: Sen's bound at `z` standard deviations.
    fn lower_bound(&self, z: f64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "some hundred pairs")]
        let place = (self.sorted.len() as f64 - z * self.variance.sqrt()) / 2.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and small")]
        (place >= 0.0).then(|| self.sorted.get(place as usize).copied()).flatten()
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most some thousand days")]
fn days(difference: i64) -> f64 {
    difference as f64
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}
