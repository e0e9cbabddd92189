//! What programs get: one JSON document, the same for every machine protocol. Its serde shape is public
//! and versioned, as the snapshot's is.

use jiff::Timestamp;
use serde::Serialize;

use super::digest::{Context, Digest, Over, Unseen, Violation};
use super::overview::Overview;
use super::remedy::{Increase, console_link};
use super::words::clip;
use crate::domain::format::rfc3339;
use crate::domain::snapshot::Summary;
use crate::domain::{Account, FaultRecord, Impact, Metric, Named};
use crate::ledger::{Event, Severity};

/// Raised when a field changes its meaning or disappears; new fields do not raise it.
const SCHEMA_VERSION: u32 = 1;
const PRODUCT: &str = "connect-quota-monitor";
/// Four times what Amazon Connect allows.
const ALIAS: usize = 256;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    product: &'static str,
    event: &'static str,
    severity: &'static str,
    /// The gravest of the message.
    impact: Impact,
    account_id: &'a str,
    #[serde(flatten)]
    named: NamedEntry<'a>,
    region: &'a str,
    /// Null in a test message, which belongs to no run's measurements.
    execution_id: Option<&'a str>,
    timestamp: String,
    /// Null where the account's own quotas are meant.
    instance: Option<InstanceEntry<'a>>,
    threshold: Option<f64>,
    critical: Option<f64>,
    summary: SummaryEntry<'a>,
    violations_count: usize,
    violations: Vec<ViolationEntry<'a>>,
    violations_omitted: usize,
    forecasts_count: usize,
    /// Below their thresholds, but full soon.
    forecasts: Vec<ViolationEntry<'a>>,
    forecasts_omitted: usize,
    recovered: Vec<RecoveredEntry<'a>>,
    recovered_omitted: usize,
    unseen: Vec<UnseenEntry<'a>>,
    unseen_omitted: usize,
    /// Only where the message says that nothing was told for long.
    #[serde(skip_serializing_if = "Option::is_none")]
    all_clear: Option<AllClear<'a>>,
}

#[derive(Serialize)]
struct AllClear<'a> {
    /// Nothing was told since then.
    since: String,
    instances: usize,
    instances_left_out: usize,
    violations_told_before: usize,
    fullest: Vec<&'a str>,
}

/// What is known of the account beside its number.
#[derive(Serialize)]
pub(super) struct NamedEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ou: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
}

impl<'a> From<&'a Account> for NamedEntry<'a> {
    fn from(account: &'a Account) -> Self {
        let Named { name, ou, owner } = &account.named;
        Self { account_name: name.as_deref(), ou: ou.as_deref(), owner: owner.as_deref() }
    }
}

#[derive(Serialize)]
struct InstanceEntry<'a> {
    id: &'a str,
    arn: &'a str,
    alias: Option<String>,
}

#[derive(Serialize)]
struct SummaryEntry<'a> {
    monitored_count: usize,
    #[serde(flatten)]
    summary: &'a Summary,
    muted_count: usize,
}

#[derive(Serialize)]
struct ViolationEntry<'a> {
    #[serde(flatten)]
    metric: &'a Metric,
    change: &'static str,
    since: String,
    links: Links,
    increase_command: Option<String>,
}

#[derive(Serialize)]
struct Links {
    quota: Option<String>,
}

#[derive(Serialize)]
struct RecoveredEntry<'a> {
    #[serde(flatten)]
    metric: Option<&'a Metric>,
    key: &'a str,
    previous_status: &'static str,
    since: String,
    /// The quota, its resource or its instance does not exist any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_longer_there: bool,
}

#[derive(Serialize)]
struct UnseenEntry<'a> {
    quota_code: &'a str,
    quota_name: &'a str,
    service_code: &'a str,
    scope: &'a str,
    impact: Impact,
    is_new: bool,
    fault: Option<&'a FaultRecord>,
}

/// The document with at most `most` entries in each list.
pub(super) fn render(digest: &Digest<'_>, most: usize) -> String {
    let context = digest.context;
    to_json(&Document {
        schema_version: SCHEMA_VERSION,
        product: PRODUCT,
        event: digest.event.as_str(),
        severity: digest.severity.as_str(),
        impact: digest.impact,
        account_id: &context.account.id,
        named: context.account.into(),
        region: &context.account.region,
        execution_id: Some(context.execution_id),
        timestamp: rfc3339(context.now),
        instance: context.instance.map(|i| InstanceEntry {
            id: &i.id,
            arn: &i.arn,
            alias: i.alias.as_deref().map(|alias| clip(alias, ALIAS)),
        }),
        threshold: Some(context.thresholds.warning),
        critical: Some(context.thresholds.critical),
        summary: SummaryEntry {
            monitored_count: digest.rows.checked,
            summary: &digest.rows.summary,
            muted_count: digest.rows.muted,
        },
        violations_count: digest.violations.len(),
        violations: digest.violations.iter().take(most).map(|v| violation(digest, *v)).collect(),
        violations_omitted: digest.violations.len().saturating_sub(most),
        forecasts_count: digest.forecasts.len(),
        forecasts: digest.forecasts.iter().take(most).map(|v| violation(digest, *v)).collect(),
        forecasts_omitted: digest.forecasts.len().saturating_sub(most),
        recovered: digest.over.iter().take(most).map(|r| recovered(*r)).collect(),
        recovered_omitted: digest.over.len().saturating_sub(most),
        unseen: digest.unseen.iter().take(most).map(|u| unseen(*u)).collect(),
        unseen_omitted: digest.unseen.len().saturating_sub(most),
        all_clear: None,
    })
}

/// The same shape, with nothing in it: a consumer may try its parser on it.
pub(super) fn test(account: &Account, now: Timestamp) -> String {
    to_json(&blank(account, now, Event::Test, &Summary::default()))
}

/// The same shape without news: what is watched since when nothing was told.
pub(super) fn all_clear(context: &Context<'_>, overview: &Overview, since: Timestamp) -> String {
    let summary = Summary {
        max_utilization: overview.fullest.first().map(|full| full.percent),
        avg_utilization: None,
        unknown_count: overview.unseen.len(),
        not_measurable_count: overview.not_measurable,
    };
    let blank = blank(context.account, context.now, Event::Reminder, &summary);
    to_json(&Document {
        execution_id: Some(context.execution_id),
        threshold: Some(context.thresholds.warning),
        critical: Some(context.thresholds.critical),
        summary: SummaryEntry { monitored_count: overview.quotas, muted_count: overview.muted, ..blank.summary },
        all_clear: Some(AllClear {
            since: rfc3339(since),
            instances: overview.instances,
            instances_left_out: overview.left_out,
            violations_told_before: overview.violations,
            fullest: overview.fullest.iter().map(|full| full.text.as_str()).collect(),
        }),
        ..blank
    })
}

fn blank<'a>(account: &'a Account, now: Timestamp, event: Event, summary: &'a Summary) -> Document<'a> {
    Document {
        schema_version: SCHEMA_VERSION,
        product: PRODUCT,
        event: event.as_str(),
        severity: Severity::Info.as_str(),
        impact: Impact::Build,
        account_id: &account.id,
        named: account.into(),
        region: &account.region,
        execution_id: None,
        timestamp: rfc3339(now),
        instance: None,
        threshold: None,
        critical: None,
        summary: SummaryEntry { monitored_count: 0, summary, muted_count: 0 },
        violations_count: 0,
        violations: Vec::new(),
        violations_omitted: 0,
        forecasts_count: 0,
        forecasts: Vec::new(),
        forecasts_omitted: 0,
        recovered: Vec::new(),
        recovered_omitted: 0,
        unseen: Vec::new(),
        unseen_omitted: 0,
        all_clear: None,
    }
}

fn violation<'a>(digest: &Digest<'_>, violation: Violation<'a>) -> ViolationEntry<'a> {
    let Violation { metric, change, .. } = violation;
    ViolationEntry {
        metric,
        change: change.as_str(),
        since: rfc3339(change.since()),
        links: Links { quota: console_link(digest.context, metric) },
        increase_command: Increase::of(digest.context, metric).command(),
    }
}

fn recovered(over: Over<'_>) -> RecoveredEntry<'_> {
    let Over { key, metric, was, since, gone } = over;
    RecoveredEntry { metric, key, previous_status: was, since: rfc3339(since), no_longer_there: gone.is_some() }
}

fn unseen(unseen: Unseen<'_>) -> UnseenEntry<'_> {
    let metric = unseen.metric;
    UnseenEntry {
        quota_code: &metric.quota_code,
        quota_name: &metric.quota_name,
        service_code: &metric.service_code,
        scope: &metric.scope,
        impact: metric.impact,
        is_new: unseen.is_new,
        fault: metric.fault.as_ref(),
    }
}

fn to_json(document: &Document<'_>) -> String {
    // Structs of strings and numbers always serialize; a panic here would lose the email as well.
    serde_json::to_string(document).unwrap_or_else(|_| "{}".to_owned())
}
