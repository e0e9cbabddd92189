//! The command that shows what the stores remember.

use connect_quota_monitor::domain::request::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Sim, Times};

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, Bench, TABLE, quiet};

const DAY: i64 = 86_400;

async fn history(sim: &Sim, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    run(sim, &[&["history"], arguments].concat(), &[CREDENTIALS, variables].concat()).await
}

#[tokio::test]
async fn growth_gaps_and_limits_are_shown_from_either_store() {
    let in_table = [("USE_DYNAMODB", "true"), ("DYNAMODB_TABLE", TABLE)];
    let in_bucket = [("USE_S3_STORAGE", "true"), ("S3_BUCKET", BUCKET)];
    for (bench, store) in
        [(Bench::new(quiet(1)).with_table(), &in_table), (Bench::new(quiet(1)).with_bucket(), &in_bucket)]
    {
        let mut bench = bench;
        let now = Timestamp::now().as_second();
        let arn = {
            let world = bench.sim.world();
            world.instances[0].arn(&world)
        };
        for day in (0..10).rev().filter(|day| *day != 4) {
            bench.sim.world().instances[0].set("ListPrompts", 300 - day * 10);
            let limit = if day > 6 { 500.0 } else { 600.0 };
            bench.sim.world().quotas.set_instance("L-0865B754", &arn, limit);
            bench.run_at(&Request::default(), now - i64::try_from(day).unwrap() * DAY).await.unwrap();
        }
        let alias = bench.sim.world().instances[0].alias.clone().unwrap();
        let asked = ["--quota", "Prompts per instance", "--instance", &alias];
        let (code, out, error) = history(&bench.sim, &[&asked[..], &["--output", "json"]].concat(), store).await;
        assert_eq!(code, 0, "{error}");
        let rows: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(rows.as_array().unwrap().len(), 1);
        let row = &rows[0];
        assert_eq!(
            (&row["quota_code"], &row["limit"], &row["highest"], &row["per_day"]),
            (&json!("L-0865B754"), &json!(600.0), &json!(300.0), &json!(10.0)),
            "{row}"
        );
        assert_eq!(row["limits"].as_array().unwrap().len(), 2, "{row}");
        let peaks = row["peaks"].as_array().unwrap();
        assert_eq!((peaks.len(), &peaks[5], &peaks[9]), (10, &Value::Null, &json!(300.0)));
        let full = row["full_at"].as_str().unwrap().parse::<jiff::civil::Date>().unwrap();
        let today = Timestamp::from_second(now).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
        assert_eq!((full - today).get_days() + 31 * (full - today).get_months(), 30, "300 more at 10 a day");

        let (code, out, _) = history(&bench.sim, &[], store).await;
        let line = out.lines().find(|line| line.contains("Prompts per instance")).unwrap();
        assert!(code == 0 && line.contains('·') && line.contains('▄') && line.contains(&alias), "{out}");
        assert!(out.contains("the limit was 500 since"), "{out}");
        let (code, out, _) =
            history(&bench.sim, &[&asked[..], &["--days", "2", "--output", "json"]].concat(), store).await;
        let rows: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &rows[0]["peaks"]), (0, &json!([290.0, 300.0])));
        assert_eq!((&rows[0]["per_day"], &rows[0]["full_at"]), (&row["per_day"], &row["full_at"]), "of all days");
        let (code, out, _) = history(&bench.sim, &["--quota", "L-9A46857E"], store).await;
        assert!(code == 0 && out.contains("Nothing is remembered"), "{out}");
        // Nothing is written, and nobody is asked but the store.
        let asked: Vec<String> = bench.sim.requests().into_iter().rev().take(2).map(|r| r.operation).collect();
        assert!(asked.iter().all(|operation| operation.starts_with("Get")), "{asked:?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let mut bench = Bench::new(quiet(1)).with_table();
    let store = [("USE_DYNAMODB", "true"), ("DYNAMODB_TABLE", TABLE)];
    let (code, _, error) = history(&bench.sim, &[], &store).await;
    assert!(code == 3 && error.contains("has not run there yet"), "{error}");
    bench.run().await.unwrap();
    for (arguments, variables, part) in [
        (&[][..], &[][..], "USE_DYNAMODB=true"),
        (&["--instance", "nope"], &store, "the store knows account,"),
        (&["--quota", "Promts per instance"], &store, "Prompts per instance"),
        (&["--days", "0"], &store, "--days"),
        (&["--days", "400"], &store, "--days"),
    ] {
        let (code, out, error) = history(&bench.sim, arguments, variables).await;
        assert!(code == 3 && out.is_empty() && error.contains(part), "{arguments:?}: {code} {error}");
    }
    bench.sim.script(Fault::new("dynamodb", FaultKind::AccessDenied).operation("GetItem").times(Times::Forever));
    let (code, _, error) = history(&bench.sim, &[], &store).await;
    assert!(code == 3 && error.contains("dynamodb:GetItem"), "{error}");
}
