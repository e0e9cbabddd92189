//! What stands below Connect's items, over the wire.

mod common;

use common::{answer, read, request, stocked};
use serde_json::{Value, json};
use simaws::Sim;

/// Operation, method, the listing of the parents with its member, what stands below them with its
/// member, and the largest page.
type Line = (&'static str, &'static str, (&'static str, &'static str), (&'static str, &'static str), usize);

const CHILDREN: [Line; 5] = [
    (
        "ListQueueEmailAddresses",
        "GET",
        ("/queues-summary/{}", "QueueSummaryList"),
        ("/queues/{}/{id}/email-addresses", "EmailAddressMetadataList"),
        100,
    ),
    (
        "ListQueueQuickConnects",
        "GET",
        ("/queues-summary/{}", "QueueSummaryList"),
        ("/queues/{}/{id}/quick-connects", "QuickConnectSummaryList"),
        100,
    ),
    (
        "ListUserProficiencies",
        "GET",
        ("/users-summary/{}", "UserSummaryList"),
        ("/users/{}/{id}/proficiencies", "UserProficiencyList"),
        100,
    ),
    (
        "ListDataTableAttributes",
        "POST",
        ("/data-tables/{}", "DataTableSummaryList"),
        ("/data-tables/{}/{id}/attributes", "Attributes"),
        1000,
    ),
    (
        "ListDataTableValues",
        "POST",
        ("/data-tables/{}", "DataTableSummaryList"),
        ("/data-tables/{}/{id}/values/list", "Values"),
        1000,
    ),
];

/// The places in the stocked world that have children, and how many.
const STOCKED: [(&str, usize, usize); 5] = [
    ("ListQueueEmailAddresses", 2, 8),
    ("ListQueueQuickConnects", 4, 130),
    ("ListUserProficiencies", 19, 9),
    ("ListDataTableAttributes", 1, 40),
    ("ListDataTableValues", 1, 1_100),
];

async fn all(sim: &Sim, method: &str, path: &str, list: &str, size: usize) -> Vec<Value> {
    let (mut items, mut token) = (Vec::new(), String::new());
    for _ in 0..1_000 {
        let (status, body) =
            read(sim, request("connect", method, &format!("{path}?maxResults={size}{token}"), "")).await;
        assert_eq!(status, 200, "{path}: {body}");
        let page = body[list].as_array().unwrap_or_else(|| panic!("{path}: {body}"));
        assert!(page.len() <= size, "{path}");
        items.extend(page.iter().cloned());
        match body["NextToken"].as_str() {
            Some(next) => token = format!("&nextToken={}", next.replace('=', "%3D").replace('+', "%2B")),
            None => return items,
        }
    }
    panic!("{path} never ends");
}

#[tokio::test]
async fn the_ids_of_the_listings_lead_to_the_children() {
    let sim = Sim::new(stocked());
    let instance = sim.world().instances[0].id.clone();
    for (line, (operation, place, expected)) in CHILDREN.iter().zip(STOCKED) {
        let (name, method, (parents, parent_list), (path, list), max) = line;
        assert_eq!(*name, operation);
        let parents = all(&sim, "GET", &parents.replace("{}", &instance), parent_list, 100).await;
        for (index, parent) in parents.iter().enumerate() {
            let id = parent["Id"].as_str().expect("an id");
            let path = path.replace("{}", &instance).replace("{id}", id);
            sim.world().short_pages = false;
            let full = all(&sim, method, &path, list, *max).await;
            assert_eq!(full.len(), if index == place { expected } else { 0 }, "{path}");
            sim.world().short_pages = true;
            assert_eq!(all(&sim, method, &path, list, 30).await, full, "{path}");
            assert_eq!(sim.requests().last().map(|last| last.operation.clone()).as_deref(), Some(operation));
            if index > 0 {
                continue;
            }
            let over = format!("{path}?maxResults={}", max + 1);
            assert_eq!(read(&sim, request("connect", method, &over, "")).await.0, 400);
            let stranger = path.replace(id, "01234567-89ab-4def-8123-456789abcdef");
            let missing = answer(&sim, request("connect", method, &stranger, "")).await;
            assert_eq!(missing.status(), 404, "{stranger}");
            assert_eq!(missing.headers()["x-amzn-errortype"], "ResourceNotFoundException");
        }
    }
}

#[tokio::test]
async fn tables_say_which_attributes_are_primary() {
    let sim = Sim::new(stocked());
    let instance = sim.world().instances[0].id.clone();
    let (_, body) = read(&sim, request("connect", "GET", &format!("/data-tables/{instance}"), "")).await;
    let table = body["DataTableSummaryList"][1]["Id"].as_str().expect("an id").to_owned();
    let path = format!("/data-tables/{instance}/{table}");
    let attributes = all(&sim, "POST", &format!("{path}/attributes"), "Attributes", 1000).await;
    assert_eq!(attributes.iter().filter(|one| one["Primary"] == true).count(), 5);
    let values = all(&sim, "POST", &format!("{path}/values/list"), "Values", 1000).await;
    let known = |value: &Value| attributes.iter().any(|one| one["AttributeId"] == value["AttributeId"]);
    assert!(values.iter().all(|value| known(value) && value["PrimaryValues"].as_array().map(Vec::len) == Some(5)));
    for (list, name) in [("attributes", "AttributeIds"), ("values/list", "RecordIds")] {
        let uri = format!("{path}/{list}");
        for (body, status) in [(json!({ name: [] }), 200), (json!({ name: ["x"] }), 400), (json!({ name: 1 }), 400)] {
            assert_eq!(read(&sim, request("connect", "POST", &uri, body.to_string())).await.0, status, "{uri} {body}");
        }
    }
}

#[tokio::test]
async fn searches_count_what_belongs_to_profiles_and_hours() {
    let sim = Sim::new(stocked());
    let instance = sim.world().instances[0].id.clone();
    let search = |path: &str, more: Value| {
        let mut body = json!({ "InstanceId": instance });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        request("connect", "POST", path, body.to_string())
    };
    let (_, body) = read(&sim, search("/search-routing-profiles", json!({ "MaxResults": 500 }))).await;
    let numbers = |name: &str| -> Vec<u64> {
        body["RoutingProfiles"].as_array().into_iter().flatten().filter_map(|one| one[name].as_u64()).collect()
    };
    assert_eq!(body["ApproximateTotalCount"], 3);
    assert_eq!(numbers("NumberOfAssociatedQueues"), [0, 0, 48]);
    assert_eq!(numbers("NumberOfAssociatedManualAssignmentQueues"), [0, 0, 3]);
    assert_eq!(numbers("NumberOfAssociatedUsers"), [20, 0, 0]);
    assert_eq!(read(&sim, search("/search-routing-profiles", json!({ "MaxResults": 501 }))).await.0, 400);

    let hours =
        all(&sim, "GET", &format!("/hours-of-operations-summary/{instance}"), "HoursOfOperationSummaryList", 100).await;
    let path = "/search-hours-of-operation-overrides";
    assert_eq!(read(&sim, search(path, json!({ "MaxResults": 101 }))).await.0, 400);
    let (_, first) = read(&sim, search(path, json!({ "MaxResults": 100 }))).await;
    let (_, second) = read(&sim, search(path, json!({ "MaxResults": 100, "NextToken": first["NextToken"] }))).await;
    assert_eq!((first["ApproximateTotalCount"].as_u64(), second["NextToken"].is_null()), (Some(105), true));
    let rows =
        [&first, &second].into_iter().flat_map(|page| page["HoursOfOperationOverrides"].as_array().expect("rows"));
    let rows: Vec<&Value> = rows.collect();
    let of = |place: usize| rows.iter().filter(|row| row["HoursOfOperationId"] == hours[place]["Id"]).count();
    assert_eq!([of(0), of(1), of(2), of(3), rows.len()], [0, 60, 0, 45, 105]);
}

#[tokio::test]
async fn a_task_template_shows_its_fields() {
    let sim = Sim::new(stocked());
    let instance = sim.world().instances[0].id.clone();
    let path = format!("/instance/{instance}/task/template");
    let templates = all(&sim, "GET", &path, "TaskTemplates", 100).await;
    for (template, fields) in templates.iter().zip([0, 50]) {
        let id = template["Id"].as_str().expect("an id");
        let (status, body) = read(&sim, request("connect", "GET", &format!("{path}/{id}"), "")).await;
        assert_eq!((status, body["Fields"].as_array().map(Vec::len)), (200, Some(fields + 3)));
        assert_eq!((&body["Name"], &body["Arn"]), (&template["Name"], &template["Arn"]));
    }
    assert_eq!(read(&sim, request("connect", "GET", &format!("{path}/nobody"), "")).await.0, 404);
}
