//! How a user names instances: by id, or by an alias with wildcards. Pure.

use crate::domain::Instance;
use crate::domain::glob::{Glob, Specificity};

/// An instance id, or a pattern over aliases: `*` is any text, `?` any one character.
#[derive(Debug, Clone)]
pub enum InstancePattern {
    /// Lower case, as AWS writes it.
    Id(String),
    Alias(Glob),
}

/// How narrowly an instance is named, the widest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceRank {
    Alias(Specificity),
    Id,
}

impl InstancePattern {
    #[must_use]
    pub fn new(text: &str) -> Self {
        if is_instance_id(text) { Self::Id(text.to_ascii_lowercase()) } else { Self::Alias(Glob::new(text)) }
    }

    #[must_use]
    pub fn rank(&self) -> InstanceRank {
        match self {
            Self::Id(_) => InstanceRank::Id,
            Self::Alias(glob) => InstanceRank::Alias(glob.specificity()),
        }
    }

    #[must_use]
    pub fn matches(&self, instance: &Instance) -> bool {
        match self {
            Self::Id(id) => *id == instance.id,
            Self::Alias(pattern) => instance.alias.as_deref().is_some_and(|alias| pattern.matches(alias)),
        }
    }
}

/// An instance id looks like a UUID; everything else is a pattern over aliases.
#[must_use]
pub fn is_instance_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "aaaaaaaa-2222-3333-4444-555555555555";

    fn matches(pattern: &str, alias: Option<&str>) -> bool {
        InstancePattern::new(pattern).matches(&Instance {
            id: ID.to_owned(),
            arn: String::new(),
            alias: alias.map(str::to_owned),
            status: "ACTIVE".to_owned(),
        })
    }

    #[test]
    fn ids_match_in_any_case_and_patterns_match_aliases() {
        assert!(matches(ID, None) && matches(&ID.to_ascii_uppercase(), Some("x")));
        assert!(matches("acme-*", Some("acme-eu")) && matches("acme-?u", Some("acme-eu")));
        assert!(!matches("acme-*", Some("other")) && !matches("*", None));
        assert!(!matches("bbbbbbbb-2222-3333-4444-555555555555", Some("x")));
        assert!(matches("a[b", Some("a[b")), "a bracket is a bracket");
    }
}
