//! The quota that a throttled operation ran into, with its applied limit.

use super::app::{App, Moment};
use crate::catalogue::{self, Category};
use crate::watch::state::State;
use crate::watch::table::Watch;

impl App {
    /// A sentence about the quota; empty where the watch is about no rate. It asks for this one quota only.
    pub(super) async fn quota_of_rate(&self, watch: &Watch, state: &State, moment: Moment) -> String {
        if watch.name != "connect-throttled" {
            return String::new();
        }
        let service = if state.service == "qconnect" { "wisdom" } else { &state.service };
        let mut rates = catalogue::all().filter(|quota| quota.category == Category::ApiRates);
        let Some(quota) = rates.find(|quota| {
            quota.service.code() == service && quota.operation().is_some_and(|name| name == state.operation)
        }) else {
            return format!("no rate of the catalogue is named after {}; its limit is unknown", state.operation);
        };
        let of_catalogue = || {
            let documented = quota.default.map(|limit| format!("{limit} a second as documented"));
            documented.unwrap_or_else(|| "its limit is unknown".to_owned())
        };
        if !quota.is_listed() {
            return format!("{}, which Service Quotas does not list; {}", quota.name, of_catalogue());
        }
        let limit = match self.aws.quotas.account_limit(quota.service, quota.code, moment.deadline).await {
            Ok(Some((limit, source))) => format!("{limit} a second ({})", source.as_str()),
            Ok(None) => of_catalogue(),
            Err(fault) => format!("its limit is unknown: {}", fault.kind.as_str()),
        };
        format!("{} ({}), {limit}", quota.name, quota.code)
    }
}
