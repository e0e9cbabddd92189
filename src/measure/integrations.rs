//! Which integrations the instances have between them: quotas of the account count them, and they say
//! whose a companion service's resource is.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{self, Meter, Service};
use crate::domain::{Fault, Tally};

/// Integrations by which an instance owns a resource of a companion service.
const OWNING: &[(&str, Service)] = &[
    ("CASES_DOMAIN", Service::Cases),
    ("WISDOM_ASSISTANT", Service::Wisdom),
    ("WISDOM_KNOWLEDGE_BASE", Service::Wisdom),
    ("WISDOM_QUICK_RESPONSES", Service::Wisdom),
    ("Q_MESSAGE_TEMPLATES", Service::Wisdom),
];

/// Identities of integrations over all instances, by integration type.
#[derive(Debug, Default)]
pub struct Integrations {
    ids: BTreeMap<&'static str, BTreeSet<String>>,
    pub(super) fault: Option<Fault>,
    /// Why some instances were not asked in this run, where there was no time for all.
    pub(super) left_out: Option<String>,
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

    /// ARNs of the companion services' resources that the instances own.
    pub(super) fn owned(&self) -> BTreeSet<&str> {
        OWNING.iter().filter_map(|(kind, _)| self.ids.get(kind)).flatten().map(String::as_str).collect()
    }

    /// Whether they own anything of a service, even if it could not be listed.
    pub(super) fn owns_of(&self, service: Service) -> bool {
        let mut kinds = OWNING.iter().filter(|(_, of)| *of == service);
        kinds.any(|(kind, _)| self.ids.get(kind).is_some_and(|ids| !ids.is_empty()))
    }

    /// The run had no time for some instances: what is counted over all of them cannot be measured in it.
    pub fn leave_out(&mut self, why: String) {
        self.left_out = Some(why);
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
        self.left_out = self.left_out.take().or(other.left_out);
    }
}

/// The kinds that somebody asks for: of a thousand instances the others would be a heap of ARNs.
fn kinds() -> BTreeSet<&'static str> {
    let counted = catalogue::per_account().filter_map(|quota| match quota.meter {
        Meter::DistinctIn(_, kind) => Some(kind),
        _ => None,
    });
    counted.chain(OWNING.iter().map(|(kind, _)| *kind)).collect()
}
