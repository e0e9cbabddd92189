//! Other accounts and Regions: a role there is assumed, and clients are made that use its credentials.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_account::types::RegionOptStatus;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use tokio::time::Instant;

use super::bucket::{Rate, locked};
use super::call::Caller;
use super::clients::{Aws, Callers};
use super::connect::Connect;
use super::edge::Edge;
use super::pace::PacingPlan;
use super::pages::Pages;
use crate::config::Config;
use crate::domain::target::{Target, partition};
use crate::domain::{Fault, FaultKind, Owner};

const ASSUME: &str = "AssumeRole";
/// As faults name it.
pub const ASSUME_ROLE: &str = "sts:AssumeRole";
const LIST_REGIONS: &str = "ListRegions";
/// A session that comes from another one ends after an hour, whatever is asked for.
const SESSION_SECONDS: i32 = 3600;
/// Far below what STS takes from an account, and enough for a search through a thousand accounts.
const STS_RATE: Rate = Rate::new(20.0, 20);
/// "AWS Account Management endpoints and quotas": `ListRegions` 5/s an account.
const ACCOUNT_RATE: Rate = Rate::new(5.0, 5);
/// So many cells keep their buckets in one process. A function measures a few; a bucket of an hour ago is full.
const KEPT: usize = 64;

/// Which role is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    /// The same name in every account; a path may stand before it.
    Name(String),
    Arn(String),
    /// The caller's own credentials, in another Region.
    Own,
}

/// What the cells of a fleet are reached with.
#[derive(Debug, Clone)]
pub struct Cells {
    sdk: SdkConfig,
    sts: Edge<aws_sdk_sts::Client>,
    role: Role,
    external_id: Option<String>,
    plans: (PacingPlan, PacingPlan),
    /// The newest last.
    kept: Arc<Mutex<VecDeque<(Owner, Callers)>>>,
}

/// The credentials of a role in some account.
#[derive(Debug, Clone)]
pub struct Session(SdkConfig);

impl Cells {
    /// Cells by the role that the configuration names; none where it names none.
    #[must_use]
    pub fn of(sdk: &SdkConfig, config: &Config) -> Option<Self> {
        let plans = Aws::plans(config);
        Self::with_plans(sdk, config, plans)
    }

    /// The same at any pacing.
    #[must_use]
    pub fn with_plans(sdk: &SdkConfig, config: &Config, plans: (PacingPlan, PacingPlan)) -> Option<Self> {
        let role = Role::Name(config.fleet.role_name.clone()?);
        Some(Self::new(sdk, role, config.fleet.external_id.clone(), plans))
    }

    /// The cells of one account, for a person: with a role's ARN, or with the caller's own credentials.
    #[must_use]
    pub fn of_person(sdk: &SdkConfig, config: &Config, role_arn: Option<String>, external_id: Option<String>) -> Self {
        Self::new(sdk, role_arn.map_or(Role::Own, Role::Arn), external_id, Aws::plans(config))
    }

    fn new(sdk: &SdkConfig, role: Role, external_id: Option<String>, plans: (PacingPlan, PacingPlan)) -> Self {
        let paced = sdk.to_builder().retry_config(RetryConfig::disabled()).build();
        let sts = Edge::new(aws_sdk_sts::Client::new(&paced), Caller::new("sts", PacingPlan::Flat(STS_RATE)));
        Self { sdk: sdk.clone(), sts, role, external_id, plans, kept: Arc::default() }
    }

    /// The Region of the hub.
    #[must_use]
    pub fn region(&self) -> String {
        self.sdk.region().map(ToString::to_string).unwrap_or_default()
    }

    /// The cells of a fleet, and not those of a person's check.
    #[must_use]
    pub fn is_hub(&self) -> bool {
        matches!(self.role, Role::Name(_))
    }

    /// A run begins: what the last one gave up is tried anew.
    pub fn begin_run(&self) {
        self.sts.caller.begin_run();
    }

    /// The role's ARN in an account. The partition is that of the hub.
    fn role_arn(&self, account_id: &str) -> Option<String> {
        match &self.role {
            Role::Name(name) => Some(format!("arn:{}:iam::{account_id}:role/{name}", partition(&self.region()))),
            Role::Arn(arn) => Some(arn.clone()),
            Role::Own => None,
        }
    }

    /// Assumes the role of an account. `session` names it, in the account's own CloudTrail too. The endpoint of STS is
    /// that of the hub's Region: a session from the global one is not valid in Regions that are opted in.
    ///
    /// # Errors
    /// The fault of `AssumeRole`.
    pub async fn session(&self, account_id: &str, session: &str, deadline: Instant) -> Result<Session, Fault> {
        let Some(arn) = self.role_arn(account_id) else { return Ok(Session(self.sdk.clone())) };
        let request = self.sts.client.assume_role().role_arn(&arn).role_session_name(session);
        let request = request.duration_seconds(SESSION_SECONDS).set_external_id(self.external_id.clone());
        let answer = self.sts.caller.call(ASSUME, deadline, || request.clone().send()).await;
        let answer = answer.map_err(|fault| Fault { message: format!("{arn}: {}", fault.message), ..fault })?;
        let Some(given) = answer.credentials else {
            return Err(Fault::new(ASSUME_ROLE, FaultKind::BadResponse, "the answer has no credentials"));
        };
        let seconds = u64::try_from(given.expiration.secs()).unwrap_or_default();
        let expires = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(expires),
            "fleet",
        );
        let sdk = self.sdk.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials));
        Ok(Session(sdk.identity_cache(IdentityCache::no_cache()).build()))
    }

    /// The clients that measure a cell. Buckets are those of its earlier runs in this process.
    #[must_use]
    pub fn aws(&self, session: &Session, owner: &Owner) -> Aws {
        let callers = {
            let mut kept = locked(&self.kept);
            let place = kept.iter().position(|(known, _)| known == owner);
            let (owner, callers) = place
                .and_then(|place| kept.remove(place))
                .unwrap_or_else(|| (owner.clone(), Callers::new(self.plans.0.clone(), self.plans.1.clone())));
            kept.push_back((owner, callers.clone()));
            if kept.len() > KEPT {
                kept.pop_front();
            }
            callers
        };
        Aws::with_callers(&in_region(session, &owner.region), callers)
    }

    /// A client that asks which instances a cell has, and nothing else.
    #[must_use]
    pub fn connect(&self, session: &Session, region: &str) -> Connect {
        let paced = in_region(session, region).to_builder().retry_config(RetryConfig::disabled()).build();
        Edge::new(aws_sdk_connect::Client::new(&paced), Caller::new("connect", self.plans.0.clone()))
    }

    /// The Regions that an account has enabled.
    ///
    /// # Errors
    /// The fault of `ListRegions`.
    pub async fn regions(&self, session: &Session, deadline: Instant) -> Result<Vec<String>, Fault> {
        let paced = session.0.to_builder().retry_config(RetryConfig::disabled()).build();
        let client = aws_sdk_account::Client::new(&paced);
        let caller = Caller::new("account", PacingPlan::Flat(ACCOUNT_RATE));
        let request = client.list_regions().max_results(50);
        let request = request
            .region_opt_status_contains(RegionOptStatus::Enabled)
            .region_opt_status_contains(RegionOptStatus::EnabledByDefault);
        let (mut regions, mut pages) = (Vec::new(), Pages::new(caller.name(LIST_REGIONS)));
        loop {
            let token = pages.token();
            let send = || request.clone().set_next_token(token.clone()).send();
            let output = caller.call(LIST_REGIONS, deadline, send).await?;
            regions.extend(output.regions().iter().filter_map(|region| region.region_name().map(str::to_owned)));
            if !pages.advance(output.next_token)? {
                return Ok(regions);
            }
        }
    }

    /// Who the cell of a person's credentials belongs to.
    #[must_use]
    pub fn account_of_role(&self) -> Option<String> {
        let Role::Arn(arn) = &self.role else { return None };
        arn.split(':').nth(4).map(str::to_owned)
    }

    /// Another partition has other accounts, and no credentials cross its border.
    ///
    /// # Errors
    /// Both partitions, by name.
    pub fn same_partition(&self, target: &Target) -> Result<(), String> {
        let (here, there) = (partition(&self.region()), partition(&target.region));
        if here == there {
            return Ok(());
        }
        Err(format!(
            "`target.region` {} is of the partition {there}, and this monitor runs in {here}: credentials do not cross \
             partitions, so {there} needs a hub of its own",
            target.region
        ))
    }
}

fn in_region(session: &Session, region: &str) -> SdkConfig {
    session.0.to_builder().region(Region::new(region.to_owned())).build()
}
