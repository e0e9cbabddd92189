//! Stage "keep": the snapshot is stored, before anybody is told what it says.

use super::context::Context;
use super::judge::Judged;
use crate::domain::Fault;
use crate::domain::snapshot::Snapshots;

/// What became of storing a snapshot.
#[derive(Default)]
pub(super) struct Kept {
    pub counts: Snapshots,
    pub faults: Vec<Fault>,
}

impl Kept {
    /// It stands somewhere.
    pub(super) fn is_stored(&self) -> bool {
        self.counts.dynamodb + self.counts.s3 > 0
    }
}

/// Stores a subject's snapshot in every store; one store's failure stops no other.
pub(super) async fn keep(run: &Context<'_>, judged: &Judged) -> Kept {
    let mut kept = Kept::default();
    if !run.dry_run {
        run.sinks.stores.put(&judged.snapshot.stored(), &mut kept.counts, &mut kept.faults).await;
    }
    kept
}
