//! Connect AI agents and knowledge (Amazon Q in Connect, formerly Wisdom), through the qconnect client.

use aws_sdk_qconnect::Client;
use aws_sdk_qconnect::operation::get_message_template::GetMessageTemplateOutput;
use aws_sdk_qconnect::types::ExtendedMessageTemplateData;

use super::edge::{At, Edge};
use super::page::{Ask, Item, Page, ask, describe, page};
use crate::catalogue::Listing;
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
            Listing::MessageTemplateAttachments => describe!(c.get_message_template().knowledge_base_id(at.id(0)).message_template_id(at.id(1)), |o: &GetMessageTemplateOutput| {
                o.message_template.iter().flat_map(ExtendedMessageTemplateData::attachments).map(Item::plain).collect()
            }),
            other => return Err(self.not_mine(other)),
        })
    }
}
