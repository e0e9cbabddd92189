//! Connect AI agents and knowledge, formerly Wisdom and Amazon Q in Connect (service code `wisdom`): one
//! line per quota.
//!
//! Columns: code, name as Service Quotas spells it, scope, AWS's default (`None` where AWS publishes
//! none), how it is measured.

#![allow(clippy::enum_glob_use, reason = "a line of the table reads better without paths")]

use super::Listing::*;
use super::Meter::*;
use super::{Category, Meter, Quota, Service};
use crate::catalogue::listing::{ADM, APNS, ATTACHMENTS, BAIDU, EMAIL, FCM, ROUTING_PROFILES, SMS};
use crate::domain::Scope::{Account, Resource};
use crate::domain::{NO_CODE, Scope};

const SIZE: &str = "a bound on the size of one request or one document: nothing is used up";
const MEGABYTES: &str = "AWS documents the default in megabytes";
const WITH_TITLE: &str = "with its subject or title: whether that counts is not documented";
const NO_METRIC: &str = "Service Quotas names no usage metric for this rate, and none is documented";

const fn quota(code: &'static str, name: &'static str, scope: Scope, default: Option<f64>, meter: Meter) -> Quota {
    Quota::of(Service::Wisdom, code, name, Category::Knowledge, scope, default, meter)
}

const fn rate(code: &'static str, name: &'static str, default: Option<f64>) -> Quota {
    Quota::of(Service::Wisdom, code, name, Category::ApiRates, Account, default, NotMeasurable(NO_METRIC))
}

#[rustfmt::skip]
pub(super) const QUOTAS: &[Quota] = &[
    quota("L-5558F50C", "Amazon Q in Connect - assistant count (newer name: Connect AI agent - assistant count)", Account, Some(5.0), Count(Assistants)),
    quota("L-B9FB65B0", "Amazon Q in Connect - knowledge base count", Account, Some(10.0), Count(KnowledgeBases)),
    quota("L-DA307021", "Assistant association", Resource, Some(20.0), Worst(AssistantAssociations)),
    quota("L-80B507B3", "Content per knowledge base", Resource, Some(5000.0), Worst(Contents)),
    quota("L-8EAC5E16", "Maximum number of message templates per knowledge base", Resource, Some(200.0), Worst(MessageTemplates)),
    quota("L-F84C0EB2", "Maximum number of versions per message template", Resource, Some(20.0), Worst(MessageTemplateVersions)),
    quota("L-8B41D6E7", "Maximum number of attachments per email message template", Resource, Some(10.0), WorstIn(MessageTemplateDetails, ATTACHMENTS)),
    quota(NO_CODE, "Quick responses per knowledge base", Resource, Some(1000.0), Worst(QuickResponses)),
    quota("L-286BB24D", "Content size", Resource, Some(5.0), NotMeasurable(SIZE))
        .note(MEGABYTES),
    quota("L-1C046530", "Maximum size per attachment in an email message template", Resource, Some(1.0), NotMeasurable(SIZE))
        .note(MEGABYTES),
    quota("L-2836100B", "Maximum number of characters in an email message template", Resource, Some(5_000_000.0), WorstIn(MessageTemplateDetails, EMAIL))
        .setting().note(WITH_TITLE),
    quota("L-748F3E94", "Maximum number of characters in an SMS message template", Resource, Some(800.0), WorstIn(MessageTemplateDetails, SMS)).setting(),
    quota("L-03D2EF66", "Maximum number of characters in a Baidu push message template", Resource, None, WorstIn(MessageTemplateDetails, BAIDU))
        .setting().note(WITH_TITLE),
    quota("L-7C46ADE6", "Maximum number of characters in an APNs push message template", Resource, None, WorstIn(MessageTemplateDetails, APNS))
        .setting().note(WITH_TITLE),
    quota("L-D09E5DB1", "Maximum number of characters in a FCM push message template", Resource, None, WorstIn(MessageTemplateDetails, FCM))
        .setting().note(WITH_TITLE),
    quota("L-EBD23F01", "Maximum number of characters in an ADM push message template", Resource, None, WorstIn(MessageTemplateDetails, ADM))
        .setting().note(WITH_TITLE),
    quota(NO_CODE, "Routing profiles per message template", Resource, Some(40.0), WorstIn(MessageTemplateDetails, ROUTING_PROFILES)),
];

/// Service Quotas names no usage metric for any of them.
#[rustfmt::skip]
pub(super) const RATES: &[Quota] = &[
    rate("L-BE34124B", "Rate of API requests for ActivateMessageTemplate", Some(3.0)),
    rate("L-84036F17", "Rate of API requests for CreateAssistant", Some(10.0)),
    rate("L-06FFDC6F", "Rate of API requests for CreateAssistantAssociation", Some(10.0)),
    rate("L-7E7C477E", "Rate of API requests for CreateContent", Some(10.0)),
    rate("L-7C77FB1A", "Rate of API requests for CreateKnowledgeBase", Some(10.0)),
    rate("L-349001D1", "Rate of API requests for CreateMessageTemplate", Some(3.0)),
    rate("L-A21C97E2", "Rate of API requests for CreateMessageTemplateAttachment", Some(3.0)),
    rate("L-A0CF4A4D", "Rate of API requests for CreateMessageTemplateVersion", Some(3.0)),
    rate("L-BD020A5F", "Rate of API requests for CreateQuickResponse", Some(10.0)),
    rate("L-12665571", "Rate of API requests for CreateSession", Some(10.0)),
    rate("L-45879046", "Rate of API requests for DeactivateMessageTemplate", Some(3.0)),
    rate("L-A00E39EA", "Rate of API requests for DeleteAssistant", Some(10.0)),
    rate("L-869A5CB8", "Rate of API requests for DeleteAssistantAssociation", Some(10.0)),
    rate("L-A67B1533", "Rate of API requests for DeleteContent", Some(10.0)),
    rate("L-20924856", "Rate of API requests for DeleteImportJob", Some(10.0)),
    rate("L-75E8D220", "Rate of API requests for DeleteKnowledgeBase", Some(10.0)),
    rate("L-30D12FFF", "Rate of API requests for DeleteMessageTemplate", Some(10.0)),
    rate("L-08F1AA01", "Rate of API requests for DeleteMessageTemplateAttachment", Some(10.0)),
    rate("L-EB422E2D", "Rate of API requests for DeleteQuickResponse", Some(20.0)),
    rate("L-33825569", "Rate of API requests for GetAssistant", Some(10.0)),
    rate("L-BDA36AE2", "Rate of API requests for GetAssistantAssociation", Some(10.0)),
    rate("L-B5D9B610", "Rate of API requests for GetContent", Some(10.0)),
    rate("L-10CA616F", "Rate of API requests for GetContentSummary", Some(10.0)),
    rate("L-3BBE199E", "Rate of API requests for GetImportJob", Some(10.0)),
    rate("L-3F7B6949", "Rate of API requests for GetKnowledgeBase", Some(10.0)),
    rate("L-4159FA2D", "Rate of API requests for GetMessageTemplate", Some(10.0)),
    rate("L-C9B885FB", "Rate of API requests for GetQuickResponse", Some(10.0)),
    rate("L-CA2E4BF7", "Rate of API requests for GetRecommendations", Some(10.0)),
    rate("L-357A675E", "Rate of API requests for GetSession", Some(10.0)),
    rate("L-7A8F45D9", "Rate of API requests for ListAssistantAssociations", Some(10.0)),
    rate("L-8B3876B5", "Rate of API requests for ListAssistants", Some(10.0)),
    rate("L-B2D7D043", "Rate of API requests for ListImportJobs", Some(10.0)),
    rate("L-6EAC2850", "Rate of API requests for ListKnowledgeBases", Some(10.0)),
    rate("L-FBCC7857", "Rate of API requests for ListMessageTemplateVersions", Some(10.0)),
    rate("L-3988218B", "Rate of API requests for ListMessageTemplates", Some(10.0)),
    rate("L-077B0F42", "Rate of API requests for ListQuickResponses", Some(10.0)),
    rate("L-7AA24867", "Rate of API requests for ListTagsForResource", Some(10.0)),
    rate("L-7183A9AA", "Rate of API requests for NotifyRecommendationsReceived", Some(10.0)),
    rate("L-CA23568A", "Rate of API requests for QueryAssistant", Some(10.0)),
    rate("L-E9948A8B", "Rate of API requests for RemoveKnowledgeBaseTemplateUri", Some(10.0)),
    rate("L-0090B50A", "Rate of API requests for RenderMessageTemplate", Some(10.0)),
    rate("L-9B912B0C", "Rate of API requests for SearchContent", Some(10.0)),
    rate("L-7BCD6D97", "Rate of API requests for SearchMessageTemplates", Some(10.0)),
    rate("L-597AFFD4", "Rate of API requests for SearchQuickResponses", Some(20.0)),
    rate("L-CBEEAAE4", "Rate of API requests for SearchSessions", Some(10.0)),
    rate("L-FE0F5908", "Rate of API requests for StartContentUpload", Some(10.0)),
    rate("L-64F4F8A4", "Rate of API requests for StartImportJob", Some(10.0)),
    rate("L-A5E16775", "Rate of API requests for TagResource", Some(10.0)),
    rate("L-6B774E73", "Rate of API requests for UntagResource", Some(10.0)),
    rate("L-E85308FD", "Rate of API requests for UpdateContent", Some(10.0)),
    rate("L-16823F6A", "Rate of API requests for UpdateKnowledgeBaseTemplateUri", Some(10.0)),
    rate("L-9F242C3F", "Rate of API requests for UpdateMessageTemplate", Some(3.0)),
    rate("L-225955BF", "Rate of API requests for UpdateMessageTemplateMetadata", Some(3.0)),
    rate("L-67C0E663", "Rate of API requests for UpdateQuickResponse", Some(10.0)),
];
