//! The digest of a fleet: what its cells left becomes one report, one page, and one message about what changed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracing::{info, warn};
use uuid::Uuid;

use super::app::{App, Moment};
use super::cell::MOST_BYTES;
use super::fleet_search::Papers;
use super::fleet_tell::Telling;
use crate::answer::stored::StoredReport;
use crate::answer::{emf, fleet_page};
use crate::domain::target::Target;
use crate::domain::{Account, Owner, Scope, console};
use crate::fleet::cell::CellDocument;
use crate::fleet::compare::{Compared, Now};
use crate::fleet::found::{Discovery, Found};
use crate::fleet::pairs::{self, Limits, Pair};
use crate::fleet::report::{FleetReport, Row};
use crate::fleet::{State, key};
use crate::run::error::RunError;

/// Documents that are read side by side.
const SIDE_BY_SIDE: usize = 32;
/// A run may begin so much later than its schedule says, and clocks differ a little.
const PLAY: SignedDuration = SignedDuration::from_mins(15);
const CLOCKS: SignedDuration = SignedDuration::from_secs(60);
/// The report of a cell, of which a pair's limits are read.
const MOST_BYTES_OF_REPORT: i64 = 16 * 1024 * 1024;

/// Cells that a note names.
const NAMED: usize = 5;

/// The document of a cell as it was read; an error says why it was not.
type Read = Result<Option<CellDocument>, String>;

impl App {
    pub(super) async fn digest(
        &self,
        since: Option<Timestamp>,
        dry_run: bool,
        moment: Moment,
    ) -> Result<Value, RunError> {
        let papers = Papers(self.sinks.until(moment.end));
        let execution_id = Uuid::new_v4().to_string();
        let account = self.aws.account(&[], moment.deadline).await.map_err(|f| RunError::Sink(f.to_string()))?;
        let account = Account { named: self.named.clone(), ..account };
        let discovery = papers.read::<Discovery>(key::DISCOVERY).await?;
        let mut found = papers.read::<Vec<Found>>(key::TARGETS).await?.unwrap_or_default();
        if discovery.as_ref().is_none_or(|discovery| discovery.made.is_none()) && found.is_empty() {
            found = without_list(&papers, moment.now).await?;
        }
        let documents = documents(&papers, &found).await;
        name(&mut found, &documents);
        let interval = SignedDuration::from_mins(i64::from(self.config.lookback_minutes));
        // After the round that began then, none of its runs is under way.
        let are_over = since.is_some();
        let oldest = since.and_then(|since| since.checked_sub(CLOCKS).ok());
        let oldest = oldest.or_else(|| moment.now.checked_sub(interval + PLAY).ok()).unwrap_or(Timestamp::MIN);
        let cells: Vec<Now<'_>> = found
            .iter()
            .map(|found| stands(found, documents.get(&owner(found)), (moment.now, oldest), are_over))
            .collect();
        let pairs = self.pairs(&papers, &found, &documents).await;
        let all_pairs_known = cells.iter().filter(|cell| cell.found.measured).all(|cell| cell.state.is_seen());
        let compared = Compared {
            cells: &cells,
            failure: discovery.as_ref().and_then(|discovery| discovery.failure.as_ref()),
            pairs: &pairs,
            all_pairs_known,
            now: moment.now,
            interval,
        };
        let mut telling = Telling::begin(&papers, &compared).await;
        let rows = cells.iter().map(|cell| Row::of(cell, telling.next())).collect();
        let mut report = FleetReport::new(&execution_id, moment.now, discovery.clone().unwrap_or_else(Discovery::none));
        report.account_id.clone_from(&account.id);
        report.account_name.clone_from(&account.named.name);
        report.region.clone_from(&account.region);
        report.changes = telling.news().into();
        report.notes = notes(discovery.as_ref(), &cells);
        report.pairs.clone_from(&pairs);
        let report = report.with_rows(rows);

        let mut problems = Vec::new();
        if !dry_run {
            problems.extend(self.keep_digest(&papers, &report, &account).await.err().map(|e| e.to_string()));
            let page = self
                .config
                .s3_bucket
                .as_deref()
                .and_then(|bucket| console::object(&account.partition, (bucket, &account.region), key::PAGE));
            telling.tell(&papers, &report, &account, &compared, page.as_deref()).await;
        }
        problems.extend(telling.problems.iter().cloned());
        if let Some(log) = self.metrics_log.as_ref().filter(|_| !dry_run) {
            (log.write)(&emf::of_fleet(&report, &log.function));
        }
        for problem in &problems {
            warn!("{problem}");
        }
        info!(
            cells = report.cells.expected,
            seen = report.cells.seen,
            violations = report.violations,
            "fleet summed up"
        );
        if !problems.is_empty() {
            return Err(RunError::Sink(problems.join("; ")));
        }
        Ok(answer(&report, &telling, dry_run))
    }

    async fn keep_digest(&self, papers: &Papers, report: &FleetReport, account: &Account) -> Result<(), RunError> {
        papers.write(key::REPORT, report).await?;
        let bucket = self.config.s3_bucket.as_deref().map(|bucket| (bucket, account.region.as_str()));
        let page = fleet_page::render(report, |key| {
            bucket.and_then(|bucket| console::object(&account.partition, bucket, key))
        });
        let kept = papers.0.stores.put_object(key::PAGE, "text/html; charset=utf-8", page.into_bytes()).await;
        kept.map_err(|fault| RunError::Sink(format!("{}: {fault}", key::PAGE)))
    }

    /// Instances in two Regions, with what both sides allow.
    async fn pairs(&self, papers: &Papers, found: &[Found], documents: &BTreeMap<Owner, Read>) -> Vec<Pair> {
        let known = documents.values().filter_map(|read| read.as_ref().ok()?.as_ref());
        let mut pairs = Vec::new();
        let mut limits: BTreeMap<Owner, Result<BTreeMap<String, Limits>, String>> = BTreeMap::new();
        for mut pair in pairs::find(known) {
            pair.account_name = found
                .iter()
                .find(|f| f.target.account_id == pair.account_id)
                .and_then(|f| f.target.account_name.clone());
            for region in &pair.regions {
                let owner = Owner { account_id: pair.account_id.clone(), region: region.clone() };
                if let Entry::Vacant(place) = limits.entry(owner) {
                    let read = limits_of(papers, place.key()).await;
                    place.insert(read);
                }
            }
            let side = |n: usize| {
                let owner = Owner { account_id: pair.account_id.clone(), region: pair.regions[n].clone() };
                let of_cell = limits.get(&owner).ok_or("not read")?.as_ref().map_err(String::as_str)?;
                of_cell.get(&pair.instance_id).ok_or("its report does not hold the rows of the instance")
            };
            let compared = match (side(0), side(1)) {
                (Ok(here), Ok(there)) => pair.clone().compared(here, there),
                (Err(why), _) | (_, Err(why)) => Pair { note: Some(why.to_owned()), ..pair.clone() },
            };
            pairs.push(compared);
        }
        pairs
    }
}

/// Where nobody has looked for cells, those count that have left a document.
async fn without_list(papers: &Papers, now: Timestamp) -> Result<Vec<Found>, RunError> {
    let keys = papers.0.stores.keys(key::LEFT).await.map_err(|fault| RunError::Sink(fault.to_string()))?;
    let cell = |owner: Owner| Found {
        target: Target::new(&owner.account_id, &owner.region),
        instances: 0,
        state: State::NotRun,
        reason: None,
        checked_at: now,
        measured: true,
    };
    Ok(keys.iter().filter_map(|key| key::owner(key)).map(cell).collect())
}

/// What a run was told of its account stands for what no search has told.
fn name(found: &mut [Found], documents: &BTreeMap<Owner, Read>) {
    for one in found {
        let known = documents.get(&owner(one)).and_then(|read| read.as_ref().ok()?.as_ref());
        if let Some(target) = known.map(|document| &document.target) {
            let its = &mut one.target;
            its.account_name = its.account_name.take().or_else(|| target.account_name.clone());
            its.ou = its.ou.take().or_else(|| target.ou.clone());
            its.owner = its.owner.take().or_else(|| target.owner.clone());
        }
    }
}

fn owner(found: &Found) -> Owner {
    found.target.owner_of_documents()
}

/// The limits of each instance of a cell, from the report of its last run.
async fn limits_of(papers: &Papers, owner: &Owner) -> Result<BTreeMap<String, Limits>, String> {
    let key = console::latest(&owner.account_id, &owner.region, "report.json");
    let read = papers.0.stores.object(&key, MOST_BYTES_OF_REPORT).await.map_err(|fault| fault.to_string())?;
    let (bytes, _) = read.ok_or_else(|| format!("{key} does not exist"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{key} is no UTF-8 text"))?;
    let report = StoredReport::parse(text).map_err(|why| format!("{key}: {why}"))?;
    let mut all: BTreeMap<String, Limits> = BTreeMap::new();
    for placed in report.rows() {
        let row = placed.row;
        let (Some(instance), Some(limit)) = (placed.instance, row.limit) else { continue };
        if row.scope != Scope::Account.as_str() {
            let limits = all.entry(instance.instance_id.clone()).or_default();
            limits.insert(row.key().to_owned(), (row.quota_name.clone(), limit));
        }
    }
    Ok(all)
}

/// What the cells that are measured left.
async fn documents(papers: &Papers, found: &[Found]) -> BTreeMap<Owner, Read> {
    let mut waiting = found.iter().filter(|found| found.measured).map(owner);
    let (mut running, mut all) = (JoinSet::new(), BTreeMap::new());
    loop {
        while running.len() < SIDE_BY_SIDE
            && let Some(owner) = waiting.next()
        {
            let stores = papers.0.stores.clone();
            running.spawn(async move {
                let key = key::cell(&owner);
                let read = match stores.object(&key, MOST_BYTES).await {
                    Ok(None) => Ok(None),
                    Ok(Some((bytes, _))) => {
                        CellDocument::parse(&bytes).map(Some).map_err(|why| format!("{key}: {why}"))
                    }
                    Err(fault) => Err(format!("{key}: {fault}")),
                };
                (owner, read)
            });
        }
        match running.join_next().await {
            Some(Ok((owner, read))) => all.insert(owner, read),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => return all,
        };
    }
}

/// Where a cell stands at `now`; runs that began before `oldest` do not count. `are_over`: none is under way any more.
fn stands<'a>(
    found: &'a Found,
    read: Option<&'a Read>,
    (now, oldest): (Timestamp, Timestamp),
    are_over: bool,
) -> Now<'a> {
    let at = |state, reason, evidence, document| Now { found, state, reason, evidence, document };
    match read {
        _ if !found.measured => at(found.state, found.reason.clone(), found.checked_at, None),
        Some(Ok(Some(document))) => {
            let (state, reason) = document.stands(now, oldest, are_over);
            let evidence = if state == State::NotRun { now } else { document.evidence() };
            at(state, reason, evidence, Some(document))
        }
        Some(Err(why)) => at(State::Failed, Some(why.clone()), now, None),
        Some(Ok(None)) | None => at(State::NotRun, Some("no run has measured it yet".to_owned()), now, None),
    }
}

/// What must be known before the numbers are read.
fn notes(discovery: Option<&Discovery>, cells: &[Now<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    let made = discovery.and_then(|discovery| discovery.made);
    if made.is_none() {
        notes.push(
            "No list of accounts has been made yet: invoke the function with {\"fleet\": \"discover\"}".to_owned(),
        );
    }
    if let Some(failed) = discovery.and_then(|discovery| discovery.failure.as_ref()) {
        let list = made.map_or("there is no list".to_owned(), |made| {
            format!("this is the list of {}", crate::domain::format::rfc3339(made))
        });
        let since = crate::domain::format::rfc3339(failed.since);
        notes.push(format!("Accounts cannot be listed since {since}, {list}: {}", failed.reason));
    }
    let running = cells.iter().filter(|cell| cell.found.measured && cell.state == State::Running).count();
    if running > 0 {
        notes.push(format!("{running} cells still run: their numbers are those of the run before"));
    }
    notes.extend(kept_nothing(cells));
    notes
}

/// Their numbers are here, and their snapshots or their messages are not where they should be.
fn kept_nothing(cells: &[Now<'_>]) -> Option<String> {
    let seen = cells.iter().filter(|cell| cell.found.measured && cell.state.is_seen());
    let all: Vec<String> =
        seen.filter_map(|cell| cell.reason.as_ref().map(|why| format!("{}: {why}", cell.found.target))).collect();
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = if all.len() > NAMED { format!("; and {} more", all.len() - NAMED) } else { String::new() };
    (!all.is_empty()).then(|| format!("{} cells were measured but could not store or tell: {named}{more}", all.len()))
}

fn answer(report: &FleetReport, telling: &Telling, dry_run: bool) -> Value {
    let unseen: Vec<Value> = report
        .unseen()
        .iter()
        .map(|row| json!({ "account_id": row.account_id, "region": row.region, "state": row.state, "reason": row.reason }))
        .collect();
    json!({
        "fleet": "digest",
        "execution_id": report.execution_id,
        "version": report.version,
        "started_at": report.started_at,
        "dry_run": dry_run,
        "complete": report.complete,
        "notes": report.notes,
        "summary": report.summary(),
        "cells": report.cells,
        "instances": report.instances,
        "violations": report.violations,
        "unknown": report.unknown,
        "max_utilization": report.max_utilization,
        "changes": report.changes,
        "lower_limits": report.pairs.iter().map(|pair| pair.lower.len()).sum::<usize>(),
        "pairs": report.pairs.len(),
        "alerts": telling.alerts,
        "unseen": unseen,
        "report_key": key::REPORT,
        "page_key": key::PAGE,
    })
}
