//! The quota that a throttled operation ran into, with its applied limit.

use super::app::{App, Moment};
use crate::watch::state::State;
use crate::watch::table::Watch;

impl App {
    /// A sentence about the quota; empty where the watch is about no rate.
    pub(super) async fn quota_of_rate(&self, _watch: &Watch, _state: &State, _moment: Moment) -> String {
        String::new()
    }
}
