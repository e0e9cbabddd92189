//! CloudWatch's data: one statistic set for each metric and minute, as one-minute metrics are kept.

use std::collections::BTreeMap;

/// What a minute holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Datum {
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub count: f64,
}

impl Datum {
    fn of(value: f64) -> Self {
        Self { sum: value, min: value, max: value, count: 1.0 }
    }

    fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count += other.count;
    }

    fn statistic(self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Sum => self.sum,
            Statistic::Minimum => self.min,
            Statistic::Maximum => self.max,
            Statistic::Average => self.sum / self.count,
            Statistic::SampleCount => self.count,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistic {
    Sum,
    Minimum,
    Maximum,
    Average,
    SampleCount,
}

impl Statistic {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "Average" => Self::Average,
            "SampleCount" => Self::SampleCount,
            _ => return None,
        })
    }
}

/// Dimensions by name: their order means nothing.
pub(crate) type Dimensions = BTreeMap<String, String>;

type Name = (String, String, Dimensions);

/// All metrics of the account.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    series: BTreeMap<Name, BTreeMap<i64, Datum>>,
    /// The most datapoints that one page of `GetMetricData` holds, whatever the caller allows.
    pub page_datapoints: Option<usize>,
    /// `ListMetrics` leaves out what had no data in the two weeks before this Unix time; nothing where
    /// there is none.
    pub now: Option<i64>,
    /// The time of [`Sim::set_clock`](crate::Sim::set_clock).
    pub(crate) clock: Option<i64>,
    /// So many seconds after its first datapoint `ListMetrics` tells of a metric.
    pub late: i64,
    /// By metric name: of its data only so many datapoints come, the oldest ones, as `PartialData`, and no page
    /// follows.
    pub parts: BTreeMap<String, usize>,
}

const TWO_WEEKS: i64 = 14 * 86_400;
const THREE_HOURS: i64 = 3 * 3_600;

impl Metrics {
    /// Publishes a value in the minute that holds this Unix time. Values of one minute aggregate.
    pub fn put(&mut self, namespace: &str, name: &str, dimensions: &[(&str, &str)], at: i64, value: f64) {
        let dimensions = dimensions.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let series = self.series.entry((namespace.to_owned(), name.to_owned(), dimensions)).or_default();
        let minute = at - at.rem_euclid(60);
        series.entry(minute).and_modify(|datum| datum.add(Datum::of(value))).or_insert(Datum::of(value));
    }

    /// The metrics that `ListMetrics` tells of: namespace, name, dimensions. Of the last three hours those are
    /// `recent` that had data in them, by the clock that tests set.
    pub(crate) fn active(&self, recent: bool) -> impl Iterator<Item = (&str, &str, &Dimensions)> {
        let clock = self.clock.or(self.now);
        let since = match recent {
            true => clock.map_or(i64::MIN, |now| now - THREE_HOURS),
            false => self.now.map_or(i64::MIN, |now| now - TWO_WEEKS),
        };
        // AWS learns of a new metric some minutes after its first datapoint.
        let known = clock.map_or(i64::MAX, |now| now - self.late);
        let is_known = move |data: &BTreeMap<i64, Datum>| data.keys().next().is_some_and(|oldest| *oldest <= known);
        self.series
            .iter()
            .filter(move |(_, data)| is_known(data))
            .filter(move |(_, data)| data.keys().next_back().is_some_and(|newest| *newest >= since))
            .map(|((namespace, name, dimensions), _)| (namespace.as_str(), name.as_str(), dimensions))
    }

    /// The statistic of each period that has data, in order of time. The start is rounded down to the
    /// period; the end is exclusive.
    pub(crate) fn read(
        &self,
        (namespace, name, dimensions): (&str, &str, &Dimensions),
        statistic: Statistic,
        period: i64,
        (start, end): (f64, f64),
    ) -> Vec<(i64, f64)> {
        let key = (namespace.to_owned(), name.to_owned(), dimensions.clone());
        let Some(series) = self.series.get(&key) else { return Vec::new() };
        let start = (start / period as f64).floor() as i64 * period;
        let mut periods = BTreeMap::<i64, Datum>::new();
        for (minute, datum) in series.range(start..).take_while(|(minute, _)| (**minute as f64) < end) {
            let at = minute - minute.rem_euclid(period);
            periods.entry(at).and_modify(|held| held.add(*datum)).or_insert(*datum);
        }
        periods.into_iter().map(|(at, datum)| (at, datum.statistic(statistic))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_aggregate_to_periods_within_the_bounds() {
        let mut metrics = Metrics::default();
        let start = 1_700_000_100;
        for (minute, value) in [(-1, 99.0), (0, 4.0), (1, 6.0), (1, 2.0), (5, 1.0), (10, 50.0)] {
            metrics.put("AWS/Connect", "ConcurrentCalls", &[("B", "2"), ("A", "1")], start + minute * 60, value);
        }
        let dimensions = |pairs: &[(&str, &str)]| -> Dimensions {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let both = dimensions(&[("A", "1"), ("B", "2")]);
        let read = |dims: &Dimensions, statistic, period, start: i64, end: i64| {
            let name = ("AWS/Connect", "ConcurrentCalls", dims);
            metrics.read(name, statistic, period, (start as f64, end as f64))
        };
        let end = start + 600;
        assert_eq!(read(&both, Statistic::Sum, 300, start, end), [(start, 12.0), (start + 300, 1.0)]);
        assert_eq!(read(&both, Statistic::Maximum, 300, start, end), [(start, 6.0), (start + 300, 1.0)]);
        assert_eq!(read(&both, Statistic::Average, 300, start, end)[0], (start, 4.0));
        assert_eq!(read(&both, Statistic::SampleCount, 60, start + 90, start + 120), [(start + 60, 2.0)]);
        assert_eq!(read(&dimensions(&[("A", "1")]), Statistic::Sum, 60, start, end), []);
    }
}
