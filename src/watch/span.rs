//! Times within a day, in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `from 11:58 to 12:01 UTC`, with the day where the two are not of the same. Seconds of the Unix epoch.
#[must_use]
pub fn words((from, until): (i64, i64)) -> String {
    let day = |second: i64| second.div_euclid(86_400);
    let form = if day(from) == day(until) { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    let time = |second: i64| {
        Timestamp::from_second(second)
            .map_or_else(|_| "an unknown time".to_owned(), |at| at.to_zoned(TimeZone::UTC).strftime(form).to_string())
    };
    format!("from {} to {} UTC", time(from), time(until))
}
