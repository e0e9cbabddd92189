//! `cargo run --example demo`: the real Lambda handler against a simulated AWS, in some seconds.
//!
//! The simulated account is served over real HTTP on a loopback port, and the real AWS SDK talks to it: no AWS
//! account, no credentials, no setting of this machine. Pacing, as in production, is what takes the time, on a clock
//! that runs ten times as fast.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_connect::config::{Credentials, SharedCredentialsProvider};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::config::Config;
use connect_quota_monitor::edge::{cli, lambda};
use connect_quota_monitor::run::App;
use connect_quota_monitor::run::sinks::Sinks;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use simaws::{Published, Recorded, Sim, World};
use tokio::time::Instant;

const TABLE: &str = "quota-snapshots";
const BUCKET: &str = "quota-history";
const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:quota-alerts";

/// AWS's documented limit on Connect calls.
const RATE: f64 = 2.0;
const BURST: f64 = 5.0;

/// Lets the clock of timers run ten times as fast: a minute of pacing is no newcomer's time.
fn hurry() {
    tokio::time::pause();
    tokio::spawn(async {
        loop {
            // As long as a thread is busy the clock stands, and does not jump to the next timer.
            #[expect(clippy::disallowed_methods, reason = "on a thread of its own")]
            let tick = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(2)));
            if tick.await.is_err() {
                return;
            }
            tokio::time::advance(Duration::from_millis(20)).await;
        }
    });
}

/// What one invocation answered, how long it took, and the calls it made.
struct Run {
    answer: Value,
    took: Duration,
    calls: Vec<Recorded>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut out = io::stdout().lock();
    hurry();
    let sim = Sim::new(World::demo());
    let server = sim.serve().await?;
    let app = Arc::new(monitor(&server.url())?);

    writeln!(out, "Simulated AWS at {}. The monitor runs once, as on a schedule.", server.url())?;
    out.flush()?;
    let first = invoke(&app, &sim, json!({})).await?;
    let mails = published(&sim);
    let page = page(&sim)?;
    instances(&mut out, &first.answer)?;
    worst(&mut out, &sim)?;
    alerts(&mut out, &mails)?;
    stored(&mut out, &sim)?;
    calls(&mut out, &first)?;
    let again = list(&first.answer["instances"]).filter(|instance| instance["violations_count"] != 0).last();
    let again = &again.ok_or("no instance has a violation")?["instance_id"];
    heading(&mut out, "A SECOND RUN, OF ONE INSTANCE")?;
    writeln!(out, "Payload: {}", json!({ "instance_ids": [again] }))?;
    out.flush()?;
    let second = invoke(&app, &sim, json!({ "instance_ids": [again] })).await?;
    writeln!(
        out,
        "{} violations, the account's included. Alerts sent: {}; suppressed, because they were told: {}. It took {:.1} s.",
        second.answer["violations"],
        second.answer["alerts"]["sent"],
        second.answer["alerts"]["suppressed"],
        second.took.as_secs_f64(),
    )?;

    let problems = problems(&first, &second, &sim, mails.len());
    if problems.is_empty() {
        writeln!(out, "\nEverything was as expected.")?;
        writeln!(out, "The page of the first run: {page}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "\nNOT AS EXPECTED: {}.", problems.join("; "))?;
    Ok(ExitCode::FAILURE)
}

/// The monitor as the Lambda function builds it, pointed at the simulated AWS.
fn monitor(url: &str) -> Result<App, Box<dyn Error>> {
    let environment = BTreeMap::from([
        ("ALERT_SNS_TOPIC_ARN", TOPIC),
        ("USE_DYNAMODB", "true"),
        ("DYNAMODB_TABLE", TABLE),
        ("USE_S3_STORAGE", "true"),
        ("S3_BUCKET", BUCKET),
    ]);
    let config = Config::from_lookup(|name| environment.get(name).map(|&value| value.to_owned()))?;
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("demo", "demo", None, None, "demo")))
        .endpoint_url(url)
        // No TLS, and no proxy of the environment between this process and itself.
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let sinks = Sinks::new(&sdk, &config, true);
    Ok(App::new(config.clone(), Aws::new(&sdk, &config), sinks))
}

/// One invocation, as Lambda with a timeout of 15 minutes would make it.
async fn invoke(app: &Arc<App>, sim: &Sim, payload: Value) -> Result<Run, Box<dyn Error>> {
    let mut context = Context::default();
    let timeout = SystemTime::now() + Duration::from_secs(900);
    context.deadline = u64::try_from(timeout.duration_since(UNIX_EPOCH)?.as_millis())?;
    sim.clear_requests();
    let started = Instant::now();
    let bar = cli::watch(Arc::clone(app));
    let answer = lambda::handle(app, LambdaEvent::new(payload, context)).await;
    bar.finish_and_clear();
    let answer = answer.map_err(|e| format!("{}: {}", e.error_type, e.error_message))?;
    Ok(Run { answer, took: started.elapsed(), calls: sim.requests() })
}

fn instances(out: &mut impl Write, answer: &Value) -> io::Result<()> {
    heading(out, "INSTANCES")?;
    let mut table = table(&["Instance", "Id", "Status", "Quotas", "Violations", "Highest %"], 3);
    let row = |name: &Value, id: &Value, seen: &Value| {
        let seen = ["status", "metrics_count", "violations_count", "max_utilization"].map(|key| text(&seen[key]));
        [text(name), text(id)].into_iter().chain(seen).collect::<Vec<_>>()
    };
    for instance in list(&answer["instances"]) {
        table.add_row(row(&instance["instance_alias"], &instance["instance_id"], instance));
    }
    table.add_row(row(&json!("(account)"), &answer["account_id"], &answer["account"]));
    writeln!(out, "{table}")
}

/// The rows nearest to their limits, from what DynamoDB holds.
fn worst(out: &mut impl Write, sim: &Sim) -> io::Result<()> {
    let items = items(sim);
    let name = |item: &Value| item["instance_alias"].as_str().unwrap_or("(account)").to_owned();
    let mut rows: Vec<_> =
        items.iter().flat_map(|item| list(&item["metrics"]).map(move |metric| (name(item), metric))).collect();
    let rank = |metric: &Value| (metric["status"] == "critical", metric["utilization"].as_f64().unwrap_or(-1.0));
    rows.sort_by(|(_, a), (_, b)| rank(b).partial_cmp(&rank(a)).unwrap_or(std::cmp::Ordering::Equal));
    heading(out, &format!("THE WORST OF {} ROWS", rows.len()))?;
    let mut table = table(&["Instance", "Quota", "Status", "Limit from", "Usage", "Limit", "Used %"], 4);
    for (instance, metric) in rows.iter().take(14) {
        let [quota, status, source, usage, limit, used] =
            ["quota_name", "status", "limit_source", "usage", "limit", "utilization"].map(|key| text(&metric[key]));
        table.add_row([instance.clone(), quota, status, source, usage, limit, used]);
    }
    writeln!(out, "{table}")
}

fn alerts(out: &mut impl Write, mails: &[Published]) -> io::Result<()> {
    for (number, mail) in mails.iter().enumerate() {
        heading(out, &format!("MAIL {} OF {}", number + 1, mails.len()))?;
        writeln!(out, "Subject: {}\n", mail.subject.as_deref().unwrap_or_default())?;
        write!(out, "{}", mail.delivered("email"))?;
        let attributes: Vec<_> = mail.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        writeln!(out, "\n[message attributes: {}]", attributes.join(", "))?;
    }
    Ok(())
}

fn stored(out: &mut impl Write, sim: &Sim) -> io::Result<()> {
    heading(out, &format!("DYNAMODB TABLE {TABLE}"))?;
    let mut table = table(&["subject", "timestamp", "metrics", "violations", "expires_at"], 2);
    for item in items(sim) {
        let [id, timestamp, metrics, violations, expires_at] =
            ["subject", "timestamp", "metrics_count", "violations_count", "expires_at"].map(|key| text(&item[key]));
        table.add_row([id, timestamp, metrics, violations, expires_at]);
    }
    writeln!(out, "{table}")?;
    heading(out, &format!("S3 BUCKET {BUCKET}"))?;
    sim.world().buckets[BUCKET].objects.keys().try_for_each(|key| writeln!(out, "{key}"))
}

fn calls(out: &mut impl Write, run: &Run) -> io::Result<()> {
    heading(out, "CALLS TO AWS")?;
    let mut table = table(&["Service", "Operations", "Calls", "Throttled"], 2);
    for service in run.calls.iter().map(|call| call.service).collect::<BTreeSet<_>>() {
        let made: Vec<_> = run.calls.iter().filter(|call| call.service == service).collect();
        let operations: BTreeSet<_> = made.iter().map(|call| call.operation.as_str()).collect();
        let names = operations.iter().copied().collect::<Vec<_>>().join(", ");
        let names = if operations.len() > 4 { format!("{} different ones", operations.len()) } else { names };
        let throttled = made.iter().filter(|call| call.throttled).count();
        table.add_row([service.to_owned(), names, made.len().to_string(), throttled.to_string()]);
    }
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "Pacing allows {RATE} Connect calls per second after a burst of {BURST}: at least {:.1} s. The run took {:.1} s.",
        bound(run),
        run.took.as_secs_f64(),
    )
}

/// No run that keeps to the documented limit can be shorter.
fn bound(run: &Run) -> f64 {
    let calls = run.calls.iter().filter(|call| call.service == "connect").count();
    (f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) - BURST) / RATE
}

/// Everything that should have been otherwise.
fn problems(first: &Run, second: &Run, sim: &Sim, mails: usize) -> Vec<String> {
    let stored = &first.answer["snapshots"];
    let excess = first.took.as_secs_f64() - bound(first);
    let expected = [
        (first.answer["complete"] == true, format!("the run was not complete: {}", first.answer["faults"])),
        (mails > 0 && first.answer["alerts"]["sent"] == mails, format!("{mails} mails arrived")),
        (stored == &json!({ "dynamodb": 4, "s3": 4, "failed": 0 }), format!("these snapshots were stored: {stored}")),
        (!first.calls.iter().chain(&second.calls).any(|call| call.throttled), "calls were throttled".to_owned()),
        ((-0.1..10.0).contains(&excess), format!("the run took {excess:.1} s more than its pacing")),
        (second.answer["alerts"]["sent"] == 0, "the second run sent an alert".to_owned()),
        (published(sim).len() == mails, "the topic holds mails of the second run".to_owned()),
    ];
    expected.into_iter().filter(|(holds, _)| !holds).map(|(_, problem)| problem).collect()
}

/// Writes the page that the first run left in the bucket; returns where.
fn page(sim: &Sim) -> Result<String, Box<dyn Error>> {
    let folder = Path::new("target/demo");
    fs::create_dir_all(folder)?;
    for name in ["report.json", "index.html"] {
        let key = format!("connect-reports/111122223333/us-east-1/latest/{name}");
        let body = sim.world().buckets[BUCKET].objects.get(&key).ok_or("the run left no page")?.body.clone();
        fs::write(folder.join(name), body)?;
    }
    Ok(folder.join("index.html").display().to_string())
}

fn published(sim: &Sim) -> Vec<Published> {
    sim.world().topics[TOPIC].messages.clone()
}

fn items(sim: &Sim) -> Vec<Value> {
    let mut items = sim.world().tables[TABLE].plain_items();
    items.retain(|item| item["timestamp"] != "#ledger");
    items
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A cell: numbers with two decimals at most.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        number => number.as_f64().map_or_else(|| number.to_string(), |n| ((n * 100.0).round() / 100.0).to_string()),
    }
}

fn heading(out: &mut impl Write, title: &str) -> io::Result<()> {
    writeln!(out, "\n== {title} {}", "=".repeat(96_usize.saturating_sub(title.len())))
}

/// A table whose columns from the given one on hold numbers.
fn table(header: &[&str], numbers_from: usize) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).force_no_tty().set_header(header);
    table.column_iter_mut().skip(numbers_from).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    table
}
