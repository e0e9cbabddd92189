//! Stage "hang": requests for higher limits that AWS leaves open for too long, and, where it is switched on, support
//! cases for them.

use tracing::info;

use super::context::{Book, Context};
use crate::answer::{Alerts, Events};
use crate::domain::Fault;
use crate::domain::overdue::Escalation;
use crate::judge::increase::Requests;
use crate::ledger::{Hanging, News};
use crate::say;
use crate::send::Sent;

/// Cases that one run opens, at most.
const MOST_CASES: usize = 3;

/// What hangs. Of what nobody was told yet and no case was opened for, `AUTO_ESCALATE_REQUESTS` opens one.
pub(super) async fn look(run: &Context<'_>, requests: &Requests, book: &Book) -> (Hanging, Vec<Fault>) {
    let mut faults = Vec::new();
    if !run.tells_readers() || !run.sinks.stores.has_home() {
        return (Hanging::default(), faults);
    }
    let mut hanging = requests.overdue(run.now);
    // Whether a case was opened already stands in a ledger that cannot be read now.
    if run.app.config.auto_escalate_requests && book.fault().is_none() {
        let pending = hanging.untold(book.told()).filter(|overdue| overdue.request.is_pending());
        for overdue in pending.take(MOST_CASES) {
            let Some(id) = overdue.request.id.clone() else { continue };
            overdue.escalation = match run.app.aws.quotas.open_case(&id, run.deadline).await {
                Ok(()) => {
                    info!(request_id = %id, "asked AWS to open a support case for a request that hangs");
                    Escalation::Opened
                }
                Err(fault) => {
                    let why = format!("{} {}", fault.kind.as_str(), fault.message);
                    faults.push(fault);
                    Escalation::Failed(why)
                }
            };
        }
    }
    (hanging, faults)
}

/// Tells requests that hang, and programs those that hang no more; false where a channel refused.
pub(super) async fn publish(
    run: &Context<'_>,
    news: &News,
    (alerts, events, faults): (&mut Alerts, &mut Events, &mut Vec<Fault>),
) -> bool {
    let mut is_sent = true;
    if run.sinks.channels.alerts.is_some() && !news.requests.is_empty() {
        match run.sinks.channels.publish(&say::overdue::message(&run.account, news, run.now)).await {
            Ok(()) => alerts.sent += 1,
            Err(fault) => {
                is_sent = false;
                alerts.failed += 1;
                faults.push(fault);
            }
        }
    }
    let news = say::overdue::events(&run.account, news, run.now);
    for channel in &run.sinks.channels.events {
        let sent: Sent = run.sinks.channels.send(channel, &news).await;
        events.sent += sent.accepted;
        events.failed += news.len() - sent.accepted;
        is_sent &= sent.accepted == news.len();
        faults.extend(sent.faults);
    }
    is_sent
}
