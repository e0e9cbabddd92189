//! A fleet: many accounts and Regions (cells), each measured by a run of its own. What is in it, what its cells left,
//! and what readers know of it. Pure.

pub mod cell;
pub mod compare;
pub mod found;
pub mod list;
pub mod pairs;
pub mod report;
pub mod state;
pub mod told;

pub use state::State;

/// Keys of the fleet's documents in the bucket.
pub mod key {
    use crate::domain::Owner;

    /// Every cell with its state.
    pub const TARGETS: &str = "fleet/targets.json";
    /// The payloads of the cells that are measured.
    pub const CELLS: &str = "fleet/cells.json";
    /// When the cells were looked for, and what came of it.
    pub const DISCOVERY: &str = "fleet/discovery.json";
    /// Accounts and Regions as a person lists them, instead of an organization.
    pub const LISTS: [&str; 2] = ["fleet/accounts.json", "fleet/accounts.txt"];
    pub const REPORT: &str = "fleet/latest/report.json";
    pub const PAGE: &str = "fleet/latest/index.html";
    /// What readers know.
    pub const TOLD: &str = "fleet/told.json";

    /// Where the cells leave what their runs came to.
    pub const LEFT: &str = "fleet/cells/";

    /// The account and Region of such a key.
    #[must_use]
    pub fn owner(key: &str) -> Option<Owner> {
        let (account_id, region) = key.strip_prefix(LEFT)?.strip_suffix(".json")?.split_once('/')?;
        Some(Owner { account_id: account_id.to_owned(), region: region.to_owned() })
    }

    /// What a cell's runs left.
    #[must_use]
    pub fn cell(owner: &Owner) -> String {
        format!("{LEFT}{}/{}.json", owner.account_id, owner.region)
    }
}
