//! News for programs: one event for each transition of a quota, where people get one message for all
//! of an instance. Pure.
//!
//! An event says what to do with an incident (`action`) and which one it is (`dedup_key`). A quota of an
//! instance has one incident at a time, opened when it is raised and resolved when it has recovered. What
//! cannot be seen is one incident for each instance and cause, whatever the number of quotas: see
//! [`blindness`]. What is sent twice changes nothing for whoever goes by the key.

mod blindness;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::format::rfc3339;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::domain::{Account, Impact, Instance, Metric, NO_CODE, Status};
use crate::ledger::{Change, News, Severity};
use crate::say::document::NamedEntry;
use crate::say::{Context, impact_of, plain, reading, rejections};
use crate::watch::words::Told;
use blindness::Blindness;
use blindness::NAME;

/// Raised when a field changes its meaning or disappears; new fields do not raise it.
const SCHEMA_VERSION: u32 = 1;
/// The product, and in EventBridge the event's source.
pub const SOURCE: &str = "connect-quota-monitor";
/// What PagerDuty takes as a summary.
const SUMMARY: usize = 1024;
/// What to do with an incident.
const TRIGGER: &str = "trigger";
const RESOLVE: &str = "resolve";

/// One event, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The JSON document.
    pub body: String,
    /// For the filter policies of subscriptions. None is empty.
    pub attributes: Vec<(&'static str, String)>,
    /// The ARN of the instance.
    pub resource: Option<String>,
    pub time: Timestamp,
}

/// What happened to a quota. `since` is when the state that began or ended was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transition {
    Raised {
        since: Timestamp,
    },
    Escalated {
        since: Timestamp,
    },
    Recovered {
        since: Timestamp,
    },
    /// It will be full soon: an incident beside the quota's own.
    Forecast {
        since: Timestamp,
    },
    ForecastGone {
        since: Timestamp,
    },
}

impl Transition {
    fn name(self) -> &'static str {
        match self {
            Self::Raised { .. } | Self::Forecast { .. } => "raised",
            Self::Escalated { .. } => "escalated",
            Self::Recovered { .. } | Self::ForecastGone { .. } => "recovered",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Raised { .. } | Self::Escalated { .. } | Self::Forecast { .. } => TRIGGER,
            Self::Recovered { .. } | Self::ForecastGone { .. } => RESOLVE,
        }
    }

    fn since(self) -> Timestamp {
        match self {
            Self::Raised { since }
            | Self::Escalated { since }
            | Self::Recovered { since }
            | Self::Forecast { since }
            | Self::ForecastGone { since } => since,
        }
    }

    fn severity(self, metric: Option<&Metric>) -> Severity {
        match (self, metric.map(|m| m.status)) {
            _ if self.action() == RESOLVE => Severity::Info,
            (Self::Forecast { .. }, _) => Severity::Warning,
            (_, Some(Status::Critical)) => Severity::Critical,
            _ => Severity::Warning,
        }
    }

    fn in_words(self, metric: &Metric) -> String {
        let name = plain(&metric.quota_name, NAME);
        match self {
            Self::Raised { .. } | Self::Escalated { .. } => {
                let rejected = rejections(metric).map_or_else(String::new, |rejected| format!("{rejected}, "));
                format!("{name}: {rejected}{}, {}", reading(metric), metric.status.as_str())
            }
            Self::Recovered { .. } => format!("{name}: {}, recovered", reading(metric)),
            Self::Forecast { .. } => {
                let when = metric.forecast.as_ref().and_then(|f| f.full_at.as_deref()).map(|at| format!(" on {at}"));
                let when = when.unwrap_or_default();
                format!("{name}: {}, will be full{when}", reading(metric))
            }
            Self::ForecastGone { .. } => format!("{name}: {}, will not be full soon", reading(metric)),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    product: &'static str,
    event: &'static str,
    action: &'static str,
    severity: &'static str,
    impact: Impact,
    dedup_key: String,
    /// One line for a person.
    summary: String,
    account_id: &'a str,
    #[serde(flatten)]
    named: NamedEntry<'a>,
    region: &'a str,
    /// Null in a test event.
    execution_id: Option<&'a str>,
    timestamp: String,
    since: String,
    /// Null where a quota of the account is meant.
    instance: Option<InstanceEntry<'a>>,
    /// The quota as it is now; null where the event is not about a single one.
    metric: Option<&'a Metric>,
    /// What cannot be seen, or is seen again; null where the event is about something else.
    unseen: Option<Blindness<'a>>,
}

#[derive(Serialize)]
struct InstanceEntry<'a> {
    id: &'a str,
    arn: &'a str,
    alias: Option<&'a str>,
}

/// The events of one instance's news, or of the account's. Reminders make none: nothing happened.
#[must_use]
pub fn of(context: &Context<'_>, metrics: &[Metric], news: &News) -> Vec<Event> {
    let find = |key: &str| metrics.iter().find(|m| m.key() == key);
    let changed = |change: &Change| match change {
        Change::New(since) => Some(Transition::Raised { since: *since }),
        Change::Escalated(since) => Some(Transition::Escalated { since: *since }),
        Change::Still(_) => None,
    };
    let violations = news.violations.iter().filter_map(|(key, change)| Some((key, changed(change)?)));
    let recovered = news.recovered.iter().map(|(key, told)| (key, Transition::Recovered { since: told.since }));
    let forecasts = news.forecasts.iter().filter_map(|(key, change)| match change {
        Change::New(since) => Some((key, Transition::Forecast { since: *since })),
        _ => None,
    });
    let gone = news.forecasts_gone.iter().map(|(key, since)| (key, Transition::ForecastGone { since: *since }));
    violations
        .chain(recovered)
        .chain(forecasts)
        .chain(gone)
        .map(|(key, transition)| event(context, (key, news.vanished.get(key)), find(key), transition))
        .chain(blindness::of(metrics, news).into_iter().map(|blindness| unseen(context, blindness)))
        .collect()
}

fn unseen(context: &Context<'_>, blindness: Blindness<'_>) -> Event {
    let whose = context.instance.map_or("account", |i| i.display_name());
    let (event, action, severity) =
        if blindness.is_over { ("recovered", RESOLVE, Severity::Info) } else { ("unseen", TRIGGER, Severity::Warning) };
    let document = Document {
        schema_version: SCHEMA_VERSION,
        product: SOURCE,
        event,
        action,
        severity: severity.as_str(),
        impact: blindness.impact,
        dedup_key: dedup_key(context.account, context.instance, &blindness.key()),
        summary: plain(&format!("{}: {}", plain(whose, NAME), blindness.in_words()), SUMMARY),
        account_id: &context.account.id,
        named: context.account.into(),
        region: &context.account.region,
        execution_id: Some(context.execution_id),
        timestamp: rfc3339(context.now),
        since: rfc3339(blindness.since.unwrap_or(context.now)),
        instance: entry(context.instance),
        metric: None,
        unseen: Some(blindness),
    };
    finished(&document, context.instance, NO_CODE, context.now)
}

fn entry(instance: Option<&Instance>) -> Option<InstanceEntry<'_>> {
    instance.map(|i| InstanceEntry { id: &i.id, arn: &i.arn, alias: i.alias.as_deref() })
}

/// `vanished`: the name of a quota that is not there any more.
fn event(
    context: &Context<'_>,
    (key, vanished): (&str, Option<&String>),
    metric: Option<&Metric>,
    transition: Transition,
) -> Event {
    let whose = context.instance.map_or("account", |i| i.display_name());
    let gone = || match vanished.filter(|name| !name.is_empty()) {
        Some(name) => format!("{}: no longer there", plain(name, NAME)),
        None => format!("{key}: {}", transition.name()),
    };
    let what = metric.map_or_else(gone, |m| transition.in_words(m));
    let document = Document {
        schema_version: SCHEMA_VERSION,
        product: SOURCE,
        event: transition.name(),
        action: transition.action(),
        severity: transition.severity(metric).as_str(),
        impact: metric.map_or_else(|| impact_of(key), |m| m.impact),
        dedup_key: match transition {
            Transition::Forecast { .. } | Transition::ForecastGone { .. } => {
                format!("{}/forecast", dedup_key(context.account, context.instance, key))
            }
            _ => dedup_key(context.account, context.instance, key),
        },
        summary: plain(&format!("{}: {what}", plain(whose, NAME)), SUMMARY),
        account_id: &context.account.id,
        named: context.account.into(),
        region: &context.account.region,
        execution_id: Some(context.execution_id),
        timestamp: rfc3339(context.now),
        since: rfc3339(transition.since()),
        instance: entry(context.instance),
        metric,
        unseen: None,
    };
    let code = metric.map_or(NO_CODE, |m| &m.quota_code);
    finished(&document, context.instance, code, context.now)
}

/// What a program gets when somebody wants to see that events arrive. It opens an incident of its own.
#[must_use]
pub fn test(account: &Account, now: Timestamp) -> Event {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        product: SOURCE,
        event: crate::ledger::Event::Test.as_str(),
        action: TRIGGER,
        severity: Severity::Info.as_str(),
        impact: Impact::Build,
        dedup_key: dedup_key(account, None, "test"),
        summary: "TEST of the Amazon Connect quota monitor: this event shows that events arrive. Nothing is wrong."
            .to_owned(),
        account_id: &account.id,
        named: account.into(),
        region: &account.region,
        execution_id: None,
        timestamp: rfc3339(now),
        since: rfc3339(now),
        instance: None,
        metric: None,
        unseen: None,
    };
    finished(&document, None, NO_CODE, now)
}

/// What a watch tells: its document, and the attributes that every event has.
#[must_use]
pub fn watched(told: &Told, now: Timestamp) -> Event {
    let member = |name: &str| told.document[name].as_str().unwrap_or_default().to_owned();
    let mut attributes = vec![
        ("event", told.event.to_owned()),
        ("action", member("action")),
        ("severity", member("severity")),
        ("impact", member("impact")),
        ("instance_id", told.instance_id.clone().unwrap_or_else(|| ACCOUNT_KEY.to_owned())),
        ("account_id", told.owner.account_id.clone()),
        ("region", told.owner.region.clone()),
        ("quota_code", NO_CODE.to_owned()),
        ("dedup_key", told.dedup_key.clone()),
    ];
    attributes.extend(told.account_name.clone().map(|name| ("account_name", name)));
    Event { body: told.document.to_string(), attributes, resource: None, time: now }
}

/// `<account>/<region>/<instance id, or account>/<quota key>`: the same for as long as the quota is.
fn dedup_key(account: &Account, instance: Option<&Instance>, key: &str) -> String {
    format!("{}/{}/{}/{key}", account.id, account.region, instance.map_or(ACCOUNT_KEY, |i| &i.id))
}

fn finished(document: &Document<'_>, instance: Option<&Instance>, quota_code: &str, time: Timestamp) -> Event {
    let mut attributes = vec![
        ("event", document.event.to_owned()),
        ("action", document.action.to_owned()),
        ("severity", document.severity.to_owned()),
        ("impact", document.impact.as_str().to_owned()),
        ("instance_id", instance.map_or(ACCOUNT_KEY, |i| &i.id).to_owned()),
        ("account_id", document.account_id.to_owned()),
        ("region", document.region.to_owned()),
        ("quota_code", quota_code.to_owned()),
        ("dedup_key", document.dedup_key.clone()),
    ];
    // Raw delivery to a queue takes ten attributes and throws away a message with more: unit and owner stand in the
    // document only.
    attributes.extend(document.named.account_name.map(|name| ("account_name", name.to_owned())));
    Event {
        // Structs of strings and numbers always serialize.
        body: serde_json::to_string(document).unwrap_or_else(|_| "{}".to_owned()),
        attributes,
        resource: instance.map(|i| i.arn.clone()),
        time,
    }
}
