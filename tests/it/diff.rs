//! `diff` of two answers that the command itself wrote.

use simaws::{Fault, FaultKind, Sim, Throttle, Times, World};

use crate::cli::{CREDENTIALS, run};

const CHECK: &[&str] = &["check", "--pacing", "per-operation", "--output", "json"];

#[tokio::test]
async fn two_answers_of_check_are_compared() {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 10.0);
    let sim = Sim::new(world);
    let folder = std::env::temp_dir().join(format!("diff-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (old, new, half) = (file("old.json"), file("new.json"), file("half.json"));

    let (_, json, error) = run(&sim, CHECK, CREDENTIALS).await;
    std::fs::write(&old, &json).unwrap();
    std::fs::write(&half, &json[..json.len() / 2]).unwrap();
    let (code, text, _) = run(&sim, &["diff", &old, &old], &[]).await;
    assert!(code == 0 && text.contains("nothing is new"), "{text}{error}");

    sim.world().instances[0].set("ListPrompts", 450);
    sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListQueues").times(Times::Forever));
    std::fs::write(&new, run(&sim, CHECK, CREDENTIALS).await.1).unwrap();
    let (code, text, _) = run(&sim, &["diff", &old, &new], &[]).await;
    assert!(code == 1 && text.contains("new  ") && text.contains("Prompts per instance"), "{text}");
    assert!(text.contains("no longer seen  ") && text.contains("Queues per instance"), "{text}");
    let (code, json, _) = run(&sim, &["diff", &new, &old, "--output", "json"], &[]).await;
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &found["differences"][0]["change"]), (0, &"recovered".into()), "{json}");

    for wrong in [half, file("missing.json")] {
        let (code, _, error) = run(&sim, &["diff", &old, &wrong], &[]).await;
        assert!(code == 3 && error.contains(&wrong), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
