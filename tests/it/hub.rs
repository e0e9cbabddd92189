//! A fleet's hub on the simulated estate, in virtual time: three accounts in two Regions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::aws::cells::Cells;
use connect_quota_monitor::aws::organizations::Organization;
use connect_quota_monitor::aws::pace::{PacingPlan, Rate};
use connect_quota_monitor::config::Config;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::error::RunError;
use connect_quota_monitor::run::sinks::Sinks;
use connect_quota_monitor::run::{App, Moment};
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::{BrokenOff, Estate, Reply, Sim, World};

use crate::harness::{BUCKET, NOON, roomy, transport};

pub const ACCOUNTS: [&str; 3] = ["111122220001", "222233334444", "333344445555"];
pub const REGIONS: [&str; 2] = ["eu-west-2", "us-east-1"];
const HUB: (&str, &str) = ("999900001111", "eu-central-1");

/// Where bytes leave the SDK, the estate takes them.
#[derive(Debug, Clone)]
struct Wire(Estate, Duration);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(estate, latency) = self.clone();
        HttpConnectorFuture::new(async move {
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            match estate.handle(transport::request(request)?).await {
                Reply::Http(response) => transport::answer(response.map(SdkBody::from)),
                Reply::Truncated(response) => {
                    transport::answer(response.map(|part| SdkBody::from_body_1_x(BrokenOff::after(part))))
                }
                Reply::Unconnected(why) => Err(transport::unconnected(why)),
                Reply::Hang => std::future::pending().await,
                other @ Reply::Reset => panic!("{other:?}"),
            }
        })
    }
}

#[derive(Debug, Clone)]
pub struct Mail {
    pub subject: String,
    pub text: String,
    pub attributes: BTreeMap<String, String>,
}

/// The hub's function. Each hour is a process of its own.
pub struct Hub {
    pub estate: Estate,
    config: Config,
    topic: String,
    events: String,
    /// Of Connect and of Service Quotas.
    pub plans: (PacingPlan, PacingPlan),
    /// What each call takes.
    pub latency: Duration,
}

pub fn target(account_id: &str, region: &str) -> Value {
    json!({ "account_id": account_id, "region": region })
}

pub fn cell_payload(account_id: &str, region: &str) -> Value {
    json!({ "target": target(account_id, region) })
}

/// The id of the `n`th instance of every world that has so many.
pub fn instance_id(n: usize) -> String {
    roomy(n).instances[n - 1].id.clone()
}

/// A world of one account and Region.
pub fn world(account_id: &str, region: &str, instances: usize) -> World {
    let mut world = roomy(instances);
    (world.account_id, world.region) = (account_id.to_owned(), region.to_owned());
    world
}

impl Hub {
    pub fn new() -> Self {
        let mut hub = world(HUB.0, HUB.1, 0);
        hub.buckets.entry(BUCKET.to_owned()).or_default();
        let (topic, events) = (hub.add_topic("quota-alerts"), hub.add_topic("quota-events"));
        let estate = Estate::new(hub);
        {
            let mut land = estate.land();
            land.regions.extend(REGIONS.map(str::to_owned));
            let [acme, beta, gamma] = ACCOUNTS;
            let tags = &mut land.organization.add(acme, "Acme", "r-ab12").tags;
            tags.insert("Team".to_owned(), "team-a".to_owned());
            land.organization.add(beta, "Beta", "ou-ab12-beta");
            land.organization.add(gamma, "Gamma", "ou-ab12-gamma");
            "SUSPENDED".clone_into(&mut land.organization.add("444455556666", "Closed", "ou-ab12-gamma").state);
            let units = vec!["ou-ab12-beta".to_owned()];
            land.organization.units.insert("r-ab12".to_owned(), units);
            land.organization.units.insert("ou-ab12-beta".to_owned(), vec!["ou-ab12-gamma".to_owned()]);
        }
        let mut config = Config {
            s3_bucket: Some(BUCKET.to_owned()),
            alert_topic_arn: Some(topic.clone()),
            events_topic_arn: Some(events.clone()),
            ..Config::default()
        };
        config.fleet.role_name = Some("ConnectQuotaMonitorReader".to_owned());
        config.fleet.external_id = Some("a-secret".to_owned());
        config.fleet.regions = REGIONS.map(str::to_owned).to_vec();
        config.fleet.owner_tag = Some("Team".to_owned());
        let fast = PacingPlan::Flat(Rate::new(10_000.0, 10_000));
        Self { estate, config, topic, events, plans: (fast.clone(), fast), latency: Duration::ZERO }
    }

    pub fn config(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// Instances with the same ids in both Regions of an account.
    pub fn pair(&self, account_id: &str, instances: usize) -> (Sim, Sim) {
        let [west, east] = REGIONS.map(|region| self.estate.add(world(account_id, region, instances)));
        (west, east)
    }

    /// A process of the function.
    pub async fn app(&self) -> App {
        let wire = Wire(self.estate.clone(), self.latency);
        let sdk: SdkConfig = transport::clients(self.estate.hub(), wire)
            .retry_config(aws_config::retry::RetryConfig::standard().with_max_attempts(4))
            .load()
            .await;
        let aws = Aws::with_plans(&sdk, self.plans.0.clone(), self.plans.1.clone());
        let mut app = App::new(self.config.clone(), aws, Sinks::new(&sdk, &self.config, true));
        app.cells = Cells::with_plans(&sdk, &self.config, self.plans.clone());
        app.organization = Some(Organization::of(&sdk));
        app
    }

    /// One invocation, as Lambda makes it.
    pub async fn invoke_at(&self, payload: &Value, unix_seconds: i64) -> Result<Value, RunError> {
        let request = Request::from_payload(payload)?;
        let app = Arc::new(self.app().await);
        self.estate.set_clock(unix_seconds);
        let moment = Moment::within(Timestamp::from_second(unix_seconds).unwrap(), Duration::from_secs(900));
        match request.fleet {
            Some(task) => app.fleet_task(task, request.dry_run, moment).await,
            None => app.run(&request, moment).await.map(|report| serde_json::to_value(report).unwrap()),
        }
    }

    pub async fn invoke(&self, payload: &Value, hour: i64) -> Result<Value, RunError> {
        self.invoke_at(payload, NOON + hour * 3600).await
    }

    pub async fn task(&self, payload: Value, hour: i64) -> Result<Value, RunError> {
        self.invoke(&payload, hour).await
    }

    pub async fn run(&self, target: Value, hour: i64) -> Result<Value, RunError> {
        self.invoke(&json!({ "target": target }), hour).await
    }

    /// What the state machine does in an hour: every cell of the list, and the digest.
    pub async fn hour(&self, hour: i64) -> Vec<Result<Value, RunError>> {
        let start = NOON + hour * 3600;
        let mut answers = Vec::new();
        for (n, payload) in self.object("fleet/cells.json").as_array().unwrap().clone().iter().enumerate() {
            answers.push(self.invoke_at(payload, start + 5 + i64::try_from(n).unwrap()).await);
        }
        answers.push(self.digest(hour).await);
        answers
    }

    pub async fn digest(&self, hour: i64) -> Result<Value, RunError> {
        let start = NOON + hour * 3600;
        let started_at = Timestamp::from_second(start).unwrap().to_string();
        self.invoke_at(&json!({ "fleet": "digest", "started_at": started_at }), start + 1200).await
    }

    pub fn text(&self, key: &str) -> String {
        let world = self.estate.hub().world();
        let object = world.buckets[BUCKET].objects.get(key).unwrap_or_else(|| panic!("{key} does not exist"));
        String::from_utf8(object.body.to_vec()).unwrap()
    }

    pub fn object(&self, key: &str) -> Value {
        serde_json::from_str(&self.text(key)).unwrap()
    }

    pub fn keys(&self) -> Vec<String> {
        self.estate.hub().world().buckets[BUCKET].objects.keys().cloned().collect()
    }

    pub fn put(&self, key: &str, text: &str) {
        let mut world = self.estate.hub().world();
        world.buckets.get_mut(BUCKET).unwrap().put(key, text);
    }

    pub fn mails(&self) -> Vec<Mail> {
        let world = self.estate.hub().world();
        let messages = &world.topics[&self.topic].messages;
        let mail = |m: &simaws::Published| Mail {
            subject: m.subject.clone().unwrap_or_default(),
            text: m.delivered("email").to_owned(),
            attributes: m.attributes.clone(),
        };
        messages.iter().map(mail).collect()
    }

    pub fn forget_mails(&self) {
        self.estate.hub().world().topics.get_mut(&self.topic).unwrap().messages.clear();
    }

    pub fn events(&self) -> Vec<Value> {
        let world = self.estate.hub().world();
        world.topics[&self.events].messages.iter().map(|m| serde_json::from_str(m.delivered("sqs")).unwrap()).collect()
    }
}
