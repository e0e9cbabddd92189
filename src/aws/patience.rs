//! How long a run waits for its sinks: until its end at the latest, and not again and again for one that
//! does not answer. A table that hangs must not keep a message from being sent, nor a topic that hangs
//! the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::domain::{Fault, FaultKind};

/// A sink that did not answer, with all the SDK's retries, is tried again after this long.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(300);

/// A sink's name, and the operation: one that cannot be read may still be written.
type Call = (&'static str, &'static str);
type Silent = HashMap<Call, (Instant, Fault)>;

/// Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Patience {
    end: Option<Instant>,
    silent: Arc<Mutex<Silent>>,
}

impl Patience {
    #[must_use]
    pub fn until(end: Instant) -> Self {
        Self { end: Some(end), ..Self::default() }
    }

    /// Waits for a call to a sink.
    ///
    /// # Errors
    /// The call's own fault; `deadline` where the run ended first; and the fault of the last call again
    /// where the sink has just not answered.
    pub async fn wait<T>(
        &self,
        sink: &'static str,
        operation: &'static str,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        if let Some(fault) = self.silence((sink, operation)) {
            return Err(fault);
        }
        let result = match self.end {
            Some(end) => timeout_at(end, call).await.unwrap_or_else(|_| {
                Err(Fault::new(operation, FaultKind::Deadline, "the run's time was over before an answer came"))
            }),
            None => call.await,
        };
        if let Err(fault) = &result
            && fault.kind == FaultKind::Timeout
        {
            let why = format!("{sink} did not answer just now, so it was not tried again: {}", fault.message);
            // It may have been another operation of several that did not answer.
            self.lock().insert((sink, operation), (Instant::now(), Fault { message: why, ..fault.clone() }));
        }
        result
    }

    fn silence(&self, call: Call) -> Option<Fault> {
        let silent = self.lock();
        let (since, fault) = silent.get(&call)?;
        (since.elapsed() < TRY_AGAIN_AFTER).then(|| fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Silent> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn hangs() -> Result<(), Fault> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Err(Fault::new("s3:PutObject", FaultKind::Timeout, "no answer within 15 s"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_sink_is_waited_for_once_and_tried_again_later() {
        let (patience, start) = (Patience::default(), Instant::now());
        for _ in 0..50 {
            let fault = patience.wait("S3", "s3:PutObject", hangs()).await.unwrap_err();
            assert_eq!(fault.kind, FaultKind::Timeout);
        }
        assert_eq!(start.elapsed().as_secs(), 60);
        assert!(patience.wait("SNS", "sns:Publish", async { Ok(()) }).await.is_ok(), "another sink is another sink");
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
        assert!(patience.wait("S3", "s3:PutObject", async { Ok(()) }).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_beyond_the_end() {
        let start = Instant::now();
        let patience = Patience::until(start + Duration::from_secs(7));
        for _ in 0..3 {
            assert_eq!(patience.wait("S3", "s3:PutObject", hangs()).await.unwrap_err().kind, FaultKind::Deadline);
        }
        assert_eq!(start.elapsed().as_secs(), 7);
    }
}
