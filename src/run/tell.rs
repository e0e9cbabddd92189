//! Stage "tell": news goes out through every channel, and what readers know is written down.
//!
//! Of two runs that overlap one tells. Who has news writes a claim into the ledger first, under the
//! condition that nobody else has written it since; then it publishes, and then it writes down what was
//! told. Who finds the ledger changed reads it again and decides anew; who finds it claimed waits. A run
//! that ends between publish and record leaves its claim, which ends by itself: the next run tells again.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::context::{Book, Context};
use super::hang;
use crate::answer::{Alerts, Events};
use crate::domain::own_calls::{KEPT_MINUTES, OwnCalls};
use crate::domain::snapshot::Snapshot;
use crate::domain::{Fault, FaultKind, Impact, Instance, Status};
use crate::keep::ledger::{Opened, Version, Written};
use crate::ledger::{CLAIM_LASTS, Claim, Decision, Hanging, Incidents, Ledger, Missing, News, Notes, decide};
use crate::say;
use crate::say::{Rows, outgoing};
use crate::send::Sent;

/// How often somebody else's claim is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Conflicts after which a run leaves its news to the next one.
const MOST_CONFLICTS: usize = 20;

/// A subject whose snapshot is stored, and of which readers may have to be told.
pub(super) struct Pending {
    pub instance: Option<Instance>,
    /// As it is stored.
    pub snapshot: Snapshot,
    /// Requests for higher limits that hang; only of the account.
    pub hanging: Hanging,
    pub book: Book,
    /// Version of the ledger that `notes` go on from.
    pub read_version: u64,
    pub notes: Notes,
    /// The calls of this process that are in no ledger yet; only of the account.
    pub own_calls: Option<OwnCalls>,
    /// Instances that are not there any more; only of the account.
    pub forget: Vec<String>,
    pub missing: Missing,
}

/// What became of telling.
#[derive(Default)]
pub(super) struct Told {
    pub alerts: Alerts,
    pub events: Events,
    pub faults: Vec<Fault>,
    /// Nothing is left to tell of this subject, and that is written down where there is a ledger.
    pub is_done: bool,
    /// The ledger was written.
    is_written: bool,
    /// The mark of the news that people have got.
    mailed: Option<String>,
}

impl Pending {
    /// The impact and the status of its gravest violation; none is the least.
    pub(super) fn gravity(&self) -> Option<(Impact, Status)> {
        self.snapshot.metrics.iter().filter(|m| m.is_violation()).map(|m| (m.impact, m.status)).max()
    }

    fn subject(&self) -> &str {
        &self.snapshot.instance_id
    }
}

/// Tells what is new of one subject, and writes its ledger.
pub(super) async fn tell(run: &Context<'_>, pending: Pending) -> Told {
    let mut told = Told::default();
    let mut pending = pending;
    let opened = std::mem::replace(&mut pending.book.0, Opened::Absent);
    match opened {
        // What cannot be read is not overwritten: this run tells again, and the next one may read it.
        Opened::Unreadable(_) => {
            tell_unrecorded(run, &pending, None, &mut told).await;
            told.is_done = false;
        }
        opened if !run.tells_readers() => {
            let book = Book(opened);
            tell_unrecorded(run, &pending, book.told(), &mut told).await;
            leave_notes(run, &pending, book, &mut told).await;
        }
        opened if !run.sinks.stores.has_home() => tell_unrecorded(run, &pending, Book(opened).told(), &mut told).await,
        opened => Box::pin(Telling { run, pending: &pending, told: &mut told }.settle(opened)).await,
    }
    if let Some(own) = pending.own_calls.as_ref().filter(|_| told.is_written) {
        run.app.aws.own_calls.settle(own);
    }
    told
}

/// Tells without writing it down: nothing is stored, or what this run says is not what readers know.
async fn tell_unrecorded(run: &Context<'_>, pending: &Pending, known: Option<&Incidents>, told: &mut Told) {
    let news = decide(known, &pending.snapshot.metrics, pending.missing, &run.rules).news;
    let news = if run.sinks.stores.has_home() { news.and_then(News::without_ends) } else { news };
    match news {
        Some(news) if run.sinks.channels.any() && !run.dry_run => publish(run, pending, &news, told).await,
        _ => told.suppress(pending),
    }
}

/// Without channels nobody is told anything. What the next run needs is kept only where no run with
/// channels has ever written the ledger: its incidents are not ours to change.
async fn leave_notes(run: &Context<'_>, pending: &Pending, book: Book, told: &mut Told) {
    let is_readers = book.ledger().is_some_and(|ledger| ledger.has_readers);
    if run.dry_run || run.has_own_threshold || is_readers || !run.sinks.stores.has_home() {
        return;
    }
    let (version, ledger) = match book.0 {
        Opened::Found(ledger, version) => (version, *ledger),
        _ => (Version::Missing, Ledger::new(&run.owner, pending.subject(), run.now)),
    };
    let next = next(run, pending, &ledger, Incidents::new(), (false, false));
    // Who wrote it meanwhile knows as much.
    match run.sinks.stores.write_ledger(&next, &version).await {
        Ok(written) => told.is_written = matches!(written, Written::As(_)),
        Err(fault) => told.faults.push(fault),
    }
}

/// The ledger after `latest`, as this run leaves it.
///
/// `holds_ours`: an earlier write of this run is in it, its notes and its calls included.
fn next(
    run: &Context<'_>,
    pending: &Pending,
    latest: &Ledger,
    incidents: Incidents,
    (has_readers, holds_ours): (bool, bool),
) -> Ledger {
    let mut notes = if holds_ours {
        latest.notes.clone()
    } else if latest.version == pending.read_version {
        pending.notes.clone()
    } else {
        // The notes rest on what was read before measuring, and another run has written since.
        pending.notes.clone().after(&latest.notes)
    };
    notes.mailed.clone_from(&latest.notes.mailed);
    notes.instances.retain(|id, _| !pending.forget.contains(id));
    if let Some(own) = pending.own_calls.as_ref().filter(|_| !holds_ours) {
        notes.own_calls.clone_from(&latest.notes.own_calls);
        notes.own_calls.merge(own);
        notes.own_calls.forget_before(run.now.as_second().div_euclid(60) - KEPT_MINUTES);
    }
    Ledger {
        version: latest.version + 1,
        execution_id: run.execution_id.clone(),
        written_at: run.clock(),
        has_readers,
        claim: None,
        incidents,
        notes,
        ..latest.clone()
    }
}

/// Telling readers what is new of one subject, against other runs that may do the same.
struct Telling<'r, 'a> {
    run: &'r Context<'a>,
    pending: &'r Pending,
    told: &'r mut Told,
}

/// Where the way to a claim ended.
enum Claimed {
    /// Nothing is left to do.
    Done,
    /// The ledger as it is now, with the decision that rests on it.
    Ours(Box<(Ledger, Version, Decision, News)>),
}

impl Telling<'_, '_> {
    async fn settle(&mut self, opened: Opened) {
        let Claimed::Ours(ours) = Box::pin(self.claim(opened)).await else { return };
        let (ledger, version, decision, news) = *ours;
        self.told.mailed.clone_from(&ledger.notes.mailed);
        Box::pin(publish(self.run, self.pending, &news, self.told)).await;
        Box::pin(self.record(ledger, version, &decision)).await;
    }

    /// Decides, and writes the decision's first half down: the claim where there is news, the new state where
    /// there is none.
    async fn claim(&mut self, opened: Opened) -> Claimed {
        let mut opened = opened;
        for _ in 0..MOST_CONFLICTS {
            opened = match self.unclaimed(opened).await {
                Some(opened) => opened,
                None => return Claimed::Done,
            };
            let book = Book(opened);
            let decision = decide(book.told(), &self.pending.snapshot.metrics, self.pending.missing, &self.run.rules);
            let decision = decision.with_requests(book.told(), &self.pending.hanging, self.run.now);
            let (version, latest) = match book.0 {
                Opened::Found(ledger, version) => (version, *ledger),
                Opened::Absent => {
                    (Version::Missing, Ledger::new(&self.run.owner, self.pending.subject(), self.run.now))
                }
                // It could be read a moment ago: what cannot be recorded is told all the same.
                Opened::Unreadable(fault) => {
                    self.told.faults.push(fault);
                    tell_unrecorded(self.run, self.pending, None, self.told).await;
                    self.told.is_done = false;
                    return Claimed::Done;
                }
            };
            let holds_ours = self.told.is_written;
            let mut wanted = next(self.run, self.pending, &latest, decision.if_not.clone(), (true, holds_ours));
            if let Some(news) = &decision.news {
                let until = self.run.clock().checked_add(CLAIM_LASTS).unwrap_or(self.run.now);
                let ends = news.ends();
                wanted.claim = Some(Claim { execution_id: self.run.execution_id.clone(), until, ends });
            }
            match (self.write(&mut wanted, &version).await, decision.news.clone()) {
                (Ok(Written::As(version)), Some(news)) => {
                    return Claimed::Ours(Box::new((wanted, version, decision, news)));
                }
                (Ok(Written::As(_)), None) => {
                    self.told.suppress(self.pending);
                    return Claimed::Done;
                }
                (Ok(Written::Conflict), _) => opened = self.read().await,
                // What cannot be written down is told again by the next run; what is over is told by that one.
                (Err(fault), news) => {
                    self.told.faults.push(fault);
                    match news.and_then(News::without_ends) {
                        Some(news) => publish(self.run, self.pending, &news, self.told).await,
                        None => self.told.suppress(self.pending),
                    }
                    self.told.is_done = false;
                    return Claimed::Done;
                }
            }
        }
        self.give_up("other runs changed it again and again");
        Claimed::Done
    }

    /// Writes down what was told, or that it could not be.
    async fn record(&mut self, claimed: Ledger, version: Version, decision: &Decision) {
        let is_told = self.told.is_done;
        let mut incidents = if is_told { decision.if_told.clone() } else { decision.if_not.clone() };
        let (mut latest, mut version) = (claimed, version);
        for _ in 0..MOST_CONFLICTS {
            let mut wanted = next(self.run, self.pending, &latest, incidents, (true, self.told.is_written));
            wanted.notes.mailed = self.told.mailed.clone().filter(|_| !is_told);
            match self.write(&mut wanted, &version).await {
                Ok(Written::As(_)) => return,
                Ok(Written::Conflict) => {}
                Err(fault) => return self.told.faults.push(fault),
            }
            // Our claim lasted too long, and another run went on. What we told is told.
            match self.read().await {
                Opened::Found(ledger, read) => (latest, version) = (*ledger, read),
                Opened::Absent => {
                    latest = Ledger::new(&self.run.owner, self.pending.subject(), self.run.now);
                    version = Version::Missing;
                    self.told.is_written = false;
                }
                Opened::Unreadable(fault) => return self.told.faults.push(fault),
            }
            incidents = latest.incidents.clone();
            for key in decision.if_not.keys().chain(decision.if_told.keys()).filter(|_| is_told) {
                if incidents.get(key) == decision.if_not.get(key) {
                    match decision.if_told.get(key) {
                        Some(told) => drop(incidents.insert(key.clone(), told.clone())),
                        None => drop(incidents.remove(key)),
                    }
                }
            }
        }
        self.give_up("other runs changed it again and again");
    }

    /// The ledger when no other run is telling: none where the run's time ends before that.
    async fn unclaimed(&mut self, opened: Opened) -> Option<Opened> {
        let (mut opened, mut since) = (opened, Instant::now());
        let mut seen = 0;
        loop {
            let Opened::Found(ledger, _) = &mut opened else { return Some(opened) };
            if ledger.version != seen {
                (seen, since) = (ledger.version, Instant::now());
            }
            // The other run's clock may be wrong. A claim that stands for so long is nobody's.
            let is_over = since.elapsed() >= CLAIM_LASTS.unsigned_abs();
            if is_over || !ledger.is_claimed(&self.run.execution_id, self.run.clock()) {
                ledger.end_claim();
                return Some(opened);
            }
            if Instant::now() >= self.run.end {
                self.give_up("another run was telling its news when this run's time was over");
                return None;
            }
            sleep_until(self.run.end.min(Instant::now() + LOOK_AGAIN)).await;
            opened = self.read().await;
        }
    }

    async fn read(&self) -> Opened {
        Box::pin(self.run.sinks.stores.ledger(&self.run.owner, self.pending.subject())).await
    }

    /// A write whose answer was lost may have been done, and then a second attempt finds it done.
    async fn write(&mut self, ledger: &mut Ledger, known: &Version) -> Result<Written, Fault> {
        if let Some((bytes, hours)) = ledger.fit(self.run.now) {
            let why = format!(
                "the ledger of {} had {bytes} bytes: it now holds the monitor's own calls of {hours} hours only, and \
                 the usage of API rates may count older ones",
                self.pending.subject()
            );
            self.told.faults.push(Fault::new("ledger:Write", FaultKind::Invalid, why));
        }
        let ledger = &*ledger;
        let written = Box::pin(self.run.sinks.stores.write_ledger(ledger, known)).await?;
        if written == Written::Conflict {
            if let Opened::Found(found, version) = self.read().await
                && *found == *ledger
            {
                self.told.is_written = true;
                return Ok(Written::As(version));
            }
            // Another writer is as fast as this one: let them not meet again at once.
            sleep(Duration::from_millis(fastrand::u64(1..50))).await;
        } else {
            self.told.is_written = true;
        }
        Ok(written)
    }

    fn give_up(&mut self, why: &str) {
        let text = format!("the ledger of {}: {why}; the next run tells its news", self.pending.subject());
        self.told.faults.push(Fault::new("ledger:Write", FaultKind::Deadline, text));
    }
}

impl Told {
    fn suppress(&mut self, pending: &Pending) {
        self.is_done = true;
        self.alerts.suppressed += usize::from(pending.snapshot.violations_count > 0);
    }
}

/// Sends the news through every channel. What one of them refused is news again in the next run, for all channels
/// of programs: these know an event by its key. People who got the mail do not get it again.
async fn publish(run: &Context<'_>, pending: &Pending, news: &News, told: &mut Told) {
    let context = run.said_of(pending.instance.as_ref());
    let of_instance = |fault: Fault| match &pending.instance {
        Some(instance) => fault.of_instance(&instance.id),
        None => fault,
    };
    let mut is_sent = true;
    if !(news.requests.is_empty() && news.requests_over.is_empty()) {
        is_sent = hang::publish(run, news, (&mut told.alerts, &mut told.events, &mut told.faults)).await;
    }
    if !news.is_about_rows {
        told.suppress(pending);
        told.is_done = is_sent;
        return;
    }
    let mark = news.mark(&pending.snapshot.metrics);
    if run.sinks.channels.alerts.is_some() && told.mailed.as_ref() == Some(&mark) {
        told.alerts.suppressed += 1;
    } else if run.sinks.channels.alerts.is_some() {
        told.mailed = None;
        let rows = Rows::of(&pending.snapshot, &pending.notes.history, news);
        if let Some(of) = &run.app.of_cell {
            of.wait_for_its_slot(&run.owner, run.end).await;
        }
        match run.sinks.channels.publish(&say::compose(&context, &rows, news)).await {
            Ok(()) => {
                told.alerts.sent += 1;
                told.mailed = Some(mark);
            }
            Err(fault) => {
                is_sent = false;
                told.alerts.failed += 1;
                told.faults.push(of_instance(fault));
            }
        }
    }
    // A run at a threshold of its own sends no events: it would open incidents that no scheduled run knows
    // of, and so none would resolve.
    if !run.sinks.channels.events.is_empty() && !run.has_own_threshold {
        let events = outgoing::of(&context, &pending.snapshot.metrics, news);
        for channel in &run.sinks.channels.events {
            let Sent { accepted, faults } = run.sinks.channels.send(channel, &events).await;
            told.events.sent += accepted;
            told.events.failed += events.len() - accepted;
            is_sent &= accepted == events.len();
            told.faults.extend(faults.into_iter().map(of_instance));
        }
    }
    told.is_done = is_sent;
}
