//! AWS Organizations: which accounts there are, and who answers for them.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};
use tokio::time::Instant;

use super::bucket::Rate;
use super::call::Caller;
use super::edge::Edge;
use super::pace::PacingPlan;
use super::pages::Pages;
use crate::domain::Fault;

const LIST: &str = "ListAccounts";
const OF_PARENT: &str = "ListAccountsForParent";
const UNITS: &str = "ListOrganizationalUnitsForParent";
const TAGS: &str = "ListTagsForResource";
/// Organizations throttles an account's calls together at some per second; a search has time.
const RATE: Rate = Rate::new(4.0, 4);

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    pub name: Option<String>,
    /// The id of the unit that it stands in.
    pub ou: Option<String>,
    pub is_active: bool,
}

/// The paced client.
pub type Organization = Edge<Client>;

impl Organization {
    #[must_use]
    pub fn of(sdk: &SdkConfig) -> Self {
        let paced = sdk.to_builder().retry_config(RetryConfig::disabled()).build();
        Self::new(Client::new(&paced), Caller::new("organizations", PacingPlan::Flat(RATE)))
    }

    /// Every account of the organization, or of these units and those below them.
    ///
    /// # Errors
    /// The fault of a call; a partial list is never returned.
    pub async fn members(&self, units: &[String], deadline: Instant) -> Result<Vec<Member>, Fault> {
        if units.is_empty() {
            let mut members = Vec::new();
            let mut pages = Pages::new(self.caller.name(LIST));
            loop {
                let token = pages.token();
                let request = self.client.list_accounts().max_results(20);
                let send = || request.clone().set_next_token(token.clone()).send();
                let output = self.caller.call(LIST, deadline, send).await?;
                for account in output.accounts() {
                    members.push(self.member(LIST, account, None)?);
                }
                if !pages.advance(output.next_token)? {
                    return Ok(members);
                }
            }
        }
        let (mut members, mut seen) = (Vec::new(), BTreeSet::new());
        let mut waiting: Vec<String> = units.to_vec();
        while let Some(unit) = waiting.pop() {
            if !seen.insert(unit.clone()) {
                continue;
            }
            self.accounts_of(&unit, &mut members, deadline).await?;
            self.units_of(&unit, &mut waiting, deadline).await?;
        }
        Ok(members)
    }

    async fn accounts_of(&self, unit: &str, members: &mut Vec<Member>, deadline: Instant) -> Result<(), Fault> {
        let mut pages = Pages::new(self.caller.name(OF_PARENT));
        loop {
            let token = pages.token();
            let request = self.client.list_accounts_for_parent().parent_id(unit).max_results(20);
            let send = || request.clone().set_next_token(token.clone()).send();
            let output = self.caller.call(OF_PARENT, deadline, send).await?;
            for account in output.accounts() {
                members.push(self.member(OF_PARENT, account, Some(unit))?);
            }
            if !pages.advance(output.next_token)? {
                return Ok(());
            }
        }
    }

    async fn units_of(&self, unit: &str, waiting: &mut Vec<String>, deadline: Instant) -> Result<(), Fault> {
        let mut pages = Pages::new(self.caller.name(UNITS));
        loop {
            let token = pages.token();
            let request = self.client.list_organizational_units_for_parent().parent_id(unit).max_results(20);
            let send = || request.clone().set_next_token(token.clone()).send();
            let output = self.caller.call(UNITS, deadline, send).await?;
            waiting.extend(output.organizational_units().iter().filter_map(|unit| unit.id().map(str::to_owned)));
            if !pages.advance(output.next_token)? {
                return Ok(());
            }
        }
    }

    fn member(&self, operation: &str, account: &Account, unit: Option<&str>) -> Result<Member, Fault> {
        let id = account.id().ok_or_else(|| self.without(operation, "Id"))?;
        let of_path = account.paths().first().and_then(|path| path.split('/').rfind(|part| part.starts_with("ou-")));
        // `Status` is being retired for `State`; whichever is there says it.
        let state = account.state().map(AccountState::as_str).or(account.status().map(AccountStatus::as_str));
        let state = state.ok_or_else(|| self.without(operation, "State"))?;
        Ok(Member {
            id: id.to_owned(),
            name: account.name().filter(|name| !name.is_empty()).map(str::to_owned),
            ou: unit.or(of_path).map(str::to_owned),
            is_active: state == "ACTIVE",
        })
    }

    /// The value of an account's tag; none where it has no such tag.
    ///
    /// # Errors
    /// The fault of the call.
    pub async fn tag(&self, account_id: &str, key: &str, deadline: Instant) -> Result<Option<String>, Fault> {
        let mut pages = Pages::new(self.caller.name(TAGS));
        loop {
            let token = pages.token();
            let request = self.client.list_tags_for_resource().resource_id(account_id);
            let send = || request.clone().set_next_token(token.clone()).send();
            let output = self.caller.call(TAGS, deadline, send).await?;
            if let Some(tag) = output.tags().iter().find(|tag| tag.key() == key) {
                return Ok(Some(tag.value().to_owned()).filter(|value| !value.is_empty()));
            }
            if !pages.advance(output.next_token)? {
                return Ok(None);
            }
        }
    }
}
