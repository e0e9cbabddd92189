//! CloudWatch: peaks of usage metrics over the look-back window.

use std::collections::HashMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::fault::failure;
use crate::limits::UsageMetric;
use crate::model::{Fault, FaultKind};

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
    /// `Maximum` or `Sum`.
    pub statistic: &'static str,
    /// Seconds.
    pub period: i32,
}

impl Query {
    /// The calls that a usage metric counts, summed over each period (seconds).
    #[must_use]
    pub fn calls(metric: &UsageMetric, period: i32) -> Self {
        Self {
            namespace: metric.namespace.clone(),
            name: metric.name.clone(),
            dimensions: metric.dimensions.clone().into_iter().collect(),
            statistic: "Sum",
            period,
        }
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
}

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
    pub async fn read(&self, queries: &[Query], window: Window, deadline: Instant) -> Vec<Result<Series, Fault>> {
        let mut answers = Vec::with_capacity(queries.len());
        for batch in queries.chunks(BATCH) {
            match timeout_at(deadline, self.read_batch(batch, window)).await {
                Ok(Ok(series)) => answers.extend(series),
                Ok(Err(fault)) => answers.extend(batch.iter().map(|_| Err(fault.clone()))),
                Err(_) => {
                    let fault = Fault::new(OPERATION, FaultKind::Deadline, "the run's time was over");
                    answers.extend(batch.iter().map(|_| Err(fault.clone())));
                }
            }
        }
        answers
    }

    async fn read_batch(&self, batch: &[Query], window: Window) -> Result<Vec<Result<Series, Fault>>, Fault> {
        let request = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(batch.iter().enumerate().map(|(i, q)| query(i, q)).collect()))
            .start_time(DateTime::from_secs(window.start))
            .end_time(DateTime::from_secs(window.end))
            .scan_by(ScanBy::TimestampAscending);
        let mut found: HashMap<String, (Series, bool)> = HashMap::with_capacity(batch.len());
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let output = request
                .clone()
                .set_next_token(token.clone())
                .send()
                .await
                .map_err(|e| failure(&e).into_fault(OPERATION))?;
            for result in output.metric_data_results() {
                let Some(id) = result.id() else { continue };
                let entry = found.entry(id.to_owned()).or_default();
                let agrees = add(&mut entry.0, result);
                // A series that goes on over pages is complete when its last part says so.
                entry.1 = agrees && matches!(result.status_code(), Some(StatusCode::Complete));
            }
            let next = output.next_token.filter(|t| !t.is_empty());
            if next.is_none() {
                return Ok((0..batch.len()).map(|i| complete(found.get(&id(i)))).collect());
            }
            if next == token {
                break;
            }
            token = next;
        }
        Err(Fault::new(OPERATION, FaultKind::BadResponse, "the answer does not end: there is always a next page"))
    }
}

fn complete(found: Option<&(Series, bool)>) -> Result<Series, Fault> {
    match found {
        Some((series, true)) => Ok(*series),
        Some((_, false)) => {
            Err(Fault::new(OPERATION, FaultKind::BadResponse, "CloudWatch returned only a part of the metric's data"))
        }
        None => Err(Fault::new(OPERATION, FaultKind::BadResponse, "the answer does not hold the metric")),
    }
}

/// Folds a result into the series; false where times and values do not pair up.
fn add(series: &mut Series, result: &MetricDataResult) -> bool {
    for (at, value) in result.timestamps().iter().zip(result.values()) {
        if !value.is_finite() {
            return false;
        }
        series.sum += value;
        if series.peak_at.is_none() || *value > series.peak {
            series.peak = *value;
            series.peak_at = Some(at.secs());
        }
    }
    result.timestamps().len() == result.values().len()
}

fn id(index: usize) -> String {
    format!("q{index}")
}

fn query(index: usize, query: &Query) -> MetricDataQuery {
    let dimensions = query.dimensions.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    let stat = metric_stat((&query.namespace, &query.name), dimensions, query.statistic, query.period);
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
