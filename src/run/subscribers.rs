//! Does anybody receive the alerts? A topic without a confirmed subscription accepts every message, and nobody gets one.

use super::context::Context;
use crate::domain::subscribers::Counted;
use crate::domain::{Fault, FaultKind};
use crate::ledger::Notes;

/// Counts the subscriptions of the alert topic when it is time to, and says when there are none, or SNS does not say.
pub(super) async fn count(run: &Context<'_>, notes: &mut Notes) -> Option<Fault> {
    let now = run.now.as_second();
    let is_due = notes.subscribers.is_none_or(|counted| counted.is_due(now));
    if run.dry_run || !is_due {
        return None;
    }
    let found = run.sinks.channels.subscriptions().await?;
    notes.subscribers = Some(Counted { at: now, found: found.as_ref().ok().copied() });
    match found {
        Ok(found) if found.confirmed > 0 => None,
        Ok(found) => {
            let waiting = match found.pending {
                0 => String::new(),
                n => format!(" ({n} not confirmed yet)"),
            };
            let topic = run.app.config.alert_topic_arn.as_deref().unwrap_or_default();
            let why = format!(
                "nobody receives alerts: {topic} has no confirmed subscription{waiting}; subscribe an address and follow \
                 the link in the mail that it gets, or run deploy.sh again, which sends that mail anew"
            );
            Some(Fault::new("sns:GetTopicAttributes", FaultKind::NoSubscribers, why))
        }
        Err(fault) => Some(fault),
    }
}
