//! That mails arrive: a topic takes every message, whether or not anybody receives it.

use std::time::Duration;

use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::FaultKind;

use crate::harness::{Bench, NOON, TOPIC, roomy};

const HOUR: i64 = 3600;

async fn run(bench: &mut Bench, hour: i64) -> Value {
    bench.restart();
    bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap()
}

fn subscribe(bench: &Bench, confirmed: usize, pending: usize) {
    let mut world = bench.sim.world();
    let topic = world.topics.get_mut(TOPIC).unwrap();
    (topic.confirmed, topic.pending) = (confirmed, pending);
}

fn faults_of_sns(answer: &Value) -> Vec<Value> {
    let faults = answer["faults"].as_array().unwrap();
    faults.iter().filter(|fault| fault["operation"] == "sns:GetTopicAttributes").cloned().collect()
}

fn times_counted(bench: &Bench) -> usize {
    bench.calls("sns").iter().filter(|operation| *operation == "GetTopicAttributes").count()
}

/// More than ten mails a second switch a subscription off.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_alerts_at_once_keeps_its_mail_subscription_and_tells_the_gravest_first() {
    let mut bench = Bench::new(roomy(24)).with_table().with_topic();
    for instance in &mut bench.sim.world().instances {
        instance.set("ListPrompts", 430);
    }
    // In the middle of the fleet.
    bench.sim.world().instances[11].set("ListPrompts", 499);
    let gravest = bench.sim.world().instances[11].id.clone();
    let answer = run(&mut bench, 0).await;
    assert_eq!(answer["alerts"], json!({ "sent": 24, "suppressed": 0, "failed": 0 }));
    assert_eq!(bench.mails()[0].instance_id, gravest);
    let world = bench.sim.world();
    let topic = &world.topics[TOPIC];
    assert_eq!((topic.confirmed, topic.pending), (1, 0), "SNS took the address off the topic");
    let times: Vec<_> = topic.messages.iter().map(|message| message.at).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(200)), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn that_nobody_receives_alerts_is_a_fault_until_somebody_does() {
    for mut bench in [Bench::new(roomy(1)).with_topic().with_table(), Bench::new(roomy(1)).with_topic().with_bucket()] {
        subscribe(&bench, 0, 1);
        for hour in 0..2 {
            let answer = run(&mut bench, hour).await;
            let faults = faults_of_sns(&answer);
            assert_eq!(faults.len(), 1, "{answer:#}");
            assert_eq!(faults[0]["kind"], "no_subscribers");
            let message = faults[0]["message"].as_str().unwrap();
            for part in [TOPIC, "1 not confirmed yet", "deploy.sh"] {
                assert!(message.contains(part), "{message}");
            }
            assert!(answer["alerts"]["note"].as_str().unwrap().contains("nobody receives"), "{answer:#}");
            assert_eq!(answer["complete"], true, "every quota was seen");
        }
        subscribe(&bench, 1, 0);
        let answer = run(&mut bench, 2).await;
        assert_eq!((faults_of_sns(&answer), &answer["alerts"]["note"]), (vec![], &Value::Null));
        assert_eq!(times_counted(&bench), 3);
        for hour in [3, 12, 22, 26] {
            run(&mut bench, hour).await;
        }
        assert_eq!(times_counted(&bench), 4, "once a day");
    }
}

/// A topic of another account may refuse to be asked, and take messages all the same.
#[tokio::test(start_paused = true)]
async fn a_topic_that_may_not_be_looked_at_is_named_once_a_day() {
    let mut bench = Bench::new(roomy(1)).with_topic().with_table();
    bench.always("sns", "GetTopicAttributes", FaultKind::AccessDenied);
    let mut named = Vec::new();
    for hour in [0, 1, 12, 23, 24] {
        if !faults_of_sns(&run(&mut bench, hour).await).is_empty() {
            named.push(hour);
        }
    }
    assert_eq!(named, [0, 24]);
}
