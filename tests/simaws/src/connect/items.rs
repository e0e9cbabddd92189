//! The things in a listing, made from their index: 100,000 users cost nothing to hold.

use serde_json::{Value, json};

use super::kinds::{
    agent_status_type, bot_version, event_source, flow_state, flow_type, integration, queue_type, quick_connect_type,
    reads_language,
};
use crate::ids::{hash, uuid};
use crate::world::{Instance, World};

/// Whose things are made.
pub(crate) struct Maker<'a> {
    pub world: &'a World,
    pub instance: &'a Instance,
}

impl Maker<'_> {
    pub(crate) fn id(&self, kind: &str, index: u64) -> String {
        uuid(kind, &self.instance.id, index)
    }

    pub(crate) fn arn(&self, kind: &str, index: u64) -> String {
        format!("{}/{kind}/{}", self.instance.arn(self.world), self.id(kind, index))
    }

    /// Free text, with the world's marker where one is set.
    pub(crate) fn text(&self, text: &str) -> String {
        match &self.world.marker {
            Some(marker) => format!("{text} {marker}"),
            None => text.to_owned(),
        }
    }

    /// As [`text`](Self::text), where blanks are not allowed.
    fn word(&self, text: &str) -> String {
        self.text(text).replace(' ', "-")
    }

    pub(crate) fn modified(&self, index: u64) -> u64 {
        1_700_000_000 + hash((&self.instance.id, index)) % 50_000_000
    }

    /// What most summaries consist of.
    fn summary(&self, kind: &str, label: &str, index: u64) -> Value {
        json!({
            "Id": self.id(kind, index),
            "Arn": self.arn(kind, index),
            "Name": self.text(&format!("{label} {}", index + 1)),
            "LastModifiedTime": self.modified(index),
            "LastModifiedRegion": self.world.region,
        })
    }

    /// A summary of what has quotas of its own, and so is named to the reader: its name is not marked.
    fn shown(&self, kind: &str, label: &str, index: u64) -> Value {
        let name = json!({ "Name": format!("{label} {}", index + 1) });
        with(self.summary(kind, label, index), name)
    }

    pub(crate) fn tags(&self) -> Value {
        json!({ "owner": self.text("Ada") })
    }

    /// A summary without the times that some listings do not have.
    fn undated(&self, kind: &str, label: &str, index: u64) -> Value {
        json!({
            "Id": self.id(kind, index),
            "Arn": self.arn(kind, index),
            "Name": self.text(&format!("{label} {}", index + 1)),
        })
    }
}

fn with(mut value: Value, more: Value) -> Value {
    if let (Value::Object(members), Value::Object(more)) = (&mut value, more) {
        members.extend(more);
    }
    value
}

pub(crate) fn user(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "Id": maker.id("agent", index),
        "Arn": maker.arn("agent", index),
        "Username": maker.word(&format!("agent{}", index + 1)),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}

pub(crate) fn found_user(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "Id": maker.id("agent", index),
        "Arn": maker.arn("agent", index),
        "Username": maker.word(&format!("agent{}", index + 1)),
        "IdentityInfo": { "FirstName": maker.text("Ada"), "LastName": maker.text(&format!("Example{}", index + 1)) },
        "PhoneConfig": { "PhoneType": "SOFT_PHONE", "AutoAccept": false, "DeskPhoneNumber": maker.text("+12065550100") },
        "RoutingProfileId": maker.id("routing-profile", 0),
        "SecurityProfileIds": [maker.id("security-profile", 0)],
        "Tags": maker.tags(),
    })
}

pub(crate) fn queue(maker: &Maker<'_>, index: u64) -> Value {
    let kind = queue_type(maker.instance, index);
    with(maker.shown("queue", "Queue", index), json!({ "QueueType": kind }))
}

pub(crate) fn found_queue(maker: &Maker<'_>, index: u64) -> Value {
    let most = maker.instance.children_of("MaxContacts", index);
    // Not there where the queue has none.
    let most = if most > 0 { json!({ "MaxContacts": most }) } else { json!({}) };
    let queue = json!({
        "QueueId": maker.id("queue", index),
        "QueueArn": maker.arn("queue", index),
        "Name": format!("Queue {}", index + 1),
        "Description": maker.text("Calls of this line"),
        "HoursOfOperationId": maker.id("operating-hours", 0),
        "Status": "ENABLED",
        "Tags": maker.tags(),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    });
    with(queue, most)
}

pub(crate) fn routing_profile(maker: &Maker<'_>, index: u64) -> Value {
    maker.shown("routing-profile", "Routing profile", index)
}

pub(crate) fn found_routing_profile(maker: &Maker<'_>, index: u64) -> Value {
    let queues = |operation: &str| maker.instance.queues_of(operation, index);
    let ids = |operation: &str| -> Vec<String> { (0..queues(operation)).map(|n| maker.id("queue", n)).collect() };
    let channels: Vec<Value> = (0..maker.instance.channels_of(index))
        .map(|n| json!({ "Channel": CHANNELS[n as usize], "Concurrency": 1 }))
        .collect();
    let (routed, manual) = ("ListRoutingProfileQueues", "ListRoutingProfileManualAssignmentQueues");
    json!({
        "InstanceId": maker.instance.id,
        "RoutingProfileId": maker.id("routing-profile", index),
        "RoutingProfileArn": maker.arn("routing-profile", index),
        "Name": format!("Routing profile {}", index + 1),
        "Description": maker.text("Who gets which calls"),
        "MediaConcurrencies": channels,
        "DefaultOutboundQueueId": maker.id("queue", 0),
        "NumberOfAssociatedQueues": queues(routed),
        "NumberOfAssociatedManualAssignmentQueues": queues(manual),
        "NumberOfAssociatedUsers": maker.instance.children_of("NumberOfAssociatedUsers", index),
        "AssociatedQueueIds": ids(routed),
        "AssociatedManualAssignmentQueueIds": ids(manual),
        "IsDefault": index == 0,
        "Tags": maker.tags(),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}

const CHANNELS: [&str; 4] = ["VOICE", "CHAT", "TASK", "EMAIL"];

/// One pair of queue and channel of a routing profile, channel after channel.
pub(crate) fn routing_profile_pair(maker: &Maker<'_>, operation: &str, profile: u64, index: u64) -> Value {
    let queues = maker.instance.queues_of(operation, profile).max(1);
    let (queue, channel) = (index % queues, index / queues);
    json!({
        "QueueId": maker.id("queue", queue),
        "QueueArn": maker.arn("queue", queue),
        "QueueName": format!("Queue {}", queue + 1),
        "Channel": CHANNELS[(channel % 4) as usize],
        "Priority": 1,
        "Delay": 0,
    })
}

pub(crate) fn security_profile(maker: &Maker<'_>, index: u64) -> Value {
    let kind = if index < 4 { "AWS_MANAGED" } else { "CUSTOMER_MANAGED" };
    with(maker.summary("security-profile", "Security profile", index), json!({ "Type": kind }))
}

pub(crate) fn hierarchy_group(maker: &Maker<'_>, index: u64) -> Value {
    maker.summary("agent-group", "Team", index)
}

pub(crate) fn quick_connect(maker: &Maker<'_>, index: u64) -> Value {
    let kind = quick_connect_type(maker.instance, index);
    with(maker.summary("transfer-destination", "Quick connect", index), json!({ "QuickConnectType": kind }))
}

pub(crate) fn hours(maker: &Maker<'_>, index: u64) -> Value {
    maker.shown("operating-hours", "Hours", index)
}

pub(crate) fn prompt(maker: &Maker<'_>, index: u64) -> Value {
    maker.summary("prompt", "Prompt", index)
}

pub(crate) fn contact_flow(maker: &Maker<'_>, index: u64) -> Value {
    let more = json!({
        "ContactFlowType": flow_type(maker.instance, index),
        "ContactFlowState": flow_state(maker.instance, index),
        "ContactFlowStatus": "PUBLISHED",
    });
    with(maker.undated("contact-flow", "Flow", index), more)
}

pub(crate) fn flow_module(maker: &Maker<'_>, index: u64) -> Value {
    with(maker.undated("flow-module", "Module", index), json!({ "State": "ACTIVE" }))
}

/// A number of the instance, or of its traffic distribution group, which `target` is the ARN of.
pub(crate) fn phone_number(maker: &Maker<'_>, index: u64, target: &str, own: bool) -> Value {
    let id = uuid("phone-number", target, index);
    let (country, kind, start) = match index % 4 {
        3 => ("GB", "DID", "+4420"),
        2 => ("US", "TOLL_FREE", "+1833"),
        _ => ("US", "DID", "+1206"),
    };
    let number = format!("{start}{:07}", hash((target, index)) % 10_000_000);
    let mut body = json!({
        "PhoneNumberId": id,
        "PhoneNumberArn": maker.world.arn("connect", &format!("phone-number/{id}")),
        "PhoneNumber": maker.word(&number),
        "PhoneNumberCountryCode": country,
        "PhoneNumberType": kind,
        "TargetArn": target,
        "PhoneNumberDescription": maker.text("Line"),
    });
    if own {
        body["InstanceId"] = maker.instance.id.as_str().into();
    }
    body
}

pub(crate) fn agent_status(maker: &Maker<'_>, index: u64) -> Value {
    let kind = agent_status_type(maker.instance, index);
    with(maker.summary("agent-state", "Status", index), json!({ "Type": kind }))
}

pub(crate) fn predefined_attribute(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "Name": maker.text(&format!("Attribute {}", index + 1)),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}

pub(crate) fn lambda_function(maker: &Maker<'_>, index: u64) -> Value {
    let name = maker.word(&format!("contact-flow-{}", index + 1));
    Value::from(maker.world.arn("lambda", &format!("function:{name}")))
}

pub(crate) fn lex_bot(maker: &Maker<'_>, index: u64) -> Value {
    json!({ "Name": maker.text(&format!("Bot{}", index + 1)), "LexRegion": maker.world.region })
}

pub(crate) fn bot(maker: &Maker<'_>, index: u64) -> Value {
    if bot_version(maker.instance, index) == "V1" {
        return json!({ "LexBot": lex_bot(maker, index) });
    }
    let bot = maker.instance.lex_v2_bots.map_or(index, |bots| index % bots.max(1));
    let id = format!("{:010X}/{:010X}", hash((&maker.instance.id, bot)) >> 24, index);
    json!({ "LexV2Bot": { "AliasArn": maker.world.arn("lex", &format!("bot-alias/{id}")) } })
}

pub(crate) fn data_table(maker: &Maker<'_>, index: u64) -> Value {
    maker.shown("data-table", "Table", index)
}

pub(crate) fn found_data_table(maker: &Maker<'_>, index: u64) -> Value {
    let more = json!({
        "TimeZone": "US/Eastern",
        "Description": maker.text("Routing by postcode"),
        "ValueLockLevel": "NONE",
        "Status": "PUBLISHED",
        "CreatedTime": 1_700_000_000,
        "Tags": maker.tags(),
    });
    with(data_table(maker, index), more)
}

pub(crate) fn email_address(maker: &Maker<'_>, index: u64) -> Value {
    let local = maker.word(&format!("support{}", index + 1));
    json!({
        "EmailAddressId": maker.id("email-address", index),
        "EmailAddressArn": maker.arn("email-address", index),
        "EmailAddress": format!("{local}@acme.email.connect.aws"),
        "Description": maker.text("Mail of this line"),
        "DisplayName": maker.text(&format!("Support {}", index + 1)),
        "AliasConfigurations": [],
    })
}

pub(crate) fn workspace(maker: &Maker<'_>, index: u64) -> Value {
    maker.summary("workspace", "Workspace", index)
}

pub(crate) fn found_workspace(maker: &Maker<'_>, index: u64) -> Value {
    let more = json!({
        "Visibility": "ALL",
        "Description": maker.text("What agents see"),
        "Title": maker.text("Workspace"),
        "CreatedAt": 1_700_000_000,
        "Tags": maker.tags(),
    });
    with(maker.undated("workspace", "Workspace", index), more)
}

pub(crate) fn notification(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "Id": maker.id("notification", index),
        "Arn": maker.arn("notification", index),
        "Content": { "en_US": maker.text("The system will be updated tonight") },
        "Priority": "LOW",
        "Recipients": [],
        "CreatedAt": 1_700_000_000,
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
        "Tags": maker.tags(),
    })
}

pub(crate) fn found_notification(maker: &Maker<'_>, index: u64) -> Value {
    with(notification(maker, index), json!({ "InstanceId": maker.instance.id }))
}

pub(crate) fn integration_association(maker: &Maker<'_>, index: u64) -> Value {
    let (kind, arn) = integration(maker.instance, index);
    json!({
        "IntegrationAssociationId": maker.id("integration-association", index),
        "IntegrationAssociationArn": maker.arn("integration-association", index),
        "InstanceId": maker.instance.id,
        "IntegrationType": kind,
        "IntegrationArn": arn,
        "SourceApplicationName": maker.text("Application"),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedRegion": maker.world.region,
    })
}

pub(crate) fn task_template(maker: &Maker<'_>, index: u64) -> Value {
    let label = "Template";
    let more = json!({
        "Name": format!("{label} {}", index + 1),
        "Description": maker.text("Call back"),
        "Status": "ACTIVE",
        "CreatedTime": 1_700_000_000,
        "LastModifiedTime": maker.modified(index),
    });
    with(maker.undated("task-template", label, index), more)
}

pub(crate) fn approved_origin(maker: &Maker<'_>, index: u64) -> Value {
    Value::from(format!("https://{}.example.com", maker.word(&format!("app{}", index + 1))))
}

pub(crate) fn evaluation_form(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "EvaluationFormId": maker.id("evaluation-form", index),
        "EvaluationFormArn": maker.arn("evaluation-form", index),
        "Title": format!("Form {}", index + 1),
        "CreatedTime": 1_700_000_000,
        "CreatedBy": maker.arn("agent", 0),
        "LastModifiedTime": maker.modified(index),
        "LastModifiedBy": maker.arn("agent", 0),
        "LatestVersion": maker.instance.newest_version(index),
        "ActiveVersion": 1,
    })
}

pub(crate) fn rule(maker: &Maker<'_>, index: u64) -> Value {
    let tiers = if reads_language(maker.instance, index) { json!(["GenerativeAI"]) } else { json!([]) };
    json!({
        "RuleCapabilityTiers": tiers,
        "Name": maker.text(&format!("Rule {}", index + 1)),
        "RuleId": maker.id("rule", index),
        "RuleArn": maker.arn("rule", index),
        "EventSourceName": event_source(maker.instance, index),
        "PublishStatus": "PUBLISHED",
        "ActionSummaries": [{ "ActionType": "GENERATE_EVENTBRIDGE_EVENT" }],
        "CreatedTime": 1_700_000_000,
        "LastUpdatedTime": maker.modified(index),
    })
}

pub(crate) fn vocabulary(maker: &Maker<'_>, index: u64) -> Value {
    json!({
        "Name": maker.word(&format!("vocabulary-{}", index + 1)),
        "Id": maker.id("vocabulary", index),
        "Arn": maker.arn("vocabulary", index),
        "LanguageCode": "en-US",
        "State": "ACTIVE",
        "LastModifiedTime": maker.modified(index),
    })
}
