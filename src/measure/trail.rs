//! Quotas of what was done over days: counted by CloudTrail's event history, a few times a day.

use tokio::task::JoinSet;

use super::outcome::{clock, unknown, used};
use super::scan::{Scan, Shared};
use crate::aws::cloudtrail::MOST_LOOKED_AT;
use crate::aws::cloudwatch::Window;
use crate::catalogue::{Listing, Quota, Service, Trailed};
use crate::domain::trail::{HISTORY_DAYS, LOOKED_UP, Look, NOBODY, Trail};
use crate::domain::{Bound, Fault, FaultKind, GroupUsage, Instance, Limit, Measured, Usage};

const DAY: i64 = 86_400;

/// What is known of the event history, and why an operation could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pub trail: Trail,
    pub faults: Vec<(&'static str, Fault)>,
}

impl Scan {
    /// What the event history tells, for the next run.
    pub async fn trail(&self) -> Trail {
        self.shared().await.looks.trail.clone()
    }

    /// Looks into the event history where the last look is some hours old.
    pub(super) async fn looks(&self) -> Looks {
        let now = self.now.as_second();
        let mut calls = JoinSet::new();
        for (operation, service, days) in LOOKED_UP.iter().copied() {
            if !self.remembers && !is_hour_of_looks(now) || !self.trail_before.is_due(operation, now) {
                continue;
            }
            let (trail, deadline) = (self.aws.trail.clone(), self.deadline);
            let window = Window { start: now - days * DAY, end: now + 1 };
            calls.spawn(async move {
                let looked = trail.calls_of(operation, window, MOST_LOOKED_AT, None, deadline).await;
                let look = looked.map(|looked| {
                    let mut look = Look { at: now, is_part: !looked.is_whole, ..Look::default() };
                    let counted = |r: &&_| is_counted(r, service);
                    for record in looked.records.iter().filter(counted) {
                        let whom = record.instance.as_deref().or(record.domain.as_deref()).unwrap_or(NOBODY);
                        *look.calls.entry(whom.to_owned()).or_default() += 1;
                    }
                    look
                });
                (operation, look)
            });
        }
        let mut looks = Looks { trail: self.trail_before.clone(), ..Looks::default() };
        for (operation, look) in calls.join_all().await {
            match look {
                Ok(look) => {
                    looks.trail.0.insert(operation.to_owned(), look);
                }
                Err(fault) => looks.faults.push((operation, fault)),
            }
        }
        looks
    }

    /// Phone numbers that were claimed for an instance, and released where it is the only one.
    pub(super) fn numbers_moved(&self, quota: &Quota, instance: &Instance, shared: &Shared) -> Measured {
        let (claimed, released) = match both(&shared.looks, ["ClaimPhoneNumber", "ReleasePhoneNumber"]) {
            Ok(looks) => looks,
            Err(measured) => return measured,
        };
        let is_only_one = self.existing == 1;
        let own = claimed.of(&instance.id) + if is_only_one { released.total() + claimed.of(NOBODY) } else { 0 };
        let others = if is_only_one {
            String::new()
        } else {
            format!("; {} releases of the account name no instance and are not counted", released.total())
        };
        let note = format!(
            "at least: the event history goes back {HISTORY_DAYS} days, and the rule 180{others}; as of {}",
            clock(claimed.at.min(released.at))
        );
        let usage =
            Usage { approximate: true, bound: Some(Bound::Lower), note: Some(note), ..Usage::exactly(count(own)) };
        partly(used(quota, usage), &[claimed, released])
    }

    /// What the account's own quotas count.
    pub(super) fn trailed(&self, quota: &Quota, trailed: Trailed, shared: &Shared) -> Measured {
        match trailed {
            Trailed::Instances => match both(&shared.looks, ["CreateInstance", "DeleteInstance"]) {
                Ok((created, deleted)) => {
                    let note = format!(
                        "{} created and {} deleted; as of {}",
                        created.total(),
                        deleted.total(),
                        clock(created.at.min(deleted.at))
                    );
                    let all = count(created.total() + deleted.total());
                    partly(used(quota, Usage { note: Some(note), ..Usage::exactly(all) }), &[created, deleted])
                }
                Err(measured) => measured,
            },
            Trailed::Snapshots => {
                // Without the service there is nobody to take one.
                if let Some(Err(fault)) = shared.tallies.get(&Listing::ProfileDomains)
                    && let away @ Measured::NotMeasurable(_) = unknown(fault)
                {
                    return away;
                }
                let look = match of(&shared.looks, "CreateSegmentSnapshot") {
                    Ok(look) => look,
                    Err(measured) => return measured,
                };
                let groups = look.calls.iter().map(|(domain, n)| GroupUsage {
                    name: domain.clone(),
                    value: count(*n),
                    ..GroupUsage::default()
                });
                let note = Some(format!("in the 24 hours up to {}", clock(look.at)));
                partly(used(quota, Usage { groups: groups.collect(), note, ..Usage::default() }), &[look])
            }
            Trailed::Numbers => Measured::NotMeasurable("measured for each instance".to_owned()),
        }
    }
}

/// Runs that remember nothing look at four hours of the day.
fn is_hour_of_looks(now: i64) -> bool {
    now.div_euclid(3_600).rem_euclid(6) == 0
}

/// What was rejected has changed nothing. Another service may have an operation of the same name.
fn is_counted(record: &crate::aws::cloudtrail::Record, service: &str) -> bool {
    record.error_code.is_none() && record.service == service
}

fn of<'a>(looks: &'a Looks, operation: &str) -> Result<&'a Look, Measured> {
    if let Some((_, fault)) = looks.faults.iter().find(|(of, _)| *of == operation) {
        return Err(unknown(fault));
    }
    let why = "the event history is looked into four times a day, and a run without a store remembers no look";
    looks.trail.0.get(operation).ok_or_else(|| Measured::OutOfReach(why.to_owned()))
}

fn both<'a>(looks: &'a Looks, operations: [&str; 2]) -> Result<(&'a Look, &'a Look), Measured> {
    Ok((of(looks, operations[0])?, of(looks, operations[1])?))
}

/// More calls than a look reads: there are at least so many.
fn partly(measured: Measured, looks: &[&Look]) -> Measured {
    match measured {
        Measured::Usage(usage) if looks.iter().any(|look| look.is_part) => {
            let why = format!("the event history holds more calls than {MOST_LOOKED_AT} pages");
            Measured::AtLeast(usage, Fault::new("cloudtrail:LookupEvents", FaultKind::BadResponse, why))
        }
        other => other,
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousands of calls")]
fn count(n: u64) -> f64 {
    n as f64
}

/// The limit of numbers that may be claimed and released: twice the quota of numbers.
pub(super) fn twice(limit: Result<Option<Limit>, Fault>) -> Result<Option<Limit>, Fault> {
    Ok(limit?.map(|limit| Limit {
        value: limit.value * 2.0,
        adjustable: None,
        note: Some("200 % of the quota of phone numbers".to_owned()),
        default: limit.default.map(|default| default * 2.0),
        ..limit
    }))
}

/// The quota whose limit is a multiple of another's.
pub(super) fn numbers() -> Option<&'static Quota> {
    crate::catalogue::find("L-8F812903").filter(|quota| quota.service == Service::Connect)
}
