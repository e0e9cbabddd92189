//! Judgement: a reading and the user's thresholds become a row with a status. Pure.

mod figure;
pub mod increase;
pub mod limits;
#[cfg(test)]
mod tests;
pub mod trend;

use std::collections::BTreeMap;

use jiff::Timestamp;

use figure::status_at;

use crate::config::overrides::{Mute, Overrides};
use crate::domain::format::{one_decimal, rfc3339};
use crate::domain::{
    Bound, Ceiling, FaultRecord, Instance, Limit, LimitSource, Measured, Metric, MuteRecord, Reading, Status,
    Thresholds, Usage,
};

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

/// A quota that was measured is not given up because its operation is not known any more: that is a fault until
/// nobody remembers its usage.
pub fn doubt_what_was_measured(metrics: &mut [Metric], was_measured: impl Fn(&str) -> bool) {
    let lacks = |m: &&mut Metric| m.status == Status::NotMeasurable && m.usage.is_none() && m.fault.is_some();
    for metric in metrics.iter_mut().filter(lacks) {
        if was_measured(metric.key()) {
            metric.status = Status::Unknown;
            let why = "it was measured within the last 30 days";
            metric.note = Some(metric.note.take().map_or(why.to_owned(), |note| format!("{note}; {why}")));
        }
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
    let levels = thresholds.with_warning(warning);
    let levels = Thresholds { critical: rule.critical.unwrap_or(levels.critical).max(warning), ..levels };
    let limit = match rule.limit {
        Some(value) => Ok(Some(Limit::new(value, LimitSource::Override))),
        None => reading.limit,
    };
    let is_single = reading.quota.is_single;
    let mut metric = Metric {
        muted: rule.mute.map(|m| MuteRecord { reason: m.reason, until: rfc3339(m.until) }),
        ..Metric::unseen(reading.quota, reading.source, levels)
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
        metric.limit_read_at = limit.read_at.and_then(time);
        notes.extend(limit.note.clone());
    }
    match reading.measured {
        Measured::Unknown(fault) => {
            metric.fault = Some(FaultRecord::from(&fault));
        }
        Measured::Lacking(fault) => {
            metric.status = Status::NotMeasurable;
            metric.is_out_of_reach = true;
            metric.fault = Some(FaultRecord::from(&fault));
            notes.push(format!("{} is not known in this Region (yet)", fault.operation));
        }
        Measured::OutOfReach(reason) => {
            metric.status = Status::NotMeasurable;
            metric.is_out_of_reach = true;
            metric.fault = None;
            notes.push(reason);
        }
        Measured::NotMeasurable(reason) => {
            // What is not known of the limit may explain it.
            metric.is_out_of_reach = metric.fault.is_some();
            // The limit is a bonus here: that it could not be read hides nothing.
            metric.status = Status::NotMeasurable;
            metric.fault = None;
            notes.push(reason);
        }
        Measured::Usage(usage) => {
            notes.extend(usage.note.clone());
            apply_usage(&mut metric, usage, limit.as_ref(), levels, &mut notes);
            if is_single && is_one_of_one(&metric) {
                metric.status = Status::Ok;
                metric.is_full_by_design = true;
                notes.push("AWS allows one by design, and it is in use: this is no violation".to_owned());
            }
        }
        Measured::AtLeast(usage, fault) => {
            // What was seen is enough to tell a violation, and never enough to tell that there is none.
            let mut seen = metric.clone();
            let usage = Usage { approximate: true, bound: Some(Bound::Lower), ..usage };
            let note = usage.note.clone();
            apply_usage(&mut seen, usage, limit.as_ref(), levels, &mut Vec::new());
            if matches!(seen.status, Status::Warning | Status::Critical) {
                notes.push(format!("at least this much: {}", fault.message));
                notes.extend(note);
                metric = seen;
            } else {
                metric.fault = Some(FaultRecord::from(&fault));
            }
        }
    }
    if !notes.is_empty() {
        metric.note = Some(notes.join("; "));
    }
    metric
}

fn apply_usage(
    metric: &mut Metric,
    mut usage: Usage,
    limit: Option<&Limit>,
    levels: Thresholds,
    notes: &mut Vec<String>,
) {
    choose_group(metric, &mut usage, limit);
    metric.usage = Some(usage.value);
    metric.approximate = usage.approximate;
    metric.bound = usage.bound.filter(|_| usage.approximate).map(Bound::as_str);
    metric.peak_at = usage.peak_at.and_then(time);
    metric.is_rejected_by_rate = usage.rejected_by_rate;
    metric.rejected = Some(usage.rejected).filter(|rejected| *rejected > 0.0);
    metric.own_calls = usage.own_calls;
    metric.resource = usage.resource;
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
            Some(of) if of <= 0.0 && usage.value > 0.0 && usage.is_concurrency && limit.is_some_and(is_default) => {
                notes.push(
                    "AWS's default is 0 and something is in use: the limit is another one, and Service Quotas does not show it"
                        .to_owned(),
                );
                Status::NotMeasurable
            }
            Some(of) if of <= 0.0 && usage.value <= 0.0 && usage.is_concurrency && limit.is_some_and(is_closed) => {
                notes.push("limit 0: nothing can be handled here".to_owned());
                Status::Warning
            }
            Some(limit) => status(usage.value, limit, levels),
        }
    };
    if usage.is_setting && metric.limit.is_some_and(|limit| usage.value <= limit) && is_over(metric.status) {
        metric.status = Status::Ok;
        metric.is_full_by_design = true;
    }
    if let Some(figure) = usage.figure {
        figure::judge(metric, figure, usage.value, levels, notes);
    }
    if let Some(ceiling) = usage.ceiling {
        judge_ceiling(metric, ceiling, usage.value, notes);
    }
}

fn is_over(status: Status) -> bool {
    matches!(status, Status::Warning | Status::Critical)
}

/// A bound says something only where it is low enough. It is no usage that a summary or a forecast could count with.
fn judge_ceiling(metric: &mut Metric, ceiling: Ceiling, value: f64, notes: &mut Vec<String>) {
    metric.utilization = None;
    let is_low = match ceiling {
        Ceiling::BelowWarning => metric.status == Status::Ok,
        Ceiling::UpToLimit => metric.limit.is_some_and(|limit| value <= limit),
    };
    if is_low && matches!(metric.status, Status::Warning | Status::Critical) {
        metric.status = Status::Ok;
    }
    if !is_low && metric.status != Status::Unknown {
        notes.push(format!("at most {value}, which proves nothing: it may be far less"));
        metric.status = Status::NotMeasurable;
        (metric.usage, metric.bound, metric.approximate, metric.peak_at) = (None, None, false, None);
    }
}

/// The fullest group, each against the limit that applies to it: the user's own, else AWS's for this very group,
/// else the quota's.
fn choose_group(metric: &mut Metric, usage: &mut Usage, limit: Option<&Limit>) {
    let is_own = limit.is_some_and(|limit| limit.source == LimitSource::Override);
    let limit_of = |own: Option<f64>| if is_own { None } else { own }.or(limit.map(|limit| limit.value));
    let fullness = |value: f64, own: Option<f64>| match limit_of(own) {
        Some(limit) if limit > 0.0 => value / limit,
        Some(_) if value > 0.0 => f64::INFINITY,
        _ => 0.0,
    };
    let fullest = usage.groups.iter().max_by(|a, b| {
        // What turned something away was full, whatever was seen of it.
        let by_rejections = (a.rejected > 0.0).cmp(&(b.rejected > 0.0));
        let by_limit = fullness(a.value, a.limit).total_cmp(&fullness(b.value, b.limit));
        by_rejections.then(by_limit).then(a.value.total_cmp(&b.value)).then_with(|| b.name.cmp(&a.name))
    });
    let Some(fullest) = fullest else { return };
    // Where the quota's limit is not known, a group that has its own says nothing about the others.
    if let Some(own) = fullest.limit.filter(|_| !is_own && metric.fault.is_none()) {
        metric.limit = Some(own);
        let source = if fullest.is_set_there { LimitSource::Instance } else { LimitSource::Default };
        metric.limit_source = Some(source.as_str().to_owned());
        metric.limit_read_at = None;
    }
    usage.value = fullest.value;
    usage.peak_at = fullest.peak_at.or(usage.peak_at);
    usage.resource = Some(fullest.name.clone());
}

/// AWS gives everybody more than nothing, and here somebody applied 0.
fn is_closed(limit: &Limit) -> bool {
    matches!(limit.source, LimitSource::Instance | LimitSource::Account) && limit.default.is_none_or(|d| d > 0.0)
}

/// Nobody applied another value than AWS's default, as far as Service Quotas tells.
fn is_default(limit: &Limit) -> bool {
    match limit.source {
        LimitSource::Default => true,
        LimitSource::Account => limit.default == Some(limit.value),
        LimitSource::Instance | LimitSource::Override => false,
    }
}

fn time(unix_seconds: i64) -> Option<String> {
    Timestamp::from_second(unix_seconds).ok().map(rfc3339)
}

/// A limit that was raised is judged like any other, and so is a usage above it.
fn is_one_of_one(metric: &Metric) -> bool {
    let is_one = |value: Option<f64>| value.is_some_and(|value| (value - 1.0).abs() < f64::EPSILON);
    is_one(metric.limit) && is_one(metric.usage) && metric.rejected.is_none()
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
    status_at(percent(usage, limit), levels)
}
