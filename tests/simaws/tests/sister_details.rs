//! What the companion services show of single resources, and how parameters narrow their listings.

mod common;

use std::collections::BTreeSet;

use common::{answer, code, read, request, stocked};
use serde_json::{Value, json};
use simaws::Sim;

#[tokio::test]
async fn a_knowledge_base_holds_one_kind_of_thing() {
    let sim = Sim::new(stocked());
    let bases: Vec<String> =
        sim.world().resources["wisdom"]["ListKnowledgeBases"].iter().map(|base| base.id.clone()).collect();
    for (place, things, status) in [
        (0, "contents", 200),
        (0, "messageTemplates", 400),
        (0, "quickResponses", 400),
        (1, "contents", 200),
        (1, "messageTemplates", 200),
        (1, "quickResponses", 400),
        (2, "messageTemplates", 400),
        (2, "quickResponses", 200),
    ] {
        let answer =
            answer(&sim, request("wisdom", "GET", &format!("/knowledgeBases/{}/{things}", bases[place]), "")).await;
        assert_eq!(answer.status(), status, "{place} {things}");
        assert_eq!(status == 400, code(&answer) == "ValidationException");
    }
    let arn = sim.world().arn_of("wisdom", "ListKnowledgeBases", 0).replace('/', "%2F");
    assert_eq!(
        answer(&sim, request("wisdom", "GET", &format!("/knowledgeBases/{arn}/contents"), "")).await.status(),
        200
    );
}

#[tokio::test]
async fn details_show_what_is_below() {
    let sim = Sim::new(stocked());
    let domain = sim.world().resources["cases"]["ListDomains"][0].clone();
    let cases = |path: String, body: Value| {
        request("cases", "POST", &format!("/domains/{}{path}", domain.id), body.to_string())
    };
    let layout = &domain.children["ListLayouts"][0].id;
    let (_, shown) = read(&sim, cases(format!("/layouts/{layout}"), json!({}))).await;
    let mut ids = BTreeSet::new();
    for panel in ["topPanel", "moreInfo"] {
        let sections = shown["content"]["basic"][panel]["sections"].as_array().expect("sections");
        let fields = sections.iter().flat_map(|section| section["fieldGroup"]["fields"].as_array().expect("fields"));
        ids.extend(fields.map(|field| field["id"].as_str().expect("an id").to_owned()));
    }
    let known: BTreeSet<String> = domain.children["ListFields"].iter().map(|field| field.id.clone()).collect();
    assert_eq!((ids.len(), ids.is_subset(&known)), (101, true), "a layout names fields of its domain");

    let template = &domain.children["ListTemplates"][0].id;
    let (_, shown) = read(&sim, cases(format!("/templates/{template}"), json!({}))).await;
    let rules = shown["rules"].as_array().expect("rules");
    let named: Vec<_> = rules.iter().map(|rule| json!({ "id": rule["caseRuleId"] })).collect();
    assert_eq!(named.len(), 3);
    let (_, shown) = read(&sim, cases("/rules-batch".to_owned(), json!({ "caseRules": named }))).await;
    assert_eq!(shown["errors"], json!([]), "a template names rules of its domain");
    let mappings = shown["caseRules"][0]["rule"]["fieldOptions"]["parentChildFieldOptionsMappings"].as_array();
    let mappings = mappings.expect("field options");
    assert_eq!(mappings.len(), 4);
    assert_eq!(mappings[1]["childFieldOptionValues"].as_array().map(Vec::len), Some(6));
    assert!(shown["caseRules"][1]["rule"]["required"]["conditions"].is_array());
    let batch = |ids: usize| json!({ "caseRules": vec![json!({ "id": "nobody" }); ids] });
    for (ids, status) in [(0, 400), (1, 200), (50, 200), (51, 400)] {
        assert_eq!(read(&sim, cases("/rules-batch".to_owned(), batch(ids))).await.0, status, "{ids}");
    }
    let (_, shown) = read(&sim, cases("/rules-batch".to_owned(), batch(1))).await;
    assert_eq!(
        (shown["caseRules"].as_array().map(Vec::len), shown["errors"][0]["id"].as_str()),
        (Some(0), Some("nobody"))
    );

    let (_, shown) = read(&sim, request("profile", "GET", "/domains/profiles/object-types/ObjectType-1", "")).await;
    assert_eq!(shown["Keys"].as_object().map(|keys| keys.len()), Some(9));
    let base = sim.world().resources["wisdom"]["ListKnowledgeBases"][1].clone();
    let template = &base.children["ListMessageTemplates"][0].id;
    let path = format!("/knowledgeBases/{}/messageTemplates/{template}", base.id);
    let (_, shown) = read(&sim, request("wisdom", "GET", &path, "")).await;
    assert_eq!(shown["messageTemplate"]["attachments"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn parameters_narrow_listings_as_they_say() {
    let sim = Sim::new(stocked());
    let second = sim.world().instances[1].id.clone();
    let campaigns = |filters: Value| {
        request("connect-campaigns", "POST", "/v2/campaigns-summary", json!({ "filters": filters }).to_string())
    };
    let (_, shown) = read(&sim, campaigns(json!({ "instanceIdFilter": { "value": second, "operator": "Eq" } }))).await;
    let shown = shown["campaignSummaryList"].as_array().cloned().expect("campaigns");
    assert!(shown.len() == 10 && shown.iter().all(|one| one["connectInstanceId"] == *second && one["state"].is_null()));
    for wrong in [json!({ "instanceIdFilter": { "value": second } }), json!({ "instanceIdFilter": {} }), json!([])] {
        assert_eq!(read(&sim, campaigns(wrong)).await.0, 400);
    }
    let states = |ids: Value| {
        request("connect-campaigns", "POST", "/v2/campaigns-state", json!({ "campaignIds": ids }).to_string())
    };
    let (_, body) = read(&sim, states(json!([shown[0]["id"], shown[1]["id"], "nobody"]))).await;
    assert_eq!(body["successfulRequests"][0]["state"], "Paused");
    assert_eq!(body["successfulRequests"][1], json!({ "campaignId": shown[1]["id"], "state": "Running" }));
    assert_eq!(body["failedRequests"], json!([{ "campaignId": "nobody", "failureCode": "ResourceNotFound" }]));
    assert_eq!(read(&sim, states(json!(vec!["x"; 25]))).await.0, 200);
    assert_eq!(read(&sim, states(json!(vec!["x"; 26]))).await.0, 400);
    assert_eq!(read(&sim, states(json!([]))).await.0, 400);

    let domain = sim.world().resources["cases"]["ListDomains"][0].id.clone();
    for (query, expected) in [("", 3), ("?status=Inactive", 1), ("?status=Inactive&status=Active", 3)] {
        let path = format!("/domains/{domain}/templates-list{query}");
        let (_, body) = read(&sim, request("cases", "POST", &path, "")).await;
        assert_eq!(body["templates"].as_array().map(Vec::len), Some(expected), "{query}");
    }
    let path = format!("/domains/{domain}/templates-list?status=x");
    assert_eq!(read(&sim, request("cases", "POST", &path, "")).await.0, 400);
    let (_, body) = read(&sim, request("app-integrations", "GET", "/applications?applicationType=SERVICE", "")).await;
    assert_eq!(body["Applications"], json!([]));
}
