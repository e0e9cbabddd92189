//! Amazon Connect Cases. Every operation is a `POST`, and pages are asked for in the query string.

use serde_json::{Value, json};

use super::answer::{View, arn, ok};
use super::request::Request;
use super::{Api, Ids, Narrow, Operation, Paging};
use crate::wire::Answer;

const POST: &str = "POST";
const DOMAIN: &[&str] = &["ListDomains"];

pub(super) static API: Api = Api {
    name: "cases",
    operations: OPERATIONS,
    invalid: "ValidationException",
    internal: "InternalServerException",
    throttled: 429,
    message: "message",
    paging: Paging { in_body: false, max_results: "maxResults", next_token: "nextToken", answered: "nextToken" },
    arns: false,
    id: |id| (1..=500).contains(&id.len()),
    hidden: &[],
};

const STATUS: Narrow = Narrow { member: "status", read: |request| request.query("status", &["Active", "Inactive"]) };
const VALUES: Narrow = Narrow { member: "value", read: |request| request.query("values", &[]) };

#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    Operation::list("ListDomains", POST, "/domains-list", ("domains", 10), domain).called("domain-", "domain/{}"),
    Operation::list("ListFields", POST, "/domains/{}/fields-list", ("fields", 100), field).under(DOMAIN).called("Field ", "domain/{}/field/{}"),
    Operation::list("ListTemplates", POST, "/domains/{}/templates-list", ("templates", 100), template).under(DOMAIN).called("Template ", "domain/{}/template/{}").narrowed(STATUS).rate(2.0, 10),
    Operation::list("ListLayouts", POST, "/domains/{}/layouts-list", ("layouts", 100), layout).under(DOMAIN).called("Layout ", "domain/{}/layout/{}").rate(2.0, 10),
    Operation::list("ListCaseRules", POST, "/domains/{}/rules-list/", ("caseRules", 100), rule).under(DOMAIN).called("Rule ", "domain/{}/case-rule/{}"),
    Operation::list("ListFieldOptions", POST, "/domains/{}/fields/{}/options-list", ("options", 100), option).under(&["ListDomains", "ListFields"]).called("Option ", "").narrowed(VALUES).rate(6.0, 15),
    Operation::detail("GetLayout", POST, "/domains/{}/layouts/{}", get_layout).under(&["ListDomains", "ListLayouts"]).called("Field ", "").ids(Ids::Like("ListFields")).rate(6.0, 20),
    Operation::detail("GetTemplate", POST, "/domains/{}/templates/{}", get_template).under(&["ListDomains", "ListTemplates"]).called("Rule ", "").ids(Ids::Like("ListCaseRules")).rate(6.0, 20),
    Operation::detail("BatchGetCaseRule", POST, "/domains/{}/rules-batch", batch_get_case_rule).under(DOMAIN).of("ListCaseRules").called("Parent value ", ""),
    Operation::part("childFieldOptionValues", "BatchGetCaseRule").called("Child value ", ""),
];

fn domain(view: &View<'_>) -> Value {
    json!({ "domainId": view.id(), "domainArn": view.arn(), "name": view.name() })
}

fn field(view: &View<'_>) -> Value {
    json!({ "fieldId": view.id(), "fieldArn": view.arn(), "name": view.name(), "type": "Text", "namespace": "Custom" })
}

fn template(view: &View<'_>) -> Value {
    let tags = json!([{ "resourceType": "Cases", "tagMap": view.tags() }]);
    json!({
        "templateId": view.id(),
        "templateArn": view.arn(),
        "name": view.name(),
        "status": "Active",
        "tagPropagationConfigurations": tags,
    })
}

fn layout(view: &View<'_>) -> Value {
    json!({ "layoutId": view.id(), "layoutArn": view.arn(), "name": view.name() })
}

fn rule(view: &View<'_>) -> Value {
    json!({
        "caseRuleId": view.id(),
        "caseRuleArn": view.arn(),
        "name": view.name(),
        "ruleType": "Required",
        "description": view.text("When a field is needed"),
    })
}

fn option(view: &View<'_>) -> Value {
    json!({ "name": view.marked_name(), "value": view.id(), "active": true })
}

/// The fields of a layout, in its two panels by turns.
fn get_layout(view: &View<'_>, _: &Request<'_>) -> Answer {
    let fields = view.shown("GetLayout");
    let panel = |turn: usize| {
        let ids: Vec<Value> = fields.iter().skip(turn).step_by(2).map(|field| json!({ "id": field.id })).collect();
        json!({ "sections": [{ "fieldGroup": { "name": view.text("Details"), "fields": ids } }] })
    };
    let (id, arn) = view.parent(1);
    let mut body = json!({
        "layoutId": id,
        "layoutArn": arn,
        "name": view.name(),
        "content": { "basic": { "topPanel": panel(0), "moreInfo": panel(1) } },
        "tags": view.tags(),
        "deleted": false,
        "createdTime": view.iso(),
        "lastModifiedTime": view.iso(),
    });
    view.join(&mut body);
    ok(&body)
}

fn get_template(view: &View<'_>, _: &Request<'_>) -> Answer {
    let rules: Vec<Value> = view.shown("GetTemplate").iter().map(|rule| json!({ "caseRuleId": rule.id })).collect();
    let (id, arn) = view.parent(1);
    let mut body = json!({
        "templateId": id,
        "templateArn": arn,
        "name": view.name(),
        "description": view.text("How cases of this kind look"),
        "status": "Active",
        "rules": rules,
        "requiredFields": [],
        "tags": view.tags(),
        "deleted": false,
        "createdTime": view.iso(),
        "lastModifiedTime": view.iso(),
    });
    view.join(&mut body);
    ok(&body)
}

/// Up to 50 rules of one domain. A rule that is not known is named among the errors.
fn batch_get_case_rule(view: &View<'_>, request: &Request<'_>) -> Answer {
    let wanted = request.body["caseRules"].as_array().filter(|rules| (1..=50).contains(&rules.len()));
    let wanted = wanted.ok_or_else(|| request.invalid("caseRules must hold 1 to 50 rules"))?;
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for identifier in wanted {
        let id = identifier["id"].as_str().ok_or_else(|| request.invalid("a case rule has no id"))?;
        match view.shown("ListCaseRules").iter().find(|rule| rule.id == id) {
            Some(rule) => {
                let arn = arn(view.world, view.api, "ListCaseRules", &view.above, rule);
                rules.push(json!({
                    "caseRuleId": rule.id,
                    "caseRuleArn": arn,
                    "name": rule.name,
                    "rule": details(view, rule),
                    "description": view.text("When a field is needed"),
                    "deleted": false,
                    "createdTime": view.iso(),
                    "lastModifiedTime": view.iso(),
                    "tags": view.tags(),
                }));
            }
            None => errors
                .push(json!({ "id": id, "errorCode": "ResourceNotFoundException", "message": "Case rule not found" })),
        }
    }
    ok(&json!({ "caseRules": rules, "errors": errors, "unprocessedCaseRules": [] }))
}

/// What a rule says, by its type: `Required`, `Hidden` or `FieldOptions`.
fn details(view: &View<'_>, rule: &super::Resource) -> Value {
    let parts = rule.shown_by("BatchGetCaseRule");
    let text = |name: &str| view.text(name);
    match rule.text("ruleType") {
        Some("FieldOptions") => {
            let mappings: Vec<Value> = parts
                .iter()
                .map(|parent| {
                    let children = parent.shown_by("childFieldOptionValues");
                    let values: Vec<String> = children.iter().map(|child| text(&child.name)).collect();
                    json!({ "parentFieldOptionValue": text(&parent.name), "childFieldOptionValues": values })
                })
                .collect();
            json!({ "fieldOptions": { "parentChildFieldOptionsMappings": mappings } })
        }
        kind => {
            let member = if kind == Some("Hidden") { "hidden" } else { "required" };
            let condition = |part: &super::Resource| {
                let field = json!({ "fieldId": part.id });
                json!({ "equalTo": { "operandOne": field, "operandTwo": { "stringValue": text("x") }, "result": true } })
            };
            let conditions: Vec<Value> = parts.iter().map(condition).collect();
            json!({ member: { "defaultValue": false, "conditions": conditions } })
        }
    }
}
