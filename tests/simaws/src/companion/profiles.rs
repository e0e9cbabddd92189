//! Amazon Connect Customer Profiles. Domains and object types have no id but their name.

use serde_json::{Map, Value, json};

use super::answer::{View, ok};
use super::request::Request;
use super::{Api, Ids, Narrow, Operation, Paging};
use crate::wire::Answer;

const GET: &str = "GET";
const DOMAIN: &[&str] = &["ListDomains"];

pub(super) static API: Api = Api {
    name: "profile",
    operations: OPERATIONS,
    invalid: "BadRequestException",
    internal: "InternalServerException",
    throttled: 429,
    message: "Message",
    paging: Paging { in_body: false, max_results: "max-results", next_token: "next-token", answered: "NextToken" },
    arns: false,
    id: is_name,
    hidden: &[],
};

/// Checked, but nothing here is hidden.
const INCLUDE_HIDDEN: Narrow =
    Narrow { member: "", read: |request| request.query("include-hidden", &["true", "false"]).map(|_| Vec::new()) };

#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    Operation::list("ListDomains", GET, "/domains", ("Items", 100), domain).called("domain-", "domains/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListProfileObjectTypes", GET, "/domains/{}/object-types", ("Items", 100), object_type).under(DOMAIN).called("ObjectType-", "domains/{}/object-types/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListDomainObjectTypes", GET, "/domains/{}/domain-object-types", ("Items", 100), object_type).under(DOMAIN).called("DomainObjectType-", "domains/{}/domain-object-types/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListIntegrations", GET, "/domains/{}/integrations", ("Items", 100), integration).under(DOMAIN).called("source-", "domains/{}/integrations/{}").narrowed(INCLUDE_HIDDEN).rate(5.0, 5),
    Operation::list("ListEventTriggers", GET, "/domains/{}/event-triggers", ("Items", 100), event_trigger).under(DOMAIN).called("trigger-", "domains/{}/event-triggers/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListEventStreams", GET, "/domains/{}/event-streams", ("Items", 100), event_stream).under(DOMAIN).called("stream-", "domains/{}/event-streams/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListCalculatedAttributeDefinitions", GET, "/domains/{}/calculated-attributes", ("Items", 100), calculated_attribute).under(DOMAIN).called("attribute-", "domains/{}/calculated-attributes/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListRecommenders", GET, "/domains/{}/recommenders", ("Recommenders", 100), recommender).under(DOMAIN).called("recommender-", "domains/{}/recommenders/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListRecommenderFilters", GET, "/domains/{}/recommender-filters", ("RecommenderFilters", 100), recommender_filter).under(DOMAIN).called("filter-", "domains/{}/recommender-filters/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::list("ListRecommenderSchemas", GET, "/domains/{}/recommender-schemas", ("RecommenderSchemas", 100), recommender_schema).under(DOMAIN).called("schema-", "domains/{}/recommender-schemas/{}").ids(Ids::Name).rate(5.0, 5),
    Operation::detail("GetDomain", GET, "/domains/{}", get_domain).under(DOMAIN).rate(5.0, 5),
    Operation::detail("GetProfileObjectType", GET, "/domains/{}/object-types/{}", get_object_type).under(&["ListDomains", "ListProfileObjectTypes"]).called("key", "").ids(Ids::Name).rate(5.0, 5),
];

fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn domain(view: &View<'_>) -> Value {
    json!({ "DomainName": view.name(), "CreatedAt": view.epoch(), "LastUpdatedAt": view.epoch(), "Tags": view.tags() })
}

fn object_type(view: &View<'_>) -> Value {
    json!({
        "ObjectTypeName": view.name(),
        "Description": view.text("Orders of a customer"),
        "CreatedAt": view.epoch(),
        "LastUpdatedAt": view.epoch(),
        "Tags": view.tags(),
    })
}

fn integration(view: &View<'_>) -> Value {
    json!({
        "DomainName": view.parent(0).0,
        "Uri": format!("s3://{}", view.marked_word()),
        "ObjectTypeName": "CTR",
        "CreatedAt": view.epoch(),
        "LastUpdatedAt": view.epoch(),
        "IsUnstructured": false,
        "Tags": view.tags(),
    })
}

fn event_trigger(view: &View<'_>) -> Value {
    json!({
        "ObjectTypeName": "CTR",
        "EventTriggerName": view.marked_word(),
        "Description": view.text("A large order"),
        "CreatedAt": view.epoch(),
        "LastUpdatedAt": view.epoch(),
        "Tags": view.tags(),
    })
}

fn event_stream(view: &View<'_>) -> Value {
    let destination = view.world.arn("kinesis", &format!("stream/{}", view.marked_word()));
    json!({
        "DomainName": view.parent(0).0,
        "EventStreamName": view.marked_word(),
        "EventStreamArn": view.arn(),
        "State": "RUNNING",
        "DestinationSummary": { "Uri": destination, "Status": "HEALTHY" },
        "Tags": view.tags(),
    })
}

fn calculated_attribute(view: &View<'_>) -> Value {
    json!({
        "CalculatedAttributeName": view.marked_word(),
        "DisplayName": view.marked_name(),
        "Description": view.text("Calls of the last week"),
        "CreatedAt": view.epoch(),
        "LastUpdatedAt": view.epoch(),
        "Status": "COMPLETED",
        "Tags": view.tags(),
    })
}

fn recommender(view: &View<'_>) -> Value {
    json!({
        "RecommenderName": view.marked_word(),
        "RecipeName": "similar-items",
        "Description": view.text("What else a customer may want"),
        "CreatedAt": view.epoch(),
        "LastUpdatedAt": view.epoch(),
        "Status": "ACTIVE",
        "Tags": view.tags(),
    })
}

fn recommender_filter(view: &View<'_>) -> Value {
    json!({
        "RecommenderFilterName": view.marked_word(),
        "RecommenderFilterExpression": view.text("EXCLUDE ItemID WHERE Items.CATEGORY IN (\"shoes\")"),
        "CreatedAt": view.epoch(),
        "Description": view.text("No shoes"),
        "Status": "ACTIVE",
        "Tags": view.tags(),
    })
}

fn recommender_schema(view: &View<'_>) -> Value {
    json!({
        "RecommenderSchemaName": view.marked_word(),
        "Fields": { "_webAnalytics": [{ "TargetFieldName": "_webAnalytics.Attributes.page" }] },
        "CreatedAt": view.epoch(),
        "Status": "ACTIVE",
    })
}

fn get_domain(view: &View<'_>, _: &Request<'_>) -> Answer {
    let mut body = domain(view);
    body["DefaultExpirationDays"] = 30.into();
    body["Stats"] =
        json!({ "ProfileCount": 1_000, "MeteringProfileCount": 900, "ObjectCount": 4_000, "TotalSize": 9_000_000 });
    view.join(&mut body);
    ok(&body)
}

fn get_object_type(view: &View<'_>, _: &Request<'_>) -> Answer {
    let shown = view.shown("GetProfileObjectType");
    let key = |name: &str| json!([{ "StandardIdentifiers": ["PROFILE"], "FieldNames": [name] }]);
    let keys: Map<String, Value> = shown.iter().map(|one| (one.name.clone(), key(&one.name))).collect();
    let mut body = json!({
        "ObjectTypeName": view.name(),
        "Description": view.text("Orders of a customer"),
        "ExpirationDays": 30,
        "AllowProfileCreation": false,
        "Fields": {},
        "Keys": keys,
        "CreatedAt": view.epoch(),
        "LastUpdatedAt": view.epoch(),
        "Tags": view.tags(),
    });
    view.join(&mut body);
    ok(&body)
}
