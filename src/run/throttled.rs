//! Whom the watches see rejected, for the page of the latest report.

use jiff::Timestamp;

use super::context::Context;
use super::watch_documents::{Documents, index_of, start_of};
use crate::answer::Throttled;
use crate::domain::Fault;
use crate::domain::format::rfc3339;
use crate::watch::index::Index;
use crate::watch::state::State;

/// Documents that are read at most: one call each.
const MOST_READ: usize = 100;
/// Incidents that a page shows.
const MOST: usize = 20;

/// The open incidents of this account and Region, those with the most calls first.
///
/// # Errors
/// The fault of the first document that could not be read.
pub(super) async fn callers(run: &Context<'_>) -> Result<Vec<Throttled>, Fault> {
    let documents = Documents { sinks: &run.sinks, now: run.now.as_second() };
    let Some((index, _)) = documents.read::<Index>(&index_of(&run.owner)).await? else { return Ok(Vec::new()) };
    let start = start_of(&run.owner);
    let mut callers = Vec::new();
    // What nobody was told of is no incident, and need not be read. A key is listed as told before it is told.
    let told = index.told_first(&start).take_while(|subject| index.told.contains(*subject));
    for subject in told.take(MOST_READ) {
        let state = documents.read::<State>(subject).await?.map(|(state, _)| state);
        if let Some(state) = state.filter(|state| state.told_at.is_some()) {
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
    callers.truncate(MOST);
    Ok(callers)
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| "?".to_owned(), rfc3339)
}
