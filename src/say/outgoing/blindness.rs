//! What cannot be seen: one incident for each cause, because one missing permission may hide hundreds of
//! quotas, and nobody wants hundreds of incidents for it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::catalogue;
use crate::domain::{FaultRecord, Impact, Metric, NO_CODE};
use crate::ledger::News;
use crate::say::{counted, impact_of, list, plain};

pub(super) const NAME: usize = 120;
/// Names in the one line for a person.
const NAMES: usize = 3;
/// Quotas that an event lists.
const LISTED: usize = 20;
/// What a cause is called where none was recorded.
const NO_CAUSE: (&str, &str) = ("unknown", "other");

/// The quotas of one instance, or of the account, that one cause hides, or hid until now.
#[derive(Debug, Serialize)]
pub(super) struct Blindness<'a> {
    operation: &'a str,
    kind: &'a str,
    /// What failed and what to do; null where it is over.
    message: Option<&'a str>,
    quotas_count: usize,
    quotas: Vec<QuotaEntry<'a>>,
    quotas_omitted: usize,
    #[serde(skip)]
    pub(super) is_over: bool,
    /// The gravest of its quotas.
    #[serde(skip)]
    pub(super) impact: Impact,
    /// Of what is over, since when it was.
    #[serde(skip)]
    pub(super) since: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct QuotaEntry<'a> {
    quota_code: &'a str,
    quota_name: &'a str,
}

/// What begins and what is over. A cause begins, or reaches further, where it hides a quota that was seen
/// before; it is over when it hides none any more.
pub(super) fn of<'a>(metrics: &'a [Metric], news: &'a News) -> Vec<Blindness<'a>> {
    let rows: BTreeMap<&str, &Metric> = metrics.iter().map(|m| (m.key(), m)).collect();
    let mut hidden: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut new: BTreeSet<&str> = BTreeSet::new();
    // What nobody was told of, and is not told now, keeps nothing open.
    for (key, unseen) in news.unseen.iter().filter(|(_, unseen)| unseen.was_told || unseen.is_new) {
        hidden.entry(&unseen.cause).or_default().push(key);
        if unseen.is_new {
            new.insert(&unseen.cause);
        }
    }
    let mut over: BTreeMap<&str, (Timestamp, Vec<&str>)> = BTreeMap::new();
    for (key, seen) in news.seen_again.iter().filter(|(_, seen)| !hidden.contains_key(seen.cause.as_str())) {
        let (since, keys) = over.entry(&seen.cause).or_insert((seen.since, Vec::new()));
        *since = seen.since.min(*since);
        keys.push(key);
    }
    let begun = hidden.into_iter().filter(|(cause, _)| new.contains(cause));
    let begun = begun.map(|(cause, keys)| Blindness::new(cause, &keys, &rows, None));
    begun
        .chain(over.into_iter().map(|(cause, (since, keys))| Blindness::new(cause, &keys, &rows, Some(since))))
        .collect()
}

impl<'a> Blindness<'a> {
    fn new(cause: &'a str, keys: &[&'a str], rows: &BTreeMap<&str, &'a Metric>, over: Option<Timestamp>) -> Self {
        let (operation, kind) = cause.rsplit_once(' ').unwrap_or(NO_CAUSE);
        let row = |key: &str| rows.get(key).copied();
        let is_of_cause = |fault: &&FaultRecord| fault.operation == operation && fault.kind == kind;
        let fault = keys.iter().find_map(|key| row(key)?.fault.as_ref().filter(is_of_cause));
        Self {
            operation,
            kind,
            message: fault.filter(|_| over.is_none()).map(|fault| fault.message.as_str()),
            quotas_count: keys.len(),
            quotas: keys.iter().take(LISTED).map(|key| QuotaEntry::of(key, row(key))).collect(),
            quotas_omitted: keys.len().saturating_sub(LISTED),
            is_over: over.is_some(),
            impact: keys
                .iter()
                .map(|key| row(key).map_or_else(|| impact_of(key), |m| m.impact))
                .max()
                .unwrap_or(Impact::Build),
            since: over,
        }
    }

    /// The same for as long as the cause is.
    pub(super) fn key(&self) -> String {
        format!("unseen/{}/{}", self.operation, self.kind)
    }

    pub(super) fn in_words(&self) -> String {
        let mut names: Vec<String> = self.quotas.iter().map(|quota| plain(quota.quota_name, NAME)).collect();
        let state = if self.is_over { "can be checked again" } else { "cannot be checked" };
        let cause = plain(&format!("{} {}", self.operation, self.kind), NAME);
        if self.quotas_count == 1 {
            return format!("{} {state}: {cause}", names.swap_remove(0));
        }
        // The list counts what it does not name.
        names.resize(self.quotas_count, String::new());
        format!("{} {state}: {cause} ({})", counted(self.quotas_count, "quota"), list(&names, NAMES))
    }
}

impl<'a> QuotaEntry<'a> {
    /// What is not there any more has the name that the catalogue knows.
    fn of(key: &'a str, row: Option<&'a Metric>) -> Self {
        match (row, catalogue::find(key)) {
            (Some(row), _) => Self { quota_code: &row.quota_code, quota_name: &row.quota_name },
            (None, Some(quota)) => Self { quota_code: quota.code, quota_name: quota.name },
            (None, None) if key.starts_with("L-") => Self { quota_code: key, quota_name: key },
            (None, None) => Self { quota_code: NO_CODE, quota_name: key },
        }
    }
}
