//! Serves the demo account on a port, for any AWS client: `cargo run -p simaws --example serve -- 4566`.
//!
//! Prints the environment that points a client here. Stop it with Ctrl-C.

use std::io::Write;

use simaws::{Sim, World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse()?,
        None => 4566,
    };
    let world = World::demo();
    let topic = world.topics.keys().next().cloned().unwrap_or_default();
    let region = world.region.clone();
    let sim = Sim::new(world);
    let server = sim.serve_on(port).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "export AWS_ENDPOINT_URL={}", server.url())?;
    writeln!(out, "export AWS_REGION={region}")?;
    writeln!(out, "export AWS_ACCESS_KEY_ID=simulated AWS_SECRET_ACCESS_KEY=simulated")?;
    writeln!(out, "export ALERT_SNS_TOPIC_ARN={topic}")?;
    writeln!(out, "export USE_DYNAMODB=true DYNAMODB_TABLE=quota-snapshots")?;
    writeln!(out, "export USE_S3_STORAGE=true S3_BUCKET=quota-history")?;
    out.flush()?;
    std::future::pending().await
}
