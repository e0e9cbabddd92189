//! Stage "measure": the instances whose turn it is, some side by side, as far as the run's time goes, and
//! then the account.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

use super::context::{Book, Context};
use crate::config::Pacing;
use crate::domain::plan::{Speed, TimePlan, Work};
use crate::domain::rota::{Rota, by_the_hour};
use crate::domain::{Fault, FaultKind, Instance, Reading};
use crate::keep::ledger::Opened;
use crate::ledger::Notes;
use crate::measure::{Collected, Integrations, LimitCalls, Scan, instance_listings};

/// What a run measured of one subject.
pub(super) struct Measured {
    /// None: the account.
    pub instance: Option<Instance>,
    pub readings: Vec<Reading>,
    pub book: Book,
    /// What this run leaves to the next one, as far as measuring says.
    pub notes: Notes,
    /// What failed and made no row unknown.
    pub faults: Vec<Fault>,
}

/// Who is measured, in which order, and how fast it goes.
struct Turns {
    queue: VecDeque<usize>,
    plan: TimePlan,
    began: Instant,
    deadline: Instant,
    started: usize,
    measured: Vec<usize>,
    /// Begun late and not finished: they wait with those that were not begun.
    cut: Vec<usize>,
    /// How far the questions for each measured instance's own limits came.
    limit_calls: Vec<LimitCalls>,
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
        // A limit that there was no time to ask for is the first thing that the next run asks for.
        let mut faults =
            readings.iter().flat_map(Reading::faults).filter(|f| !f.operation.starts_with("servicequotas:"));
        let is_cut = faults.any(|fault| fault.kind == FaultKind::Deadline);
        if is_cut && turn >= side_by_side { self.cut.push(place) } else { self.measured.push(place) }
    }
}

/// One turn: which it is, whose, and what came of it.
struct Turn {
    turn: usize,
    place: usize,
    instance: Instance,
    book: Book,
    collected: Collected,
}

/// The measuring of all instances of a run.
pub(super) struct Fleet {
    scan: Arc<Scan>,
    turns: Turns,
    side_by_side: usize,
    /// Instances that fit into the run.
    fit: usize,
    running: JoinSet<Turn>,
    integrations: Integrations,
    calls_before: u64,
}

impl Fleet {
    /// Plans the run: `book` is the account's.
    pub(super) fn new(run: &Context<'_>, scan: &Arc<Scan>, book: &Book) -> Self {
        let turns = turns(run, scan, book);
        Self {
            fit: scan.instances.len().min(turns.plan.instances.max(1)),
            turns,
            scan: Arc::clone(scan),
            // One instance keeps a shared bucket busy; per operation it takes some to keep them all busy.
            side_by_side: match run.app.config.pacing {
                Pacing::Account => 2,
                Pacing::PerOperation => 8,
            },
            running: JoinSet::new(),
            integrations: Integrations::default(),
            calls_before: run.app.aws.connect.caller().stats().requests,
        }
    }

    pub(super) fn plan(&self) -> TimePlan {
        let mut plan = self.turns.plan.clone();
        let sum = |part: fn(&LimitCalls) -> usize| self.turns.limit_calls.iter().map(part).sum::<usize>() as u64;
        plan.came_so_far(sum(|calls| calls.asked), sum(|calls| calls.left));
        plan
    }

    /// The next instance that is measured; none when all are, or the time is over.
    pub(super) async fn next(&mut self, run: &Context<'_>) -> Option<Measured> {
        while self.running.len() < self.side_by_side
            && let Some((turn, place)) = self.turns.next(self.running.len())
        {
            self.begin(run, turn, place);
        }
        let Turn { turn, place, instance, book, collected } = match self.running.join_next().await? {
            Ok(finished) => finished,
            // A panic must fail the invocation, not vanish with its instance.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let Collected { readings, integrations, tours, kept, limit_calls, faults } = collected;
        self.integrations.merge(integrations);
        self.turns.limit_calls.push(limit_calls);
        self.turns.done(turn, place, &readings, self.side_by_side);
        run.app.progress.measured.fetch_add(1, Ordering::Relaxed);
        let notes = Notes { tours, kept_limits: kept, ..book.notes() };
        Some(Measured { instance: Some(instance), readings, book, notes, faults })
    }

    fn begin(&mut self, run: &Context<'_>, turn: usize, place: usize) {
        let (scan, sinks, owner) = (Arc::clone(&self.scan), run.sinks.clone(), run.owner.clone());
        let (dry_run, fit, instance) = (run.dry_run, self.fit, self.scan.instances[place].clone());
        self.running.spawn(async move {
            let opened = if dry_run { Opened::Absent } else { sinks.stores.ledger(&owner, &instance.id).await };
            let book = Book(opened);
            let notes = book.notes();
            let instance_of = scan.instance((turn, fit), &instance, notes.tours, notes.kept_limits);
            let collected = Box::pin(instance_of).await;
            Turn { turn, place, instance, book, collected }
        });
    }

    /// The instances for which there was no time.
    pub(super) fn left_out(&mut self) -> Vec<Instance> {
        let late: Vec<Instance> = self.turns.queue.iter().map(|place| self.scan.instances[*place].clone()).collect();
        if !late.is_empty() {
            let why = format!("this run had no time for {} of {} instances", late.len(), self.scan.instances.len());
            warn!("{why}");
            self.integrations.leave_out(format!("counted over all instances, and {why}"));
        }
        late
    }

    /// The account's own quotas, when the instances are done.
    pub(super) async fn account(self, run: &Context<'_>, book: Book) -> Measured {
        let calls = run.app.aws.connect.caller().stats().requests - self.calls_before;
        let rota = rota_after(&self.scan, &self.turns, calls);
        let Collected { readings, tours, faults, .. } = self.scan.account(self.integrations).await;
        let (activity, trail) = (self.scan.activity().await, self.scan.trail().await);
        let notes = Notes { tours, rota, activity, trail, ..book.notes() };
        Measured { instance: None, readings, book, notes, faults }
    }
}

/// Plans the calls against the time, and says whose turn it is.
fn turns(run: &Context<'_>, scan: &Scan, book: &Book) -> Turns {
    let aws = &run.app.aws;
    let (rate, is_shared) = aws.connect.caller().pacer().rate("ListUsers");
    let speed = Speed {
        is_shared,
        per_second: rate.per_second,
        burst: rate.burst,
        share: run.app.config.rate_share,
        limits_per_second: aws.quotas.caller().pacer().rate("GetServiceQuota").0.per_second,
    };
    let listings = instance_listings().len();
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    let (calls_each, limit_calls_each) = (
        scan.rota.calls.unwrap_or(listings as f64),
        scan.rota.limit_calls.unwrap_or(scan.questions_of_an_instance() as f64),
    );
    let work = Work { instances: scan.instances.len(), listings, calls_each, calls_once: 2.0, limit_calls_each };
    let left = run.deadline.saturating_duration_since(Instant::now());
    let plan = TimePlan::new(work, speed, left);
    if let Some(note) = &plan.note {
        warn!("{note}");
    }
    let mut order = scan.rota.order(&scan.instances);
    if book.ledger().is_none() && plan.instances < order.len() {
        by_the_hour(&mut order, plan.instances, run.now);
    }
    let (began, deadline) = (Instant::now(), run.deadline);
    Turns {
        queue: order.into(),
        plan,
        began,
        deadline,
        started: 0,
        measured: Vec::new(),
        cut: Vec::new(),
        limit_calls: Vec::new(),
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
    let mut rota = scan.rota.after(&measured, &left_out, scan.window.start, calls_each);
    let due: usize = turns.limit_calls.iter().map(|calls| calls.next).sum();
    #[expect(clippy::cast_precision_loss, reason = "thousands of calls")]
    let due_each = due as f64 / turns.limit_calls.len().max(1) as f64;
    rota.limit_calls = (!turns.limit_calls.is_empty()).then(|| (due_each * 10.0).round() / 10.0).or(rota.limit_calls);
    rota
}
