//! What the tests of the wire share. Each of them uses a part of it.
#![allow(dead_code)]

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use simaws::{Reply, Sim, World};

pub fn request(service: &str, method: &str, uri: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let scope = format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{service}/aws4_request, Signature=0");
    let request = Request::builder().method(method).uri(uri).header("authorization", scope);
    request.body(body.into()).expect("a well-formed request")
}

pub async fn answer(sim: &Sim, request: Request<Bytes>) -> Response<Bytes> {
    match sim.handle(request).await {
        Reply::Http(response) => response,
        other => panic!("no answer but {other:?}"),
    }
}

pub async fn read(sim: &Sim, request: Request<Bytes>) -> (u16, Value) {
    let response = answer(sim, request).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or(Value::Null))
}

/// The code of an error answer.
pub fn code(response: &Response<Bytes>) -> &str {
    response.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok()).unwrap_or("")
}

/// Two instances, and something at every operation of the companion services and below Connect's items.
pub fn stocked() -> World {
    let mut world = World::with_instances(2);
    let domain = world.add("cases", "ListDomains", "support");
    domain.add("ListFields", 430).add("ListTemplates", 3).add("ListLayouts", 120).add("ListCaseRules", 4);
    domain.child("ListFields", 0).set("type", "SingleSelect").add("ListFieldOptions", 101);
    domain.child("ListLayouts", 0).add("GetLayout", 101);
    domain.child("ListTemplates", 0).add("GetTemplate", 3);
    domain.child("ListTemplates", 1).set("status", "Inactive");
    let rule = domain.child("ListCaseRules", 0).set("ruleType", "FieldOptions").add("BatchGetCaseRule", 4);
    rule.child("BatchGetCaseRule", 1).add("childFieldOptionValues", 6);
    domain.child("ListCaseRules", 1).add("BatchGetCaseRule", 2);
    domain.child("ListCaseRules", 2).set("ruleType", "Hidden");
    world.add_many("cases", "ListDomains", 11);

    let domain = world.add("profile", "ListDomains", "profiles");
    for (operation, n) in [
        ("ListProfileObjectTypes", 101),
        ("ListDomainObjectTypes", 2),
        ("ListIntegrations", 3),
        ("ListEventTriggers", 4),
        ("ListEventStreams", 1),
        ("ListCalculatedAttributeDefinitions", 5),
        ("ListRecommenders", 6),
        ("ListRecommenderFilters", 7),
        ("ListRecommenderSchemas", 8),
    ] {
        domain.add(operation, n);
    }
    domain.child("ListProfileObjectTypes", 0).add("GetProfileObjectType", 9);
    world.add("profile", "ListDomains", "empty");

    world.add_many("wisdom", "ListAssistants", 2);
    world.resource("wisdom", "ListAssistants", 0).add("ListAssistantAssociations", 2);
    world.add("wisdom", "ListKnowledgeBases", "articles").add("ListContents", 205);
    let base = world.add("wisdom", "ListKnowledgeBases", "templates").set("knowledgeBaseType", "MESSAGE_TEMPLATES");
    let template = base.add("ListMessageTemplates", 150).child("ListMessageTemplates", 0);
    template.add("ListMessageTemplateVersions", 5).add("GetMessageTemplate", 2);
    let base = world.add("wisdom", "ListKnowledgeBases", "responses").set("knowledgeBaseType", "QUICK_RESPONSES");
    base.add("ListQuickResponses", 7);

    world.add_many("app-integrations", "ListDataIntegrations", 2).add_many(
        "app-integrations",
        "ListEventIntegrations",
        3,
    );
    world.add_many("app-integrations", "ListApplications", 51);
    world.resource("app-integrations", "ListDataIntegrations", 0).add("ListDataIntegrationAssociations", 9);
    world.resource("app-integrations", "ListEventIntegrations", 0).add("ListEventIntegrationAssociations", 4);

    world.add_many("connect-campaigns", "ListCampaigns", 60);
    let second = world.instances[1].id.clone();
    for place in 0..10 {
        world.resource("connect-campaigns", "ListCampaigns", place).set("connectInstanceId", second.as_str());
    }
    world.resource("connect-campaigns", "ListCampaigns", 0).set("state", "Paused");

    let first = &mut world.instances[0];
    first.set("ListDataTables", 3).set("ListTaskTemplates", 2).set("ListHoursOfOperations", 4);
    first.set_children("ListQueueEmailAddresses", 2, 8).set_children("ListQueueQuickConnects", 4, 130);
    first.set_children("ListUserProficiencies", 19, 9);
    first.set_children("ListDataTableAttributes", 1, 40).set_children("Primary", 1, 5);
    first.set_children("ListDataTableValues", 1, 1_100);
    first.set_children("GetTaskTemplate", 1, 50);
    first.set_children("SearchHoursOfOperationOverrides", 1, 60).set_children("SearchHoursOfOperationOverrides", 3, 45);
    first.set_children("NumberOfAssociatedQueues", 2, 48).set_children("NumberOfAssociatedUsers", 0, 20);
    first.set_children("NumberOfAssociatedManualAssignmentQueues", 2, 3);
    world
}
