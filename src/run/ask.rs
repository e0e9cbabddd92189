//! Stage "ask": `AUTO_REQUEST_INCREASE`, the run asks AWS for more where an adjustable quota is critical.

use tracing::info;

use super::context::Context;
use super::judge::Judged;
use crate::domain::{Fault, FaultKind, IncreaseRecord};
use crate::judge::increase::{MOST_PER_RUN, Requests, record};

/// Requests for higher limits: those that AWS knows of, and how many this run sent.
pub(super) struct Asking {
    pub requests: Requests,
    sent: usize,
}

impl Asking {
    pub(super) fn new(requests: Requests) -> Self {
        Self { requests, sent: 0 }
    }
}

/// Sends what may be sent because of these rows, and writes it into them. It comes before the snapshot is
/// stored; after a crash in between, AWS's own history says that a request is open.
pub(super) async fn ask_for_more(run: &Context<'_>, judged: &mut Judged, asking: &mut Asking) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !run.app.config.auto_request_increase || run.dry_run || run.has_own_threshold {
        return faults;
    }
    let instance = judged.instance.as_ref();
    for metric in &mut judged.snapshot.metrics {
        if asking.sent >= MOST_PER_RUN {
            break;
        }
        let Some(ask) = asking.requests.ask(metric, instance, run.now) else { continue };
        asking.sent += 1;
        match run.app.aws.quotas.ask(&ask, run.deadline).await {
            Ok(request) => {
                info!(
                    service_code = %ask.service_code, quota_code = %ask.quota_code, desired = ask.desired,
                    context_id = ask.context, request_id = request.id, "asked AWS for a higher limit"
                );
                metric.increase_request = Some(IncreaseRecord { sent_now: true, ..record(&request) });
                asking.requests.add(&ask.service_code, request);
            }
            Err(mut fault) => {
                fault.message = format!("{} to {}: {}", ask.quota_code, ask.desired, fault.message);
                fault.instance_id = instance.map(|i| i.id.clone());
                // What keeps one request from being sent keeps all of them, but for a bad value.
                if fault.kind != FaultKind::Invalid {
                    asking.sent = MOST_PER_RUN;
                }
                faults.push(fault);
            }
        }
    }
    faults
}
