//! Amazon Connect: which instances there are, and how many of each resource they hold.
//!
//! One arm of [`Connect::page`] per listing is all that a new listing needs. Pages are as large as the
//! API's model allows. No name, address or number of a person or resource is kept: only counts, and
//! the identities of integrations.

use aws_sdk_connect::Client;
use aws_sdk_connect::types::{LexVersion, QueueType};
use tokio::time::Instant;

use super::call::Caller;
use super::pages::Pages;
use crate::catalogue::Listing;
use crate::model::{Fault, FaultKind, Group, Instance, Tally};

/// The paced Connect client.
#[derive(Debug, Clone)]
pub struct Connect {
    client: Client,
    caller: Caller,
}

/// One page of a listing: its items, each with its group and identity where a quota needs them.
struct Page {
    items: Vec<Item>,
    next: Option<String>,
    /// `ApproximateTotalCount` of a search.
    total: Option<i64>,
}

#[derive(Default)]
struct Item {
    group: Option<String>,
    id: Option<String>,
}

impl Item {
    fn plain<T>(_: &T) -> Self {
        Self::default()
    }
}

/// Asks for one page. The list's key must be there: an answer without it says nothing, not zero.
macro_rules! page {
    ($self:ident, $listing:ident, $token:ident, $deadline:ident, $request:expr, $list:ident, $item:expr) => {{
        let output = page!(@call $self, $listing, $token, $deadline, $request);
        let list = output.$list.as_ref().ok_or_else(|| $self.without($listing.operation(), stringify!($list)))?;
        Page { items: list.iter().map($item).collect(), next: output.next_token.clone(), total: None }
    }};
    // The SDK makes these lists plain vectors, empty where the key is missing.
    ($self:ident, $listing:ident, $token:ident, $deadline:ident, $request:expr, [$list:ident], $item:expr) => {{
        let output = page!(@call $self, $listing, $token, $deadline, $request);
        Page { items: output.$list.iter().map($item).collect(), next: output.next_token.clone(), total: None }
    }};
    (@call $self:ident, $listing:ident, $token:ident, $deadline:ident, $request:expr) => {{
        let request = $request;
        $self
            .caller
            .call($listing.operation(), $deadline, || request.clone().set_next_token($token.clone()).send())
            .await?
    }};
}

/// Asks for the first page of a search, which carries the total.
macro_rules! search {
    ($self:ident, $listing:ident, $deadline:ident, $request:expr, $list:ident) => {{
        let request = $request;
        let operation = $listing.operation();
        let output = $self.caller.call(operation, $deadline, || request.clone().send()).await?;
        let total = output.approximate_total_count.ok_or_else(|| $self.without(operation, "ApproximateTotalCount"))?;
        let list = output.$list.as_deref().unwrap_or_default();
        Page { items: list.iter().map(Item::plain).collect(), next: None, total: Some(total) }
    }};
}

impl Connect {
    #[must_use]
    pub fn new(client: Client, caller: Caller) -> Self {
        Self { client, caller }
    }

    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Every instance of the account and Region, in AWS's order.
    ///
    /// # Errors
    /// The fault of `ListInstances`; a partial list is never returned.
    pub async fn instances(&self, deadline: Instant) -> Result<Vec<Instance>, Fault> {
        const OPERATION: &str = "ListInstances";
        let mut instances = Vec::new();
        let mut pages = Pages::new(self.caller.name(OPERATION));
        loop {
            let token = pages.token();
            let request = self.client.list_instances().max_results(10);
            let output =
                self.caller.call(OPERATION, deadline, || request.clone().set_next_token(token.clone()).send()).await?;
            let list =
                output.instance_summary_list.as_ref().ok_or_else(|| self.without(OPERATION, "InstanceSummaryList"))?;
            for summary in list {
                instances.push(Instance {
                    id: summary.id.clone().ok_or_else(|| self.without(OPERATION, "Id"))?,
                    arn: summary.arn.clone().ok_or_else(|| self.without(OPERATION, "Arn"))?,
                    alias: summary.instance_alias.clone().filter(|alias| !alias.is_empty()),
                    status: summary.instance_status.as_ref().map_or_else(String::new, |s| s.as_str().to_owned()),
                });
            }
            if !pages.advance(output.next_token.clone())? {
                return Ok(instances);
            }
        }
    }

    /// Phone numbers by the ARN they are claimed to: an instance, or a traffic distribution group.
    /// Without a target one listing serves every instance.
    ///
    /// # Errors
    /// The fault of `ListPhoneNumbersV2`.
    pub async fn phone_numbers(&self, deadline: Instant) -> Result<Tally, Fault> {
        const OPERATION: &str = "ListPhoneNumbersV2";
        let mut tally = Tally::default();
        let mut pages = Pages::new(self.caller.name(OPERATION));
        loop {
            let token = pages.token();
            let request = self.client.list_phone_numbers_v2().max_results(1000);
            let output =
                self.caller.call(OPERATION, deadline, || request.clone().set_next_token(token.clone()).send()).await?;
            let list = output
                .list_phone_numbers_summary_list
                .as_ref()
                .ok_or_else(|| self.without(OPERATION, "ListPhoneNumbersSummaryList"))?;
            for number in list {
                let target = number.target_arn.clone().or_else(|| number.instance_id.clone());
                add(&mut tally, Item { group: target, id: None });
            }
            if !pages.advance(output.next_token.clone())? {
                return Ok(tally);
            }
        }
    }

    /// Counts a listing of one instance over all its pages.
    ///
    /// # Errors
    /// The fault of the page that failed: a partial count is never returned.
    pub async fn tally(&self, listing: Listing, instance: &Instance, deadline: Instant) -> Result<Tally, Fault> {
        let count = async {
            let mut tally = Tally::default();
            let mut pages = Pages::new(self.caller.name(listing.operation()));
            loop {
                let page = self.page(listing, &instance.id, pages.token(), deadline).await?;
                for item in page.items {
                    add(&mut tally, item);
                }
                if let Some(total) = page.total {
                    tally.total = tally.total.max(u64::try_from(total).unwrap_or(0));
                }
                if !pages.advance(page.next)? {
                    return Ok(tally);
                }
            }
        };
        count.await.map_err(|fault: Fault| fault.of_instance(&instance.id))
    }

    #[rustfmt::skip]
    async fn page(&self, listing: Listing, id: &str, token: Option<String>, deadline: Instant) -> Result<Page, Fault> {
        let c = &self.client;
        Ok(match listing {
            Listing::Users => page!(self, listing, token, deadline, c.list_users().instance_id(id).max_results(1000), user_summary_list, Item::plain),
            // Without a type each user's own agent queue is listed too.
            Listing::StandardQueues => page!(self, listing, token, deadline, c.list_queues().instance_id(id).queue_types(QueueType::Standard).max_results(1000), queue_summary_list, Item::plain),
            Listing::RoutingProfiles => page!(self, listing, token, deadline, c.list_routing_profiles().instance_id(id).max_results(1000), routing_profile_summary_list, Item::plain),
            Listing::SecurityProfiles => page!(self, listing, token, deadline, c.list_security_profiles().instance_id(id).max_results(1000), security_profile_summary_list, Item::plain),
            Listing::HierarchyGroups => page!(self, listing, token, deadline, c.list_user_hierarchy_groups().instance_id(id).max_results(1000), user_hierarchy_group_summary_list, Item::plain),
            Listing::QuickConnects => page!(self, listing, token, deadline, c.list_quick_connects().instance_id(id).max_results(1000), quick_connect_summary_list, Item::plain),
            Listing::HoursOfOperation => page!(self, listing, token, deadline, c.list_hours_of_operations().instance_id(id).max_results(1000), hours_of_operation_summary_list, Item::plain),
            Listing::Prompts => page!(self, listing, token, deadline, c.list_prompts().instance_id(id).max_results(1000), prompt_summary_list, Item::plain),
            Listing::Flows => page!(self, listing, token, deadline, c.list_contact_flows().instance_id(id).max_results(1000), contact_flow_summary_list, Item::plain),
            Listing::FlowModules => page!(self, listing, token, deadline, c.list_contact_flow_modules().instance_id(id).max_results(1000), contact_flow_modules_summary_list, Item::plain),
            Listing::AgentStatuses => page!(self, listing, token, deadline, c.list_agent_statuses().instance_id(id).max_results(1000), agent_status_summary_list, Item::plain),
            Listing::PredefinedAttributes => page!(self, listing, token, deadline, c.list_predefined_attributes().instance_id(id).max_results(100), predefined_attribute_summary_list, Item::plain),
            Listing::LambdaFunctions => page!(self, listing, token, deadline, c.list_lambda_functions().instance_id(id).max_results(25), lambda_functions, Item::plain),
            Listing::LexV1Bots => page!(self, listing, token, deadline, c.list_lex_bots().instance_id(id).max_results(25), lex_bots, Item::plain),
            Listing::LexV2Bots => page!(self, listing, token, deadline, c.list_bots().instance_id(id).lex_version(LexVersion::V2).max_results(25), lex_bots, Item::plain),
            Listing::DataTables => search!(self, listing, deadline, c.search_data_tables().instance_id(id).max_results(1000), data_tables),
            Listing::EmailAddresses => search!(self, listing, deadline, c.search_email_addresses().instance_id(id).max_results(100), email_addresses),
            Listing::Workspaces => search!(self, listing, deadline, c.search_workspaces().instance_id(id).max_results(500), workspaces),
            Listing::Notifications => search!(self, listing, deadline, c.search_notifications().instance_id(id).max_results(100), notifications),
            Listing::Integrations => page!(self, listing, token, deadline, c.list_integration_associations().instance_id(id).max_results(100), integration_association_summary_list, |i| Item {
                group: i.integration_type.as_ref().map(|t| t.as_str().to_owned()),
                id: i.integration_arn.clone(),
            }),
            Listing::TaskTemplates => page!(self, listing, token, deadline, c.list_task_templates().instance_id(id).max_results(100), task_templates, Item::plain),
            Listing::ApprovedOrigins => page!(self, listing, token, deadline, c.list_approved_origins().instance_id(id).max_results(25), origins, Item::plain),
            Listing::EvaluationForms => page!(self, listing, token, deadline, c.list_evaluation_forms().instance_id(id).max_results(100), [evaluation_form_summary_list], Item::plain),
            Listing::Rules => page!(self, listing, token, deadline, c.list_rules().instance_id(id).max_results(200), [rule_summary_list], |r| Item {
                group: Some(r.event_source_name.as_str().to_owned()),
                id: None,
            }),
            Listing::Vocabularies => page!(self, listing, token, deadline, c.search_vocabularies().instance_id(id).max_results(100), vocabulary_summary_list, Item::plain),
        })
    }

    fn without(&self, operation: &str, what: &str) -> Fault {
        Fault::new(self.caller.name(operation), FaultKind::BadResponse, format!("the answer has no {what}"))
    }
}

fn add(tally: &mut Tally, item: Item) {
    tally.total += 1;
    if let Some(name) = item.group {
        let group: &mut Group = tally.groups.entry(name).or_default();
        group.count += 1;
        group.ids.extend(item.id);
    }
}
