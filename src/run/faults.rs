//! The faults of a run, each told once.

use std::collections::HashSet;

use crate::domain::{Fault, FaultKind, FaultRecord};

/// So many are listed. A thousand instances may have thirty each, and the answer must stay below
/// Lambda's 6 MB; what is beyond is counted, and stands in the rows of the snapshots.
const MOST: usize = 2_000;

#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<Fault>,
    known: HashSet<(String, FaultKind, Option<String>)>,
    left_out: usize,
}

impl Faults {
    /// How many there were, those included for which there was no room.
    pub(super) fn count(&self) -> usize {
        self.list.len() + self.left_out
    }

    pub(super) fn push(&mut self, fault: Fault) {
        if self.list.len() < MOST {
            self.list.push(fault);
        } else {
            self.left_out += 1;
        }
    }

    /// Those of them that are not known yet; see [`Self::push_once`].
    pub(super) fn extend_once(&mut self, faults: &[Fault]) {
        for fault in faults {
            self.push_once(fault);
        }
    }

    /// Unless the same operation has failed in the same way for the same instance.
    pub(super) fn push_once(&mut self, fault: &Fault) {
        if self.known.insert((fault.operation.clone(), fault.kind, fault.instance_id.clone())) {
            self.push(fault.clone());
        }
    }

    /// For the answer, and how many are left out there.
    pub(super) fn into_records(self) -> (Vec<FaultRecord>, usize) {
        (self.list.iter().map(FaultRecord::from).collect(), self.left_out)
    }
}

impl Extend<Fault> for Faults {
    fn extend<T: IntoIterator<Item = Fault>>(&mut self, faults: T) {
        faults.into_iter().for_each(|fault| self.push(fault));
    }
}
