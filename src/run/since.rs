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
        let count = usage(&old_account);
        let (mut old, mut new) = (vec![old_account], vec![newest]);
        // A monitor without readers forgets nobody: those it still knows are told by their ids.
        let mut unseen = Vec::new();
        for id in account.instances.keys() {
            let before = at(id, then).await?;
            let after = at(id, moment.now).await?.filter(|snapshot| is_after(snapshot, then));
            if before.is_some() && after.is_none() {
                unseen.push(id.as_str());
            }
            old.extend(before);
            new.extend(after);
        }
        let read = |snapshots: &[Value]| Seen::of_snapshots(&owner, snapshots).map_err(sink);
        let mut found = Differences::between(&read(&old)?, &read(&new)?).map_err(sink)?;
        found.notes.extend(gone(count, old.len() - 1));
        if !unseen.is_empty() {
            found.notes.push(format!("Measured then and not since, so perhaps gone: {}", unseen.join(", ")));
        }
        Ok(found)
    }
}

/// A snapshot is from after a time. The same snapshot is both the old and the new one where nothing ran since.
fn is_after(snapshot: &Value, time: jiff::Timestamp) -> bool {
    // RFC 3339 in UTC with whole seconds sorts as text.
    snapshot["timestamp"].as_str().is_some_and(|at| *at > *rfc3339(time))
}

/// What is known of instances of then that the monitor forgot, because they are gone: `count` there were, and of `found`
/// of them there is a snapshot of then. New ones do not make up for them.
fn gone(count: Option<f64>, found: usize) -> Option<String> {
    let Some(count) = count else {
        return Some(
            "How many instances there were then is not known: some may be gone, and are not compared".to_owned(),
        );
    };
    #[expect(clippy::cast_precision_loss, reason = "an account has few instances")]
    let fewer = count - found as f64;
    (fewer > 0.0).then(|| {
        format!("{fewer} of the {count} instances of then are gone, or were not measured then: theirs are not compared")
    })
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
        assert_eq!(gone(usage(&account(json!(2))), 2), None);
        assert_eq!(gone(usage(&account(json!(2))), 3), None);
        assert!(gone(usage(&account(json!(3))), 1).unwrap().starts_with("2 of the 3 instances of then are gone"));
        for unknown in [account(Value::Null), json!({"metrics": []})] {
            let told = gone(usage(&unknown), 1).unwrap();
            assert!(told.contains("not known") && !told.contains(char::is_numeric), "{told}");
        }
    }
}
