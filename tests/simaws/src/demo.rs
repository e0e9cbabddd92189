//! The account that the demo shows: three contact centers, each with its own kind of trouble.

use crate::text::unix_now;
use crate::world::{Instance, World};
use crate::{Bucket, Table, Throttle};

const USERS: &str = "L-9A46857E";
const QUEUES: &str = "L-19A87C94";
const PHONE_NUMBERS: &str = "L-8F812903";
const CONCURRENT_CALLS: &str = "L-12AB7C57";
const CONCURRENT_CHATS: &str = "L-D4BA6F6E";
const CAMPAIGN_CALLS: &str = "L-E908C3A1";
const INSTANCES: &str = "L-AA17A6B9";

const BIG: &[(&str, u64)] = &[
    ("ListUsers", 1_200),
    ("ListQueues", 40),
    ("ListRoutingProfiles", 38),
    ("ListSecurityProfiles", 14),
    ("ListUserHierarchyGroups", 61),
    ("ListQuickConnects", 58),
    ("ListHoursOfOperations", 12),
    ("ListPrompts", 184),
    ("ListContactFlows", 147),
    ("ListContactFlowModules", 31),
    ("ListAgentStatuses", 11),
    ("ListPredefinedAttributes", 24),
    ("ListLambdaFunctions", 42),
    ("ListLexBots", 3),
    ("ListBots", 9),
    ("ListDataTables", 6),
    ("SearchEmailAddresses", 17),
    ("ListWorkspaces", 4),
    ("ListNotifications", 2),
    ("ListTaskTemplates", 8),
    ("ListApprovedOrigins", 5),
    ("ListEvaluationForms", 22),
    ("SearchVocabularies", 2),
];

const MEDIUM: &[(&str, u64)] = &[
    ("ListUsers", 310),
    ("ListQueues", 22),
    ("ListRoutingProfiles", 17),
    ("ListSecurityProfiles", 9),
    ("ListUserHierarchyGroups", 12),
    ("ListQuickConnects", 26),
    ("ListHoursOfOperations", 5),
    ("ListPrompts", 61),
    ("ListContactFlows", 58),
    ("ListContactFlowModules", 9),
    ("ListAgentStatuses", 6),
    ("ListPredefinedAttributes", 8),
    ("ListLambdaFunctions", 14),
    ("ListBots", 3),
    ("ListDataTables", 1),
    ("SearchEmailAddresses", 4),
    ("ListTaskTemplates", 2),
    ("ListApprovedOrigins", 2),
    ("ListEvaluationForms", 5),
];

/// What a new instance comes with, and a first agent.
const SMALL: &[(&str, u64)] = &[
    ("ListUsers", 3),
    ("ListQueues", 1),
    ("ListRoutingProfiles", 1),
    ("ListSecurityProfiles", 4),
    ("ListHoursOfOperations", 1),
    ("ListPrompts", 11),
    ("ListContactFlows", 19),
    ("ListAgentStatuses", 2),
    ("ListPredefinedAttributes", 4),
];

fn filled(number: u32, alias: &str, counts: &[(&str, u64)]) -> Instance {
    let mut instance = Instance::new(number, alias);
    for (operation, count) in counts {
        instance.set(operation, *count);
    }
    instance.agent_queues = instance.count("ListUsers");
    instance
}

impl Instance {
    /// What stands below the items of a large instance.
    fn add_children(&mut self) {
        for profile in 0..self.count("ListRoutingProfiles") {
            self.set_children("NumberOfAssociatedQueues", profile, 1 + profile % 12);
            self.set_children("NumberOfAssociatedUsers", profile, profile % 40);
        }
        self.set_children("NumberOfAssociatedQueues", 7, 31);
        self.set_children("ListQueueEmailAddresses", 2, 3).set_children("ListQueueQuickConnects", 0, 26);
        self.set_children("ListUserProficiencies", 0, 4).set_children("GetTaskTemplate", 0, 12);
        self.set_children("ListDataTableAttributes", 0, 14).set_children("Primary", 0, 2);
        self.set_children("ListDataTableValues", 0, 360);
        self.set_children("SearchHoursOfOperationOverrides", 0, 11);
        self.set_children("MaxContacts", 0, 200).set_children("MaxContacts", 4, 25);
    }
}

impl World {
    /// [`demo_at`](Self::demo_at) this moment.
    #[must_use]
    pub fn demo() -> Self {
        Self::demo_at(unix_now())
    }

    /// Three instances of realistic sizes, with a case domain near its limit of fields and a little of
    /// every other companion service, with CloudWatch data of the hour before this Unix time, and
    /// a bucket `quota-history`, a table `quota-snapshots` and a topic `quota-alerts`.
    #[must_use]
    pub fn demo_at(now: i64) -> Self {
        let mut world = Self::empty();
        world.throttle = Throttle::Shared;
        world.metrics.now = Some(now);
        world.buckets.insert("quota-history".to_owned(), Bucket::default());
        world.tables.insert("quota-snapshots".to_owned(), Table::new("subject", "timestamp"));
        world.add_topic("quota-alerts");

        let mut big = filled(1, "acme-support", BIG);
        big.phone_numbers = 46;
        big.tdg_phone_numbers = 2;
        big.integrate("EVENT", 3).integrate("APPLICATION", 4);
        big.integrate("WISDOM_KNOWLEDGE_BASE", 2);
        big.rules.insert("OnPostCallAnalysisAvailable".to_owned(), 31);
        big.rules.insert("OnMetricDataUpdate".to_owned(), 12);
        let mut medium = filled(2, "acme-sales", MEDIUM);
        medium.phone_numbers = 4;
        medium.archived_flows = 6;
        medium.integrate("EVENT", 1).integrate("APPLICATION", 1);
        medium.rules.insert("OnPostCallAnalysisAvailable".to_owned(), 6);
        let mut small = filled(3, "acme-sandbox", SMALL);
        small.phone_numbers = 1;

        big.add_children();
        medium.set_children("NumberOfAssociatedQueues", 0, 18).set_children("ListUserProficiencies", 0, 2);
        world.add_companions(&mut big, &medium);

        let (big_arn, medium_arn) = (big.arn(&world), medium.arn(&world));
        world.quotas.set_account(INSTANCES, 5.0);
        world.quotas.set_instance(USERS, &big_arn, 2_000.0);
        world.quotas.set_instance(PHONE_NUMBERS, &big_arn, 60.0);
        world.quotas.set_instance(CONCURRENT_CALLS, &big_arn, 500.0);
        world.quotas.set_instance(CONCURRENT_CHATS, &big_arn, 800.0);
        world.quotas.set_instance(CAMPAIGN_CALLS, &big_arn, 150.0);
        world.quotas.set_instance(QUEUES, &medium_arn, 150.0);
        world.quotas.set_instance(CONCURRENT_CALLS, &medium_arn, 100.0);

        world.publish_gauges(
            &big.id,
            now,
            [
                (362.0, "ConcurrentCalls"),
                (212.0, "ConcurrentActiveChats"),
                (140.0, "ConcurrentTasks"),
                (35.0, "ConcurrentEmails"),
            ],
        );
        // Outbound campaigns dial, and a small queue is full and turns callers away.
        let campaigns = [("InstanceId", big.id.as_str()), ("MetricGroup", "VoiceCalls")];
        let queue = |name| [("InstanceId", big.id.as_str()), ("MetricGroup", "Queue"), ("QueueName", name)];
        for ago in 0..60 {
            let (at, busy) = (now - ago * 60, if (15..40).contains(&ago) { 1.0 } else { 0.5 });
            world.metrics.put("AWS/Connect", "ConcurrentHighVolumeCalls", &campaigns, at, 104.0 * busy);
            world.metrics.put("AWS/Connect", "QueueSize", &queue("Queue 1"), at, 62.0 * busy);
            world.metrics.put("AWS/Connect", "QueueSize", &queue("Queue 5"), at, (25.0 * busy).round());
        }
        world.metrics.put("AWS/Connect", "QueueCapacityExceededError", &queue("Queue 5"), now - 22 * 60, 9.0);
        world.publish_gauges(
            &medium.id,
            now,
            [
                (62.0, "ConcurrentCalls"),
                (18.0, "ConcurrentActiveChats"),
                (9.0, "ConcurrentTasks"),
                (0.0, "ConcurrentEmails"),
            ],
        );
        let voice = [("InstanceId", medium.id.as_str()), ("MetricGroup", "VoiceCalls")];
        world.metrics.put("AWS/Connect", "ThrottledCalls", &voice, now - 20 * 60, 3.0);
        for (operation, ordinary, busiest) in [
            ("GetMetricDataV2", 180.0, 570.0),
            ("StartChatContact", 60.0, 276.0),
            ("GetCurrentMetricData", 20.0, 96.0),
            ("DescribeContact", 45.0, 130.0),
            ("ListUsers", 2.0, 9.0),
        ] {
            world.publish_calls(operation, now, ordinary, busiest);
        }
        world.instances.extend([big, medium, small]);
        world
    }

    /// A little at every companion service. Case domain and assistant belong to the first instance.
    fn add_companions(&mut self, first: &mut Instance, second: &Instance) {
        let domain = self.add("cases", "ListDomains", "acme-support-cases");
        domain.add("ListFields", 430).add("ListTemplates", 14).add("ListLayouts", 16).add("ListCaseRules", 22);
        domain.child("ListFields", 0).set("type", "SingleSelect").add("ListFieldOptions", 64);
        domain.child("ListLayouts", 0).add("GetLayout", 41);
        domain.child("ListTemplates", 0).add("GetTemplate", 3);
        let rule = domain.child("ListCaseRules", 0).set("ruleType", "FieldOptions").add("BatchGetCaseRule", 6);
        rule.child("BatchGetCaseRule", 0).add("childFieldOptionValues", 9);
        first.associate("CASES_DOMAIN", &self.arn_of("cases", "ListDomains", 0));

        let domain = self.add("profile", "ListDomains", "acme-customers");
        domain.add("ListProfileObjectTypes", 12).add("ListIntegrations", 4).add("ListEventTriggers", 2);
        domain.add("ListCalculatedAttributeDefinitions", 18);
        domain.child("ListProfileObjectTypes", 0).add("GetProfileObjectType", 5);

        self.add("wisdom", "ListAssistants", "acme-assistant").add("ListAssistantAssociations", 2);
        first.associate("WISDOM_ASSISTANT", &self.arn_of("wisdom", "ListAssistants", 0));
        self.add("wisdom", "ListKnowledgeBases", "acme-articles").add("ListContents", 840);
        let base = self.add("wisdom", "ListKnowledgeBases", "acme-templates");
        let base = base.set("knowledgeBaseType", "MESSAGE_TEMPLATES").add("ListMessageTemplates", 36);
        base.child("ListMessageTemplates", 0).add("ListMessageTemplateVersions", 7).add("GetMessageTemplate", 2);

        let integrations = "app-integrations";
        self.add_many(integrations, "ListDataIntegrations", 2).add_many(integrations, "ListEventIntegrations", 3);
        self.add_many(integrations, "ListApplications", 11);
        self.resource(integrations, "ListDataIntegrations", 0).add("ListDataIntegrationAssociations", 1);
        self.resource(integrations, "ListEventIntegrations", 0).add("ListEventIntegrationAssociations", 3);

        for (place, (instance, state)) in
            [(&*first, "Running"), (&*first, "Paused"), (&*first, "Completed"), (second, "Running")].iter().enumerate()
        {
            let campaign = self.add("connect-campaigns", "ListCampaigns", &format!("Campaign {}", place + 1));
            campaign.set("connectInstanceId", instance.id.as_str()).set("state", *state);
        }
    }

    /// An hour of gauges that rise to their peak 20 minutes ago and fall again.
    fn publish_gauges(&mut self, instance_id: &str, now: i64, peaks: [(f64, &str); 4]) {
        for (peak, name) in peaks {
            let (group, minutes) = match name {
                "ConcurrentCalls" => ("VoiceCalls", 1),
                "ConcurrentActiveChats" => ("Chats", 1),
                "ConcurrentTasks" => ("Tasks", 5),
                _ => ("Email", 5),
            };
            let dimensions = [("InstanceId", instance_id), ("MetricGroup", group)];
            for ago in (0..60).filter(|ago| ago % minutes == 0) {
                let value = (peak * (1.0 - f64::from((ago - 20_i32).abs()) / 60.0)).round();
                // Without activity Connect publishes nothing, rather than zero.
                if value > 0.0 {
                    self.metrics.put("AWS/Connect", name, &dimensions, now - i64::from(ago) * 60, value);
                }
            }
        }
    }

    /// An hour of calls of one operation, with one busy minute 17 minutes ago.
    fn publish_calls(&mut self, operation: &str, now: i64, ordinary: f64, busiest: f64) {
        let dimensions = [("Type", "API"), ("Resource", operation), ("Service", "Connect"), ("Class", "None")];
        for ago in 0..60 {
            let calls = if ago == 17 { busiest } else { ordinary };
            self.metrics.put("AWS/Usage", "CallCount", &dimensions, now - ago * 60, calls);
        }
    }
}
