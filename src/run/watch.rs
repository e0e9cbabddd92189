//! Watches on events: a batch of the queue is counted and told; a sweep tells what is over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tracing::{info, warn};

use super::app::{App, Moment};
use crate::aws::Identity;
use crate::config::ConfigError;
use crate::domain::{Fault, FaultKind, Owner};
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::say;
use crate::send::Sent;
use crate::watch::event::{Read, Seen, read};
use crate::watch::state::{Decision, State};
use crate::watch::table::Watch;
use crate::watch::words;

/// Writers that meet at one document try again so many times.
const TRIES: u32 = 8;
/// Open incidents are remembered for so long, in seconds.
const REMEMBERED: i64 = 7 * 86_400;
/// What a fault of ours names.
const OPERATION: &str = "watch";

/// What one invocation works with.
struct Watching<'a> {
    app: &'a App,
    sinks: Sinks,
    identity: Identity,
    now: i64,
    moment: Moment,
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
        let index = watching.index();
        let open = watching.read_as::<BTreeSet<String>>(&index).await.map_err(|f| RunError::Sink(f.to_string()))?;
        let open = open.map(|(open, _)| open).unwrap_or_default();
        let (mut over, mut problems) = (BTreeSet::new(), Vec::new());
        for subject in &open {
            match watching.end(subject).await {
                Ok(true) => {
                    over.insert(subject.clone());
                }
                Ok(false) => {}
                Err(fault) => problems.push(format!("{subject}: {fault}")),
            }
        }
        if !over.is_empty()
            && let Err(fault) = watching.change(&index, BTreeSet::new, |open| *open = &*open - &over).await
        {
            problems.push(fault.to_string());
        }
        if problems.is_empty() {
            Ok(json!({ "watch": "sweep", "open": open.len() - over.len(), "over": over.len() }))
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
        Ok(Watching { app: self, sinks: self.sinks.until(moment.end), identity, now: moment.now.as_second(), moment })
    }
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
        format!("{}#{}#watch#open", self.identity.account.id, self.identity.account.region)
    }

    async fn read_as<T: serde::de::DeserializeOwned>(&self, subject: &str) -> Result<Option<(T, u64)>, Fault> {
        let Some((text, version)) = self.sinks.stores.document(subject).await? else { return Ok(None) };
        let unreadable = |e: serde_json::Error| {
            Fault::new(OPERATION, FaultKind::BadResponse, format!("the document {subject} cannot be read: {e}"))
        };
        Ok(Some((serde_json::from_str(&text).map_err(unreadable)?, version)))
    }

    /// Writes a document; false where somebody else has written it since.
    async fn write<T: serde::Serialize>(&self, subject: &str, document: &T, known: u64) -> Result<bool, Fault> {
        let text = serde_json::to_string(document)
            .map_err(|e| Fault::new(OPERATION, FaultKind::Invalid, format!("{subject} cannot be written: {e}")))?;
        self.sinks.stores.write_document(subject, text, known, self.now + REMEMBERED).await
    }

    /// Changes a document, again where somebody else has written it meanwhile.
    async fn change<T>(&self, subject: &str, new: impl Fn() -> T, change: impl Fn(&mut T)) -> Result<T, Fault>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        for _ in 0..TRIES {
            let (mut document, known) = self.read_as(subject).await?.unwrap_or_else(|| (new(), 0));
            change(&mut document);
            if self.write(subject, &document, known).await? {
                return Ok(document);
            }
        }
        Err(busy(subject))
    }

    /// Counts events of one key, and tells them where it is time.
    async fn group(&self, subject: &str, seen: &[Seen]) -> Result<(), Fault> {
        let Some(first) = seen.first() else { return Ok(()) };
        let settings = &self.app.config.watches;
        let (threshold, cool_down) = (first.watch.threshold(settings), settings.cool_down_minutes);
        for _ in 0..TRIES {
            let (mut state, known) = self.read_as::<State>(subject).await?.unwrap_or_else(|| (State::of(first), 0));
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
                state.claim(self.now);
            }
            if self.write(subject, &state, known).await? {
                return if tells { self.tell(first.watch, subject, &state).await } else { Ok(()) };
            }
        }
        Err(busy(subject))
    }

    /// Publishes what this writer has claimed; a failure gives the claim back.
    async fn tell(&self, watch: &Watch, subject: &str, state: &State) -> Result<(), Fault> {
        let told = async {
            let add = |open: &mut BTreeSet<String>| {
                open.insert(subject.to_owned());
            };
            self.change(&self.index(), BTreeSet::new, add).await?;
            self.publish(watch, subject, state, false).await
        }
        .await;
        let now = self.now;
        let noted = self.change(
            subject,
            || state.clone(),
            |state: &mut State| {
                state.claimed_until = None;
                if told.is_ok() {
                    state.told_at = Some(now);
                }
            },
        );
        // What readers got is told; that it could not be noted may tell it twice, and never loses it.
        noted.await.and(told)
    }

    /// True where an incident is over and told so, or is none any more.
    async fn end(&self, subject: &str) -> Result<bool, Fault> {
        let Some((mut state, known)) = self.read_as::<State>(subject).await? else { return Ok(true) };
        if state.told_at.is_none() {
            return Ok(state.claimed_until.is_none_or(|until| self.now >= until));
        }
        let Some(watch) = Watch::named(&state.watch) else { return Ok(true) };
        if !state.is_over(self.app.config.watches.cool_down_minutes, self.now) {
            return Ok(false);
        }
        state.claim(self.now);
        if !self.write(subject, &state, known).await? {
            return Ok(false);
        }
        let told = self.publish(watch, subject, &state, true).await;
        let told_now = told.is_ok();
        let noted = self.change(
            subject,
            || state.clone(),
            |state: &mut State| {
                state.claimed_until = None;
                if told_now {
                    state.end();
                }
            },
        );
        noted.await?;
        told.map(|()| true)
    }

    async fn publish(&self, watch: &Watch, subject: &str, state: &State, is_over: bool) -> Result<(), Fault> {
        let owner = owner_of(subject);
        let quota = if is_over { String::new() } else { self.app.quota_of_rate(watch, state, self.moment).await };
        let is_ours = owner.account_id == self.identity.account.id;
        let name = self.app.named.name.as_deref().filter(|_| is_ours);
        let told = words::told(watch, state, &owner, (name, &quota), is_over);
        info!("{}", told.summary);
        let message = say::watched(&told);
        let event = [say::outgoing::watched(&told, self.moment.now)];
        self.sinks.channels.publish(&message).await?;
        for channel in &self.app.sinks.channels.events {
            let Sent { faults, .. } = self.sinks.channels.send(channel, &event).await;
            if let Some(fault) = faults.into_iter().next() {
                return Err(fault);
            }
        }
        Ok(())
    }
}

fn busy(subject: &str) -> Fault {
    let why = format!("the document {subject} was written by others {TRIES} times in a row");
    Fault::new(OPERATION, FaultKind::Unavailable, why)
}
