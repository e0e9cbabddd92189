//! Where things appear and go, and how many. Pure.

/// Where something will stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Account,
    /// The id of an instance, in lower case.
    Instance(String),
    /// An instance whose id is only known once the plan is carried out.
    UnknownInstance,
}

/// How many of one quota's things appear and go, at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delta {
    pub creates: u64,
    pub deletes: u64,
    /// Of the creations, those that are made before what they replace is deleted.
    pub creates_first: u64,
}

impl Delta {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            creates: self.creates.saturating_add(other.creates),
            deletes: self.deletes.saturating_add(other.deletes),
            creates_first: self.creates_first.saturating_add(other.creates_first),
        }
    }
}
