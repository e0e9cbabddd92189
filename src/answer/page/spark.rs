//! Daily peaks as a small drawing, with the same in words.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::domain::format::{DailySeries, number, one_decimal, one_line};

const WIDTH: usize = 120;
const HEIGHT: f64 = 24.0;
/// The days that fit.
const DAYS: usize = 31;

/// One line for each stretch of days that were seen: what was not seen is a gap. The limit is a dashed line.
pub(super) fn line(series: &DailySeries, limit: Option<f64>) -> Markup {
    let peaks = &series.peaks[series.peaks.len().saturating_sub(DAYS)..];
    let seen: Vec<f64> = peaks.iter().flatten().copied().filter(|peak| peak.is_finite()).collect();
    let (Some(last), Some(lowest), Some(highest)) =
        (seen.last(), seen.iter().copied().reduce(f64::min), seen.iter().copied().reduce(f64::max))
    else {
        return html! {};
    };
    if seen.len() < 2 {
        // A single day shows nothing that the row does not say.
        return html! {};
    }
    let limit = limit.filter(|limit| limit.is_finite() && *limit > 0.0);
    let top = limit.map_or(highest, |limit| limit.max(highest)).max(f64::MIN_POSITIVE);
    let height = |value: f64| number(one_decimal(1.0 + (1.0 - value / top) * (HEIGHT - 2.0)));
    let words = format!(
        "{} days with data since {}: lowest peak {}, highest {}, last {}",
        seen.len(),
        one_line(&series.from),
        number(lowest),
        number(highest),
        number(*last)
    );
    html! {
        svg width=(WIDTH) height=(HEIGHT) role="img" {
            title { (words) }
            @if let Some(limit) = limit {
                line x1="0" x2=(WIDTH) y1=(height(limit)) y2=(height(limit)) stroke-dasharray="2 2" {}
            }
            @for points in stretches(peaks, height) { polyline points=(points) {} }
        }
    }
}

fn stretches(peaks: &[Option<f64>], height: impl Fn(f64) -> String) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut is_open = false;
    for (place, peak) in peaks.iter().enumerate() {
        let Some(peak) = peak.filter(|peak| peak.is_finite()) else {
            is_open = false;
            continue;
        };
        let x = place * WIDTH / DAYS;
        if !is_open {
            // A single day is a short stroke.
            all.push(format!("{x},{}", height(peak)));
            is_open = true;
        }
        if let Some(points) = all.last_mut() {
            let _ = write!(points, " {},{}", x + 2, height(peak));
        }
    }
    all
}
