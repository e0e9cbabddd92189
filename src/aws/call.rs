//! One call to a paced service: a token before every attempt, retries, and the run's deadline.
//!
//! The SDK's own retries are switched off for these clients. They happen inside `send()`, where no
//! token can be taken; here each attempt stands in the bucket's queue like any other.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_connect::config::http::HttpResponse;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use super::fault::{Failure, Retry, failure, out_of_time};
use super::pace::{Bucket, Pacer, Plan};
use crate::model::{Fault, FaultKind};

/// Attempts of a throttled call.
const THROTTLED_ATTEMPTS: u32 = 8;
/// Attempts of a call that failed on the way.
const TRANSIENT_ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// An attempt that has not been answered by then is given up. The wait for a token does not count.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// So many calls of a service are under way at a time. Each has a connection and buffers: without an end to
/// them, what a run needs would grow with its instances. At 250 ms a call they still make 64 calls a
/// second, more than all of Connect's operations may together.
const LANES: usize = 16;

/// What has gone over the wire, since the process started.
#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    throttled: AtomicU64,
    waited_ms: AtomicU64,
}

/// A reading of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallStats {
    /// Attempts, retries included.
    pub requests: u64,
    pub throttled: u64,
    /// Time spent waiting for tokens, summed over calls that waited side by side.
    pub paced_wait_ms: u64,
}

impl CallStats {
    /// What was added since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            throttled: self.throttled - earlier.throttled,
            paced_wait_ms: self.paced_wait_ms - earlier.paced_wait_ms,
        }
    }
}

/// Makes the calls of one service. Cheap to clone; clones share buckets and counters.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As faults name it: `connect`, `servicequotas`.
    service: &'static str,
    pacer: Arc<Pacer>,
    lanes: Arc<Semaphore>,
    counters: Arc<Counters>,
}

impl Caller {
    #[must_use]
    pub fn new(service: &'static str, plan: Plan) -> Self {
        Self {
            service,
            pacer: Arc::new(Pacer::new(plan)),
            lanes: Arc::new(Semaphore::new(LANES)),
            counters: Arc::default(),
        }
    }

    #[must_use]
    pub fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    #[must_use]
    pub fn stats(&self) -> CallStats {
        CallStats {
            requests: self.counters.requests.load(Ordering::Relaxed),
            throttled: self.counters.throttled.load(Ordering::Relaxed),
            paced_wait_ms: self.counters.waited_ms.load(Ordering::Relaxed),
        }
    }

    /// Calls `operation` until it succeeds, fails for good, or `deadline` has come.
    ///
    /// # Errors
    /// The last attempt's failure as a fault named `service:Operation`.
    pub async fn call<T, E, F>(
        &self,
        operation: &'static str,
        deadline: Instant,
        send: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.attempts(operation, deadline, &|| attempt(send())).await
    }

    /// As [`Self::call`], of anything that makes attempts.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) async fn attempts<T>(
        &self,
        operation: &'static str,
        deadline: Instant,
        make: &(dyn Fn() -> Attempt<T> + Send + Sync),
    ) -> Result<T, Fault> {
        let bucket = self.pacer.bucket(operation);
        let mut turn = Turn { caller: self, operation, deadline, bucket, lane: None, attempt: 0 };
        loop {
            turn.begin().await?;
            let failed = match timeout_at(deadline.min(Instant::now() + ATTEMPT_TIMEOUT), make()).await {
                Ok(Ok(output)) => {
                    turn.bucket.recover();
                    return Ok(output);
                }
                Ok(Err(failure)) => Some(failure),
                Err(_) => None,
            };
            turn.fail(failed).await?;
        }
    }

    /// `service:Operation`.
    #[must_use]
    pub fn name(&self, operation: &str) -> String {
        format!("{}:{operation}", self.service)
    }

    fn out_of_time(&self, operation: &str) -> Fault {
        Fault::new(
            self.name(operation),
            FaultKind::Deadline,
            format!("the run's time was over before the call could be made; {}", out_of_time(self.service)),
        )
    }
}

/// One attempt under way. It stands on the heap only then: thousands of calls may wait for their token.
pub(super) type Attempt<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

/// The attempt that an SDK call is.
pub(super) fn attempt<T, E, F>(sent: F) -> Attempt<T>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Box::pin(async { sent.await.map_err(|error| failure(&error)) })
}

/// A call on its way through its attempts.
struct Turn<'a> {
    caller: &'a Caller,
    operation: &'static str,
    deadline: Instant,
    bucket: Arc<Bucket>,
    /// While an attempt is under way.
    lane: Option<SemaphorePermit<'a>>,
    attempt: u32,
}

impl Turn<'_> {
    /// Takes the token of the next attempt.
    async fn begin(&mut self) -> Result<(), Fault> {
        // Asked anew each time: a throttle may have sent the operation to the bucket of all.
        self.bucket = self.caller.pacer.bucket(self.operation);
        let asked = Instant::now();
        let caller = self.caller;
        let lane = timeout_at(self.deadline, self.bucket.take(&caller.lanes)).await;
        self.lane = lane.map_err(|_| caller.out_of_time(self.operation))?;
        let waited = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
        let counters = &caller.counters;
        counters.waited_ms.fetch_add(waited, Ordering::Relaxed);
        counters.requests.fetch_add(1, Ordering::Relaxed);
        self.attempt += 1;
        Ok(())
    }

    /// Waits until another attempt may be made; `failed` is none where there was no answer in time.
    ///
    /// # Errors
    /// The failure as a fault, where no other attempt is made.
    async fn fail(&mut self, failed: Option<Failure>) -> Result<(), Fault> {
        self.lane = None;
        let Self { caller, operation, deadline, attempt, .. } = *self;
        let failure = match failed {
            Some(failure) => failure,
            None if Instant::now() >= deadline => return Err(caller.out_of_time(operation)),
            None => Failure::no_answer(ATTEMPT_TIMEOUT.as_secs()),
        };
        let attempts = match failure.retry {
            Retry::Throttled => {
                self.throttled();
                THROTTLED_ATTEMPTS
            }
            Retry::Transient => TRANSIENT_ATTEMPTS,
            Retry::Never => 1,
        };
        if attempt >= attempts {
            let mut fault = failure.into_fault(&caller.name(operation));
            if attempt > 1 {
                fault.message = format!("{} (after {attempt} attempts)", fault.message);
            }
            return Err(fault);
        }
        timeout_at(deadline, sleep(backoff(attempt))).await.map_err(|_| caller.out_of_time(operation))
    }

    fn throttled(&self) {
        self.caller.counters.throttled.fetch_add(1, Ordering::Relaxed);
        self.bucket.slow_down();
        if self.caller.pacer.throttled() {
            warn!("AWS throttles Connect at per-operation pacing: all operations share one bucket for 15 minutes");
        }
    }
}

/// Full jitter: anything between nothing and the exponential bound, so that callers who were throttled
/// together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let bound = FIRST_BACKOFF.saturating_mul(1 << attempt.min(16)).min(LONGEST_BACKOFF);
    bound.mul_f64(fastrand::f64())
}
