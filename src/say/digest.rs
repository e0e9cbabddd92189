//! Rows and news joined: what every form of a message is made from.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalogue;
use crate::domain::format::day_of;
use crate::domain::snapshot::{Snapshot, Summary};
use crate::domain::{Account, Impact, Instance, Metric, Status, Thresholds};
use crate::ledger::{Change, Event, History, News, Severity};

/// What a forecast is called where other things are called by their status.
pub(super) const FORECAST: &str = "forecast";

/// Whom a message is about, and the run that has the news.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub account: &'a Account,
    /// None: the message is about the account's own quotas.
    pub instance: Option<&'a Instance>,
    pub thresholds: Thresholds,
    pub execution_id: &'a str,
    pub now: Timestamp,
    /// Where the page of the same run is kept: the bucket and its Region.
    pub bucket: Option<(&'a str, &'a str)>,
}

/// The part of a snapshot that a message needs, kept until alerts are sent. Rows without news are
/// dropped, so that memory stays flat over a fleet; their count and the summary stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Violations, unknown rows, both of these where they are muted, and rows that recovered or will
    /// be full soon.
    pub metrics: Vec<Metric>,
    /// The last peak before the day of the run, by quota key: its day since the Unix epoch, and percent.
    pub peaks: BTreeMap<String, (i64, f64)>,
    /// Rows that could be judged: ok, warning or critical.
    pub checked: usize,
    pub summary: Summary,
    /// Rows that a mute keeps out of the message: violations, and quotas that cannot be checked.
    pub muted: usize,
}

impl Rows {
    #[must_use]
    pub fn of(snapshot: &Snapshot, history: &History, news: &News) -> Self {
        let is_notable = |m: &Metric| matches!(m.status, Status::Warning | Status::Critical | Status::Unknown);
        let is_over = |key: &str| {
            news.recovered.contains_key(key)
                || news.seen_again.contains_key(key)
                || news.forecasts_gone.contains_key(key)
        };
        let all = &snapshot.metrics;
        let metrics: Vec<Metric> =
            all.iter().filter(|m| is_notable(m) || m.has_forecast() || is_over(m.key())).cloned().collect();
        let today = snapshot.timestamp.parse().map_or(0, day_of);
        let peak = |m: &Metric| {
            let series = history.0.get(m.key())?;
            Some((m.key().to_owned(), series.last_before(today)?))
        };
        Self {
            peaks: metrics.iter().filter_map(peak).collect(),
            metrics,
            checked: all.iter().filter(|m| matches!(m.status, Status::Ok | Status::Warning | Status::Critical)).count(),
            summary: snapshot.summary.clone(),
            muted: all.iter().filter(|m| m.muted.is_some() && is_notable(m)).count(),
        }
    }
}

/// Rows and news joined and put in reading order: what turns contacts away first, then the worst, then the
/// new.
#[derive(Debug)]
pub(super) struct Digest<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) event: Event,
    pub(super) severity: Severity,
    /// The gravest of all that it names.
    pub(super) impact: Impact,
    pub(super) rows: &'a Rows,
    pub(super) violations: Vec<Violation<'a>>,
    /// Below their thresholds, but full soon.
    pub(super) forecasts: Vec<Violation<'a>>,
    pub(super) over: Vec<Over<'a>>,
    pub(super) unseen: Vec<Unseen<'a>>,
    pub(super) muted: Vec<&'a Metric>,
}

/// A violation, or a forecast.
#[derive(Debug, Clone, Copy)]
pub(super) struct Violation<'a> {
    pub(super) metric: &'a Metric,
    pub(super) change: Change,
    /// That it will be full soon was not told before.
    pub(super) new_forecast: bool,
}

/// What was told and is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Over<'a> {
    pub(super) key: &'a str,
    pub(super) metric: Option<&'a Metric>,
    /// `critical`, `warning`, `unknown` or `forecast`.
    pub(super) was: &'static str,
    pub(super) since: Timestamp,
    /// The quota's name, where it is not there any more.
    pub(super) gone: Option<&'a str>,
}

impl Over<'_> {
    /// As it was, where the quota is not there any more.
    pub(super) fn impact(&self) -> Impact {
        self.metric.map_or_else(|| impact_of(self.key), |metric| metric.impact)
    }
}

/// What happens when the quota of this key is full, as the catalogue has it.
pub(crate) fn impact_of(key: &str) -> Impact {
    catalogue::find(key).map_or(Impact::Build, |quota| quota.impact)
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Unseen<'a> {
    pub(super) metric: &'a Metric,
    pub(super) is_new: bool,
}

impl<'a> Digest<'a> {
    pub(super) fn of(context: &'a Context<'a>, rows: &'a Rows, news: &'a News) -> Self {
        let with_news = |metric: &'a Metric, of: &BTreeMap<String, Change>| Violation {
            metric,
            // A violation without history is a new one: the reader must not miss it.
            change: of.get(metric.key()).copied().unwrap_or(Change::New(context.now)),
            new_forecast: matches!(news.forecasts.get(metric.key()), Some(Change::New(_))),
        };
        let mut violations: Vec<_> =
            rows.metrics.iter().filter(|m| m.is_violation()).map(|m| with_news(m, &news.violations)).collect();
        violations.sort_by(|a, b| worst_first(a.metric, b.metric));
        let below = rows.metrics.iter().filter(|m| m.status == Status::Ok && m.has_forecast());
        let mut forecasts: Vec<_> = below.map(|m| with_news(m, &news.forecasts)).collect();
        forecasts
            .sort_by_key(|f| (Reverse(f.metric.impact), f.metric.forecast.as_ref().and_then(|f| f.full_at.clone())));
        let mut unseen: Vec<_> = rows
            .metrics
            .iter()
            .filter(|m| m.status == Status::Unknown && m.muted.is_none())
            .map(|metric| Unseen { metric, is_new: news.unseen.get(metric.key()).is_some_and(|unseen| unseen.is_new) })
            .collect();
        unseen.sort_by_key(|u| (!u.is_new, Reverse(u.metric.impact)));
        let row: BTreeMap<_, _> = rows.metrics.iter().map(|m| (m.key(), m)).collect();
        let over = |key: &'a String, was, since| {
            let gone = news.vanished.get(key).map(|name| if name.is_empty() { key.as_str() } else { name.as_str() });
            Over { key, metric: row.get(key.as_str()).copied(), was, since, gone }
        };
        let recovered = news.recovered.iter().map(|(key, told)| over(key, told.was.as_str(), told.since));
        let seen_again = news.seen_again.iter().map(|(key, seen)| over(key, Status::Unknown.as_str(), seen.since));
        let gone = news.forecasts_gone.iter().map(|(key, since)| over(key, FORECAST, *since));
        let over: Vec<_> = recovered.chain(seen_again).chain(gone).collect();
        let told = violations.iter().chain(&forecasts).map(|v| v.metric.impact);
        let impact = told.chain(unseen.iter().map(|u| u.metric.impact)).chain(over.iter().map(Over::impact)).max();
        Self {
            context,
            event: news.event,
            severity: news.severity,
            impact: impact.unwrap_or(Impact::Build),
            rows,
            violations,
            forecasts,
            over,
            unseen,
            muted: rows.metrics.iter().filter(|m| m.muted.is_some()).collect(),
        }
    }

    /// From this length on, every list is complete.
    pub(super) fn longest_list(&self) -> usize {
        (self.violations.len() + self.forecasts.len()).max(self.over.len()).max(self.unseen.len())
    }
}

/// By impact, then by severity, then by utilization; usage of something whose limit is 0 is beyond any percentage.
pub(super) fn worst_first(a: &Metric, b: &Metric) -> Ordering {
    let utilization = |m: &Metric| match (m.utilization, m.limit) {
        (Some(percent), _) => percent,
        (None, Some(_)) => f64::INFINITY,
        (None, None) => 0.0,
    };
    b.impact
        .cmp(&a.impact)
        .then_with(|| b.status.cmp(&a.status))
        .then_with(|| utilization(b).total_cmp(&utilization(a)))
        .then_with(|| a.quota_name.cmp(&b.quota_name))
}
