//! AWS's own figure of usage over limit, beside ours. It shows where Service Quotas tells another limit than the one in
//! force. Pure.

use crate::domain::format::one_decimal;
use crate::domain::{Figure, Metric, Status, Thresholds};

/// Whole percents are rounded, and so may be the second decimal of a fraction.
const ROUNDING: f64 = 1.0;

/// Judges the row by AWS's figure where that is higher than ours. It never lowers a status.
pub(super) fn judge(metric: &mut Metric, figure: Figure, usage: f64, levels: Thresholds, notes: &mut Vec<String>) {
    let ours = metric.limit.filter(|limit| *limit > 0.0).map(|limit| usage * 100.0 / limit);
    let aws = percent(figure, ours.filter(|ours| *ours > 0.0));
    if usage <= 0.0 || aws <= ours.unwrap_or(0.0) + ROUNDING {
        return;
    }
    let by_ours = match (ours, metric.limit) {
        (Some(ours), Some(limit)) => {
            format!("{} percent of {limit} by the limit that Service Quotas tells", one_decimal(ours))
        }
        (None, Some(limit)) => format!("Service Quotas tells a limit of {limit}"),
        (_, None) => "the limit could not be read".to_owned(),
    };
    let implied = (usage * 100.0 / aws).round();
    let aws = one_decimal(aws);
    notes.push(format!("AWS itself counts {aws} percent, which is a limit of about {implied}; {by_ours}"));
    metric.utilization = Some(aws);
    let is_open = metric.status == Status::NotMeasurable;
    let status = status_at(aws, levels);
    metric.status = if is_open { status } else { metric.status.max(status) };
}

pub(super) fn status_at(percent: f64, levels: Thresholds) -> Status {
    match percent {
        p if p >= levels.critical => Status::Critical,
        p if p >= levels.warning => Status::Warning,
        _ => Status::Ok,
    }
}

/// The figure in percent. A fraction and whole percents are told apart by what our own numbers say, and where these say
/// nothing, by AWS's documentation.
fn percent(figure: Figure, ours: Option<f64>) -> f64 {
    let (as_fraction, as_percent) = (figure.value * 100.0, figure.value);
    let is_fraction = ours.map_or(figure.is_fraction, |ours| {
        let distance = |percent: f64| (percent / ours).ln().abs();
        distance(as_fraction) < distance(as_percent)
    });
    if is_fraction { as_fraction } else { as_percent }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: Thresholds = Thresholds { warning: 80.0, critical: 95.0 };

    fn judged(usage: f64, limit: Option<f64>, value: f64, is_fraction: bool) -> (Status, Option<f64>, bool) {
        let ours = limit.filter(|l| *l > 0.0).map(|limit| one_decimal(usage * 100.0 / limit));
        let status = ours.map_or(Status::Unknown, |ours| status_at(ours, LEVELS));
        let mut metric = Metric { usage: Some(usage), limit, utilization: ours, status, ..Metric::sample() };
        let mut notes = Vec::new();
        judge(&mut metric, Figure { value, is_fraction }, usage, LEVELS, &mut notes);
        (metric.status, metric.utilization, !notes.is_empty())
    }

    #[test]
    fn the_same_figure_changes_nothing_however_it_is_written() {
        for is_fraction in [true, false] {
            for value in [0.62, 62.0, 0.63, 63.0, 0.3, 30.0] {
                assert_eq!(judged(62.0, Some(100.0), value, is_fraction), (Status::Ok, Some(62.0), false), "{value}");
            }
            // One percent, and not one hundred.
            assert_eq!(judged(5.0, Some(500.0), 1.0, is_fraction), (Status::Ok, Some(1.0), false));
            assert_eq!(judged(500.0, Some(500.0), 1.0, is_fraction), (Status::Critical, Some(100.0), false));
        }
    }

    #[test]
    fn a_higher_figure_is_judged_and_never_lowers() {
        assert_eq!(judged(62.0, Some(100.0), 0.97, true), (Status::Critical, Some(97.0), true));
        assert_eq!(judged(62.0, Some(100.0), 85.0, false), (Status::Warning, Some(85.0), true));
        assert_eq!(judged(97.0, Some(100.0), 0.5, true), (Status::Critical, Some(97.0), false));
        // The limit is not known: AWS's figure tells of a violation, and of nothing else.
        assert_eq!(judged(62.0, None, 0.97, true), (Status::Critical, Some(97.0), true));
        assert_eq!(judged(62.0, None, 0.4, true), (Status::Unknown, Some(40.0), true));
        assert_eq!(judged(0.0, Some(100.0), 0.97, true), (Status::Ok, Some(0.0), false));
    }
}
