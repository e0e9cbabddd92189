//! The second look: CloudTrail is asked who made the accepted calls of an operation.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::app::App;
use crate::aws::cloudtrail::MOST_LOOKED_AT;
use crate::aws::cloudwatch::Window;
use crate::domain::{Fault, FaultKind};
use crate::watch::look::{Callers, Span};

/// So long one look may take. Twenty pages at two a second are ten seconds, and an attempt that hangs is given up after
/// fifteen.
const LOOK: Duration = Duration::from_secs(20);

impl App {
    /// Who made the accepted calls of a service's operation in a time. `role` is the monitor's own.
    ///
    /// # Errors
    /// The fault of `LookupEvents`.
    pub(super) async fn who_called(
        &self,
        (service, operation): (&str, &str),
        span: Span,
        role: Option<&str>,
        deadline: Instant,
    ) -> Result<Callers, Fault> {
        let (window, end) = (Window { start: span.0, end: span.1 }, deadline.min(Instant::now() + LOOK));
        let looked = self.aws.trail.calls_of(operation, window, MOST_LOOKED_AT, role, end).await;
        let looked = looked.map_err(|fault| match fault.kind {
            FaultKind::Deadline if Instant::now() < deadline => {
                let why =
                    format!("no whole answer within {} seconds, which is all that a look may take", LOOK.as_secs());
                Fault { kind: FaultKind::Timeout, message: why, ..fault }
            }
            _ => fault,
        })?;
        Ok(Callers::of(&looked.records, service, operation, span, looked.is_whole))
    }
}

/// What a look brought, or why it brought nothing, as a sentence.
pub(super) fn said(operation: &str, looked: &Result<Callers, Fault>) -> String {
    match looked {
        Ok(callers) => callers.sentence(),
        Err(fault) => format!(
            "who made the accepted calls of {operation} is not known: {} {}: {}",
            fault.operation,
            fault.kind.as_str(),
            fault.message
        ),
    }
}

/// The looks of one invocation: each operation once, and not so many that the invocation has no time to tell.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<BTreeMap<(String, String), Result<Callers, Fault>>>);

/// Operations that one invocation asks about.
const MOST_LOOKS: usize = 2;

impl Looks {
    /// As [`App::who_called`]; none where the invocation has asked about others already.
    pub(super) async fn look(
        &self,
        app: &App,
        (service, operation): (&str, &str),
        span: Span,
        role: Option<&str>,
        deadline: Instant,
    ) -> Option<Result<Callers, Fault>> {
        let mut known = self.0.lock().await;
        let key = (service.to_owned(), operation.to_owned());
        if let Some(looked) = known.get(&key) {
            return Some(looked.clone());
        }
        if known.len() >= MOST_LOOKS {
            return None;
        }
        let looked = app.who_called((service, operation), span, role, deadline).await;
        known.insert(key, looked.clone());
        Some(looked)
    }
}
