//! Resource types of CloudFormation and Terraform, and the quotas that they count against.

use super::delta::Place;
use crate::catalogue::{self, Quota};
use crate::domain::Scope;

/// What a type counts against.
#[derive(Clone, Copy)]
pub(super) enum Counts {
    /// The quota's code, or its name where it has none.
    Quota(&'static str),
    /// The value of a property decides.
    By(&'static str, &'static [(&'static str, &'static str)]),
    /// No quota of the catalogue.
    Nothing,
}
use Counts::{By, Nothing, Quota as Of};

/// Types by CloudFormation's name. Terraform's `awscc` provider has the same types under derived names.
pub(super) const CLOUDFORMATION: &[(&str, Counts)] = &[
    ("AWS::Connect::Instance", Of("L-AA17A6B9")),
    ("AWS::Connect::User", Of("L-9A46857E")),
    ("AWS::Connect::Queue", Of("L-19A87C94")),
    ("AWS::Connect::RoutingProfile", Of("L-D3E7BE26")),
    ("AWS::Connect::SecurityProfile", Of("L-F325A715")),
    ("AWS::Connect::UserHierarchyGroup", Of("L-D68AAAE4")),
    ("AWS::Connect::QuickConnect", Of("L-68BBE2E8")),
    ("AWS::Connect::HoursOfOperation", Of("L-20CD02F7")),
    ("AWS::Connect::Prompt", Of("L-0865B754")),
    ("AWS::Connect::ContactFlow", Of("L-22922690")),
    ("AWS::Connect::ContactFlowModule", Of("L-19755C7E")),
    ("AWS::Connect::PhoneNumber", Of("L-8F812903")),
    ("AWS::Connect::AgentStatus", Of("L-D945C9A8")),
    ("AWS::Connect::PredefinedAttribute", Of("L-3828FBF0")),
    ("AWS::Connect::DataTable", Of("L-D492D362")),
    ("AWS::Connect::EmailAddress", Of("L-F4C86B27")),
    ("AWS::Connect::Workspace", Of("L-6402A996")),
    ("AWS::Connect::Notification", Of("L-DFA239E1")),
    ("AWS::Connect::TaskTemplate", Of("Task templates per instance")),
    ("AWS::Connect::EvaluationForm", Of("Evaluation forms per instance")),
    ("AWS::Connect::ApprovedOrigin", Of("Approved origins per instance")),
    ("AWS::Connect::SecurityKey", Of("Security keys per instance")),
    ("AWS::Connect::Rule", Of("Rules per event source per instance")),
    (
        "AWS::Connect::IntegrationAssociation",
        By(
            "IntegrationType",
            &[
                ("LEX_BOT", "L-CCEA7427"),
                ("LAMBDA_FUNCTION", "L-E3D2F503"),
                ("APPLICATION", "L-FC6A5030"),
                ("EVENT", "L-790F20B4"),
                ("CASES_DOMAIN", "L-0AA82C05"),
                ("WISDOM_ASSISTANT", "L-FFE16A0F"),
                ("WISDOM_KNOWLEDGE_BASE", "L-2D7CA70C"),
                ("WISDOM_QUICK_RESPONSES", "L-C8F22860"),
                ("Q_MESSAGE_TEMPLATES", "L-D55E707F"),
                ("PINPOINT_APP", "L-C7548958"),
                ("FILE_SCANNER", "L-02421311"),
                ("VOICE_ID", "L-A0E2082D"),
                ("SES_IDENTITY", "Email domains per instance"),
            ],
        ),
    ),
    ("AWS::Connect::Metric", Of("Custom metrics per instance")),
    ("AWS::Connect::Vocabulary", Of("Custom vocabularies")),
    ("AWS::Connect::DataTableAttribute", Of("L-BF789E19")),
    ("AWS::Connect::DataTableRecord", Of("L-735CD262")),
    ("AWS::Connect::InstanceStorageConfig", Nothing),
    ("AWS::Connect::UserHierarchyStructure", Nothing),
    ("AWS::Connect::ContactFlowVersion", Nothing),
    ("AWS::Connect::ContactFlowModuleVersion", Nothing),
    ("AWS::Connect::ContactFlowModuleAlias", Nothing),
    ("AWS::Connect::TrafficDistributionGroup", Of("Traffic distribution groups per instance")),
    ("AWS::Connect::DataLakeAssociation", Nothing),
    ("AWS::Connect::TestCase", Nothing),
    ("AWS::Connect::UseCase", Nothing),
    ("AWS::Connect::View", Nothing),
    ("AWS::Connect::ViewVersion", Nothing),
    ("AWS::Cases::Domain", Of("L-C2B81BC3")),
    ("AWS::Cases::Field", Of("L-C5B69356")),
    ("AWS::Cases::Template", Of("L-0482161A")),
    ("AWS::Cases::Layout", Of("L-D0ED993F")),
    ("AWS::Cases::CaseRule", Of("L-228D6D2D")),
    ("AWS::Cases::Case", Nothing),
    ("AWS::Cases::RelatedItem", Of("L-C1AF8D37")),
    ("AWS::CustomerProfiles::Domain", Of("L-6603B252")),
    ("AWS::CustomerProfiles::ObjectType", Of("L-14092FF4")),
    ("AWS::CustomerProfiles::DomainObjectType", Of("L-9CF9A111")),
    ("AWS::CustomerProfiles::Integration", Of("L-4A5ECB8E")),
    ("AWS::CustomerProfiles::EventTrigger", Of("L-0A1E1791")),
    ("AWS::CustomerProfiles::EventStream", Of("L-1DED0840")),
    ("AWS::CustomerProfiles::CalculatedAttributeDefinition", Of("L-DB27F954")),
    ("AWS::CustomerProfiles::Recommender", Of("L-B6E9F054")),
    ("AWS::CustomerProfiles::RecommenderFilter", Of("L-D53B7246")),
    ("AWS::CustomerProfiles::RecommenderSchema", Of("L-ECB9B0BB")),
    ("AWS::CustomerProfiles::SegmentDefinition", Nothing),
    ("AWS::Wisdom::Assistant", Of("L-5558F50C")),
    ("AWS::Wisdom::KnowledgeBase", Of("L-B9FB65B0")),
    ("AWS::Wisdom::AssistantAssociation", Of("L-DA307021")),
    ("AWS::Wisdom::Content", Of("L-80B507B3")),
    ("AWS::Wisdom::ContentAssociation", Nothing),
    ("AWS::Wisdom::AIAgent", Nothing),
    ("AWS::Wisdom::AIAgentVersion", Nothing),
    ("AWS::Wisdom::AIGuardrail", Nothing),
    ("AWS::Wisdom::AIGuardrailVersion", Nothing),
    ("AWS::Wisdom::AIPrompt", Nothing),
    ("AWS::Wisdom::AIPromptVersion", Nothing),
    ("AWS::Wisdom::MessageTemplate", Of("L-8EAC5E16")),
    ("AWS::Wisdom::MessageTemplateVersion", Of("L-F84C0EB2")),
    ("AWS::Wisdom::QuickResponse", Of("Quick responses per knowledge base")),
    ("AWS::ConnectCampaigns::Campaign", Of("L-31C1321D")),
    ("AWS::ConnectCampaignsV2::Campaign", Of("L-31C1321D")),
    ("AWS::VoiceID::Domain", Of("L-CF9F1A9B")),
    ("AWS::AppIntegrations::Application", Of("L-8C721859")),
    ("AWS::AppIntegrations::DataIntegration", Of("L-013E1287")),
    ("AWS::AppIntegrations::EventIntegration", Of("L-152D3E9E")),
];

/// Types of Terraform's `aws` provider.
pub(super) const TERRAFORM: &[(&str, Counts)] = &[
    ("aws_connect_instance", Of("L-AA17A6B9")),
    ("aws_connect_user", Of("L-9A46857E")),
    ("aws_connect_queue", Of("L-19A87C94")),
    ("aws_connect_routing_profile", Of("L-D3E7BE26")),
    ("aws_connect_security_profile", Of("L-F325A715")),
    ("aws_connect_user_hierarchy_group", Of("L-D68AAAE4")),
    ("aws_connect_quick_connect", Of("L-68BBE2E8")),
    ("aws_connect_hours_of_operation", Of("L-20CD02F7")),
    ("aws_connect_contact_flow", Of("L-22922690")),
    ("aws_connect_contact_flow_module", Of("L-19755C7E")),
    ("aws_connect_phone_number", Of("L-8F812903")),
    ("aws_connect_lambda_function_association", Of("L-E3D2F503")),
    ("aws_connect_bot_association", Of("L-B93A6612")),
    ("aws_connect_vocabulary", Of("Custom vocabularies")),
    ("aws_connect_instance_storage_config", Nothing),
    ("aws_connect_user_hierarchy_structure", Nothing),
    ("aws_connect_phone_number_contact_flow_association", Nothing),
    ("aws_customerprofiles_domain", Of("L-6603B252")),
    ("aws_customerprofiles_profile", Nothing),
    ("aws_appintegrations_data_integration", Of("L-013E1287")),
    ("aws_appintegrations_event_integration", Of("L-152D3E9E")),
];

/// The services whose types are ours, as both name them without separators.
const SERVICES: &[&str] = &[
    "connect",
    "connectcases",
    "cases",
    "customerprofiles",
    "wisdom",
    "qconnect",
    "connectcampaigns",
    "connectcampaignsv2",
    "appintegrations",
    "voiceid",
];

/// Properties that name the instance, in the order in which they are looked at.
const INSTANCE_PROPERTIES: &[&str] =
    &["InstanceArn", "InstanceId", "ConnectInstanceArn", "ConnectInstanceId", "TargetArn"];

pub(super) enum Known {
    Counted(&'static Quota),
    Uncounted,
    Not,
    OtherService,
}

pub(super) fn look_up(kind: &str, value: &dyn Fn(&str) -> Option<String>) -> Known {
    let Some(counts) = counts_of(kind) else {
        return if is_ours(kind) { Known::Not } else { Known::OtherService };
    };
    let key = match counts {
        Counts::Quota(key) => Some(key),
        By(property, choices) => {
            let chosen = value(property);
            choices.iter().find(|(choice, _)| chosen.as_deref() == Some(*choice)).map(|(_, key)| *key)
        }
        Nothing => return Known::Uncounted,
    };
    key.and_then(catalogue::find).map_or(Known::Not, Known::Counted)
}

fn counts_of(kind: &str) -> Option<Counts> {
    let exact = |table: &[(&str, Counts)]| table.iter().find(|(name, _)| *name == kind).map(|(_, c)| *c);
    if kind.starts_with("awscc_") {
        let name = plain(kind.trim_start_matches("awscc"));
        return CLOUDFORMATION
            .iter()
            .find(|(known, _)| plain(known.trim_start_matches("AWS")) == name)
            .map(|(_, counts)| *counts);
    }
    exact(CLOUDFORMATION).or_else(|| exact(TERRAFORM))
}

fn is_ours(kind: &str) -> bool {
    let service = match kind.split_once("::") {
        Some((_, rest)) => rest.split("::").next().unwrap_or_default(),
        None => kind.split('_').nth(1).unwrap_or_default(),
    };
    SERVICES.contains(&plain(service).as_str())
}

/// `InstanceArn` and `instance_arn` are the same property.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Where a resource stands, as far as its properties say.
pub(super) fn place(quota: &Quota, value: &dyn Fn(&str) -> Option<String>) -> Place {
    if quota.scope != Scope::Instance {
        return Place::Account;
    }
    let mut ids = INSTANCE_PROPERTIES.iter().filter_map(|name| value(name));
    ids.find_map(|text| instance_id(&text)).map_or(Place::UnknownInstance, Place::Instance)
}

/// The id in an id or an ARN of an instance; none where it is a reference that is not resolved yet.
#[must_use]
pub fn instance_id(text: &str) -> Option<String> {
    let id = text.split_once(":instance/").map_or(text, |(_, id)| id);
    let id = id.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_id = id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    is_id.then_some(id)
}

/// The quota that a common word means, such as `users` or `contact-flows`.
#[must_use]
pub fn by_word(word: &str) -> Option<&'static Quota> {
    let wanted = plain(word);
    let is_named = |kind: &str| {
        let last = plain(kind.rsplit("::").next().unwrap_or_default());
        wanted == last
            || wanted == format!("{last}s")
            || last.strip_suffix('s') == Some(wanted.as_str())
            || last.strip_suffix('y').is_some_and(|stem| wanted == format!("{stem}ies"))
            || last.strip_suffix('s').is_some_and(|stem| wanted == format!("{stem}ses"))
    };
    let aliases = [
        ("flows", "L-22922690"),
        ("flowmodules", "L-19755C7E"),
        ("hours", "L-20CD02F7"),
        ("numbers", "L-8F812903"),
        ("agents", "L-9A46857E"),
        ("lambdafunctions", "L-E3D2F503"),
    ];
    let alias = aliases.iter().find(|(alias, _)| *alias == wanted).map(|(_, key)| *key);
    // Connect's own types come first: `domains` of two services would be a guess.
    let mut named = CLOUDFORMATION.iter().filter(|(kind, _)| is_named(kind)).filter_map(|(_, counts)| match counts {
        Counts::Quota(key) => Some(*key),
        By(..) | Nothing => None,
    });
    let first = named.next();
    let is_one = named.all(|key| Some(key) == first);
    alias.or(first.filter(|_| is_one)).and_then(catalogue::find)
}

/// The quota and the number of `NAME=N`. The name is a code, a quota's name, or a common word.
pub fn asked(text: &str) -> Result<(&'static Quota, u64), String> {
    let shape = "expected NAME=N, such as users=300 or L-9A46857E=300";
    let Some((name, number)) = text.rsplit_once('=') else { return Err(format!("`{text}`: {shape}")) };
    let number = number.trim().parse().map_err(|_| format!("`{text}`: `{number}` is no whole number; {shape}"))?;
    let name = name.trim();
    let same = |quota: &&Quota| quota.key() == name || quota.name.eq_ignore_ascii_case(name);
    let mut exact = catalogue::all().filter(same);
    match (exact.next(), exact.next()) {
        (Some(quota), None) => Ok((quota, number)),
        (Some(_), Some(_)) => Err(format!("`{name}` is the name of several quotas: give the code of one")),
        (None, _) => match by_word(name) {
            Some(quota) => Ok((quota, number)),
            None => Err(format!(
                "`{name}` is no quota of the catalogue: give a code, a name as `quotas` prints it, or a word such as users"
            )),
        },
    }
}
