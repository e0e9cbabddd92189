//! One rule, and where it stands.

use jiff::Timestamp;

use super::pattern::{QuotaPattern, QuotaRank};
use crate::catalogue;
use crate::domain::instances::{InstancePattern, InstanceRank};
use crate::domain::{Instance, QuotaId, Scope};

/// A rule and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) quota: QuotaPattern,
    /// The key as the user wrote it.
    pub(super) quota_key: String,
    pub(super) instance: Option<(InstancePattern, String)>,
    pub(super) rule: Rule,
}

/// The fields of one rule; what it does not set, a less specific one may.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rule {
    /// Percent.
    pub(super) threshold: Option<f64>,
    /// Percent.
    pub(super) critical: Option<f64>,
    pub(super) limit: Option<f64>,
    pub(super) mute: Option<MuteSetting>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum MuteSetting {
    /// `"mute": false`: heard, whatever a less specific rule says.
    Off,
    Until(Mute),
}

/// A mute is never for ever: it has a reason and an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Mute {
    pub reason: String,
    pub until: Timestamp,
}

impl Entry {
    pub(super) fn rank(&self) -> (QuotaRank, Option<InstanceRank>) {
        (self.quota.rank(), self.instance.as_ref().map(|(pattern, _)| pattern.rank()))
    }

    pub(super) fn applies(&self, quota: &QuotaId, instance: Option<&Instance>) -> bool {
        self.quota.matches(quota)
            && match (&self.instance, instance) {
                (None, _) => true,
                (Some((pattern, _)), Some(instance)) => pattern.matches(instance),
                (Some(_), None) => false,
            }
    }

    /// Where the rule stands, for a person: `L-22922690 / instances / acme-*`.
    pub(super) fn place(&self) -> String {
        match &self.instance {
            None => self.quota_key.clone(),
            Some((_, key)) => format!("{} / instances / {key}", self.quota_key),
        }
    }

    pub(super) fn warning(&self, now: Timestamp) -> Option<String> {
        let place = self.place();
        let mut matched = catalogue::all().filter(|q| self.quota.matches(&q.id())).peekable();
        if matches!(self.quota, QuotaPattern::Code(_)) && matched.peek().is_none() {
            return Some(format!(
                "{place}: the catalogue has no quota of this code, so the rule counts only if Service Quotas lists it"
            ));
        }
        if self.instance.is_some() && matched.all(|q| q.scope == Scope::Account) {
            return Some(format!("{place}: this is counted for the account, so a rule for instances has no effect"));
        }
        match &self.rule.mute {
            Some(MuteSetting::Until(mute)) if mute.until <= now => {
                Some(format!("{place}: the mute ({}) ended at {}", mute.reason, mute.until))
            }
            _ => None,
        }
    }
}
