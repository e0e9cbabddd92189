//! The daily peaks that forecasts are made from, as they are stored: a few numbers per quota and day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Metric;
use crate::domain::format::{DailySeries, date};

/// Complete days that are kept, beside the day that is not over.
const DAYS: i64 = 30;

/// A series begins when the quota is used this much, in percent: what is emptier cannot be full within
/// any useful forecast, and most of the account's quotas are.
const WORTH_KEEPING: f64 = 10.0;

/// DailyPeaks by quota key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(pub BTreeMap<String, DailyPeaks>);

/// Peaks of consecutive days. Days are counted from the Unix epoch, in UTC.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DailyPeaks {
    from: i64,
    /// Null for a day without a measurement.
    peaks: Vec<Option<f64>>,
    /// Which limit held from which place in `peaks` on.
    limits: Vec<(usize, f64)>,
}

impl History {
    /// Adds what the rows of a run say about `today`, and forgets what is too old.
    pub fn note(&mut self, metrics: &[Metric], today: i64) {
        for metric in metrics {
            let (Some(usage), Some(limit), Some(percent)) = (metric.usage, metric.limit, metric.utilization) else {
                continue;
            };
            match self.0.get_mut(metric.key()) {
                Some(series) => series.note(today, usage, limit),
                None if percent >= WORTH_KEEPING => {
                    let mut series = DailyPeaks::default();
                    series.note(today, usage, limit);
                    self.0.insert(metric.key().to_owned(), series);
                }
                None => {}
            }
        }
        self.0.retain(|_, series| {
            series.forget_before(today - DAYS);
            series.is_worth_keeping()
        });
    }

    /// The series as reports show them, by quota key.
    #[must_use]
    pub fn daily(&self) -> BTreeMap<String, DailySeries> {
        let shown = |days: &DailyPeaks| DailySeries { from: date(days.from), peaks: days.peaks.clone() };
        self.0.iter().map(|(key, days)| (key.clone(), shown(days))).collect()
    }

    /// Everything that both know; of one day the higher peak.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        for (key, theirs) in other.0 {
            let ours = self.0.entry(key).or_default();
            if *ours != theirs {
                *ours = ours.joined(&theirs);
            }
        }
        self
    }
}

impl DailyPeaks {
    /// Days of our time, and not many.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        (0..1_000_000).contains(&self.from) && self.peaks.len() < 1_000
    }

    /// Days with their peaks, oldest first.
    pub fn points(&self) -> impl Iterator<Item = (i64, f64)> {
        (self.from..).zip(&self.peaks).filter_map(|(day, peak)| peak.map(|peak| (day, peak)))
    }

    /// The first of the consecutive days.
    #[must_use]
    pub fn first_day(&self) -> i64 {
        self.from
    }

    /// One peak a day from the first on; none for a day without a measurement.
    #[must_use]
    pub fn peaks(&self) -> &[Option<f64>] {
        &self.peaks
    }

    /// Days from which on another limit held, with that limit, oldest first.
    pub fn limits(&self) -> impl Iterator<Item = (i64, f64)> {
        self.limits.iter().map(|(place, limit)| (self.from + i64::try_from(*place).unwrap_or(0), *limit))
    }

    /// The same without the days before `day`.
    #[must_use]
    pub fn since(&self, day: i64) -> Self {
        let mut later = self.clone();
        later.forget_before(day);
        later
    }

    /// The last day before `day` that has a peak, with the percentage that it was.
    #[must_use]
    pub fn last_before(&self, day: i64) -> Option<(i64, f64)> {
        let (day, peak) = self.points().take_while(|(d, _)| *d < day).last()?;
        let limit = self.limit_of(day).filter(|limit| *limit > 0.0)?;
        Some((day, peak * 100.0 / limit))
    }

    fn limit_of(&self, day: i64) -> Option<f64> {
        let place = usize::try_from(day - self.from).ok()?;
        self.limits.iter().take_while(|(start, _)| *start <= place).last().map(|(_, limit)| *limit)
    }

    fn note(&mut self, day: i64, usage: f64, limit: f64) {
        if self.peaks.is_empty() {
            *self = Self { from: day, peaks: vec![None], limits: vec![(0, limit)] };
        }
        // A clock that goes back, or a run that is later than another one's, changes no past day's place.
        let Ok(place) = usize::try_from(day - self.from) else { return };
        if place >= self.peaks.len() {
            self.peaks.resize(place + 1, None);
        }
        // Three decimals are enough for a rate, and short.
        let usage = (usage * 1000.0).round() / 1000.0;
        self.peaks[place] = Some(self.peaks[place].map_or(usage, |peak| peak.max(usage)));
        match self.limits.last_mut() {
            Some((start, held)) if *start >= place => *held = limit,
            #[expect(clippy::float_cmp, reason = "the same number as it was stored")]
            Some((_, held)) if *held == limit => {}
            _ => self.limits.push((place, limit)),
        }
    }

    fn forget_before(&mut self, day: i64) {
        let Ok(gone) = usize::try_from(day - self.from) else { return };
        if gone == 0 {
            return;
        }
        let held = self.limit_of(day);
        self.peaks.drain(..gone.min(self.peaks.len()));
        self.from = day;
        self.limits = self.limits.iter().filter(|(s, _)| *s > gone).map(|(s, l)| (s - gone, *l)).collect();
        if let Some(held) = held {
            self.limits.insert(0, (0, held));
        }
    }

    fn is_worth_keeping(&self) -> bool {
        self.points().any(|(day, peak)| self.limit_of(day).is_some_and(|l| peak * 100.0 >= WORTH_KEEPING * l))
    }

    fn joined(&self, other: &Self) -> Self {
        let mut days: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for series in [other, self] {
            for (day, peak) in series.points() {
                let limit = series.limit_of(day).unwrap_or_default();
                days.entry(day).and_modify(|d| *d = (d.0.max(peak), limit)).or_insert((peak, limit));
            }
        }
        let mut joined = Self::default();
        for (day, (peak, limit)) in days {
            joined.note(day, peak, limit);
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(days: &[(i64, f64, f64)]) -> DailyPeaks {
        let mut series = DailyPeaks::default();
        for (day, usage, limit) in days {
            series.note(*day, *usage, *limit);
        }
        series
    }

    #[test]
    fn a_day_keeps_its_peak_and_the_limit_that_held() {
        let mut series = series(&[(100, 40.0, 50.0), (100, 42.0, 50.0), (100, 41.0, 50.0), (103, 45.0, 60.0)]);
        assert_eq!(series.points().collect::<Vec<_>>(), [(100, 42.0), (103, 45.0)]);
        assert_eq!(series.last_before(103), Some((100, 84.0)));
        assert_eq!(series.last_before(104), Some((103, 75.0)));
        assert_eq!(
            serde_json::to_string(&series).unwrap(),
            r#"{"from":100,"peaks":[42.0,null,null,45.0],"limits":[[0,50.0],[3,60.0]]}"#
        );
        series.forget_before(102);
        assert_eq!((series.points().collect::<Vec<_>>(), series.limit_of(102)), (vec![(103, 45.0)], Some(50.0)));
        series.forget_before(200);
        assert_eq!(series.points().count(), 0);
    }

    proptest! {
        #[test]
        fn forgetting_and_joining_change_no_day(days in prop::collection::vec((0i64..60, 0u32..100, 1u32..4), 1..40), cut in 0i64..60) {
            let mut sorted = days;
            sorted.sort_unstable_by_key(|d| d.0);
            let all: Vec<_> = sorted.iter().map(|(d, u, l)| (*d, f64::from(*u), f64::from(*l) * 100.0)).collect();
            let whole = series(&all);
            let mut short = whole.clone();
            short.forget_before(cut);
            let kept: Vec<_> = whole.points().filter(|(day, _)| *day >= cut).collect();
            prop_assert_eq!(short.points().collect::<Vec<_>>(), kept.clone());
            for (day, _) in kept {
                prop_assert_eq!(short.limit_of(day), whole.limit_of(day));
            }
            prop_assert_eq!(short.joined(&whole).points().collect::<Vec<_>>(), whole.points().collect::<Vec<_>>());
        }
    }
}
