//! Everything that Connect lists for one instance: a line for each operation.

use http::Method;
use serde_json::{Value, json};

use super::account::with_token;
use super::children;
use super::items::{self, Maker};
use super::kinds;
use super::more;
use super::request::{PageSize, Params};
use crate::wire::{Answer, AwsError, Context, respond};
use crate::world::Instance;

/// Where an operation carries its parameters, and what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `GET`, all in path and query.
    Get,
    /// `POST`, all in the body, and answers with `ApproximateTotalCount`.
    Search,
    /// `POST` with the instance in the path, without a total.
    Post,
}

/// A parameter that narrows a listing.
#[derive(Debug)]
pub(crate) struct Filter {
    name: &'static str,
    /// What it may be; anything, when empty.
    values: &'static [&'static str],
    required: bool,
    of: fn(&Instance, u64) -> &str,
}

const fn filter(name: &'static str, values: &'static [&'static str], of: fn(&Instance, u64) -> &str) -> Filter {
    Filter { name, values, required: false, of }
}

#[derive(Debug)]
pub(crate) struct Listing {
    pub operation: &'static str,
    pub path: &'static str,
    pub shape: Shape,
    /// The member that holds the items.
    list: &'static str,
    size: PageSize,
    total: fn(&Instance) -> u64,
    item: fn(&Maker<'_>, u64) -> Value,
    filters: &'static [Filter],
    /// What the operation's model calls a bad parameter.
    invalid: &'static str,
}

impl Listing {
    const fn filtered(mut self, filters: &'static [Filter]) -> Self {
        self.filters = filters;
        self
    }

    /// For operations that do not model `InvalidParameterException`.
    const fn invalid_request(mut self) -> Self {
        self.invalid = "InvalidRequestException";
        self
    }

    pub(crate) fn method(&self) -> Method {
        if self.shape == Shape::Get { Method::GET } else { Method::POST }
    }

    pub(crate) fn answer(&self, context: &Context<'_>, params: &Params) -> Answer {
        let instance = params.instance(context, self.invalid)?;
        let mut wanted = Vec::new();
        for filter in self.filters {
            let values = params.texts(filter.name)?;
            let known = |value: &&str| filter.values.is_empty() || filter.values.contains(value);
            if !values.iter().all(known) || (filter.required && values.is_empty()) {
                let message = format!("{} is not valid: {values:?}", filter.name);
                return Err(AwsError::new(400, self.invalid, &message));
            }
            if !values.is_empty() {
                wanted.push((filter, values));
            }
        }
        if self.shape == Shape::Search {
            refuse_criteria(params)?;
        }
        let keep = |index: u64| wanted.iter().all(|(filter, values)| values.contains(&(filter.of)(instance, index)));
        let chosen: Vec<_> = wanted.iter().map(|(filter, values)| (filter.name, values)).collect();
        let binding = format!("{} {} {chosen:?}", self.operation, instance.id);
        let total = (self.total)(instance);
        let page = params.page(context, &binding, (self.size, self.invalid), total, keep)?;
        let maker = Maker { world: context.world, instance };
        let list: Vec<Value> = page.indexes.into_iter().map(|index| (self.item)(&maker, index)).collect();
        let mut body = with_token(json!({ self.list: list }), page.next);
        if self.shape == Shape::Search {
            body["ApproximateTotalCount"] = total.into();
        }
        Ok(respond(200, "application/json", body.to_string()))
    }
}

/// Searches count everything here. A criterion that would narrow them is refused rather than ignored,
/// because a count that ignores it would look right. `SearchQueues` finds standard queues only, so
/// asking it for these narrows nothing.
fn refuse_criteria(params: &Params) -> Result<(), AwsError> {
    let standard = json!({ "QueueTypeCondition": "STANDARD" });
    for name in ["SearchCriteria", "SearchFilter"] {
        let value = params.value(name).filter(|value| **value != json!({}) && **value != standard);
        if value.is_some() {
            let message = format!("{name} is not simulated");
            return Err(AwsError::new(400, "InvalidRequestException", &message));
        }
    }
    Ok(())
}

type Total = fn(&Instance) -> u64;
type Item = fn(&Maker<'_>, u64) -> Value;

const fn get(
    operation: &'static str,
    path: &'static str,
    list: &'static str,
    max: u64,
    total: Total,
    item: Item,
) -> Listing {
    // The default page of the large listings is 100, which is not their largest.
    let size = PageSize { default: if max < 100 { max } else { 100 }, max };
    let invalid = "InvalidParameterException";
    Listing { operation, path, shape: Shape::Get, list, size, total, item, filters: &[], invalid }
}

const fn search(
    operation: &'static str,
    path: &'static str,
    list: &'static str,
    max: u64,
    total: Total,
    item: Item,
) -> Listing {
    Listing { shape: Shape::Search, ..get(operation, path, list, max, total, item) }
}

const LEX_VERSION: Filter =
    Filter { name: "lexVersion", values: &["V1", "V2"], required: true, of: |i, n| kinds::bot_version(i, n) };

const INTEGRATION_TYPES: &[&str] = &[
    "EVENT",
    "VOICE_ID",
    "PINPOINT_APP",
    "WISDOM_ASSISTANT",
    "WISDOM_KNOWLEDGE_BASE",
    "WISDOM_QUICK_RESPONSES",
    "Q_MESSAGE_TEMPLATES",
    "CASES_DOMAIN",
    "APPLICATION",
    "FILE_SCANNER",
    "SES_IDENTITY",
    "ANALYTICS_CONNECTOR",
    "CALL_TRANSFER_CONNECTOR",
    "COGNITO_USER_POOL",
    "MESSAGE_PROCESSOR",
];

const EVENT_SOURCES: &[&str] = &[
    "OnPostCallAnalysisAvailable",
    "OnRealTimeCallAnalysisAvailable",
    "OnRealTimeChatAnalysisAvailable",
    "OnPostChatAnalysisAvailable",
    "OnAfterCallWorkAvailable",
    "OnAfterChatWorkAvailable",
    "OnEmailAnalysisAvailable",
    "OnZendeskTicketCreate",
    "OnZendeskTicketStatusUpdate",
    "OnSalesforceCaseCreate",
    "OnContactEvaluationSubmit",
    "OnMetricDataUpdate",
    "OnCaseCreate",
    "OnCaseUpdate",
    "OnSlaBreach",
    "OnAlertUpdate",
    "OnSchedulePublish",
    "OnScheduleUpdate",
    "OnScheduleTimeOffRequestActivity",
];

const VOCABULARY_STATES: &[&str] = &["CREATION_IN_PROGRESS", "ACTIVE", "CREATION_FAILED", "DELETE_IN_PROGRESS"];

#[rustfmt::skip]
pub(crate) static LISTINGS: &[Listing] = &[
    get("ListUsers", "/users-summary/{}", "UserSummaryList", 1000, |i| i.count("ListUsers"), items::user),
    get("ListQueues", "/queues-summary/{}", "QueueSummaryList", 1000, |i| i.count("ListQueues") + i.agent_queues, items::queue)
        .filtered(&[filter("queueTypes", &["STANDARD", "AGENT"], |i, n| kinds::queue_type(i, n))]),
    get("ListRoutingProfiles", "/routing-profiles-summary/{}", "RoutingProfileSummaryList", 1000, |i| i.count("ListRoutingProfiles"), items::routing_profile),
    get("ListSecurityProfiles", "/security-profiles-summary/{}", "SecurityProfileSummaryList", 1000, |i| i.count("ListSecurityProfiles"), items::security_profile),
    get("ListUserHierarchyGroups", "/user-hierarchy-groups-summary/{}", "UserHierarchyGroupSummaryList", 1000, |i| i.count("ListUserHierarchyGroups"), items::hierarchy_group),
    get("ListQuickConnects", "/quick-connects/{}", "QuickConnectSummaryList", 1000, |i| i.count("ListQuickConnects"), items::quick_connect)
        .filtered(&[filter("QuickConnectTypes", kinds::QUICK_CONNECT_TYPES, |i, n| kinds::quick_connect_type(i, n))]),
    get("ListHoursOfOperations", "/hours-of-operations-summary/{}", "HoursOfOperationSummaryList", 1000, |i| i.count("ListHoursOfOperations"), items::hours),
    get("ListPrompts", "/prompts-summary/{}", "PromptSummaryList", 1000, |i| i.count("ListPrompts"), items::prompt),
    get("ListContactFlows", "/contact-flows-summary/{}", "ContactFlowSummaryList", 1000, |i| i.count("ListContactFlows") + i.archived_flows, items::contact_flow)
        .filtered(&[filter("contactFlowTypes", kinds::FLOW_TYPES, |i, n| kinds::flow_type(i, n))]),
    get("ListContactFlowModules", "/contact-flow-modules-summary/{}", "ContactFlowModulesSummaryList", 1000, |i| i.count("ListContactFlowModules"), items::flow_module)
        .filtered(&[filter("state", &["ACTIVE", "ARCHIVED"], |i, n| kinds::always_active(i, n))]),
    get("ListAgentStatuses", "/agent-status/{}", "AgentStatusSummaryList", 1000, |i| i.count("ListAgentStatuses"), items::agent_status)
        .filtered(&[filter("AgentStatusTypes", kinds::AGENT_STATUS_TYPES, |i, n| kinds::agent_status_type(i, n))]),
    get("ListPredefinedAttributes", "/predefined-attributes/{}", "PredefinedAttributeSummaryList", 100, |i| i.count("ListPredefinedAttributes"), items::predefined_attribute),
    get("ListLambdaFunctions", "/instance/{}/lambda-functions", "LambdaFunctions", 25, |i| i.count("ListLambdaFunctions"), items::lambda_function),
    get("ListLexBots", "/instance/{}/lex-bots", "LexBots", 25, |i| i.count("ListLexBots"), items::lex_bot),
    get("ListBots", "/instance/{}/bots", "LexBots", 25, |i| i.count("ListLexBots") + i.count("ListBots"), items::bot)
        .filtered(&[LEX_VERSION]).invalid_request(),
    get("ListDataTables", "/data-tables/{}", "DataTableSummaryList", 1000, |i| i.count("ListDataTables"), items::data_table),
    get("ListWorkspaces", "/workspaces/{}", "WorkspaceSummaryList", 100, |i| i.count("ListWorkspaces"), items::workspace),
    get("ListNotifications", "/notifications/{}", "NotificationSummaryList", 100, |i| i.count("ListNotifications"), items::notification),
    get("ListIntegrationAssociations", "/instance/{}/integration-associations", "IntegrationAssociationSummaryList", 100, |i| i.integrations.len() as u64, items::integration_association)
        .filtered(&[filter("integrationType", INTEGRATION_TYPES, kinds::integration_type), filter("integrationArn", &[], kinds::integration_arn)]).invalid_request(),
    get("ListTaskTemplates", "/instance/{}/task/template", "TaskTemplates", 100, |i| i.count("ListTaskTemplates"), items::task_template)
        .filtered(&[filter("status", &["ACTIVE", "INACTIVE"], |i, n| kinds::always_active(i, n))]),
    get("ListApprovedOrigins", "/instance/{}/approved-origins", "Origins", 25, |i| i.count("ListApprovedOrigins"), items::approved_origin),
    get("ListEvaluationForms", "/evaluation-forms/{}", "EvaluationFormSummaryList", 100, |i| i.count("ListEvaluationForms"), items::evaluation_form),
    get("ListRules", "/rules/{}", "RuleSummaryList", 200, |i| i.rules.values().sum(), items::rule)
        .filtered(&[filter("eventSourceName", EVENT_SOURCES, kinds::event_source), filter("publishStatus", &["DRAFT", "PUBLISHED"], |i, n| kinds::always_published(i, n))]).invalid_request(),
    get("ListMetrics", "/metrics/definitions/{}", "MetricSummaryList", 100, |i| i.count("ListMetrics") + kinds::METRICS_OF_AWS, more::metric)
        .filtered(&[filter("type", &["AWS_MANAGED", "CUSTOMER_MANAGED"], |i, n| kinds::metric_type(i, n))]),
    get("ListSecurityKeys", "/instance/{}/security-keys", "SecurityKeys", 2, |i| i.count("ListSecurityKeys"), more::security_key),
    search("SearchHoursOfOperations", "/search-hours-of-operations", "HoursOfOperations", 100, |i| i.count("ListHoursOfOperations"), more::found_hours),
    search("SearchUsers", "/search-users", "Users", 500, |i| i.count("ListUsers"), items::found_user),
    search("SearchQueues", "/search-queues", "Queues", 500, |i| i.count("ListQueues"), items::found_queue),
    search("SearchRoutingProfiles", "/search-routing-profiles", "RoutingProfiles", 500, |i| i.count("ListRoutingProfiles"), items::found_routing_profile),
    search("SearchHoursOfOperationOverrides", "/search-hours-of-operation-overrides", "HoursOfOperationOverrides", 100, children::overrides, children::override_of_hours),
    search("SearchDataTables", "/search-data-tables", "DataTables", 1000, |i| i.count("ListDataTables"), items::found_data_table),
    search("SearchEmailAddresses", "/search-email-addresses", "EmailAddresses", 100, |i| i.count("SearchEmailAddresses"), items::email_address),
    search("SearchWorkspaces", "/search-workspaces", "Workspaces", 500, |i| i.count("ListWorkspaces"), items::found_workspace),
    search("SearchNotifications", "/search-notifications", "Notifications", 100, |i| i.count("ListNotifications"), items::found_notification),
    Listing { shape: Shape::Post, ..get("SearchVocabularies", "/vocabulary-summary/{}", "VocabularySummaryList", 100, |i| i.count("SearchVocabularies"), items::vocabulary) }
        .filtered(&[filter("State", VOCABULARY_STATES, |i, n| kinds::always_active(i, n))]).invalid_request(),
];
