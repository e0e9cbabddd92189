//! What is gone is told, once, whatever fails on the way.

use connect_quota_monitor::domain::instances::InstancePattern;
use connect_quota_monitor::domain::request::Request;
use simaws::{Fault, FaultKind, Times};

use crate::harness::{Bench, NOON, quiet};

/// Two instances, the second of which is nearly full, and both homes of the ledger.
fn benches() -> [Bench; 2] {
    let bench = || {
        let mut world = quiet(2);
        world.quotas.set_account("L-AA17A6B9", 100.0);
        world.instances[1].set("ListPrompts", 490);
        Bench::new(world).with_topic()
    };
    [bench().with_table(), bench().with_bucket()]
}

async fn run(bench: &mut Bench, minute: i64) {
    bench.restart();
    // Whether a run fails is no matter of these tests.
    let _ = bench.run_at(&Request::default(), NOON + minute * 60).await;
}

fn mails_of(bench: &Bench, instance: &str) -> Vec<String> {
    bench.mails().into_iter().filter(|mail| mail.instance_id == instance).map(|mail| mail.event).collect()
}

/// Its ledger cannot be read or written once, or the message cannot be sent: the next run tells.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_deleted_instance_is_told_though_a_call_fails() {
    for (n, mut bench) in benches().into_iter().enumerate() {
        let stores = [[("dynamodb", "PutItem"), ("dynamodb", "GetItem")], [("s3", "PutObject"), ("s3", "GetObject")]];
        let world = {
            run(&mut bench, 0).await;
            bench.sim.world().clone()
        };
        for (service, operation) in stores[n].into_iter().chain([("sns", "Publish")]) {
            let mut bench = Bench::new(world.clone()).with_config(|c| *c = bench.config.clone());
            let gone = bench.sim.world().instances.remove(1);
            let fault = Fault::new(service, FaultKind::AccessDenied).operation(operation).instance(&gone.id);
            bench.sim.script(fault.times(Times::Once));
            for hour in 1..4 {
                run(&mut bench, hour * 60).await;
            }
            assert_eq!(mails_of(&bench, &gone.id), ["raised", "recovered"], "{service}:{operation}");
        }
    }
}

/// What was measured without CloudWatch was measured.
#[tokio::test(start_paused = true)]
async fn a_deleted_instance_is_over_where_cloudwatch_is_denied() {
    for mut bench in benches() {
        bench.always("monitoring", "GetMetricData", FaultKind::AccessDenied);
        run(&mut bench, 0).await;
        let gone = bench.sim.world().instances.remove(1);
        for hour in 1..4 {
            run(&mut bench, hour * 60).await;
        }
        assert_eq!(mails_of(&bench, &gone.id), ["raised", "recovered"]);
    }
}

/// Two functions share the instances and the store: neither ends what the other one looks at.
#[tokio::test(start_paused = true)]
async fn nobody_is_left_alone_because_cloudwatch_is_denied() {
    for mut bench in benches() {
        let ids: Vec<String> = bench.sim.world().instances.iter().map(|i| i.id.clone()).collect();
        for hour in 0..9 {
            if hour == 1 {
                bench.always("monitoring", "GetMetricData", FaultKind::AccessDenied);
            }
            for (n, id) in (0..).zip(&ids) {
                bench.config.include = vec![InstancePattern::new(id)];
                run(&mut bench, hour * 60 + 15 * n).await;
            }
        }
        assert_eq!(mails_of(&bench, &ids[1]), ["raised", "unseen"]);
    }
}
