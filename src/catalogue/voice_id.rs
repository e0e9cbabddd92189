//! Amazon Connect Voice ID (service code `voiceid`), which AWS ended: one line per quota, no call made.
//!
//! Columns: code, name as Service Quotas spells it, scope, AWS's default (`None` where AWS publishes
//! none), how it is measured.

#![allow(clippy::enum_glob_use, reason = "a line of the table reads better without paths")]

use super::Meter::*;
use super::{Category, Meter, Quota, Service};
use crate::domain::Scope;
use crate::domain::Scope::{Account, Resource};

const RETIRED: &str = "AWS ended Voice ID on 2026-05-20: nothing can be used any more";

const fn quota(code: &'static str, name: &'static str, scope: Scope, default: Option<f64>, meter: Meter) -> Quota {
    Quota::of(Service::VoiceId, code, name, Category::VoiceId, scope, default, meter)
}

#[rustfmt::skip]
pub(super) const QUOTAS: &[Quota] = &[
    quota("L-CF9F1A9B", "Domains per region", Account, Some(3.0), NotMeasurable(RETIRED)),
    quota("L-3790424B", "Watchlists per domain", Resource, Some(3.0), NotMeasurable(RETIRED)),
    quota("L-6DD2993B", "Fraudsters per watchlist", Resource, Some(500.0), NotMeasurable(RETIRED)),
    quota("L-65FE7850", "Speakers per domain", Resource, Some(100_000.0), NotMeasurable(RETIRED)),
    quota("L-F4849009", "Active streaming sessions per domain", Resource, Some(50.0), NotMeasurable(RETIRED)).live(),
    quota("L-55441DAB", "Active speaker enrollment jobs per domain", Resource, Some(1.0), NotMeasurable(RETIRED)),
    quota("L-38B73369", "Active fraudster registration jobs per domain", Resource, Some(1.0), NotMeasurable(RETIRED)),
    quota("L-9EB99B73", "Speaker enrollment requests per speaker enrollment job", Resource, Some(10000.0), NotMeasurable(RETIRED)),
    quota("L-429DC46D", "Fraudster registration requests per fraudster registration job", Resource, Some(500.0), NotMeasurable(RETIRED)),
];
