//! The quota that a throttled operation ran into, with its applied limit.

use super::app::{App, Moment};
use crate::catalogue::{self, Category, Service};
use crate::judge::limits::Limits;
use crate::watch::state::State;
use crate::watch::table::Watch;

impl App {
    /// A sentence about the quota; empty where the watch is about no rate.
    pub(super) async fn quota_of_rate(&self, watch: &Watch, state: &State, moment: Moment) -> String {
        if watch.name != "connect-throttled" {
            return String::new();
        }
        let start = format!("Rate of {} ", state.operation);
        let mut rates = catalogue::all().filter(|quota| quota.category == Category::ApiRates);
        let Some(quota) = rates.find(|quota| quota.service == Service::Connect && quota.name.starts_with(&start))
        else {
            return format!("no rate of the catalogue is named after {}; its limit is unknown", state.operation);
        };
        let listings = self.aws.quotas.limits(Service::Connect, moment.deadline).await;
        let limit = match Limits::of(Service::Connect, listings).resolve(quota, None, None) {
            Ok(Some(limit)) => format!("{} a second ({})", limit.value, limit.source.as_str()),
            Ok(None) => "its limit is unknown".to_owned(),
            Err(fault) => format!("its limit is unknown: {}", fault.kind.as_str()),
        };
        format!("{} ({}), {limit}", quota.name, quota.code)
    }
}
