//! Measuring the instances, some side by side, as far as the run's time goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

use super::run::Run;
use crate::collect::{Collected, Integrations, Scan, instance_listings};
use crate::config::Pacing;
use crate::model::{Fault, FaultKind, Reading};
use crate::plan::{Plan, Speed, Work};
use crate::report::{InstanceReport, Seen};
use crate::rota::{Rota, by_the_hour};
use crate::sink::Remembered;

/// So many messages wait at most. Usually they wait until every snapshot is stored; of a large fleet
/// they leave in batches, or a thousand snapshots would stand in memory.
const MOST_PENDING: usize = 32;

/// Who is measured, in which order, and how fast it goes.
struct Turns {
    queue: VecDeque<usize>,
    plan: Plan,
    began: Instant,
    deadline: Instant,
    started: usize,
    measured: Vec<usize>,
    /// Begun late and not finished: they wait with those that were not begun.
    cut: Vec<usize>,
}

impl Turns {
    /// The next one, while there is time to finish it. The first one is always begun: a run that
    /// measures nothing helps nobody.
    fn next(&mut self, under_way: usize) -> Option<(usize, usize)> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if self.started > 0 && !self.plan.has_time_for(under_way, self.pace(), left) {
            return None;
        }
        let place = self.queue.pop_front()?;
        self.started += 1;
        Some((self.started - 1, place))
    }

    /// Time that an instance takes of this run, as far as it is known.
    fn pace(&self) -> Option<Duration> {
        let measured = u32::try_from(self.measured.len()).ok().filter(|n| *n > 0)?;
        Some(self.began.elapsed() / measured)
    }

    /// Notes that a turn is over. Who had the whole run's time has had a turn even if it was too short:
    /// nobody else could be measured otherwise.
    fn done(&mut self, turn: usize, place: usize, readings: &[Reading], side_by_side: usize) {
        let is_cut = readings.iter().flat_map(Reading::faults).any(|fault| fault.kind == FaultKind::Deadline);
        if is_cut && turn >= side_by_side { self.cut.push(place) } else { self.measured.push(place) }
    }
}

impl Run<'_> {
    /// Measures the instances whose turn it is, then the account; each one's snapshot leaves as it
    /// completes.
    pub(super) async fn measure(&mut self, scan: Arc<Scan>, remembered: Remembered) -> (Seen, Vec<InstanceReport>) {
        // One instance keeps a shared bucket busy; per operation it takes some to keep them all busy.
        let side_by_side = match self.app.config.pacing {
            Pacing::Account => 2,
            Pacing::PerOperation => 8,
        };
        let calls_before = self.app.aws.connect.caller().stats().requests;
        let mut turns = self.turns(&scan, &remembered);
        let fit = scan.instances.len().min(turns.plan.instances.max(1));
        let mut reports: Vec<Option<InstanceReport>> = vec![None; scan.instances.len()];
        let mut integrations = Integrations::default();
        let mut running = JoinSet::new();
        loop {
            while running.len() < side_by_side
                && let Some((turn, place)) = turns.next(running.len())
            {
                let (scan, sinks, instance) = (Arc::clone(&scan), self.sinks.clone(), scan.instances[place].clone());
                let (now, dry_run, run) = (self.now, self.dry_run, self.execution_id.clone());
                running.spawn(async move {
                    let mut remembered =
                        if dry_run { Remembered::default() } else { sinks.memory(&instance.id, now, &run).await };
                    let collected = scan.instance((turn, fit), &instance, remembered.take_tours()).await;
                    (turn, place, instance, remembered, collected)
                });
            }
            let Some(finished) = running.join_next().await else { break };
            match finished {
                Ok((turn, place, instance, remembered, collected)) => {
                    let Collected { readings, integrations: of_instance, tours } = collected;
                    integrations.merge(of_instance);
                    turns.done(turn, place, &readings, side_by_side);
                    let seen = self.settle(Some(&instance), remembered, readings, (tours, Rota::default())).await;
                    reports[place] = Some(InstanceReport::measured(&instance, seen));
                    self.app.progress.measured.fetch_add(1, Ordering::Relaxed);
                    if self.pending.len() >= MOST_PENDING {
                        self.send_alerts().await;
                    }
                }
                // A panic must fail the invocation, not vanish with its instance.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        self.leave_out(&scan, &turns, &mut reports, &mut integrations);
        let calls = self.app.aws.connect.caller().stats().requests - calls_before;
        let rota = rota_after(&scan, &turns, calls);
        let Collected { readings, tours, .. } = scan.account(integrations).await;
        self.services = scan.services().await;
        self.plan = Some(turns.plan);
        let account = self.settle(None, remembered, readings, (tours, rota)).await;
        (account, reports.into_iter().flatten().collect())
    }

    /// Plans the calls against the time, and says whose turn it is.
    fn turns(&self, scan: &Scan, remembered: &Remembered) -> Turns {
        let aws = &self.app.aws;
        let (rate, is_shared) = aws.connect.caller().pacer().rate("ListUsers");
        let speed = Speed {
            is_shared,
            per_second: rate.per_second,
            burst: rate.burst,
            share: self.app.config.rate_share,
            limits_per_second: aws.quotas.caller().pacer().rate("GetServiceQuota").0.per_second,
        };
        let listings = instance_listings().len();
        #[expect(clippy::cast_precision_loss, reason = "some dozens")]
        let calls_each = scan.rota.calls.unwrap_or(listings as f64);
        let work = Work {
            instances: scan.instances.len(),
            listings,
            calls_each,
            calls_once: 2.0,
            limit_calls_each: scan.own_limits_asked().count(),
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let plan = Plan::new(work, speed, left);
        if let Some(note) = &plan.note {
            warn!("{note}");
        }
        let mut order = scan.rota.order(&scan.instances);
        if remembered.memory.is_none() && plan.instances < order.len() {
            by_the_hour(&mut order, plan.instances, self.now);
        }
        let (began, deadline) = (Instant::now(), self.deadline);
        Turns { queue: order.into(), plan, began, deadline, started: 0, measured: Vec::new(), cut: Vec::new() }
    }

    /// Says of each instance for which there was no time that it was not measured.
    fn leave_out(
        &mut self,
        scan: &Scan,
        turns: &Turns,
        reports: &mut [Option<InstanceReport>],
        integrations: &mut Integrations,
    ) {
        if turns.queue.is_empty() {
            return;
        }
        let turn = if self.app.sinks.stores.is_empty() {
            "without storage turns go by the hour"
        } else {
            "it is among the first of the next run"
        };
        for place in &turns.queue {
            let instance = &scan.instances[*place];
            let reason = format!("the run's time was over: {turn}");
            reports[*place] = Some(InstanceReport::skipped(instance, reason));
            self.watched.miss(instance);
        }
        self.late = turns.queue.len();
        let why = format!("this run had no time for {} of {} instances", self.late, scan.instances.len());
        warn!("{why}");
        integrations.lack(Fault::new("connect:ListIntegrationAssociations", FaultKind::Deadline, why));
    }
}

/// What the next run needs to know about turns.
fn rota_after(scan: &Scan, turns: &Turns, calls: u64) -> Rota {
    let ids = |places: &mut dyn Iterator<Item = &usize>| -> Vec<&str> {
        places.map(|place| scan.instances[*place].id.as_str()).collect()
    };
    let measured = ids(&mut turns.measured.iter());
    let left_out = ids(&mut turns.cut.iter().chain(&turns.queue));
    #[expect(clippy::cast_precision_loss, reason = "thousands of calls")]
    let calls_each = (!measured.is_empty()).then(|| (calls as f64 / measured.len() as f64 * 10.0).round() / 10.0);
    scan.rota.after(&measured, &left_out, scan.window.start, calls_each)
}
