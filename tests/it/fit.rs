//! `fit`, as a person or a pipeline runs it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use simaws::{Sim, Throttle, World};

use crate::cli::{CREDENTIALS, run};

/// A folder of this test, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fit-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sim() -> (Sim, String) {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance("L-19A87C94", &arn, 60.0);
    world.instances[0].set("ListQueues", 50);
    let id = world.instances[0].id.clone();
    (Sim::new(world), id)
}

fn plan(count: usize, instance: &str) -> String {
    let resource = |n: usize| {
        json!({ "address": format!("module.desk.aws_connect_queue.all[\"{n}\"]"), "module_address": "module.desk",
            "mode": "managed", "type": "aws_connect_queue", "name": "all", "index": n.to_string(),
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": { "actions": ["create"], "before": null, "after": { "instance_id": instance, "name": "q" },
                "after_unknown": { "id": true } } })
    };
    json!({ "format_version": "1.2", "terraform_version": "1.9.0", "complete": true, "errored": false,
        "planned_values": {}, "resource_changes": (0..count).map(resource).collect::<Vec<_>>() })
    .to_string()
}

#[tokio::test]
async fn a_plan_is_judged_against_a_live_reading_and_a_stored_one() {
    let (sim, id) = sim();
    let folder = Folder::new("plan");
    let (fits, full) = (folder.put("fits.json", &plan(5, &id)), folder.put("full.json", &plan(11, &id)));
    let (code, out, error) = run(&sim, &["fit", "--plan", &full], CREDENTIALS).await;
    assert_eq!(code, 1, "{error}");
    assert!(
        out.contains("DOES NOT FIT") && out.contains("+11") && out.contains("request-service-quota-increase"),
        "{out}"
    );
    assert!(!sim.requests().iter().any(|r| r.service == "dynamodb" || r.service == "sns"), "nothing is stored or sent");

    let stored = folder.0.join("report.json");
    let stored = stored.to_str().unwrap();
    run(&sim, &["check", "--output", "json", "-o", stored, "--pacing", "per-operation"], CREDENTIALS).await;
    let fit =
        async |arguments: &[&str]| run(&sim, &[&["fit", "--from", stored], arguments].concat(), CREDENTIALS).await;
    let (code, out, error) = fit(&["--plan", &fits, "--output", "json"]).await;
    assert_eq!(code, 0, "{error}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let line = &answer["quotas"][0];
    assert_eq!(
        (&line["before"], &line["change"], &line["after"], &line["limit"], &line["status"]),
        (&json!(50.0), &json!(5.0), &json!(55.0), &json!(60.0), &json!("warning")),
        "{line}"
    );
    // Two plans add up, and what is asked for by name too.
    assert_eq!(fit(&["--plan", &fits, "--plan", &fits]).await.0, 0);
    assert_eq!(fit(&["--plan", &fits, "--plan", &fits, "--add", "queues=1"]).await.0, 1);
    assert_eq!(fit(&["--add", "queues=10", "--instance", &id]).await.0, 0);
    for (form, begins) in [("junit", "<?xml "), ("markdown", "| Quota |"), ("table", "QUOTA")] {
        let (code, out, _) = fit(&["--plan", &full, "--output", form]).await;
        assert!(
            code == 1 && out.trim_start().starts_with(begins) && out.contains("Queues per instance"),
            "{form}: {out}"
        );
    }
}

#[tokio::test]
async fn templates_assemblies_and_what_is_neither() {
    let (sim, id) = sim();
    let folder = Folder::new("template");
    let stored = folder.0.join("report.json");
    let stored = stored.to_str().unwrap();
    run(&sim, &["check", "--output", "json", "-o", stored, "--pacing", "per-operation"], CREDENTIALS).await;
    let fit = async |plan: &str| run(&sim, &["fit", "--from", stored, "--plan", plan], CREDENTIALS).await;
    let queue = json!({ "Type": "AWS::Connect::Queue", "Properties": {
        "InstanceArn": format!("arn:aws:connect:us-east-1:111122223333:instance/{id}") } });
    let queues = |n: usize| -> Value {
        (0..n).map(|n| (format!("Q{n}"), queue.clone())).collect::<serde_json::Map<_, _>>().into()
    };

    // An assembly, with a nested stack.
    let mut main = queues(6);
    main["Inner"] = json!({ "Type": "AWS::CloudFormation::Stack", "Metadata": { "aws:asset:path": "inner.template.json" },
        "Properties": { "TemplateURL": { "Fn::Sub": "https://s3/x" } } });
    folder.put("cdk.out/main.template.json", &json!({ "Resources": main }).to_string());
    folder.put("cdk.out/inner.template.json", &json!({ "Resources": queues(5) }).to_string());
    let stack = json!({ "type": "aws:cloudformation:stack", "properties": { "templateFile": "main.template.json" } });
    folder.put("cdk.out/manifest.json", &json!({ "version": "40.0.0", "artifacts": { "Main": stack } }).to_string());
    let assembly = folder.0.join("cdk.out");
    let (code, out, error) = fit(assembly.to_str().unwrap()).await;
    assert!(code == 1 && out.contains("+11"), "{out} {error}");

    let yaml = "Resources:\n  A:\n    Type: AWS::Connect::Queue\n    Properties:\n      InstanceArn: !Ref Instance\n";
    assert_eq!(fit(&folder.put("a.yaml", yaml)).await.0, 0);
    assert_eq!(fit(&folder.put("marked.yaml", &format!("\u{feff}{yaml}"))).await.0, 0);
    let marked = folder.put("marked.json", &format!("\u{feff}{}", json!({ "Resources": queues(1) })));
    assert_eq!(fit(&marked).await.0, 0);
    // Unknown types and stacks that are elsewhere are named, and not taken for room.
    let (code, out, _) = fit(&folder.put("b.yaml", &yaml.replace("Queue", "Hologram"))).await;
    assert!(code == 2 && out.contains("AWS::Connect::Hologram (1)"), "{code}: {out}");
    for (name, text, part) in [
        ("half.json", &plan(3, &id)[..200], "no JSON"),
        ("state.json", r#"{"format_version": "1.0", "values": {}}"#, "the state"),
        ("empty.yaml", "Resources: {}\n", "empty"),
        ("binary.tfplan", "PK\u{3}\u{4}", "Terraform's own format"),
        ("text.txt", "hello", "expected"),
    ] {
        let (code, out, error) = fit(&folder.put(name, text)).await;
        assert!(code == 3 && out.is_empty() && error.contains(part) && error.contains(name), "{name}: {code} {error}");
    }
    let (code, _, error) = fit("/nonexistent").await;
    assert!(code == 3 && error.contains("/nonexistent"), "{error}");
    for (arguments, part) in [
        (&["fit"][..], "--add"),
        (&["fit", "--from", stored, "--add", "unheard=1"], "unheard"),
        (&["fit", "--from", stored, "--add", "queues=1", "--instance", "nope"], &id),
    ] {
        let (code, _, error) = run(&sim, arguments, CREDENTIALS).await;
        assert!(code == 3 && error.contains(part), "{arguments:?}: {code} {error}");
    }
}
