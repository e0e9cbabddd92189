//! The simulated AWS itself: routes requests, applies faults and throttles, and keeps a record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Response;
use serde_json::Value;
use tokio::time::Instant;

use crate::dispatch::{answer, operation_of};
use crate::fault::{Fault, FaultKind, Script};
use crate::hook::{Hook, Passing};
use crate::ids::uuid;
use crate::paging::Quirk;
use crate::reply::{Reply, Unconnected};
use crate::server::Server;
use crate::throttle::{Buckets, Throttle};
use crate::wire::{AwsError, Call, Context, Protocol, Service, respond, set_header};
use crate::world::World;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `connect`, `cases`, `profile`, `wisdom`, `app-integrations`, `connect-campaigns`, `servicequotas`,
    /// `monitoring`, `dynamodb`, `s3`, `sns`, `sts`, `events`, `ssm`, `cloudtrail`;
    /// `unknown` for a request without a credential scope.
    pub service: &'static str,
    /// As AWS names it; empty when there is no such operation.
    pub operation: String,
    pub at: Instant,
    /// 0 while there is no answer.
    pub status: u16,
    pub throttled: bool,
    pub path: String,
    /// Values of a repeated name are joined with commas.
    pub query: BTreeMap<String, String>,
    pub body: Bytes,
    /// What was answered where nothing went wrong.
    pub answer: Bytes,
}

#[derive(Debug, Default)]
struct State {
    script: Script,
    buckets: Buckets,
    requests: Vec<(u64, Recorded)>,
    /// See [`Sim::keep_nothing`].
    keeps_nothing: bool,
    served: BTreeMap<(&'static str, String), usize>,
    /// The same moment on tokio's clock and in Unix seconds.
    clock: Option<(Instant, i64)>,
    /// Operations whose answers carried the world's marker.
    marked: BTreeSet<String>,
}

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    state: Mutex<State>,
    serial: AtomicU64,
}

/// A simulated AWS account in one Region. Clones are the same account.
#[derive(Clone, Debug)]
pub struct Sim(Arc<Inner>, Option<Hook>);

impl Sim {
    #[must_use]
    pub fn new(world: World) -> Self {
        Self(Arc::new(Inner { world: Mutex::new(world), state: Mutex::default(), serial: AtomicU64::new(1) }), None)
    }

    /// The same account for one of several callers, whose requests pass this hook: before each is handled,
    /// and again before its answer leaves.
    #[must_use]
    pub fn hooked(&self, hook: Hook) -> Self {
        Self(Arc::clone(&self.0), Some(hook))
    }

    /// Answers one request: the wire without the sockets.
    pub async fn handle(&self, request: http::Request<Bytes>) -> Reply {
        let mut passing = None;
        let reply = self.exchange(request, &mut passing).await;
        if let (Some(hook), Some(passing)) = (&self.1, passing) {
            hook.pass(Passing { is_answered: true, ..passing }).await;
        }
        reply
    }

    async fn exchange(&self, request: http::Request<Bytes>, passing: &mut Option<Passing>) -> Reply {
        let at = Instant::now();
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        let call = Call::new(request, uuid("request", "", serial));
        let region = self.world().region.clone();
        let service = match call.service(&region) {
            Ok(service) => service,
            Err(error) => {
                self.record(serial, "unknown", "", at, &call);
                return self.refuse(serial, Protocol::RestJson("Message"), &call, &error);
            }
        };
        let protocol = Protocol::of(service, &call);
        let operation = match operation_of(service, &call) {
            Ok(operation) => operation,
            Err(error) => {
                self.record(serial, service.name(), "", at, &call);
                return self.refuse(serial, protocol, &call, &error);
            }
        };
        self.record(serial, service.name(), &operation, at, &call);
        if let Some(hook) = &self.1 {
            let named = Passing { service: service.name(), operation: operation.clone(), is_answered: false };
            hook.pass(named.clone()).await;
            *passing = Some(named);
        }
        if self.world().not_offered.contains(service.name()) {
            return Reply::Unconnected(Unconnected::NoSuchName);
        }
        let fault = self.state().script.take(service.name(), &operation, |id| call.names(id));
        let mut quirk = None;
        match &fault {
            Some(FaultKind::Hang) => return Reply::Hang,
            Some(FaultKind::Reset) => return Reply::Reset,
            Some(FaultKind::NoSuchName) => return Reply::Unconnected(Unconnected::NoSuchName),
            Some(FaultKind::NameTryAgain) => return Reply::Unconnected(Unconnected::NameTryAgain),
            Some(FaultKind::Refused) => return Reply::Unconnected(Unconnected::Refused),
            Some(FaultKind::BadTls) => return Reply::Unconnected(Unconnected::BadTls),
            Some(FaultKind::Delay(time)) => tokio::time::sleep(*time).await,
            Some(FaultKind::EndlessToken) => quirk = Some(Quirk::Endless),
            Some(FaultKind::RepeatToken) => quirk = Some(Quirk::Repeat),
            Some(FaultKind::EmptyPageWithToken) => quirk = Some(Quirk::EmptyFirst),
            _ => {}
        }
        let scripted = match &fault {
            Some(FaultKind::Throttle) => Some(service.throttled()),
            Some(FaultKind::InternalError) => Some(service.internal()),
            Some(FaultKind::AccessDenied) => Some(service.access_denied(&operation, &self.world())),
            Some(FaultKind::Status { status, code, message }) => Some(AwsError::new(*status, code, message)),
            _ if self.world().not_enabled.contains(service.name()) => Some(Service::not_enabled()),
            _ if !self.admit(service, &operation) => Some(service.throttled()),
            _ => None,
        };
        if let Some(error) = scripted {
            return self.refuse(serial, protocol, &call, &error);
        }
        let answer = {
            let mut world = self.world();
            let mut context =
                Context { call: &call, operation: &operation, world: &mut world, quirk, nonce: serial, at };
            answer(service, &mut context)
        };
        if self.state().keeps_nothing {
            let mut world = self.world();
            world.tables.values_mut().for_each(|table| table.items.clear());
            world.buckets.values_mut().for_each(|bucket| bucket.objects.clear());
            world.topics.values_mut().for_each(|topic| topic.messages.clear());
        }
        let mut response = match answer {
            Ok(response) => response,
            Err(error) => return self.refuse(serial, protocol, &call, &error),
        };
        self.count(service, &operation);
        self.mark(service, &operation, &mut response);
        protocol.identify(&mut response, &call.request_id);
        self.close(serial, response.status().as_u16(), false);
        self.keep(serial, response.body());
        match fault {
            Some(FaultKind::InvalidBody) => {
                *response.body_mut() = Bytes::from_static(b"<!doctype html><title>Proxy</title>{\"");
                // A checksum of the real body would be a second defect.
                response.headers_mut().remove("x-amz-crc32");
                Reply::Http(response)
            }
            Some(FaultKind::TruncatedBody) => {
                let full = response.body().len().max(2);
                set_header(&mut response, "content-length", &full.to_string());
                let cut = response.body().slice(..response.body().len() / 2);
                *response.body_mut() = cut;
                Reply::Truncated(response)
            }
            _ => Reply::Http(response),
        }
    }

    /// Serves all services over HTTP/1.1 on one loopback port, until the server is dropped.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn serve(&self) -> std::io::Result<Server> {
        self.serve_on(0).await
    }

    /// As [`serve`](Self::serve), on a given port.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn serve_on(&self, port: u16) -> std::io::Result<Server> {
        let sim = self.clone();
        Server::start(port, move |request| {
            let sim = sim.clone();
            async move { sim.handle(request).await }
        })
        .await
    }

    /// What the account holds. Requests wait while the guard lives: do not keep it across an await.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic in a test that held the guard must not hide its own message behind a poisoned lock.
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault after those already scripted.
    pub fn script(&self, fault: Fault) {
        self.state().script.add(fault);
    }

    /// How many requests each operation of a service has had since the start.
    #[must_use]
    pub fn served(&self, service: &str) -> BTreeMap<String, usize> {
        let state = self.state();
        let of_service = state.served.iter().filter(|((name, _), _)| *name == service);
        of_service.map(|((_, operation), n)| (operation.clone(), *n)).collect()
    }

    /// From now on requests are not recorded, and what is stored or published is accepted and let go:
    /// for tests that measure the caller's memory.
    pub fn keep_nothing(&self) {
        self.state().keeps_nothing = true;
    }

    /// From now on nothing misbehaves.
    pub fn clear_faults(&self) {
        self.state().script = Script::default();
    }

    /// How many requests arrived so far.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.0.serial.load(Ordering::Relaxed)
    }

    /// Every request since the start or the last [`clear`](Self::clear_requests), in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.state().requests.iter().map(|(_, recorded)| recorded.clone()).collect()
    }

    pub fn clear_requests(&self) {
        self.state().requests.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the bucket of this call has a token for it.
    fn admit(&self, service: Service, operation: &str) -> bool {
        let (throttle, rates, live) = {
            let world = self.world();
            (world.throttle, world.rates, world.live_traffic.unwrap_or(0.0))
        };
        let metrics = ["GetMetricData", "GetCurrentMetricData"].contains(&operation);
        let (bucket, rate, live) = match (throttle, service) {
            (Throttle::None, _) => return true,
            (Throttle::Shared, Service::Connect) if metrics => ("connect metrics", rates.connect_metrics, live),
            (Throttle::Shared, Service::Connect) => ("connect", rates.connect, live),
            (Throttle::PerOperation, Service::Connect) if metrics => (operation, rates.connect_metrics, live),
            (Throttle::PerOperation, Service::Connect) => (operation, rates.connect, live),
            (_, Service::Companion(api)) => {
                let line = api.operations.iter().find(|line| line.name == operation);
                let Some(line) = line else { return true };
                // Not the name alone: two services list domains.
                let bucket = format!("{} {operation}", api.name);
                return self.state().buckets.take(&bucket, line.rate, 0.0, Instant::now());
            }
            (_, Service::Quotas) if operation == "RequestServiceQuotaIncrease" => (operation, rates.quotas_ask, 0.0),
            (_, Service::Quotas) if operation.contains("ChangeHistory") => (operation, rates.quotas_get, 0.0),
            (_, Service::Quotas) if operation.starts_with("List") => (operation, rates.quotas_list, 0.0),
            (_, Service::Quotas) => (operation, rates.quotas_get, 0.0),
            (_, Service::Trail) => (operation, rates.look_ups, 0.0),
            (_, Service::Monitoring) => match operation {
                "PutMetricAlarm" | "DeleteAlarms" => (operation, rates.alarm_writes, 0.0),
                "DescribeAlarms" => (operation, rates.alarm_reads, 0.0),
                "ListMetrics" | "TagResource" | "ListTagsForResource" => (operation, rates.metric_lists, 0.0),
                _ => return true,
            },
            _ => return true,
        };
        self.state().buckets.take(bucket, rate, live, Instant::now())
    }

    /// It is this time now (Unix seconds). Until it is set, the simulation began at `world.quotas.now`.
    pub fn set_clock(&self, now: i64) {
        self.state().clock = Some((Instant::now(), now));
        self.world().metrics.clock = Some(now);
    }

    /// Counts an answered call in `AWS/Usage`, as far as a quota names a metric for it.
    fn count(&self, service: Service, operation: &str) {
        if !matches!(service, Service::Connect | Service::Companion(_)) || !self.world().counts_calls {
            return;
        }
        let start = self.world().quotas.now;
        let (at, seconds) = *self.state().clock.get_or_insert_with(|| (Instant::now(), start));
        let now = seconds + i64::try_from(at.elapsed().as_secs()).unwrap_or(0);
        let mut world = self.world();
        if let Some((resource, service)) = world.quotas.counted(service.name(), operation) {
            let dimensions = [("Type", "API"), ("Resource", resource), ("Service", service), ("Class", "None")];
            world.metrics.put("AWS/Usage", "CallCount", &dimensions, now, 1.0);
        }
    }

    fn keep(&self, serial: u64, answer: &Bytes) {
        if let Some((_, recorded)) = self.state().requests.iter_mut().rev().find(|(n, _)| *n == serial) {
            recorded.answer = answer.clone();
        }
    }

    fn refuse(&self, serial: u64, protocol: Protocol, call: &Call, error: &AwsError) -> Reply {
        let mut response = protocol.error(error, &call.request_id);
        protocol.identify(&mut response, &call.request_id);
        if call.method == http::Method::HEAD {
            response = respond(error.status, "", Bytes::new());
            protocol.identify(&mut response, &call.request_id);
        }
        self.close(serial, error.status, error.is_throttle());
        Reply::Http(response)
    }

    /// Puts the world's marker into every text of an answer that is none of the things a client may
    /// show: ids, ARNs, names (which are marked where they are made, if nobody needs them), and words of
    /// the protocol.
    fn mark(&self, service: Service, operation: &str, response: &mut Response<Bytes>) {
        let Some(marker) = self.world().marker.clone() else { return };
        if matches!(service, Service::Connect | Service::Companion(_))
            && let Ok(mut body) = serde_json::from_slice::<Value>(response.body())
        {
            crate::mark::plant(&mut body, &marker);
            *response.body_mut() = Bytes::from(body.to_string());
        }
        if String::from_utf8_lossy(response.body()).contains(&marker) {
            self.state().marked.insert(format!("{}:{operation}", service.name()));
        }
    }

    /// Operations whose answers carried the world's marker, as `service:Operation`.
    #[must_use]
    pub fn marked(&self) -> BTreeSet<String> {
        self.state().marked.clone()
    }

    fn record(&self, serial: u64, service: &'static str, operation: &str, at: Instant, call: &Call) {
        {
            let mut state = self.state();
            *state.served.entry((service, operation.to_owned())).or_default() += 1;
            if state.keeps_nothing {
                return;
            }
        }
        let mut query = BTreeMap::<String, String>::new();
        for (name, value) in &call.query {
            query
                .entry(name.clone())
                .and_modify(|values| {
                    values.push(',');
                    values.push_str(value);
                })
                .or_insert_with(|| value.clone());
        }
        let recorded = Recorded {
            service,
            operation: operation.to_owned(),
            at,
            status: 0,
            throttled: false,
            path: call.path.clone(),
            query,
            body: call.body.clone(),
            answer: Bytes::new(),
        };
        self.state().requests.push((serial, recorded));
    }

    /// Notes how a recorded request was answered, unless the record was cleared meanwhile.
    fn close(&self, serial: u64, status: u16, throttled: bool) {
        let mut state = self.state();
        if let Some((_, recorded)) = state.requests.iter_mut().rev().find(|(number, _)| *number == serial) {
            (recorded.status, recorded.throttled) = (status, throttled);
        }
    }
}
