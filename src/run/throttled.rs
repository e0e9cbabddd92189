//! Whom the watches see rejected, for the page of the latest report.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::context::Context;
use super::watch;
use crate::answer::Throttled;
use crate::domain::format::rfc3339;
use crate::domain::{Fault, FaultKind};
use crate::watch::state::State;

/// Documents that are read at most: one call each.
const MOST: usize = 20;

/// The open incidents of the watches, those with the most calls first.
///
/// # Errors
/// The fault of the first document that could not be read.
pub(super) async fn callers(run: &Context<'_>) -> Result<Vec<Throttled>, Fault> {
    let Some(open) = read::<BTreeSet<String>>(run, &watch::index_of(&run.owner)).await? else { return Ok(Vec::new()) };
    let mut callers = Vec::new();
    for subject in open.iter().take(MOST) {
        // An incident that ended meanwhile has no count.
        if let Some(state) = read::<State>(run, subject).await?.filter(|state| state.count > 0) {
            callers.push(Throttled {
                watch: state.watch,
                operation: state.operation,
                caller: state.caller,
                count: state.count,
                at_least: state.at_least,
                first: time(state.first),
                last: time(state.last),
            });
        }
    }
    callers.sort_by_key(|caller| std::cmp::Reverse(caller.count));
    Ok(callers)
}

async fn read<T: DeserializeOwned>(run: &Context<'_>, subject: &str) -> Result<Option<T>, Fault> {
    let Some((text, _)) = run.sinks.stores.document(subject).await? else { return Ok(None) };
    let unreadable = |e: serde_json::Error| {
        Fault::new("dynamodb:GetItem", FaultKind::BadResponse, format!("the document {subject} cannot be read: {e}"))
    };
    serde_json::from_str(&text).map(Some).map_err(unreadable)
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| "?".to_owned(), rfc3339)
}
