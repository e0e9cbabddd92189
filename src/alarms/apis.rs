//! An alarm for each API in use: which APIs these are, and what their alarms look like. Pure.

use crate::domain::alarm::Filter;
use std::collections::{BTreeMap, BTreeSet};

use crate::alarms::{Common, Desired, bounded_description, percent_of};
use crate::config::alarms::Form;
use crate::config::overrides::Overrides;
use crate::domain::alarm::{Alarm, Comparison, MetricStat, RESULT_ID, Watch};
use crate::domain::limit::UsageMetric;
use crate::domain::{LimitSource, Metric, NO_CODE, QuotaId, Scope, console};
use crate::judge::limits::Limits;

/// A rate quota of one operation, with the metric that Service Quotas names for its usage.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// Service Quotas' service code.
    pub service: String,
    pub operation: String,
    pub metric: UsageMetric,
    pub code: String,
    pub quota: String,
    /// Calls per second; none where it is not known this time.
    pub rate: Option<f64>,
    /// The rate is the user's own, from `QUOTA_OVERRIDES`.
    pub is_own_rate: bool,
    /// Percent, where the quota has a threshold of its own.
    pub threshold: Option<f64>,
}

/// The rate quotas of a service, one for each operation. A muted quota has no alarm, and where two
/// quotas count the same calls, the stricter one counts.
#[must_use]
pub fn candidates(service: &str, rows: &[Metric], limits: &Limits, overrides: &Overrides) -> Vec<Api> {
    let mut found = BTreeMap::<String, Api>::new();
    for row in rows.iter().filter(|row| row.service_code == service && row.muted.is_none()) {
        let Some(metric) = limits.usage_metric(&row.quota_code).filter(|metric| metric.is_rate()) else {
            continue;
        };
        // Without a limit and without a fault there is no quota.
        if row.limit.is_none() && row.fault.is_none() {
            continue;
        }
        let operation = metric.dimensions.get("Resource").unwrap_or(&row.quota_code).clone();
        let api = Api {
            service: service.to_owned(),
            operation: operation.clone(),
            metric: metric.clone(),
            code: row.quota_code.clone(),
            quota: row.quota_name.clone(),
            rate: row.limit.and_then(|limit| limits.period_seconds(&row.quota_code).ok().map(|period| limit / period)),
            is_own_rate: row.limit_source.as_deref() == Some(LimitSource::Override.as_str()),
            threshold: overrides.threshold(&id(row), None),
        };
        let stricter = |other: &Api| api.rate.unwrap_or(-1.0) < other.rate.unwrap_or(-1.0);
        if found.get(&operation).is_none_or(stricter) {
            found.insert(operation, api);
        }
    }
    found.into_values().collect()
}

fn id(row: &Metric) -> QuotaId {
    QuotaId {
        code: row.quota_code.clone(),
        name: row.quota_name.clone(),
        service: row.service_code.clone(),
        category: row.category.clone(),
        scope: Scope::Account,
        impact: row.impact,
        is_single: false,
    }
}

/// The fewest questions that cover the metrics of all these APIs: one for each metric name, narrowed to
/// the dimensions that all of them share.
#[must_use]
pub fn filters(apis: &[Api]) -> Vec<Filter> {
    let mut filters = Vec::<Filter>::new();
    for UsageMetric { namespace, name, dimensions, .. } in apis.iter().map(|api| &api.metric) {
        match filters.iter_mut().find(|known| known.namespace == *namespace && known.name == *name) {
            Some(known) => known.dimensions.retain(|key, value| dimensions.get(key) == Some(value)),
            None => filters.push(Filter {
                namespace: namespace.clone(),
                name: name.clone(),
                dimensions: dimensions.clone(),
                is_recent: false,
            }),
        }
    }
    filters
}

/// The APIs whose metric is among the active ones: those that were called in the last two weeks.
#[must_use]
pub fn in_use(apis: Vec<Api>, active: &BTreeSet<BTreeMap<String, String>>) -> Vec<Api> {
    apis.into_iter().filter(|api| active.contains(&api.metric.dimensions)).collect()
}

/// Takes the most used APIs, up to the limit. `busiest` are the calls of each one's busiest hour, in
/// the order of the APIs; where they are not known, an API that has its alarm goes first, so that no
/// alarm comes and goes with a reading that failed. Ties are broken by name.
#[must_use]
pub fn most_used(
    apis: Vec<Api>,
    busiest: &[Option<f64>],
    has_alarm: impl Fn(&Api) -> bool,
    limit: usize,
) -> (Vec<Api>, Vec<Api>) {
    let mut ranked: Vec<(f64, bool, Api)> = apis
        .into_iter()
        .enumerate()
        .map(|(n, api)| {
            let calls = busiest.get(n).copied().flatten().unwrap_or(0.0);
            (share(calls, api.rate), has_alarm(&api), api)
        })
        .collect();
    ranked.sort_by(|(a, a_has, x), (b, b_has, y)| {
        let by_use = b.total_cmp(a).then(b_has.cmp(a_has));
        by_use.then_with(|| (&x.service, &x.operation).cmp(&(&y.service, &y.operation)))
    });
    let mut ranked: Vec<Api> = ranked.into_iter().map(|(_, _, api)| api).collect();
    let rest = ranked.split_off(limit.min(ranked.len()));
    (ranked, rest)
}

/// How much of its quota an hour's calls are.
fn share(calls: f64, rate: Option<f64>) -> f64 {
    match rate {
        Some(rate) if rate > 0.0 => calls / (rate * 3_600.0),
        Some(_) if calls > 0.0 => f64::INFINITY,
        _ => 0.0,
    }
}

/// The name of an API's alarm.
#[must_use]
pub fn name(common: &Common<'_>, api: &Api) -> String {
    common.name(&[&api.service, &api.operation])
}

/// The alarms of the chosen APIs. Where the rate is not known, the alarm stays as it is.
#[must_use]
pub fn desired(common: &Common<'_>, chosen: &[Api], left_out: &[Api]) -> Desired {
    let mut desired = Desired::default();
    for api in chosen {
        match api.rate {
            Some(rate) => desired.alarms.push(alarm(common, api, rate)),
            None => desired.held.name(name(common, api)),
        }
    }
    desired.left_out = left_out.iter().map(|api| format!("{}/{}", api.service, api.operation)).collect();
    desired
}

fn alarm(common: &Common<'_>, api: &Api, rate: f64) -> Alarm {
    let settings = common.settings;
    let period = settings.period;
    let threshold = api.threshold.unwrap_or(common.threshold);
    let expression = match settings.form {
        // CloudWatch does not know a rate of the user's own.
        Form::ServiceQuota if !api.is_own_rate => format!("{0}/SERVICE_QUOTA({0})*100", super::METRIC_ID),
        _ => percent_of(rate, Some(period)),
    };
    let of_quota = if api.code == NO_CODE { api.quota.clone() } else { format!("{}, {}", api.quota, api.code) };
    let more = match console::quota(common.account, &api.service, &api.code) {
        // A full stop at its end would be taken for a part of it.
        Some(link) if api.code != NO_CODE => format!(", or ask AWS for more ({link})"),
        _ => ", or ask AWS for more".to_owned(),
    };
    let description = format!(
        "Calls of {operation} ({service}) in this account and Region came to {threshold} percent or more of their \
         quota, {rate} per second ({of_quota}), in {datapoints} periods of {period} seconds. Calls over the quota are \
         refused with a ThrottlingException. Find the caller in CloudTrail (event name {operation}) and slow it \
         down{more}.{keeper}",
        operation = api.operation,
        service = api.service,
        datapoints = settings.datapoints,
        keeper = common.keeper(),
    );
    Alarm {
        name: name(common, api),
        description: bounded_description(&description),
        watch: Watch::Math {
            metric: MetricStat {
                namespace: api.metric.namespace.clone(),
                name: api.metric.name.clone(),
                dimensions: api.metric.dimensions.clone(),
                // Calls are counted. Every other statistic of this metric is 1.
                statistic: "Sum".to_owned(),
                period,
            },
            expression,
            label: format!("{}, {RESULT_ID} of its quota", api.operation),
        },
        comparison: Comparison::AtOrAbove,
        threshold,
        datapoints: settings.datapoints,
        missing: settings.missing,
        actions: common.actions(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::tests::account;
    use crate::config::alarms::Settings;

    fn api(operation: &str, rate: Option<f64>) -> Api {
        let dimensions = [("Type", "API"), ("Service", "Connect"), ("Class", "None"), ("Resource", operation)];
        Api {
            service: "connect".to_owned(),
            operation: operation.to_owned(),
            metric: UsageMetric {
                namespace: "AWS/Usage".to_owned(),
                name: "CallCount".to_owned(),
                dimensions: dimensions.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
                statistic: "Sum".to_owned(),
            },
            code: "L-CCC38177".to_owned(),
            quota: format!("Rate of {operation} API requests"),
            rate,
            is_own_rate: false,
            threshold: None,
        }
    }

    fn expression(alarm: &Alarm) -> &str {
        match &alarm.watch {
            Watch::Math { expression, .. } => expression,
            Watch::Metric(_) => panic!("an API alarm is over an expression"),
        }
    }

    #[test]
    fn one_question_covers_all_operations_of_a_service() {
        let filters = filters(&[api("ListUsers", None), api("ListQueues", None)]);
        assert_eq!(filters.len(), 1);
        assert_eq!(filters[0].dimensions.keys().collect::<Vec<_>>(), ["Class", "Service", "Type"]);
    }

    #[test]
    fn the_most_used_share_of_the_quota_goes_first_and_an_unknown_use_moves_no_alarm() {
        let apis = || vec![api("A", Some(10.0)), api("B", Some(1.0)), api("C", Some(0.0)), api("D", Some(1.0))];
        let names = |(chosen, left): (Vec<Api>, Vec<Api>)| {
            let list = |apis: Vec<Api>| apis.into_iter().map(|a| a.operation).collect::<String>();
            (list(chosen), list(left))
        };
        let known = [Some(3_600.0), Some(1_800.0), Some(1.0), Some(0.0)];
        assert_eq!(names(most_used(apis(), &known, |_| false, 2)), ("CB".to_owned(), "AD".to_owned()));
        let none = [None; 4];
        assert_eq!(names(most_used(apis(), &none, |a| a.operation == "D", 2)), ("DA".to_owned(), "BC".to_owned()));
        assert_eq!(names(most_used(apis(), &known, |_| false, 50)).1, "");
        assert_eq!(names(most_used(apis(), &known, |_| false, 0)).0, "");
    }

    #[test]
    fn an_alarm_says_what_it_means_and_what_to_do() {
        let (settings, account) = (Settings::default(), account());
        let common =
            Common { settings: &settings, account: &account, threshold: 80.0, topic: Some("arn:t"), kept: true };
        let desired = desired(&common, &[api("ListUsers", Some(10.0)), api("ListQueues", None)], &[api("Z", None)]);
        assert_eq!(desired.left_out, ["connect/Z"]);
        assert!(desired.held.covers("connect-quota-monitor/us-east-1/connect/ListQueues"));
        let [alarm] = desired.alarms.as_slice() else { panic!("one alarm") };
        assert_eq!(alarm.name, "connect-quota-monitor/us-east-1/connect/ListUsers");
        assert_eq!(expression(alarm), "m1/(10*60)*100");
        assert_eq!((alarm.threshold, alarm.datapoints.to_string().as_str()), (80.0, "3 of 3"));
        for part in [
            "ListUsers",
            "80 percent",
            "10 per second",
            "L-CCC38177",
            "ThrottlingException",
            "https://us-east-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-CCC38177",
        ] {
            assert!(alarm.description.contains(part), "{part} is missing in: {}", alarm.description);
        }
    }

    #[test]
    fn the_blogs_form_asks_cloudwatch_but_not_for_a_rate_of_ones_own() {
        let settings = Settings { form: Form::ServiceQuota, period: 300, ..Settings::default() };
        let account = account();
        let common = Common { settings: &settings, account: &account, threshold: 80.0, topic: None, kept: true };
        assert_eq!(expression(&alarm(&common, &api("A", None), 2.0)), "m1/SERVICE_QUOTA(m1)*100");
        let own = Api { is_own_rate: true, threshold: Some(60.0), ..api("A", None) };
        let alarm = alarm(&common, &own, 2.0);
        assert_eq!((expression(&alarm), alarm.threshold), ("m1/(2*300)*100", 60.0));
        assert!(alarm.actions.is_empty());
    }
}
