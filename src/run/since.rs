//! What changed since a time, by the snapshots of the store. Nothing is measured and nothing is written.

use jiff::SignedDuration;
use serde_json::Value;

use super::app::{App, Moment};
use super::history::{notes_of, nothing_of, refused};
use crate::answer::diff::{Differences, Seen};
use crate::domain::format::rfc3339;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::run::error::RunError;

/// The quota whose usage is the number of instances.
const INSTANCES: &str = "L-AA17A6B9";

impl App {
    /// The store's newest snapshots against those of `seconds` ago, or the last ones before that.
    ///
    /// # Errors
    /// [`RunError::Config`] without a store, or where it has no report that old, or none since then; [`RunError::Sink`]
    /// where it cannot be read.
    pub async fn since(&self, seconds: i64, moment: Moment) -> Result<Differences, RunError> {
        let (stores, owner) = self.remembering(moment).await?;
        let account = notes_of(&stores, &owner, ACCOUNT_KEY).await?.ok_or_else(|| nothing_of(&owner))?;
        let Ok(then) = moment.now.checked_sub(SignedDuration::from_secs(seconds)) else {
            return Err(refused("--since goes back beyond all time: ask for less".to_owned()));
        };
        let sink = |why: String| RunError::Sink(why);
        let at = async |id: &str, time| stores.snapshot_at(&owner, id, time).await.map_err(|f| sink(f.to_string()));
        let Some(old_account) = at(ACCOUNT_KEY, then).await? else {
            return Err(refused(format!(
                "the store has no report of {} or shortly before: ask for less with --since. Reports are kept for \
                 HISTORY_RETENTION_DAYS",
                rfc3339(then)
            )));
        };
        let newest = at(ACCOUNT_KEY, moment.now).await?.unwrap_or_default();
        if !is_after(&newest, then) {
            let time = newest["timestamp"].as_str().unwrap_or("an unknown time");
            return Err(refused(format!(
                "the newest report of the store is of {time}, so nothing has run since {}: ask for more with --since, \
                 and look with `doctor` why nothing runs",
                rfc3339(then)
            )));
        }
        let counts = (usage(&old_account), usage(&newest));
        let newest_run = newest["timestamp"].clone();
        let (mut old, mut new) = (vec![old_account], vec![newest]);
        // A monitor without readers forgets nobody: those it still knows are told by their ids.
        let mut unseen = Vec::new();
        for id in account.instances.keys() {
            let before = at(id, then).await?;
            let after = at(id, moment.now).await?.filter(|snapshot| is_after(snapshot, then));
            if before.is_some() && after.as_ref().is_none_or(|after| after["timestamp"] != newest_run) {
                unseen.push(id.as_str());
            }
            old.extend(before);
            new.extend(after);
        }
        let read = |snapshots: &[Value]| Seen::of_snapshots(&owner, snapshots).map_err(sink);
        let mut found = Differences::between(&read(&old)?, &read(&new)?).map_err(sink)?;
        found.notes.extend(gone(counts, (old.len() - 1, new.len() - 1)));
        if !unseen.is_empty() {
            found.notes.push(format!(
                "Measured then and not by the newest run, because its time was over or they are gone: {}",
                unseen.join(", ")
            ));
        }
        Ok(found)
    }
}

/// A snapshot is from after a time. The same snapshot is both the old and the new one where nothing ran since.
fn is_after(snapshot: &Value, time: jiff::Timestamp) -> bool {
    // RFC 3339 in UTC with whole seconds sorts as text.
    snapshot["timestamp"].as_str().is_some_and(|at| *at > *rfc3339(time))
}

/// What is known of instances of then that the monitor forgot, because they are gone. `counts`: how many instances there
/// were, then and now; `found`: of how many there are snapshots. New ones do not make up for those that are gone, and
/// those that no run measures count for nothing.
fn gone(counts: (Option<f64>, Option<f64>), found: (usize, usize)) -> Option<String> {
    let (Some(then), Some(now)) = counts else {
        return Some(
            "It is not known how many instances there were: some may be gone, and are not compared".to_owned(),
        );
    };
    #[expect(clippy::cast_precision_loss, reason = "an account has few instances")]
    let unmeasured = |count: f64, found: usize| (count - found as f64).max(0.0);
    let fewer = (unmeasured(then, found.0) - unmeasured(now, found.1)).max(then - now);
    // Those that the store still knows are compared.
    let fewer = fewer.min(unmeasured(then, found.0));
    (fewer > 0.0).then(|| format!("{fewer} of the {then} instances of then are gone: theirs are not compared"))
}

/// None where it was not measured.
fn usage(account: &Value) -> Option<f64> {
    let rows = account["metrics"].as_array().into_iter().flatten();
    let mut usages = rows.filter(|row| row["quota_code"] == INSTANCES).filter_map(|row| row["usage"].as_f64());
    usages.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_is_gone_is_told_by_those_of_then() {
        let account = |usage: Value| json!({"metrics": [{"quota_code": INSTANCES, "usage": usage}]});
        let counted = |n: u32| usage(&account(json!(n)));
        for (then, now, found, expected) in [
            (2, 2, (2, 2), None),
            (3, 1, (1, 1), Some(2)),
            // Others came.
            (2, 2, (1, 2), Some(1)),
            // A filter leaves seven out, then and now.
            (10, 10, (3, 3), None),
            (10, 9, (2, 2), Some(1)),
            // The store still knows the one that is gone.
            (2, 1, (2, 2), None),
            (2, 2, (2, 3), None),
        ] {
            let told = gone((counted(then), counted(now)), found);
            let expected = expected.map(|n: u32| format!("{n} of the {then} instances of then are gone: "));
            assert_eq!(told.is_some(), expected.is_some(), "{then} {now} {found:?}: {told:?}");
            assert!(expected.is_none_or(|begin| told.unwrap().starts_with(&begin)));
        }
        for unknown in [account(Value::Null), json!({"metrics": []})] {
            for counts in [(usage(&unknown), Some(1.0)), (Some(1.0), usage(&unknown))] {
                let told = gone(counts, (1, 1)).unwrap();
                assert!(told.contains("not known") && !told.contains(char::is_numeric), "{told}");
            }
        }
    }
}
