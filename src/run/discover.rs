//! Which of the account's instances a run measures. Pure.

use crate::answer::InstanceReport;
use crate::config::Config;
use crate::domain::instances::InstancePattern;
use crate::domain::request::{PayloadError, Request};
use crate::domain::{Account, Instance};
use crate::run::error::RunError;

/// The instances of the account, sorted into what to do with them.
pub struct Discovered {
    pub account: Account,
    pub chosen: Vec<Instance>,
    pub skipped: Vec<InstanceReport>,
    /// All but those whose creation failed: what counts against the account's quota.
    pub existing: usize,
    /// ACTIVE instances that filters leave out.
    pub left_out: usize,
    /// Amazon Connect itself is not in this Region.
    pub is_nowhere: bool,
}

impl Discovered {
    /// There is no instance here, not even one that is being made.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.existing == 0 && self.chosen.is_empty()
    }

    /// What must be known before the rest of the answer is read.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let region = &self.account.region;
        if self.is_nowhere {
            return Some(not_offered(region));
        }
        self.is_nothing().then(|| {
            format!("account {} has no Amazon Connect instance in {region}: there is nothing to watch", self.account.id)
        })
    }

    /// The account has this instance, whatever its state, and whether it is measured or not.
    #[must_use]
    pub fn exists(&self, id: &str) -> bool {
        // Of a Region without the service nothing is known, so nothing has vanished from it.
        self.is_nowhere || self.is_chosen(id) || self.skipped.iter().any(|i| i.instance_id == id)
    }

    /// This run measures the instance.
    #[must_use]
    pub fn is_chosen(&self, id: &str) -> bool {
        self.chosen.iter().any(|i| i.id == id)
    }
}

/// Applies the payload's and the configuration's filters.
///
/// # Errors
/// An instance id that does not exist, and filters that leave nothing: a run that checks nothing is
/// no success.
pub fn choose(
    all: Vec<Instance>,
    account: Account,
    request: &Request,
    config: &Config,
) -> Result<Discovered, RunError> {
    let unknown: Vec<&str> =
        request.instance_ids.iter().filter(|id| !all.iter().any(|i| i.id == **id)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(RunError::Payload(PayloadError(format!(
            "`instance_ids` names {}, and account {} has no such instance in {}; it has {}",
            unknown.join(", "),
            account.id,
            account.region,
            names(&all)
        ))));
    }
    let hit = |patterns: &[InstancePattern], instance: &Instance| patterns.iter().any(|p| p.matches(instance));
    let existing = all.iter().filter(|i| i.status != "CREATION_FAILED").count();
    let (mut chosen, mut skipped, mut left_out) = (Vec::new(), Vec::new(), 0);
    let total = all.len();
    for instance in all {
        let filter = if !request.instance_ids.is_empty() {
            (!request.instance_ids.contains(&instance.id)).then_some("not in instance_ids")
        } else if !config.include.is_empty() && !hit(&config.include, &instance) {
            Some("not in INCLUDE_INSTANCES")
        } else if hit(&config.exclude, &instance) {
            Some("in EXCLUDE_INSTANCES")
        } else {
            None
        };
        left_out += usize::from(filter.is_some() && instance.is_active());
        match filter {
            Some(filter) => skipped.push(InstanceReport::skipped(&instance, filter.to_owned())),
            None if instance.is_active() => chosen.push(instance),
            None => skipped.push(InstanceReport::skipped(&instance, instance.status.clone())),
        }
    }
    if chosen.is_empty() && left_out > 0 && request.instance_ids.is_empty() {
        return Err(RunError::Discovery(format!(
            "INCLUDE_INSTANCES and EXCLUDE_INSTANCES leave none of the {total} instances: a run would check nothing"
        )));
    }
    Ok(Discovered { account, chosen, skipped, existing, left_out, is_nowhere: false })
}

/// A few of the instances by id and alias, for who asked for another one.
fn names(all: &[Instance]) -> String {
    const SHOWN: usize = 10;
    let named = |i: &Instance| i.alias.as_ref().map_or_else(|| i.id.clone(), |alias| format!("{} ({alias:?})", i.id));
    match all.len() {
        0 => "none".to_owned(),
        n if n <= SHOWN => all.iter().map(named).collect::<Vec<_>>().join(", "),
        n => {
            let shown: Vec<String> = all.iter().take(SHOWN).map(named).collect();
            format!("{} and {} more", shown.join(", "), n - SHOWN)
        }
    }
}

/// That a Region is without Amazon Connect.
#[must_use]
pub fn not_offered(region: &str) -> String {
    format!(
        "Amazon Connect is not offered in {region}: its name does not exist there, and Service Quotas does not know \
         the service. There is nothing to watch"
    )
}
