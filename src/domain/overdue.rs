//! Requests for higher limits that AWS has left open for too long. Pure.

use jiff::Timestamp;

use super::increase::IncreaseRequest;

/// Business days after which an open request is called overdue, and without a touch.
const PATIENCE: i64 = 3;
const UNTOUCHED: i64 = 1;
const DAY: i64 = 86_400;

/// Seconds of the days from Monday to Friday between two times, in UTC. Holidays are days like others.
fn business_seconds(from: Timestamp, until: Timestamp) -> i64 {
    let (from, until) = (from.as_second(), until.as_second());
    let days = from.div_euclid(DAY)..=until.div_euclid(DAY);
    // The first day of the Unix epoch was a Thursday.
    let working = days.filter(|day| (1..=5).contains(&(day + 4).rem_euclid(7)));
    working.map(|day| (until.min((day + 1) * DAY) - from.max(day * DAY)).max(0)).sum()
}

/// An open request that AWS has left alone for too long.
#[derive(Debug, Clone, PartialEq)]
pub struct Overdue {
    pub request: IncreaseRequest,
    pub service_code: String,
    pub escalation: Escalation,
}

/// Whether the monitor opened a support case for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Escalation {
    None,
    Opened,
    /// Why it could not.
    Failed(String),
}

impl Overdue {
    /// What tells the request from others: its id, or else what it asks for and since when.
    #[must_use]
    pub fn id(&self) -> String {
        let IncreaseRequest { id, quota_code, created, .. } = &self.request;
        id.clone().unwrap_or_else(|| format!("{quota_code}@{}", created.as_second()))
    }

    /// What it is for, as far as the request says.
    #[must_use]
    pub fn quota(&self) -> String {
        self.request.quota_code.clone()
    }
}

impl IncreaseRequest {
    /// Open for more than three business days, and untouched for more than one.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_open()
            && business_seconds(self.created, now) > PATIENCE * DAY
            && business_seconds(self.updated, now) > UNTOUCHED * DAY
    }

    /// AWS has opened no support case for it.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.status == "PENDING"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn weekends_do_not_count() {
        for (from, until, hours) in [
            ("2026-03-02T12:00:00Z", "2026-03-05T12:00:00Z", 72), // Monday to Thursday
            ("2026-02-27T12:00:00Z", "2026-03-02T12:00:00Z", 24), // Friday to Monday
            ("2026-02-28T01:00:00Z", "2026-03-01T23:00:00Z", 0),  // a weekend
            ("2026-03-02T12:00:00Z", "2026-03-02T11:00:00Z", 0),
            ("2026-02-02T00:00:00Z", "2026-03-02T00:00:00Z", 480), // four weeks
        ] {
            assert_eq!(business_seconds(at(from), at(until)), hours * 3_600, "{from} to {until}");
        }
    }

    #[test]
    fn a_request_is_overdue_after_three_business_days_without_a_touch() {
        let request = |status: &str, created: &str, updated: &str| IncreaseRequest {
            id: Some("r".to_owned()),
            quota_code: "L-1".to_owned(),
            desired: 1.0,
            status: status.to_owned(),
            created: at(created),
            updated: at(updated),
            context: None,
            case_id: None,
        };
        let now = at("2026-03-05T12:00:01Z"); // a Thursday
        for (status, created, updated, is_overdue) in [
            ("PENDING", "2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z", true),
            ("PENDING", "2026-03-02T12:00:01Z", "2026-03-02T12:00:01Z", false),
            ("CASE_OPENED", "2026-02-20T12:00:00Z", "2026-03-04T12:00:00Z", true),
            ("CASE_OPENED", "2026-02-20T12:00:00Z", "2026-03-04T12:00:01Z", false),
            ("DENIED", "2026-02-20T12:00:00Z", "2026-02-20T12:00:00Z", false),
            ("CASE_CLOSED", "2026-02-20T12:00:00Z", "2026-02-20T12:00:00Z", false),
        ] {
            assert_eq!(request(status, created, updated).is_overdue(now), is_overdue, "{status} {created} {updated}");
        }
    }
}
