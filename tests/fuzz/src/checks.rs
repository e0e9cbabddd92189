//! What must hold for any input at all. Used by the tests, with generated input on stable Rust, and by
//! the fuzz targets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_connect::config::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::aws::cloudwatch::{Query, Window};
use connect_quota_monitor::aws::pace::{Plan, Rate};
use connect_quota_monitor::catalogue::{self, Listing, Place, Service};
use connect_quota_monitor::config::{Config, VARS};
use connect_quota_monitor::event::Request;
use connect_quota_monitor::model::Instance;
use connect_quota_monitor::overrides::Overrides;
use connect_quota_monitor::sink::dynamodb::DynamoDb;
use connect_quota_monitor::sink::s3::S3;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

/// An invocation's payload: a request whose values are in range, or a refusal that names a field or says
/// what the payload is.
pub fn payload(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    match Request::from_payload(&value) {
        Ok(request) => {
            assert!(request.threshold_percentage.is_none_or(|p| (1.0..=100.0).contains(&p)), "{value}");
            assert!(request.instance_ids.iter().all(|id| !id.is_empty()), "{value}");
        }
        Err(refusal) => {
            let text = refusal.to_string();
            let names = value.as_object().is_some_and(|fields| fields.keys().any(|name| text.contains(name.as_str())));
            assert!(names || text.contains("payload"), "{text:?} names nothing of {value}");
        }
    }
}

/// Lines of `NAME=VALUE`, where a name may be a number: that variable's place in the list.
pub fn environment(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let set: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| match name.parse::<usize>() {
            Ok(place) => (VARS[place % VARS.len()].0, value),
            Err(_) => (name, value),
        })
        .collect();
    let lookup = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    match Config::from_lookup(lookup) {
        Ok(config) => {
            let levels = config.thresholds;
            assert!(levels.warning >= 1.0 && levels.warning <= levels.critical && levels.critical <= 100.0, "{set:?}");
            assert!((1..=100).contains(&config.rate_share), "{set:?}");
        }
        Err(refusal) => {
            assert!(!refusal.0.is_empty());
            for problem in &refusal.0 {
                assert!(VARS.iter().any(|(name, _)| problem.contains(name)), "{problem:?} names no variable");
            }
        }
    }
}

/// `QUOTA_OVERRIDES`: rules, or problems that say what is wrong.
pub fn overrides(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Overrides::parse(text) {
        Ok(rules) => drop(rules.warnings(Timestamp::UNIX_EPOCH)),
        Err(problems) => assert!(!problems.is_empty() && problems.iter().all(|p| !p.trim().is_empty()), "{text:?}"),
    }
}

/// Answers every request with the same body.
#[derive(Debug, Clone)]
struct Parrot(Arc<Mutex<(Vec<u8>, &'static str)>>);

impl HttpConnector for Parrot {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let (body, content_type) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        HttpConnectorFuture::new(async move {
            let response = http::Response::builder().header("content-type", content_type);
            let response =
                if content_type == CBOR { response.header("smithy-protocol", "rpc-v2-cbor") } else { response };
            let response = response.body(SdkBody::from(body)).map_err(|e| ConnectorError::other(e.into(), None))?;
            HttpResponse::try_from(response).map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}

const JSON: &str = "application/json";
const CBOR: &str = "application/cbor";

/// The clients, on an AWS that says what it is told to.
pub struct Edges {
    runtime: tokio::runtime::Runtime,
    parrot: Parrot,
    sdk: SdkConfig,
    aws: Aws,
}

/// What the selecting byte chose, and what was made of the body.
#[derive(Debug, PartialEq)]
pub enum Read {
    /// Items that were counted.
    Count(Listing, Result<u64, String>),
    /// Something else was read, or was not.
    Other(Result<(), String>),
}

impl Edges {
    /// # Panics
    /// Where no runtime can be built.
    #[must_use]
    #[allow(clippy::expect_used, reason = "without a runtime there is no check")]
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let parrot = Parrot(Arc::default());
        let connector = SharedHttpConnector::new(parrot.clone());
        let load = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url("http://aws.test")
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .load();
        let sdk = runtime.block_on(load);
        let fast = Plan::Flat(Rate::new(1e9, 1_000_000_000));
        let mut aws = Aws::with_plans(&sdk, fast.clone(), fast);
        aws.most_pages = 3;
        Self { runtime, parrot, sdk, aws }
    }

    /// The listings that a byte chooses among; [`Self::OTHERS`] follow.
    #[must_use]
    pub fn listings() -> Vec<Listing> {
        catalogue::listings().iter().copied().filter(|l| !matches!(l.place(), Place::Each(..))).collect()
    }

    /// Calls that are no listings of the catalogue, in their order.
    pub const OTHERS: [&str; 6] = [
        "ListServiceQuotas",
        "GetMetricData",
        "Query",
        "ListInstances",
        "ListObjectsV2",
        "ListRequestedServiceQuotaChangeHistory",
    ];

    /// Reads a body as the answer of the listing, or the other call, that the first byte chooses.
    #[must_use]
    pub fn read(&self, which: u8, body: &[u8]) -> Read {
        let listings = Self::listings();
        let say = |kind| *self.parrot.0.lock().unwrap_or_else(PoisonError::into_inner) = (body.to_vec(), kind);
        // No time for another attempt: the answer would be the same.
        let deadline = Instant::now() + Duration::from_millis(2);
        let which = usize::from(which) % (listings.len() + Self::OTHERS.len());
        if let Some(listing) = listings.get(which) {
            say(JSON);
            let instance =
                Instance { id: "i".to_owned(), arn: "a".to_owned(), alias: None, status: "ACTIVE".to_owned() };
            let of = (listing.place() == Place::Instance).then_some(&instance);
            let late = Instant::now() + Duration::from_secs(1);
            let tally = self
                .runtime
                .block_on(async { tokio::time::timeout_at(late, self.aws.tally(*listing, of, deadline)).await });
            let tally = tally.map_or(Err("the deadline was not kept".to_owned()), |t| {
                t.map(|tally| tally.total).map_err(|fault| fault.operation)
            });
            return Read::Count(*listing, tally);
        }
        let now = Timestamp::from_second(1_772_452_800).unwrap_or_default();
        Read::Other(self.runtime.block_on(async {
            match which - listings.len() {
                0 => {
                    say(JSON);
                    let limits = self.aws.quotas.limits(Service::Connect, deadline).await;
                    limits.faults().first().map_or(Ok(()), |fault| Err(fault.operation.clone()))
                }
                1 => {
                    say(CBOR);
                    let query = Query {
                        namespace: "AWS/Connect".to_owned(),
                        name: "ConcurrentCalls".to_owned(),
                        dimensions: Vec::new(),
                        statistic: "Maximum",
                        period: 60,
                    };
                    let read = self.aws.cloudwatch.read(&[query], Window { start: 0, end: 60 }, deadline).await;
                    let series = read.into_iter().next().ok_or("no series".to_owned())?;
                    let series = series.map_err(|fault| fault.operation)?;
                    assert!(series.peak.is_finite(), "{series:?}");
                    Ok(())
                }
                2 => {
                    say("application/x-amz-json-1.0");
                    let store = DynamoDb::new(&self.sdk, "t", 90);
                    store.newest("account", 2).await.map(drop).map_err(|fault| fault.operation)
                }
                3 => {
                    say(JSON);
                    self.aws.connect.instances(deadline).await.map(drop).map_err(|fault| fault.operation)
                }
                4 => {
                    say("application/xml");
                    S3::new(&self.sdk, "b", true).newest("account", now, 2).await.map(drop).map_err(|f| f.operation)
                }
                _ => {
                    say(JSON);
                    self.aws
                        .quotas
                        .requests(&[Service::Connect], deadline)
                        .await
                        .faults()
                        .next()
                        .map_or(Ok(()), |fault| Err(fault.operation.clone()))
                }
            }
        }))
    }

    /// A body that AWS may never have sent: a count that follows from it, or a fault of the operation.
    pub fn body(&self, bytes: &[u8]) {
        let Some((which, body)) = bytes.split_first() else { return };
        match self.read(*which, body) {
            Read::Count(listing, Ok(total)) => {
                let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
                let follows = follows(&answer, total);
                assert!(follows, "{listing:?}: {total} does not follow from {}", String::from_utf8_lossy(body));
            }
            Read::Count(listing, Err(operation)) => {
                assert_eq!(operation, listing.qualified());
            }
            Read::Other(Ok(())) => {}
            Read::Other(Err(operation)) => assert!(operation.contains(':'), "{operation}"),
        }
    }
}

impl Default for Edges {
    fn default() -> Self {
        Self::new()
    }
}

/// A count is the length of a list of the answer, a number that stands in it, or the sum of what its
/// items say they weigh.
fn follows(answer: &Value, total: u64) -> bool {
    let Value::Object(members) = answer else { return total == 0 && answer.is_null() };
    total == 0
        || members.values().any(|member| match member {
            Value::Array(items) => {
                let kept = items.iter().filter(|item| !item.is_null()).count() as u64;
                let weights = items.iter().filter_map(|item| {
                    let numbers = item.as_object()?.values().filter_map(Value::as_u64);
                    Some(numbers.sum::<u64>())
                });
                total <= kept.max(items.len() as u64) || total <= weights.sum::<u64>()
            }
            Value::Number(number) => number.as_u64() == Some(total) || number.as_f64() == Some(total as f64),
            _ => false,
        })
}
