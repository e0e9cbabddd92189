//! How numbers and times are written.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds.
pub const DAY: i64 = 86_400;

/// Rounds to the one decimal that percentages are shown with.
#[must_use]
pub fn one_decimal(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

/// RFC 3339 in UTC with whole seconds, as `2025-09-12T23:08:19Z`.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The UTC day of a time, counted from the Unix epoch.
#[must_use]
pub fn day_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(DAY)
}

/// Peaks of consecutive UTC days.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DailySeries {
    /// The first day, such as `2026-02-01`.
    pub from: String,
    /// Null for a day without a measurement.
    pub peaks: Vec<Option<f64>>,
}

/// The UTC day of a number of days since the Unix epoch, such as `2026-02-01`.
#[must_use]
pub fn date(day: i64) -> String {
    let time = day.checked_mul(DAY).and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y-%m-%d").to_string()
}

/// Text from outside on one line of ours: without line breaks, control characters and marks that reorder text,
/// because nothing from outside may look like what we wrote.
#[must_use]
pub fn one_line(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).collect();
    one_line.trim().to_owned()
}

/// It prints, and changes neither the line nor the direction of what follows.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    let line_or_direction = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
            | '\u{fffe}' | '\u{ffff}'
    );
    !c.is_control() && !line_or_direction
}

/// Up to three decimals, and none that say nothing: `147`, `1.95`.
#[must_use]
pub fn number(value: f64) -> String {
    let fixed = format!("{value:.3}");
    if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.').to_owned() } else { fixed }
}
