//! The run's messages: sent when every snapshot is stored, and written down as told.

use super::run::Run;
use crate::alert::{self, Rows};
use crate::changes::News;
use crate::model::Instance;
use crate::snapshot::Snapshot;

/// A message that waits until every snapshot is stored.
pub(super) struct Pending {
    pub(super) instance: Option<Instance>,
    /// As it is stored, but with the alert state that holds once the message is out.
    pub(super) snapshot: Snapshot,
    pub(super) news: News,
}

impl Run<'_> {
    /// Publishes what is new, and writes down that it was told.
    pub(super) async fn send_alerts(&mut self) {
        let Some(sns) = &self.app.sinks.alerts else { return };
        for pending in std::mem::take(&mut self.pending) {
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
}
