//! Page tokens: followed to the end, and not believed where there is none.

use std::collections::HashSet;

use crate::domain::{Fault, FaultKind};

/// A listing that goes on after this many pages is not believed: there are tens of thousands of items
/// then, and at Connect's pace it would take most of a run.
pub const MOST_PAGES: usize = 500;

/// Follows page tokens, and stops believing a service that never comes to an end.
pub struct Pages {
    operation: String,
    most: usize,
    token: Option<String>,
    seen: HashSet<String>,
}

impl Pages {
    #[must_use]
    pub fn new(operation: String) -> Self {
        Self::at_most(operation, MOST_PAGES)
    }

    #[must_use]
    pub fn at_most(operation: String, most: usize) -> Self {
        Self { operation, most, token: None, seen: HashSet::new() }
    }

    #[must_use]
    pub fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// True where there is a next page. An empty token is none.
    ///
    /// # Errors
    /// A token that came before, or too many of them.
    pub fn advance(&mut self, next: Option<String>) -> Result<bool, Fault> {
        let Some(next) = next.filter(|t| !t.is_empty()) else { return Ok(false) };
        if self.seen.len() >= self.most || !self.seen.insert(next.clone()) {
            return Err(Fault::new(
                &self.operation,
                FaultKind::BadResponse,
                format!("the listing does not end: after {} pages there is still a next one", self.seen.len()),
            ));
        }
        self.token = Some(next);
        Ok(true)
    }
}
