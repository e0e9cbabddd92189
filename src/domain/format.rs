//! How numbers and times are written.

use jiff::Timestamp;

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
