//! What every stage of a run may look at, and none may change.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::warn;

use super::app::{App, Moment};
use crate::domain::request::Request;
use crate::domain::{Account, Fault, Instance, Owner, Thresholds};
use crate::keep::ledger::Opened;
use crate::ledger::{Incident, Incidents, Ledger, Notes, Reminders, Rules};
use crate::run::sinks::Sinks;
use crate::say;

/// One run: who asks, of whom, when, and what it may change.
pub(super) struct Context<'a> {
    pub app: &'a App,
    pub sinks: Sinks,
    pub execution_id: String,
    pub now: Timestamp,
    /// The same moment, on the clock that goes on.
    pub started: Instant,
    pub deadline: Instant,
    pub end: Instant,
    pub account: Account,
    pub owner: Owner,
    pub thresholds: Thresholds,
    pub rules: Rules,
    pub dry_run: bool,
    /// The payload asked for a threshold of its own: what such a run says changes nothing that readers know.
    pub has_own_threshold: bool,
    /// Of all instances, at the configured thresholds: only such a run says what is not there any more, and
    /// which alarms there should be.
    pub is_whole: bool,
}

/// A subject's ledger, as the run found it.
#[derive(Debug, Clone)]
pub(super) struct Book(pub Opened);

impl<'a> Context<'a> {
    pub(super) fn new(
        app: &'a App,
        request: &Request,
        (moment, started, execution_id): (Moment, Instant, String),
        account: Account,
    ) -> Self {
        let config = &app.config;
        let mut thresholds = config.thresholds;
        if let Some(warning) = request.threshold_percentage {
            thresholds = thresholds.with_warning(warning);
        }
        if let Some(note) = app.without_alerts() {
            warn!("{note}");
        }
        let reminders = Reminders { live: config.reminder_hours, build: config.reminder_hours_build };
        Self {
            app,
            sinks: app.sinks.until(moment.end),
            execution_id,
            now: moment.now,
            started,
            deadline: moment.deadline,
            end: moment.end,
            owner: account.owner(),
            account,
            thresholds,
            rules: Rules {
                now: moment.now,
                schedule_minutes: config.lookback_minutes,
                reminders,
                is_part: !request.instance_ids.is_empty(),
            },
            dry_run: request.dry_run,
            has_own_threshold: request.threshold_percentage.is_some(),
            is_whole: request.threshold_percentage.is_none() && request.instance_ids.is_empty(),
        }
    }

    /// The time now: the run's start, and what has passed since.
    pub(super) fn clock(&self) -> Timestamp {
        let passed = i64::try_from(self.started.elapsed().as_secs()).unwrap_or_default();
        self.now.checked_add(SignedDuration::from_secs(passed)).unwrap_or(Timestamp::MAX)
    }

    /// What messages and pages say of an instance, or of the account, is said in this context.
    pub(super) fn said_of<'r>(&'r self, instance: Option<&'r Instance>) -> say::Context<'r> {
        say::Context {
            account: &self.account,
            instance,
            thresholds: self.thresholds,
            execution_id: &self.execution_id,
            now: self.now,
            bucket: self.app.config.s3_bucket.as_deref().map(|bucket| (bucket, self.app.home_region(&self.account))),
        }
    }

    /// Reads a subject's ledger; a dry run reads and leaves nothing.
    pub(super) async fn open(&self, instance_id: &str) -> Book {
        if self.dry_run {
            Book(Opened::Absent)
        } else {
            Book(Box::pin(self.sinks.stores.ledger(&self.owner, instance_id)).await)
        }
    }

    /// Somebody can be told, and is told at the configured thresholds: only such a run changes what readers
    /// know.
    pub(super) fn tells_readers(&self) -> bool {
        self.sinks.channels.any() && !self.has_own_threshold && !self.dry_run
    }
}

impl Book {
    pub(super) fn ledger(&self) -> Option<&Ledger> {
        if let Opened::Found(ledger, _) = &self.0 { Some(ledger) } else { None }
    }

    /// What readers were told; none where nothing is known of it.
    pub(super) fn told(&self) -> Option<&Incidents> {
        self.ledger().and_then(Ledger::told)
    }

    /// No run has left anything here that another one has to go on from.
    pub(super) fn is_blank(&self) -> bool {
        match &self.0 {
            Opened::Absent => true,
            Opened::Unreadable(_) => false,
            Opened::Found(ledger, _) => {
                ledger.notes.instances.is_empty() && ledger.incidents.values().all(Incident::is_blank)
            }
        }
    }

    /// 0 where there is no ledger.
    pub(super) fn version(&self) -> u64 {
        self.ledger().map_or(0, |ledger| ledger.version)
    }

    /// What earlier runs left, to go on from.
    pub(super) fn notes(&self) -> Notes {
        self.ledger().map(|ledger| ledger.notes.clone()).unwrap_or_default()
    }

    pub(super) fn fault(&self) -> Option<&Fault> {
        if let Opened::Unreadable(fault) = &self.0 { Some(fault) } else { None }
    }
}
