//! Which operations may break together.

use std::collections::BTreeMap;

use connect_quota_monitor::catalogue;

/// Service and name.
pub type Operation = (&'static str, String);

pub fn listing_of((service, operation): &Operation) -> Option<catalogue::Listing> {
    let is_it = |l: &&catalogue::Listing| l.service().code() == *service && l.operation() == operation;
    catalogue::listings().iter().copied().find(|l| is_it(&l))
}

/// Listings of which one quota needs two, or that are asked only where another one gave a reason: which of the two broke
/// would not be told.
fn rests_on_another(listing: catalogue::Listing) -> bool {
    catalogue::all().any(|quota| quota.meter.beside() == Some(listing)) || listing == catalogue::Listing::Replicas
}

/// What may break together: listings at the same depth of the catalogue, every other one of them, so
/// that their neighbours show that they are untouched. Everything else breaks alone.
pub fn packs(operations: Vec<Operation>) -> Vec<Vec<Operation>> {
    let mut packs: BTreeMap<(usize, usize), Vec<Operation>> = BTreeMap::new();
    let mut alone = Vec::new();
    for (n, operation) in operations.into_iter().enumerate() {
        match listing_of(&operation) {
            Some(listing) if !rests_on_another(listing) => {
                packs.entry((listing.chain().len(), n % 2)).or_default().push(operation);
            }
            _ => alone.push(vec![operation]),
        }
    }
    packs.into_values().chain(alone).collect()
}
