//! One call to a paced service: a token before every attempt, retries, and the run's deadline.
//!
//! The SDK's own retries are switched off for these clients. They happen inside `send()`, where no
//! token can be taken; here each attempt stands in the bucket's queue like any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_connect::config::http::HttpResponse;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use super::fault::{Failure, Retry, failure};
use super::pace::{Pacer, Plan};
use crate::model::{Fault, FaultKind};

/// Attempts of a throttled call.
const THROTTLED_ATTEMPTS: u32 = 8;
/// Attempts of a call that failed on the way.
const TRANSIENT_ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// An attempt that has not been answered by then is given up. The wait for a token does not count.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

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
    counters: Arc<Counters>,
}

impl Caller {
    #[must_use]
    pub fn new(service: &'static str, plan: Plan) -> Self {
        Self { service, pacer: Arc::new(Pacer::new(plan)), counters: Arc::default() }
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
        send: impl Fn() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut attempt = 0;
        loop {
            let bucket = self.pacer.bucket(operation);
            let asked = Instant::now();
            if timeout_at(deadline, bucket.take()).await.is_err() {
                return Err(self.out_of_time(operation));
            }
            let waited = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.counters.waited_ms.fetch_add(waited, Ordering::Relaxed);
            self.counters.requests.fetch_add(1, Ordering::Relaxed);
            attempt += 1;

            let failure = match timeout_at(deadline.min(Instant::now() + ATTEMPT_TIMEOUT), send()).await {
                Ok(Ok(output)) => {
                    bucket.recover();
                    return Ok(output);
                }
                Ok(Err(error)) => failure(&error),
                Err(_) if Instant::now() >= deadline => return Err(self.out_of_time(operation)),
                Err(_) => Failure {
                    kind: FaultKind::Timeout,
                    retry: Retry::Transient,
                    message: format!("no answer within {} s", ATTEMPT_TIMEOUT.as_secs()),
                },
            };
            let attempts = match failure.retry {
                Retry::Throttled => {
                    self.counters.throttled.fetch_add(1, Ordering::Relaxed);
                    bucket.slow_down();
                    if self.pacer.throttled() {
                        warn!(
                            "AWS throttles Connect at per-operation pacing: all operations share one bucket for 15 minutes"
                        );
                    }
                    THROTTLED_ATTEMPTS
                }
                Retry::Transient => TRANSIENT_ATTEMPTS,
                Retry::Never => 1,
            };
            if attempt >= attempts {
                let mut fault = failure.into_fault(&self.name(operation));
                if attempt > 1 {
                    fault.message = format!("{} (after {attempt} attempts)", fault.message);
                }
                return Err(fault);
            }
            if timeout_at(deadline, sleep(backoff(attempt))).await.is_err() {
                return Err(self.out_of_time(operation));
            }
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
            "the run's time was over before the call could be made; raise the function's timeout, or set CONNECT_PACING=per-operation",
        )
    }
}

/// Full jitter: anything between nothing and the exponential bound, so that callers who were throttled
/// together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let bound = FIRST_BACKOFF.saturating_mul(1 << attempt.min(16)).min(LONGEST_BACKOFF);
    bound.mul_f64(fastrand::f64())
}
