//! Alarms for each instance: its concurrent calls against its own limit, and the callers it rejects. Pure.

use std::collections::BTreeMap;

use crate::alarms::{Common, Desired, bounded_description, percent_of};
use crate::catalogue::{self, Gauge, Meter, Quota};
use crate::config::overrides::Overrides;
use crate::domain::alarm::{Alarm, Comparison, Datapoints, MetricStat, MissingData, Watch};
use crate::domain::{Instance, Metric, console};

const GAUGE: Gauge = Gauge::Calls;

/// The quota of an instance's concurrent calls.
#[must_use]
pub fn quota() -> Option<&'static Quota> {
    catalogue::all().find(|quota| quota.meter == Meter::Gauge(GAUGE))
}

/// The alarms of one instance. `row` is its row of [`quota`]. Missing data is an instance without a
/// call, in all of them.
#[must_use]
pub fn desired(common: &Common<'_>, instance: &Instance, row: &Metric, overrides: &Overrides) -> Desired {
    let mut desired = Desired::default();
    if row.muted.is_some() {
        return desired;
    }
    let metric = GAUGE.metric();
    let threshold = quota().and_then(|q| overrides.threshold(&q.id(), Some(instance))).unwrap_or(common.threshold);
    match row.limit {
        Some(limit) => desired.alarms.push(concurrency(common, instance, row, limit, threshold)),
        None if row.fault.is_some() => desired.held.name(name(common, instance, metric.name)),
        None => {}
    }
    desired.alarms.extend(metric.breaches.iter().map(|counter| rejections(common, instance, row, counter)));
    desired
}

/// What the names of an instance's alarms begin with.
#[must_use]
pub fn folder(common: &Common<'_>, instance: &Instance) -> String {
    name(common, instance, "")
}

fn name(common: &Common<'_>, instance: &Instance, metric: &str) -> String {
    common.name(&["instance", &instance.id, metric])
}

fn series(instance: &Instance, name: &str, statistic: &str, period: u32) -> MetricStat {
    let group = GAUGE.metric().metric_groups.first().copied().unwrap_or_default();
    let dimensions = [("InstanceId", instance.id.as_str()), ("MetricGroup", group)];
    MetricStat {
        namespace: "AWS/Connect".to_owned(),
        name: name.to_owned(),
        dimensions: dimensions.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>(),
        statistic: statistic.to_owned(),
        period,
    }
}

fn concurrency(common: &Common<'_>, instance: &Instance, row: &Metric, limit: f64, threshold: f64) -> Alarm {
    let (settings, metric) = (common.settings, GAUGE.metric());
    let description = format!(
        "Concurrent calls of {who} came to {threshold} percent or more of its limit, {limit} ({quota}, {code}), in \
         {datapoints} periods of {period} seconds. At the limit, further callers are rejected. {more}",
        who = who(instance),
        quota = row.quota_name,
        code = row.quota_code,
        datapoints = settings.datapoints,
        period = settings.period,
        more = more(common, row),
    );
    Alarm {
        name: name(common, instance, metric.name),
        description: bounded_description(&description),
        watch: Watch::Math {
            metric: series(instance, metric.name, "Maximum", settings.period),
            expression: percent_of(limit, None),
            label: "Concurrent calls, percent of the limit".to_owned(),
        },
        comparison: Comparison::AtOrAbove,
        threshold,
        datapoints: settings.datapoints,
        missing: MissingData::NotBreaching,
        actions: common.actions(),
    }
}

/// Rejected callers are an incident, not a trend: the first minute tells.
fn rejections(common: &Common<'_>, instance: &Instance, row: &Metric, counter: &str) -> Alarm {
    let why = if counter == "ThrottledCalls" {
        "calls come faster than the instance's rate of calls per second allows; a campaign or a storm of callers is the \
         usual cause"
    } else {
        "it has as many concurrent calls as its limit allows"
    };
    let description = format!(
        "{who} rejects callers: {why} ({counter} above 0 in a minute). {more}",
        who = who(instance),
        more = more(common, row),
    );
    Alarm {
        name: name(common, instance, counter),
        description: bounded_description(&description),
        watch: Watch::Metric(series(instance, counter, "Sum", 60)),
        comparison: Comparison::Above,
        threshold: 0.0,
        datapoints: Datapoints { alarm: 1, of: 1 },
        missing: MissingData::NotBreaching,
        actions: common.actions(),
    }
}

fn who(instance: &Instance) -> String {
    match &instance.alias {
        Some(alias) => format!("Amazon Connect instance {alias} ({})", instance.id),
        None => format!("Amazon Connect instance {}", instance.id),
    }
}

fn more(common: &Common<'_>, row: &Metric) -> String {
    let link = console::quota(common.account, &row.service_code, &row.quota_code);
    let link = link.map(|link| format!(" ({link})")).unwrap_or_default();
    format!("Ask AWS for more{link}.{}", common.keeper())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::tests::account;
    use crate::config::alarms::Settings;
    use crate::domain::Thresholds;
    use crate::domain::{Fault, FaultKind, Limit, LimitSource, Measured, Reading, Usage};
    use crate::judge::judge;
    use jiff::Timestamp;

    fn instance() -> Instance {
        Instance {
            id: "i-1".to_owned(),
            arn: String::new(),
            alias: Some("acme".to_owned()),
            status: "ACTIVE".to_owned(),
        }
    }

    fn row(limit: Result<f64, Fault>, overrides: &Overrides) -> Metric {
        let limit = limit.map(|value| Some(Limit::new(value, LimitSource::Instance)));
        let measured = Measured::Usage(Usage::exactly(3.0));
        let reading = Reading { quota: quota().unwrap().id(), limit, measured, source: String::new() };
        let levels = Thresholds { warning: 80.0, critical: 95.0 };
        judge(vec![reading], levels, overrides, Some(&instance()), Timestamp::UNIX_EPOCH).remove(0)
    }

    fn alarms(limit: Result<f64, Fault>, overrides: &str) -> Desired {
        let (settings, account) = (Settings::default(), account());
        let common = Common { settings: &settings, account: &account, threshold: 80.0, topic: None, kept: true };
        let overrides = Overrides::parse(overrides).unwrap();
        desired(&common, &instance(), &row(limit, &overrides), &overrides)
    }

    #[test]
    fn an_instance_has_three_alarms() {
        let desired = alarms(Ok(500.0), "{}");
        let names: Vec<&str> = desired.alarms.iter().map(|a| a.name.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["ConcurrentCalls", "CallsBreachingConcurrencyQuota", "ThrottledCalls"]);
        let Watch::Math { metric, expression, .. } = &desired.alarms[0].watch else { panic!("a percentage") };
        assert_eq!((expression.as_str(), metric.statistic.as_str()), ("m1/500*100", "Maximum"));
        for rejected in &desired.alarms[1..] {
            assert_eq!((rejected.threshold, rejected.comparison), (0.0, Comparison::Above));
            assert_eq!((rejected.datapoints.to_string().as_str(), rejected.watch.series().period), ("1 of 1", 60));
            assert!(rejected.description.contains("acme (i-1) rejects callers"), "{}", rejected.description);
        }
    }

    #[test]
    fn an_unknown_limit_leaves_its_alarm_alone_and_the_others_in_place() {
        let fault = Fault::new("servicequotas:ListServiceQuotas", FaultKind::AccessDenied, "no");
        let desired = alarms(Err(fault), "{}");
        assert_eq!(desired.alarms.len(), 2);
        assert!(desired.held.covers("connect-quota-monitor/us-east-1/instance/i-1/ConcurrentCalls"));
    }

    #[test]
    fn overrides_count_here_too() {
        let own = alarms(Ok(500.0), r#"{"L-12AB7C57": {"limit": 50, "threshold_percentage": 60}}"#);
        let Watch::Math { expression, .. } = &own.alarms[0].watch else { panic!("a percentage") };
        assert_eq!((expression.as_str(), own.alarms[0].threshold), ("m1/50*100", 60.0));
        let muted = r#"{"L-12AB7C57": {"mute": {"reason": "known", "until": "2027-03-31"}}}"#;
        assert_eq!(alarms(Ok(500.0), muted), Desired::default());
    }
}
