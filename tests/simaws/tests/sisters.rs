//! The companion services over their wire.

mod common;

use std::collections::BTreeSet;

use bytes::Bytes;
use common::{answer, code, read, request, stocked};
use http::Request;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Reply, Sim, Throttle, Times, Unconnected, World};

/// A listing on its wire: where it is, how a page is asked for and answered.
struct Listing {
    service: &'static str,
    method: &'static str,
    path: String,
    list: &'static str,
    max: usize,
    expected: usize,
}

/// Every listing of the stocked world, below the resources that have the most of everything.
fn listings(world: &World) -> Vec<Listing> {
    let id = |service: &str, listing: &str| world.resources[service][listing][0].id.clone();
    let cases = format!("/domains/{}", id("cases", "ListDomains"));
    let field = world.resources["cases"]["ListDomains"][0].children["ListFields"][0].id.clone();
    let profile = format!("/domains/{}", id("profile", "ListDomains"));
    let bases = &world.resources["wisdom"]["ListKnowledgeBases"];
    let base = |place: usize| format!("/knowledgeBases/{}", bases[place].id);
    let template = &bases[1].children["ListMessageTemplates"][0].id;
    let data = id("app-integrations", "ListDataIntegrations");
    let event = id("app-integrations", "ListEventIntegrations");
    let mut all = Vec::new();
    let mut add = |service, method, path: String, list, max, expected| {
        all.push(Listing { service, method, path, list, max, expected });
    };
    add("cases", "POST", "/domains-list".to_owned(), "domains", 10, 12);
    add("cases", "POST", format!("{cases}/fields-list"), "fields", 100, 430);
    add("cases", "POST", format!("{cases}/templates-list"), "templates", 100, 3);
    add("cases", "POST", format!("{cases}/layouts-list"), "layouts", 100, 120);
    add("cases", "POST", format!("{cases}/rules-list"), "caseRules", 100, 4);
    add("cases", "POST", format!("{cases}/fields/{field}/options-list"), "options", 100, 101);
    add("profile", "GET", "/domains".to_owned(), "Items", 100, 2);
    add("profile", "GET", format!("{profile}/object-types"), "Items", 100, 101);
    add("profile", "GET", format!("{profile}/domain-object-types"), "Items", 100, 2);
    add("profile", "GET", format!("{profile}/integrations"), "Items", 100, 3);
    add("profile", "GET", format!("{profile}/event-triggers"), "Items", 100, 4);
    add("profile", "GET", format!("{profile}/event-streams"), "Items", 100, 1);
    add("profile", "GET", format!("{profile}/calculated-attributes"), "Items", 100, 5);
    add("profile", "GET", format!("{profile}/recommenders"), "Recommenders", 100, 6);
    add("profile", "GET", format!("{profile}/recommender-filters"), "RecommenderFilters", 100, 7);
    add("profile", "GET", format!("{profile}/recommender-schemas"), "RecommenderSchemas", 100, 8);
    add("wisdom", "GET", "/assistants".to_owned(), "assistantSummaries", 100, 2);
    add("wisdom", "GET", "/knowledgeBases".to_owned(), "knowledgeBaseSummaries", 100, 3);
    let assistant = id("wisdom", "ListAssistants");
    add("wisdom", "GET", format!("/assistants/{assistant}/associations"), "assistantAssociationSummaries", 100, 2);
    add("wisdom", "GET", format!("{}/contents", base(0)), "contentSummaries", 100, 205);
    add("wisdom", "GET", format!("{}/messageTemplates", base(1)), "messageTemplateSummaries", 100, 150);
    add("wisdom", "GET", format!("{}/quickResponses", base(2)), "quickResponseSummaries", 100, 7);
    let versions = format!("{}/messageTemplates/{template}/versions", base(1));
    add("wisdom", "GET", versions, "messageTemplateVersionSummaries", 100, 5);
    add("app-integrations", "GET", "/dataIntegrations".to_owned(), "DataIntegrations", 50, 2);
    add("app-integrations", "GET", "/eventIntegrations".to_owned(), "EventIntegrations", 50, 3);
    add("app-integrations", "GET", "/applications".to_owned(), "Applications", 50, 51);
    let associations = format!("/dataIntegrations/{data}/associations");
    add("app-integrations", "GET", associations, "DataIntegrationAssociations", 50, 9);
    let associations = format!("/eventIntegrations/{event}/associations");
    add("app-integrations", "GET", associations, "EventIntegrationAssociations", 50, 4);
    add("connect-campaigns", "POST", "/v2/campaigns-summary".to_owned(), "campaignSummaryList", 50, 60);
    all
}

impl Listing {
    /// A request for one page; the names of its parameters are the service's own.
    fn request(&self, size: usize, token: Option<&str>) -> Request<Bytes> {
        let (max_results, next_token) =
            if self.service == "profile" { ("max-results", "next-token") } else { ("maxResults", "nextToken") };
        if self.service == "connect-campaigns" {
            let mut body = json!({ max_results: size });
            if let Some(token) = token {
                body[next_token] = token.into();
            }
            return request(self.service, self.method, &self.path, body.to_string());
        }
        let token = token.map(|token| token.replace('=', "%3D").replace('+', "%2B").replace('/', "%2F"));
        let token = token.map(|token| format!("&{next_token}={token}")).unwrap_or_default();
        request(self.service, self.method, &format!("{}?{max_results}={size}{token}", self.path), "")
    }

    async fn all(&self, sim: &Sim, size: usize) -> Vec<Value> {
        let answered = if ["profile", "app-integrations"].contains(&self.service) { "NextToken" } else { "nextToken" };
        let (mut items, mut token) = (Vec::new(), None::<String>);
        for _ in 0..1_000 {
            let (status, body) = read(sim, self.request(size, token.as_deref())).await;
            assert_eq!(status, 200, "{}: {body}", self.path);
            let page = body[self.list].as_array().unwrap_or_else(|| panic!("{}: {body}", self.path));
            assert!(page.len() <= size, "{}", self.path);
            items.extend(page.iter().cloned());
            token = body[answered].as_str().map(str::to_owned);
            if token.is_none() {
                return items;
            }
        }
        panic!("{} never ends", self.path);
    }
}

#[tokio::test]
async fn every_listing_is_whole_whatever_its_pages() {
    let sim = Sim::new(stocked());
    let listings = listings(&sim.world());
    for listing in &listings {
        sim.world().short_pages = false;
        let full = listing.all(&sim, listing.max).await;
        assert_eq!(full.len(), listing.expected, "{}", listing.path);
        let distinct: BTreeSet<String> = full.iter().map(Value::to_string).collect();
        assert_eq!(distinct.len(), listing.expected, "{}", listing.path);
        assert_eq!(listing.all(&sim, 7.min(listing.max)).await, full, "{}", listing.path);
        sim.world().short_pages = true;
        assert_eq!(listing.all(&sim, 7.min(listing.max)).await, full, "{}", listing.path);
    }
}

#[tokio::test]
async fn sizes_and_tokens_are_checked_with_the_errors_of_the_service() {
    let sim = Sim::new(stocked());
    let listings = listings(&sim.world());
    for listing in &listings {
        let invalid = match listing.service {
            "profile" => "BadRequestException",
            "app-integrations" => "InvalidRequestException",
            _ => "ValidationException",
        };
        let message = if ["profile", "app-integrations"].contains(&listing.service) { "Message" } else { "message" };
        for (size, token) in [(0, None), (listing.max + 1, None), (1, Some("made"))] {
            let refused = answer(&sim, listing.request(size, token)).await;
            assert_eq!((refused.status().as_u16(), code(&refused)), (400, invalid), "{} {size}", listing.path);
            let body: Value = serde_json::from_slice(refused.body()).expect("an error");
            assert!(body[message].is_string(), "{body}");
        }
        let request =
            request(listing.service, listing.method, &format!("{}?maxResults=x&max-results=x", listing.path), "");
        let refused = answer(&sim, request).await;
        if listing.service == "connect-campaigns" {
            assert_eq!(refused.status(), 200, "the query string is nothing to campaigns");
        } else {
            assert_eq!(code(&refused), "SerializationException", "{}", listing.path);
        }
    }
    let token = read(&sim, request("cases", "POST", "/domains-list?maxResults=5", "")).await.1["nextToken"].clone();
    let token = token.as_str().expect("more domains").replace('=', "%3D");
    let uri = |domain: &str| format!("/domains/{domain}/fields-list?nextToken={token}");
    let domain = sim.world().resources["cases"]["ListDomains"][0].id.clone();
    let other = answer(&sim, request("cases", "POST", &uri(&domain), "")).await;
    assert_eq!(code(&other), "ValidationException", "a token is of one listing");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let sim = Sim::new(stocked());
    const NOBODY: &str = "01234567-89ab-4def-8123-456789abcdef";
    for (service, method, path) in [
        ("cases", "POST", format!("/domains/{NOBODY}/fields-list")),
        ("cases", "POST", format!("/domains/{NOBODY}/layouts/{NOBODY}")),
        ("profile", "GET", "/domains/nobody/integrations".to_owned()),
        ("profile", "GET", "/domains/profiles/object-types/nobody".to_owned()),
        ("wisdom", "GET", format!("/knowledgeBases/{NOBODY}/contents")),
        ("wisdom", "GET", format!("/assistants/{NOBODY}/associations")),
        ("app-integrations", "GET", format!("/dataIntegrations/{NOBODY}/associations")),
        ("app-integrations", "GET", "/eventIntegrations/nobody/associations".to_owned()),
    ] {
        let missing = answer(&sim, request(service, method, &path, "")).await;
        assert_eq!((missing.status().as_u16(), code(&missing)), (404, "ResourceNotFoundException"), "{path}");
    }
    for (service, path) in [("wisdom", "/knowledgeBases/x/contents"), ("profile", "/domains/a%20b/integrations")] {
        assert_eq!(answer(&sim, request(service, "GET", path, "")).await.status(), 400, "{path}");
    }
    for (service, method, path) in [
        ("cases", "GET", "/domains-list"),
        ("profile", "GET", "/"),
        ("wisdom", "GET", "/assistants/"),
        ("wisdom", "GET", "/assistant"),
    ] {
        let status = answer(&sim, request(service, method, path, "")).await.status();
        assert_eq!(status == 200, path == "/assistants/", "{service} {path}");
    }
}

#[tokio::test]
async fn a_service_may_be_missing_or_closed() {
    let mut world = stocked();
    world.not_offered.insert("connect-campaigns");
    world.not_enabled.insert("cases");
    let sim = Sim::new(world);
    let campaigns = || request("connect-campaigns", "POST", "/v2/campaigns-summary", "{}");
    assert!(matches!(sim.handle(campaigns()).await, Reply::Unconnected(Unconnected::NoSuchName)));
    assert_eq!(
        sim.requests().last().map(|last| (last.operation.clone(), last.status)),
        Some(("ListCampaigns".to_owned(), 0))
    );
    let closed = answer(&sim, request("cases", "POST", "/domains-list", "")).await;
    assert_eq!((closed.status().as_u16(), code(&closed)), (403, "SubscriptionRequiredException"));
    let quotas = |service: &str| {
        let body = json!({ "ServiceCode": service }).to_string();
        let mut request = request("servicequotas", "POST", "/", body);
        let target = "ServiceQuotasV20190624.ListServiceQuotas".parse().expect("a header");
        request.headers_mut().insert("x-amz-target", target);
        request
    };
    let (status, body) = read(&sim, quotas("connect-campaigns")).await;
    assert_eq!((status, body["__type"].as_str()), (400, Some("NoSuchResourceException")));
    assert_eq!(read(&sim, quotas("cases")).await.0, 200);
    assert_eq!(read(&sim, request("wisdom", "GET", "/assistants", "")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn each_operation_has_its_own_bucket() {
    let mut world = stocked();
    (world.throttle, world.live_traffic) = (Throttle::Shared, Some(2.0));
    let sim = Sim::new(world);
    for (service, method, path, burst, status) in [
        ("cases", "POST", "/domains-list", 5, 429),
        ("profile", "GET", "/domains", 5, 429),
        ("wisdom", "GET", "/assistants", 10, 400),
        ("app-integrations", "GET", "/applications", 5, 429),
        ("connect-campaigns", "POST", "/v2/campaigns-summary", 10, 429),
    ] {
        for _ in 0..burst {
            assert_eq!(answer(&sim, request(service, method, path, "")).await.status(), 200, "{service}");
        }
        let refused = answer(&sim, request(service, method, path, "")).await;
        assert_eq!((refused.status().as_u16(), code(&refused)), (status, "ThrottlingException"), "{service}");
        assert!(sim.requests().last().is_some_and(|last| last.throttled), "{service}");
    }
    assert_eq!(answer(&sim, request("wisdom", "GET", "/knowledgeBases", "")).await.status(), 200);
}

#[tokio::test]
async fn faults_strike_companion_services_too() {
    let sim = Sim::new(stocked());
    let domain = sim.world().resources["cases"]["ListDomains"][0].id.clone();
    sim.script(
        Fault::new("cases", FaultKind::AccessDenied).operation("ListFields").instance(&domain).times(Times::Forever),
    );
    let fields = request("cases", "POST", &format!("/domains/{domain}/fields-list"), "");
    let denied = answer(&sim, fields).await;
    assert_eq!(denied.status(), 403);
    assert!(String::from_utf8_lossy(denied.body()).contains("cases:ListFields"));
    assert_eq!(
        answer(&sim, request("cases", "POST", &format!("/domains/{domain}/layouts-list"), "")).await.status(),
        200
    );
    sim.script(Fault::new("app-integrations", FaultKind::InternalError));
    let broken = answer(&sim, request("app-integrations", "GET", "/applications", "")).await;
    assert_eq!((broken.status().as_u16(), code(&broken)), (500, "InternalServiceError"));
}

/// A name that may be shown is plain; all other text of people carries the marker.
#[tokio::test]
async fn free_text_is_marked_and_shown_names_are_not() {
    let sim = Sim::new(stocked());
    sim.world().marker = Some("PII-7".to_owned());
    let listings = listings(&sim.world());
    let shown = [
        "domains-list",
        "fields-list",
        "templates-list",
        "layouts-list",
        "rules-list",
        "/domains",
        "object-types",
        "/assistants",
        "/knowledgeBases",
        "messageTemplates",
        "versions",
        "dataIntegrations",
        "eventIntegrations",
    ];
    for listing in &listings {
        let plain =
            shown.iter().any(|path| listing.path.ends_with(path)) && !listing.path.ends_with("domain-object-types");
        for item in listing.all(&sim, listing.max).await {
            for (name, value) in item.as_object().expect("an item") {
                let text = value.to_string();
                match name.to_ascii_lowercase().as_str() {
                    "description" | "tags" => assert!(text.contains("PII-7"), "{}: {name} {text}", listing.path),
                    "name" | "title" => assert_eq!(plain, !text.contains("PII-7"), "{}: {name} {text}", listing.path),
                    _ => {}
                }
            }
        }
    }
}
