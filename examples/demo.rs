//! `cargo run --example demo`: the real Lambda handler against a simulated AWS, in some seconds.
//!
//! The simulated account is served over real HTTP on a loopback port, and the real AWS SDK talks to it: no AWS
//! account, no credentials, no setting of this machine. Pacing, as in production, is what takes the time, on a clock
//! that runs fast where nothing is under way. The monitor remembers a month; then it runs, a queue of events tells of a
//! caller that is throttled, somebody cleans up, and it runs again.

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
use connect_quota_monitor::domain::Owner;
use connect_quota_monitor::edge::{cli, lambda};
use connect_quota_monitor::keep::ledger::Version;
use connect_quota_monitor::ledger::Ledger;
use connect_quota_monitor::run::App;
use connect_quota_monitor::run::sinks::Sinks;
use jiff::Timestamp;
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

/// Lets the clock of timers run fast where no request is under way: two minutes of pacing are no newcomer's time.
fn hurry(sim: Sim) {
    tokio::time::pause();
    tokio::spawn(async move {
        let mut asked = 0;
        loop {
            // As long as a thread is busy the clock stands, and does not jump to the next timer.
            #[expect(clippy::disallowed_methods, reason = "on a thread of its own")]
            let tick = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(2)));
            if tick.await.is_err() {
                return;
            }
            let before = std::mem::replace(&mut asked, sim.asked());
            let is_busy = before != asked;
            tokio::time::advance(Duration::from_millis(if is_busy { 5 } else { 200 })).await;
        }
    });
}

/// What the monitor remembers of a month, as its ledgers hold it: the instance's place, the quota's code and limit,
/// the newest peak, and how much it grew each day.
const MONTH: [(usize, &str, f64, f64, f64); 9] = [
    (0, "L-22922690", 100.0, 147.0, 1.6),   // contact flows
    (0, "L-9A46857E", 2000.0, 1200.0, 4.0), // users
    (0, "L-12AB7C57", 500.0, 362.0, 1.5),   // concurrent calls
    (0, "L-E908C3A1", 150.0, 104.0, 0.0),   // campaign calls
    (0, "L-8F812903", 60.0, 46.0, 0.1),     // phone numbers
    (0, "L-E3D2F503", 50.0, 42.0, 0.4),     // Lambda functions
    (1, "L-22922690", 100.0, 58.0, 3.2),    // contact flows: full soon
    (1, "L-12AB7C57", 100.0, 62.0, 0.3),    // concurrent calls
    (1, "L-8F812903", 5.0, 4.0, 0.0),       // phone numbers
];

/// What one invocation answered, how long it took, and the calls it made.
struct Run {
    answer: Value,
    took: Duration,
    calls: Vec<Recorded>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let sim = Sim::new(World::demo());
    hurry(sim.clone());
    let server = sim.serve().await?;
    let app = Arc::new(monitor(&server.url())?);
    remember(&app, &sim).await?;

    writeln!(out, "Simulated AWS at {}. The monitor runs, as on a schedule.", server.url())?;
    out.flush()?;
    let first = invoke(&app, &sim, json!({})).await?;
    let mails = published(&sim);
    instances(&mut out, &first.answer)?;
    worst(&mut out, &sim)?;
    alerts(&mut out, &mails)?;
    calls(&mut out, &first)?;

    heading(&mut out, "AND THEN")?;
    writeln!(
        out,
        "A CRM's Lambda function is throttled 14 times, as CloudTrail tells; acme-support deletes 90 of its flows."
    )?;
    out.flush()?;
    let watch = invoke(&app, &sim, throttled(14)).await?;
    sim.world().instances[0].set("ListContactFlows", 57);
    let second = invoke(&app, &sim, json!({})).await?;
    let later = published(&sim).split_off(mails.len());
    subjects(&mut out, &later)?;
    let suppressed = &second.answer["alerts"]["suppressed"];
    writeln!(out, "No mail on {suppressed} others: they were told before, and nothing is new.")?;

    let page = page(&sim)?;
    let problems = problems([&first, &watch, &second], &sim, &mails, &later, &page);
    if problems.is_empty() {
        writeln!(out, "\nEverything was as expected. The page of the last run: {FOLDER}/index.html")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "\nNOT AS EXPECTED: {}.", problems.join("; "))?;
    Ok(ExitCode::FAILURE)
}

/// Leaves the ledgers of a month of runs, without the two days on which nothing ran.
async fn remember(app: &App, sim: &Sim) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::now();
    let today = now.as_second().div_euclid(86_400);
    let ids: Vec<String> = sim.world().instances.iter().map(|instance| instance.id.clone()).collect();
    let owner = Owner { account_id: "111122223333".to_owned(), region: "us-east-1".to_owned() };
    for (place, id) in ids.iter().enumerate() {
        let mut ledger = Ledger::new(&owner, id, now);
        let series = MONTH.iter().filter(|quota| quota.0 == place).map(|(_, code, limit, peak, per_day)| {
            let day = |ago: u32| {
                let wave = f64::from(ago * 7 % 5) / 4.0 * per_day.min(0.5);
                (!(17..19).contains(&ago)).then(|| (peak - per_day * f64::from(ago) - wave).round().max(0.0))
            };
            let peaks: Vec<_> = (1..30).rev().map(day).collect();
            ((*code).to_owned(), json!({ "from": today - 29, "peaks": peaks, "limits": [[0, limit]] }))
        });
        ledger.notes.history = serde_json::from_value(Value::Object(series.collect()))?;
        app.sinks.stores.write_ledger(&ledger, &Version::Missing).await.map_err(|fault| fault.to_string())?;
    }
    Ok(())
}

/// A batch of the watches' queue: CloudTrail's records of one caller whose calls were rejected.
fn throttled(count: usize) -> Value {
    let now = Timestamp::now().to_string();
    let record = |n: usize| {
        let body = json!({
            "id": format!("event-{n}"), "source": "aws.connect", "detail-type": "AWS API Call via CloudTrail",
            "account": "111122223333", "region": "us-east-1", "time": now,
            "detail": {
                "eventID": format!("record-{n}"), "eventSource": "connect.amazonaws.com",
                "eventName": "GetCurrentMetricData", "errorCode": "ThrottlingException", "eventTime": now,
                "userAgent": "aws-sdk-js/3 exec-env/AWS_Lambda_nodejs20.x", "requestParameters": null,
                "userIdentity": {
                    "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/crm-role/crm-wallboard",
                },
            },
        });
        json!({ "messageId": format!("message-{n}"), "eventSource": "aws:sqs", "body": body.to_string() })
    };
    json!({ "Records": (0..count).map(record).collect::<Vec<_>>() })
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
    let grave = |metric: &Value| (metric["status"] == "critical", metric["status"] == "warning");
    let rank = |metric: &Value| (grave(metric), metric["utilization"].as_f64().unwrap_or(-1.0));
    rows.sort_by(|(_, a), (_, b)| rank(b).partial_cmp(&rank(a)).unwrap_or(std::cmp::Ordering::Equal));
    heading(out, &format!("THE WORST OF {} ROWS", rows.len()))?;
    let mut table = table(&["Instance", "Quota", "Status", "Limit from", "Usage", "Limit", "Used %"], 4);
    for (instance, metric) in rows.iter().take(8) {
        let [quota, status, source, usage, limit, used] =
            ["quota_name", "status", "limit_source", "usage", "limit", "utilization"].map(|key| text(&metric[key]));
        table.add_row([instance.clone(), quota, status, source, usage, limit, used]);
    }
    writeln!(out, "{table}")
}

/// What was sent: all subjects, and how the shortest mail begins.
fn alerts(out: &mut impl Write, mails: &[Published]) -> io::Result<()> {
    heading(out, "MAILS")?;
    subjects(out, mails)?;
    let texts = mails.iter().map(|mail| mail.delivered("email"));
    let shortest = texts.min_by_key(|text| text.lines().count()).unwrap_or_default();
    writeln!(out, "\nThe shortest begins:\n")?;
    for line in shortest.lines().take(LINES) {
        writeln!(out, "  {}", line.chars().take(WIDTH).collect::<String>())?;
    }
    Ok(())
}

/// Lines of a mail, and characters of a line, that are shown.
const LINES: usize = 14;
const WIDTH: usize = 110;

fn subjects(out: &mut impl Write, mails: &[Published]) -> io::Result<()> {
    for mail in mails {
        let event = mail.attributes.get("event").map_or("?", String::as_str);
        writeln!(out, "Mail, {event}: {}", mail.subject.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

fn calls(out: &mut impl Write, run: &Run) -> io::Result<()> {
    heading(out, "CALLS TO AWS")?;
    let mut table = table(&["Service", "Operations", "Calls", "Throttled"], 2);
    for service in run.calls.iter().map(|call| call.service).collect::<BTreeSet<_>>() {
        let made: Vec<_> = run.calls.iter().filter(|call| call.service == service).collect();
        let operations: BTreeSet<_> = made.iter().map(|call| call.operation.as_str()).collect();
        let names = operations.iter().copied().collect::<Vec<_>>().join(", ");
        let names = if operations.len() > 2 { format!("{} different ones", operations.len()) } else { names };
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
fn problems(
    [first, watch, second]: [&Run; 3],
    sim: &Sim,
    mails: &[Published],
    later: &[Published],
    page: &str,
) -> Vec<String> {
    let stored = &first.answer["snapshots"];
    let world = sim.world();
    let kept = world.buckets[BUCKET].objects.len();
    let events: Vec<_> = later.iter().filter_map(|mail| mail.attributes.get("event").cloned()).collect();
    let mut expected = vec![
        (first.answer["complete"] == true, format!("the run was not complete: {}", first.answer["faults"])),
        (!mails.is_empty() && first.answer["alerts"]["sent"] == mails.len(), format!("{} mails arrived", mails.len())),
        (stored == &json!({ "dynamodb": 4, "s3": 4, "failed": 0 }), format!("these snapshots were stored: {stored}")),
        (kept >= 12, format!("the bucket has {kept} objects")),
        (
            [first, second].iter().all(|run| run.calls.iter().all(|call| !call.throttled)),
            "calls were throttled".to_owned(),
        ),
        (first.took.as_secs_f64() >= bound(first) - 0.1, "the run was faster than its pacing allows".to_owned()),
        (watch.answer == json!({ "batchItemFailures": [] }), format!("the watch answered {}", watch.answer)),
        (events == ["throttled", "recovered"], format!("then these mails were sent: {events:?}")),
        (second.answer["faults"] == json!([]), format!("the second run had faults: {}", second.answer["faults"])),
    ];
    for part in ["Throttled callers", "crm-wallboard", "recovered", "full on 20", "Contacts in a queue with a maximum"]
    {
        expected.push((page.contains(part), format!("the page does not say `{part}`")));
    }
    expected.into_iter().filter(|(holds, _)| !holds).map(|(_, problem)| problem).collect()
}

const FOLDER: &str = "target/demo";

/// Writes the report and the page that the last run left in the bucket, and returns the page.
fn page(sim: &Sim) -> Result<String, Box<dyn Error>> {
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder)?;
    let mut page = String::new();
    for name in ["report.json", "index.html"] {
        let key = format!("connect-reports/111122223333/us-east-1/latest/{name}");
        let body = sim.world().buckets[BUCKET].objects.get(&key).ok_or("the run left no page")?.body.clone();
        fs::write(folder.join(name), &body)?;
        page = String::from_utf8(body.to_vec())?;
    }
    Ok(page)
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
