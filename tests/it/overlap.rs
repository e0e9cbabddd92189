//! Two runs at once: each transition is told once, and none is lost.

use std::sync::Arc;
use std::time::Duration;

use connect_quota_monitor::answer::Report;
use connect_quota_monitor::aws::pace::PacingPlan;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::{App, Moment};
use jiff::Timestamp;
use simaws::{Fault, FaultKind, Throttle, Times};
use tokio::time::sleep;

use crate::harness::{Bench, NOON, quiet, row, small};

const HOUR: i64 = 3600;

async fn run(bench: &mut Bench, hour: i64, prompts: u64) {
    bench.sim.world().instances[0].set("ListPrompts", prompts);
    bench.restart();
    bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
}

/// A run that began so many seconds after the hour, which is now.
async fn run_of(app: Arc<App>, hour: i64, seconds: u32) -> Report {
    let now = Timestamp::from_second(NOON + hour * HOUR + i64::from(seconds)).unwrap();
    app.run(&Request::default(), Moment::within(now, Duration::from_secs(900))).await.unwrap()
}

/// Two runs of one hour. The first one's message is under way for ten seconds; meanwhile the world
/// becomes what the second one sees, which begins after five.
async fn two_runs(bench: &mut Bench, hour: i64, first_sees: u64, second_sees: u64) -> (Report, Report) {
    bench.sim.world().instances[0].set("ListPrompts", first_sees);
    bench.restart();
    let first = bench.app().await;
    bench.restart();
    let second = bench.app().await;
    let slow = FaultKind::Delay(Duration::from_secs(10));
    bench.sim.script(Fault::new("sns", slow).operation("Publish").times(Times::Once));
    let second = async {
        sleep(Duration::from_secs(3)).await;
        bench.sim.world().instances[0].set("ListPrompts", second_sees);
        sleep(Duration::from_secs(2)).await;
        run_of(second, hour, 5).await
    };
    tokio::join!(run_of(first, hour, 0), second)
}

fn benches() -> [Bench; 2] {
    [Bench::new(small()).with_topic().with_table(), Bench::new(small()).with_topic().with_bucket()]
}

fn events(bench: &Bench) -> Vec<String> {
    bench.mails().into_iter().map(|m| m.event).collect()
}

#[tokio::test(start_paused = true)]
async fn both_see_the_same_and_one_of_them_tells_it() {
    for mut bench in benches() {
        run(&mut bench, 0, 10).await;
        let (one, two) = two_runs(&mut bench, 1, 430, 430).await;
        assert_eq!(one.alerts.sent + two.alerts.sent, 1);
        let told = events(&bench);
        assert_eq!(told, ["raised"]);
        run(&mut bench, 2, 430).await;
        assert_eq!(events(&bench), told, "told is told");
        run(&mut bench, 3, 10).await;
        assert_eq!(events(&bench).last().unwrap(), "recovered");
    }
}

/// The second run read the ledger before the first one told the violation's end. It waits until that is
/// told, and tells what it sees.
#[tokio::test(start_paused = true)]
async fn what_the_first_is_telling_counts_for_the_second() {
    for mut bench in benches() {
        run(&mut bench, 0, 430).await;
        let (one, two) = two_runs(&mut bench, 1, 10, 430).await;
        assert_eq!((one.alerts.sent, two.alerts.sent, two.alerts.suppressed), (1, 1, 0));
        assert_eq!(events(&bench), ["raised", "recovered", "raised"]);
        run(&mut bench, 2, 430).await;
        run(&mut bench, 3, 430).await;
        assert_eq!(events(&bench).len(), 3, "told is told");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_finds_its_news_told_is_silent() {
    for mut bench in benches() {
        run(&mut bench, 0, 10).await;
        // The first one measures slowly, and the second one tells before it.
        bench.sim.world().instances[0].set("ListPrompts", 430);
        bench.restart();
        let first = bench.app().await;
        bench.restart();
        let second = bench.app().await;
        let slow = FaultKind::Delay(Duration::from_secs(10));
        bench.sim.script(Fault::new("connect", slow).operation("ListUsers").times(Times::Once));
        let second = async {
            sleep(Duration::from_secs(2)).await;
            run_of(second, 1, 2).await
        };
        let (one, two) = tokio::join!(run_of(first, 1, 0), second);
        assert_eq!((one.alerts.sent, one.alerts.suppressed, two.alerts.sent), (0, 1, 1));
        run(&mut bench, 2, 430).await;
        assert_eq!(events(&bench), ["raised"]);
    }
}

/// A manual invocation during the scheduled one, each a process of its own with buckets of its own,
/// against AWS's one bucket.
#[tokio::test(start_paused = true)]
async fn two_processes_share_a_bucket_and_both_count_right() {
    for apart in [1, 7, 20] {
        let mut world = quiet(2);
        world.throttle = Throttle::Shared;
        world.instances[0].set("ListPrompts", 430);
        let users = world.instances[1].counts["ListUsers"];
        let mut bench = Bench::new(world).plans(PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas);
        bench = bench.with_table().with_topic().with_config(|c| c.detail_calls = 0);
        let first = bench.app().await;
        bench.restart();
        let second = bench.app().await;
        let second = async {
            sleep(Duration::from_secs(u64::from(apart))).await;
            run_of(second, 0, apart).await
        };
        let (one, two) = tokio::join!(run_of(first, 0, 0), second);
        assert!(one.complete && two.complete, "{apart} s apart: {:?} {:?}", one.faults, two.faults);
        assert!(one.connect_api.throttled + two.connect_api.throttled > 0, "{apart} s apart: there was a contest");
        for item in
            bench.items().iter().filter(|item| item["instance_id"] == bench.sim.world().instances[1].id.as_str())
        {
            assert_eq!(row(item, "L-9A46857E")["usage"], users as f64);
        }
        let of_instance =
            bench.mails().into_iter().filter(|mail| !mail.instance_id.is_empty() && mail.instance_id != "account");
        assert_eq!(of_instance.map(|mail| mail.event).collect::<Vec<_>>(), ["raised"], "{apart} s apart");
    }
}
