//! A paced client of one service, and which page of a listing it is asked for.

use tokio::time::Instant;

use super::call::Caller;
use crate::catalogue::Listing;
use crate::domain::{Fault, FaultKind};

/// A service's client and the caller that paces it.
#[derive(Debug, Clone)]
pub struct Edge<Client> {
    pub(super) client: Client,
    pub(super) caller: Caller,
}

impl<Client> Edge<Client> {
    #[must_use]
    pub fn new(client: Client, caller: Caller) -> Self {
        Self { client, caller }
    }

    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn without(&self, operation: &str, what: &str) -> Fault {
        Fault::new(self.caller.name(operation), FaultKind::BadResponse, format!("the answer has no {what}"))
    }

    pub(super) fn not_mine(&self, listing: Listing) -> Fault {
        let why = format!("{listing:?} is no listing of this service");
        Fault::new(self.caller.name(listing.operation()), FaultKind::Other, why)
    }
}

/// Which page of which listing is asked.
#[derive(Debug)]
pub(super) struct At<'a> {
    pub listing: Listing,
    /// The instance's id; empty for an account's listing.
    pub instance: &'a str,
    /// Ids of the resource that is visited, outermost first.
    pub path: &'a [String],
    pub token: Option<String>,
    pub deadline: Instant,
}

impl At<'_> {
    /// The `n`th id of the path; empty where there is none, which AWS refuses as invalid.
    pub fn id(&self, n: usize) -> &str {
        self.path.get(n).map_or("", String::as_str)
    }
}
