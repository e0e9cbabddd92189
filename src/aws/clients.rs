//! The clients of one run, and the configuration that they are made from.

use std::time::Duration;

pub use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::alarms::Alarms;
use super::call::Caller;
use super::cloudtrail::CloudTrail;
use super::cloudwatch::CloudWatch;
use super::connect::Connect;
use super::edge::Edge;
use super::own::Log;
use super::pace::PacingPlan;
use super::pages::MOST_PAGES;
use super::quotas::Quotas;
use super::rules::Rules;
use crate::catalogue::Service;
use crate::config::{Config, Pacing};
use crate::domain::{Account, Fault, FaultKind, Instance, Named};

/// As faults name it.
const WHO: &str = "sts:GetCallerIdentity";

/// The clients that measure.
#[derive(Debug, Clone)]
pub struct Aws {
    pub connect: Connect,
    pub cases: Edge<aws_sdk_connectcases::Client>,
    pub profile: Edge<aws_sdk_customerprofiles::Client>,
    pub wisdom: Edge<aws_sdk_qconnect::Client>,
    pub app_integrations: Edge<aws_sdk_appintegrations::Client>,
    pub campaigns: Edge<aws_sdk_connectcampaignsv2::Client>,
    pub quotas: Quotas,
    pub cloudwatch: CloudWatch,
    pub alarms: Alarms,
    pub rules: Rules,
    pub trail: CloudTrail,
    /// A listing that is counted and goes on after so many pages is not believed.
    pub most_pages: usize,
    /// Calls to Connect and its companions that are in no ledger yet.
    pub own_calls: Log,
    sts: aws_sdk_sts::Client,
    region: String,
}

/// The buckets and counters of one account and Region, without the clients that use them.
#[derive(Debug, Clone)]
pub(super) struct Callers {
    connect: Caller,
    cases: Caller,
    profile: Caller,
    wisdom: Caller,
    app_integrations: Caller,
    campaigns: Caller,
    quotas: Caller,
    alarms: Caller,
    trail: Caller,
    rules: Caller,
    own_calls: Log,
}

impl Callers {
    pub(super) fn new(connect: PacingPlan, quotas: PacingPlan) -> Self {
        let companion = match &connect {
            PacingPlan::ConnectAccount { share } | PacingPlan::ConnectPerOperation { share } => {
                PacingPlan::Companion { share: *share }
            }
            other => other.clone(),
        };
        let own_calls = Log::default();
        let caller = |service: Service| Caller::new(service.code(), companion.clone()).noting(&own_calls);
        Self {
            connect: Caller::new(Service::Connect.code(), connect).noting(&own_calls),
            cases: caller(Service::Cases),
            profile: caller(Service::Profile),
            wisdom: caller(Service::Wisdom),
            app_integrations: caller(Service::AppIntegrations),
            campaigns: caller(Service::Campaigns),
            quotas: Caller::new("servicequotas", quotas),
            alarms: Caller::new("cloudwatch", PacingPlan::Alarms),
            trail: Caller::new("cloudtrail", PacingPlan::CloudTrail),
            rules: Caller::new("events", PacingPlan::Rules),
            own_calls,
        }
    }
}

/// The ambient AWS configuration: environment, profile, container or instance role, with what the
/// command line overrides.
pub async fn ambient(region: Option<String>, profile: Option<String>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(super::http::client())
        .retry_config(RetryConfig::standard().with_max_attempts(4).with_max_backoff(Duration::from_secs(5)))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(Duration::from_secs(15))
                .build(),
        );
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}

/// Who makes the calls.
#[derive(Debug, Clone)]
pub struct Identity {
    pub account: Account,
    /// The role's name; none for a user.
    pub role: Option<String>,
}

impl Aws {
    /// Clients at the pacing that the configuration asks for.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &Config) -> Self {
        let (connect, quotas) = Self::plans(config);
        Self::with_plans(sdk, connect, quotas)
    }

    /// The pacing of Connect and of Service Quotas that the configuration asks for.
    #[must_use]
    pub fn plans(config: &Config) -> (PacingPlan, PacingPlan) {
        let share = config.rate_share;
        let connect = match config.pacing {
            Pacing::Account => PacingPlan::ConnectAccount { share },
            Pacing::PerOperation => PacingPlan::ConnectPerOperation { share },
        };
        (connect, PacingPlan::ServiceQuotas)
    }

    /// Clients at any pacing.
    #[must_use]
    pub fn with_plans(sdk: &SdkConfig, connect: PacingPlan, quotas: PacingPlan) -> Self {
        Self::with_callers(sdk, Callers::new(connect, quotas))
    }

    /// Clients with the buckets of earlier ones of the same account and Region.
    pub(super) fn with_callers(sdk: &SdkConfig, callers: Callers) -> Self {
        // Each attempt of a paced service takes a token first, so the retries must be ours: see `call`.
        let paced = sdk.to_builder().retry_config(RetryConfig::disabled()).build();
        let Callers {
            connect,
            cases,
            profile,
            wisdom,
            app_integrations,
            campaigns,
            quotas,
            alarms,
            trail,
            rules,
            own_calls,
        } = callers;
        Self {
            connect: Edge::new(aws_sdk_connect::Client::new(&paced), connect),
            cases: Edge::new(aws_sdk_connectcases::Client::new(&paced), cases),
            profile: Edge::new(aws_sdk_customerprofiles::Client::new(&paced), profile),
            wisdom: Edge::new(aws_sdk_qconnect::Client::new(&paced), wisdom),
            app_integrations: Edge::new(aws_sdk_appintegrations::Client::new(&paced), app_integrations),
            campaigns: Edge::new(aws_sdk_connectcampaignsv2::Client::new(&paced), campaigns),
            quotas: Quotas::new(aws_sdk_servicequotas::Client::new(&paced), quotas),
            cloudwatch: CloudWatch::new(aws_sdk_cloudwatch::Client::new(sdk)),
            alarms: Alarms::new(aws_sdk_cloudwatch::Client::new(&paced), alarms),
            trail: CloudTrail::new(aws_sdk_cloudtrail::Client::new(&paced), trail),
            rules: Rules::new(aws_sdk_eventbridge::Client::new(&paced), rules),
            most_pages: MOST_PAGES,
            own_calls,
            sts: aws_sdk_sts::Client::new(sdk),
            region: sdk.region().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// A run begins at `now`: what the last one gave up is tried anew, and calls are noted by its clock.
    pub fn begin_run(&self, now: Timestamp) {
        self.own_calls.begin(now);
        let services = [
            &self.connect.caller,
            &self.cases.caller,
            &self.profile.caller,
            &self.wisdom.caller,
            &self.app_integrations.caller,
            &self.campaigns.caller,
            self.quotas.caller(),
        ];
        for caller in services {
            caller.begin_run();
        }
        self.alarms.caller.begin_run();
        self.rules.caller.begin_run();
        self.trail.caller().begin_run();
    }

    /// The Region that the clients call.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Which account this is. An instance's ARN tells where STS cannot be asked (a VPC without its
    /// endpoint), so STS's fault only counts where there is no instance.
    ///
    /// # Errors
    /// The fault of `GetCallerIdentity`.
    pub async fn account(&self, instances: &[Instance], deadline: Instant) -> Result<Account, Fault> {
        let arn = match instances.first() {
            Some(instance) => instance.arn.clone(),
            None => self.caller_arn(deadline).await?,
        };
        self.account_of(&arn)
    }

    /// The ARN of whoever the credentials belong to.
    ///
    /// # Errors
    /// The fault of `GetCallerIdentity`.
    pub async fn caller_arn(&self, deadline: Instant) -> Result<String, Fault> {
        match timeout_at(deadline, self.sts.get_caller_identity().send()).await {
            Ok(Ok(identity)) => Ok(identity.arn.unwrap_or_default()),
            Ok(Err(error)) => Err(super::fault::failure(&error).into_fault(WHO)),
            Err(_) => Err(Fault::new(WHO, FaultKind::Deadline, "the run's time was over")),
        }
    }

    /// Who makes the calls: the account, and the role where it is one.
    ///
    /// # Errors
    /// The fault of `GetCallerIdentity`.
    pub async fn identity(&self, deadline: Instant) -> Result<Identity, Fault> {
        let arn = self.caller_arn(deadline).await?;
        let account = self.account_of(&arn)?;
        let role = arn.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
        Ok(Identity { account, role: role.map(str::to_owned) })
    }

    fn account_of(&self, arn: &str) -> Result<Account, Fault> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts[..] {
            ["arn", partition, _, _, id, ..] if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Account {
                    id: id.to_owned(),
                    region: self.region.clone(),
                    partition: partition.to_owned(),
                    named: Named::default(),
                })
            }
            _ => Err(Fault::new(WHO, FaultKind::BadResponse, format!("`{arn}` is no ARN with an account"))),
        }
    }
}

/// An S3 client. `path_style`: the endpoint is the user's own, see [`has_own_s3_endpoint`].
#[must_use]
pub fn s3_client(sdk: &SdkConfig, path_style: bool) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(path_style).build();
    aws_sdk_s3::Client::from_conf(config)
}

/// True where the user pointed S3 to a server of their own: there a bucket is a path, not a host name.
pub fn has_own_s3_endpoint(lookup: impl Fn(&str) -> Option<String>) -> bool {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| lookup(name).is_some_and(|v| !v.is_empty()))
}
