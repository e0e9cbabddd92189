//! What single quotas count: worlds in which another count would tell something else.

use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{FaultKind, World};

use crate::harness::{Bench, NOON, quiet, row, with_status};

const FORMS: &str = "Versions per evaluation form";
const LANGUAGE: &str = "Rules with a natural-language condition per event source";
const GROUPS: &str = "Traffic distribution groups per instance";
const REPLICAS: &str = "Replica instances";
const JOBS: &str = "Concurrent bulk export jobs";
const LIVE_CALLS: &str = "Concurrent real-time calls with analytics";
const TEMPLATE_RULES: &str = "L-8F7DFC0D";
const EXPIRATION: &str = "L-3217D1F1";
const EMAIL: &str = "L-2836100B";
const SMS: &str = "L-748F3E94";

/// The number of a form's newest version is a bound: deleted ones leave a gap, and only a look tells.
#[tokio::test(start_paused = true)]
async fn versions_of_a_form_are_looked_at_where_its_number_could_be_too_many() {
    for (versions, newest, usage, status, bound, visits) in [
        (49, 49, 49.0, "critical", Value::Null, 1),
        (3, 60, 3.0, "ok", Value::Null, 1),
        (3, 39, 39.0, "ok", json!("upper"), 0),
        (1, 1, 1.0, "ok", Value::Null, 0),
    ] {
        let mut world = quiet(1);
        world.instances[0].set("ListEvaluationForms", 3);
        world.instances[0].set_children("ListEvaluationFormVersions", 2, versions).set_children(
            "LatestVersion",
            2,
            newest,
        );
        let mut bench = Bench::new(world);
        let report = bench.dry_run().await;
        let row = row(&report["instances"][0], FORMS);
        assert_eq!((&row["usage"], &row["status"], &row["bound"]), (&json!(usage), &json!(status), &bound), "{row}");
        let looked = bench.calls("connect").iter().filter(|call| *call == "ListEvaluationFormVersions").count();
        assert_eq!(looked, visits, "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_rules_with_a_condition_in_natural_language_the_fullest_source_counts() {
    let mut world = quiet(1);
    for (source, rules, language) in [("OnPostCallAnalysisAvailable", 200, 60), ("OnPostChatAnalysisAvailable", 90, 85)]
    {
        world.instances[0].rules.insert(source.to_owned(), rules);
        world.instances[0].language_rules.insert(source.to_owned(), language);
    }
    let report = Bench::new(world).dry_run().await;
    let row = row(&report["instances"][0], LANGUAGE);
    assert_eq!((&row["usage"], &row["status"]), (&json!(85.0), &json!("warning")), "{row}");
    assert_eq!(row["resource"], "OnPostChatAnalysisAvailable", "{row}");
}

/// One listing tells the groups of all instances, and only the replicated ones are asked whose replica they are.
#[tokio::test(start_paused = true)]
async fn groups_and_replicas_cost_no_call_for_each_instance() {
    let mut world = quiet(3);
    world.instances[1].traffic_groups = 7;
    world.instances[2].traffic_groups = 1;
    world.instances[2].replica_of = Some("us-west-2".to_owned());
    let mut bench = Bench::new(world);
    let report = bench.dry_run().await;
    let usage = |place: usize| row(&report["instances"][place], GROUPS)["usage"].clone();
    assert_eq!([usage(0), usage(1), usage(2)], [json!(0.0), json!(7.0), json!(1.0)]);
    assert_eq!(row(&report["instances"][1], GROUPS)["status"], "warning");
    // The source of a replication is none.
    assert_eq!(row(&report["account"], REPLICAS)["usage"], 1.0);
    let calls = bench.calls("connect");
    let of = |operation: &str| calls.iter().filter(|call| *call == operation).count();
    assert_eq!((of("ListTrafficDistributionGroups"), of("DescribeInstance")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_look_at_a_replicated_instance_makes_the_replicas_unknown_alone() {
    let mut world = quiet(1);
    world.instances[0].traffic_groups = 2;
    let mut bench = Bench::new(world);
    bench.always("connect", "DescribeInstance", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    assert_eq!(row(&report["account"], REPLICAS)["status"], "unknown");
    assert_eq!(row(&report["instances"][0], GROUPS)["usage"], 2.0);
    assert_eq!(
        (with_status(&report["account"], "unknown").len(), with_status(&report["instances"][0], "unknown").len()),
        (1, 0)
    );
}

/// Rules of another type are in a template, too.
#[tokio::test(start_paused = true)]
async fn a_templates_rules_are_those_about_field_options() {
    let mut world = quiet(1);
    world.quotas.set_account(TEMPLATE_RULES, 10.0);
    let domain = world.add("cases", "ListDomains", "support");
    domain.add("ListCaseRules", 12).add("ListTemplates", 1);
    domain.child("ListTemplates", 0).add("GetTemplate", 12);
    for rule in 0..4 {
        domain.child("ListCaseRules", rule).set("ruleType", "FieldOptions");
    }
    let mut bench = Bench::new(world);
    let report = bench.dry_run().await;
    let rules = row(&report["account"], TEMPLATE_RULES);
    assert_eq!((&rules["usage"], &rules["status"]), (&json!(4.0), &json!("ok")), "{rules}");
    // Without their types nobody can tell.
    bench.always("cases", "ListCaseRules", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    assert_eq!(row(&report["account"], TEMPLATE_RULES)["status"], "unknown");
}

#[tokio::test(start_paused = true)]
async fn jobs_are_those_of_connects_own_data_that_run() {
    let world = |per_integration: usize, source: &str| {
        let mut world = quiet(1);
        world.add_many("app-integrations", "ListDataIntegrations", 3);
        for place in 0..3 {
            let integration = world.resource("app-integrations", "ListDataIntegrations", place);
            integration.set("SourceURI", source).add("ListDataIntegrationAssociations", per_integration + 2);
            for job in 0..per_integration {
                let running = json!({ "ExecutionStatus": "IN_PROGRESS" });
                integration.child("ListDataIntegrationAssociations", job).set("LastExecutionStatus", running);
            }
        }
        world
    };
    for (jobs, source, usage, status) in [
        (6, "AmazonConnect://AppIntegrations/x", 18.0, "warning"),
        (6, "Salesforce://AppFlow/x", 0.0, "ok"),
        (0, "AmazonConnect://AppIntegrations/x", 0.0, "ok"),
    ] {
        let report = Bench::new(world(jobs, source)).dry_run().await;
        let row = row(&report["account"], JOBS);
        assert_eq!((&row["usage"], &row["status"]), (&json!(usage), &json!(status)), "{row}");
    }
    let mut bench = Bench::new(world(6, "AmazonConnect://AppIntegrations/x"));
    bench.always("app-integrations", "ListDataIntegrationAssociations", FaultKind::AccessDenied);
    assert_eq!(row(&bench.dry_run().await["account"], JOBS)["status"], "unknown");
}

/// The longest of a domain's own and its object types'.
#[tokio::test(start_paused = true)]
async fn the_longest_expiration_counts_wherever_it_is_set() {
    for (of_domain, of_type, usage, status) in [
        (30, 400, 400.0, "ok"),
        (1_000, 400, 1_000.0, "ok"),
        (1_098, 30, 1_098.0, "ok"),
        (1_099, 30, 1_099.0, "critical"),
    ] {
        let mut world = quiet(1);
        let domain = world.add("profile", "ListDomains", "crm").set("DefaultExpirationDays", of_domain);
        domain.add("ListProfileObjectTypes", 2);
        domain.child("ListProfileObjectTypes", 0).set("ExpirationDays", of_type);
        domain.child("ListProfileObjectTypes", 1).set("ExpirationDays", 5);
        let mut bench = Bench::new(world);
        let report = bench.dry_run().await;
        let days = row(&report["account"], EXPIRATION);
        assert_eq!((&days["usage"], &days["status"]), (&json!(usage), &json!(status)), "{days}");
        bench.always("profile", "GetDomain", FaultKind::AccessDenied);
        let report = bench.dry_run().await;
        assert_eq!(with_status(&report["account"], "unknown"), [EXPIRATION]);
    }
}

/// Characters, not bytes; the subject counts with both bodies. No text is kept.
#[tokio::test(start_paused = true)]
async fn the_length_of_a_templates_text_is_measured() {
    let mut world = quiet(1);
    let base = world.add("wisdom", "ListKnowledgeBases", "templates").set("knowledgeBaseType", "MESSAGE_TEMPLATES");
    base.add("ListMessageTemplates", 2);
    let body = |n: usize| json!({ "content": "ß".repeat(n) });
    let email = json!({ "email": { "subject": "Hello", "body": { "html": body(40), "plainText": body(20) } } });
    base.child("ListMessageTemplates", 0).set("content", email);
    base.child("ListMessageTemplates", 1).set("content", json!({ "sms": { "body": { "plainText": body(700) } } }));
    let report = Bench::new(world).dry_run().await;
    let (email, sms) = (row(&report["account"], EMAIL), row(&report["account"], SMS));
    assert_eq!((&email["usage"], &email["resource"]), (&json!(65.0), &json!("templates / Template 1")), "{email}");
    assert_eq!(
        (&sms["usage"], &sms["status"]),
        (&json!(700.0), &json!("ok")),
        "written within its bound, nothing is wrong: {sms}"
    );
    assert!(!report.to_string().contains("ßß"));
}

/// All calls of all instances are more than those that are analysed: low enough, they prove it.
#[tokio::test(start_paused = true)]
async fn calls_with_analytics_are_bounded_by_all_calls() {
    for (calls, usage, status) in [([100.0, 50.0], json!(150.0), "ok"), ([200.0, 250.0], Value::Null, "not_measurable")]
    {
        let mut world = quiet(2);
        for (place, value) in calls.into_iter().enumerate() {
            let id = world.instances[place].id.clone();
            let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "VoiceCalls")];
            world.metrics.put("AWS/Connect", "ConcurrentCalls", &dimensions, NOON - 600, value);
        }
        let mut bench = Bench::new(world);
        let report = bench.dry_run().await;
        let row_of = |report: &Value| row(&report["account"], LIVE_CALLS).clone();
        let row = row_of(&report);
        assert_eq!((&row["usage"], &row["status"]), (&usage, &json!(status)), "{row}");
        assert_eq!(row["bound"] == "upper", status == "ok", "{row}");
        // Of one instance alone they are no bound.
        let only = report["instances"][0]["instance_id"].as_str().unwrap().to_owned();
        let request = Request { dry_run: true, instance_ids: vec![only], ..Request::default() };
        assert_eq!(row_of(&bench.run_at(&request, NOON).await.unwrap())["status"], "not_measurable");
        bench.always("monitoring", "GetMetricData", FaultKind::AccessDenied);
        assert_eq!(row_of(&bench.dry_run().await)["status"], "unknown");
    }
}

fn call(world: &mut World, service: &str, operation: &'static str, at: i64, calls: f64) {
    let dimensions = [("Class", "None"), ("Resource", operation), ("Service", service), ("Type", "API")];
    world.metrics.put("AWS/Usage", "CallCount", &dimensions, at, calls);
}

/// Service Quotas names no metric for the rates of AI agents. The monitor's own call shows the name under which
/// CloudWatch counts them, and then they are measured; two names are none.
#[tokio::test(start_paused = true)]
async fn the_name_under_which_a_services_calls_are_counted_is_discovered() {
    const QUERY_ASSISTANT: &str = "L-CA23568A";
    for is_ambiguous in [false, true] {
        let mut world = quiet(1);
        for hour in -1..4 {
            call(&mut world, "Some Name", "ListAssistants", NOON + hour * 3_600 - 600, 1.0);
            call(&mut world, "Some Name", "QueryAssistant", NOON + hour * 3_600 - 900, 720.0);
            if is_ambiguous {
                call(&mut world, "Other Name", "ListAssistants", NOON + hour * 3_600 - 600, 1.0);
            }
        }
        let mut bench = Bench::new(world).with_table();
        bench.with_metrics = true;
        let mut seen = Vec::new();
        for hour in 0..3 {
            bench.restart();
            let report = bench.run_at(&Request::default(), NOON + hour * 3_600).await.unwrap();
            seen.push(row(&report["account"], QUERY_ASSISTANT)["status"].as_str().unwrap().to_owned());
            if hour == 2 && !is_ambiguous {
                assert_eq!(row(&report["account"], QUERY_ASSISTANT)["usage"], 12.0);
            }
        }
        let last = if is_ambiguous { "not_measurable" } else { "critical" };
        assert_eq!(seen, ["not_measurable", "not_measurable", last]);
    }
}
