//! The search for a fleet's cells: which accounts there are, which Regions they have enabled, and which of these have
//! instances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{info, warn};
use uuid::Uuid;

use super::app::{App, Moment};
use crate::aws::cells::Cells;
use crate::aws::organizations::Member;
use crate::config::ConfigError;
use crate::domain::request::Task;
use crate::domain::target::{LONGEST_NAME, Target};
use crate::domain::{Fault, FaultKind, label};
use crate::fleet::found::{Discovery, Failed, Found, counts, merged, payloads};
use crate::fleet::list::{Accounts, Listed, MOST_CELLS};
use crate::fleet::{State, key, list};
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::say::plain;

/// A list of a hundred thousand lines, and ten thousand cells with their reasons.
const MOST_BYTES: i64 = 16 * 1024 * 1024;
/// Accounts that are looked at side by side.
const SIDE_BY_SIDE: usize = 16;
const LONGEST_REASON: usize = 300;

impl App {
    /// A task of a fleet's hub.
    ///
    /// # Errors
    /// [`RunError::Config`] without a bucket or a role, [`RunError::Discovery`] where accounts cannot be listed, and
    /// [`RunError::Sink`] where something cannot be written or told.
    pub async fn fleet_task(&self, task: Task, dry_run: bool, moment: Moment) -> Result<Value, RunError> {
        if !self.sinks.stores.keeps_reports() {
            let why = "USE_S3_STORAGE is off: a fleet's list, states and page are kept in the bucket, so it must be on";
            return Err(RunError::Config(ConfigError(vec![why.to_owned()])));
        }
        match task {
            Task::Discover { if_older_than_hours } => Box::pin(self.search(if_older_than_hours, dry_run, moment)).await,
            Task::Digest { since } => Box::pin(self.digest(since, dry_run, moment)).await,
        }
    }

    async fn search(&self, older_than: Option<u32>, dry_run: bool, moment: Moment) -> Result<Value, RunError> {
        let Some(cells) = &self.cells else {
            let why = "FLEET_ROLE_NAME is not set: accounts are looked at with the role of that name";
            return Err(RunError::Config(ConfigError(vec![why.to_owned()])));
        };
        let papers = Papers(self.sinks.until(moment.end));
        let execution_id = Uuid::new_v4().to_string();
        let before = papers.read::<Discovery>(key::DISCOVERY).await?;
        if let (Some(hours), Some(before)) = (older_than, &before)
            && is_young(before, hours, moment.now)
        {
            return Ok(json!({ "fleet": "discover", "execution_id": execution_id, "due": false, "made": before.made }));
        }
        let known = papers.read::<Vec<Found>>(key::TARGETS).await?.unwrap_or_default();
        let listed = match self.accounts(&papers, moment).await {
            Ok(listed) => listed,
            Err(why) => return Err(failed(&papers, before, why, dry_run, moment.now).await),
        };
        cells.begin_run();
        let found = Box::pin(self.look(cells, listed.accounts.clone(), &known, (&execution_id, moment))).await;
        let found = merged(found, &known);
        let to_measure = payloads(&found);
        if to_measure.len() > MOST_CELLS {
            let why = format!("{} cells were found, and one hub measures at most {MOST_CELLS}", to_measure.len());
            return Err(failed(&papers, before, why, dry_run, moment.now).await);
        }
        let discovery = Discovery {
            schema_version: 1,
            made: Some(moment.now),
            source: listed.source.clone(),
            accounts: listed.accounts.len(),
            not_active: listed.not_active,
            failure: None,
        };
        if !dry_run {
            papers.write(key::TARGETS, &found).await?;
            papers.write(key::CELLS, &to_measure).await?;
            papers.write(key::DISCOVERY, &discovery).await?;
        }
        info!(accounts = discovery.accounts, cells = found.len(), measured = to_measure.len(), "fleet searched");
        let mut answer = json!({
            "fleet": "discover",
            "execution_id": execution_id,
            "version": env!("CARGO_PKG_VERSION"),
            "due": true,
            "dry_run": dry_run,
            "source": discovery.source,
            "accounts": discovery.accounts,
            "accounts_not_active": discovery.not_active,
            "cells": counts(&found),
            "targets_key": key::TARGETS,
            "cells_key": key::CELLS,
        });
        if dry_run {
            answer["targets"] = json!(found);
        }
        Ok(answer)
    }

    /// The accounts: those of the list in the bucket where there is one, else those of the organization.
    async fn accounts(&self, papers: &Papers, moment: Moment) -> Result<Source, String> {
        for (key, parse) in key::LISTS.into_iter().zip([list::json, list::text]) {
            let read = papers.0.stores.object(key, MOST_BYTES).await;
            let Some((bytes, _)) = read.map_err(|fault| format!("{key} cannot be read: {fault}"))? else { continue };
            let text = String::from_utf8(bytes).map_err(|_| format!("{key}: it is no UTF-8 text"))?;
            let mut accounts = parse(&text).map_err(|why| format!("{key}: {why}"))?;
            accounts.retain(|id, _| !self.config.fleet.exclude_accounts.contains(id));
            return Ok(Source { source: key.to_owned(), accounts, not_active: 0 });
        }
        self.members(moment.deadline).await.map_err(|fault| fault.to_string())
    }

    async fn members(&self, deadline: Instant) -> Result<Source, Fault> {
        let organization = self.organization.as_ref().ok_or_else(|| {
            Fault::new("organizations:ListAccounts", FaultKind::Other, "this process has no client of Organizations")
        })?;
        let settings = &self.config.fleet;
        organization.caller().begin_run();
        let members = organization.members(&settings.ous, deadline).await?;
        let (mut accounts, mut not_active) = (Accounts::new(), 0);
        for Member { id, name, ou, is_active } in members {
            if settings.exclude_accounts.contains(&id) {
                continue;
            }
            if !is_active {
                not_active += 1;
                continue;
            }
            let owner = match &settings.owner_tag {
                Some(tag) => organization.tag(&id, tag, deadline).await?,
                None => None,
            };
            let short = |text: Option<String>| text.map(|text| plain(&text, LONGEST_NAME)).filter(|t| !t.is_empty());
            let listed = Listed { account_name: short(name), ou, owner: short(owner), regions: Vec::new() };
            accounts.insert(id, listed);
        }
        if accounts.is_empty() {
            let why = "not one active account was listed: look at FLEET_OUS and FLEET_EXCLUDE_ACCOUNTS";
            return Err(Fault::new("organizations:ListAccounts", FaultKind::BadResponse, why));
        }
        Ok(Source { source: "organizations".to_owned(), accounts, not_active })
    }

    /// Looks into every account, some side by side.
    async fn look(
        &self,
        cells: &Cells,
        accounts: Accounts,
        known: &[Found],
        (execution_id, moment): (&str, Moment),
    ) -> Vec<Found> {
        let mut known_of: BTreeMap<&str, BTreeMap<String, Found>> = BTreeMap::new();
        for found in known {
            let of_account = known_of.entry(&found.target.account_id).or_default();
            of_account.insert(found.target.region.clone(), found.clone());
        }
        let nowhere = Arc::new(Mutex::new(BTreeSet::new()));
        let (mut waiting, mut running, mut found) = (accounts.into_iter(), JoinSet::new(), Vec::new());
        loop {
            while running.len() < SIDE_BY_SIDE
                && let Some((account_id, listed)) = waiting.next()
            {
                let given = if listed.regions.is_empty() { &self.config.fleet.regions } else { &listed.regions };
                let look = Look {
                    cells: cells.clone(),
                    regions: given.clone(),
                    known: known_of.remove(account_id.as_str()).unwrap_or_default(),
                    account_id,
                    listed,
                    session: execution_id.to_owned(),
                    deadline: moment.deadline,
                    now: moment.now,
                    nowhere: Arc::clone(&nowhere),
                };
                running.spawn(look.account());
            }
            match running.join_next().await {
                Some(Ok(of_account)) => found.extend(of_account),
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => return found,
            }
        }
    }
}

/// Where the accounts are from.
struct Source {
    source: String,
    accounts: Accounts,
    not_active: usize,
}

/// The look into one account.
struct Look {
    cells: Cells,
    account_id: String,
    listed: Listed,
    /// Given ones; empty: those that are enabled.
    regions: Vec<String>,
    /// Of an earlier search, by Region: where nothing can be asked, these stand for the account.
    known: BTreeMap<String, Found>,
    session: String,
    deadline: Instant,
    now: Timestamp,
    /// Regions that have no Amazon Connect, as any account found out.
    nowhere: Arc<Mutex<BTreeSet<String>>>,
}

impl Look {
    async fn account(self) -> Vec<Found> {
        let session = match self.cells.session(&self.account_id, &self.session, self.deadline).await {
            Ok(session) => session,
            Err(fault) => {
                let mut regions =
                    if self.regions.is_empty() { self.known.keys().cloned().collect() } else { self.regions.clone() };
                if regions.is_empty() {
                    regions.push(self.cells.region());
                }
                let state = State::of_role(&fault);
                let settled = |region: &String| self.settled_before(region);
                let found = |region| settled(region).unwrap_or_else(|| self.found(region, state, 0, Some(&fault)));
                return regions.iter().map(found).collect();
            }
        };
        let regions = if self.regions.is_empty() {
            match self.cells.regions(&session, self.deadline).await {
                Ok(regions) => regions,
                Err(fault) => {
                    warn!("the Regions of account {} cannot be listed: {fault}", self.account_id);
                    let mut regions: BTreeSet<String> = self.known.keys().cloned().collect();
                    regions.insert(self.cells.region());
                    regions.into_iter().collect()
                }
            }
        } else {
            self.regions.clone()
        };
        let mut all = Vec::new();
        for region in &regions {
            let is_nowhere = self.nowhere.lock().unwrap_or_else(PoisonError::into_inner).contains(region);
            if is_nowhere {
                all.push(self.found(region, State::NotOffered, 0, None));
                continue;
            }
            let target = list::target(&self.account_id, &self.listed, region);
            if let Err(why) = self.cells.same_partition(&target) {
                let fault = Fault::new("fleet", FaultKind::Invalid, why);
                all.push(self.found(region, State::Failed, 0, Some(&fault)));
                continue;
            }
            let listed = self.cells.connect(&session, region).instances(self.deadline).await;
            all.push(match listed {
                Ok(instances) if instances.is_empty() => self.found(region, State::Empty, 0, None),
                Ok(instances) => self.found(region, State::Seen, instances.len(), None),
                Err(fault) => {
                    let state = State::of_listing(&fault);
                    if state == State::NotOffered {
                        self.nowhere.lock().unwrap_or_else(PoisonError::into_inner).insert(region.clone());
                    }
                    self.found(region, state, 0, Some(&fault))
                }
            });
        }
        all
    }

    /// A Region where nobody could run Connect when it was asked last. A role that cannot be taken now does not change
    /// that, and nobody is told that it is not seen.
    fn settled_before(&self, region: &str) -> Option<Found> {
        let known = self.known.get(region).filter(|known| !known.measured)?;
        let is_settled = matches!(known.state, State::NotOffered | State::NotOptedIn);
        let target = list::target(&self.account_id, &self.listed, region);
        is_settled.then(|| Found { target, ..known.clone() })
    }

    fn found(&self, region: &str, state: State, instances: usize, fault: Option<&Fault>) -> Found {
        let target: Target = list::target(&self.account_id, &self.listed, region);
        if let Some(fault) = fault.filter(|_| !state.is_settled()) {
            let whose = label(&target.account_id, target.account_name.as_deref());
            warn!("account {whose} in {region}: {} ({}): {fault}", state.as_str(), state.in_words());
        }
        let reason = fault.map(|fault| plain(&fault.to_string(), LONGEST_REASON));
        Found { target, instances, state, reason, checked_at: self.now, measured: false }
    }
}

fn is_young(before: &Discovery, hours: u32, now: Timestamp) -> bool {
    let oldest = now.checked_sub(SignedDuration::from_hours(i64::from(hours))).unwrap_or(Timestamp::MIN);
    // A minute's play: a schedule is not exact.
    let oldest = oldest.checked_add(SignedDuration::from_mins(1)).unwrap_or(oldest);
    before.failure.is_none() && before.made.is_some_and(|made| made > oldest)
}

/// The list that stands stays, and the digest says so.
async fn failed(papers: &Papers, before: Option<Discovery>, why: String, dry_run: bool, now: Timestamp) -> RunError {
    let mut after = before.unwrap_or_else(Discovery::none);
    let since = after.failure.as_ref().map_or(now, |failed| failed.since);
    after.failure = Some(Failed { since, at: now, reason: plain(&why, LONGEST_REASON) });
    let stays = after.made.map_or("there is no list yet".to_owned(), |made| {
        format!("the list of {} stays", crate::domain::format::rfc3339(made))
    });
    let mut text = format!("the fleet's accounts cannot be listed: {why}; {stays}");
    if !dry_run && let Err(error) = papers.write(key::DISCOVERY, &after).await {
        text = format!("{text}; and {error}");
    }
    RunError::Discovery(text)
}

/// The fleet's documents.
pub(super) struct Papers(pub Sinks);

impl Papers {
    /// A document; none where there is no such object.
    ///
    /// # Errors
    /// It cannot be read, or is none of ours: it is not overwritten then.
    pub(super) async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, RunError> {
        let sink = |why: String| RunError::Sink(format!("{key}: {why}"));
        let read = self.0.stores.object(key, MOST_BYTES).await;
        let Some((bytes, _)) = read.map_err(|fault| sink(fault.to_string()))? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| sink(format!("it cannot be read: {e}")))
    }

    pub(super) async fn write(&self, key: &str, document: &impl Serialize) -> Result<(), RunError> {
        let sink = |why: String| RunError::Sink(format!("{key}: {why}"));
        let body = serde_json::to_vec(document).map_err(|e| sink(e.to_string()))?;
        self.0.stores.put_object(key, "application/json", body).await.map_err(|fault| sink(fault.to_string()))
    }
}
