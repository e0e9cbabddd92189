//! Service Quotas: the limits that apply, and the usage metrics that AWS names for them.

use crate::domain::limit::Listings;
use std::collections::BTreeMap;

use aws_sdk_servicequotas::Client;
use aws_sdk_servicequotas::types::{AppliedLevelEnum, PeriodUnit, RequestedServiceQuotaChange, ServiceQuota};
use jiff::Timestamp;
use tokio::time::Instant;

use super::call::Caller;
use super::pages::Pages;
use crate::catalogue::Service;
use crate::domain::increase::{Increase, IncreaseRequest};
use crate::domain::limit::{Level, LimitRow, Period, UsageMetric};
use crate::domain::{Fault, FaultKind, LimitSource};

const APPLIED: &str = "ListServiceQuotas";
const DEFAULTS: &str = "ListAWSDefaultServiceQuotas";

/// The paced Service Quotas client.
#[derive(Debug, Clone)]
pub struct Quotas {
    client: Client,
    caller: Caller,
}

impl Quotas {
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    #[must_use]
    pub fn new(client: Client, caller: Caller) -> Self {
        Self { client, caller }
    }

    /// Every limit of a service: applied values at all levels, and AWS's defaults. A listing that
    /// fails is a fault beside the other, because it decides which rows are unknown.
    pub async fn limits(&self, service: Service, deadline: Instant) -> Listings {
        let code = service.code();
        let (applied, defaults) = tokio::join!(self.rows(APPLIED, code, deadline), self.rows(DEFAULTS, code, deadline));
        Listings { applied, defaults }
    }

    /// The rows of every page that belong to the service.
    async fn rows(&self, operation: &'static str, service: &str, deadline: Instant) -> Result<Vec<LimitRow>, Fault> {
        let applied = self
            .client
            .list_service_quotas()
            .service_code(service)
            .quota_applied_at_level(AppliedLevelEnum::All)
            .max_results(100);
        let defaults = self.client.list_aws_default_service_quotas().service_code(service).max_results(100);
        let mut rows = Vec::new();
        let mut pages = Pages::new(self.caller.name(operation));
        loop {
            let token = pages.token();
            let (quotas, next) = if operation == APPLIED {
                let send = || applied.clone().set_next_token(token.clone()).send();
                let output = self.caller.call(operation, deadline, send).await?;
                (output.quotas, output.next_token)
            } else {
                let send = || defaults.clone().set_next_token(token.clone()).send();
                let output = self.caller.call(operation, deadline, send).await?;
                (output.quotas, output.next_token)
            };
            let quotas = quotas.ok_or_else(|| {
                Fault::new(self.caller.name(operation), FaultKind::BadResponse, "the answer has no Quotas")
            })?;
            rows.extend(quotas.iter().filter(|q| q.service_code().is_none_or(|s| s == service)).filter_map(row));
            if !pages.advance(next)? {
                return Ok(rows);
            }
        }
    }

    /// The value applied to one resource, where there is one that can be read. `context_id` is an instance ARN.
    ///
    /// # Errors
    /// The fault of `GetServiceQuota`, and its answer's own error; that nothing is applied is no fault.
    pub async fn applied_to(
        &self,
        service: &str,
        code: &str,
        context_id: &str,
        deadline: Instant,
    ) -> Result<Option<f64>, Fault> {
        let request = self.client.get_service_quota().service_code(service).quota_code(code).context_id(context_id);
        match self.caller.call("GetServiceQuota", deadline, || request.clone().send()).await {
            // An answer for the whole account says nothing about this resource.
            Ok(output) => match output.quota {
                Some(q) if q.quota_applied_at_level() == Some(&AppliedLevelEnum::Account) => Ok(None),
                Some(quota) => match row(&quota).map(|row| (row.value, row.error)) {
                    Some((Some(value), None)) => Ok(Some(value)),
                    told => {
                        let error = told.and_then(|(_, error)| error).unwrap_or_else(|| "no value".to_owned());
                        Err(Fault::new(
                            self.caller.name("GetServiceQuota"),
                            FaultKind::Unavailable,
                            format!("{code}: Service Quotas could not read the value of this very instance ({error})"),
                        ))
                    }
                },
                None => Err(Fault::new(
                    self.caller.name("GetServiceQuota"),
                    FaultKind::BadResponse,
                    format!("{code}: the answer has no Quota"),
                )),
            },
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The limit of one quota in the account: the applied one, or else AWS's default; none where Service Quotas knows
    /// neither. Two calls at most, where the listings take many.
    ///
    /// # Errors
    /// The fault of `GetServiceQuota` or of `GetAWSDefaultServiceQuota`.
    pub async fn account_limit(
        &self,
        service: Service,
        code: &str,
        deadline: Instant,
    ) -> Result<Option<(f64, LimitSource)>, Fault> {
        let applied = self.client.get_service_quota().service_code(service.code()).quota_code(code);
        let found = match self.caller.call("GetServiceQuota", deadline, || applied.clone().send()).await {
            Ok(output) => output.quota.as_ref().and_then(row).and_then(|row| row.value),
            Err(fault) if fault.kind == FaultKind::NotFound => None,
            Err(fault) => return Err(fault),
        };
        if let Some(limit) = found {
            return Ok(Some((limit, LimitSource::Account)));
        }
        let default = self.client.get_aws_default_service_quota().service_code(service.code()).quota_code(code);
        match self.caller.call("GetAWSDefaultServiceQuota", deadline, || default.clone().send()).await {
            Ok(output) => {
                let value = output.quota.as_ref().and_then(row).and_then(|row| row.value);
                Ok(value.map(|value| (value, LimitSource::Default)))
            }
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The requests for higher limits of some services, by service code: each service's, or its fault.
    pub async fn requests(
        &self,
        services: &[Service],
        deadline: Instant,
    ) -> BTreeMap<String, Result<Vec<IncreaseRequest>, Fault>> {
        let mut found = BTreeMap::new();
        for service in services.iter().map(|s| s.code()) {
            let requests = match self.requests_of(service, deadline).await {
                // Of a service that is not offered here nothing can have been asked.
                Err(fault) if fault.kind == FaultKind::NotFound => Ok(Vec::new()),
                requests => requests,
            };
            found.insert(service.to_owned(), requests);
        }
        found
    }

    async fn requests_of(&self, service: &str, deadline: Instant) -> Result<Vec<IncreaseRequest>, Fault> {
        const OPERATION: &str = "ListRequestedServiceQuotaChangeHistory";
        let request = self
            .client
            .list_requested_service_quota_change_history()
            .service_code(service)
            .quota_requested_at_level(AppliedLevelEnum::All)
            .max_results(100);
        let mut requests = Vec::new();
        let mut pages = Pages::new(self.caller.name(OPERATION));
        loop {
            let send = || request.clone().set_next_token(pages.token()).send();
            let output = self.caller.call(OPERATION, deadline, send).await?;
            // An answer that cannot be read must not look like "nothing was asked for".
            let page = output.requested_quotas.ok_or_else(|| {
                Fault::new(self.caller.name(OPERATION), FaultKind::BadResponse, "the answer has no RequestedQuotas")
            })?;
            requests.extend(page.iter().filter_map(change));
            if !pages.advance(output.next_token)? {
                return Ok(requests);
            }
        }
    }

    /// Has AWS open a support case for a request that is pending. That there is one already is a success.
    ///
    /// # Errors
    /// The fault of `CreateSupportCase`.
    pub async fn open_case(&self, request_id: &str, deadline: Instant) -> Result<(), Fault> {
        let request = self.client.create_support_case().request_id(request_id);
        match self.caller.call("CreateSupportCase", deadline, || request.clone().send()).await {
            Err(fault) if fault.answered.error_code.as_deref() == Some("ResourceAlreadyExistsException") => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// Asks AWS for a higher limit.
    ///
    /// # Errors
    /// The fault of `RequestServiceQuotaIncrease`; that one is open already is a fault too.
    pub async fn ask(&self, ask: &Increase, deadline: Instant) -> Result<IncreaseRequest, Fault> {
        const OPERATION: &str = "RequestServiceQuotaIncrease";
        let request = self
            .client
            .request_service_quota_increase()
            .service_code(&ask.service_code)
            .quota_code(&ask.quota_code)
            .desired_value(ask.desired)
            .set_context_id(ask.context.clone());
        let output = self.caller.call(OPERATION, deadline, || request.clone().send()).await?;
        output.requested_quota().and_then(change).ok_or_else(|| {
            Fault::new(self.caller.name(OPERATION), FaultKind::BadResponse, "the answer has no RequestedQuota")
        })
    }
}

fn change(change: &RequestedServiceQuotaChange) -> Option<IncreaseRequest> {
    let context = change.quota_context().and_then(|c| c.context_id()).filter(|id| *id != "*");
    let is_of_account = change.quota_requested_at_level() == Some(&AppliedLevelEnum::Account);
    let created = Timestamp::from_second(change.created()?.secs()).ok()?;
    let updated = change.last_updated().and_then(|at| Timestamp::from_second(at.secs()).ok());
    Some(IncreaseRequest {
        id: change.id().map(str::to_owned),
        quota_code: change.quota_code()?.to_owned(),
        desired: change.desired_value()?,
        status: change.status()?.as_str().to_owned(),
        created,
        // An answer never comes before its request.
        updated: updated.unwrap_or(created).max(created),
        context: context.filter(|_| !is_of_account).map(str::to_owned),
        case_id: change.case_id().filter(|id| !id.is_empty()).map(str::to_owned),
    })
}

fn row(quota: &ServiceQuota) -> Option<LimitRow> {
    let context = quota.quota_context().and_then(|c| c.context_id());
    let level = match (quota.quota_applied_at_level(), context) {
        (Some(AppliedLevelEnum::Account), _) | (_, None) => Level::Account,
        (_, Some("*")) => Level::AllResources,
        (_, Some(arn)) => Level::Resource(arn.to_owned()),
    };
    Some(LimitRow {
        code: quota.quota_code()?.to_owned(),
        name: quota.quota_name().unwrap_or_default().to_owned(),
        value: quota.value().filter(|v| v.is_finite() && *v >= 0.0),
        // Not its message: that may name the caller.
        error: quota.error_reason().map(|e| e.error_code().map_or("error", |c| c.as_str()).to_owned()),
        adjustable: Some(quota.adjustable),
        level,
        period: quota.period().map(period),
        usage_metric: quota.usage_metric().and_then(usage_metric),
    })
}

fn period(period: &aws_sdk_servicequotas::types::QuotaPeriod) -> Period {
    let seconds = match period.period_unit() {
        Some(PeriodUnit::Microsecond) => Some(1e-6),
        Some(PeriodUnit::Millisecond) => Some(1e-3),
        Some(PeriodUnit::Second) => Some(1.0),
        Some(PeriodUnit::Minute) => Some(60.0),
        Some(PeriodUnit::Hour) => Some(3_600.0),
        Some(PeriodUnit::Day) => Some(86_400.0),
        Some(PeriodUnit::Week) => Some(604_800.0),
        _ => None,
    };
    let number = period.period_value().filter(|number| *number > 0);
    if let (Some(seconds), Some(number)) = (seconds, number) {
        return Period::Seconds(f64::from(number) * seconds);
    }
    let number = period.period_value().map_or_else(|| "?".to_owned(), |number| number.to_string());
    Period::Unreadable(format!("{number} {}", period.period_unit().map_or("?", PeriodUnit::as_str)))
}

fn usage_metric(metric: &aws_sdk_servicequotas::types::MetricInfo) -> Option<UsageMetric> {
    let dimensions: BTreeMap<String, String> =
        metric.metric_dimensions()?.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    Some(UsageMetric {
        namespace: metric.metric_namespace()?.to_owned(),
        name: metric.metric_name()?.to_owned(),
        dimensions,
        statistic: metric.metric_statistic_recommendation().unwrap_or_default().to_owned(),
    })
}
