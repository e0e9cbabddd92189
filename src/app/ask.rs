//! `AUTO_REQUEST_INCREASE`: the run asks AWS for more where an adjustable quota is critical.

use tracing::info;

use super::run::Run;
use crate::model::{FaultKind, Instance};
use crate::requests::{MOST_PER_RUN, record};
use crate::snapshot::{IncreaseRecord, Metric};

impl Run<'_> {
    /// Sends what may be sent because of these rows, and writes it into them. It comes before the
    /// snapshot is stored; after a crash in between, AWS's own history says that a request is open.
    pub(super) async fn ask_for_more(&mut self, metrics: &mut [Metric], instance: Option<&Instance>) {
        for metric in metrics {
            if self.asked >= MOST_PER_RUN {
                return;
            }
            let Some(ask) = self.requests.ask(metric, instance, self.now) else { continue };
            self.asked += 1;
            match self.app.aws.quotas.ask(&ask, self.deadline).await {
                Ok(request) => {
                    info!(
                        service_code = %ask.service_code, quota_code = %ask.quota_code, desired = ask.desired,
                        context_id = ask.context, request_id = request.id, "asked AWS for a higher limit"
                    );
                    metric.increase_request = Some(IncreaseRecord { sent_now: true, ..record(&request) });
                    self.requests.add(&ask.service_code, request);
                }
                Err(mut fault) => {
                    fault.message = format!("{} to {}: {}", ask.quota_code, ask.desired, fault.message);
                    fault.instance_id = instance.map(|i| i.id.clone());
                    // What keeps one request from being sent keeps all of them, but for a bad value.
                    if fault.kind != FaultKind::Invalid {
                        self.asked = MOST_PER_RUN;
                    }
                    self.faults.push(fault);
                }
            }
        }
    }
}
