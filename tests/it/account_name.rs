//! `ACCOUNT_NAME`: beside the account's number wherever a person or a program reads it.

use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::Moment;
use serde_json::{Value, json};

use crate::harness::{BUCKET, Bench, EVENTS_TOPIC, NOON, TOPIC, roomy};

fn named() -> Bench {
    let bench = Bench::new(roomy(1)).with_bucket().with_topic().with_events_topic();
    bench.with_config(|c| c.account_name = Some("Acme produccion ñ".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn the_name_stands_in_every_message_event_answer_and_page() {
    let mut bench = named();
    {
        let mut world = bench.sim.world();
        world.instances[0].set("ListPrompts", 499);
        world.quotas.set_account("L-AA17A6B9", 1.0);
    }
    let answer = bench.run_at(&Request::default(), NOON).await.unwrap();
    assert_eq!(answer["account_name"], "Acme produccion ñ");
    let world = bench.sim.world();
    let messages = &world.topics[TOPIC].messages;
    assert_eq!(messages.len(), 2, "the instance's and the account's");
    for message in messages {
        let (text, sms) = (message.delivered("email"), message.delivered("sms"));
        let first = text.lines().next().unwrap();
        assert_eq!(first, "Account: Acme produccion ñ (111122223333), Region us-east-1");
        assert!(text.contains("\nAccount Acme produccion ñ (111122223333), Region us-east-1, "), "{text}");
        assert_eq!(message.attributes["account_name"], "Acme produccion ñ");
        let document: Value = serde_json::from_str(message.delivered("sqs")).unwrap();
        assert_eq!(
            (&document["account_name"], &document["account_id"]),
            (&json!("Acme produccion ñ"), &json!("111122223333"))
        );
        let subject = message.subject.as_deref().unwrap();
        assert!(subject.contains("Acme produccion ?") && subject.len() < 100, "{subject}");
        assert!(sms.contains("Acme produccion ?") && sms.chars().count() <= 140, "{sms}");
    }
    let of_instance = messages.iter().find(|m| m.attributes["instance_id"] != "account").unwrap();
    assert_eq!(
        of_instance.subject.as_deref().unwrap(),
        "Connect Quota Alert - Instance: instance-1 (1 violation) - Acme produccion ?"
    );
    assert_eq!(of_instance.delivered("email").lines().nth(1).unwrap().split(' ').next(), Some("Instance:"));
    let of_account = messages.iter().find(|m| m.attributes["instance_id"] == "account").unwrap();
    assert_eq!(
        of_account.subject.as_deref().unwrap(),
        "Connect Quota Alert - Account: Acme produccion ? (111122223333) (1 violation)"
    );
    for event in &world.topics[EVENTS_TOPIC].messages {
        assert_eq!(event.attributes["account_name"], "Acme produccion ñ");
        assert!(event.attributes.len() <= 10, "raw delivery to a queue takes ten: {:?}", event.attributes);
        let document: Value = serde_json::from_str(event.delivered("sqs")).unwrap();
        assert_eq!(document["account_name"], "Acme produccion ñ");
    }
    let page = &world.buckets[BUCKET].objects["connect-reports/111122223333/us-east-1/latest/index.html"];
    let page = String::from_utf8_lossy(&page.body);
    assert!(page.contains("Account <b>Acme produccion ñ (111122223333)</b>"), "the page says it");
}

#[tokio::test(start_paused = true)]
async fn a_test_message_has_the_name_too() {
    let mut bench = named();
    let app = bench.app().await;
    let now = jiff::Timestamp::from_second(NOON).unwrap();
    app.test_alert(Moment::within(now, std::time::Duration::from_secs(60))).await.unwrap();
    let mail = bench.mails().remove(0);
    assert!(mail.subject.contains("Acme produccion ? (111122223333)"), "{}", mail.subject);
    assert!(mail.text.contains("Account: Acme produccion ñ (111122223333)"), "{}", mail.text);
    assert_eq!(mail.document["account_name"], "Acme produccion ñ");
}
