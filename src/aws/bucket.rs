//! One token bucket, in front of every attempt of the calls it paces.
//!
//! The law: in any window of `w` seconds at most `burst + rate * w` attempts leave a bucket. Waiters
//! are served in the order of arrival.
//!
//! The bucket is the generic cell rate algorithm (GCRA). `tat`, the theoretical arrival time, is when the
//! bucket will be full again. A call may leave at `tat - tolerance`; each call adds one period to `tat`.

use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// A bucket that was throttled longer ago runs at its own rate again: what emptied it then is over.
const SLOW_FOR: Duration = Duration::from_secs(15 * 60);

/// One token bucket.
#[derive(Debug)]
pub struct Bucket {
    period: Duration,
    tolerance: Duration,
    state: Mutex<State>,
    /// Held while waiting for a token. Tokio's mutex is fair: this is the queue.
    turn: sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    tat: Option<Instant>,
    /// The least time between two calls that a quota of this operation allows, where it is below the rate.
    cap: Option<Duration>,
    /// 1 at the documented rate, 2 at half of it, at most [`SLOWEST`].
    slowdown: f64,
    slowed_at: Option<Instant>,
}

impl State {
    fn slowdown(&self, now: Instant) -> f64 {
        let is_over = self.slowed_at.is_none_or(|at| now.duration_since(at) >= SLOW_FOR);
        if is_over { 1.0 } else { self.slowdown }
    }
}

impl Bucket {
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let full_burst = rate.period() * (rate.burst.max(1) - 1);
        Self {
            period: rate.period(),
            tolerance: full_burst.saturating_sub(ARRIVAL_JITTER),
            state: Mutex::new(State { tat: None, cap: None, slowdown: 1.0, slowed_at: None }),
            turn: sync::Mutex::new(()),
        }
    }

    /// Waits for a token and for one of the lanes, and spends the token. Dropping the future before it is
    /// ready spends nothing. The token comes first and is spent last: nobody holds a lane who only waits,
    /// and a call that waits for its lane does not leave in a crowd with those behind it.
    pub async fn take<'a>(&self, lanes: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        let _turn = self.turn.lock().await;
        loop {
            self.wait().await;
            let lane = lanes.acquire().await.ok();
            // A throttle may have slowed the bucket meanwhile: look again after the waits.
            if self.is_ready() {
                self.spend();
                return lane;
            }
        }
    }

    /// As [`Self::take`], where a second bucket has a say too. The token of this one is spent when the call
    /// leaves, so that both laws hold however long it waited for the other.
    pub async fn take_with<'a>(&self, other: &Self, lanes: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        let _turn = self.turn.lock().await;
        // Before it stands in the other queue: there it would hold up everybody.
        while !self.is_ready() {
            self.wait().await;
        }
        let lane = other.take(lanes).await;
        self.spend();
        lane
    }

    async fn wait(&self) {
        // Not `sleep_until` alone: it takes a millisecond where there is nothing to wait for.
        if let Some(ready) = self.ready().filter(|ready| *ready > Instant::now()) {
            sleep_until(ready).await;
        }
    }

    fn spend(&self) {
        let now = Instant::now();
        let mut state = locked(&self.state);
        let period = state.cap.unwrap_or_default().max(self.period).mul_f64(state.slowdown(now));
        state.tat = Some(state.tat.map_or(now, |tat| tat.max(now)) + period);
    }

    fn is_ready(&self) -> bool {
        self.ready().is_none_or(|ready| ready <= Instant::now())
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
            state.slowdown = (state.slowdown(now) * 2.0).min(SLOWEST);
            state.slowed_at = Some(now);
        }
    }

    /// An attempt was not throttled: a slowed bucket recovers by a tenth.
    pub fn recover(&self) {
        let mut state = locked(&self.state);
        state.slowdown = (state.slowdown * 0.9).max(1.0);
    }

    /// Lowers the rate to an applied rate quota below the documented one, never above it. None: there is no
    /// such quota (any more).
    pub fn cap(&self, per_second: Option<f64>) {
        let allowed = per_second.filter(|rate| rate.is_finite() && *rate > 0.0);
        let period = allowed.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        locked(&self.state).cap = period.filter(|period| *period > self.period);
    }

    /// Slower than its documented rate, by a quota or because AWS throttled.
    #[must_use]
    pub fn is_slowed(&self) -> bool {
        let state = locked(&self.state);
        state.cap.is_some() || state.slowdown(Instant::now()) > 1.0
    }
}

/// A panic elsewhere must not take the pacing down with it: the state is valid between any two lines.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use tokio::task::JoinSet;

    const CONNECT: Rate = Rate::new(2.0, 5);

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

    /// Calls of three operations through one bucket, one of which has a cap and is throttled now and then;
    /// returns when each left, by operation.
    fn departures_of_three(cap: f64, calls: &[(u64, usize, bool)]) -> Vec<(usize, f64)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (shared, own) = (Arc::new(Bucket::new(CONNECT)), Arc::new(Bucket::new(CONNECT)));
            own.cap(Some(cap));
            let start = Instant::now();
            let mut leaving = JoinSet::new();
            for (gap, operation, is_throttled) in calls.iter().copied() {
                tokio::time::sleep(Duration::from_millis(gap)).await;
                let (shared, own) = (Arc::clone(&shared), Arc::clone(&own));
                leaving.spawn(async move {
                    let lanes = Semaphore::new(99);
                    if operation == 0 {
                        own.take_with(&shared, &lanes).await
                    } else {
                        shared.take(&lanes).await
                    };
                    let left = (operation, start.elapsed().as_secs_f64());
                    match (operation, is_throttled) {
                        (0, true) => own.slow_down(),
                        (0, false) => own.recover(),
                        _ => shared.recover(),
                    }
                    left
                });
            }
            leaving.join_all().await
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn both_laws_hold_where_an_operation_has_a_bucket_of_its_own(
            cap in 0.2f64..2.0,
            calls in prop::collection::vec((prop_oneof![Just(0u64), 0u64..2_000], 0usize..3, prop::bool::weighted(0.1)), 1..60),
        ) {
            let left = departures_of_three(cap, &calls);
            prop_assert_eq!(left.len(), calls.len());
            let times = |of: Option<usize>| -> Vec<f64> {
                left.iter().filter(|(o, _)| of.is_none_or(|of| of == *o)).map(|(_, at)| *at).collect()
            };
            prop_assert!(obeys(CONNECT, &times(None)), "all: {:?}", left);
            prop_assert!(obeys(Rate::new(cap, 5), &times(Some(0))), "its own: {:?}", left);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_cap_holds_up_nobody() {
        let (shared, own) = (Arc::new(Bucket::new(CONNECT)), Arc::new(Bucket::new(CONNECT)));
        own.cap(Some(0.1));
        let mut capped = JoinSet::new();
        for _ in 0..5 {
            let (shared, own) = (Arc::clone(&shared), Arc::clone(&own));
            capped.spawn(async move { own.take_with(&shared, &Semaphore::new(99)).await.is_some() });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        for _ in 0..15 {
            shared.take(&Semaphore::new(99)).await;
        }
        assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
        capped.join_all().await;
        assert!(start.elapsed() > Duration::from_secs(30), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cap_can_be_lifted_and_a_throttle_is_forgotten_in_time() {
        let bucket = Bucket::new(CONNECT);
        let fifteen = async || {
            let start = Instant::now();
            for _ in 0..15 {
                bucket.take(&Semaphore::new(99)).await;
            }
            start.elapsed().as_secs_f64()
        };
        bucket.cap(Some(0.5));
        assert!(bucket.is_slowed() && fifteen().await > 25.0);
        bucket.cap(None);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!bucket.is_slowed() && fifteen().await < 6.0);
        for _ in 0..3 {
            bucket.slow_down();
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert!(bucket.is_slowed() && fifteen().await > 20.0);
        tokio::time::advance(SLOW_FOR).await;
        assert!(!bucket.is_slowed() && fifteen().await < 6.0);
        bucket.cap(Some(50.0));
        assert!(!bucket.is_slowed(), "a quota above the documented rate raises nothing");
    }
}
