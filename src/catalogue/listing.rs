//! What can be listed and counted: one line per listing.

use super::service::Service::{self, AppIntegrations, Campaigns, Cases, Connect, Profile, Wisdom};

/// A listing of resources. Each is asked once per run and place, whatever number of quotas it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    Users,
    StandardQueues,
    RoutingProfiles,
    SecurityProfiles,
    HierarchyGroups,
    QuickConnects,
    HoursOfOperation,
    Prompts,
    Flows,
    FlowModules,
    AgentStatuses,
    PredefinedAttributes,
    LambdaFunctions,
    LexV1Bots,
    LexV2Bots,
    DataTables,
    EmailAddresses,
    Workspaces,
    Notifications,
    Integrations,
    TaskTemplates,
    ApprovedOrigins,
    EvaluationForms,
    Rules,
    Vocabularies,
    LimitedQueues,
    HoursParents,
    CustomMetrics,
    SecurityKeys,
    RoutingProfilesFound,
    RoutingProfilePairs,
    ManualAssignmentPairs,
    FormVersions,
    HoursOverrides,
    Proficiencies,
    QueueEmailAddresses,
    QueueQuickConnects,
    DataTableAttributes,
    DataTableValues,
    TaskTemplateFields,
    PhoneNumbers,
    TrafficGroups,
    Replicas,
    CasesDomains,
    CasesFields,
    CasesTemplates,
    CasesLayouts,
    CaseRules,
    CasesFieldOptions,
    CasesLayoutFields,
    CasesTemplateRules,
    CasesRuleValues,
    ProfileDomains,
    ObjectTypes,
    DomainObjectTypes,
    ProfileIntegrations,
    EventTriggers,
    EventStreams,
    CalculatedAttributes,
    Recommenders,
    RecommenderFilters,
    RecommenderSchemas,
    ObjectTypeKeys,
    ProfileSettings,
    Assistants,
    KnowledgeBases,
    AssistantAssociations,
    Contents,
    MessageTemplates,
    QuickResponses,
    MessageTemplateVersions,
    MessageTemplateDetails,
    DataIntegrations,
    EventIntegrations,
    Applications,
    DataIntegrationAssociations,
    EventIntegrationAssociations,
    Campaigns,
    ActiveCampaigns,
}

/// Groups of items that AWS makes, or that nobody uses any more: whether they count is not documented.
pub const BUILT_IN: &str = "built in";
pub const ARCHIVED: &str = "archived";

/// What the description of a message template holds.
pub const ATTACHMENTS: &str = "attachments";
pub const ROUTING_PROFILES: &str = "routing profiles";
pub const EMAIL: &str = "email characters";
pub const SMS: &str = "SMS characters";
pub const ADM: &str = "ADM characters";
pub const APNS: &str = "APNs characters";
pub const FCM: &str = "FCM characters";
pub const BAIDU: &str = "Baidu characters";
/// What the description of an object type holds.
pub const KEYS: &str = "keys";
pub const EXPIRATION_DAYS: &str = "expiration days";
/// Associations whose last execution is under way.
pub const IN_PROGRESS: &str = "in progress";
/// The kind of a data integration that exports what Connect has.
pub const EXPORT: &str = "export";

/// Where a listing is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Once for the account.
    Account,
    /// Once for each Connect instance.
    Instance,
    /// Once for each resource of another listing; of those whose kind is named, where one is named.
    Each(Listing, Option<&'static str>),
}

/// What there is to know about a listing before it is asked.
#[derive(Debug, Clone, Copy)]
struct Facts {
    service: Service,
    /// As the API calls it: what is paced, granted and named in faults.
    operation: &'static str,
    place: Place,
}

const fn of_instance(operation: &'static str) -> Facts {
    Facts { service: Connect, operation, place: Place::Instance }
}

const fn of_account(service: Service, operation: &'static str) -> Facts {
    Facts { service, operation, place: Place::Account }
}

const fn of_each(service: Service, operation: &'static str, parent: Listing) -> Facts {
    Facts { service, operation, place: Place::Each(parent, None) }
}

const fn of_kind(service: Service, operation: &'static str, parent: Listing, kind: &'static str) -> Facts {
    Facts { service, operation, place: Place::Each(parent, Some(kind)) }
}

impl Listing {
    #[rustfmt::skip]
    const fn facts(self) -> Facts {
        match self {
            Self::Users => of_instance("ListUsers"),
            Self::StandardQueues => of_instance("ListQueues"),
            Self::RoutingProfiles => of_instance("ListRoutingProfiles"),
            Self::SecurityProfiles => of_instance("ListSecurityProfiles"),
            Self::HierarchyGroups => of_instance("ListUserHierarchyGroups"),
            Self::QuickConnects => of_instance("ListQuickConnects"),
            Self::HoursOfOperation => of_instance("ListHoursOfOperations"),
            Self::Prompts => of_instance("ListPrompts"),
            Self::Flows => of_instance("ListContactFlows"),
            Self::FlowModules => of_instance("ListContactFlowModules"),
            Self::AgentStatuses => of_instance("ListAgentStatuses"),
            Self::PredefinedAttributes => of_instance("ListPredefinedAttributes"),
            Self::LambdaFunctions => of_instance("ListLambdaFunctions"),
            Self::LexV1Bots => of_instance("ListLexBots"),
            Self::LexV2Bots => of_instance("ListBots"),
            Self::DataTables => of_instance("SearchDataTables"),
            Self::EmailAddresses => of_instance("SearchEmailAddresses"),
            Self::Workspaces => of_instance("SearchWorkspaces"),
            Self::Notifications => of_instance("SearchNotifications"),
            Self::Integrations => of_instance("ListIntegrationAssociations"),
            Self::TaskTemplates => of_instance("ListTaskTemplates"),
            Self::ApprovedOrigins => of_instance("ListApprovedOrigins"),
            Self::EvaluationForms => of_instance("ListEvaluationForms"),
            Self::Rules => of_instance("ListRules"),
            Self::Vocabularies => of_instance("SearchVocabularies"),
            Self::HoursParents => of_instance("SearchHoursOfOperations"),
            Self::CustomMetrics => of_instance("ListMetrics"),
            Self::SecurityKeys => of_instance("ListSecurityKeys"),
            Self::LimitedQueues => of_instance("SearchQueues"),
            Self::RoutingProfilesFound => of_instance("SearchRoutingProfiles"),
            Self::HoursOverrides => of_instance("SearchHoursOfOperationOverrides"),
            Self::RoutingProfilePairs => of_each(Connect, "ListRoutingProfileQueues", Self::RoutingProfilesFound),
            Self::ManualAssignmentPairs => of_each(Connect, "ListRoutingProfileManualAssignmentQueues", Self::RoutingProfilesFound),
            Self::FormVersions => of_each(Connect, "ListEvaluationFormVersions", Self::EvaluationForms),
            Self::Proficiencies => of_each(Connect, "ListUserProficiencies", Self::Users),
            Self::QueueEmailAddresses => of_each(Connect, "ListQueueEmailAddresses", Self::StandardQueues),
            Self::QueueQuickConnects => of_each(Connect, "ListQueueQuickConnects", Self::StandardQueues),
            Self::DataTableAttributes => of_each(Connect, "ListDataTableAttributes", Self::DataTables),
            Self::DataTableValues => of_each(Connect, "ListDataTableValues", Self::DataTables),
            Self::TaskTemplateFields => of_each(Connect, "GetTaskTemplate", Self::TaskTemplates),
            Self::PhoneNumbers => of_account(Connect, "ListPhoneNumbersV2"),
            Self::TrafficGroups => of_account(Connect, "ListTrafficDistributionGroups"),
            Self::Replicas => of_account(Connect, "DescribeInstance"),
            Self::CasesDomains => of_account(Cases, "ListDomains"),
            Self::CasesFields => of_each(Cases, "ListFields", Self::CasesDomains),
            Self::CasesTemplates => of_each(Cases, "ListTemplates", Self::CasesDomains),
            Self::CasesLayouts => of_each(Cases, "ListLayouts", Self::CasesDomains),
            Self::CaseRules => of_each(Cases, "ListCaseRules", Self::CasesDomains),
            Self::CasesFieldOptions => of_kind(Cases, "ListFieldOptions", Self::CasesFields, "SingleSelect"),
            Self::CasesLayoutFields => of_each(Cases, "GetLayout", Self::CasesLayouts),
            Self::CasesTemplateRules => of_each(Cases, "GetTemplate", Self::CasesTemplates),
            Self::CasesRuleValues => of_kind(Cases, "BatchGetCaseRule", Self::CaseRules, "FieldOptions"),
            Self::ProfileDomains => of_account(Profile, "ListDomains"),
            Self::ObjectTypes => of_each(Profile, "ListProfileObjectTypes", Self::ProfileDomains),
            Self::DomainObjectTypes => of_each(Profile, "ListDomainObjectTypes", Self::ProfileDomains),
            Self::ProfileIntegrations => of_each(Profile, "ListIntegrations", Self::ProfileDomains),
            Self::EventTriggers => of_each(Profile, "ListEventTriggers", Self::ProfileDomains),
            Self::EventStreams => of_each(Profile, "ListEventStreams", Self::ProfileDomains),
            Self::CalculatedAttributes => of_each(Profile, "ListCalculatedAttributeDefinitions", Self::ProfileDomains),
            Self::Recommenders => of_each(Profile, "ListRecommenders", Self::ProfileDomains),
            Self::RecommenderFilters => of_each(Profile, "ListRecommenderFilters", Self::ProfileDomains),
            Self::RecommenderSchemas => of_each(Profile, "ListRecommenderSchemas", Self::ProfileDomains),
            Self::ObjectTypeKeys => of_each(Profile, "GetProfileObjectType", Self::ObjectTypes),
            Self::ProfileSettings => of_each(Profile, "GetDomain", Self::ProfileDomains),
            Self::Assistants => of_account(Wisdom, "ListAssistants"),
            Self::KnowledgeBases => of_account(Wisdom, "ListKnowledgeBases"),
            Self::AssistantAssociations => of_each(Wisdom, "ListAssistantAssociations", Self::Assistants),
            Self::Contents => of_each(Wisdom, "ListContents", Self::KnowledgeBases),
            Self::MessageTemplates => of_kind(Wisdom, "ListMessageTemplates", Self::KnowledgeBases, "MESSAGE_TEMPLATES"),
            Self::QuickResponses => of_kind(Wisdom, "ListQuickResponses", Self::KnowledgeBases, "QUICK_RESPONSES"),
            Self::MessageTemplateVersions => of_each(Wisdom, "ListMessageTemplateVersions", Self::MessageTemplates),
            Self::MessageTemplateDetails => of_each(Wisdom, "GetMessageTemplate", Self::MessageTemplates),
            Self::DataIntegrations => of_account(AppIntegrations, "ListDataIntegrations"),
            Self::EventIntegrations => of_account(AppIntegrations, "ListEventIntegrations"),
            Self::Applications => of_account(AppIntegrations, "ListApplications"),
            Self::DataIntegrationAssociations => of_each(AppIntegrations, "ListDataIntegrationAssociations", Self::DataIntegrations),
            Self::EventIntegrationAssociations => of_each(AppIntegrations, "ListEventIntegrationAssociations", Self::EventIntegrations),
            Self::Campaigns => of_account(Campaigns, "ListCampaigns"),
            Self::ActiveCampaigns => of_account(Campaigns, "GetCampaignStateBatch"),
        }
    }

    #[must_use]
    pub const fn service(self) -> Service {
        self.facts().service
    }

    #[must_use]
    pub const fn operation(self) -> &'static str {
        self.facts().operation
    }

    #[must_use]
    pub const fn place(self) -> Place {
        self.facts().place
    }

    /// The listing whose resources this one visits.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self.place() {
            Place::Each(parent, _) => Some(parent),
            Place::Account | Place::Instance => None,
        }
    }

    /// The outermost listing, whose resources hold all that this one counts.
    #[must_use]
    pub fn root(self) -> Self {
        self.parent().map_or(self, Self::root)
    }

    /// This listing, after those whose resources it visits, the outermost first.
    #[must_use]
    pub fn chain(self) -> Vec<Self> {
        let mut chain = self.parent().map_or_else(Vec::new, Self::chain);
        chain.push(self);
        chain
    }

    /// `service:Operation`: how a fault, a grant and a row's source name it.
    #[must_use]
    pub fn qualified(self) -> String {
        format!("{}:{}", self.service().code(), self.operation())
    }

    /// The listing that names the groups of this one, whose items tell their id only.
    #[must_use]
    pub const fn names(self) -> Option<Self> {
        match self {
            Self::HoursOverrides => Some(Self::HoursOfOperation),
            _ => None,
        }
    }

    /// The listing without whose answer this one's cannot be read: it is asked before, though it visits nothing of it.
    #[must_use]
    pub const fn rests_on(self) -> Option<Self> {
        match self {
            Self::ActiveCampaigns => Some(Self::Campaigns),
            Self::Replicas => Some(Self::TrafficGroups),
            _ => None,
        }
    }

    /// True where the count comes from a search index, which lags behind and which AWS itself calls
    /// approximate (`ApproximateTotalCount`).
    #[must_use]
    pub const fn is_approximate(self) -> bool {
        matches!(
            self,
            Self::DataTables
                | Self::EmailAddresses
                | Self::Workspaces
                | Self::Notifications
                | Self::RoutingProfilesFound
                | Self::HoursOverrides
                | Self::HoursParents
        )
    }
}
