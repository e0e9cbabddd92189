//! The quota that a rejected operation ran into, with its applied limit.

use super::app::{App, Moment};
use crate::catalogue::{self, Category, Quota};
use crate::domain::{Fault, LimitSource, Owner, Scope};
use crate::watch::state::State;
use crate::watch::table::{LIMIT_REACHED, THROTTLED, WATCHES, Watch, filled_by};

impl App {
    /// A sentence about the quota; empty where the watch is about none of AWS. It asks for this one quota only. `owner`
    /// is the account and Region that this process asks.
    pub(super) async fn quota_of(&self, watch: &Watch, state: &State, owner: &Owner, moment: Moment) -> String {
        if watch == &WATCHES[THROTTLED] {
            self.quota_of_rate(state, owner, moment).await
        } else if watch == &WATCHES[LIMIT_REACHED] {
            let code = filled_by(&state.service, &state.operation);
            match code.and_then(|code| catalogue::all().find(|quota| quota.code == code)) {
                Some(quota) => self.limit_of(quota, "", state, owner, moment).await,
                None => "AWS does not name the quota that is full".to_owned(),
            }
        } else {
            String::new()
        }
    }

    async fn quota_of_rate(&self, state: &State, owner: &Owner, moment: Moment) -> String {
        let service = if state.service == "qconnect" { "wisdom" } else { &state.service };
        let mut rates = catalogue::all().filter(|quota| quota.category == Category::ApiRates);
        let Some(quota) = rates.find(|quota| {
            quota.service.code() == service && quota.operation().is_some_and(|name| name == state.operation)
        }) else {
            return format!("no rate of the catalogue is named after {}; its limit is unknown", state.operation);
        };
        self.limit_of(quota, " a second", state, owner, moment).await
    }

    /// `Queues per instance (L-19A87C94), 50 (account)`. `unit`: after the number.
    async fn limit_of(&self, quota: &Quota, unit: &str, state: &State, owner: &Owner, moment: Moment) -> String {
        let of_catalogue = || {
            let documented = quota.default.map(|limit| format!("{limit}{unit} as documented"));
            documented.unwrap_or_else(|| "its limit is unknown".to_owned())
        };
        if !quota.is_listed() {
            return format!("{}, which Service Quotas does not list; {}", quota.name, of_catalogue());
        }
        let limit = match self.applied(quota, state, owner, moment).await {
            Ok(Some((limit, source))) => format!("{limit}{unit} ({})", source.as_str()),
            Ok(None) => of_catalogue(),
            Err(fault) => format!("its limit is unknown: {}", fault.kind.as_str()),
        };
        format!("{} ({}), {limit}", quota.name, quota.code)
    }

    /// The value of the one instance that the calls named, else the account's.
    async fn applied(
        &self,
        quota: &Quota,
        state: &State,
        owner: &Owner,
        moment: Moment,
    ) -> Result<Option<(f64, LimitSource)>, Fault> {
        let quotas = &self.aws.quotas;
        if quota.scope == Scope::Instance
            && state.instances.len() == 1
            && let (Some(instance), Some(identity)) = (state.instances.first(), self.identity.get())
        {
            let Owner { account_id, region } = owner;
            let arn = format!("arn:{}:connect:{region}:{account_id}:instance/{instance}", identity.account.partition);
            if let Some(limit) = quotas.applied_to(quota.service.code(), quota.code, &arn, moment.deadline).await? {
                return Ok(Some((limit, LimitSource::Instance)));
            }
        }
        quotas.account_limit(quota.service, quota.code, moment.deadline).await
    }
}
