//! Watches on events: a batch of the queue is counted and told; a sweep tells what is over.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tracing::{info, warn};

use super::app::{App, Moment};
use super::watch_documents::{Documents, busy, index_of, tries};
use super::watch_look::{Looks, said};
use crate::aws::Identity;
use crate::config::ConfigError;
use crate::domain::{Fault, Owner};
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::say;
use crate::send::Sent;
use crate::watch::event::{Read, Seen, read};
use crate::watch::index::{Index, Over};
use crate::watch::state::{Decision, State};
use crate::watch::table::Watch;
use crate::watch::words::{self, Aside};

/// A key that was silent for so many seconds is listed anew: the sweep may have forgotten it.
const SILENT: i64 = 15 * 60;

/// What one invocation works with.
struct Watching<'a> {
    app: &'a App,
    sinks: Sinks,
    identity: Identity,
    now: i64,
    moment: Moment,
    looks: Looks,
}

impl App {
    /// Counts the events of a batch of the queue, and tells what passes its threshold.
    ///
    /// # Errors
    /// [`RunError::Config`] without a table, [`RunError::Sink`] where nobody says whose account it is. What
    /// fails for single items stands in the answer.
    pub async fn watch_batch(&self, payload: &Value, moment: Moment) -> Result<Value, RunError> {
        let watching = self.watching(moment).await?;
        let records = payload.get("Records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut failed: Vec<&str> = Vec::new();
        let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
        let mut groups: BTreeMap<String, (Vec<Seen>, Vec<&str>)> = BTreeMap::new();
        for record in records {
            let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
            let id = text("messageId");
            match read(text("body"), &self.config.watches, watching.identity.role.as_deref()) {
                Read::Seen(seen) => {
                    let group = groups.entry(subject(&seen)).or_default();
                    group.0.push(*seen);
                    group.1.push(id);
                }
                Read::Unknown(name) => *unknown.entry(name).or_default() += 1,
                Read::Poison(why) => {
                    warn!("message {id} of the queue is {why}; it goes to the dead-letter queue");
                    failed.push(id);
                }
            }
        }
        for (name, count) in unknown {
            warn!("no watch knows this event, seen {count} times in this batch: {name}");
        }
        for (subject, (seen, ids)) in groups {
            if let Err(fault) = watching.group(&subject, &seen).await {
                warn!("{} events of {subject} are tried again: {fault}", seen.len());
                failed.extend(ids);
            }
        }
        let failed: Vec<Value> = failed.into_iter().map(|id| json!({ "itemIdentifier": id })).collect();
        Ok(json!({ "batchItemFailures": failed }))
    }

    /// Tells what is over: silence wakes nobody.
    ///
    /// # Errors
    /// As [`Self::watch_batch`], and [`RunError::Sink`] where something could not be told, after all was tried.
    pub async fn watch_sweep(&self, moment: Moment) -> Result<Value, RunError> {
        let watching = self.watching(moment).await?;
        let (documents, index) = (watching.documents(), watching.index());
        let found = documents.read::<Index>(&index).await.map_err(|f| RunError::Sink(f.to_string()))?;
        let open = found.map(|(index, _)| index.open).unwrap_or_default();
        let (mut forgotten, mut told, mut over, mut problems) = (BTreeMap::new(), 0_usize, 0_usize, Vec::new());
        for subject in &open {
            match watching.end(subject).await {
                Ok(End::Told(what)) => {
                    over += 1;
                    // At once: an invocation that ends early would forget what was over.
                    let closed = BTreeMap::from([(subject.clone(), Some(what))]);
                    problems.extend(watching.close(&closed).await.err().map(|fault| fault.to_string()));
                }
                Ok(End::Forgotten) => drop(forgotten.insert(subject.clone(), None)),
                Ok(End::Open { is_told }) => told += usize::from(is_told),
                Err(fault) => problems.push(format!("{subject}: {fault}")),
            }
        }
        problems.extend(watching.close(&forgotten).await.err().map(|fault| fault.to_string()));
        if problems.is_empty() {
            Ok(json!({ "watch": "sweep", "open": told, "over": over }))
        } else {
            Err(RunError::Sink(problems.join("; ")))
        }
    }

    async fn watching(&self, moment: Moment) -> Result<Watching<'_>, RunError> {
        if !self.sinks.stores.has_documents() {
            let why = "USE_DYNAMODB is off: watches count in the table, so it must be on";
            return Err(RunError::Config(ConfigError(vec![why.to_owned()])));
        }
        let asked = self.identity.get_or_try_init(|| self.aws.identity(moment.deadline)).await;
        let identity = asked.map_err(|fault| RunError::Sink(fault.to_string()))?.clone();
        let (sinks, now) = (self.sinks.until(moment.end), moment.now.as_second());
        Ok(Watching { app: self, sinks, identity, now, moment, looks: Looks::default() })
    }
}

/// What became of a key in a sweep.
enum End {
    /// It was over, and that was told.
    Told(Over),
    /// Nobody was told of it, and its events are too old to count.
    Forgotten,
    Open {
        is_told: bool,
    },
}

/// The document of an event's key.
fn subject(seen: &Seen) -> String {
    let key = words::key(&State::of(seen));
    format!("{}#{}#watch#{}#{key}", seen.account_id, seen.region, seen.watch.name)
}

fn owner_of(subject: &str) -> Owner {
    let mut parts = subject.split('#').map(str::to_owned);
    Owner { account_id: parts.next().unwrap_or_default(), region: parts.next().unwrap_or_default() }
}

impl Watching<'_> {
    fn index(&self) -> String {
        index_of(&self.identity.account.owner())
    }

    fn documents(&self) -> Documents<'_> {
        Documents { sinks: &self.sinks, now: self.now }
    }

    /// Counts events of one key, and tells them where it is time.
    async fn group(&self, subject: &str, seen: &[Seen]) -> Result<(), Fault> {
        let Some(first) = seen.first() else { return Ok(()) };
        let settings = &self.app.config.watches;
        let (threshold, cool_down) = (first.watch.threshold(settings), settings.cool_down_minutes);
        for _ in tries() {
            let found = self.documents().read::<State>(subject).await?;
            let (mut state, known) = found.unwrap_or_else(|| (State::of(first), 0));
            let is_listed = known > 0 && self.now < state.arrived + SILENT;
            let counted = seen.iter().filter(|seen| state.count(seen, self.now)).count();
            state.trim(self.now);
            let decision = state.decide(first.watch, threshold, cool_down, self.now);
            let tells = decision == Decision::Tell;
            if counted < seen.len() {
                info!(
                    "{} of {} events of {subject} were counted before, or are too old",
                    seen.len() - counted,
                    seen.len()
                );
            }
            if counted == 0 && !tells {
                return Ok(());
            }
            if tells {
                // Listed first: where this invocation dies with the claim, the sweep finds what is owed.
                self.list(subject, true).await?;
                state.owe(&attempt(), self.now);
            }
            if self.documents().write(subject, &state, known).await? {
                if tells {
                    return self.tell(first.watch, subject, &state).await;
                }
                if !is_listed && let Err(fault) = self.list(subject, false).await {
                    // The events are counted: delivered again they would be dropped. Only the hourly mail lacks them.
                    warn!("{subject} is not listed: {fault}");
                }
                return Ok(());
            }
        }
        Err(busy(subject))
    }

    /// Publishes what this writer has claimed; a failure gives the claim back, and it stays owed.
    async fn tell(&self, watch: &Watch, subject: &str, claimed: &State) -> Result<(), Fault> {
        let told = async {
            self.list(subject, true).await?;
            self.publish(watch, subject, claimed, false).await
        }
        .await;
        self.note(subject, claimed, told, |state| state.told(self.now)).await
    }

    /// Gives a claim back, with what became of it.
    async fn note(
        &self,
        subject: &str,
        claimed: &State,
        told: Result<(), Untold>,
        done: impl Fn(&mut State),
    ) -> Result<(), Fault> {
        let by = claimed.claimed_by.as_deref();
        let mailed = told.as_ref().err().and_then(|untold| untold.mailed.or(claimed.mailed.as_deref()));
        let change = |state: &mut State| {
            state.release(by, mailed);
            if told.is_ok() {
                done(state);
            }
            true
        };
        let noted = self.documents().change(subject, || claimed.clone(), change).await;
        // What readers got is told; that it could not be noted may tell it twice, and never loses it.
        noted.and(told.map_err(|untold| untold.fault))
    }

    /// Notes in the index that a key counts.
    async fn list(&self, subject: &str, is_told: bool) -> Result<(), Fault> {
        let add = |index: &mut Index| index.open(subject, is_told);
        self.documents().change(&self.index(), Index::default, add).await
    }

    /// Takes keys out of the index; those that count again since are listed anew.
    async fn close(&self, closed: &BTreeMap<String, Option<Over>>) -> Result<(), Fault> {
        if closed.is_empty() {
            return Ok(());
        }
        let close = |index: &mut Index| {
            index.close(closed, self.now);
            true
        };
        self.documents().change(&self.index(), Index::default, close).await?;
        for subject in closed.keys() {
            let found = self.documents().read::<State>(subject).await?;
            if let Some((state, _)) = found.filter(|(state, _)| !state.is_forgotten(self.now)) {
                self.list(subject, state.told_at.is_some() || state.owed).await?;
            }
        }
        Ok(())
    }

    /// Tells an incident that is over, or that is owed.
    async fn end(&self, subject: &str) -> Result<End, Fault> {
        let documents = self.documents();
        let Some((mut state, known)) = documents.read::<State>(subject).await? else { return Ok(End::Forgotten) };
        let Some(watch) = Watch::named(&state.watch) else { return Ok(End::Forgotten) };
        if state.is_forgotten(self.now) {
            return Ok(End::Forgotten);
        }
        let is_told = state.told_at.is_some();
        let settings = &self.app.config.watches;
        if !state.is_over(settings.cool_down_minutes, self.now) {
            // A batch tells what passes its threshold, unless it failed or somebody else held the claim.
            state.trim(self.now);
            let decision = state.decide(watch, watch.threshold(settings), settings.cool_down_minutes, self.now);
            if decision != Decision::Tell || (is_told && !state.owed) {
                return Ok(End::Open { is_told });
            }
            self.list(subject, true).await?;
            state.owe(&attempt(), self.now);
            if documents.write(subject, &state, known).await? {
                self.tell(watch, subject, &state).await?;
            }
            return Ok(End::Open { is_told: true });
        }
        state.claim(&attempt(), self.now);
        if !documents.write(subject, &state, known).await? {
            return Ok(End::Open { is_told });
        }
        let told = self.publish(watch, subject, &state, true).await;
        self.note(subject, &state, told, |stored| stored.end(&state)).await?;
        Ok(End::Told(Over::of(&state)))
    }

    /// What a reader wants to know beside the counts: the quota, and who else calls.
    async fn aside(&self, watch: &Watch, state: &State, owner: &Owner) -> Aside {
        if watch.is_of_aws() && *owner != self.identity.account.owner() {
            let quota = "its limit and who else calls are not known here: it is another account or Region".to_owned();
            return Aside { quota, ..Aside::default() };
        }
        let quota = self.app.quota_of(watch, state, owner, self.moment).await;
        if !self.app.config.watches.lookup || !watch.is_of_aws() {
            return Aside { quota, ..Aside::default() };
        }
        let busiest = state.busiest_minute() * 60;
        // CloudTrail's history is some minutes late: of the busiest minute itself it may hold nothing yet.
        let span = (busiest - 300, busiest + 60);
        let (of, role) = ((state.service.as_str(), state.operation.as_str()), self.identity.role.as_deref());
        let looked = self.looks.look(self.app, of, span, role, self.moment.deadline).await;
        let accepted = looked.as_ref().map_or_else(
            || "not looked up: this invocation had looked up other operations, at two requests a second".to_owned(),
            |looked| said(&state.operation, looked),
        );
        Aside { quota, accepted, callers: looked.and_then(Result::ok), ..Aside::default() }
    }

    /// Tells it through every channel; people who got it already do not get it again.
    async fn publish(&self, watch: &Watch, subject: &str, state: &State, is_over: bool) -> Result<(), Untold> {
        let owner = owner_of(subject);
        let mut aside = if is_over { Aside::default() } else { self.aside(watch, state, &owner).await };
        let is_ours = owner.account_id == self.identity.account.id;
        aside.name = self.app.named.name.clone().filter(|_| is_ours);
        let told = words::told(watch, state, &owner, &aside, is_over);
        info!("{}", told.summary);
        let event = [say::outgoing::watched(&told, self.moment.now)];
        let (channels, mut faults) = (&self.sinks.channels, Vec::new());
        let mut is_mailed = channels.alerts.is_some();
        if is_mailed && state.mailed.as_deref() != Some(told.event) {
            let published = channels.publish(&say::watched(&told)).await;
            is_mailed = published.is_ok();
            faults.extend(published.err());
        }
        for channel in &channels.events {
            let Sent { faults: failed, .. } = channels.send(channel, &event).await;
            faults.extend(failed);
        }
        let mut faults = faults.into_iter();
        let Some(first) = faults.next() else { return Ok(()) };
        let all = faults.fold(first, |first, other| Fault { message: format!("{}; {other}", first.message), ..first });
        Err(Untold { fault: all, mailed: is_mailed.then_some(told.event) })
    }
}

/// An id that no other claim has.
fn attempt() -> String {
    format!("{:016x}", fastrand::u64(..))
}

/// What was not told on every channel.
struct Untold {
    fault: Fault,
    /// The event of the message that people got all the same.
    mailed: Option<&'static str>,
}

impl From<Fault> for Untold {
    fn from(fault: Fault) -> Self {
        Self { fault, mailed: None }
    }
}
