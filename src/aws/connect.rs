//! Amazon Connect: which instances there are, and how many of each resource they hold.
//!
//! One arm of `page` per listing is all that a new listing needs. Pages are as large as the API's model
//! allows. No name, address or number of a person is kept: only counts, ids, and names of
//! configuration that a row may have to show.

use aws_sdk_connect::Client;
use aws_sdk_connect::operation::get_task_template::GetTaskTemplateOutput;
use aws_sdk_connect::types::{
    AgentStatusType, ContactFlowModuleState, ContactFlowState, IntegrationType, LexVersion, MetricType,
    QueueSearchCriteria, QueueType, RoutingProfile, RuleCapabilityTier, SearchableQueueType, SecurityProfileType,
    TaskTemplateField, TaskTemplateFieldType,
};
use tokio::time::Instant;

use super::edge::{At, Edge};
use super::page::{Ask, Item, Page, ask, describe, lacks, page, search};
use super::pages::Pages;
use crate::catalogue::Listing;
use crate::catalogue::listing::{ARCHIVED, BUILT_IN};
use crate::domain::{Fault, FaultKind, Instance, Tally, Told};

/// The paced Connect client.
pub type Connect = Edge<Client>;

impl Connect {
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

    /// Those of these instances (by ARN) that are replicas of one in another Region.
    ///
    /// # Errors
    /// The fault of `DescribeInstance`; an instance that is gone is none.
    pub async fn replicas(&self, arns: &[&str], region: &str, deadline: Instant) -> Result<Tally, Fault> {
        let operation = Listing::Replicas.operation();
        let mut tally = Tally::default();
        for id in arns.iter().filter_map(|arn| arn.rsplit('/').next()) {
            let request = self.client.describe_instance().instance_id(id);
            let output = match self.caller.call(operation, deadline, || request.clone().send()).await {
                Err(fault) if fault.kind == FaultKind::NotFound => continue,
                other => other?,
            };
            output.instance.as_ref().ok_or_else(|| self.without(operation, "Instance"))?;
            let source = output.replication_configuration.and_then(|replication| replication.source_region);
            tally.total += u64::from(source.is_some_and(|source| source != region));
        }
        Ok(tally)
    }

    #[rustfmt::skip]
    pub(super) fn page(&self, at: &At<'_>) -> Result<Ask, Fault> {
        let (c, id) = (&self.client, at.instance);
        Ok(match at.listing {
            Listing::Users => page!(at, c.list_users().instance_id(id).max_results(1000), user_summary_list, |u| Item::new(u.id.as_deref(), None)),
            // Without a type each user's own agent queue is listed too.
            Listing::StandardQueues => page!(at, c.list_queues().instance_id(id).queue_types(QueueType::Standard).max_results(1000), queue_summary_list, |q| Item::new(q.id.as_deref(), q.name.as_deref())),
            Listing::RoutingProfiles => page!(at, c.list_routing_profiles().instance_id(id).max_results(1000), routing_profile_summary_list, Item::plain),
            Listing::SecurityProfiles => page!(at, c.list_security_profiles().instance_id(id).max_results(1000), security_profile_summary_list, |p| {
                Item::plain(p).group((p.r#type == Some(SecurityProfileType::AwsManaged)).then_some(BUILT_IN))
            }),
            Listing::HierarchyGroups => page!(at, c.list_user_hierarchy_groups().instance_id(id).max_results(1000), user_hierarchy_group_summary_list, Item::plain),
            Listing::QuickConnects => page!(at, c.list_quick_connects().instance_id(id).max_results(1000), quick_connect_summary_list, Item::plain),
            Listing::HoursOfOperation => page!(at, c.list_hours_of_operations().instance_id(id).max_results(1000), hours_of_operation_summary_list, |h| {
                Item::new(None, h.name.as_deref()).group(h.id.as_deref())
            }),
            Listing::Prompts => page!(at, c.list_prompts().instance_id(id).max_results(1000), prompt_summary_list, Item::plain),
            Listing::Flows => page!(at, c.list_contact_flows().instance_id(id).max_results(1000), contact_flow_summary_list, |f| {
                Item::plain(f).group((f.contact_flow_state == Some(ContactFlowState::Archived)).then_some(ARCHIVED))
            }),
            Listing::FlowModules => page!(at, c.list_contact_flow_modules().instance_id(id).max_results(1000), contact_flow_modules_summary_list, |m| {
                Item::plain(m).group((m.state == Some(ContactFlowModuleState::Archived)).then_some(ARCHIVED))
            }),
            Listing::AgentStatuses => page!(at, c.list_agent_statuses().instance_id(id).max_results(1000), agent_status_summary_list, |s| {
                let is_own = !matches!(s.r#type, Some(AgentStatusType::Routable | AgentStatusType::Offline));
                Item::plain(s).group((!is_own).then_some(BUILT_IN))
            }),
            Listing::PredefinedAttributes => page!(at, c.list_predefined_attributes().instance_id(id).max_results(100), predefined_attribute_summary_list, |a| {
                Item::plain(a).group(a.name.as_deref().is_some_and(|name| name.starts_with("connect:")).then_some(BUILT_IN))
            }),
            Listing::LambdaFunctions => page!(at, c.list_lambda_functions().instance_id(id).max_results(25), lambda_functions, Item::plain),
            Listing::LexV1Bots => page!(at, c.list_lex_bots().instance_id(id).max_results(25), lex_bots, Item::plain),
            Listing::LexV2Bots => page!(at, c.list_bots().instance_id(id).lex_version(LexVersion::V2).max_results(25), lex_bots, |b| {
                let bot = b.lex_v2_bot.as_ref().and_then(|bot| bot.alias_arn.as_deref()).map(bot_of_alias);
                Item::plain(b).group(Some("bots")).arn(bot).weight(bot.map(|_| 1))
            }),
            // Each table is visited, so all pages are read.
            Listing::DataTables => page!(at, c.search_data_tables().instance_id(id).max_results(1000), data_tables, |t| Item::new(Some(&t.id), Some(&t.name))),
            Listing::EmailAddresses => search!(at, c.search_email_addresses().instance_id(id).max_results(100), email_addresses, Item::plain),
            Listing::Workspaces => search!(at, c.search_workspaces().instance_id(id).max_results(500), workspaces, Item::plain),
            Listing::Notifications => search!(at, c.search_notifications().instance_id(id).max_results(100), notifications, Item::plain),
            Listing::Integrations => page!(at, c.list_integration_associations().instance_id(id).max_results(100), integration_association_summary_list, |i| {
                Item::plain(i).group(i.integration_type.as_ref().map(IntegrationType::as_str)).arn(i.integration_arn.as_deref())
            }),
            Listing::TaskTemplates => page!(at, c.list_task_templates().instance_id(id).max_results(100), task_templates, |t| Item::new(t.id.as_deref(), t.name.as_deref())),
            Listing::ApprovedOrigins => page!(at, c.list_approved_origins().instance_id(id).max_results(25), origins, Item::plain),
            Listing::EvaluationForms => page!(at, c.list_evaluation_forms().instance_id(id).max_results(100), [evaluation_form_summary_list], |f| {
                let newest = u64::try_from(f.latest_version).ok().map(|value| Told { value, is_exact: value <= 1 });
                Item::new(Some(&f.evaluation_form_id), Some(&f.title)).tells(Listing::FormVersions, newest)
            }),
            Listing::Rules => page!(at, c.list_rules().instance_id(id).max_results(200), [rule_summary_list], |r| {
                let reads_language = r.rule_capability_tiers().contains(&RuleCapabilityTier::GenerativeAi);
                Item::plain(r).group(Some(r.event_source_name.as_str())).marked(reads_language)
            }),
            Listing::Vocabularies => page!(at, c.search_vocabularies().instance_id(id).max_results(100), vocabulary_summary_list, Item::plain),
            Listing::HoursParents => page!(at, c.search_hours_of_operations().instance_id(id).max_results(100), hours_of_operations, |h| {
                let parents = h.parent_hours_of_operations().len() as u64;
                Item::new(None, h.name.as_deref()).group(h.hours_of_operation_id.as_deref()).weight(Some(parents))
            }),
            // AWS lists its own metrics too.
            Listing::CustomMetrics => page!(at, c.list_metrics().instance_id(id).r#type(MetricType::CustomerManaged).max_results(100), [metric_summary_list], Item::plain),
            Listing::SecurityKeys => page!(at, c.list_security_keys().instance_id(id).max_results(2), security_keys, Item::plain),
            // What counts is the maximum of those that have one.
            Listing::LimitedQueues => {
                let standard = QueueSearchCriteria::builder().queue_type_condition(SearchableQueueType::Standard).build();
                page!(at, c.search_queues().instance_id(id).search_criteria(standard).max_results(500), queues, |q| {
                    let most = q.max_contacts.and_then(|n| u64::try_from(n).ok());
                    let item = Item::new(None, q.name.as_deref()).weight(Some(most.unwrap_or(0)));
                    item.group(q.queue_id.as_deref().filter(|_| most.is_some()))
                })
            }
            Listing::RoutingProfilesFound => page!(at, c.search_routing_profiles().instance_id(id).max_results(500), routing_profiles, |p| {
                Item::new(p.routing_profile_id.as_deref(), p.name.as_deref())
                    .tells(Listing::RoutingProfilePairs, pairs(p, p.number_of_associated_queues, p.associated_queue_ids()))
                    .tells(Listing::ManualAssignmentPairs, pairs(p, p.number_of_associated_manual_assignment_queues, p.associated_manual_assignment_queue_ids()))
            }),
            // A row for each pair of queue and channel.
            Listing::RoutingProfilePairs => page!(at, c.list_routing_profile_queues().instance_id(id).routing_profile_id(at.id(0)).max_results(100), routing_profile_queue_config_summary_list, Item::plain),
            Listing::ManualAssignmentPairs => page!(at, c.list_routing_profile_manual_assignment_queues().instance_id(id).routing_profile_id(at.id(0)).max_results(100), routing_profile_manual_assignment_queue_config_summary_list, Item::plain),
            Listing::FormVersions => page!(at, c.list_evaluation_form_versions().instance_id(id).evaluation_form_id(at.id(0)).max_results(100), [evaluation_form_version_summary_list], Item::plain),
            Listing::HoursOverrides => page!(at, c.search_hours_of_operation_overrides().instance_id(id).max_results(100), hours_of_operation_overrides, |o| {
                let hours = o.hours_of_operation_id.as_deref();
                Item::plain(o).group(hours).weight(hours.map(|_| 1))
            }),
            Listing::Proficiencies => page!(at, c.list_user_proficiencies().instance_id(id).user_id(at.id(0)).max_results(100), user_proficiency_list, Item::plain),
            Listing::QueueEmailAddresses => page!(at, c.list_queue_email_addresses().instance_id(id).queue_id(at.id(0)).max_results(100), email_address_metadata_list, |e| {
                // The queue's default address is no additional one.
                Item::plain(e).weight(Some(u64::from(!e.is_default_outbound_email)))
            }),
            Listing::QueueQuickConnects => page!(at, c.list_queue_quick_connects().instance_id(id).queue_id(at.id(0)).max_results(100), quick_connect_summary_list, Item::plain),
            Listing::DataTableAttributes => page!(at, c.list_data_table_attributes().instance_id(id).data_table_id(at.id(0)).max_results(1000), [attributes], |a| {
                Item::plain(a).group(a.primary.then_some("primary"))
            }),
            Listing::DataTableValues => page!(at, c.list_data_table_values().instance_id(id).data_table_id(at.id(0)).max_results(1000), [values], Item::plain),
            Listing::TaskTemplateFields => describe!(c.get_task_template().instance_id(id).task_template_id(at.id(0)), |o: &GetTaskTemplateOutput| {
                o.fields.iter().flatten().filter(|field| !is_of_every_template(field)).map(Item::plain).collect()
            }),
            // Without a target one listing serves every instance; a number may also belong to a
            // traffic distribution group.
            Listing::PhoneNumbers => page!(at, c.list_phone_numbers_v2().max_results(1000), list_phone_numbers_summary_list, |n| {
                Item::plain(n).group(n.target_arn.as_deref().or(n.instance_id.as_deref()))
            }),
            // Asked once for all instances, by whose ARN the groups are told apart.
            Listing::TrafficGroups => page!(at, c.list_traffic_distribution_groups().max_results(10), traffic_distribution_group_summary_list, |g| {
                Item::plain(g).group(g.instance_arn.as_deref())
            }),
            other => return Err(self.not_mine(other)),
        })
    }
}

/// Fields that every template may have are not customized ones.
fn is_of_every_template(field: &TaskTemplateField) -> bool {
    use TaskTemplateFieldType::{Description, ExpiryDuration, Name, QuickConnect, ScheduledTime, SelfAssign};
    matches!(field.r#type, Some(Name | Description | ScheduledTime | QuickConnect | SelfAssign | ExpiryDuration))
}

/// So many channels can a routing profile have that does not tell its own: voice, chat, task and email.
const CHANNELS: u64 = 4;

/// The pairs of queue and channel that a routing profile with these queues can have. Each queue serves one of its
/// channels at least, and all of them at most.
fn pairs(profile: &RoutingProfile, number: Option<i64>, ids: &[String]) -> Option<Told> {
    let number = number.and_then(|n| u64::try_from(n).ok());
    let queues = number.max((!ids.is_empty()).then_some(ids.len() as u64))?;
    let channels = match profile.media_concurrencies().len() as u64 {
        0 => CHANNELS,
        channels => channels,
    };
    Some(Told { value: queues * channels, is_exact: channels == 1 || queues == 0 })
}

/// The bot's id in `...:bot-alias/<bot>/<alias>`.
fn bot_of_alias(arn: &str) -> &str {
    arn.rsplit_once("bot-alias/").map_or(arn, |(_, path)| path.split('/').next().unwrap_or(path))
}
