//! Instances that are not there any more, or that nobody looks at any more: what was told of them is over.

use super::context::{Book, Context};
use super::judge::snapshot_of;
use super::tell::Pending;
use crate::domain::Instance;
use crate::ledger::{Hanging, Known, Missing};

/// An instance that exists and that this run's filters leave out may be another function's. It counts as
/// left alone when nobody has looked at it for so many schedules, ...
const SCHEDULES: i64 = 3;
/// ... and for so many seconds at least.
const LEAST_SECONDS: i64 = 3 * 3600;

/// Ids of the instances in the account's book that are gone. `exists` and `chosen` say which instances
/// there are, and which this run measures.
pub(super) fn gone(
    run: &Context<'_>,
    book: &Book,
    exists: impl Fn(&str) -> bool,
    chosen: impl Fn(&str) -> bool,
) -> Vec<String> {
    if !run.is_whole || !run.tells_readers() {
        return Vec::new();
    }
    let alone = |known: &Known| {
        let minutes = run.rules.schedule_minutes.max(known.schedule_minutes);
        (i64::from(minutes) * 60 * SCHEDULES).max(LEAST_SECONDS)
    };
    let is_left_alone = |known: &Known| run.now.as_second() - known.looked_at > alone(known);
    let known = book.ledger().into_iter().flat_map(|ledger| &ledger.notes.instances);
    known.filter(|(id, known)| !chosen(id) && (!exists(id) || is_left_alone(known))).map(|(id, _)| id.clone()).collect()
}

/// What there may be to tell of an instance that is gone.
pub(super) async fn pending_of(run: &Context<'_>, account: &Book, id: &str) -> Pending {
    let known = account.ledger().and_then(|ledger| ledger.notes.instances.get(id));
    let instance = Instance {
        id: id.to_owned(),
        arn: known.map(|known| known.arn.clone()).unwrap_or_default(),
        alias: known.and_then(|known| known.alias.clone()),
        status: "DELETED".to_owned(),
    };
    let book = run.open(id).await;
    Pending {
        snapshot: snapshot_of(run, Some(&instance), Vec::new()),
        notes: book.notes(),
        read_version: book.version(),
        own_calls: None,
        instance: Some(instance),
        book,
        hanging: Hanging::default(),
        forget: Vec::new(),
        missing: Missing::IsGone,
    }
}
