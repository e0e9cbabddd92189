//! Whose everything is: an account in a Region. Pure.

use std::fmt;

/// The account and Region that a run looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub region: String,
    /// `aws`, `aws-us-gov`, `aws-cn`: from the caller's ARN, never assumed.
    pub partition: String,
    pub named: Named,
}

/// What people call an account and who answers for it, as far as it is known. None is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    pub name: Option<String>,
    /// The organizational unit.
    pub ou: Option<String>,
    pub owner: Option<String>,
}

impl Account {
    /// `Acme (111122223333)`, or the number alone.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.id, self.named.name.as_deref())
    }

    /// Whose the stored documents are.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { account_id: self.id.clone(), region: self.region.clone() }
    }
}

/// `Acme (111122223333)`, or the number alone: twelve digits mean nothing to a person.
#[must_use]
pub fn label(account_id: &str, name: Option<&str>) -> String {
    name.map_or_else(|| account_id.to_owned(), |name| format!("{name} ({account_id})"))
}

/// Whose stored documents are: instance ids are not unique, because a replica has its source's id in
/// another Region, and a store may serve many accounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    pub account_id: String,
    pub region: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.account_id, self.region)
    }
}
