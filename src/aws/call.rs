//! One call to a paced service: a token before every attempt, retries, and the run's deadline.
//!
//! The SDK's own retries are switched off for these clients. They happen inside `send()`, where no
//! token can be taken; here each attempt stands in the bucket's queue like any other.

use crate::domain::stats::CallStats;
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
use super::own::Log;
use super::pace::{Pacer, PacingPlan};
use super::trouble::{self, Trouble, Troubles};
use crate::domain::{Fault, FaultKind};

/// Attempts of a throttled call.
const THROTTLED_ATTEMPTS: u32 = 8;
/// Attempts of a call that failed on the way. Those that were throttled do not count here, nor these there.
const TRANSIENT_ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(4);
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

/// Makes the calls of one service. Cheap to clone; clones share buckets and counters.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As faults name it: `connect`, `servicequotas`.
    service: &'static str,
    pacer: Arc<Pacer>,
    lanes: Arc<Semaphore>,
    counters: Arc<Counters>,
    troubles: Arc<Troubles>,
    /// Where calls are noted that were answered with success; none for services whose rates are not measured.
    log: Option<Log>,
}

impl Caller {
    #[must_use]
    pub fn new(service: &'static str, plan: PacingPlan) -> Self {
        Self {
            service,
            pacer: Arc::new(Pacer::new(plan)),
            lanes: Arc::new(Semaphore::new(LANES)),
            counters: Arc::default(),
            troubles: Arc::default(),
            log: None,
        }
    }

    /// Notes every successful call.
    #[must_use]
    pub fn noting(self, log: &Log) -> Self {
        Self { log: Some(log.clone()), ..self }
    }

    /// A run begins: what was given up in the last one is tried as often as ever.
    pub fn begin_run(&self) {
        self.troubles.forget();
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
        let trouble = self.troubles.of(operation);
        let mut turn = Turn {
            caller: self,
            operation,
            deadline,
            trouble,
            lane: None,
            tries: None,
            throttled: 0,
            failed: 0,
            last: None,
        };
        loop {
            turn.begin().await?;
            let failed = match timeout_at(deadline.min(Instant::now() + ATTEMPT_TIMEOUT), make()).await {
                Ok(Ok(output)) => {
                    turn.answered();
                    if let Some(log) = &self.log {
                        log.note(self.service, operation);
                    }
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
    trouble: Arc<Trouble>,
    /// While an attempt is under way.
    lane: Option<SemaphorePermit<'a>>,
    /// AWS throttles the operation, and this is the call that tries.
    tries: Option<trouble::Turn>,
    /// Attempts that were throttled.
    throttled: u32,
    /// Attempts that failed on the way.
    failed: u32,
    /// The last throttle.
    last: Option<Failure>,
}

impl Turn<'_> {
    /// Takes the token of the next attempt.
    async fn begin(&mut self) -> Result<(), Fault> {
        let Self { caller, operation, deadline, .. } = *self;
        if self.tries.is_none() {
            let turn = timeout_at(deadline, self.trouble.turn()).await;
            self.tries = turn.map_err(|_| caller.out_of_time(operation))?;
            if self.tries.is_some()
                && self.trouble.is_used_up()
                && let Some(failure) = self.last.take()
            {
                // It has had its one attempt.
                return Err(self.give_up(failure));
            }
        }
        if self.throttled > 0 {
            self.back_off(self.throttled).await?;
        }
        let asked = Instant::now();
        let lane = timeout_at(deadline, caller.pacer.take(operation, &caller.lanes)).await;
        self.lane = lane.map_err(|_| caller.out_of_time(operation))?;
        let waited = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
        let counters = &caller.counters;
        counters.waited_ms.fetch_add(waited, Ordering::Relaxed);
        counters.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// An answer came that was no throttle.
    fn answered(&mut self) {
        self.caller.pacer.recover(self.operation);
        self.trouble.end();
        self.tries = None;
    }

    /// Waits until another attempt may be made; `failed` is none where there was no answer in time.
    ///
    /// # Errors
    /// The failure as a fault, where no other attempt is made.
    async fn fail(&mut self, failed: Option<Failure>) -> Result<(), Fault> {
        self.lane = None;
        let Self { caller, operation, deadline, .. } = *self;
        let failure = match failed {
            Some(failure) => failure,
            None if Instant::now() >= deadline => return Err(caller.out_of_time(operation)),
            None => Failure::no_answer(ATTEMPT_TIMEOUT.as_secs()),
        };
        match failure.retry {
            Retry::Throttled => {
                self.note_throttle();
                if self.throttled >= THROTTLED_ATTEMPTS {
                    self.trouble.use_up();
                }
                if self.trouble.is_used_up() {
                    return Err(self.give_up(failure));
                }
                // The wait is in `begin`: whose turn it is may show meanwhile that there is no need for one.
                self.last = Some(failure);
                Ok(())
            }
            Retry::Transient => {
                self.failed += 1;
                if self.failed >= TRANSIENT_ATTEMPTS {
                    return Err(self.give_up(failure));
                }
                self.back_off(self.failed).await
            }
            Retry::Never => {
                self.answered();
                Err(self.give_up(failure))
            }
        }
    }

    fn give_up(&self, failure: Failure) -> Fault {
        let mut fault = failure.into_fault(&self.caller.name(self.operation));
        let attempts = self.throttled + self.failed;
        if attempts > 1 {
            fault.message = format!("{} (after {attempts} attempts)", fault.message);
        } else if fault.kind == FaultKind::Throttled {
            fault.message =
                format!("{} (tried once: all attempts of an earlier call were throttled in this run)", fault.message);
        }
        fault
    }

    async fn back_off(&self, attempts: u32) -> Result<(), Fault> {
        let slept = timeout_at(self.deadline, sleep(backoff(attempts))).await;
        slept.map_err(|_| self.caller.out_of_time(self.operation))
    }

    fn note_throttle(&mut self) {
        self.throttled += 1;
        self.trouble.begin();
        self.caller.counters.throttled.fetch_add(1, Ordering::Relaxed);
        if self.caller.pacer.throttled(self.operation) {
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
