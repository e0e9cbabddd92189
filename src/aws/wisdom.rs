//! Connect AI agents and knowledge (Amazon Q in Connect, formerly Wisdom), through the qconnect client.

use aws_sdk_qconnect::Client;
use aws_sdk_qconnect::operation::get_message_template::GetMessageTemplateOutput;
use aws_sdk_qconnect::types::{
    EmailMessageTemplateContent, ExtendedMessageTemplateData, MessageTemplateBodyContentProvider,
    MessageTemplateContentProvider, PushMessageTemplateContent,
};

use super::edge::{At, Edge};
use super::page::{Ask, Item, Page, ask, describe, page};
use crate::catalogue::Listing;
use crate::catalogue::listing::{ADM, APNS, ATTACHMENTS, BAIDU, EMAIL, FCM, ROUTING_PROFILES, SMS};
use crate::domain::Fault;

impl Edge<Client> {
    #[rustfmt::skip]
    pub(super) fn page(&self, at: &At<'_>) -> Result<Ask, Fault> {
        let c = &self.client;
        Ok(match at.listing {
            Listing::Assistants => page!(at, c.list_assistants().max_results(100), [assistant_summaries], |a| {
                Item::new(Some(&a.assistant_id), Some(&a.name)).arn(Some(&a.assistant_arn))
            }),
            Listing::KnowledgeBases => page!(at, c.list_knowledge_bases().max_results(100), [knowledge_base_summaries], |k| {
                Item::new(Some(&k.knowledge_base_id), Some(&k.name)).arn(Some(&k.knowledge_base_arn)).kind(Some(k.knowledge_base_type.as_str()))
            }),
            Listing::AssistantAssociations => page!(at, c.list_assistant_associations().assistant_id(at.id(0)).max_results(100), [assistant_association_summaries], Item::plain),
            Listing::Contents => page!(at, c.list_contents().knowledge_base_id(at.id(0)).max_results(100), [content_summaries], Item::plain),
            Listing::MessageTemplates => page!(at, c.list_message_templates().knowledge_base_id(at.id(0)).max_results(100), [message_template_summaries], |t| {
                Item::new(Some(&t.message_template_id), Some(&t.name)).kind(Some(t.channel_subtype.as_str()))
            }),
            Listing::QuickResponses => page!(at, c.list_quick_responses().knowledge_base_id(at.id(0)).max_results(100), [quick_response_summaries], Item::plain),
            Listing::MessageTemplateVersions => page!(at, c.list_message_template_versions().knowledge_base_id(at.id(0)).message_template_id(at.id(1)).max_results(100), [message_template_version_summaries], Item::plain),
            Listing::MessageTemplateDetails => describe!(c.get_message_template().knowledge_base_id(at.id(0)).message_template_id(at.id(1)), |o: &GetMessageTemplateOutput| {
                o.message_template.iter().flat_map(parts).collect()
            }),
            other => return Err(self.not_mine(other)),
        })
    }
}

/// Attachments, routing profiles and characters of a template. Of its text only the length is kept.
fn parts(template: &ExtendedMessageTemplateData) -> Vec<Item> {
    let of = |group, n: usize| Item::new(None, None).group(Some(group)).weight(Some(n as u64));
    let mut parts = vec![of(ATTACHMENTS, template.attachments().len())];
    let grouping = template.grouping_configuration.as_ref();
    let by_profile = grouping.filter(|g| g.criteria.as_deref() == Some("RoutingProfileArn"));
    parts.extend(by_profile.map(|grouping| of(ROUTING_PROFILES, grouping.values().len())));
    match &template.content {
        Some(MessageTemplateContentProvider::Email(email)) => parts.push(of(EMAIL, of_email(email))),
        Some(MessageTemplateContentProvider::Sms(sms)) => {
            let text = sms.body.as_ref().and_then(|body| body.plain_text.as_ref());
            parts.push(of(SMS, body(text)));
        }
        Some(MessageTemplateContentProvider::Push(push)) => {
            parts.extend(of_push(push).into_iter().map(|(group, n)| of(group, n)));
        }
        _ => {}
    }
    parts
}

fn of_email(email: &EmailMessageTemplateContent) -> usize {
    let bodies = email.body.iter().flat_map(|b| [&b.html, &b.plain_text]);
    characters(email.subject.as_deref()) + bodies.map(|text| body(text.as_ref())).sum::<usize>()
}

/// What stands in the template of each push service.
fn of_push(push: &PushMessageTemplateContent) -> Vec<(&'static str, usize)> {
    macro_rules! service {
        ($group:ident, $service:ident) => {
            push.$service.as_ref().map(|s| {
                ($group, characters(s.title.as_deref()) + body(s.body.as_ref()) + body(s.raw_content.as_ref()))
            })
        };
    }
    [service!(ADM, adm), service!(APNS, apns), service!(FCM, fcm), service!(BAIDU, baidu)]
        .into_iter()
        .flatten()
        .collect()
}

fn characters(text: Option<&str>) -> usize {
    text.map_or(0, |text| text.chars().count())
}

fn body(text: Option<&MessageTemplateBodyContentProvider>) -> usize {
    characters(text.and_then(|text| text.as_content().ok()).map(String::as_str))
}
