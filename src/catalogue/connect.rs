//! Resource counts and concurrency: one line per quota of Amazon Connect.
//!
//! Columns: code, name as Service Quotas or the admin guide spells it, category, scope, AWS's default
//! (`None` where AWS publishes none), how it is measured.

#![allow(clippy::enum_glob_use, reason = "a line of the table reads better without paths")]

use super::Category::{
    Campaigns, Cases, ContactHandling, ContactLens, Core, Forecasting, Knowledge, Reporting, Routing, VoiceId,
};
use super::Gauge::{Calls, CampaignCalls, Chats, Emails, Tasks};
use super::Listing::*;
use super::Meter::*;
use super::{Category, Quota, Trailed};
use crate::domain::NO_CODE;
use crate::domain::Scope::{Account, Instance, Resource};

const WORKFORCE: &str = "the public Connect API has no operation that lists forecasting, capacity planning or scheduling resources; some of them are in the analytics data lake, where an account shares it";
const MEGABYTES: &str = "AWS documents the default in megabytes";
const GIGABYTES: &str = "AWS documents the default in gigabytes";
const REPORTS: &str = "the public Connect API has no operation that lists saved or scheduled reports";
const NO_METRIC: &str = "no public metric or operation counts these sessions";
const ANALYTICS_JOBS: &str = "Contact Lens publishes no metric and no operation for its concurrent jobs";
const AGENT_QUEUES: &str = "AWS/Connect QueueSize is documented for queues, not for agents' own queues";
const PARTICIPANT: &str = "Service Quotas lists no quota for the Participant Service (2 to 10 calls a second per instance), and no usage metric is documented";
const LENS_RATE: &str =
    "documented at 1 call a second (V2: 2), but not listed by Service Quotas, and without a usage metric";

#[rustfmt::skip]
pub(super) const QUOTAS: &[Quota] = &[
    Quota::new("L-AA17A6B9", "Amazon Connect instance count", Core, Account, Some(2.0), Instances),
    Quota::new("L-9A46857E", "Users per instance", Core, Instance, Some(500.0), Count(Users)),
    Quota::new("L-19A87C94", "Queues per instance", Routing, Instance, Some(100.0), Count(StandardQueues)),
    Quota::new("L-D3E7BE26", "Routing profiles per instance", Routing, Instance, Some(500.0), Count(RoutingProfiles)),
    Quota::new("L-F325A715", "Security profiles per instance", Core, Instance, Some(100.0), Count(SecurityProfiles))
        .note("AWS does not say whether the four built-in profiles count: all are counted"),
    Quota::new("L-D68AAAE4", "User hierarchy groups per instance", Core, Instance, Some(500.0), Count(HierarchyGroups)),
    Quota::new("L-68BBE2E8", "Quick connects per instance", Routing, Instance, Some(100.0), Count(QuickConnects)),
    Quota::new("L-20CD02F7", "Hours of operation per instance", Routing, Instance, Some(100.0), Count(HoursOfOperation)),
    Quota::new("L-0865B754", "Prompts per instance", ContactHandling, Instance, Some(500.0), Count(Prompts)),
    Quota::new("L-22922690", "Contact flows per instance", ContactHandling, Instance, Some(100.0), Count(Flows))
        .note("AWS does not say whether archived flows count: all are counted"),
    Quota::new("L-19755C7E", "Flow modules per instance", ContactHandling, Instance, Some(200.0), Count(FlowModules))
        .note("AWS does not say whether archived modules count: all are counted"),
    Quota::new("L-8F812903", "Phone numbers per instance", Core, Instance, Some(5.0), OfInstance(PhoneNumbers)),
    Quota::new("L-D945C9A8", "Agent status per instance", Routing, Instance, Some(50.0), Count(AgentStatuses))
        .note("AWS does not say whether the built-in statuses count: all are counted"),
    Quota::new("L-3828FBF0", "Predefined Attributes", Routing, Instance, Some(150.0), Count(PredefinedAttributes))
        .note("whether AWS's own attributes (connect:Language ...) count is not documented: all that are listed are counted"),
    Quota::new("L-E3D2F503", "AWS Lambda functions per instance", Category::Integrations, Instance, Some(50.0), Count(LambdaFunctions)),
    Quota::new("L-B93A6612", "Amazon Lex bots per instance", Category::Integrations, Instance, Some(70.0), CountWithDistinct(LexV1Bots, LexV2Bots))
        .note("Lex V1 bots and the distinct V2 bots; whether V2 bots count here too is not documented"),
    Quota::new("L-CCEA7427", "Amazon Lex V2 bot aliases per instance", Category::Integrations, Instance, Some(100.0), Count(LexV2Bots)),
    Quota::new("L-D492D362", "Data tables per instance", ContactHandling, Instance, Some(100.0), Count(DataTables)),
    Quota::new("L-F4C86B27", "Email addresses per instance", ContactHandling, Instance, Some(100.0), Count(EmailAddresses)),
    Quota::new("L-6402A996", "Workspaces per instance", Core, Instance, Some(20.0), Count(Workspaces)),
    Quota::new("L-DFA239E1", "Notifications per instance", Core, Instance, None, Count(Notifications)),
    Quota::new("L-FC6A5030", "Application integration associations per instance", Category::Integrations, Instance, None, CountIn(Integrations, "APPLICATION")),
    Quota::new("L-790F20B4", "Event integration associations per instance", Category::Integrations, Instance, Some(10.0), CountIn(Integrations, "EVENT")),
    Quota::new("L-FFE16A0F", "Connect AI agent assistant integration associations per instance", Knowledge, Instance, Some(1.0), CountIn(Integrations, "WISDOM_ASSISTANT")).single(),
    Quota::new("L-2D7CA70C", "Connect AI agent knowledge base integration associations per instance", Knowledge, Instance, Some(10.0), CountIn(Integrations, "WISDOM_KNOWLEDGE_BASE")),
    Quota::new("L-C8F22860", "Connect AI agent quick responses integration associations per instance", Knowledge, Instance, None, CountIn(Integrations, "WISDOM_QUICK_RESPONSES")),
    Quota::new("L-D55E707F", "Connect AI agent message templates integration associations per instance", Knowledge, Instance, None, CountIn(Integrations, "Q_MESSAGE_TEMPLATES")),
    Quota::new("L-0AA82C05", "Cases domain integration associations per instance", Cases, Instance, Some(1.0), CountIn(Integrations, "CASES_DOMAIN")).single(),
    Quota::new("L-C7548958", "Amazon Pinpoint application integration associations per instance", Campaigns, Instance, Some(1.0), CountIn(Integrations, "PINPOINT_APP")).single(),
    Quota::new("L-02421311", "File scanner integration associations per instance", Category::Integrations, Instance, Some(1.0), CountIn(Integrations, "FILE_SCANNER")).single(),
    Quota::new("L-A0E2082D", "Voice ID integration associations per instance", VoiceId, Instance, Some(1.0), CountIn(Integrations, "VOICE_ID")).single(),
    Quota::new("L-2BE4D75F", "External voice transfer connectors per account", Category::Integrations, Account, Some(0.0), DistinctIn(Integrations, "CALL_TRANSFER_CONNECTOR"))
        .note("lower bound: connectors that no instance uses cannot be seen"),
    Quota::new("L-C970C7E8", "Contact Lens connectors per account", ContactLens, Account, Some(0.0), DistinctIn(Integrations, "ANALYTICS_CONNECTOR"))
        .note("lower bound: connectors that no instance uses cannot be seen"),
    Quota::new("L-12AB7C57", "Concurrent active calls per instance", ContactHandling, Instance, Some(10.0), Gauge(Calls)),
    Quota::new("L-D4BA6F6E", "Concurrent active chats per instance", ContactHandling, Instance, Some(500.0), Gauge(Chats)),
    Quota::new("L-60553137", "Concurrent active tasks per instance", ContactHandling, Instance, Some(2500.0), Gauge(Tasks)),
    Quota::new("L-B117F12F", "Concurrent active emails per instance", ContactHandling, Instance, Some(1000.0), Gauge(Emails)),
    Quota::new("L-E908C3A1", "Concurrent campaign active calls per instance", Campaigns, Instance, Some(0.0), Gauge(CampaignCalls)),
    Quota::new("L-DA88F710", "Maximum active recording sessions from external voice systems per instance", ContactHandling, Instance, Some(10.0), NotMeasurable(NO_METRIC)).live(),
    Quota::new("L-79564E52", "Reports per instance", Reporting, Instance, Some(2000.0), NotMeasurable(REPORTS)),
    Quota::new("L-986AE5E3", "Scheduled reports per instance", Reporting, Instance, Some(100.0), NotMeasurable(REPORTS)),
    Quota::new("L-3233242F", "Concurrent uploads per instance", Forecasting, Instance, Some(20.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-59F577B1", "Schedules per instance", Forecasting, Instance, Some(1000.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-5CE2FEE8", "Capacity planning scenarios per instance", Forecasting, Instance, Some(500.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-62CF8E4F", "Capacity plans per instance", Forecasting, Instance, Some(500.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-64992552", "Forecast groups per instance", Forecasting, Instance, Some(500.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-77A750DD", "Historical actuals 15 or 30 minute interval aggregated file size limit", Forecasting, Instance, Some(2.0), NotMeasurable(WORKFORCE)).note(GIGABYTES),
    Quota::new("L-8FAD6E1F", "Shift activities per instance", Forecasting, Instance, Some(500.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-95B6FF15", "Historical actuals daily interval aggregated file size limit", Forecasting, Instance, Some(2.0), NotMeasurable(WORKFORCE)).note(GIGABYTES),
    Quota::new("L-97E6C50D", "Historical actuals daily interval file count", Forecasting, Instance, Some(300.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-A3079FC2", "Staffing groups per instance", Forecasting, Instance, Some(1300.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-CF8DBCAD", "Capacity plan user data uploads per instance", Forecasting, Instance, Some(500.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-E09E7401", "Forecast override uploads per instance", Forecasting, Instance, Some(500.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-E423F15D", "Shift profiles per instance", Forecasting, Instance, Some(2500.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-E4666753", "Historical actuals uploads per instance", Forecasting, Instance, None, NotMeasurable(WORKFORCE)),
    Quota::new("L-EE276EF1", "Historical actuals 15 or 30 minute interval file count", Forecasting, Instance, Some(300.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-F758F15D", "Shift rotation patterns per instance", Forecasting, Instance, Some(1300.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-F9BE2186", "Capacity plan override uploads per instance", Forecasting, Instance, Some(5000.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-516BC0EB", "Queues per routing profile per instance", Routing, Resource, Some(50.0), Bounded(RoutingProfilePairs))
        .note("pairs of queue and channel, without those of manual assignment, which have a limit of their own"),
    Quota::new("L-E10B281B", "Hours of operation overrides per instance", Routing, Resource, Some(50.0), WorstGroup(HoursOverrides, &[]))
        .note("Service Quotas words it per instance; AWS documents it per hours of operation, and so it is counted"),
    Quota::new("L-50375162", "Proficiencies per agent", Routing, Resource, Some(10.0), Worst(Proficiencies)),
    Quota::new("L-7B867368", "Additional email addresses per queue", ContactHandling, Resource, Some(49.0), Worst(QueueEmailAddresses)),
    Quota::new("L-BF789E19", "Attributes per data table", ContactHandling, Resource, Some(100.0), Worst(DataTableAttributes)),
    Quota::new("L-74395C97", "Primary attributes per data table", ContactHandling, Resource, Some(5.0), WorstIn(DataTableAttributes, "primary")),
    Quota::new("L-735CD262", "Values per data table", ContactHandling, Resource, Some(1000.0), Worst(DataTableValues))
        .note("AWS does not say whether a value is a cell or a row: every value that is listed counts"),
    Quota::new(NO_CODE, "Manual assignment queues per routing profile", Routing, Resource, Some(50.0), Bounded(ManualAssignmentPairs))
        .note("pairs of queue and channel"),
    Quota::new(NO_CODE, "Hours of operation that one inherits overrides from", Routing, Resource, Some(3.0), WorstGroup(HoursParents, &[])),
    Quota::new(NO_CODE, "Traffic distribution groups per instance", Routing, Instance, Some(8.0), OfInstance(TrafficGroups))
        .note("AWS does not say whether the default group counts: every one that is listed counts"),
    Quota::new(NO_CODE, "Replica instances", Core, Account, Some(5.0), Count(Replicas)),
    Quota::new(NO_CODE, "Security keys per instance", Core, Instance, Some(2.0), Count(SecurityKeys)),
    Quota::new(NO_CODE, "Quick connects per queue", Routing, Resource, Some(700.0), Worst(QueueQuickConnects)),
    Quota::new(NO_CODE, "Customized fields per task template", ContactHandling, Resource, Some(50.0), Worst(TaskTemplateFields))
        .note("without the fields that every template may have, such as name and description"),
    Quota::new(NO_CODE, "Contacts in a queue with a maximum", Routing, Resource, None, QueueCapacity(LimitedQueues)),
    Quota::new(NO_CODE, "Contacts in an agent queue per instance", Routing, Resource, Some(10.0), NotMeasurable(AGENT_QUEUES)).live(),
    Quota::new("L-241FA7AE", "Supervisors per staffing group", Forecasting, Resource, Some(100.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-27337576", "Demand groups per forecast group", Forecasting, Resource, Some(25.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-3A13A048", "File size per upload of capacity plan overrides", Forecasting, Resource, Some(250.0), NotMeasurable(WORKFORCE)).note(MEGABYTES),
    Quota::new("L-67F605FD", "Staffing groups per supervisor", Forecasting, Resource, Some(250.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-71DDC3F5", "Agents per schedule", Forecasting, Resource, Some(5000.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-9FF2F6AB", "Staffing groups per Forecast group", Forecasting, Resource, Some(300.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-C174EC88", "Shift activities per shift profile", Forecasting, Resource, Some(10.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-E644BA2E", "Queues per forecast group", Forecasting, Resource, Some(200.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-ECE54E5A", "Shift rotation pattern steps per shift profile", Forecasting, Resource, Some(52.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-FA1E1138", "File size per upload of forecast overrides", Forecasting, Resource, Some(250.0), NotMeasurable(WORKFORCE)).note(MEGABYTES),
    Quota::new("L-FA43E8DF", "Agents per staffing group", Forecasting, Resource, Some(350.0), NotMeasurable(WORKFORCE)),
    Quota::new("L-FBDF9277", "File size per upload of capacity plan user data", Forecasting, Resource, Some(1.0), NotMeasurable(WORKFORCE)).note(GIGABYTES),
    Quota::new("L-FF826748", "File size per upload of historical actuals", Forecasting, Resource, Some(1.0), NotMeasurable(WORKFORCE)).note(GIGABYTES),
    Quota::new(NO_CODE, "Rates of the Participant Service API per instance", Category::ApiRates, Instance, None, NotMeasurable(PARTICIPANT)),
    Quota::new(NO_CODE, "Rate of ListRealtimeContactAnalysisSegments", Category::ApiRates, Account, Some(1.0), NotMeasurable(LENS_RATE)),
    Quota::new(NO_CODE, "Task templates per instance", ContactHandling, Instance, Some(50.0), Count(TaskTemplates)),
    Quota::new(NO_CODE, "Email domains per instance", Category::Integrations, Instance, Some(100.0), CountIn(Integrations, "SES_IDENTITY"))
        .note("100 custom domains beside the instance's own; whether its own is listed is not documented, so each one listed is counted"),
    Quota::new(NO_CODE, "Approved origins per instance", Category::Integrations, Instance, Some(100.0), Count(ApprovedOrigins)),
    Quota::new(NO_CODE, "Evaluation forms per instance", ContactLens, Instance, Some(400.0), Count(EvaluationForms)),
    Quota::new(NO_CODE, "Versions per evaluation form", ContactLens, Resource, Some(50.0), Bounded(FormVersions)),
    Quota::new(NO_CODE, "Rules with a natural-language condition per event source", ContactLens, Resource, Some(100.0), WorstMarked(Rules, &[]))
        .note("AWS documents 100, 100 and 15 by event source, and which one has 15 is not known here: each is compared with 100"),
    Quota::new(NO_CODE, "Rules per event source per instance", ContactLens, Resource, Some(500.0), WorstGroup(Rules, &[("OnMetricDataUpdate", 100.0)])),
    Quota::new(NO_CODE, "Custom vocabularies", ContactLens, Instance, Some(20.0), Count(Vocabularies)),
    Quota::new(NO_CODE, "Custom metrics per instance", Reporting, Instance, Some(1000.0), Count(CustomMetrics)),
    Quota::new(NO_CODE, "Concurrent real-time calls with analytics", ContactLens, Account, Some(300.0), SumOf(Calls)).live(),
    Quota::new(NO_CODE, "Concurrent post-call analytics jobs", ContactLens, Account, Some(200.0), NotMeasurable(ANALYTICS_JOBS)).live(),
    Quota::new(NO_CODE, "Concurrent chat analytics jobs", ContactLens, Account, Some(200.0), NotMeasurable(ANALYTICS_JOBS)).live(),
    Quota::new(NO_CODE, "Concurrent automated interaction analytics jobs", ContactLens, Account, Some(20.0), NotMeasurable(ANALYTICS_JOBS)).live(),
    Quota::new(NO_CODE, "Concurrent post-contact agent conversation summary jobs", ContactLens, Account, Some(10.0), NotMeasurable(ANALYTICS_JOBS)).live(),
    Quota::new(NO_CODE, "Concurrent post-contact automated interaction summary jobs", ContactLens, Account, Some(2.0), NotMeasurable(ANALYTICS_JOBS)).live(),
    Quota::new(NO_CODE, "Concurrent after-call agent conversation summary jobs", ContactLens, Account, Some(2.0), NotMeasurable(ANALYTICS_JOBS)).live(),
    Quota::new(NO_CODE, "Instance creations and deletions per rolling 30 days", Core, Account, Some(100.0), Trail(Trailed::Instances)),
    Quota::new(NO_CODE, "Phone numbers claimed and released per 180 days", Core, Account, None, Trail(Trailed::Numbers)),
];
