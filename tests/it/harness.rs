//! A real SDK client on the simulated AWS, without sockets, so that whole runs pass in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::aws::pace::{PacingPlan, Rate};
use connect_quota_monitor::aws::pages::MOST_PAGES;
use connect_quota_monitor::config::Config;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::error::RunError;
use connect_quota_monitor::run::sinks::Sinks;
use connect_quota_monitor::run::{App, Moment};
use jiff::Timestamp;
use serde_json::Value;
use simaws::{BrokenOff, Fault, FaultKind, Reply, Sim, Table, Throttle, Times, World};

#[path = "transport.rs"]
pub mod transport;
pub use transport::unconnected;

pub const TABLE: &str = "quota-snapshots";
pub const BUCKET: &str = "quota-history";
pub const EVENTS_TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:quota-events";
pub const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:quota-alerts";

/// 2026-03-02T12:00:00Z.
pub const NOON: i64 = 1_772_452_800;

/// Where bytes leave the SDK, the simulated AWS takes them.
#[derive(Debug, Clone)]
struct Wire(Sim, Duration);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(sim, latency) = self.clone();
        HttpConnectorFuture::new(async move {
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            let closed = |what: &str| ConnectorError::io(std::io::Error::other(what.to_owned()).into());
            match transport::reply(&sim, request).await? {
                Reply::Http(response) => transport::answer(response.map(SdkBody::from)),
                Reply::Reset => Err(closed("connection reset by peer")),
                Reply::Unconnected(why) => Err(unconnected(why)),
                Reply::Truncated(response) => {
                    transport::answer(response.map(|part| SdkBody::from_body_1_x(BrokenOff::after(part))))
                }
                Reply::Hang => std::future::pending().await,
            }
        })
    }
}

/// An account on the simulated AWS, and the monitor that looks at it.
pub struct Bench {
    pub sim: Sim,
    pub config: Config,
    plans: (PacingPlan, PacingPlan),
    /// What Lambda gives a run.
    pub time: Duration,
    /// What each call takes.
    pub latency: Duration,
    /// After which a listing is not believed.
    pub most_pages: usize,
    /// Answers have every row, as those of the command.
    pub with_metrics: bool,
    app: Option<Arc<App>>,
}

impl Bench {
    /// Calls are not paced, for tests that are not about pacing; nothing is stored or sent.
    pub fn new(world: World) -> Self {
        Self::on(Sim::new(world))
    }

    /// The same on an account that others use too.
    pub fn on(sim: Sim) -> Self {
        let fast = PacingPlan::Flat(Rate::new(10_000.0, 10_000));
        Self {
            sim,
            config: Config::default(),
            plans: (fast.clone(), fast),
            time: Duration::from_secs(900),
            latency: Duration::ZERO,
            most_pages: MOST_PAGES,
            with_metrics: false,
            app: None,
        }
    }

    pub fn plans(mut self, connect: PacingPlan, quotas: PacingPlan) -> Self {
        self.plans = (connect, quotas);
        self
    }

    pub fn with_config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    pub fn with_table(self) -> Self {
        self.sim.world().tables.insert(TABLE.to_owned(), Table::new("subject", "timestamp"));
        self.with_config(|c| c.dynamodb_table = Some(TABLE.to_owned()))
    }

    pub fn with_bucket(self) -> Self {
        self.sim.world().buckets.entry(BUCKET.to_owned()).or_default();
        self.with_config(|c| c.s3_bucket = Some(BUCKET.to_owned()))
    }

    pub fn with_topic(self) -> Self {
        self.sim.world().add_topic("quota-alerts");
        self.with_config(|c| c.alert_topic_arn = Some(TOPIC.to_owned()))
    }

    pub fn with_events_topic(self) -> Self {
        self.sim.world().add_topic("quota-events");
        self.with_config(|c| c.events_topic_arn = Some(EVENTS_TOPIC.to_owned()))
    }

    pub fn with_bus(self) -> Self {
        self.with_config(|c| c.event_bus = Some("default".to_owned()))
    }

    /// The process: built once, warm afterwards.
    pub async fn app(&mut self) -> Arc<App> {
        if let Some(app) = &self.app {
            return Arc::clone(app);
        }
        let sdk = sdk(&self.sim, self.latency).await;
        let mut aws = Aws::with_plans(&sdk, self.plans.0.clone(), self.plans.1.clone());
        aws.most_pages = self.most_pages;
        let mut app = App::new(self.config.clone(), aws, Sinks::new(&sdk, &self.config, true));
        app.with_metrics = self.with_metrics;
        let app = Arc::new(app);
        self.app = Some(Arc::clone(&app));
        app
    }

    /// A new process: nothing is remembered but what is stored.
    pub fn restart(&mut self) {
        self.app = None;
    }

    pub async fn run_at(&mut self, request: &Request, unix_seconds: i64) -> Result<Value, RunError> {
        let app = self.app().await;
        let now = Timestamp::from_second(unix_seconds).unwrap();
        self.sim.set_clock(unix_seconds);
        let report = app.run(request, Moment::within(now, self.time)).await?;
        Ok(serde_json::to_value(report).unwrap())
    }

    pub async fn run(&mut self) -> Result<Value, RunError> {
        self.run_at(&Request::default(), NOON).await
    }

    /// A dry run, which answers with every row.
    pub async fn dry_run(&mut self) -> Value {
        let request = Request { dry_run: true, ..Request::default() };
        self.run_at(&request, NOON).await.expect("a dry run succeeds")
    }

    pub fn always(&self, service: &'static str, operation: &str, kind: FaultKind) {
        self.sim.script(Fault::new(service, kind).operation(operation).times(Times::Forever));
    }

    pub fn once(&self, service: &'static str, operation: &str, kind: FaultKind) {
        self.sim.script(Fault::new(service, kind).operation(operation).times(Times::Once));
    }

    /// Requests of one service, as operation names, in the order of arrival.
    pub fn calls(&self, service: &str) -> Vec<String> {
        self.sim.requests().into_iter().filter(|r| r.service == service).map(|r| r.operation).collect()
    }

    /// Messages of the topic: subject, text, attributes.
    pub fn mails(&self) -> Vec<Mail> {
        let world = self.sim.world();
        let messages = world.topics.get(TOPIC).map(|t| t.messages.clone()).unwrap_or_default();
        messages
            .into_iter()
            .map(|m| Mail {
                text: m.delivered("email").to_owned(),
                document: serde_json::from_str(m.delivered("sqs")).unwrap_or(Value::Null),
                event: m.attributes.get("event").cloned().unwrap_or_default(),
                severity: m.attributes.get("severity").cloned().unwrap_or_default(),
                instance_id: m.attributes.get("instance_id").cloned().unwrap_or_default(),
                subject: m.subject.unwrap_or_default(),
            })
            .collect()
    }

    /// Snapshots in the table, oldest first under each key.
    pub fn items(&self) -> Vec<Value> {
        let mut items = self.sim.world().tables[TABLE].plain_items();
        items.retain(|item| item["timestamp"] != "#ledger");
        items
    }

    /// Ledgers, in the table or in the bucket, by instance id.
    pub fn ledgers(&self) -> BTreeMap<String, Value> {
        let world = self.sim.world();
        let mut ledgers = Vec::new();
        if let Some(table) = world.tables.get(TABLE) {
            ledgers.extend(table.plain_items().into_iter().filter(|item| item["timestamp"] == "#ledger"));
        }
        if let Some(bucket) = world.buckets.get(BUCKET) {
            let of_ledgers = bucket.objects.iter().filter(|(key, _)| key.starts_with("connect-ledger/"));
            ledgers.extend(of_ledgers.map(|(_, object)| serde_json::from_slice::<Value>(&object.body).unwrap()));
        }
        ledgers.into_iter().map(|l| (l["instance_id"].as_str().unwrap().to_owned(), l)).collect()
    }
}

#[derive(Debug, Clone)]
pub struct Mail {
    pub subject: String,
    pub text: String,
    pub document: Value,
    pub event: String,
    pub severity: String,
    pub instance_id: String,
}

pub async fn sdk(sim: &Sim, latency: Duration) -> SdkConfig {
    transport::clients(sim, Wire(sim.clone(), latency))
        .retry_config(aws_config::retry::RetryConfig::standard().with_max_attempts(4))
        .timeout_config(
            aws_config::timeout::TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(15)).build(),
        )
        .load()
        .await
}

/// The demo account, as it is at noon, on an AWS that throttles nobody.
pub fn demo() -> Bench {
    let mut world = World::demo_at(NOON);
    world.throttle = Throttle::None;
    Bench::new(world)
}

/// An account with one instance in which nothing is near its limit.
pub fn quiet(instances: usize) -> World {
    let mut world = World::with_instances(instances);
    world.throttle = Throttle::None;
    world
}

/// As [`quiet`], with room for more instances and without throttling.
pub fn roomy(instances: usize) -> World {
    let mut world = quiet(instances);
    world.throttle = Throttle::None;
    world.quotas.set_account("L-AA17A6B9", 100.0);
    world
}

/// An account with one instance that Service Quotas has little to list of, for stories of many runs.
pub fn small() -> World {
    let mut world = quiet(1);
    let needed = ["L-0865B754", "L-9A46857E", "L-22922690", "L-19A87C94", "L-12AB7C57", "L-AA17A6B9"];
    for code in world.quotas.codes("connect").into_iter().filter(|code| !needed.contains(code)) {
        world.quotas.remove(code);
    }
    world
}

/// The row of a quota, by code or by name, in an answer's instance or account.
pub fn row<'a>(seen: &'a Value, quota: &str) -> &'a Value {
    seen["metrics"]
        .as_array()
        .expect("metrics")
        .iter()
        .find(|m| m["quota_code"] == quota || m["quota_name"] == quota)
        .unwrap_or_else(|| panic!("no row of {quota}"))
}

/// Codes (or names) of the rows with a status.
pub fn with_status(seen: &Value, status: &str) -> Vec<String> {
    let mut keys: Vec<String> = seen["metrics"]
        .as_array()
        .expect("metrics")
        .iter()
        .filter(|m| m["status"] == status)
        .map(|m| if m["quota_code"] == "-" { &m["quota_name"] } else { &m["quota_code"] })
        .map(|k| k.as_str().unwrap().to_owned())
        .collect();
    keys.sort();
    keys
}
