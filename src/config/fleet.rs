//! A fleet: which role is assumed in the other accounts, and which accounts and Regions there are.

use super::reader::Reader;
use crate::domain::target;

/// The variables of a fleet's hub, with their defaults. The stack of a single account has none of them.
pub const FLEET_VARS: &[(&str, &str)] = &[
    ("FLEET_ROLE_NAME", ""),
    ("FLEET_EXTERNAL_ID", ""),
    ("FLEET_OUS", ""),
    ("FLEET_EXCLUDE_ACCOUNTS", ""),
    ("FLEET_REGIONS", ""),
    ("FLEET_OWNER_TAG", ""),
];

/// Settings of a fleet's hub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fleet {
    /// The same in every account; a path may stand before it.
    pub role_name: Option<String>,
    pub external_id: Option<String>,
    /// Ids of roots and organizational units; empty: the whole organization.
    pub ous: Vec<String>,
    pub exclude_accounts: Vec<String>,
    /// Empty: those that an account has enabled.
    pub regions: Vec<String>,
    /// The tag of an account that says who answers for it.
    pub owner_tag: Option<String>,
}

impl Reader<'_> {
    pub(super) fn fleet(&mut self) -> Fleet {
        let is_role = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
        let is_external = |c: char| c.is_ascii_alphanumeric() || "+=,.@:/-_".contains(c);
        let role_name = self.checked("FLEET_ROLE_NAME", "the name of a role, not its ARN", |text| {
            text.len() <= 512 && text.chars().all(is_role) && !text.starts_with('/') && !text.ends_with('/')
        });
        let external_id = self.text("FLEET_EXTERNAL_ID");
        if !external_id.as_ref().is_none_or(|id| (2..=1224).contains(&id.len()) && id.chars().all(is_external)) {
            // A secret: messages and logs do not hold it.
            self.problems.push("FLEET_EXTERNAL_ID: expected 2 to 1224 letters, digits and +=,.@:/-_".to_owned());
        }
        let is_unit = |text: &str| {
            let tail = text.strip_prefix("ou-").or_else(|| text.strip_prefix("r-")).unwrap_or_default();
            !tail.is_empty() && tail.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        Fleet {
            role_name,
            external_id,
            ous: self.each("FLEET_OUS", "ids such as ou-ab12-cdefgh34 or r-ab12, with commas between", is_unit),
            exclude_accounts: self.each("FLEET_EXCLUDE_ACCOUNTS", "ids of 12 digits, with commas between", |text| {
                target::account_id(text).is_ok()
            }),
            regions: self.each("FLEET_REGIONS", "Regions such as eu-central-1, with commas between", |text| {
                target::region(text).is_ok()
            }),
            owner_tag: self.checked("FLEET_OWNER_TAG", "the key of a tag, of at most 128 characters", |text| {
                text.chars().count() <= 128
            }),
        }
    }

    fn checked(&mut self, name: &str, expected: &str, is_good: impl Fn(&str) -> bool) -> Option<String> {
        let text = self.text(name)?;
        if !is_good(&text) {
            self.problem(name, &text, &format!("expected {expected}"));
            return None;
        }
        Some(text)
    }

    fn each(&mut self, name: &str, expected: &str, is_good: impl Fn(&str) -> bool) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let all: Vec<String> = text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect();
        if !all.iter().all(|one| is_good(one)) {
            self.problem(name, &text, &format!("expected {expected}"));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError, FLEET_VARS};
    use std::collections::HashMap;

    fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let vars: HashMap<&str, &str> = vars.iter().copied().collect();
        Config::from_lookup(|name| vars.get(name).map(|v| (*v).to_owned()))
    }

    #[test]
    fn every_variable_of_a_fleet_is_read_and_checked() {
        assert_eq!(config(FLEET_VARS).unwrap().fleet, config(&[]).unwrap().fleet);
        let fleet = config(&[
            ("FLEET_ROLE_NAME", "monitors/ConnectQuotaMonitorReader"),
            ("FLEET_EXTERNAL_ID", "a:b/c"),
            ("FLEET_OUS", "ou-ab12-cdef, r-ab12"),
            ("FLEET_EXCLUDE_ACCOUNTS", "111122223333"),
            ("FLEET_REGIONS", "eu-west-2,us-gov-west-1"),
            ("FLEET_OWNER_TAG", "Team"),
        ]);
        let fleet = fleet.unwrap().fleet;
        assert_eq!((fleet.ous.len(), fleet.regions.len(), fleet.owner_tag.as_deref()), (2, 2, Some("Team")));
        let ConfigError(problems) = config(&[
            ("FLEET_ROLE_NAME", "arn:aws:iam::111122223333:role/x"),
            ("FLEET_EXTERNAL_ID", "a secret"),
            ("FLEET_OUS", "everything"),
            ("FLEET_EXCLUDE_ACCOUNTS", "1111"),
            ("FLEET_REGIONS", "Frankfurt"),
        ])
        .unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:#?}");
        for (name, _) in FLEET_VARS[..5].iter().filter(|(name, _)| *name != "FLEET_EXTERNAL_ID") {
            assert!(problems.iter().any(|p| p.starts_with(&format!("{name}=`"))), "{name} is missing in {problems:#?}");
        }
        assert!(problems.iter().any(|p| p.starts_with("FLEET_EXTERNAL_ID: expected")), "{problems:#?}");
        assert!(!problems.iter().any(|p| p.contains("a secret")), "{problems:#?}");
    }
}
