//! CloudWatch: peaks of usage metrics over the look-back window.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::fault::failure;
use crate::domain::limit::{Statistic, UsageMetric};
use crate::domain::own_calls::{Minutes, within};
use crate::domain::{Fault, FaultKind};

const OPERATION: &str = "cloudwatch:GetMetricData";
/// `GetMetricData` takes this many queries a call.
const BATCH: usize = 500;
const MOST_PAGES: usize = 1_000;

/// One time series to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub namespace: String,
    pub name: String,
    pub dimensions: Vec<(String, String)>,
    pub statistic: Statistic,
    /// Seconds between datapoints.
    pub period: i32,
    /// Sums over a longer time than a datapoint's, in place of single datapoints.
    pub rolling: Option<Rolling>,
    /// Our own calls, which are taken away from each datapoint.
    pub own: Minutes,
}

/// A sum over so many seconds, at every moment from `from` (unix seconds) on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolling {
    pub seconds: i64,
    pub from: i64,
}

impl Query {
    /// One statistic of a usage metric, in each period (seconds).
    #[must_use]
    pub fn of(metric: &UsageMetric, statistic: Statistic, period: i32) -> Self {
        Self {
            namespace: metric.namespace.clone(),
            name: metric.name.clone(),
            dimensions: metric.dimensions.clone().into_iter().collect(),
            statistic,
            period,
            rolling: None,
            own: Minutes::new(),
        }
    }

    /// Without our own calls.
    #[must_use]
    pub fn without(self, own: Option<&Minutes>) -> Self {
        Self { own: own.cloned().unwrap_or_default(), ..self }
    }

    /// The calls that a usage metric counts, summed over each period (seconds).
    #[must_use]
    pub fn calls(metric: &UsageMetric, period: i32) -> Self {
        Self::of(metric, Statistic::Sum, period)
    }
}

/// Unix seconds, start inclusive, end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub start: i64,
    pub end: i64,
}

/// What a series held in the window. No datapoint means no activity: CloudWatch publishes none then.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Series {
    pub peak: f64,
    /// Unix seconds of the peak; none without datapoints.
    pub peak_at: Option<i64>,
    pub sum: f64,
    /// The highest sum of two datapoints that follow each other, our own calls included; of none it is 0. None where
    /// it is not known.
    pub pair: Option<f64>,
    /// Our own calls that were taken away.
    pub own: u64,
}

/// A series that was not read, or not as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    pub fault: Fault,
    /// What was read of it. Its peak and its sum are too low, if anything.
    pub part: Option<Series>,
}

/// A query's answer.
pub type Read = Result<Series, Box<Unread>>;

#[derive(Debug, Clone)]
pub struct CloudWatch {
    client: Client,
}

impl CloudWatch {
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads every query over the window, in batches, over all pages. Answers come in the order of the
    /// queries; one that CloudWatch did not answer completely is a fault, never an empty series.
    pub async fn read(&self, queries: &[Query], window: Window, deadline: Instant) -> Vec<Read> {
        let mut answers = Vec::with_capacity(queries.len());
        for batch in queries.chunks(BATCH) {
            answers.extend(self.read_batch(batch, window, deadline).await);
        }
        answers
    }

    async fn read_batch(&self, batch: &[Query], window: Window, deadline: Instant) -> Vec<Read> {
        let request = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(batch.iter().enumerate().map(|(i, q)| query(i, q)).collect()))
            .start_time(DateTime::from_secs(window.start))
            .end_time(DateTime::from_secs(window.end))
            .scan_by(ScanBy::TimestampAscending);
        let mut found: Vec<Found> = batch.iter().map(Found::new).collect();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = timeout_at(deadline, request.clone().set_next_token(token.clone()).send()).await;
            let output = match page.map(|answer| answer.map_err(|e| failure(&e).into_fault(OPERATION))) {
                Ok(Ok(output)) => output,
                // What the pages before told is a part.
                Ok(Err(fault)) => return found.into_iter().map(|f| f.unread(fault.clone())).collect(),
                Err(_) => {
                    let fault = Fault::new(OPERATION, FaultKind::Deadline, "the run's time was over");
                    return found.into_iter().map(|f| f.unread(fault.clone())).collect();
                }
            };
            for result in output.metric_data_results() {
                let place = result.id().and_then(|id| id.strip_prefix('q')).and_then(|n| n.parse::<usize>().ok());
                if let Some((found, query)) = place.and_then(|place| found.get_mut(place).zip(batch.get(place))) {
                    found.add(result, query);
                }
            }
            let next = output.next_token.filter(|t| !t.is_empty());
            if next.is_none() {
                return found.into_iter().map(Found::read).collect();
            }
            if next == token {
                break;
            }
            token = next;
        }
        // Where pages come again, what they hold may be counted twice: no part is believed.
        let fault =
            Fault::new(OPERATION, FaultKind::BadResponse, "the answer does not end: there is always a next page");
        batch.iter().map(|_| Err(Box::new(Unread { fault: fault.clone(), part: None }))).collect()
    }
}

/// A series while its pages arrive.
#[derive(Debug)]
struct Found {
    series: Series,
    /// The datapoints, where sums over several of them are asked for.
    points: Vec<(i64, f64)>,
    rolling: Option<(Rolling, i64)>,
    /// The datapoint before.
    last: Option<(i64, f64)>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    /// A series that goes on over pages is complete when its last part says so.
    Partial,
    Complete,
    /// Numbers that are none, or that have no time.
    Unreadable,
}

impl Found {
    fn new(query: &Query) -> Self {
        let rolling = query.rolling.map(|rolling| (rolling, i64::from(query.period)));
        let series = Series { pair: rolling.is_none().then_some(0.0), ..Series::default() };
        Self { series, points: Vec::new(), rolling, last: None, state: State::Missing }
    }

    fn add(&mut self, result: &MetricDataResult, query: &Query) {
        let is_readable =
            result.timestamps().len() == result.values().len() && result.values().iter().all(|value| value.is_finite());
        self.state = match result.status_code() {
            _ if !is_readable || self.state == State::Unreadable => State::Unreadable,
            Some(StatusCode::Complete) => State::Complete,
            _ => State::Partial,
        };
        for (at, value) in result.timestamps().iter().zip(result.values()) {
            self.pair((at.secs(), *value), i64::from(query.period));
            let (value, own) = without_own(at.secs(), *value, query);
            self.series.own += own;
            if own > 0 && value <= 0.0 {
                // Nobody else called.
                continue;
            }
            if self.rolling.is_some() {
                self.points.push((at.secs(), value));
            }
            self.series.sum += value;
            if self.series.peak_at.is_none() || value > self.series.peak {
                self.series.peak = value;
                self.series.peak_at = Some(at.secs());
            }
        }
    }

    fn pair(&mut self, (at, value): (i64, f64), period: i64) {
        let before = match self.last {
            Some((last, before)) if last + period == at => before,
            // They were asked for in the order of time.
            Some((last, _)) if last >= at => return self.series.pair = None,
            _ => 0.0,
        };
        self.last = Some((at, value));
        self.series.pair = self.series.pair.map(|pair| pair.max(before + value));
    }

    fn series(&mut self) -> Series {
        match self.rolling {
            Some((rolling, period)) => {
                Series { own: self.series.own, ..rolling_peak(&mut self.points, rolling, period) }
            }
            None => self.series,
        }
    }

    fn read(mut self) -> Read {
        match self.state {
            State::Complete => Ok(self.series()),
            State::Missing => self.unread(bad("the answer does not hold the metric")),
            State::Partial | State::Unreadable => {
                self.unread(bad("CloudWatch returned only a part of the metric's data"))
            }
        }
    }

    fn unread(mut self, fault: Fault) -> Read {
        let has_part = matches!(self.state, State::Partial | State::Complete);
        let part = has_part.then(|| self.series()).filter(|series| series.peak_at.is_some());
        Err(Box::new(Unread { fault, part }))
    }
}

fn bad(message: &str) -> Fault {
    Fault::new(OPERATION, FaultKind::BadResponse, message)
}

/// The highest sum over `rolling.seconds` that ends at `rolling.from` or later. Each datapoint is the sum of one
/// period (seconds). The time of the peak is that of the last datapoint in it.
fn rolling_peak(points: &mut [(i64, f64)], rolling: Rolling, period: i64) -> Series {
    points.sort_by_key(|(at, _)| *at);
    let mut peak = Series::default();
    let sum_until = |end: i64| {
        let inside = points.iter().filter(|(at, _)| *at + period <= end && *at + period > end - rolling.seconds);
        let last = inside.clone().map(|(at, _)| *at).max();
        (inside.map(|(_, value)| value).sum::<f64>(), last)
    };
    let ends = points.iter().map(|(at, _)| at + period).filter(|end| *end > rolling.from);
    for (sum, last) in std::iter::once(rolling.from).chain(ends).map(sum_until) {
        if last.is_some() && (peak.peak_at.is_none() || sum > peak.peak) {
            (peak.peak, peak.peak_at) = (sum, last);
        }
    }
    peak.sum = points.iter().map(|(_, value)| value).sum();
    peak
}

/// A datapoint without our own calls of its period, and how many of them it held.
fn without_own(at: i64, value: f64, query: &Query) -> (f64, u64) {
    let own = within(&query.own, at, i64::from(query.period));
    #[expect(clippy::cast_precision_loss, reason = "calls of some minutes")]
    let left = value - own as f64;
    // AWS may have put a call into the next minute: never below nothing.
    if left >= 0.0 { (left, own) } else { (0.0, own.min(whole(value))) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of calls, not below 0")]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

fn id(index: usize) -> String {
    format!("q{index}")
}

fn query(index: usize, query: &Query) -> MetricDataQuery {
    let dimensions = query.dimensions.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    let stat = metric_stat((&query.namespace, &query.name), dimensions, query.statistic.as_str(), query.period);
    MetricDataQuery::builder().id(id(index)).metric_stat(stat).return_data(true).build()
}

/// One statistic of one metric, named by its namespace and name, as CloudWatch's queries hold it.
pub(super) fn metric_stat<'a>(
    (namespace, name): (&str, &str),
    by: impl Iterator<Item = (&'a str, &'a str)>,
    statistic: &str,
    period: i32,
) -> MetricStat {
    let metric = Metric::builder().namespace(namespace).metric_name(name).set_dimensions(Some(dimensions(by))).build();
    MetricStat::builder().metric(metric).period(period).stat(statistic).build()
}

pub(super) fn dimensions<'a>(by: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Dimension> {
    by.map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peak(points: &[(i64, f64)], seconds: i64, from: i64) -> (f64, Option<i64>) {
        let series = rolling_peak(&mut points.to_vec(), Rolling { seconds, from }, 60);
        (series.peak, series.peak_at)
    }

    #[test]
    fn a_rolling_sum_is_the_fullest_of_all_that_end_in_the_window() {
        // Ten in one minute, and nothing else in the hour.
        assert_eq!(peak(&[(600, 10.0)], 3_600, 0), (10.0, Some(600)));
        // Spread over an hour, and over more than one.
        let spread: Vec<(i64, f64)> = (0..120).map(|minute| (minute * 60, 1.0)).collect();
        assert_eq!(peak(&spread, 3_600, 0), (60.0, Some(59 * 60)));
        // What is over when the window begins counts as far as it is less than an hour ago.
        assert_eq!(peak(&spread, 3_600, 7_200), (60.0, Some(119 * 60)));
        assert_eq!(peak(&spread, 3_600, 9_000), (30.0, Some(119 * 60)));
        assert_eq!(peak(&spread, 3_600, 10_800), (0.0, None));
        // Two bursts that no clock hour holds together.
        assert_eq!(peak(&[(3_000, 40.0), (4_200, 50.0), (8_000, 60.0)], 3_600, 0), (90.0, Some(4_200)));
        assert_eq!(peak(&[(4_200, 50.0), (3_000, 40.0)], 3_600, 0), (90.0, Some(4_200)), "in any order");
        assert_eq!(peak(&[], 3_600, 0), (0.0, None));
    }

    #[test]
    fn our_own_calls_of_a_datapoints_period_are_taken_away() {
        let query = |period| Query {
            namespace: "AWS/Usage".to_owned(),
            name: "CallCount".to_owned(),
            dimensions: Vec::new(),
            statistic: Statistic::Sum,
            period,
            rolling: None,
            own: Minutes::from([(10, 7), (11, 5)]),
        };
        assert_eq!(without_own(600, 107.0, &query(60)), (100.0, 7));
        assert_eq!(without_own(600, 4.0, &query(60)), (0.0, 4), "never below nothing");
        assert_eq!(without_own(720, 9.0, &query(60)), (9.0, 0));
        assert_eq!(without_own(0, 20.0, &query(3_600)), (8.0, 12));
    }
}
