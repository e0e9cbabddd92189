//! Stage "all clear": where nothing was told for long, one message says that the monitor watches.
//!
//! The account's ledger holds when readers last got a message. Of two runs that overlap one tells: it claims the
//! ledger first, as news is claimed. A message that could not be sent is due again in the next run.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::context::Context;
use crate::answer::Alerts;
use crate::domain::Fault;
use crate::domain::format::DAY;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::keep::ledger::{Opened, Version, Written};
use crate::ledger::{CLAIM_LASTS, Claim, Ledger};
use crate::say;
use crate::say::Overview;

/// Conflicts after which a run leaves it to the next one.
const MOST_CONFLICTS: usize = 20;

/// What the ledger says is to do.
enum Due {
    Nothing,
    /// Only the time is to be written down.
    Note,
    /// Nothing was told since then.
    Tell(Timestamp),
}

/// Notes that this run told something, or tells that nothing was told for long. What it sends counts in `alerts`.
pub(super) async fn all_clear(run: &Context<'_>, overview: &Overview, alerts: &mut Alerts) -> Vec<Fault> {
    let is_on = run.app.config.all_clear_days > 0 && run.tells_readers() && run.sinks.channels.alerts.is_some();
    // A look at some instances does not say that all is clear, and news that could not be sent is no silence.
    let has_say = alerts.sent > 0 || run.is_whole && alerts.failed == 0;
    let mut faults = Vec::new();
    if is_on && has_say && run.sinks.stores.has_home() {
        let told = Box::pin(AllClear { run, overview, is_told: alerts.sent > 0 }.settle(alerts)).await;
        faults.extend(told.err());
    }
    faults
}

struct AllClear<'r, 'a> {
    run: &'r Context<'a>,
    overview: &'r Overview,
    /// This run told something.
    is_told: bool,
}

impl AllClear<'_, '_> {
    async fn settle(&self, alerts: &mut Alerts) -> Result<(), Fault> {
        let Some((claimed, since)) = self.claim().await? else { return Ok(()) };
        let context = self.run.said_of(None);
        let message = say::all_clear(&context, self.overview, since, self.run.app.config.all_clear_days);
        let sent = self.run.sinks.channels.publish(&message).await;
        match &sent {
            Ok(()) => alerts.sent += 1,
            Err(_) => alerts.failed += 1,
        }
        let recorded = self.record(claimed, sent.is_ok()).await;
        sent.and(recorded)
    }

    fn due(&self, ledger: &Ledger) -> Due {
        let now = self.run.now.as_second();
        match ledger.notes.told_at {
            Some(at) if at >= now => Due::Nothing,
            _ if self.is_told => Due::Note,
            // The silence begins when the first run looks.
            None => Due::Note,
            Some(at) if now - at < i64::from(self.run.app.config.all_clear_days) * DAY => Due::Nothing,
            // Another run is telling its news: that is no silence.
            Some(_) if ledger.is_claimed(&self.run.execution_id, self.run.clock()) => Due::Nothing,
            Some(at) => Timestamp::from_second(at).map_or(Due::Note, Due::Tell),
        }
    }

    /// The ledger with this run's claim, and since when nothing was told; none where nothing is to be told.
    async fn claim(&self) -> Result<Option<((Ledger, Version), Timestamp)>, Fault> {
        for _ in 0..MOST_CONFLICTS {
            // The account's own stage has said so where it cannot be read.
            let Opened::Found(mut ledger, version) = self.read().await else { return Ok(None) };
            let due = self.due(&ledger);
            // A write whose answer was lost may have been done.
            if let (Due::Tell(since), true) = (&due, self.is_ours(&ledger)) {
                return Ok(Some(((*ledger, version), *since)));
            }
            match due {
                Due::Nothing => return Ok(None),
                Due::Note => ledger.notes.told_at = Some(self.run.now.as_second()),
                Due::Tell(_) => {
                    ledger.end_claim();
                    let until = self.run.clock().checked_add(CLAIM_LASTS).unwrap_or(self.run.now);
                    let execution_id = self.run.execution_id.clone();
                    ledger.claim = Some(Claim { execution_id, until, ends: Vec::new() });
                }
            }
            let wanted = self.next(*ledger);
            match (self.run.sinks.stores.write_ledger(&wanted, &version).await?, due) {
                (Written::As(version), Due::Tell(since)) => return Ok(Some(((wanted, version), since))),
                (Written::As(_), _) => return Ok(None),
                (Written::Conflict, _) => sleep(Duration::from_millis(fastrand::u64(1..50))).await,
            }
        }
        Ok(None)
    }

    /// Releases the claim; with the time where the message was sent.
    async fn record(&self, claimed: (Ledger, Version), is_sent: bool) -> Result<(), Fault> {
        let (mut ledger, mut version) = claimed;
        for _ in 0..MOST_CONFLICTS {
            if self.is_ours(&ledger) {
                ledger.claim = None;
            }
            if is_sent {
                ledger.notes.told_at = ledger.notes.told_at.max(Some(self.run.now.as_second()));
            }
            let wanted = self.next(ledger);
            if let Written::As(_) = self.run.sinks.stores.write_ledger(&wanted, &version).await? {
                return Ok(());
            }
            let Opened::Found(latest, read) = self.read().await else { return Ok(()) };
            if *latest == wanted {
                return Ok(());
            }
            (ledger, version) = (*latest, read);
        }
        Ok(())
    }

    fn next(&self, ledger: Ledger) -> Ledger {
        Ledger {
            version: ledger.version + 1,
            execution_id: self.run.execution_id.clone(),
            written_at: self.run.clock(),
            ..ledger
        }
    }

    fn is_ours(&self, ledger: &Ledger) -> bool {
        ledger.claim.as_ref().is_some_and(|claim| claim.execution_id == self.run.execution_id)
    }

    async fn read(&self) -> Opened {
        Box::pin(self.run.sinks.stores.ledger(&self.run.owner, ACCOUNT_KEY)).await
    }
}
