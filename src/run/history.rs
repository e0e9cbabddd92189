//! What the ledgers remember of usage, day by day. Nothing is measured and nothing is written.

use super::app::{App, Moment};
use crate::answer::history::{LimitSince, QuotaHistory};
use crate::catalogue::Quota;
use crate::config::ConfigError;
use crate::domain::Owner;
use crate::domain::format::{date, day_of};
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::judge::trend;
use crate::keep::Stores;
use crate::keep::ledger::Opened;
use crate::ledger::{DailyPeaks, Notes};
use crate::run::error::RunError;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The quota's key; none for all.
    pub quota: Option<String>,
    /// The instance's id or alias, or `account`; none for all.
    pub instance: Option<String>,
    /// Days back, today included.
    pub days: u32,
}

impl App {
    /// The remembered days of the quotas that are wanted, the fastest growing first.
    ///
    /// # Errors
    /// [`RunError::Config`] without a store, or where the store knows no such instance; [`RunError::Sink`] where a ledger
    /// cannot be read.
    pub async fn history(&self, wanted: &Wanted, moment: Moment) -> Result<Vec<QuotaHistory>, RunError> {
        let (stores, owner) = self.remembering(moment).await?;
        let notes = async |id: &str| notes_of(&stores, &owner, id).await;
        let account = notes(ACCOUNT_KEY).await?.ok_or_else(|| nothing_of(&owner))?;
        let known = account.instances.iter().map(|(id, known)| (id.clone(), known.alias.clone()));
        let all: Vec<(String, Option<String>)> = [(ACCOUNT_KEY.to_owned(), None)].into_iter().chain(known).collect();
        let is_wanted = |(id, alias): &&(String, Option<String>)| {
            wanted.instance.as_ref().is_none_or(|name| name == id || Some(name) == alias.as_ref())
        };
        let chosen: Vec<_> = all.iter().filter(is_wanted).collect();
        if let (Some(name), true) = (&wanted.instance, chosen.is_empty()) {
            let ids: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
            return Err(refused(format!("--instance {name}: the store knows {}", ids.join(", "))));
        }
        let mut rows = Vec::new();
        for (id, alias) in chosen {
            let of_subject = if id == ACCOUNT_KEY { Some(account.clone()) } else { notes(id).await? };
            rows.extend(of_subject.iter().flat_map(|notes| remembered(notes, (id, alias.as_deref()), wanted, moment)));
        }
        rows.sort_by(|a, b| b.growth().total_cmp(&a.growth()).then_with(|| a.quota_name.cmp(&b.quota_name)));
        Ok(rows)
    }

    /// The stores, and whose they are to be read.
    ///
    /// # Errors
    /// [`RunError::Config`] without a store, [`RunError::Discovery`] where STS does not say who asks.
    pub(super) async fn remembering(&self, moment: Moment) -> Result<(Stores, Owner), RunError> {
        let stores = self.sinks.until(moment.end).stores;
        if !stores.has_home() {
            let why = "no store: set USE_DYNAMODB=true and DYNAMODB_TABLE, or USE_S3_STORAGE=true and S3_BUCKET, as the \
                       function has them";
            return Err(refused(why.to_owned()));
        }
        let identity = self.aws.identity(moment.deadline).await.map_err(|fault| RunError::discovery(&fault))?;
        Ok((stores, identity.account.owner()))
    }
}

pub(super) fn refused(why: String) -> RunError {
    RunError::Config(ConfigError(vec![why]))
}

pub(super) fn nothing_of(owner: &Owner) -> RunError {
    refused(format!(
        "the store knows nothing of account {} in {}: the monitor has not run there yet, or stores elsewhere",
        owner.account_id, owner.region
    ))
}

/// The notes of a subject's ledger; none where it has no ledger.
///
/// # Errors
/// [`RunError::Sink`] where it cannot be read.
pub(super) async fn notes_of(stores: &Stores, owner: &Owner, id: &str) -> Result<Option<Notes>, RunError> {
    match stores.ledger(owner, id).await {
        Opened::Found(ledger, _) => Ok(Some(ledger.notes)),
        Opened::Absent => Ok(None),
        Opened::Unreadable(fault) => Err(RunError::Sink(fault.to_string())),
    }
}

fn remembered(notes: &Notes, (id, alias): (&str, Option<&str>), wanted: &Wanted, moment: Moment) -> Vec<QuotaHistory> {
    let today = day_of(moment.now);
    let first = today + 1 - i64::from(wanted.days);
    let is_wanted = |key: &str| wanted.quota.as_ref().is_none_or(|wanted| wanted == key);
    let history = notes.history.0.iter().filter(|(key, _)| is_wanted(key));
    history.filter_map(|(key, days)| row(key, days, (id, alias), (first, today))).collect()
}

/// Shows the days from `first` on. The growth is that of all days, as the mail and the page tell it.
fn row(
    key: &str,
    all: &DailyPeaks,
    (id, alias): (&str, Option<&str>),
    (first, today): (i64, i64),
) -> Option<QuotaHistory> {
    let days = all.since(first);
    let highest = days.points().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let points: Vec<(i64, f64)> = all.points().collect();
    let limits: Vec<LimitSince> = days.limits().map(|(day, limit)| LimitSince { since: date(day), limit }).collect();
    let limit = limits.last().map(|since| since.limit);
    let quota = crate::catalogue::find(key);
    let is_peak = quota.is_some_and(|quota| quota.meter.source().starts_with("AWS/"));
    let outlook = limit.and_then(|limit| trend::outlook(&points, limit, is_peak, today));
    Some(QuotaHistory {
        instance_id: id.to_owned(),
        instance_alias: alias.map(str::to_owned),
        quota_code: key.to_owned(),
        quota_name: quota.map_or(key, |quota: &Quota| quota.name).to_owned(),
        from: date(days.first_day()),
        peaks: days.peaks().to_vec(),
        limit,
        limits,
        highest: Some(highest.1),
        highest_on: Some(date(highest.0)),
        per_day: outlook.as_ref().map(|outlook| outlook.per_day),
        full_at: outlook.and_then(|outlook| outlook.full_at),
    })
}
