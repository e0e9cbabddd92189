//! Serves the demo account on a port, for any AWS client: `cargo run -p simaws --example serve -- 4566`.
//!
//! `--instances N` serves N small instances instead. `--throttle shared|per-operation|none` says which of
//! Connect's calls share a limit; `shared` without it. Prints the environment that points a client here,
//! and, for every line that is typed, the calls so far as JSON. Stop it with Ctrl-C.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead, Write};

use serde_json::json;
use simaws::{Bucket, Sim, Table, Throttle, World};

struct Arguments {
    port: u16,
    instances: Option<usize>,
    throttle: Throttle,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments { port: 4566, instances: None, throttle: Throttle::Shared };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--instances" => found.instances = Some(value()?.parse()?),
            "--throttle" => {
                found.throttle = match value()?.as_str() {
                    "shared" => Throttle::Shared,
                    "per-operation" => Throttle::PerOperation,
                    "none" => Throttle::None,
                    other => return Err(format!("--throttle {other}: expected shared, per-operation or none").into()),
                }
            }
            port => found.port = port.parse().map_err(|_| format!("{port} is no port"))?,
        }
    }
    Ok(found)
}

fn world(arguments: &Arguments) -> World {
    let mut world = match arguments.instances {
        None => World::demo(),
        Some(n) => {
            let mut world = World::with_instances(n);
            world.buckets.insert("quota-history".to_owned(), Bucket::default());
            world.tables.insert("quota-snapshots".to_owned(), Table::new("subject", "timestamp"));
            world.add_topic("quota-alerts");
            // As in accounts with several instances: each has been given its own number of users.
            for arn in world.instances.iter().map(|instance| instance.arn(&world)).collect::<Vec<_>>() {
                world.quotas.set_instance("L-9A46857E", &arn, 1_000.0);
            }
            world
        }
    };
    world.throttle = arguments.throttle;
    world
}

/// Calls and throttled calls, by service and operation.
fn calls(sim: &Sim) -> serde_json::Value {
    let mut found = BTreeMap::<&str, BTreeMap<String, (u64, u64)>>::new();
    for request in sim.requests() {
        let (calls, throttled) = found.entry(request.service).or_default().entry(request.operation).or_default();
        *calls += 1;
        *throttled += u64::from(request.throttled);
    }
    json!(found)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let world = world(&arguments);
    let topic = world.topics.keys().next().cloned().unwrap_or_default();
    let region = world.region.clone();
    let sim = Sim::new(world);
    let server = sim.serve_on(arguments.port).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "export AWS_ENDPOINT_URL={}", server.url())?;
    writeln!(out, "export AWS_REGION={region}")?;
    writeln!(out, "export AWS_ACCESS_KEY_ID=simulated AWS_SECRET_ACCESS_KEY=simulated")?;
    writeln!(out, "export ALERT_SNS_TOPIC_ARN={topic}")?;
    writeln!(out, "export USE_DYNAMODB=true DYNAMODB_TABLE=quota-snapshots")?;
    writeln!(out, "export USE_S3_STORAGE=true S3_BUCKET=quota-history")?;
    out.flush()?;
    drop(out);
    std::thread::spawn(move || {
        for _ in io::stdin().lock().lines().map_while(Result::ok) {
            // A reader that has gone needs no answer.
            let _ = writeln!(io::stdout(), "{}", calls(&sim));
        }
    });
    std::future::pending().await
}
