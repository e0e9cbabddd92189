//! `QUOTA_OVERRIDES`: what a user says about single quotas. Pure.
//!
//! ```json
//! {
//!   "L-9A46857E": { "threshold_percentage": 70, "critical_percentage": 90 },
//!   "L-22922690": {
//!     "mute": { "reason": "migration until spring", "until": "2027-03-31" },
//!     "instances": { "acme-*": { "limit": 250 } }
//!   }
//! }
//! ```
//! A key is a quota code, or the exact name of a quota that has none. Under `instances` a key is an
//! instance id or an alias with `*` and `?`; what stands there wins over what stands outside, field by field, and
//! an id wins over a pattern.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::catalogue;
use crate::instances::InstancePattern;
use crate::model::{Instance, QuotaId};

/// The parsed variable. Empty where it is unset.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    quotas: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    rule: Rule,
    instances: Vec<(InstancePattern, Rule)>,
}

/// What applies to one quota of one instance, after the most specific rule has won.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// Percent.
    pub threshold: Option<f64>,
    /// Percent.
    pub critical: Option<f64>,
    /// Replaces whatever limit was found.
    pub limit: Option<f64>,
    pub mute: Option<Mute>,
}

/// A mute is never for ever: it has a reason and an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Mute {
    pub reason: String,
    pub until: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    threshold_percentage: Option<f64>,
    critical_percentage: Option<f64>,
    limit: Option<f64>,
    mute: Option<RawMute>,
    #[serde(default)]
    instances: BTreeMap<String, RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    threshold_percentage: Option<f64>,
    critical_percentage: Option<f64>,
    limit: Option<f64>,
    mute: Option<RawMute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMute {
    reason: String,
    until: String,
}

impl Overrides {
    /// Parses the variable's text.
    ///
    /// # Errors
    /// Every problem found, each naming the quota and the field; a JSON error names line and column.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let raw: BTreeMap<String, RawEntry> = serde_json::from_str(text).map_err(|e| vec![e.to_string()])?;
        let mut problems = Vec::new();
        let mut quotas = BTreeMap::new();
        for (key, raw) in raw {
            if !catalogue::all().any(|q| q.id().key() == key) {
                problems.push(format!("`{key}` is neither the code nor the name of a quota in the catalogue"));
            }
            let rule =
                rule(&key, raw.threshold_percentage, raw.critical_percentage, raw.limit, raw.mute, &mut problems);
            let mut instances = Vec::new();
            for (name, raw) in raw.instances {
                let place = format!("{key} / {name}");
                let rule = rule_of(&place, raw, &mut problems);
                instances.push((InstancePattern::new(&name), rule));
            }
            // Patterns first, ids last: the last match wins, and an id is the more specific one.
            instances.sort_by_key(|(pattern, _)| pattern.is_id());
            quotas.insert(key, Entry { rule, instances });
        }
        if problems.is_empty() { Ok(Self { quotas }) } else { Err(problems) }
    }

    /// The rule for a quota, of an instance or of the account.
    #[must_use]
    pub fn rule(&self, quota: &QuotaId, instance: Option<&Instance>) -> Rule {
        let Some(entry) = self.quotas.get(quota.key()) else { return Rule::default() };
        let mut rule = entry.rule.clone();
        for (pattern, specific) in &entry.instances {
            if instance.is_some_and(|i| pattern.matches(i)) {
                rule = rule.overlaid(specific);
            }
        }
        rule
    }
}

impl Rule {
    fn overlaid(&self, specific: &Self) -> Self {
        Self {
            threshold: specific.threshold.or(self.threshold),
            critical: specific.critical.or(self.critical),
            limit: specific.limit.or(self.limit),
            mute: specific.mute.clone().or_else(|| self.mute.clone()),
        }
    }
}

fn rule_of(place: &str, raw: RawRule, problems: &mut Vec<String>) -> Rule {
    rule(place, raw.threshold_percentage, raw.critical_percentage, raw.limit, raw.mute, problems)
}

fn rule(
    place: &str,
    threshold: Option<f64>,
    critical: Option<f64>,
    limit: Option<f64>,
    mute: Option<RawMute>,
    problems: &mut Vec<String>,
) -> Rule {
    for (field, value) in [("threshold_percentage", threshold), ("critical_percentage", critical)] {
        if let Some(value) = value
            && !(value > 0.0 && value <= 100.0)
        {
            problems.push(format!("{place}: {field} is {value}, expected more than 0 and at most 100"));
        }
    }
    if let (Some(threshold), Some(critical)) = (threshold, critical)
        && critical < threshold
    {
        problems.push(format!("{place}: critical_percentage {critical} is below threshold_percentage {threshold}"));
    }
    if let Some(limit) = limit
        && !(limit.is_finite() && limit >= 0.0)
    {
        problems.push(format!("{place}: limit is {limit}, expected a number of at least 0"));
    }
    let mute = mute.and_then(|raw| {
        if raw.reason.trim().is_empty() {
            problems.push(format!("{place}: mute.reason is empty"));
        }
        let end = until(&raw.until);
        if end.is_none() {
            problems.push(format!(
                "{place}: mute.until is `{}`, expected a date such as 2027-03-31 or an RFC 3339 time",
                raw.until
            ));
        }
        end.map(|until| Mute { reason: raw.reason, until })
    });
    Rule { threshold, critical, limit, mute }
}

/// A date lasts until its end in UTC.
fn until(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let day = text.parse::<Date>().ok()?.tomorrow().ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    fn users() -> QuotaId {
        QuotaId {
            code: "L-9A46857E".to_owned(),
            name: "Users per instance".to_owned(),
            service: "connect".to_owned(),
            category: "core".to_owned(),
            scope: Scope::Instance,
        }
    }

    fn instance(alias: &str) -> Instance {
        Instance {
            id: "11111111-2222-3333-4444-555555555555".to_owned(),
            arn: String::new(),
            alias: Some(alias.to_owned()),
            status: "ACTIVE".to_owned(),
        }
    }

    #[test]
    fn the_most_specific_rule_wins_field_by_field() {
        let overrides = Overrides::parse(
            r#"{"L-9A46857E": {"threshold_percentage": 70, "limit": 900, "instances": {
                "11111111-2222-3333-4444-555555555555": {"limit": 5},
                "acme-*": {"limit": 250, "critical_percentage": 99}}}}"#,
        )
        .unwrap();
        let rule = overrides.rule(&users(), Some(&instance("acme-eu")));
        assert_eq!((rule.threshold, rule.critical, rule.limit), (Some(70.0), Some(99.0), Some(5.0)));
        assert_eq!(overrides.rule(&users(), None).limit, Some(900.0));
    }

    #[test]
    fn a_mute_until_a_date_lasts_through_that_day() {
        let overrides =
            Overrides::parse(r#"{"L-9A46857E": {"mute": {"reason": "known", "until": "2026-12-31"}}}"#).unwrap();
        let mute = overrides.rule(&users(), None).mute.unwrap();
        assert_eq!(mute.until.to_string(), "2027-01-01T00:00:00Z");
    }

    #[test]
    fn every_problem_is_named() {
        let problems = Overrides::parse(
            r#"{"L-9A46857E": {"threshold_percentage": 0, "limit": -1, "mute": {"reason": "", "until": "soon"}},
                "L-00000000": {}}"#,
        )
        .unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:#?}");
    }

    #[test]
    fn a_json_error_names_line_and_column() {
        let problems = Overrides::parse("{\n  \"L-9A46857E\": 3 }").unwrap_err();
        assert!(problems[0].contains("line 2 column"), "{problems:?}");
        let problems = Overrides::parse(r#"{"L-9A46857E": {"treshold": 3}}"#).unwrap_err();
        assert!(problems[0].contains("treshold"), "{problems:?}");
    }
}
