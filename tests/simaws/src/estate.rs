//! Several accounts and Regions behind one address: an organization, roles that can be assumed, and a simulated AWS for
//! each account and Region.
//!
//! Requests are routed as AWS routes them: by the access key's session, and by the Region that they are signed for. Without
//! a session token they are the hub's. Organizations and Account Management answer wherever they are signed for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::time::Instant;

use crate::organization::{self, Organization};
use crate::reply::{Reply, Unconnected};
use crate::server::Server;
use crate::sts::{assume_role, query_form};
use crate::wire::{Answer, AwsError, Call, Protocol, Service, set_header};
use crate::{Sim, World};

/// A role in an account, and whom it trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    /// Any identity of this account, which its own policies allow.
    pub trusts: String,
    pub external_id: Option<String>,
}

/// A session that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    pub account_id: String,
    pub role: String,
    pub session: String,
    pub external_id: Option<String>,
    until: Instant,
}

/// What lies between the accounts. All fields are for tests to change, at any time.
#[derive(Debug)]
pub struct Land {
    /// By account.
    pub roles: BTreeMap<String, Role>,
    /// Regions that exist, and that accounts have enabled but for [`off`](Self::off).
    pub regions: BTreeSet<String>,
    /// Account and Region: not opted in.
    pub off: BTreeSet<(String, String)>,
    /// Account and Region: a service control policy denies everything there.
    pub denied: BTreeSet<(String, String)>,
    /// Accounts for whose roles STS says that calls come too fast.
    pub sts_throttled: BTreeSet<String>,
    pub organization: Organization,
    /// Every session, in order.
    pub assumed: Vec<Assumed>,
    /// Calls of STS, Organizations and Account Management, by name.
    pub calls: BTreeMap<String, usize>,
    tokens: BTreeMap<String, Assumed>,
}

#[derive(Debug)]
struct Inner {
    hub: Sim,
    hub_account: String,
    hub_region: String,
    cells: Mutex<BTreeMap<(String, String), Sim>>,
    /// What a cell is that was not added.
    other: Mutex<World>,
    land: Mutex<Land>,
}

/// A fleet on a simulated AWS. Clones are the same.
#[derive(Clone, Debug)]
pub struct Estate(Arc<Inner>);

impl Estate {
    /// The hub's own account and Region, and nothing else.
    #[must_use]
    pub fn new(hub: World) -> Self {
        let other = World::empty();
        let land = Land {
            roles: BTreeMap::new(),
            regions: BTreeSet::from([hub.region.clone()]),
            off: BTreeSet::new(),
            denied: BTreeSet::new(),
            sts_throttled: BTreeSet::new(),
            organization: Organization::default(),
            assumed: Vec::new(),
            calls: BTreeMap::new(),
            tokens: BTreeMap::new(),
        };
        let (hub_account, hub_region) = (hub.account_id.clone(), hub.region.clone());
        let (cells, other, land) = (Mutex::default(), Mutex::new(other), Mutex::new(land));
        Self(Arc::new(Inner { hub: Sim::new(hub), hub_account, hub_region, cells, other, land }))
    }

    /// Adds a cell: the world says which account and Region it is.
    #[allow(clippy::must_use_candidate, reason = "most callers need the cell only later")]
    pub fn add(&self, world: World) -> Sim {
        let key = (world.account_id.clone(), world.region.clone());
        self.land().regions.insert(world.region.clone());
        let sim = Sim::new(world);
        lock(&self.0.cells).insert(key, sim.clone());
        sim
    }

    /// What cells hold that were not added: nothing, where this is not called.
    pub fn others_hold(&self, world: World) {
        *lock(&self.0.other) = world;
    }

    #[must_use]
    pub fn hub(&self) -> &Sim {
        &self.0.hub
    }

    /// The cell of an account and Region, if it was added.
    #[must_use]
    pub fn cell(&self, account_id: &str, region: &str) -> Option<Sim> {
        lock(&self.0.cells).get(&(account_id.to_owned(), region.to_owned())).cloned()
    }

    /// What lies between the accounts. Requests wait while the guard lives.
    pub fn land(&self) -> MutexGuard<'_, Land> {
        lock(&self.0.land)
    }

    /// Gives the accounts a role that trusts the hub.
    pub fn trust(&self, accounts: &[&str], name: &str, external_id: Option<&str>) {
        let mut land = self.land();
        for account in accounts {
            let trusts = self.0.hub_account.clone();
            let role = Role { name: name.to_owned(), trusts, external_id: external_id.map(str::to_owned) };
            land.roles.insert((*account).to_owned(), role);
        }
    }

    /// It is this time now (Unix seconds), everywhere.
    pub fn set_clock(&self, now: i64) {
        self.0.hub.set_clock(now);
        lock(&self.0.cells).values().for_each(|cell| cell.set_clock(now));
    }

    /// Serves the whole fleet on one port, as [`Sim::serve_on`] serves one account.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn serve_on(&self, port: u16) -> std::io::Result<Server> {
        let estate = self.clone();
        Server::start(port, move |request| {
            let estate = estate.clone();
            async move { estate.handle(request).await }
        })
        .await
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Bytes>) -> Reply {
        let (parts, body) = request.into_parts();
        let call = Call::new(Request::from_parts(parts.clone(), body.clone()), "estate".to_owned());
        let request = Request::from_parts(parts, body);
        let Some((region, service)) = scope(&call) else { return self.0.hub.handle(request).await };
        let account = match self.account(&call) {
            Ok(account) => account,
            Err(error) => return refuse(&call, &region, &error),
        };
        match service.as_str() {
            "organizations" => {
                return self.between("organizations", &call, |land, _| organization::answer(land, &call));
            }
            "account" => {
                return self.between("account", &call, |land, _| organization::regions(land, &account, &call));
            }
            "sts" if query_form(&call).iter().any(|(k, v)| k == "Action" && v == "AssumeRole") => {
                let hub_arn = self.0.hub.world().caller_arn();
                return self.between("sts", &call, |land, _| land.assume(&call, &hub_arn));
            }
            "s3" | "dynamodb" | "sns" | "events" | "ssm" => return self.0.hub.handle(request).await,
            _ => {}
        }
        if account == self.0.hub_account && region == self.0.hub_region {
            return self.0.hub.handle(request).await;
        }
        let place = (account, region);
        let refused = {
            let land = self.land();
            if !land.regions.contains(&place.1) {
                return Reply::Unconnected(Unconnected::NoSuchName);
            }
            let off = "The security token included in the request is invalid.";
            if land.off.contains(&place) {
                Some(AwsError::new(403, "UnrecognizedClientException", off))
            } else {
                land.denied.contains(&place).then(|| AwsError::new(403, "AccessDeniedException", ""))
            }
        };
        let sim = self.sim(&place);
        match refused {
            None => sim.handle(request).await,
            Some(error) if error.message.is_empty() => {
                let who = sim.world().caller_arn();
                let message = format!(
                    "User: {who} is not authorized to perform: {service}:* on resource: * with an explicit deny in a \
                     service control policy"
                );
                refuse(&call, &place.1, &AwsError::new(403, "AccessDeniedException", &message))
            }
            Some(error) => refuse(&call, &place.1, &error),
        }
    }

    fn sim(&self, place: &(String, String)) -> Sim {
        if let Some(sim) = lock(&self.0.cells).get(place) {
            return sim.clone();
        }
        let mut world = lock(&self.0.other).clone();
        (world.account_id, world.region) = place.clone();
        Sim::new(world)
    }

    /// Whose credentials a call is signed with.
    fn account(&self, call: &Call) -> Result<String, AwsError> {
        let Some(token) = call.header("x-amz-security-token") else { return Ok(self.0.hub_account.clone()) };
        let land = self.land();
        // Credentials of the hub may be a session too, of nobody's concern here.
        let Some(assumed) = land.tokens.get(token) else { return Ok(self.0.hub_account.clone()) };
        if Instant::now() >= assumed.until {
            let message = "The security token included in the request is expired";
            return Err(AwsError::new(403, "ExpiredTokenException", message));
        }
        Ok(assumed.account_id.clone())
    }

    fn between(&self, service: &str, call: &Call, answer: impl FnOnce(&mut Land, &Call) -> (String, Answer)) -> Reply {
        let mut land = self.land();
        let (operation, answered) = answer(&mut land, call);
        *land.calls.entry(format!("{service}:{operation}")).or_default() += 1;
        let protocol = match service {
            "sts" => Protocol::of(Service::Sts, call),
            "account" => Protocol::RestJson("message"),
            _ => Protocol::AwsJson { prefix: "", content_type: "application/x-amz-json-1.1" },
        };
        let mut response = answered.unwrap_or_else(|error| {
            let mut response = protocol.error(&error, &call.request_id);
            if service == "organizations" {
                set_header(&mut response, "x-amzn-errortype", &error.code);
            }
            response
        });
        protocol.identify(&mut response, &call.request_id);
        Reply::Http(response)
    }
}

impl Land {
    fn assume(&mut self, call: &Call, hub_arn: &str) -> (String, Answer) {
        let form = query_form(call);
        let get = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let arn = get("RoleArn").unwrap_or_default();
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (account, name) = match parts[..] {
            ["arn", _, "iam", "", account, role] => (account, role.strip_prefix("role/").unwrap_or_default()),
            _ => ("", ""),
        };
        let operation = "AssumeRole".to_owned();
        let session = get("RoleSessionName").unwrap_or_default();
        let seconds: u64 = get("DurationSeconds").and_then(|text| text.parse().ok()).unwrap_or(3600);
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if account.is_empty() || !(2..=64).contains(&session.len()) || !session.chars().all(is_word) {
            let message = "1 validation error detected: Value failed to satisfy constraint";
            return (operation, Err(AwsError::new(400, "ValidationError", message)));
        }
        // A session of a session ends after an hour.
        if !(900..=3600).contains(&seconds) {
            let message =
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
            return (operation, Err(AwsError::new(400, "ValidationError", message)));
        }
        if self.sts_throttled.contains(account) {
            return (operation, Err(AwsError::new(400, "Throttling", "Rate exceeded")));
        }
        let external_id = get("ExternalId");
        let hub = hub_arn.split(':').nth(4).unwrap_or_default();
        let role = self.roles.get(account);
        let is_trusted = role.is_some_and(|role| {
            let asked_for = role.external_id.is_none() || role.external_id == external_id;
            role.name == name && role.trusts == hub && asked_for
        });
        if !is_trusted {
            let message = format!("User: {hub_arn} is not authorized to perform: sts:AssumeRole on resource: {arn}");
            return (operation, Err(AwsError::new(403, "AccessDenied", &message)));
        }
        let token = format!("session-{account}-{}", self.assumed.len());
        let until = Instant::now() + Duration::from_secs(seconds);
        let assumed = Assumed { account_id: account.to_owned(), role: name.to_owned(), session, external_id, until };
        self.tokens.insert(token.clone(), assumed.clone());
        let answer = assume_role(&arn, &assumed.session, &token, seconds);
        self.assumed.push(assumed);
        (operation, Ok(answer))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Region and service of the credential scope.
fn scope(call: &Call) -> Option<(String, String)> {
    let header = call.header("authorization")?;
    let scope = header.split([' ', ',']).find_map(|part| part.strip_prefix("Credential="))?;
    let mut parts = scope.rsplit('/').skip(1);
    let (service, region) = (parts.next()?, parts.next()?);
    Some((region.to_owned(), service.to_owned()))
}

fn refuse(call: &Call, region: &str, error: &AwsError) -> Reply {
    let service = call.service(region).unwrap_or(Service::Connect);
    let protocol = Protocol::of(service, call);
    let mut response = protocol.error(error, &call.request_id);
    protocol.identify(&mut response, &call.request_id);
    Reply::Http(response)
}
