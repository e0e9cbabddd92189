//! A cell of a fleet: one account in one Region, as a payload or a list names it. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Account, Named, Owner, label};

/// Characters of a name that stands in messages.
pub const LONGEST_NAME: usize = 64;

/// Whom a run looks at instead of its own account and Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    pub account_id: String,
    pub region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The organizational unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ou: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

const FIELDS: &str = "account_id, region, account_name, ou, owner";

impl Target {
    #[must_use]
    pub fn new(account_id: &str, region: &str) -> Self {
        Self { account_id: account_id.to_owned(), region: region.to_owned(), account_name: None, ou: None, owner: None }
    }

    /// Reads `target` of a payload, and names everything that is wrong with it.
    ///
    /// # Errors
    /// Unknown and missing fields, wrong types, an account id that is none, a Region that cannot be one.
    pub fn from_payload(value: &Value) -> Result<Self, Vec<String>> {
        let Some(fields) = value.as_object() else {
            return Err(vec![format!("`target` is {value}, expected an object with {FIELDS}")]);
        };
        let mut target = Self::new("", "");
        let mut problems = Vec::new();
        for (name, value) in fields {
            let Some(text) = value.as_str() else {
                problems.push(match name.as_str() {
                    "account_id" | "region" | "account_name" | "ou" | "owner" => {
                        format!("`target.{name}` is {value}, expected a string")
                    }
                    _ => unknown(name),
                });
                continue;
            };
            let named = |problems: &mut Vec<String>| {
                if text.is_empty() || is_name(text) {
                    return Some(text.to_owned()).filter(|text| !text.is_empty());
                }
                problems.push(format!(
                    "`target.{name}` is {text:?}, expected one line of at most {LONGEST_NAME} characters"
                ));
                None
            };
            match name.as_str() {
                "account_id" => text.clone_into(&mut target.account_id),
                "region" => text.clone_into(&mut target.region),
                "account_name" => target.account_name = named(&mut problems),
                "ou" => target.ou = named(&mut problems),
                "owner" => target.owner = named(&mut problems),
                _ => problems.push(unknown(name)),
            }
        }
        let has = |name: &str| fields.get(name).is_some_and(Value::is_string);
        for name in ["account_id", "region"] {
            if !fields.contains_key(name) {
                problems.push(format!("`target.{name}` is missing"));
            }
        }
        if has("account_id") {
            problems.extend(account_id(&target.account_id).err().map(|why| format!("`target.account_id` is {why}")));
        }
        if has("region") {
            problems.extend(region(&target.region).err().map(|why| format!("`target.region` is {why}")));
        }
        if problems.is_empty() { Ok(target) } else { Err(problems) }
    }

    #[must_use]
    pub fn owner_of_documents(&self) -> Owner {
        Owner { account_id: self.account_id.clone(), region: self.region.clone() }
    }

    #[must_use]
    pub fn named(&self) -> Named {
        Named { name: self.account_name.clone(), ou: self.ou.clone(), owner: self.owner.clone() }
    }

    #[must_use]
    pub fn account(&self) -> Account {
        let (id, region) = (self.account_id.clone(), self.region.clone());
        Account { id, region, partition: partition(&self.region).to_owned(), named: self.named() }
    }

    /// The same cell, whatever it is called.
    #[must_use]
    pub fn key(&self) -> (&str, &str) {
        (&self.account_id, &self.region)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in {}", label(&self.account_id, self.account_name.as_deref()), self.region)
    }
}

fn unknown(name: &str) -> String {
    format!("unknown field `target.{name}`, known ones are {FIELDS}")
}

/// One printable line, neither empty nor long.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && super::format::one_line(text) == text
}

/// # Errors
/// What it is instead of an account id.
pub fn account_id(text: &str) -> Result<(), String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("{text:?} ({} characters), expected the 12 digits of an account id", text.chars().count()))
}

/// # Errors
/// What it is instead of a Region.
pub fn region(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = |part: &&str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_digit());
    match parts.split_last() {
        Some((last, words)) if text.len() <= 32 && words.len() >= 2 && words.iter().all(is_word) && is_number(last) => {
            Ok(())
        }
        _ => Err(format!("{text:?}, expected a Region such as eu-central-1")),
    }
}

/// The partition that a Region belongs to, by its first part.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    const BY_START: [(&str, &str); 6] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eusc-", "aws-eusc"),
    ];
    BY_START.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_target_is_read_whole() {
        let target = Target::from_payload(&json!({
            "account_id": "111122223333", "region": "us-gov-west-1", "account_name": "Acme", "ou": "", "owner": "team"
        }))
        .unwrap();
        assert_eq!(target.to_string(), "account Acme (111122223333) in us-gov-west-1");
        assert_eq!((target.ou, target.owner.as_deref()), (None, Some("team")));
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
    }

    #[test]
    fn everything_wrong_is_named() {
        for (payload, expected) in [
            (json!(3), "`target` is 3"),
            (json!({"region": "eu-west-2"}), "`target.account_id` is missing"),
            (json!({"account_id": "11112222333", "region": "eu-west-2"}), "(11 characters), expected the 12 digits"),
            (
                json!({"account_id": 111_122_223_333_u64, "region": "eu-west-2"}),
                "`target.account_id` is 111122223333, expected a string",
            ),
            (json!({"account_id": "111122223333", "region": "Frankfurt"}), "\"Frankfurt\", expected a Region"),
            (json!({"account_id": "111122223333", "region": "eu-west-2b"}), "\"eu-west-2b\", expected a Region"),
            (json!({"account_id": "111122223333", "region": "eu-west-2", "nmae": "x"}), "unknown field `target.nmae`"),
            (
                json!({"account_id": "111122223333", "region": "eu-west-2", "owner": "a\nb"}),
                "`target.owner` is \"a\\nb\"",
            ),
        ] {
            let problems = Target::from_payload(&payload).unwrap_err();
            assert!(problems.iter().any(|p| p.contains(expected)), "{payload}: {problems:?}");
            assert_eq!(problems.len(), 1 + usize::from(payload == json!({})), "{problems:?}");
        }
        assert_eq!(Target::from_payload(&json!({"account_id": "1", "region": "x", "b": 1})).unwrap_err().len(), 3);
    }
}
