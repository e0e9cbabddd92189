use serde_json::{Value, json};

use super::changes::Changes;
use super::delta::Place;
use super::readings::{Readings, Row};
use super::table::{CLOUDFORMATION, Counts, Known, TERRAFORM, asked, by_word, look_up};
use super::verdict::{Line, Verdict, assess};
use super::{template, terraform};
use crate::catalogue::{self, Service};
use crate::domain::Scope;

const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";
const USERS: &str = "L-9A46857E";

/// Every type counts against a quota that the catalogue has: a mistyped code would be an unknown type.
#[test]
fn every_type_counts_against_a_quota_of_the_catalogue() {
    for (kind, counts) in CLOUDFORMATION.iter().chain(TERRAFORM) {
        let keys: Vec<&str> = match counts {
            Counts::Quota(key) => vec![*key],
            Counts::By(_, choices) => choices.iter().map(|(_, key)| *key).collect(),
            Counts::Nothing => Vec::new(),
        };
        for key in keys {
            assert!(catalogue::find(key).is_some(), "{kind} counts against {key}, which the catalogue lacks");
        }
    }
    let mut names: Vec<&str> = CLOUDFORMATION.iter().chain(TERRAFORM).map(|(kind, _)| *kind).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a type stands twice");
}

/// What the real schemas have is known: counted, or known to count against nothing.
#[test]
fn every_type_of_the_real_schemas_is_known() {
    let types = |text: &'static str| text.lines().filter(|line| !line.starts_with('#'));
    let cloudformation = types(include_str!("../../tests/fit/cloudformation-types.txt"));
    let terraform = types(include_str!("../../tests/fit/terraform-types.txt"));
    let mut count = 0;
    for kind in cloudformation.chain(terraform) {
        let known = CLOUDFORMATION.iter().chain(TERRAFORM).any(|(name, _)| *name == kind);
        assert!(known, "{kind} is a type of the schemas, and fit does not know it");
        // The same under the name of Terraform's other provider.
        if let Some((_, rest)) = kind.split_once("::") {
            let other = format!("awscc_{}", rest.replace("::", "_").to_lowercase());
            assert!(!matches!(look_up(&other, &|_| None), Known::OtherService), "{other}");
        }
        count += 1;
    }
    assert!(count > 90, "{count}");
}

/// A template that cfn-lint accepts, in both forms, and a plan in Terraform's documented format.
#[test]
fn the_examples_are_counted_as_a_person_counts_them() {
    let place = |text: &str| match text {
        "account" => Place::Account,
        "unknown" => Place::UnknownInstance,
        id => Place::Instance(id.to_owned()),
    };
    let count = |changes: &Changes, key: &'static str, at: &str| {
        let delta = changes.deltas.get(&(key, place(at))).copied().unwrap_or_default();
        (delta.creates, delta.deletes, delta.creates_first)
    };
    for text in [include_str!("../../tests/fit/desk.yaml"), include_str!("../../tests/fit/desk.json")] {
        let mut changes = Changes::default();
        assert_eq!(template(text, &mut changes).unwrap(), []);
        assert_eq!(count(&changes, "L-19A87C94", FIRST), (2, 0, 0), "{changes:?}");
        assert_eq!(count(&changes, "L-20CD02F7", FIRST), (1, 0, 0));
        assert_eq!(count(&changes, "L-0865B754", "unknown"), (1, 0, 0));
        assert_eq!(count(&changes, "L-790F20B4", FIRST), (1, 0, 0), "an integration counts by its type");
        assert_eq!(count(&changes, "L-C2B81BC3", "account"), (1, 0, 0));
        assert_eq!((changes.others, changes.unknown_types.len(), changes.uncounted_types.len()), (1, 0, 1));
    }
    let plan: Value = serde_json::from_str(include_str!("../../tests/fit/plan.json")).unwrap();
    let mut changes = Changes::default();
    terraform(&plan, &mut changes).unwrap();
    // Three by for_each, one replaced after and one before the old one goes; updates and reads change nothing.
    assert_eq!(count(&changes, "L-19A87C94", FIRST), (5, 2, 1), "{changes:?}");
    assert_eq!(count(&changes, "L-22922690", FIRST), (0, 1, 0));
    // The id is known only after the plan is carried out.
    assert_eq!(count(&changes, USERS, "unknown"), (2, 0, 0));
    assert_eq!(count(&changes, "L-AA17A6B9", "account"), (1, 0, 0));
    assert_eq!(changes.unknown_types.get("aws_connect_hologram"), Some(&1));
    assert_eq!((changes.others, changes.uncounted_types.len()), (1, 1));
}

#[test]
fn words_mean_quotas() {
    for (word, key) in [
        ("users", USERS),
        ("agents", USERS),
        ("queues", "L-19A87C94"),
        ("contact-flows", "L-22922690"),
        ("Hours of operation", "L-20CD02F7"),
        ("agent statuses", "L-D945C9A8"),
    ] {
        assert_eq!(by_word(word).map(catalogue::Quota::key), Some(key), "{word}");
    }
    assert_eq!(asked("users=300").unwrap().1, 300);
    assert_eq!(asked("L-9A46857E = 2").unwrap().0.key(), USERS);
    for bad in ["users", "users=-1", "users=many", "unheard=1", "=3"] {
        assert!(asked(bad).is_err(), "{bad}");
    }
}

fn row(code: &str, usage: Option<f64>, limit: f64) -> Row {
    let (key, service) = (code.to_owned(), "connect".to_owned());
    Row { key, service, usage, limit: Some(limit), ..Row::default() }
}

fn readings(first: Option<f64>, second: Option<f64>) -> Readings {
    let instance = |id: &str, usage| (id.to_owned(), vec![row(USERS, usage, 500.0)]);
    Readings {
        account_id: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        account: vec![row("L-AA17A6B9", Some(1.0), 2.0)],
        instances: vec![instance(FIRST, first), instance(SECOND, second)],
    }
}

fn plan(actions: &[&str], count: usize, instance: Option<&str>) -> Value {
    let values = json!({ "instance_id": instance, "name": "x" });
    let change = json!({ "actions": actions, "before": values, "after": values });
    let resource = |n: usize| {
        json!({ "address": format!("aws_connect_user.all[\"{n}\"]"), "mode": "managed",
        "type": "aws_connect_user", "name": "all", "index": n.to_string(), "change": change })
    };
    json!({ "format_version": "1.2", "resource_changes": (0..count).map(resource).collect::<Vec<_>>() })
}

fn judged(plan: &Value, readings: &Readings) -> Line {
    let mut changes = Changes::default();
    terraform(plan, &mut changes).unwrap();
    let lines = assess(&changes, readings, 80.0);
    assert_eq!(lines.len(), 1);
    lines[0].clone()
}

#[test]
fn up_to_the_limit_it_fits_and_one_more_does_not() {
    let readings = readings(Some(300.0), Some(0.0));
    for (count, status) in
        [(99, Verdict::Fits), (100, Verdict::Warning), (200, Verdict::Warning), (201, Verdict::DoesNotFit)]
    {
        let line = judged(&plan(&["create"], count, Some(FIRST)), &readings);
        assert_eq!((line.status, line.instance.as_str()), (status, FIRST), "{count}");
        assert_eq!(line.increase_command.is_some(), status == Verdict::DoesNotFit);
    }
    let command = judged(&plan(&["create"], 201, Some(FIRST)), &readings).increase_command.unwrap();
    assert!(
        command.contains("--quota-code L-9A46857E") && command.ends_with(&format!("instance/{FIRST}")),
        "{command}"
    );
}

#[test]
fn what_goes_makes_room_unless_it_goes_last() {
    let full = readings(Some(500.0), Some(0.0));
    let gone = judged(&plan(&["delete"], 10, Some(FIRST)), &full);
    assert_eq!((gone.after, gone.status), (Some(490.0), Verdict::Warning));
    let replaced = judged(&plan(&["delete", "create"], 10, Some(FIRST)), &full);
    assert_eq!((replaced.after, replaced.change, replaced.status), (Some(500.0), 0.0, Verdict::Warning));
    let overlapping = judged(&plan(&["create", "delete"], 10, Some(FIRST)), &full);
    assert_eq!((overlapping.meanwhile, overlapping.status), (Some(10.0), Verdict::DoesNotFit));
    for nothing in [&["no-op"][..], &["read"], &["update"]] {
        let mut changes = Changes::default();
        terraform(&plan(nothing, 3, Some(FIRST)), &mut changes).unwrap();
        assert!(changes.deltas.is_empty(), "{nothing:?}");
    }
}

#[test]
fn an_instance_that_is_not_known_is_judged_by_all() {
    let line = |first, second, count| judged(&plan(&["create"], count, None), &readings(first, second)).status;
    assert_eq!(line(Some(0.0), Some(0.0), 300), Verdict::Fits);
    assert_eq!(line(Some(499.0), Some(499.0), 2), Verdict::DoesNotFit);
    assert_eq!(line(Some(499.0), Some(0.0), 2), Verdict::Unknown, "one has room, and one has not");
    assert_eq!(line(None, Some(0.0), 2), Verdict::Unknown, "what is not seen never fits");
    assert_eq!(judged(&plan(&["create"], 1, Some(FIRST)), &readings(None, None)).status, Verdict::Unknown);
    let mut changes = Changes::default();
    terraform(&plan(&["create"], 2, None), &mut changes).unwrap();
    changes.settle(SECOND);
    assert_eq!(assess(&changes, &readings(Some(499.0), Some(0.0)), 80.0)[0].status, Verdict::Fits);
}

/// The instance with the least room is not the one that is nearest to its limit.
#[test]
fn the_gravest_instance_speaks_for_all() {
    let instance = |id: &str, usage, limit| (id.to_owned(), vec![row(USERS, Some(usage), limit)]);
    let mut readings = readings(None, None);
    // 40 are left of 60, and 500 of 5000.
    for (order, all) in [
        ("first", vec![instance(FIRST, 20.0, 60.0), instance(SECOND, 4500.0, 5000.0)]),
        ("last", vec![instance(SECOND, 4500.0, 5000.0), instance(FIRST, 20.0, 60.0)]),
    ] {
        readings.instances = all;
        let line = judged(&plan(&["create"], 2, None), &readings);
        assert_eq!((line.status, line.after, line.limit), (Verdict::Warning, Some(4502.0), Some(5000.0)), "{order}");
        assert_eq!(line.note, Some(format!("judged at {SECOND}, the fullest of 2")));
    }
    // Of the same verdict, the fullest in percent.
    readings.instances = vec![instance(FIRST, 10.0, 60.0), instance(SECOND, 2500.0, 5000.0)];
    assert_eq!(judged(&plan(&["create"], 2, None), &readings).limit, Some(5000.0));
}

#[test]
fn what_fills_single_resources_needs_every_instance_in_the_reading() {
    let quota = catalogue::all().find(|q| q.scope == Scope::Resource && q.service == Service::Connect).unwrap();
    let filled = || Row { key: quota.key().to_owned(), ..row(USERS, Some(1.0), 50.0) };
    let mut changes = Changes::default();
    changes.ask(quota, 2);
    let mut readings = readings(None, None);
    let mut line = |first: bool, second: bool| {
        readings.instances[0].1 = first.then(filled).into_iter().collect();
        readings.instances[1].1 = second.then(filled).into_iter().collect();
        let lines = assess(&changes, &readings, 80.0);
        assert_eq!(lines.len(), 1);
        (lines[0].status, lines[0].note.clone().unwrap_or_default())
    };
    assert_eq!(line(true, true), (Verdict::Fits, String::new()));
    assert_eq!(line(true, false), (Verdict::Unknown, "1 instance is not in this reading".to_owned()));
    assert_eq!(line(false, false).0, Verdict::Unknown);
    // A reading that has a row twice lacks no instance the less.
    readings.instances[0].1 = vec![filled(), filled(), filled()];
    assert_eq!(assess(&changes, &readings, 80.0)[0].status, Verdict::Unknown);
    // A companion's resources stand in the account's rows.
    readings.account.push(filled());
    readings.instances.iter_mut().for_each(|(_, rows)| rows.clear());
    assert_eq!(assess(&changes, &readings, 80.0)[0].status, Verdict::Fits);
}

/// Nothing overflows: neither the parser, nor what is made of its events.
#[test]
fn what_is_nested_deeper_than_any_template_is_refused() {
    for text in [
        format!("Resources:\n  A: {}x", "[".repeat(200)),
        format!("Resources:\n  A: {}x", "{a: ".repeat(200)),
        format!("{}x", "- ".repeat(20_000)),
        format!("{}x", "? ".repeat(20_000)),
    ] {
        let why = template(&text, &mut Changes::default()).unwrap_err();
        assert!(why.contains("nested deeper than any template"), "{}: {why}", &text[..20]);
    }
    let closed = format!("Resources:\n  A: {{Type: AWS::Connect::Queue, X: {}x{}}}", "[".repeat(60), "]".repeat(60));
    template(&closed, &mut Changes::default()).unwrap();
}

#[test]
fn templates_count_what_they_make() {
    let yaml = format!(
        "Resources:\n  One:\n    Type: AWS::Connect::User\n    Properties:\n      InstanceArn: arn:aws:connect:us-east-1:111122223333:instance/{FIRST}\n      \
         Tags: [{{Key: a, Value: !Ref B}}]\n  Two:\n    Type: AWS::Connect::User\n    Condition: Big\n    Properties:\n      InstanceArn: !GetAtt Other.Arn\n  \
         Bucket:\n    Type: AWS::S3::Bucket\n  New:\n    Type: AWS::Connect::Hologram\n  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      \
         TemplateURL: https://example.com/x.json\n"
    );
    let mut changes = Changes::default();
    let nested = template(&yaml, &mut changes).unwrap();
    assert_eq!((nested.len(), nested[0].file.as_deref()), (1, None));
    assert_eq!((changes.deltas.len(), changes.others), (2, 1));
    assert_eq!(changes.unknown_types.keys().collect::<Vec<_>>(), ["AWS::Connect::Hologram"]);
    assert_eq!(changes.notes.len(), 2, "{:?}", changes.notes);
    let same = r#"{"Resources": {"A": {"Type": "AWS::Connect::Queue", "Properties": {"InstanceArn": {"Ref": "X"}}}}}"#;
    let mut changes = Changes::default();
    template(same, &mut changes).unwrap();
    assert_eq!(changes.deltas.len(), 1);
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nResources: {A: {Type: AWS::Connect::Queue, Properties: *b}}\n";
    assert!(template(bomb, &mut Changes::default()).unwrap_err().contains("aliases"));
    for bad in ["", "{", "Resources: {}", "Resources: [", "just text", "{\"Resources\": {\"A\": {}}}"] {
        assert!(template(bad, &mut Changes::default()).is_err(), "{bad}");
    }
}

#[test]
fn a_plan_that_is_none_says_what_was_expected() {
    for (bad, part) in [
        (json!({ "format_version": "9.0", "resource_changes": [] }), "9.0"),
        (json!({ "format_version": "1.2", "values": {} }), "without a file the state"),
        (json!({ "format_version": "1.2", "errored": true, "resource_changes": [] }), "errors"),
        (
            json!({ "format_version": "1.2", "resource_changes": [{ "address": "a", "type": "aws_connect_user" }] }),
            "not whole",
        ),
    ] {
        let why = terraform(&bad, &mut Changes::default()).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
}
