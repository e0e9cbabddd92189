//! Amazon Q in Connect, whose signing name is still that of Wisdom.

use serde_json::{Value, json};

use super::answer::{View, ok};
use super::request::Request;
use super::{Api, Operation, Paging};
use crate::ids::{hash, hex32};
use crate::text::iso_time;
use crate::wire::{Answer, AwsError};

const GET: &str = "GET";
const BASE: &[&str] = &["ListKnowledgeBases"];
const MESSAGE_TEMPLATE: &[&str] = &["ListKnowledgeBases", "ListMessageTemplates"];

pub(super) static API: Api = Api {
    name: "wisdom",
    operations: OPERATIONS,
    invalid: "ValidationException",
    internal: "InternalServerException",
    throttled: 400,
    message: "message",
    paging: Paging { in_body: false, max_results: "maxResults", next_token: "nextToken", answered: "nextToken" },
    arns: true,
    id: is_uuid,
    hidden: &[],
};

#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    Operation::list("ListAssistants", GET, "/assistants", ("assistantSummaries", 100), assistant).called("assistant-", "assistant/{}").rate(10.0, 10),
    Operation::list("ListKnowledgeBases", GET, "/knowledgeBases", ("knowledgeBaseSummaries", 100), knowledge_base).called("knowledge-base-", "knowledge-base/{}").rate(10.0, 10),
    Operation::list("ListAssistantAssociations", GET, "/assistants/{}/associations", ("assistantAssociationSummaries", 100), association).under(&["ListAssistants"]).called("Association ", "association/{}/{}").rate(10.0, 10),
    Operation::list("ListContents", GET, "/knowledgeBases/{}/contents", ("contentSummaries", 100), content).under(BASE).called("Content ", "content/{}/{}").rate(10.0, 10),
    Operation::list("ListMessageTemplates", GET, "/knowledgeBases/{}/messageTemplates", ("messageTemplateSummaries", 100), message_template).under(BASE).called("Template ", "message-template/{}/{}").rate(10.0, 10)
        .checked(|view| of_type(view, "MESSAGE_TEMPLATES")),
    Operation::list("ListQuickResponses", GET, "/knowledgeBases/{}/quickResponses", ("quickResponseSummaries", 100), quick_response).under(BASE).called("Response ", "quick-response/{}/{}").rate(10.0, 10)
        .checked(|view| of_type(view, "QUICK_RESPONSES")),
    Operation::list("ListMessageTemplateVersions", GET, "/knowledgeBases/{}/messageTemplates/{}/versions", ("messageTemplateVersionSummaries", 100), version).under(MESSAGE_TEMPLATE).called("Version ", "").rate(10.0, 10),
    Operation::detail("GetMessageTemplate", GET, "/knowledgeBases/{}/messageTemplates/{}", get_message_template).under(MESSAGE_TEMPLATE).called("attachment-", "").rate(10.0, 10),
];

fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let fits = |(part, length): (&str, usize)| {
        part.len() == length && part.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    groups.by_ref().take(5).zip([8, 4, 4, 4, 12]).filter(|group| fits(*group)).count() == 5 && groups.next().is_none()
}

/// A knowledge base holds one kind of thing, which is its type.
fn of_type(view: &View<'_>, wanted: &str) -> Result<(), AwsError> {
    let kind = view.above.last().and_then(|base| base.text("knowledgeBaseType")).unwrap_or("CUSTOM");
    if kind == wanted {
        return Ok(());
    }
    let message = format!("The operation is not supported for knowledge bases of type {kind}");
    Err(AwsError::new(400, "ValidationException", &message))
}

fn assistant(view: &View<'_>) -> Value {
    json!({
        "assistantId": view.id(),
        "assistantArn": view.arn(),
        "name": view.name(),
        "type": "AGENT",
        "status": "ACTIVE",
        "description": view.text("Helps agents"),
        "tags": view.tags(),
        "integrationConfiguration": {},
    })
}

fn knowledge_base(view: &View<'_>) -> Value {
    json!({
        "knowledgeBaseId": view.id(),
        "knowledgeBaseArn": view.arn(),
        "name": view.name(),
        "knowledgeBaseType": "CUSTOM",
        "status": "ACTIVE",
        "description": view.text("What agents look up"),
        "tags": view.tags(),
    })
}

fn association(view: &View<'_>) -> Value {
    let (assistant, assistant_arn) = view.parent(0);
    let base = crate::ids::uuid("association", view.id(), 0);
    let base_arn = view.world.arn("wisdom", &format!("knowledge-base/{base}"));
    json!({
        "assistantAssociationId": view.id(),
        "assistantAssociationArn": view.arn(),
        "assistantId": assistant,
        "assistantArn": assistant_arn,
        "associationType": "KNOWLEDGE_BASE",
        "associationData": {
            "knowledgeBaseAssociation": { "knowledgeBaseId": base, "knowledgeBaseArn": base_arn },
        },
        "tags": view.tags(),
    })
}

fn content(view: &View<'_>) -> Value {
    let (base, base_arn) = view.parent(0);
    json!({
        "contentArn": view.arn(),
        "contentId": view.id(),
        "knowledgeBaseArn": base_arn,
        "knowledgeBaseId": base,
        "name": view.marked_name(),
        "revisionId": hex32(view.id().as_bytes()),
        "title": view.marked_name(),
        "contentType": "text/html",
        "status": "ACTIVE",
        "metadata": { "author": view.text("Ada") },
        "tags": view.tags(),
    })
}

fn message_template(view: &View<'_>) -> Value {
    let (base, base_arn) = view.parent(0);
    json!({
        "messageTemplateArn": view.arn(),
        "messageTemplateId": view.id(),
        "knowledgeBaseArn": base_arn,
        "knowledgeBaseId": base,
        "name": view.name(),
        "channelSubtype": "EMAIL",
        "createdTime": view.iso(),
        "lastModifiedTime": view.iso(),
        "lastModifiedBy": view.world.arn("connect", "instance/1/agent/1"),
        "description": view.text("A greeting"),
        "tags": view.tags(),
    })
}

fn quick_response(view: &View<'_>) -> Value {
    let (base, base_arn) = view.parent(0);
    json!({
        "quickResponseArn": view.arn(),
        "quickResponseId": view.id(),
        "knowledgeBaseArn": base_arn,
        "knowledgeBaseId": base,
        "name": view.marked_name(),
        "contentType": "application/x.quickresponse;format=plain",
        "status": "CREATED",
        "createdTime": view.epoch(),
        "lastModifiedTime": view.epoch(),
        "description": view.text("A greeting"),
        "isActive": true,
        "channels": ["Chat"],
        "tags": view.tags(),
    })
}

fn version(view: &View<'_>) -> Value {
    let ((base, base_arn), (template, template_arn)) = (view.parent(0), view.parent(1));
    let number = view.index + 1;
    json!({
        "messageTemplateArn": format!("{template_arn}:{number}"),
        "messageTemplateId": template,
        "knowledgeBaseArn": base_arn,
        "knowledgeBaseId": base,
        "name": view.above.last().map(|template| &template.name),
        "channelSubtype": "EMAIL",
        "isActive": number == 1,
        "versionNumber": number,
    })
}

fn get_message_template(view: &View<'_>, _: &Request<'_>) -> Answer {
    let ((base, base_arn), (template, template_arn)) = (view.parent(0), view.parent(1));
    let attachment = |one: &super::Resource| {
        json!({
            "contentDisposition": "ATTACHMENT",
            "name": format!("{}.pdf", view.text(&one.name)),
            "uploadedTime": view.iso(),
            "url": format!("https://example.com/{}?owner={}", one.id, view.text("Ada").replace(' ', "-")),
            "urlExpiry": iso_time(2_000_000_000),
            "attachmentId": one.id,
        })
    };
    let attachments: Vec<Value> = view.shown("GetMessageTemplate").iter().map(attachment).collect();
    let mut template = json!({
        "messageTemplateArn": template_arn,
        "messageTemplateId": template,
        "knowledgeBaseArn": base_arn,
        "knowledgeBaseId": base,
        "name": view.name(),
        "channelSubtype": "EMAIL",
        "createdTime": view.iso(),
        "lastModifiedTime": view.iso(),
        "lastModifiedBy": view.world.arn("connect", "instance/1/agent/1"),
        "content": {
            "email": { "subject": view.text("Hello"), "body": { "plainText": { "content": view.text("Dear Ada") } } },
        },
        "description": view.text("A greeting"),
        "language": "en_US",
        "attachments": attachments,
        "messageTemplateContentSha256": format!("{:064x}", hash(template)),
        "tags": view.tags(),
    });
    view.join(&mut template);
    ok(&json!({ "messageTemplate": template }))
}
