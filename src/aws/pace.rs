//! Token buckets in front of every attempt of every call to a service whose limits are shared with
//! the customer's live traffic.
//!
//! The law: in any window of `w` seconds at most `burst + rate * w` attempts leave a bucket. Waiters
//! are served in the order of arrival. Buckets live as long as the [`Pacer`]; a second run in the same
//! process starts with what the first left.
//!
//! The bucket is the generic cell rate algorithm (GCRA): `tat`, the theoretical arrival time, is the
//! moment at which the bucket will be full again less one token; an attempt may leave once
//! `tat - tolerance` has come, and moves `tat` one period on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{self, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// A documented throttling limit: `per_second` tokens flow into a bucket that holds `burst`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: u32,
}

impl Rate {
    #[must_use]
    pub const fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst }
    }

    /// The given percentage of this rate and of its burst; at least one token fits the bucket.
    #[must_use]
    pub fn share(self, percent: u32) -> Self {
        Self { per_second: self.per_second * f64::from(percent) / 100.0, burst: (self.burst * percent / 100).max(1) }
    }

    fn period(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second)
    }
}

/// Calls that leave together do not arrive together: the first ones of a burst open connections, the
/// next ones find them open. AWS's bucket starts to refill when the first call arrives, so a full
/// burst followed by calls at the exact rate can meet an empty bucket. A burst is therefore cut short
/// by what flows in during this time. It costs this much once per burst, not per call.
const ARRIVAL_JITTER: Duration = Duration::from_millis(250);

/// A throttled bucket never falls below this fraction of its rate.
const SLOWEST: f64 = 4.0;

/// One token bucket.
#[derive(Debug)]
pub struct Bucket {
    period: Mutex<Duration>,
    tolerance: Duration,
    state: Mutex<State>,
    /// Held while waiting for a token. Tokio's mutex is fair: this is the queue.
    turn: sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    tat: Option<Instant>,
    /// 1 at the documented rate, 2 at half of it, at most [`SLOWEST`].
    slowdown: f64,
    slowed_at: Option<Instant>,
}

impl Bucket {
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let full_burst = rate.period() * (rate.burst.max(1) - 1);
        Self {
            period: Mutex::new(rate.period()),
            tolerance: full_burst.saturating_sub(ARRIVAL_JITTER),
            state: Mutex::new(State { tat: None, slowdown: 1.0, slowed_at: None }),
            turn: sync::Mutex::new(()),
        }
    }

    /// Waits for a token and for one of the lanes, and spends the token. Dropping the future before it is
    /// ready spends nothing. The token comes first and is spent last: nobody holds a lane who only waits,
    /// and a call that waits for its lane does not leave in a crowd with those behind it.
    pub async fn take<'a>(&self, lanes: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        let _turn = self.turn.lock().await;
        loop {
            // Not `sleep_until` alone: it takes a millisecond where there is nothing to wait for.
            if let Some(ready) = self.ready().filter(|ready| *ready > Instant::now()) {
                sleep_until(ready).await;
            }
            let lane = lanes.acquire().await.ok();
            let now = Instant::now();
            // A throttle may have slowed the bucket meanwhile: look again after the waits.
            if self.ready().is_none_or(|ready| ready <= now) {
                let period = *locked(&self.period);
                let mut state = locked(&self.state);
                let from = state.tat.map_or(now, |tat| tat.max(now));
                state.tat = Some(from + period.mul_f64(state.slowdown));
                return lane;
            }
        }
    }

    /// When the next token is there; none where it is there already.
    fn ready(&self) -> Option<Instant> {
        locked(&self.state).tat.and_then(|tat| tat.checked_sub(self.tolerance))
    }

    /// AWS throttled: its bucket is empty, whoever emptied it. Halves the rate, once per second at
    /// most, so that the calls in flight do not each halve it.
    pub fn slow_down(&self) {
        let now = Instant::now();
        let mut state = locked(&self.state);
        state.tat = Some(state.tat.map_or(now, |tat| tat.max(now)).max(now + self.tolerance));
        if state.slowed_at.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1)) {
            state.slowdown = (state.slowdown * 2.0).min(SLOWEST);
            state.slowed_at = Some(now);
        }
    }

    /// An attempt was not throttled: a slowed bucket recovers by a tenth.
    pub fn recover(&self) {
        let mut state = locked(&self.state);
        state.slowdown = (state.slowdown * 0.9).max(1.0);
    }

    /// Lowers the rate to an applied rate quota below the documented one. Never raises it.
    pub fn cap(&self, per_second: f64) {
        if per_second.is_finite() && per_second > 0.0 {
            let mut period = locked(&self.period);
            *period = (*period).max(Duration::from_secs_f64(1.0 / per_second));
        }
    }
}

/// A panic elsewhere must not take the pacing down with it: the state is valid between any two lines.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which operations share a bucket, and at which rate.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Connect's documented limits, read as two buckets for the whole account and Region.
    ConnectAccount { share: u32 },
    /// The same limits, read as one bucket for each operation.
    ConnectPerOperation { share: u32 },
    /// The sister services (Cases, Customer Profiles ...): each operation at the lowest limit that any
    /// of them documents.
    Sister { share: u32 },
    /// Service Quotas' own limits, which are per operation.
    ServiceQuotas,
    /// CloudWatch's limits on its alarms' operations, which are per operation.
    Alarms,
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

impl Plan {
    /// The bucket of an operation: its name in the map, and its rate.
    fn bucket(&self, operation: &'static str) -> (&'static str, Rate) {
        let is_metrics = matches!(operation, "GetMetricData" | "GetCurrentMetricData");
        let connect = if is_metrics { CONNECT_METRICS } else { CONNECT };
        match self {
            Self::ConnectAccount { share } => (if is_metrics { "metrics" } else { "all" }, connect.share(*share)),
            Self::ConnectPerOperation { share } => (operation, connect.share(*share)),
            Self::Sister { share } => (operation, CONNECT.share(*share)),
            Self::ServiceQuotas if operation == "RequestServiceQuotaIncrease" => (operation, QUOTAS_ASK),
            Self::ServiceQuotas if operation == "ListRequestedServiceQuotaChangeHistory" => (operation, QUOTAS_GET),
            Self::ServiceQuotas if operation.starts_with("List") => (operation, QUOTAS_LIST),
            Self::ServiceQuotas => (operation, QUOTAS_GET),
            Self::Alarms if matches!(operation, "PutMetricAlarm" | "DeleteAlarms") => (operation, ALARM_WRITES),
            Self::Alarms => (operation, ALARM_READS),
            Self::Flat(rate) => (operation, *rate),
        }
    }
}

/// The buckets of one service.
#[derive(Debug)]
pub struct Pacer {
    plan: Plan,
    buckets: Mutex<HashMap<&'static str, Arc<Bucket>>>,
    throttles: Mutex<Throttles>,
}

/// Throttles where each operation is paced on its own.
#[derive(Debug, Default)]
struct Throttles {
    seen: u32,
    /// Until then all operations share one bucket.
    shared_until: Option<Instant>,
}

/// So many throttles at per-operation pacing say that AWS, or the live traffic, leaves less than a
/// bucket for each operation: the careful reading is taken for a while.
const FALL_BACK_AFTER: u32 = 5;
const FALL_BACK_FOR: Duration = Duration::from_secs(15 * 60);

impl Pacer {
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, buckets: Mutex::new(HashMap::new()), throttles: Mutex::default() }
    }

    /// How fast an operation may leave, and whether it shares its bucket with others.
    #[must_use]
    pub fn rate(&self, operation: &'static str) -> (Rate, bool) {
        (self.plan.bucket(operation).1, matches!(self.plan, Plan::ConnectAccount { .. }))
    }

    /// The bucket that paces an operation.
    pub fn bucket(&self, operation: &'static str) -> Arc<Bucket> {
        let shared = |until: Instant| Instant::now() < until;
        let (name, rate) = match self.plan {
            Plan::ConnectPerOperation { share } if locked(&self.throttles).shared_until.is_some_and(shared) => {
                Plan::ConnectAccount { share }.bucket(operation)
            }
            _ => self.plan.bucket(operation),
        };
        Arc::clone(locked(&self.buckets).entry(name).or_insert_with(|| Arc::new(Bucket::new(rate))))
    }

    /// AWS throttled. True where operations that were paced one by one share a bucket from now on.
    pub fn throttled(&self) -> bool {
        if !matches!(self.plan, Plan::ConnectPerOperation { .. }) {
            return false;
        }
        let mut throttles = locked(&self.throttles);
        throttles.seen += 1;
        if throttles.seen < FALL_BACK_AFTER {
            return false;
        }
        *throttles = Throttles { seen: 0, shared_until: Some(Instant::now() + FALL_BACK_FOR) };
        true
    }

    /// Applies an operation's own rate quota (calls per second) where operations are paced one by one.
    pub fn apply_quota(&self, operation: &'static str, per_second: f64) {
        if let Plan::ConnectPerOperation { share } = self.plan {
            self.bucket(operation).cap(per_second * f64::from(share) / 100.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::task::JoinSet;

    /// Runs calls that arrive after the given gaps; returns when each one left, in seconds.
    fn departures(rate: Rate, gaps_ms: &[u64], throttled: &[bool]) -> Vec<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bucket = Arc::new(Bucket::new(rate));
            let start = Instant::now();
            let mut calls = JoinSet::new();
            for (i, gap) in gaps_ms.iter().enumerate() {
                tokio::time::sleep(Duration::from_millis(*gap)).await;
                let bucket = Arc::clone(&bucket);
                let throttled = throttled.get(i).copied().unwrap_or(false);
                calls.spawn(async move {
                    bucket.take(&Semaphore::new(99)).await;
                    let left = start.elapsed().as_secs_f64();
                    if throttled {
                        bucket.slow_down();
                    } else {
                        bucket.recover();
                    }
                    left
                });
            }
            calls.join_all().await
        })
    }

    fn obeys(rate: Rate, departures: &[f64]) -> bool {
        let mut times = departures.to_vec();
        times.sort_by(f64::total_cmp);
        times.iter().enumerate().all(|(i, from)| {
            times[i..].iter().enumerate().all(|(n, to)| {
                #[expect(clippy::cast_precision_loss)]
                let left = (n + 1) as f64;
                left <= f64::from(rate.burst) + rate.per_second * (to - from) + 1e-6
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn no_window_holds_more_than_burst_and_flow(
            per_second in 0.5f64..20.0,
            burst in 1u32..20,
            gaps in prop::collection::vec(prop_oneof![Just(0u64), 0u64..300, 0u64..20_000], 1..80),
            throttled in prop::collection::vec(prop::bool::weighted(0.1), 80),
        ) {
            let rate = Rate::new(per_second, burst);
            let times = departures(rate, &gaps, &throttled);
            prop_assert_eq!(times.len(), gaps.len());
            prop_assert!(obeys(rate, &times), "{:?}", times);
        }
    }

    #[test]
    fn a_busy_bucket_runs_at_its_rate() {
        let times = departures(CONNECT, &[0; 100], &[]);
        let last = times.iter().copied().fold(0.0, f64::max);
        // (100 calls - burst 5) / 2 per second, and the allowance for arrival jitter.
        assert!((47.5..47.8).contains(&last), "{last}");
    }

    #[test]
    fn waiters_leave_in_the_order_of_arrival() {
        let mut times = departures(CONNECT, &[1; 30], &[]);
        let arrival = times.clone();
        times.sort_by(f64::total_cmp);
        // join_all yields in the order of completion, which must be the order of arrival.
        assert_eq!(arrival, times);
    }

    #[test]
    fn a_throttle_halves_the_rate_and_successes_restore_it() {
        let mut throttled = vec![false; 60];
        throttled[0] = true;
        let slow = departures(CONNECT, &[0; 60], &throttled);
        let free = departures(CONNECT, &[0; 60], &[]);
        let last = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
        assert!(last(&slow) > last(&free) + 2.5, "slowed: {} free: {}", last(&slow), last(&free));
        let gap = slow[59] - slow[58];
        assert!((0.49..0.52).contains(&gap), "recovered to 2/s, but the last gap is {gap}");
    }

    #[test]
    fn a_full_burst_survives_late_first_arrivals() {
        // AWS's own bucket, fed with arrivals: the first five are late by 200 ms, the rest on time.
        let times = departures(CONNECT, &[0; 40], &[]);
        let mut tokens = 5.0;
        let mut at = 0.2;
        for (i, left) in times.iter().enumerate() {
            let arrives = if i < 5 { left.max(0.0) + 0.2 } else { *left };
            if arrives > at {
                tokens = f64::min(5.0, tokens + 2.0 * (arrives - at));
                at = arrives;
            }
            assert!(tokens >= 1.0, "call {i} would be throttled");
            tokens -= 1.0;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_run_finds_the_bucket_as_the_first_left_it() {
        let pacer = Pacer::new(Plan::ConnectAccount { share: 100 });
        for _ in 0..5 {
            pacer.bucket("ListUsers").take(&Semaphore::new(99)).await;
        }
        let start = Instant::now();
        pacer.bucket("ListQueues").take(&Semaphore::new(99)).await;
        assert!(start.elapsed() >= Duration::from_millis(400), "another operation of the same bucket waits");
        let start = Instant::now();
        pacer.bucket("GetMetricData").take(&Semaphore::new(99)).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "the metrics operations have a bucket of their own");
    }

    #[tokio::test(start_paused = true)]
    async fn per_operation_pacing_obeys_a_lower_applied_quota() {
        let pacer = Pacer::new(Plan::ConnectPerOperation { share: 100 });
        pacer.apply_quota("ListUsers", 0.5);
        pacer.apply_quota("ListQueues", 10.0);
        for (operation, at_least, at_most) in [("ListUsers", 10.0, 17.0), ("ListQueues", 2.5, 3.0)] {
            let start = Instant::now();
            for _ in 0..10 {
                pacer.bucket(operation).take(&Semaphore::new(99)).await;
            }
            let took = start.elapsed().as_secs_f64();
            assert!((at_least..=at_most).contains(&took), "{operation} took {took}");
        }
    }

    #[test]
    fn a_share_scales_rate_and_burst() {
        assert_eq!(CONNECT.share(50), Rate::new(1.0, 2));
        assert_eq!(CONNECT.share(1), Rate::new(0.02, 1));
    }
}
