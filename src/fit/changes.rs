//! What plans change, added up. Pure.

use std::collections::BTreeMap;

use super::delta::{Delta, Place};
use super::table;
use crate::catalogue::Quota;
use crate::domain::Scope;

/// What plans say, added up.
#[derive(Debug, Default)]
pub struct Changes {
    /// By key of the quota and place.
    pub deltas: BTreeMap<(&'static str, Place), Delta>,
    /// Types of Connect and its companions that the table does not know, and how many would change.
    pub unknown_types: BTreeMap<String, u64>,
    /// Types that count against no quota of the catalogue, and how many would change.
    pub uncounted_types: BTreeMap<String, u64>,
    /// Resources of other services.
    pub others: u64,
    /// What could not be read, such as a nested stack in another place. It cannot be judged.
    pub unread: Vec<String>,
    /// What the reader must know.
    pub notes: Vec<String>,
}

impl Changes {
    pub fn add(&mut self, quota: &Quota, place: Place, delta: Delta) {
        let sum = self.deltas.entry((quota.key(), place)).or_default();
        *sum = sum.plus(delta);
    }

    /// Adds one resource of a type; `value` gives its properties' texts by name.
    pub(super) fn add_resource(&mut self, kind: &str, value: &dyn Fn(&str) -> Option<String>, delta: Delta) {
        match table::look_up(kind, value) {
            table::Known::Counted(quota) => self.add(quota, table::place(quota, value), delta),
            table::Known::Uncounted => *self.uncounted_types.entry(kind.to_owned()).or_default() += 1,
            table::Known::Not => *self.unknown_types.entry(kind.to_owned()).or_default() += 1,
            table::Known::OtherService => self.others += 1,
        }
    }

    pub fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|n| n == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// What stands in an instance that is not known yet stands in this one.
    pub fn settle(&mut self, instance: &str) {
        let keys: Vec<&'static str> =
            self.deltas.keys().filter(|(_, place)| *place == Place::UnknownInstance).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(delta) = self.deltas.remove(&(key, Place::UnknownInstance)) {
                let sum = self.deltas.entry((key, Place::Instance(instance.to_owned()))).or_default();
                *sum = sum.plus(delta);
            }
        }
    }

    /// Adds what a person asks for by name.
    pub fn ask(&mut self, quota: &Quota, creates: u64) {
        let place = if quota.scope == Scope::Instance { Place::UnknownInstance } else { Place::Account };
        self.add(quota, place, Delta { creates, ..Delta::default() });
    }
}
