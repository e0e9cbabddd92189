//! `QUOTA_OVERRIDES`: what a user says about single quotas. Pure.
//!
//! ```json
//! {
//!   "category:API rates": { "threshold_percentage": 70 },
//!   "L-22922690": {
//!     "mute": { "reason": "migration until spring", "until": "2027-03-31" },
//!     "instances": { "acme-*": { "limit": 250 } }
//!   }
//! }
//! ```
//! A key is a quota's code, its exact name, a pattern over names, or `category:` and a category. Under
//! `instances` a key is an instance id, or a pattern over aliases.
//!
//! # Which rule wins
//! Each field is decided on its own, by the most specific rule that sets it. First the quota decides
//! (code, then exact name, then pattern, then category); only between rules that name the quota in the
//! same way does the instance (id, then pattern, then none). So a rule for one quota stands against any
//! rule for a group of quotas. [`Glob`](crate::domain::glob::Glob) says which of two patterns is the more
//! specific one. The order of the keys never matters.

mod explain;
mod parse;
mod pattern;
mod rule;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::domain::{Instance, QuotaId};
pub use explain::{Asked, Explanation, find_quota};
pub use rule::Mute;
use rule::{Entry, MuteSetting};

/// The parsed variable. Empty where it is unset.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The most specific first.
    entries: Vec<Entry>,
}

/// What applies to one quota of one instance, after the most specific rules have won.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effective {
    /// Percent.
    pub threshold: Option<f64>,
    /// Percent.
    pub critical: Option<f64>,
    /// Replaces whatever limit was found.
    pub limit: Option<f64>,
    /// Holds at the time asked about.
    pub mute: Option<Mute>,
    /// Nothing mutes the quota, but this would if it had not ended.
    pub expired: Option<Mute>,
}

impl Overrides {
    /// Parses the variable's text.
    ///
    /// # Errors
    /// Every problem found, each naming the rule and the field; a JSON error names line and column.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut entries = parse::entries(text)?;
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.rank()));
        Ok(Self { entries })
    }

    /// The threshold that a rule sets for a quota, in percent.
    #[must_use]
    pub fn threshold(&self, quota: &QuotaId, instance: Option<&Instance>) -> Option<f64> {
        // The time matters to mutes alone.
        self.effective(quota, instance, Timestamp::UNIX_EPOCH).threshold
    }

    /// What applies to a quota, of an instance or of the account, at the time `now`.
    #[must_use]
    pub fn effective(&self, quota: &QuotaId, instance: Option<&Instance>, now: Timestamp) -> Effective {
        settle(self.entries.iter().filter(|e| e.applies(quota, instance)), now).0
    }

    /// What a user should know at the start, because it has no effect (any more), or perhaps none: rules for
    /// codes that the catalogue does not know, rules for instances of a quota of the account, and ended mutes.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        self.entries.iter().filter_map(|entry| entry.warning(now)).collect()
    }
}

/// Which rule gave each field.
#[derive(Debug, Default)]
struct Origins<'a> {
    threshold: Option<&'a Entry>,
    critical: Option<&'a Entry>,
    limit: Option<&'a Entry>,
    mute: Option<&'a Entry>,
}

/// Field by field, the first of the rules that sets it; they come the most specific first.
fn settle<'a>(entries: impl Iterator<Item = &'a Entry>, now: Timestamp) -> (Effective, Origins<'a>) {
    let mut effective = Effective::default();
    let mut origins = Origins::default();
    let mut mute_is_settled = false;
    for entry in entries {
        let rule = &entry.rule;
        take(&mut effective.threshold, rule.threshold, &mut origins.threshold, entry);
        take(&mut effective.critical, rule.critical, &mut origins.critical, entry);
        take(&mut effective.limit, rule.limit, &mut origins.limit, entry);
        let Some(setting) = rule.mute.as_ref().filter(|_| !mute_is_settled) else { continue };
        match setting {
            MuteSetting::Off => {
                mute_is_settled = true;
                origins.mute = origins.mute.or(Some(entry));
            }
            MuteSetting::Until(mute) if mute.until > now => {
                mute_is_settled = true;
                (effective.mute, effective.expired) = (Some(mute.clone()), None);
                origins.mute = Some(entry);
            }
            // Over, and so as if it were not there; but worth a word.
            MuteSetting::Until(mute) if effective.expired.is_none() => {
                effective.expired = Some(mute.clone());
                origins.mute = Some(entry);
            }
            MuteSetting::Until(_) => {}
        }
    }
    (effective, origins)
}

fn take<'a>(field: &mut Option<f64>, value: Option<f64>, origin: &mut Option<&'a Entry>, entry: &'a Entry) {
    if field.is_none() && value.is_some() {
        (*field, *origin) = (value, Some(entry));
    }
}
