//! The run's messages: sent when every snapshot is stored, and written down as told.

use jiff::{SignedDuration, Timestamp};

use super::run::Run;
use crate::alert::{self, Rows};
use crate::changes::{News, compare};
use crate::model::Instance;
use crate::snapshot::{AlertState, Snapshot};

/// A message that waits until every snapshot is stored.
pub(super) struct Pending {
    pub(super) instance: Option<Instance>,
    /// As it is stored.
    pub(super) snapshot: Snapshot,
    pub(super) news: News,
    /// What the reader knows once the message is out.
    pub(super) told: AlertState,
    /// What the reader knew when the run began; none where nothing is stored.
    pub(super) before: Option<AlertState>,
}

impl Run<'_> {
    /// Publishes what is new, and writes down that it was told.
    pub(super) async fn send_alerts(&mut self) {
        let Some(sns) = &self.app.sinks.alerts else { return };
        for mut pending in std::mem::take(&mut self.pending) {
            if self.keeps_state && !self.is_still_news(&mut pending).await {
                self.alerts.suppressed += usize::from(pending.snapshot.violations_count > 0);
                continue;
            }
            let context = alert::Context {
                account: &self.account,
                instance: pending.instance.as_ref(),
                thresholds: self.thresholds,
                execution_id: &self.execution_id,
                now: self.now,
            };
            let message = alert::compose(&context, &Rows::of(&pending.snapshot, &pending.news), &pending.news);
            match sns.publish(&message).await {
                Ok(()) => {
                    self.alerts.sent += 1;
                    if self.keeps_state {
                        self.stamp(&mut pending.told);
                        pending.snapshot.memory.alert_state = pending.told;
                        self.app.sinks.record(&pending.snapshot, &mut self.faults).await;
                    }
                }
                Err(mut fault) => {
                    self.alerts.failed += 1;
                    fault.instance_id = pending.instance.map(|i| i.id);
                    self.faults.push(fault);
                }
            }
        }
    }

    /// Looks once more whether another run told it meanwhile, and compares again if one did.
    async fn is_still_news(&mut self, pending: &mut Pending) -> bool {
        let key = &pending.snapshot.instance_id;
        let meanwhile = self.app.sinks.memory(key, self.now, &self.execution_id).await;
        let Some(memory) = meanwhile.memory else { return true };
        let before = pending.before.clone().unwrap_or_default();
        let known = before.clone().latest(memory.alert_state);
        if known == before {
            return true;
        }
        let again = compare(Some(&known), &pending.snapshot.metrics, self.now, self.app.config.reminder_hours);
        let Some(news) = again.news else { return false };
        (pending.news, pending.told) = (news, again.told);
        true
    }

    /// Of two runs that overlap the one that told last counts, not the one that began last.
    fn stamp(&self, told: &mut AlertState) {
        let passed = i64::try_from(self.started.elapsed().as_secs()).unwrap_or_default();
        let at = self.now.checked_add(SignedDuration::from_secs(passed)).unwrap_or(Timestamp::MAX);
        told.0.values_mut().filter(|t| t.told_at == self.now).for_each(|t| t.told_at = at);
    }
}
