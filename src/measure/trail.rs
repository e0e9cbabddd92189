//! Quotas of what was done over days: counted by CloudTrail's event history, a few times a day.

use tokio::task::JoinSet;

use super::outcome::{clock, unknown, used};
use super::scan::{Looks, Scan, Shared};
use crate::aws::cloudtrail::MOST_LOOKED_AT;
use crate::aws::cloudwatch::Window;
use crate::catalogue::{Listing, Quota, Trailed};
use crate::domain::trail::{HISTORY_DAYS, LOOKED_UP, Look, NOBODY, Trail};
use crate::domain::{Bound, Fault, FaultKind, GroupUsage, Measured, Usage};

const DAY: i64 = 86_400;
/// Numbers may be claimed and released up to 200 % of the quota of numbers. Source: `ClaimPhoneNumber` in the API reference.
const TIMES: f64 = 2.0;

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
                    for whom in looked.accepted(service) {
                        *look.calls.entry(whom.unwrap_or(NOBODY).to_owned()).or_default() += 1;
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

    /// Phone numbers that were claimed for each instance, and released where there is only one.
    fn numbers_moved(&self, quota: &Quota, shared: &Shared) -> Measured {
        let (claimed, released) = match both(&shared.looks, ["ClaimPhoneNumber", "ReleasePhoneNumber"]) {
            Ok(looks) => looks,
            Err(measured) => return *measured,
        };
        let is_only_one = self.existing == 1;
        let mut groups = Vec::new();
        for instance in &self.instances {
            let limit = numbers().map_or(Ok(None), |numbers| self.limit(numbers, Some(&instance.arn)));
            let limit = match limit {
                Ok(limit) => limit,
                Err(fault) => return unknown(&fault),
            };
            let of_nobody = if is_only_one { released.total() + claimed.of(NOBODY) } else { 0 };
            groups.push(GroupUsage {
                name: instance.alias.clone().unwrap_or_else(|| instance.id.clone()),
                value: count(claimed.of(&instance.id) + of_nobody),
                limit: limit.map(|limit| limit.value * TIMES),
                ..GroupUsage::default()
            });
        }
        let others = if is_only_one || released.total() == 0 {
            String::new()
        } else {
            format!("; {} releases of the account name no instance and are not counted", released.total())
        };
        let note = format!(
            "at least: the event history goes back {HISTORY_DAYS} days, and the rule 180{others}; as of {}",
            clock(claimed.at.min(released.at))
        );
        let bound = Some(Bound::Lower);
        let usage = Usage { approximate: true, bound, note: Some(note), groups, ..Usage::default() };
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
                Err(measured) => *measured,
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
                    Err(measured) => return *measured,
                };
                let groups = look.calls.iter().map(|(domain, n)| GroupUsage {
                    name: domain.clone(),
                    value: count(*n),
                    ..GroupUsage::default()
                });
                let note = Some(format!("in the 24 hours up to {}", clock(look.at)));
                partly(used(quota, Usage { groups: groups.collect(), note, ..Usage::default() }), &[look])
            }
            Trailed::Numbers => self.numbers_moved(quota, shared),
        }
    }
}

/// Runs that remember nothing look at four hours of the day.
fn is_hour_of_looks(now: i64) -> bool {
    now.div_euclid(3_600).rem_euclid(6) == 0
}

fn of<'a>(looks: &'a Looks, operation: &str) -> Result<&'a Look, Box<Measured>> {
    if let Some((_, fault)) = looks.faults.iter().find(|(of, _)| *of == operation) {
        return Err(Box::new(unknown(fault)));
    }
    let why = "the event history is looked into four times a day, and a run without a store remembers no look";
    looks.trail.0.get(operation).ok_or_else(|| Box::new(Measured::OutOfReach(why.to_owned())))
}

fn both<'a>(looks: &'a Looks, operations: [&str; 2]) -> Result<(&'a Look, &'a Look), Box<Measured>> {
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

/// The quota of phone numbers of an instance.
fn numbers() -> Option<&'static Quota> {
    crate::catalogue::find("L-8F812903")
}
