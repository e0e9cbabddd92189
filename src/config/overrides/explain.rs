//! Which rules speak about one quota, which of them wins, and why.

use jiff::Timestamp;
use serde::Serialize;

use super::pattern::{QuotaPattern, near_names, perhaps};
use super::rule::{Entry, MuteSetting, Rule};
use super::{Effective, Origins, Overrides, settle};
use crate::catalogue;
use crate::domain::format::rfc3339;
use crate::domain::instances::{InstancePattern, is_instance_id};
use crate::domain::{Instance, NO_CODE, QuotaId, Scope, Thresholds};

/// The instance that was asked about, as far as the user named it. An id does not tell the alias, nor
/// the alias the id, and nobody is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub id: Option<String>,
    pub alias: Option<String>,
}

/// Everything about one quota; the command prints it, as text or as this JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    pub quota_code: String,
    pub quota_name: String,
    pub service_code: String,
    pub category: String,
    pub scope: &'static str,
    pub instance_id: Option<String>,
    pub instance_alias: Option<String>,
    /// Every rule that names the quota, the most specific first.
    pub rules: Vec<ExplainedRule>,
    pub threshold_percentage: Decided,
    pub critical_percentage: Decided,
    /// Null where the limit that AWS applies counts.
    pub limit: Decided,
    pub mute: ExplainedMute,
}

#[derive(Debug, Clone, Serialize)]
pub struct ExplainedRule {
    /// Where it stands: `L-22922690 / instances / acme-*`.
    pub rule: String,
    /// How the rule names the quota, and the instance where it names one.
    pub quota_named_by: &'static str,
    pub instance_named_by: Option<&'static str>,
    /// Null where the answer depends on what was not said of the instance.
    pub applies: Option<bool>,
    /// Why not, or why nobody knows.
    pub why: Option<String>,
    pub threshold_percentage: Option<f64>,
    pub critical_percentage: Option<f64>,
    pub limit: Option<f64>,
    pub mute: Option<String>,
}

/// A value and what it comes from: a rule, or the variable that holds for all quotas.
#[derive(Debug, Clone, Serialize)]
pub struct Decided {
    pub value: Option<f64>,
    pub from: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct ExplainedMute {
    /// `none`, `active` or `expired`.
    pub state: &'static str,
    pub reason: Option<String>,
    pub until: Option<String>,
    pub from: Option<String>,
}

/// The quota that a code or an exact name means.
///
/// # Errors
/// What is wrong with it, and what may have been meant.
pub fn find_quota(text: &str) -> Result<QuotaId, String> {
    let mut found: Vec<QuotaId> =
        catalogue::all().map(catalogue::Quota::id).filter(|id| id.code == text || id.name == text).collect();
    found.retain(|id| text != NO_CODE || id.name == text);
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(format!("the catalogue has no quota `{text}`{}", perhaps(&near_names(text)))),
        _ => {
            let codes: Vec<String> = found.into_iter().map(|id| format!("{} ({})", id.code, id.service)).collect();
            Err(format!("`{text}` is the name of several quotas: give the code of one, {}", codes.join(" or ")))
        }
    }
}

impl Asked {
    /// Reads what the user gave: an id, or an alias; and beside an id perhaps the alias.
    #[must_use]
    pub fn new(instance: Option<&str>, alias: Option<&str>) -> Self {
        let id = instance.filter(|text| is_instance_id(text)).map(str::to_ascii_lowercase);
        let alias = alias.or(instance.filter(|text| !is_instance_id(text)));
        Self { id, alias: alias.map(str::to_owned) }
    }

    fn is_anyone(&self) -> bool {
        self.id.is_some() || self.alias.is_some()
    }

    /// Whether a rule for instances applies, and if not, or if nobody knows, why.
    fn judge(&self, pattern: &InstancePattern) -> (Option<bool>, Option<String>) {
        if !self.is_anyone() {
            return (Some(false), Some("it is for certain instances, and none was named".to_owned()));
        }
        let (known, unknown) = match pattern {
            InstancePattern::Id(_) => (self.id.is_some(), "the instance's id was not given"),
            InstancePattern::Alias(_) => (self.alias.is_some(), "the instance's alias was not given"),
        };
        if !known {
            return (None, Some(unknown.to_owned()));
        }
        let instance = Instance {
            id: self.id.clone().unwrap_or_default(),
            arn: String::new(),
            alias: self.alias.clone(),
            status: String::new(),
        };
        if pattern.matches(&instance) {
            (Some(true), None)
        } else {
            (Some(false), Some("it is for another instance".to_owned()))
        }
    }
}

impl Overrides {
    /// Explains one quota. `warning` and `critical` are the percentages of all quotas.
    ///
    /// # Errors
    /// Where an instance is named with a quota that is counted for the whole account.
    pub fn explain(
        &self,
        quota: &QuotaId,
        asked: &Asked,
        (warning, critical): (f64, f64),
        now: Timestamp,
    ) -> Result<Explanation, String> {
        if quota.scope == Scope::Account && asked.is_anyone() {
            return Err(format!("{} is counted for the whole account: it has no instance", quota.name));
        }
        let named: Vec<(&Entry, Option<bool>, Option<String>)> = self
            .entries
            .iter()
            .filter(|entry| entry.quota.matches(quota))
            .map(|entry| {
                let (applies, why) = match &entry.instance {
                    None => (Some(true), None),
                    Some((pattern, _)) => asked.judge(pattern),
                };
                (entry, applies, why)
            })
            .collect();
        let applying = named.iter().filter(|(_, applies, _)| *applies == Some(true)).map(|(entry, ..)| *entry);
        let (effective, origins) = settle(applying, now);
        let (threshold, critical) = percentages(&effective, &origins, warning, critical);
        Ok(Explanation {
            quota_code: quota.code.clone(),
            quota_name: quota.name.clone(),
            service_code: quota.service.clone(),
            category: quota.category.clone(),
            scope: quota.scope.as_str(),
            instance_id: asked.id.clone(),
            instance_alias: asked.alias.clone(),
            rules: named.iter().map(|(entry, applies, why)| explained(entry, *applies, why.clone())).collect(),
            threshold_percentage: threshold,
            critical_percentage: critical,
            limit: Decided {
                value: effective.limit,
                from: origins.limit.map_or_else(|| "the limit that AWS applies".to_owned(), Entry::place),
            },
            mute: mute(&effective, &origins),
        })
    }
}

fn percentages(effective: &Effective, origins: &Origins<'_>, warning: f64, critical: f64) -> (Decided, Decided) {
    let from = |entry: Option<&Entry>, variable: &str| entry.map_or_else(|| variable.to_owned(), Entry::place);
    let threshold = Decided {
        value: Some(effective.threshold.unwrap_or(warning)),
        from: from(origins.threshold, "THRESHOLD_PERCENTAGE"),
    };
    let value = threshold.value.unwrap_or(warning);
    let raised = Thresholds { warning, critical }.with_warning(value).critical;
    let mut decided = Decided {
        value: Some(effective.critical.unwrap_or(raised)),
        from: from(origins.critical, "CRITICAL_PERCENTAGE"),
    };
    if effective.critical.is_none() && raised > critical {
        decided.from = format!("{}, raised because the threshold is above it", decided.from);
    } else if decided.value < threshold.value {
        decided.from = format!("{}, raised to the threshold", decided.from);
        decided.value = threshold.value;
    }
    (threshold, decided)
}

fn mute(effective: &Effective, origins: &Origins<'_>) -> ExplainedMute {
    let (state, mute) = match (&effective.mute, &effective.expired) {
        (Some(mute), _) => ("active", Some(mute)),
        (None, Some(mute)) => ("expired", Some(mute)),
        (None, None) => ("none", None),
    };
    ExplainedMute {
        state,
        reason: mute.map(|m| m.reason.clone()),
        until: mute.map(|m| rfc3339(m.until)),
        from: origins.mute.map(Entry::place),
    }
}

fn explained(entry: &Entry, applies: Option<bool>, why: Option<String>) -> ExplainedRule {
    let Rule { threshold, critical, limit, mute } = &entry.rule;
    ExplainedRule {
        rule: entry.place(),
        quota_named_by: QuotaPattern::kind(&entry.quota),
        instance_named_by: entry.instance.as_ref().map(|(pattern, _)| match pattern {
            InstancePattern::Id(_) => "id",
            InstancePattern::Alias(_) => "alias pattern",
        }),
        applies,
        why,
        threshold_percentage: *threshold,
        critical_percentage: *critical,
        limit: *limit,
        mute: mute.as_ref().map(|setting| match setting {
            MuteSetting::Off => "off".to_owned(),
            MuteSetting::Until(mute) => format!("until {} ({})", rfc3339(mute.until), mute.reason),
        }),
    }
}
