//! Requests to AWS for higher limits: which are open, what to ask for, and when not to ask. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Service;
use crate::domain::format::rfc3339;
use crate::domain::increase::{Increase, IncreaseRequest, desired};
use crate::domain::overdue::{Escalation, Overdue};
use crate::domain::{Fault, IncreaseRecord, Instance, LimitSource, Metric, NO_CODE, Scope, Status};
use crate::ledger::Hanging;

/// "Service Quotas endpoints and quotas": active requests of an account. In a Region that must be
/// opted into there are two, which AWS itself has to say: the Region's name does not tell.
const MOST_OPEN: usize = 20;
/// Requests of one run. A person has to follow what the monitor asked for.
pub const MOST_PER_RUN: usize = 3;
/// What AWS refused is not asked for again for so long, ...
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_hours(30 * 24);
/// ... and what it granted gets so long to show.
const AFTER_APPROVAL: SignedDuration = SignedDuration::from_hours(24);

/// Whether another request for the same thing must wait because of this one.
fn blocks(request: &IncreaseRequest, now: Timestamp) -> bool {
    let age = now.duration_since(request.updated);
    request.is_open() || age < if request.status == "APPROVED" { AFTER_APPROVAL } else { AFTER_REFUSAL }
}

/// The requests of every monitored service, as one run read them, or the faults of reading.
#[derive(Debug, Clone, Default)]
pub struct Requests(BTreeMap<String, Result<Vec<IncreaseRequest>, Fault>>);

impl Requests {
    #[must_use]
    pub fn new(by_service: BTreeMap<String, Result<Vec<IncreaseRequest>, Fault>>) -> Self {
        Self(by_service)
    }

    /// Why requests could not be read, each cause once, with the services of which it is true.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        Fault::by_cause(self.0.iter().filter_map(|(service, r)| Some((service.as_str(), r.as_ref().err()?))))
    }

    /// The open requests that AWS has left alone for too long, and whether all requests could be read.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Hanging {
        let read = self.0.iter().filter_map(|(service, requests)| Some((service, requests.as_ref().ok()?)));
        let overdue = |service: &str, request: &IncreaseRequest| Overdue {
            request: request.clone(),
            service_code: service.to_owned(),
            escalation: Escalation::None,
        };
        let requests = read.flat_map(|(service, requests)| {
            requests.iter().filter(|r| r.is_overdue(now)).map(move |request| overdue(service, request))
        });
        Hanging { requests: requests.collect(), is_whole: self.0.values().all(Result::is_ok) }
    }

    /// Remembers what this run asked for.
    pub fn add(&mut self, service: &str, request: IncreaseRequest) {
        if let Some(Ok(requests)) = self.0.get_mut(service) {
            requests.push(request);
        }
    }

    /// Requests for a quota: for this resource, or for all resources at once.
    fn of(&self, service: &str, code: &str, context: Option<&str>) -> impl Iterator<Item = &IncreaseRequest> {
        let all = self.0.get(service).and_then(|r| r.as_ref().ok()).into_iter().flatten();
        all.filter(move |r| r.quota_code == code && (r.context.is_none() || r.context.as_deref() == context))
    }

    /// Writes the newest open request into each row that has one.
    pub fn note(&self, metrics: &mut [Metric], instance: Option<&Instance>) {
        for metric in metrics.iter_mut().filter(|m| m.quota_code != NO_CODE) {
            let context = context_of(metric, instance);
            let open =
                self.of(&metric.service_code, &metric.quota_code, context).filter(|r| r.is_open()).max_by_key(|r| {
                    // The resource's own one says more.
                    (r.context.is_some(), r.created)
                });
            metric.increase_request = open.map(record);
        }
    }

    /// What to ask for because of this row. None where nobody may or need ask: only critical,
    /// adjustable quotas that Service Quotas lists, whose requests could be read and none of which is
    /// open or was answered lately.
    #[must_use]
    pub fn ask(&self, metric: &Metric, instance: Option<&Instance>, now: Timestamp) -> Option<Increase> {
        let open: usize = self.0.values().flatten().flatten().filter(|r| r.is_open()).count();
        let is_known = matches!(self.0.get(&metric.service_code), Some(Ok(_)));
        let is_wanted = metric.is_violation() && metric.status == Status::Critical;
        let is_askable = metric.adjustable == Some(true)
            && metric.quota_code != NO_CODE
            && metric.limit_source.as_deref() != Some(LimitSource::Override.as_str())
            // The limit of a part of the instance may be another one than the quota's.
            && metric.resource.is_none()
            && metric.needs_a_higher_limit()
            // Who asks must know the limit and the usage: a higher value may be applied already.
            && metric.limit_read_at.is_none()
            && metric.bound.is_none()
            && metric.fault.is_none();
        if !(is_known && is_wanted && is_askable && open < MOST_OPEN) {
            return None;
        }
        let context = context_of(metric, instance);
        if self.of(&metric.service_code, &metric.quota_code, context).any(|r| blocks(r, now)) {
            return None;
        }
        Some(Increase {
            service_code: metric.service_code.clone(),
            quota_code: metric.quota_code.clone(),
            desired: desired(metric.limit?, metric.usage?),
            context: context.map(str::to_owned),
        })
    }
}

/// A request as it stands in a row.
#[must_use]
pub fn record(request: &IncreaseRequest) -> IncreaseRecord {
    IncreaseRecord {
        desired: request.desired,
        status: request.status.clone(),
        created: rfc3339(request.created),
        id: request.id.clone(),
        sent_now: false,
    }
}

/// The instance's ARN is the context of its own value; without it a request would be about the whole
/// account and end as a support case. Only Connect's quotas are applied to instances: a companion
/// service's belong to the account, whosever row shows them.
#[must_use]
pub fn context_of<'a>(metric: &Metric, instance: Option<&'a Instance>) -> Option<&'a str> {
    let is_applied = metric.scope != Scope::Account.as_str() && metric.service_code == Service::Connect.code();
    instance.filter(|_| is_applied).map(|i| i.arn.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FaultKind;
    use crate::domain::MuteRecord;

    const ARN: &str = "arn:aws:connect:eu-central-1:1:instance/a";

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn instance() -> Instance {
        Instance { id: "a".to_owned(), arn: ARN.to_owned(), alias: None, status: "ACTIVE".to_owned() }
    }

    fn row() -> Metric {
        Metric {
            quota_code: "L-22922690".to_owned(),
            quota_name: "Contact flows per instance".to_owned(),
            usage: Some(97.0),
            limit: Some(100.0),
            limit_source: Some("account".to_owned()),
            utilization: Some(97.0),
            status: Status::Critical,
            source: "connect:ListContactFlows".to_owned(),
            adjustable: Some(true),
            ..Metric::sample()
        }
    }

    fn request(status: &str, days_ago: i64, context: Option<&str>) -> IncreaseRequest {
        IncreaseRequest {
            id: Some("r-1".to_owned()),
            quota_code: "L-22922690".to_owned(),
            desired: 200.0,
            status: status.to_owned(),
            created: now() - SignedDuration::from_hours(24 * days_ago),
            updated: now() - SignedDuration::from_hours(24 * days_ago),
            context: context.map(str::to_owned),
            case_id: None,
        }
    }

    fn requests(of_connect: Vec<IncreaseRequest>) -> Requests {
        Requests::new(BTreeMap::from([("connect".to_owned(), Ok(of_connect))]))
    }

    fn asks(requests: &Requests, metric: &Metric) -> bool {
        requests.ask(metric, Some(&instance()), now()).is_some()
    }

    #[test]
    fn the_desired_value_has_headroom_and_suits_the_limit() {
        for (usage, limit, expected) in [
            (147.0, 100.0, 245.0),
            (42.0, 50.0, 70.0),
            (1.0, 100.0, 125.0), // rejected requests at a low utilization
            (3.0, 0.0, 5.0),
            (1.95, 2.0, 4.0),
            (0.5, 0.5, 0.84),
            (0.08, 0.1, 0.14),
        ] {
            assert!((desired(limit, usage) - expected).abs() < 1e-9, "{usage} of {limit}: {}", desired(limit, usage));
        }
    }

    #[test]
    fn only_what_is_critical_and_can_be_raised_is_asked_for() {
        let none = requests(Vec::new());
        let ask = none.ask(&row(), Some(&instance()), now()).unwrap();
        assert_eq!((ask.quota_code.as_str(), ask.context.as_deref()), ("L-22922690", Some(ARN)));
        let mute = MuteRecord { reason: "known".to_owned(), until: String::new() };
        for other in [
            Metric { status: Status::Warning, ..row() },
            Metric { adjustable: Some(false), ..row() },
            Metric { adjustable: None, ..row() },
            Metric { quota_code: NO_CODE.to_owned(), ..row() },
            Metric { limit_source: Some("override".to_owned()), ..row() },
            Metric { resource: Some("OnMetricDataUpdate".to_owned()), ..row() },
            Metric { muted: Some(mute), ..row() },
            Metric { limit_read_at: Some("2027-01-15T08:00:00Z".to_owned()), ..row() },
            Metric { limit: None, ..row() },
            Metric { bound: Some("lower"), ..row() },
            Metric { service_code: "cases".to_owned(), ..row() },
        ] {
            assert!(!asks(&none, &other), "{other:?}");
        }
        let fault = Fault::new("servicequotas:ListRequestedServiceQuotaChangeHistory", FaultKind::AccessDenied, "no");
        assert!(!asks(&Requests::new(BTreeMap::from([("connect".to_owned(), Err(fault))])), &row()));
    }

    #[test]
    fn nothing_is_asked_for_twice() {
        for (earlier, again) in [
            (request("PENDING", 80, Some(ARN)), false),
            (request("CASE_OPENED", 80, None), false),
            (request("PENDING", 0, Some("arn:aws:connect:eu-central-1:1:instance/b")), true),
            (request("DENIED", 29, Some(ARN)), false),
            (request("NOT_APPROVED", 31, Some(ARN)), true),
            (request("APPROVED", 0, Some(ARN)), false),
            (request("APPROVED", 2, Some(ARN)), true),
            (IncreaseRequest { quota_code: "L-9A46857E".to_owned(), ..request("PENDING", 0, Some(ARN)) }, true),
        ] {
            assert_eq!(asks(&requests(vec![earlier.clone()]), &row()), again, "{earlier:?}");
        }
        let others = |n: usize| {
            (0..n).map(|i| IncreaseRequest { quota_code: format!("L-{i:08}"), ..request("PENDING", 0, None) }).collect()
        };
        assert!(asks(&requests(others(19)), &row()));
        assert!(!asks(&requests(others(20)), &row()), "the account has no room");
    }

    #[test]
    fn the_pause_counts_from_the_answer_and_not_from_the_request() {
        let answered = |status: &str, asked_days_ago: i64, answered_hours_ago: i64| {
            let updated = now() - SignedDuration::from_hours(answered_hours_ago);
            IncreaseRequest { updated, ..request(status, asked_days_ago, Some(ARN)) }
        };
        for (earlier, again) in [
            (answered("DENIED", 35, 24), false),
            (answered("DENIED", 65, 24 * 31), true),
            (answered("CASE_CLOSED", 40, 2), false),
            (answered("NOT_APPROVED", 40, 24 * 29), false),
            (answered("APPROVED", 5, 1), false),
            (answered("APPROVED", 5, 25), true),
        ] {
            assert_eq!(asks(&requests(vec![earlier.clone()]), &row()), again, "{earlier:?}");
        }
    }

    #[test]
    fn the_row_shows_the_open_request_of_its_own_instance_first() {
        let account = IncreaseRequest { desired: 300.0, ..request("PENDING", 1, None) };
        let all = requests(vec![request("CASE_OPENED", 5, Some(ARN)), account, request("APPROVED", 0, Some(ARN))]);
        let shown = |instance: Option<&Instance>, row: Metric| {
            let mut rows = [row];
            all.note(&mut rows, instance);
            rows[0].increase_request.clone().map(|r| r.desired)
        };
        assert_eq!(shown(Some(&instance()), row()), Some(200.0));
        let other = Instance { arn: format!("{ARN}-other"), ..instance() };
        assert_eq!(shown(Some(&other), row()), Some(300.0));
        assert_eq!(shown(None, Metric { scope: "account".to_owned(), ..row() }), Some(300.0));
    }
}
