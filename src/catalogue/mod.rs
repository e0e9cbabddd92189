//! The quotas the monitor knows: one line each, in [`quotas`] and [`rates`].
//!
//! A line says what a quota is called, what it counts against, and how its usage is measured. Nothing
//! else in the program lists quotas: collection, documentation and permissions follow from here.
//! Codes, names and defaults are those of the Service Quotas catalogue; where AWS documents a quota
//! that Service Quotas does not list, the code is [`NO_CODE`], because a code is never invented.

mod quotas;
mod rates;

use crate::model::{NO_CODE, QuotaId, Scope};

/// The Service Quotas service code of Amazon Connect.
pub const CONNECT: &str = "connect";

/// One quota: a line of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    pub code: &'static str,
    pub name: &'static str,
    pub category: Category,
    pub scope: Scope,
    /// AWS's documented default, used only where Service Quotas lists no value at all.
    pub default: Option<f64>,
    pub meter: Meter,
    /// A doubt that the reader of the number must know.
    pub note: Option<&'static str>,
}

impl Quota {
    const fn new(
        code: &'static str,
        name: &'static str,
        category: Category,
        scope: Scope,
        default: Option<f64>,
        meter: Meter,
    ) -> Self {
        Self { code, name, category, scope, default, meter, note: None }
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    /// True where Service Quotas lists the quota, so that an applied value can exist.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.code != NO_CODE
    }

    #[must_use]
    pub fn id(&self) -> QuotaId {
        QuotaId {
            code: self.code.to_owned(),
            name: self.name.to_owned(),
            service: CONNECT.to_owned(),
            category: self.category.as_str().to_owned(),
            scope: self.scope,
        }
    }
}

/// The groups in which the field speaks of these quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Core,
    ContactHandling,
    Routing,
    Integrations,
    Cases,
    Knowledge,
    Campaigns,
    Forecasting,
    Reporting,
    ContactLens,
    ApiRates,
    VoiceId,
}

impl Category {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::ContactHandling => "contact handling",
            Self::Routing => "routing",
            Self::Integrations => "integrations",
            Self::Cases => "cases",
            Self::Knowledge => "AI agents and knowledge",
            Self::Campaigns => "campaigns",
            Self::Forecasting => "forecasting and scheduling",
            Self::Reporting => "reporting",
            Self::ContactLens => "Contact Lens",
            Self::ApiRates => "API rates",
            Self::VoiceId => "Voice ID (retired)",
        }
    }
}

/// How a quota's usage is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meter {
    /// The instances that `ListInstances` returns, without those whose creation failed.
    Instances,
    /// All items of a listing.
    Count(Listing),
    /// The items of a listing that belong to one group (an integration type).
    CountIn(Listing, &'static str),
    /// The fullest group of a listing; groups named here have a limit of their own.
    WorstGroup(Listing, &'static [(&'static str, f64)]),
    /// Distinct identities in one group of a listing, over all instances of the account.
    DistinctIn(Listing, &'static str),
    /// Phone numbers claimed to the instance; one listing serves every instance.
    PhoneNumbers,
    /// The highest datapoint of an AWS/Connect concurrency metric.
    Gauge(Gauge),
    /// Calls of the busiest minute, from the metric that Service Quotas names.
    Rate,
    /// AWS offers no way; the text says why.
    NotMeasurable(&'static str),
}

impl Meter {
    /// How the number was obtained, as a snapshot's row says it. Empty where it cannot be.
    #[must_use]
    pub fn source(self) -> String {
        match self {
            Self::Instances => "connect:ListInstances".to_owned(),
            Self::PhoneNumbers => "connect:ListPhoneNumbersV2".to_owned(),
            Self::Count(l) | Self::CountIn(l, _) | Self::WorstGroup(l, _) | Self::DistinctIn(l, _) => {
                format!("connect:{}", l.operation())
            }
            Self::Gauge(g) => format!("AWS/Connect {} Maximum", g.metric().name),
            Self::Rate => "AWS/Usage CallCount peak minute".to_owned(),
            Self::NotMeasurable(_) => String::new(),
        }
    }
}

/// A listing of one instance's resources. Each is asked once per instance and run, whatever number
/// of quotas it serves.
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
}

impl Listing {
    /// The operation's name in the Connect API: what is paced, granted and named in faults.
    #[must_use]
    pub fn operation(self) -> &'static str {
        match self {
            Self::Users => "ListUsers",
            Self::StandardQueues => "ListQueues",
            Self::RoutingProfiles => "ListRoutingProfiles",
            Self::SecurityProfiles => "ListSecurityProfiles",
            Self::HierarchyGroups => "ListUserHierarchyGroups",
            Self::QuickConnects => "ListQuickConnects",
            Self::HoursOfOperation => "ListHoursOfOperations",
            Self::Prompts => "ListPrompts",
            Self::Flows => "ListContactFlows",
            Self::FlowModules => "ListContactFlowModules",
            Self::AgentStatuses => "ListAgentStatuses",
            Self::PredefinedAttributes => "ListPredefinedAttributes",
            Self::LambdaFunctions => "ListLambdaFunctions",
            Self::LexV1Bots => "ListLexBots",
            Self::LexV2Bots => "ListBots",
            Self::DataTables => "SearchDataTables",
            Self::EmailAddresses => "SearchEmailAddresses",
            Self::Workspaces => "SearchWorkspaces",
            Self::Notifications => "SearchNotifications",
            Self::Integrations => "ListIntegrationAssociations",
            Self::TaskTemplates => "ListTaskTemplates",
            Self::ApprovedOrigins => "ListApprovedOrigins",
            Self::EvaluationForms => "ListEvaluationForms",
            Self::Rules => "ListRules",
            Self::Vocabularies => "SearchVocabularies",
        }
    }

    /// True where the count comes from a search index, which lags behind and which AWS itself calls
    /// approximate (`ApproximateTotalCount`).
    #[must_use]
    pub fn is_approximate(self) -> bool {
        matches!(self, Self::DataTables | Self::EmailAddresses | Self::Workspaces | Self::Notifications)
    }
}

/// A concurrency metric in AWS/Connect, published only while there is activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gauge {
    Calls,
    Chats,
    Tasks,
    Emails,
}

/// The CloudWatch names of a gauge; dimensions are `InstanceId` and `MetricGroup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaugeMetric {
    pub name: &'static str,
    pub metric_group: &'static str,
    /// Seconds between datapoints, which is the period to ask for.
    pub period: i32,
    /// Counters of what AWS rejected because of the quota (statistic Sum).
    pub breaches: &'static [&'static str],
}

impl Gauge {
    #[must_use]
    pub const fn metric(self) -> GaugeMetric {
        match self {
            Self::Calls => GaugeMetric {
                name: "ConcurrentCalls",
                metric_group: "VoiceCalls",
                period: 60,
                breaches: &["CallsBreachingConcurrencyQuota", "ThrottledCalls"],
            },
            Self::Chats => GaugeMetric {
                name: "ConcurrentActiveChats",
                metric_group: "Chats",
                period: 60,
                breaches: &["ChatsBreachingActiveChatQuota"],
            },
            // Tasks and emails are published every five minutes.
            Self::Tasks => GaugeMetric {
                name: "ConcurrentTasks",
                metric_group: "Tasks",
                period: 300,
                breaches: &["TasksBreachingConcurrencyQuota"],
            },
            Self::Emails => GaugeMetric { name: "ConcurrentEmails", metric_group: "Email", period: 300, breaches: &[] },
        }
    }
}

/// Every quota of the catalogue.
pub fn all() -> impl Iterator<Item = &'static Quota> {
    quotas::QUOTAS.iter().chain(rates::RATES)
}

/// The quotas whose rows stand in an instance's snapshot.
pub fn per_instance() -> impl Iterator<Item = &'static Quota> {
    all().filter(|q| q.scope != Scope::Account)
}

/// The quotas whose rows stand in the account's snapshot.
pub fn per_account() -> impl Iterator<Item = &'static Quota> {
    all().filter(|q| q.scope == Scope::Account)
}

/// Rates that AWS's documentation warns about: Service Quotas may show 200 for them, whatever the
/// real limit. Source: "Amazon Connect service quotas", API throttling quotas.
pub const RATES_SHOWN_AS_200: &[&str] = &["GetCurrentMetricData", "GetMetricDataV2", "GetCurrentUserData"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_have_the_service_quotas_form_and_are_unique() {
        let mut seen = BTreeSet::new();
        for quota in all() {
            assert!(seen.insert(quota.id().key().to_owned()), "{} stands twice", quota.name);
            if quota.is_listed() {
                let hex = quota.code.strip_prefix("L-").unwrap_or_default();
                assert!(
                    hex.len() == 8 && hex.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)),
                    "{} is no Service Quotas code",
                    quota.code
                );
            }
        }
    }

    #[test]
    fn every_rate_quota_of_the_connect_api_is_there() {
        assert_eq!(all().filter(|q| q.meter == Meter::Rate).count(), 283);
    }

    #[test]
    fn every_listing_serves_a_quota() {
        let used: BTreeSet<&str> = all()
            .filter_map(|q| match q.meter {
                Meter::Count(l) | Meter::CountIn(l, _) | Meter::WorstGroup(l, _) | Meter::DistinctIn(l, _) => {
                    Some(l.operation())
                }
                _ => None,
            })
            .collect();
        assert_eq!(used.len(), 25);
    }

    #[test]
    fn a_quota_that_cannot_be_measured_says_why() {
        for quota in all() {
            if let Meter::NotMeasurable(reason) = quota.meter {
                assert!(reason.len() > 20, "{} gives no reason", quota.name);
            }
        }
    }
}
