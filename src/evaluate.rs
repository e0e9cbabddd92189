//! Judgement: a reading and the user's thresholds become a row with a status. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use crate::model::Thresholds;
use crate::model::{Instance, Limit, LimitSource, Measured, Reading, Usage};
use crate::overrides::{Mute, Overrides};
use crate::snapshot::{FaultRecord, Metric, MuteRecord, Status, one_decimal, rfc3339};

/// Judges every reading of one instance, or of the account (`instance` is none then). Rows come back
/// in the order of the readings.
#[must_use]
pub fn judge(
    readings: Vec<Reading>,
    thresholds: Thresholds,
    overrides: &Overrides,
    instance: Option<&Instance>,
    now: Timestamp,
) -> Vec<Metric> {
    readings.into_iter().map(|r| judge_one(r, thresholds, overrides, instance, now)).collect()
}

/// The mutes that ended, by quota key, of quotas that nothing mutes any more.
#[must_use]
pub fn ended_mutes(
    readings: &[Reading],
    overrides: &Overrides,
    instance: Option<&Instance>,
    now: Timestamp,
) -> BTreeMap<String, Mute> {
    let ended = |r: &Reading| overrides.effective(&r.quota, instance, now).expired;
    readings.iter().filter_map(|r| Some((r.quota.key().to_owned(), ended(r)?))).collect()
}

/// A violation that its mute hid until now is news, and the reader should know why it comes up. One
/// that was `told` before has been explained.
pub fn mention_ended_mutes(metrics: &mut [Metric], ended: &BTreeMap<String, Mute>, told: impl Fn(&str) -> bool) {
    for metric in metrics.iter_mut().filter(|m| m.is_violation()) {
        let Some(mute) = ended.get(metric.key()).filter(|_| !told(metric.key())) else { continue };
        let text = format!("its mute ended at {}: {}", rfc3339(mute.until), mute.reason);
        metric.note = Some(match metric.note.take() {
            Some(note) => format!("{text}; {note}"),
            None => text,
        });
    }
}

fn judge_one(
    reading: Reading,
    thresholds: Thresholds,
    overrides: &Overrides,
    instance: Option<&Instance>,
    now: Timestamp,
) -> Metric {
    let rule = overrides.effective(&reading.quota, instance, now);
    let warning = rule.threshold.unwrap_or(thresholds.warning);
    let levels = Thresholds { warning, critical: rule.critical.unwrap_or(thresholds.critical).max(warning) };
    let limit = match rule.limit {
        Some(value) => Ok(Some(Limit { value, source: LimitSource::Override, adjustable: None, note: None })),
        None => reading.limit,
    };
    let mut metric = Metric {
        quota_code: reading.quota.code,
        quota_name: reading.quota.name,
        service_code: reading.quota.service,
        category: reading.quota.category,
        scope: reading.quota.scope.as_str().to_owned(),
        usage: None,
        limit: None,
        limit_source: None,
        utilization: None,
        status: Status::Unknown,
        source: reading.source,
        approximate: false,
        resource: None,
        note: None,
        fault: None,
        adjustable: None,
        muted: rule.mute.map(|m| MuteRecord { reason: m.reason, until: rfc3339(m.until) }),
        forecast: None,
        increase_request: None,
        levels,
    };
    let mut notes = Vec::new();
    let limit = match limit {
        Ok(limit) => limit,
        Err(fault) => {
            metric.fault = Some(FaultRecord::from(&fault));
            None
        }
    };
    if let Some(limit) = &limit {
        metric.limit = Some(limit.value);
        metric.limit_source = Some(limit.source.as_str().to_owned());
        metric.adjustable = limit.adjustable;
        notes.extend(limit.note.clone());
    }
    match reading.measured {
        Measured::Unknown(fault) => {
            metric.fault = Some(FaultRecord::from(&fault));
        }
        Measured::Lacking(fault) => {
            metric.status = Status::NotMeasurable;
            metric.fault = Some(FaultRecord::from(&fault));
            notes.push(format!("{} is not known in this Region (yet)", fault.operation));
        }
        Measured::NotMeasurable(reason) => {
            // The limit is a bonus here: that it could not be read hides nothing.
            metric.status = Status::NotMeasurable;
            metric.fault = None;
            notes.push(reason);
        }
        Measured::Usage(usage) => {
            notes.extend(usage.note.clone());
            apply_usage(&mut metric, usage, rule.limit.is_some(), levels, &mut notes);
        }
    }
    if !notes.is_empty() {
        metric.note = Some(notes.join("; "));
    }
    metric
}

fn apply_usage(metric: &mut Metric, usage: Usage, overridden: bool, levels: Thresholds, notes: &mut Vec<String>) {
    metric.usage = Some(usage.value);
    metric.approximate = usage.approximate;
    metric.resource = usage.resource;
    if let Some(own) = usage.limit
        && !overridden
    {
        metric.limit = Some(own);
    }
    metric.utilization = metric.limit.filter(|l| *l > 0.0).map(|limit| percent(usage.value, limit));
    metric.status = if usage.rejected > 0.0 {
        // AWS has already turned requests away: the limit was met, whatever the numbers say.
        Status::Critical
    } else {
        match metric.limit {
            None if metric.fault.is_some() => Status::Unknown,
            None => {
                notes.push(
                    "AWS publishes no limit for this quota, in Service Quotas or in its documentation".to_owned(),
                );
                Status::NotMeasurable
            }
            Some(limit) => status(usage.value, limit, levels),
        }
    };
}

/// Percent, one decimal, never capped.
fn percent(usage: f64, limit: f64) -> f64 {
    one_decimal(usage * 100.0 / limit)
}

/// The shown percentage is the one that is judged, so that a row never contradicts itself.
fn status(usage: f64, limit: f64, levels: Thresholds) -> Status {
    if limit <= 0.0 {
        return if usage > 0.0 { Status::Critical } else { Status::Ok };
    }
    match percent(usage, limit) {
        p if p >= levels.critical => Status::Critical,
        p if p >= levels.warning => Status::Warning,
        _ => Status::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fault, FaultKind, QuotaId, Scope};
    use proptest::prelude::*;

    const LEVELS: Thresholds = Thresholds { warning: 80.0, critical: 95.0 };

    fn reading(measured: Measured, limit: Result<Option<Limit>, Fault>) -> Reading {
        Reading {
            quota: QuotaId {
                code: "L-9A46857E".to_owned(),
                name: "Users per instance".to_owned(),
                service: "connect".to_owned(),
                category: "core".to_owned(),
                scope: Scope::Instance,
            },
            limit,
            measured,
            source: "connect:ListUsers".to_owned(),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the form in which a reading holds it")]
    fn limit(value: f64) -> Result<Option<Limit>, Fault> {
        Ok(Some(Limit { value, source: LimitSource::Account, adjustable: None, note: None }))
    }

    fn judged(reading: Reading, overrides: &str) -> Metric {
        let overrides = Overrides::parse(overrides).unwrap();
        judge(vec![reading], LEVELS, &overrides, None, Timestamp::UNIX_EPOCH).remove(0)
    }

    fn with(usage: f64, of: f64) -> Metric {
        judged(reading(Measured::Usage(Usage::exactly(usage)), limit(of)), "{}")
    }

    #[test]
    fn status_follows_the_shown_percentage() {
        for (usage, of, expected, shown) in [
            (0.0, 100.0, Status::Ok, Some(0.0)),
            (79.0, 100.0, Status::Ok, Some(79.0)),
            (80.0, 100.0, Status::Warning, Some(80.0)),
            (7_996.0, 10_000.0, Status::Warning, Some(80.0)),
            (95.0, 100.0, Status::Critical, Some(95.0)),
            (147.0, 100.0, Status::Critical, Some(147.0)),
            (0.0, 0.0, Status::Ok, None),
            (1.0, 0.0, Status::Critical, None),
        ] {
            let row = with(usage, of);
            assert_eq!((row.status, row.utilization), (expected, shown), "{usage} of {of}");
        }
    }

    #[test]
    fn a_fault_of_either_side_makes_the_row_unknown() {
        let fault = Fault::new("connect:ListUsers", FaultKind::AccessDenied, "denied");
        let row = judged(reading(Measured::Unknown(fault.clone()), limit(100.0)), "{}");
        assert_eq!((row.status, row.usage, row.utilization, row.limit), (Status::Unknown, None, None, Some(100.0)));
        let row = judged(reading(Measured::Usage(Usage::exactly(5.0)), Err(fault)), "{}");
        assert_eq!((row.status, row.usage, row.limit), (Status::Unknown, Some(5.0), None));
        assert_eq!(row.fault.unwrap().kind, "access_denied");
    }

    #[test]
    fn rejected_requests_are_critical_whatever_the_utilization() {
        let usage = Usage { value: 1.0, rejected: 3.0, ..Usage::default() };
        let row = judged(reading(Measured::Usage(usage), limit(100.0)), "{}");
        assert_eq!((row.status, row.utilization), (Status::Critical, Some(1.0)));
    }

    #[test]
    fn an_own_limit_and_own_thresholds_win() {
        let row = judged(
            reading(Measured::Usage(Usage::exactly(50.0)), limit(1000.0)),
            r#"{"L-9A46857E": {"limit": 100, "threshold_percentage": 40, "critical_percentage": 60}}"#,
        );
        assert_eq!(
            (row.status, row.limit, row.limit_source.as_deref()),
            (Status::Warning, Some(100.0), Some("override"))
        );
    }

    #[test]
    fn a_mute_hides_the_violation_but_not_the_truth() {
        let text = r#"{"L-9A46857E": {"mute": {"reason": "known", "until": "2030-01-01"}}}"#;
        let row = judged(reading(Measured::Usage(Usage::exactly(99.0)), limit(100.0)), text);
        assert_eq!((row.status, row.is_violation()), (Status::Critical, false));
        let text = text.replace("2030", "1960");
        assert!(judged(reading(Measured::Usage(Usage::exactly(99.0)), limit(100.0)), &text).is_violation());
    }

    #[test]
    fn a_quota_without_any_published_limit_is_not_measurable() {
        let row = judged(reading(Measured::Usage(Usage::exactly(5.0)), Ok(None)), "{}");
        assert_eq!((row.status, row.usage), (Status::NotMeasurable, Some(5.0)));
    }

    proptest! {
        #[test]
        fn status_never_falls_when_usage_grows(of in 0u32..5_000, a in 0u32..10_000, b in 0u32..10_000) {
            let (low, high) = (a.min(b), a.max(b));
            let (low, high) = (with(low.into(), of.into()), with(high.into(), of.into()));
            prop_assert!(low.status <= high.status);
        }
    }
}
