//! Which integrations the instances have between them: quotas of the account count them, and they say
//! whose a sister service's resource is.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{self, Meter};
use crate::model::{Fault, Tally};

/// Integrations by which an instance owns a resource of a sister service.
const OWNING: &[&str] =
    &["CASES_DOMAIN", "WISDOM_ASSISTANT", "WISDOM_KNOWLEDGE_BASE", "WISDOM_QUICK_RESPONSES", "Q_MESSAGE_TEMPLATES"];

/// Identities of integrations over all instances, by integration type.
#[derive(Debug, Default)]
pub struct Integrations {
    ids: BTreeMap<&'static str, BTreeSet<String>>,
    pub(super) fault: Option<Fault>,
}

impl Integrations {
    pub(super) fn add(&mut self, tally: &Result<Tally, Fault>) {
        match tally {
            Ok(tally) => {
                for kind in kinds() {
                    let ids = tally.groups.get(kind).into_iter().flat_map(|group| &group.ids);
                    self.ids.entry(kind).or_default().extend(ids.cloned());
                }
            }
            Err(fault) => self.fault = Some(fault.clone()),
        }
    }

    /// ARNs of the sister services' resources that the instances own.
    pub(super) fn owned(&self) -> BTreeSet<&str> {
        OWNING.iter().filter_map(|kind| self.ids.get(kind)).flatten().map(String::as_str).collect()
    }

    /// Some instances could not be asked: what is counted over all of them is not known.
    pub fn lack(&mut self, fault: Fault) {
        self.fault = self.fault.take().or(Some(fault));
    }

    /// How many different ones of a kind there are.
    pub(super) fn distinct(&self, kind: &str) -> usize {
        self.ids.get(kind).map_or(0, BTreeSet::len)
    }

    /// Joins what two instances told.
    pub fn merge(&mut self, other: Self) {
        for (kind, ids) in other.ids {
            self.ids.entry(kind).or_default().extend(ids);
        }
        self.fault = self.fault.take().or(other.fault);
    }
}

/// The kinds that somebody asks for: of a thousand instances the others would be a heap of ARNs.
fn kinds() -> BTreeSet<&'static str> {
    let counted = catalogue::per_account().filter_map(|quota| match quota.meter {
        Meter::DistinctIn(_, kind) => Some(kind),
        _ => None,
    });
    counted.chain(OWNING.iter().copied()).collect()
}
