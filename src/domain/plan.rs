//! What a run will cost in calls and in time, before it is made. Pure.
//!
//! The bound is arithmetic: a bucket that holds `burst` tokens lets `n` calls leave in
//! `(n - burst) / rate` seconds. Latency, pages nobody knew of and throttles come on top; so a run also
//! watches how fast it really goes, see [`TimePlan::has_time_for`].

use std::time::Duration;

use serde::Serialize;

/// Where not all limits of single instances can be asked for, this share of the run's time is used for it: an
/// instance must not wait for its limits so long that another one has no turn.
pub const TIME_FOR_LIMITS: f64 = 0.75;

/// What is asked of how many.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub instances: usize,
    /// Operations that each instance is asked.
    pub listings: usize,
    /// Connect calls that one instance takes: more than the listings where these have several pages.
    pub calls_each: f64,
    /// Calls that are made once for all instances.
    pub calls_once: f64,
    /// Calls to Service Quotas for one instance's own values that are due, where the listing does not tell them.
    pub limit_calls_each: f64,
}

/// How fast calls may leave.
#[derive(Debug, Clone, Copy)]
pub struct Speed {
    /// All operations share one bucket, or each has its own.
    pub is_shared: bool,
    pub per_second: f64,
    pub burst: u32,
    /// Percent of the documented rate that this is.
    pub share: u32,
    /// Of `GetServiceQuota`.
    pub limits_per_second: f64,
}

/// The calls of a run against its time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimePlan {
    pub connect_calls: u64,
    pub seconds_needed: u64,
    pub seconds_left: u64,
    /// Instances that fit.
    pub instances: usize,
    /// Calls of `GetServiceQuota` that are due; absent where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit_calls: u64,
    /// Those that were made.
    #[serde(skip_serializing_if = "is_zero")]
    pub limits_asked: u64,
    /// Limits of single instances that are unknown, because there was no time to ask for them.
    #[serde(skip_serializing_if = "is_zero")]
    pub limits_left: u64,
    /// What to do where not all fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The least that one instance takes of the run's time.
    #[serde(skip)]
    each: Duration,
}

impl TimePlan {
    #[must_use]
    pub fn new(work: Work, speed: Speed, left: Duration) -> Self {
        let (rate, burst) = (speed.per_second, f64::from(speed.burst));
        let instances = count(work.instances);
        let calls = instances.mul_add(work.calls_each, work.calls_once);
        // Per operation the slowest bucket counts: its calls are those of one listing, with its pages.
        let pages = work.calls_each / count(work.listings.max(1));
        let (each, once, all) = if speed.is_shared {
            (work.calls_each / rate, work.calls_once, calls)
        } else {
            (pages / rate, 0.0, instances * pages)
        };
        // Service Quotas is asked beside Connect: what takes longer counts. What does not fit waits for the next
        // runs, and no instance waits for it.
        let limit_calls = (instances * work.limit_calls_each).ceil();
        let time_for_limits = left.as_secs_f64() * TIME_FOR_LIMITS;
        let for_limits = (limit_calls / speed.limits_per_second).min(time_for_limits);
        let for_calls = ((all - burst) / rate).max(0.0);
        let (needed, each) = (for_calls.max(for_limits), each.max(for_limits / instances.max(1.0)));
        let fit = ((left.as_secs_f64() * rate + burst - once) / (each * rate)).clamp(0.0, instances);
        let is_too_much = needed > left.as_secs_f64();
        let mut plan = Self {
            connect_calls: rounded(calls.ceil()),
            seconds_needed: rounded(needed.ceil()),
            seconds_left: left.as_secs(),
            instances: usize::try_from(rounded(fit.floor())).unwrap_or(usize::MAX),
            limit_calls: rounded(limit_calls),
            limits_asked: 0,
            limits_left: 0,
            note: None,
            each: Duration::from_secs_f64(each.clamp(0.0, 1e6)),
        };
        let fitting = rounded(time_for_limits * speed.limits_per_second);
        if is_too_much {
            plan.note = Some(plan.advice(speed));
        } else if plan.limit_calls > fitting {
            plan.note = Some(format!(
                "{} calls of GetServiceQuota are due and {} fit this run, because ListServiceQuotas shows no value of \
                 these instances: the others follow in the next runs, and what they ask for is unknown until then",
                grouped(plan.limit_calls),
                grouped(fitting)
            ));
        }
        plan
    }

    /// Says how far the questions for the instances' own limits came.
    pub fn came_so_far(&mut self, asked: u64, left: u64) {
        (self.limits_asked, self.limits_left) = (asked, left);
        if left > 0 {
            let note = format!(
                "{} limits of single instances are unknown: this run had time for {} calls of GetServiceQuota, the next \
                 one goes on",
                grouped(left),
                grouped(asked)
            );
            self.note = Some(self.note.take().map_or_else(|| note.clone(), |before| format!("{before}; {note}")));
        }
    }

    fn advice(&self, speed: Speed) -> String {
        let (pacing, remedy) = if speed.is_shared {
            ("account", "set CONNECT_PACING=per-operation")
        } else {
            (
                "per-operation",
                "raise the function's timeout (at most 900 s), or share the instances out among several stacks \
                 with INCLUDE_INSTANCES",
            )
        };
        let share =
            if speed.share < 100 { format!(", or raise CONNECT_RATE_SHARE={}", speed.share) } else { String::new() };
        format!(
            "{} Connect calls need {} s at {pacing} pacing, {} s are left: {remedy}{share}",
            grouped(self.connect_calls),
            grouped(self.seconds_needed),
            grouped(self.seconds_left)
        )
    }

    /// Whether one more instance can be finished in `left`, beside those `under_way`. `pace` is the time
    /// that an instance has really taken so far, on average over those that were measured side by side.
    #[must_use]
    pub fn has_time_for(&self, under_way: usize, pace: Option<Duration>, left: Duration) -> bool {
        let each = self.each.max(pace.unwrap_or_default());
        each.saturating_mul(u32::try_from(under_way + 1).unwrap_or(u32::MAX)) <= left
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::cast_precision_loss, reason = "instances and operations, not more")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is never negative")]
fn rounded(n: f64) -> u64 {
    n as u64
}

/// `1,900`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Speed = Speed { is_shared: true, per_second: 2.0, burst: 5, share: 100, limits_per_second: 5.0 };
    const PER_OPERATION: Speed = Speed { is_shared: false, ..ACCOUNT };

    fn plan(instances: usize, calls_each: f64, speed: Speed, left: u64) -> TimePlan {
        let work = Work { instances, listings: 27, calls_each, calls_once: 2.0, limit_calls_each: 0.0 };
        TimePlan::new(work, speed, Duration::from_secs(left))
    }

    #[test]
    fn what_does_not_fit_says_what_to_do() {
        let plan = plan(73, 26.0, ACCOUNT, 880);
        assert_eq!(
            plan.note.as_deref(),
            Some("1,900 Connect calls need 948 s at account pacing, 880 s are left: set CONNECT_PACING=per-operation")
        );
        assert_eq!(plan.instances, 67);
    }

    #[test]
    fn what_fits_has_no_note() {
        let plan = plan(60, 27.0, ACCOUNT, 870);
        assert_eq!((plan.connect_calls, plan.seconds_needed, plan.instances, plan.note), (1_622, 809, 60, None));
    }

    #[test]
    fn per_operation_the_slowest_listing_counts() {
        assert_eq!(plan(1_000, 27.0, PER_OPERATION, 870).seconds_needed, 498);
        let pages = plan(1_000, 54.0, PER_OPERATION, 870);
        assert_eq!((pages.seconds_needed, pages.instances), (998, 872));
        assert!(pages.note.unwrap().contains("INCLUDE_INSTANCES"));
    }

    #[test]
    fn a_share_of_the_rate_takes_longer_and_is_named() {
        let work = Work { instances: 3, listings: 27, calls_each: 27.0, calls_once: 2.0, limit_calls_each: 0.0 };
        let plan =
            TimePlan::new(work, Speed { per_second: 0.2, burst: 1, share: 10, ..ACCOUNT }, Duration::from_secs(60));
        assert_eq!((plan.seconds_needed, plan.instances), (410, 0));
        assert!(plan.note.unwrap().ends_with("set CONNECT_PACING=per-operation, or raise CONNECT_RATE_SHARE=10"));
    }

    #[test]
    fn limits_that_must_be_asked_one_by_one_take_their_time() {
        let work = Work { instances: 100, listings: 27, calls_each: 27.0, calls_once: 2.0, limit_calls_each: 30.0 };
        let plan = TimePlan::new(work, PER_OPERATION, Duration::from_secs(870));
        assert_eq!((plan.seconds_needed, plan.instances, plan.limit_calls, plan.note), (600, 100, 3_000, None));
    }

    #[test]
    fn limits_that_do_not_fit_wait_and_no_instance_waits_for_them() {
        let work = Work { instances: 100, listings: 27, calls_each: 27.0, calls_once: 2.0, limit_calls_each: 55.0 };
        let mut plan = TimePlan::new(work, PER_OPERATION, Duration::from_secs(870));
        assert_eq!((plan.seconds_needed, plan.instances), (653, 100));
        assert!(
            plan.note.clone().unwrap().starts_with("5,500 calls of GetServiceQuota are due and 3,262 fit this run")
        );
        plan.came_so_far(3_200, 2_300);
        assert!(
            plan.note.unwrap().contains("2,300 limits of single instances are unknown: this run had time for 3,200")
        );
    }

    #[test]
    fn one_more_is_begun_only_where_all_can_be_finished() {
        let plan = plan(10, 26.0, ACCOUNT, 100);
        let (left, secs) = (Duration::from_secs(30), Duration::from_secs);
        assert!(plan.has_time_for(1, None, left), "26 s for two of 13 s each");
        assert!(!plan.has_time_for(2, None, left));
        assert!(!plan.has_time_for(1, Some(secs(16)), left), "this run goes slower than planned");
        assert!(plan.has_time_for(1, Some(secs(1)), left));
    }
}
