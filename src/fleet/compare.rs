//! What changed in the fleet since readers were told last. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::State;
use super::cell::{CellDocument, Seen};
use super::found::{Failed, Found};
use super::pairs::Pair;
use super::told::{CellTold, Known, Told, Unseen};
use crate::domain::label;

/// So many times in a row a cell is unseen before it is told: once may be a moment's trouble.
const TIMES: u32 = 2;

/// A cell as it stands now.
#[derive(Debug, Clone)]
pub struct Now<'a> {
    pub found: &'a Found,
    pub state: State,
    pub reason: Option<String>,
    /// When this showed: the end of its run.
    pub evidence: Timestamp,
    pub document: Option<&'a CellDocument>,
}

/// A quota that came over its threshold, or is below it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub account_id: String,
    pub region: String,
    /// Of the account, as people call it.
    pub account: String,
    /// Alias or id; `account`.
    pub subject: String,
    pub quota_name: String,
    pub utilization: Option<f64>,
    pub critical: bool,
    /// The cell, or the instance, does not exist any more.
    pub gone: bool,
}

/// A cell that cannot be seen, or is seen again.
#[derive(Debug, Clone, PartialEq)]
pub struct CellItem {
    pub account_id: String,
    pub account_name: Option<String>,
    pub owner: Option<String>,
    pub region: String,
    pub state: State,
    pub reason: Option<String>,
    pub since: Timestamp,
    /// It is not in the list any more.
    pub gone: bool,
}

/// What readers do not know yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct News {
    pub new: Vec<Item>,
    pub recovered: Vec<Item>,
    pub unseen: Vec<CellItem>,
    pub seen_again: Vec<CellItem>,
    /// That cells cannot be looked for: why.
    pub discovery_failed: Option<String>,
    pub discovery_works: bool,
    pub lower: Vec<String>,
    pub lower_gone: usize,
}

impl News {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is to be compared with what readers know.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    pub cells: &'a [Now<'a>],
    pub failure: Option<&'a Failed>,
    pub pairs: &'a [Pair],
    /// Pairs whose limits could not be read, and the runs of whose cells are not known: what was told of them stays.
    pub all_pairs_known: bool,
    pub now: Timestamp,
    /// The time between two runs of a cell.
    pub interval: SignedDuration,
}

/// The news, and what readers know once they have it.
#[must_use]
pub fn compare(told: &Told, compared: &Compared<'_>) -> (News, Told) {
    let mut news = News::default();
    let mut here = BTreeSet::new();
    let mut next = Told { claimed_until: None, claimed_by: None, cells: BTreeMap::new(), ..told.clone() };
    for cell in compared.cells.iter().filter(|cell| cell.found.measured) {
        let (account_id, region) = cell.found.target.key();
        let name = format!("{account_id}#{region}");
        let before = told.cells.get(&name).cloned().unwrap_or_default();
        let after = cell_after(cell, before, compared, &mut news);
        if after != CellTold::default() {
            next.cells.insert(name.clone(), after);
        }
        here.insert(name);
    }
    for (name, before) in told.cells.iter().filter(|(name, _)| !here.contains(*name)) {
        left(name, before, &mut news);
    }
    match compared.failure {
        Some(failed) if !told.discovery_failed => news.discovery_failed = Some(failed.reason.clone()),
        None if told.discovery_failed => news.discovery_works = true,
        _ => {}
    }
    next.discovery_failed = compared.failure.is_some();
    lower_limits(told, &mut next, compared, &mut news);
    (news, next)
}

fn cell_after(cell: &Now<'_>, before: CellTold, compared: &Compared<'_>, news: &mut News) -> CellTold {
    match cell.state {
        State::Running => before,
        state if state.is_seen() => {
            if let Some(unseen) = before.unseen.filter(|unseen| unseen.told) {
                news.seen_again.push(CellItem { state: unseen.state, reason: None, ..item_of(cell, unseen.since) });
            }
            let seen = cell.document.and_then(|document| document.seen.as_ref());
            let violations = match seen {
                Some(seen) => violations_after(cell, seen, before.violations, compared.now, news),
                None => before.violations,
            };
            CellTold { violations, unseen: None }
        }
        state => {
            let mut unseen = before.unseen.unwrap_or(Unseen {
                since: cell.evidence,
                times: 0,
                evidence: Timestamp::MIN,
                state,
                told: false,
            });
            // What has no run of its own shows again with time only.
            let is_again = match state {
                State::NotRun if unseen.times > 0 => {
                    compared.now.duration_since(unseen.evidence) >= compared.interval * 3 / 4
                }
                _ => cell.evidence > unseen.evidence,
            };
            if is_again {
                (unseen.times, unseen.evidence) = (unseen.times + 1, cell.evidence);
            }
            unseen.state = state;
            if unseen.times >= TIMES && !unseen.told {
                unseen.told = true;
                news.unseen.push(item_of(cell, unseen.since));
            }
            CellTold { unseen: Some(unseen), ..before }
        }
    }
}

/// What was not looked at, could not be seen, or is not over by the cell's ledger stays as readers know it.
fn violations_after(
    cell: &Now<'_>,
    seen: &Seen,
    before: BTreeMap<String, Known>,
    now: Timestamp,
    news: &mut News,
) -> BTreeMap<String, Known> {
    let mut after = BTreeMap::new();
    for subject in &seen.subjects {
        for (quota, over) in &subject.violations {
            let key = format!("{}/{quota}", subject.id);
            let known = before.get(&key).cloned().unwrap_or_else(|| {
                news.new.push(Item {
                    subject: subject.alias.clone().unwrap_or_else(|| subject.id.clone()),
                    quota_name: over.quota_name.clone(),
                    utilization: over.utilization,
                    critical: over.critical,
                    ..item(cell)
                });
                Known { quota_name: over.quota_name.clone(), since: now }
            });
            after.insert(key, known);
        }
    }
    for (key, known) in before.into_iter().filter(|(key, _)| !after.contains_key(key)).collect::<Vec<_>>() {
        let (id, quota) = key.split_once('/').unwrap_or((&key, ""));
        let subject = seen.subjects.iter().find(|subject| subject.id == id);
        if subject.is_some_and(|subject| !subject.knows_the_end_of(quota)) {
            after.insert(key, known);
            continue;
        }
        news.recovered.push(Item {
            subject: subject.and_then(|s| s.alias.clone()).unwrap_or_else(|| id.to_owned()),
            quota_name: known.quota_name,
            gone: subject.is_none(),
            ..item(cell)
        });
    }
    after
}

fn item(cell: &Now<'_>) -> Item {
    let target = &cell.found.target;
    Item {
        account_id: target.account_id.clone(),
        region: target.region.clone(),
        account: label(&target.account_id, target.account_name.as_deref()),
        subject: String::new(),
        quota_name: String::new(),
        utilization: None,
        critical: false,
        gone: false,
    }
}

fn item_of(cell: &Now<'_>, since: Timestamp) -> CellItem {
    let target = &cell.found.target;
    CellItem {
        account_id: target.account_id.clone(),
        account_name: target.account_name.clone(),
        owner: target.owner.clone(),
        region: target.region.clone(),
        state: cell.state,
        reason: cell.reason.clone(),
        since,
        gone: false,
    }
}

/// The cell is not measured any more: what was told of it is over.
fn left(name: &str, before: &CellTold, news: &mut News) {
    let (account_id, region) = name.split_once('#').unwrap_or((name, ""));
    for (key, known) in &before.violations {
        news.recovered.push(Item {
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            account: account_id.to_owned(),
            subject: key.split('/').next().unwrap_or_default().to_owned(),
            quota_name: known.quota_name.clone(),
            utilization: None,
            critical: false,
            gone: true,
        });
    }
    if let Some(unseen) = before.unseen.as_ref().filter(|unseen| unseen.told) {
        news.seen_again.push(CellItem {
            account_id: account_id.to_owned(),
            account_name: None,
            owner: None,
            region: region.to_owned(),
            state: unseen.state,
            reason: None,
            since: unseen.since,
            gone: true,
        });
    }
}

fn lower_limits(told: &Told, next: &mut Told, compared: &Compared<'_>, news: &mut News) {
    next.lower_limits.clear();
    for pair in compared.pairs {
        for lower in &pair.lower {
            let key = pair.key(lower);
            if !told.lower_limits.contains_key(&key) {
                news.lower.push(format!(
                    "{}: {} is {} in {} and {} in {}: traffic that moves to {} meets the lower one",
                    pair.name(),
                    lower.quota_name,
                    crate::domain::format::number(lower.limit),
                    lower.region,
                    crate::domain::format::number(lower.other_limit),
                    lower.other_region,
                    lower.region
                ));
            }
            next.lower_limits.insert(key.clone(), told.lower_limits.get(&key).copied().unwrap_or(compared.now));
        }
    }
    let is_known = |key: &str| {
        let mut parts = key.split('/');
        let (account, instance) = (parts.next(), parts.next());
        let mut pairs = compared.pairs.iter().filter(|pair| pair.note.is_none());
        pairs.any(|pair| Some(pair.account_id.as_str()) == account && Some(pair.instance_id.as_str()) == instance)
    };
    for (key, since) in
        told.lower_limits.iter().filter(|(key, _)| !next.lower_limits.contains_key(*key)).collect::<Vec<_>>()
    {
        if is_known(key) || compared.all_pairs_known {
            news.lower_gone += 1;
        } else {
            next.lower_limits.insert(key.clone(), *since);
        }
    }
}

#[cfg(test)]
#[path = "tests/compare.rs"]
mod tests;
