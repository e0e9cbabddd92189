//! What the stores remember of quotas' usage, day by day, for a person and for programs. Pure.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::domain::format::{number, one_line};

/// The days that are remembered of one quota of one subject, oldest first; days are UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuotaHistory {
    /// The instance's id, or `account`.
    pub instance_id: String,
    pub instance_alias: Option<String>,
    /// Service Quotas' code; the name where it has none.
    pub quota_code: String,
    pub quota_name: String,
    /// The first day, such as `2026-02-01`.
    pub from: String,
    /// The highest usage of each day; null for a day without a measurement.
    pub peaks: Vec<Option<f64>>,
    pub limit: Option<f64>,
    /// Since which day which limit held, within the days shown.
    pub limits: Vec<LimitSince>,
    pub highest: Option<f64>,
    /// The day of the highest usage.
    pub highest_on: Option<String>,
    /// Growth per day by the median of all slopes; null where it is no steady growth.
    pub per_day: Option<f64>,
    /// The day on which the limit is reached if it goes on like this.
    pub full_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitSince {
    pub since: String,
    pub limit: f64,
}

impl QuotaHistory {
    /// Growth per day in percent of the limit, to sort by; 0 where nothing grows.
    #[must_use]
    pub fn growth(&self) -> f64 {
        match (self.per_day, self.limit) {
            (Some(per_day), Some(limit)) if limit > 0.0 => per_day * 100.0 / limit,
            _ => 0.0,
        }
    }

    fn name(&self) -> String {
        one_line(self.instance_alias.as_deref().unwrap_or(&self.instance_id))
    }
}

/// One character a day: its height is the usage against the highest of peaks and limit, a dot is a day without a
/// measurement.
#[must_use]
pub fn sparkline(peaks: &[Option<f64>], limit: Option<f64>) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let top = peaks.iter().flatten().copied().chain(limit).fold(f64::MIN_POSITIVE, f64::max);
    let level = |peak: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
        let place = (peak / top * 7.0).round().clamp(0.0, 7.0) as usize;
        LEVELS[place]
    };
    peaks.iter().map(|peak| peak.filter(|peak| peak.is_finite()).map_or('·', level)).collect()
}

/// A table for a person, in the order of `rows`.
#[must_use]
pub fn text(rows: &[QuotaHistory]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["INSTANCE", "QUOTA", "DAYS", "HIGHEST", "ON", "LIMIT", "PER DAY", "FULL ON"]);
    for row in rows {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.add_row([
            row.name(),
            one_line(&row.quota_name),
            sparkline(&row.peaks, row.limit),
            or_dash(row.highest.map(number)),
            or_dash(row.highest_on.clone()),
            or_dash(row.limit.map(number)),
            or_dash(row.per_day.map(number)),
            or_dash(row.full_at.clone()),
        ]);
    }
    let mut text = format!("{table}\n");
    for row in rows.iter().filter(|row| row.limits.len() > 1) {
        let changes: Vec<String> =
            row.limits.iter().map(|l| format!("{} since {}", number(l.limit), l.since)).collect();
        let _ = write!(text, "\n{}, {}: the limit was {}", row.name(), one_line(&row.quota_name), changes.join(", "));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_was_not_seen_is_a_gap_and_the_limit_is_the_height() {
        assert_eq!(sparkline(&[Some(0.0), None, Some(50.0), Some(100.0)], Some(100.0)), "▁·▅█");
        assert_eq!(sparkline(&[Some(10.0), Some(20.0)], None), "▅█");
        assert_eq!(sparkline(&[Some(200.0), Some(f64::NAN)], Some(100.0)), "█·");
        assert_eq!(sparkline(&[Some(0.0)], None), "▁");
        assert_eq!(sparkline(&[], Some(1.0)), "");
    }
}
