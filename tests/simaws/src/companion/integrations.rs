//! Amazon AppIntegrations.

use serde_json::{Value, json};

use super::answer::View;
use super::{Api, Ids, Narrow, Operation, Paging};

const GET: &str = "GET";

pub(super) static API: Api = Api {
    name: "app-integrations",
    operations: OPERATIONS,
    invalid: "InvalidRequestException",
    internal: "InternalServiceError",
    throttled: 429,
    message: "Message",
    paging: Paging { in_body: false, max_results: "maxResults", next_token: "nextToken", answered: "NextToken" },
    arns: true,
    id: |id| (1..=255).contains(&id.len()),
    hidden: &[],
};

const APPLICATION_TYPE: Narrow = Narrow {
    member: "ApplicationType",
    read: |request| request.query("applicationType", &["STANDARD", "SERVICE", "MCP_SERVER", "A2A_SERVER"]),
};

#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    Operation::list("ListDataIntegrations", GET, "/dataIntegrations", ("DataIntegrations", 50), data_integration).called("data-integration-", "data-integration/{}"),
    Operation::list("ListEventIntegrations", GET, "/eventIntegrations", ("EventIntegrations", 50), event_integration).called("event-integration-", "event-integration/{}").ids(Ids::Name),
    Operation::list("ListApplications", GET, "/applications", ("Applications", 50), application).called("application-", "application/{}").narrowed(APPLICATION_TYPE),
    Operation::list("ListDataIntegrationAssociations", GET, "/dataIntegrations/{}/associations", ("DataIntegrationAssociations", 50), data_association).under(&["ListDataIntegrations"]).called("Association ", "data-integration-association/{}/{}"),
    Operation::list("ListEventIntegrationAssociations", GET, "/eventIntegrations/{}/associations", ("EventIntegrationAssociations", 50), event_association).under(&["ListEventIntegrations"]).called("Association ", "event-integration-association/{}/{}"),
];

fn data_integration(view: &View<'_>) -> Value {
    json!({ "Arn": view.arn(), "Name": view.name(), "SourceURI": format!("Salesforce://AppFlow/{}", view.marked_word()) })
}

fn event_integration(view: &View<'_>) -> Value {
    json!({
        "EventIntegrationArn": view.arn(),
        "Name": view.name(),
        "Description": view.text("Tickets of the help desk"),
        "EventFilter": { "Source": "aws.partner/zendesk.com/1" },
        "EventBridgeBus": "default",
        "Tags": view.tags(),
    })
}

fn application(view: &View<'_>) -> Value {
    json!({
        "Arn": view.arn(),
        "Id": view.id(),
        "Name": view.marked_name(),
        "Namespace": view.marked_word(),
        "CreatedTime": view.epoch(),
        "LastModifiedTime": view.epoch(),
        "LastModifiedRegion": view.world.region,
        "IsService": false,
        "ApplicationType": "STANDARD",
    })
}

fn data_association(view: &View<'_>) -> Value {
    json!({
        "DataIntegrationAssociationArn": view.arn(),
        "DataIntegrationArn": view.parent(0).1,
        "ClientId": view.marked_word(),
        "DestinationURI": format!("s3://{}", view.marked_word()),
        "LastExecutionStatus": { "ExecutionStatus": "COMPLETED", "StatusMessage": view.text("Done") },
    })
}

fn event_association(view: &View<'_>) -> Value {
    json!({
        "EventIntegrationAssociationArn": view.arn(),
        "EventIntegrationAssociationId": view.id(),
        "EventIntegrationName": view.parent(0).0,
        "ClientId": view.marked_word(),
        "EventBridgeRuleName": view.marked_word(),
        "ClientAssociationMetadata": { "owner": view.text("Ada") },
    })
}
