//! Which bucket paces an operation of a service whose limits are shared with the customer's live traffic,
//! and what a throttle does to it.
//!
//! Buckets live as long as the [`Pacer`]; a second run in the same process starts with what the first
//! left. What one operation alone meets (a quota of its own, live traffic that uses it up) slows that
//! operation. Only where two are throttled at about the same time is the bucket that they share too fast.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

pub use super::bucket::Rate;
use super::bucket::{Bucket, locked};

/// Which operations share a bucket, and at which rate.
#[derive(Debug, Clone)]
pub enum PacingPlan {
    /// Connect's documented limits, read as two buckets for the whole account and Region.
    ConnectAccount { share: u32 },
    /// The same limits, read as one bucket for each operation.
    ConnectPerOperation { share: u32 },
    /// The companion services (Cases, Customer Profiles ...): each operation at the lowest limit that any
    /// of them documents.
    Companion { share: u32 },
    /// Service Quotas' own limits, which are per operation.
    ServiceQuotas,
    /// CloudWatch's limits on its alarms' operations, which are per operation.
    Alarms,
    /// EventBridge's rules, which people list too.
    Rules,
    /// CloudTrail's limit on looking into the event history.
    CloudTrail,
    /// Every operation on its own, at one rate: for tests that are not about pacing.
    Flat(Rate),
}

/// "Amazon Connect service quotas", API throttling quotas: all operations 2/s burst 5, with exceptions.
const CONNECT: Rate = Rate::new(2.0, 5);
const CONNECT_METRICS: Rate = Rate::new(5.0, 8);
/// "Service Quotas endpoints and quotas": rates of the Service Quotas API itself.
const QUOTAS_GET: Rate = Rate::new(5.0, 5);
const QUOTAS_LIST: Rate = Rate::new(10.0, 10);
const QUOTAS_ASK: Rate = Rate::new(3.0, 3);
/// "CloudWatch service quotas": `PutMetricAlarm` and `DeleteAlarms` 3/s, `DescribeAlarms` 9/s, `ListMetrics`
/// 25/s. The rate of reading tags is not documented; it is taken for that of `DescribeAlarms`.
const ALARM_WRITES: Rate = Rate::new(3.0, 3);
const ALARM_READS: Rate = Rate::new(9.0, 9);
/// "Quotas in AWS CloudTrail": `LookupEvents` two a second for each account and Region. People who look at the event
/// history use the same two, so there is no burst.
const LOOK_UPS: Rate = Rate::new(2.0, 1);
/// "Amazon EventBridge quotas": fifty requests a second for the operations on rules together.
const RULE_READS: Rate = Rate::new(5.0, 5);

impl PacingPlan {
    /// The bucket of an operation: its name in the map, and its rate.
    fn bucket(&self, operation: &'static str) -> (&'static str, Rate) {
        let is_metrics = matches!(operation, "GetMetricData" | "GetCurrentMetricData");
        let connect = if is_metrics { CONNECT_METRICS } else { CONNECT };
        match self {
            Self::ConnectAccount { share } => (if is_metrics { "metrics" } else { "all" }, connect.share(*share)),
            Self::ConnectPerOperation { share } => (operation, connect.share(*share)),
            Self::Companion { share } => (operation, CONNECT.share(*share)),
            Self::ServiceQuotas if operation == "RequestServiceQuotaIncrease" => (operation, QUOTAS_ASK),
            Self::ServiceQuotas if operation == "ListRequestedServiceQuotaChangeHistory" => (operation, QUOTAS_GET),
            Self::ServiceQuotas if operation.starts_with("List") => (operation, QUOTAS_LIST),
            Self::ServiceQuotas => (operation, QUOTAS_GET),
            Self::Alarms if matches!(operation, "PutMetricAlarm" | "DeleteAlarms") => (operation, ALARM_WRITES),
            Self::Alarms => (operation, ALARM_READS),
            Self::CloudTrail => (operation, LOOK_UPS),
            Self::Rules => (operation, RULE_READS),
            Self::Flat(rate) => (operation, *rate),
        }
    }
}

/// The buckets of one service.
#[derive(Debug)]
pub struct Pacer {
    plan: PacingPlan,
    /// One for each operation.
    own: Mutex<HashMap<&'static str, Arc<Bucket>>>,
    /// Those that operations share, by name.
    shared: Mutex<HashMap<&'static str, Arc<Bucket>>>,
    throttles: Mutex<Throttles>,
}

/// The throttles of the last minutes.
#[derive(Debug, Default)]
struct Throttles {
    recent: VecDeque<(Instant, &'static str)>,
    /// Where operations are paced one by one: until then they share a bucket.
    shared_until: Option<Instant>,
}

/// Throttles of two operations this close together speak of what they share.
const TOGETHER: Duration = Duration::from_secs(60);
/// So many throttles, of more than one operation, at per-operation pacing say that AWS, or the live traffic,
/// leaves less than a bucket for each operation: the careful reading is taken for a while.
const FALL_BACK_AFTER: usize = 5;
/// Throttles that are older are forgotten.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);
const FALL_BACK_FOR: Duration = Duration::from_secs(15 * 60);

impl Pacer {
    #[must_use]
    pub fn new(plan: PacingPlan) -> Self {
        Self { plan, own: Mutex::default(), shared: Mutex::default(), throttles: Mutex::default() }
    }

    /// How fast an operation may leave, and whether it shares its bucket with others.
    #[must_use]
    pub fn rate(&self, operation: &'static str) -> (Rate, bool) {
        (self.plan.bucket(operation).1, matches!(self.plan, PacingPlan::ConnectAccount { .. }))
    }

    /// Waits for a token, or for one of each bucket that has a say, and for one of the lanes.
    pub async fn take<'a>(&self, operation: &'static str, lanes: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        let own = self.own(operation);
        match self.shared(operation) {
            None => own.take(lanes).await,
            Some(shared) if self.is_together() && !own.is_slowed() => shared.take(lanes).await,
            Some(shared) => own.take_with(&shared, lanes).await,
        }
    }

    /// An attempt was answered, and not with a throttle.
    pub fn recover(&self, operation: &'static str) {
        self.own(operation).recover();
        if let Some(shared) = self.shared(operation) {
            shared.recover();
        }
    }

    /// AWS throttled an operation. True where operations that were paced one by one share a bucket from now
    /// on.
    pub fn throttled(&self, operation: &'static str) -> bool {
        let now = Instant::now();
        self.own(operation).slow_down();
        let shared = self.shared(operation);
        let mut throttles = locked(&self.throttles);
        throttles.recent.retain(|(at, _)| now.duration_since(*at) < REMEMBERED);
        throttles.recent.push_back((now, operation));
        if let Some(shared) = shared {
            let name = self.account().map(|plan| plan.bucket(operation).0);
            let others = throttles.recent.iter().filter(|(_, other)| *other != operation);
            let mut of_bucket = others.filter(|(_, other)| self.account().map(|plan| plan.bucket(other).0) == name);
            if of_bucket.any(|(at, _)| now.duration_since(*at) < TOGETHER) {
                shared.slow_down();
            }
            return false;
        }
        let of_one = throttles.recent.iter().all(|(_, other)| *other == operation);
        let falls_back = matches!(self.plan, PacingPlan::ConnectPerOperation { .. })
            && throttles.recent.len() >= FALL_BACK_AFTER
            && !of_one;
        if falls_back {
            *throttles = Throttles { recent: VecDeque::new(), shared_until: Some(now + FALL_BACK_FOR) };
        }
        falls_back
    }

    /// Applies an operation's own rate quota (calls per second) where operations are paced one by one, also
    /// while they share a bucket. None: there is none, and one that there was is lifted.
    pub fn apply_quota(&self, operation: &'static str, per_second: Option<f64>) {
        if let PacingPlan::ConnectPerOperation { share } = self.plan {
            self.own(operation).cap(per_second.map(|rate| rate * f64::from(share) / 100.0));
        }
    }

    /// All operations are paced together, always.
    fn is_together(&self) -> bool {
        matches!(self.plan, PacingPlan::ConnectAccount { .. })
    }

    /// How Connect's operations share buckets.
    fn account(&self) -> Option<PacingPlan> {
        match self.plan {
            PacingPlan::ConnectAccount { share } | PacingPlan::ConnectPerOperation { share } => {
                Some(PacingPlan::ConnectAccount { share })
            }
            _ => None,
        }
    }

    fn own(&self, operation: &'static str) -> Arc<Bucket> {
        let new = || Arc::new(Bucket::new(self.plan.bucket(operation).1));
        Arc::clone(locked(&self.own).entry(operation).or_insert_with(new))
    }

    /// The bucket that the operation shares with others at this moment.
    fn shared(&self, operation: &'static str) -> Option<Arc<Bucket>> {
        let is_shared =
            self.is_together() || locked(&self.throttles).shared_until.is_some_and(|until| Instant::now() < until);
        let (name, rate) = self.account().filter(|_| is_shared)?.bucket(operation);
        Some(Arc::clone(locked(&self.shared).entry(name).or_insert_with(|| Arc::new(Bucket::new(rate)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds that so many calls of an operation take, one after the other.
    async fn time_of(pacer: &Pacer, operation: &'static str, calls: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..calls {
            pacer.take(operation, &Semaphore::new(99)).await;
        }
        start.elapsed().as_secs_f64()
    }

    fn fall_back(pacer: &Pacer) -> bool {
        let operations = ["ListUsers", "ListQueues"].into_iter().cycle();
        operations.take(FALL_BACK_AFTER).map(|operation| pacer.throttled(operation)).fold(false, |a, b| a | b)
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_run_finds_the_bucket_as_the_first_left_it() {
        let pacer = Pacer::new(PacingPlan::ConnectAccount { share: 100 });
        time_of(&pacer, "ListUsers", 5).await;
        assert!(time_of(&pacer, "ListQueues", 1).await >= 0.4, "another operation of the same bucket waits");
        let other = time_of(&pacer, "GetMetricData", 1).await;
        assert!(other < 0.001, "the metrics operations have a bucket of their own: {other}");
    }

    #[tokio::test(start_paused = true)]
    async fn per_operation_pacing_obeys_a_lower_applied_quota_until_it_is_lifted() {
        let pacer = Pacer::new(PacingPlan::ConnectPerOperation { share: 100 });
        pacer.apply_quota("ListUsers", Some(0.5));
        pacer.apply_quota("ListQueues", Some(10.0));
        for (operation, at_least, at_most) in [("ListUsers", 10.0, 17.0), ("ListQueues", 2.5, 3.0)] {
            let took = time_of(&pacer, operation, 10).await;
            assert!((at_least..=at_most).contains(&took), "{operation} took {took}");
        }
        // The next run of the same process: AWS raised it, or took it back.
        for lifted in [Some(10.0), None] {
            pacer.apply_quota("ListUsers", Some(0.5));
            pacer.apply_quota("ListUsers", lifted);
            pass(60).await;
            let took = time_of(&pacer, "ListUsers", 10).await;
            assert!(took < 3.0, "{lifted:?}: {took}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_of_one_operation_never_slows_the_bucket_of_all() {
        let pacer = Pacer::new(PacingPlan::ConnectPerOperation { share: 100 });
        for _ in 0..2 {
            assert!(fall_back(&pacer));
            // The next run of the same process, while all share a bucket.
            pacer.apply_quota("ListPrompts", Some(0.5));
            let others = time_of(&pacer, "ListRules", 15).await;
            assert!((5.0..6.0).contains(&others), "{others}");
            pass(60).await;
            let own = time_of(&pacer, "ListPrompts", 10).await;
            assert!(own > 15.0, "its own quota holds there too: {own}");
            // Days later, in the next fallback.
            pass(3 * 86_400).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn operations_share_a_bucket_after_throttles_of_several_and_not_for_ever() {
        let pacer = Pacer::new(PacingPlan::ConnectPerOperation { share: 100 });
        assert!(!(0..20).any(|_| pacer.throttled("ListUsers")), "one operation speaks for itself alone");
        assert!(pacer.shared("ListQueues").is_none());
        for day in 0..10 {
            pass(86_400).await;
            let operation = if day % 2 == 0 { "ListUsers" } else { "ListQueues" };
            assert!(!pacer.throttled(operation), "one throttle a day");
        }
        for minutes in 0..10 {
            pass(120).await;
            let operation = if minutes % 2 == 0 { "ListUsers" } else { "ListQueues" };
            assert!(!pacer.throttled(operation), "one in two minutes");
        }
        assert!(fall_back(&pacer));
        assert!(pacer.shared("ListRules").is_some());
        pass(15 * 60).await;
        assert!(pacer.shared("ListRules").is_none());
        assert!(!pacer.throttled("ListUsers"), "what was counted then counts no more");
    }

    #[tokio::test(start_paused = true)]
    async fn at_account_pacing_a_throttle_slows_its_operation_and_two_slow_all() {
        let pacer = Pacer::new(PacingPlan::ConnectAccount { share: 100 });
        let throttle = async |operation, times: u64| {
            for _ in 0..times {
                pacer.throttled(operation);
                pass(2).await;
            }
        };
        throttle("ListUsers", 8).await;
        // Others keep the rate of the bucket, and its burst.
        assert!(time_of(&pacer, "ListQueues", 15).await < 6.0);
        assert!(time_of(&pacer, "ListUsers", 8).await > 11.0, "at a quarter of the rate");
        pass(61).await;
        throttle("ListQueues", 1).await;
        pass(60).await;
        throttle("ListRules", 1).await;
        assert!(time_of(&pacer, "ListPrompts", 15).await < 6.0, "two operations, but not within a minute");
        throttle("GetMetricData", 1).await;
        pass(20).await;
        assert!(time_of(&pacer, "ListPrompts", 15).await < 6.0, "two operations of two buckets");
        throttle("ListQueues", 2).await;
        throttle("ListRules", 2).await;
        let slow = time_of(&pacer, "ListPrompts", 15).await;
        assert!(slow > 11.0, "two operations of one bucket within a minute: {slow}");
        for _ in 0..30 {
            pacer.recover("ListPrompts");
        }
        pass(60).await;
        assert!(time_of(&pacer, "ListPrompts", 15).await < 6.0, "successes restore it");
    }

    #[test]
    fn a_share_scales_rate_and_burst() {
        assert_eq!(CONNECT.share(50), Rate::new(1.0, 2));
        assert_eq!(CONNECT.share(1), Rate::new(0.02, 1));
    }
}
