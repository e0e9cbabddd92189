//! AWS's own limits on calls: token buckets, on tokio's clock so that a test can run in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Which Connect calls share a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Throttle {
    /// Nothing is ever throttled, by any service.
    #[default]
    None,
    /// One bucket for metrics calls, one for all others: the stricter reading of the documentation.
    Shared,
    /// One bucket for each operation.
    PerOperation,
}

/// Tokens that come back each second, and how many can be saved up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: u32,
}

impl Rate {
    #[must_use]
    pub const fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

/// The rates of the buckets. [`Default`] is what AWS documents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Connect's `GetMetricData` and `GetCurrentMetricData`.
    pub connect_metrics: Rate,
    /// Every other Connect operation.
    pub connect: Rate,
    /// Each `List*` of Service Quotas.
    pub quotas_list: Rate,
    /// Each `Get*` of Service Quotas, and its history of requests.
    pub quotas_get: Rate,
    /// `RequestServiceQuotaIncrease`.
    pub quotas_ask: Rate,
    /// CloudWatch's `PutMetricAlarm` and `DeleteAlarms`, each.
    pub alarm_writes: Rate,
    /// CloudWatch's `DescribeAlarms`.
    pub alarm_reads: Rate,
    /// CloudWatch's `ListMetrics`, `TagResource` and `ListTagsForResource`, each.
    pub metric_lists: Rate,
    /// CloudTrail's `LookupEvents`.
    pub look_ups: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            connect_metrics: Rate::new(5.0, 8),
            connect: Rate::new(2.0, 5),
            quotas_list: Rate::new(10.0, 10),
            quotas_get: Rate::new(5.0, 5),
            quotas_ask: Rate::new(3.0, 3),
            alarm_writes: Rate::new(3.0, 3),
            alarm_reads: Rate::new(9.0, 9),
            metric_lists: Rate::new(25.0, 25),
            look_ups: Rate::new(2.0, 2),
        }
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    /// Up to when refills and live calls are accounted for.
    settled: Instant,
    next_live: Instant,
}

/// All buckets of the account.
#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<String, Bucket>);

impl Buckets {
    /// Takes a token for a call at `now`; false when there is none, and the call is throttled.
    pub(crate) fn take(&mut self, name: &str, rate: Rate, live_per_second: f64, now: Instant) -> bool {
        let full = f64::from(rate.burst);
        let bucket =
            self.0.entry(name.to_owned()).or_insert_with(|| Bucket { tokens: full, settled: now, next_live: now });
        // After a long silence the bucket is as it would be after a minute of live calls: no need to
        // replay hours of them.
        if let Some(recent) = now.checked_sub(Duration::from_secs(60))
            && bucket.settled < recent
        {
            (bucket.tokens, bucket.settled, bucket.next_live) = (full, recent, recent);
        }
        if live_per_second > 1e-3 {
            while bucket.next_live <= now {
                let at = bucket.next_live;
                bucket.refill(rate, at);
                bucket.take();
                bucket.next_live = at + Duration::from_secs_f64(1.0 / live_per_second);
            }
        }
        bucket.refill(rate, now);
        bucket.take()
    }
}

impl Bucket {
    fn refill(&mut self, rate: Rate, now: Instant) {
        let elapsed = now.saturating_duration_since(self.settled).as_secs_f64();
        self.tokens = (self.tokens + elapsed * rate.per_second).min(f64::from(rate.burst));
        self.settled = self.settled.max(now);
    }

    fn take(&mut self) -> bool {
        // A hair below one, for the rounding of many small refills.
        let granted = self.tokens >= 1.0 - 1e-9;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_grants_its_burst_and_then_its_rate() {
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        let rate = Rate::new(2.0, 5);
        let granted = (0..10).filter(|_| buckets.take("all", rate, 0.0, start)).count();
        assert_eq!(granted, 5);
        assert!(!buckets.take("all", rate, 0.0, start + Duration::from_millis(400)));
        assert!(buckets.take("all", rate, 0.0, start + Duration::from_millis(900)));
        let later = start + Duration::from_secs(3_600);
        assert_eq!((0..10).filter(|_| buckets.take("all", rate, 0.0, later)).count(), 5);
    }

    #[test]
    fn live_calls_leave_less_for_others() {
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        let granted = (0..100)
            .filter(|i| buckets.take("all", Rate::new(2.0, 5), 1.0, start + Duration::from_millis(200 * i)))
            .count();
        assert!((15..=30).contains(&granted), "{granted} of 100 in 20 s at 2/s, 1/s of it taken");
    }
}
