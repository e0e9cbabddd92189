//! The values applied to one instance that the listing of Service Quotas does not show: asked for one by one,
//! and kept from run to run.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::scan::Scan;
use crate::aws::Aws;
use crate::catalogue::{self, Meter, Quota, Service};
use crate::domain::kept::{KeptLimits, Question};
use crate::domain::limit::Own;
use crate::domain::plan::TIME_FOR_LIMITS;
use crate::domain::{Fault, FaultKind, Instance, Limit, LimitSource, Reading};
use crate::judge::judge;
use crate::judge::limits::Limits;

const OPERATION: &str = "servicequotas:GetServiceQuota";

/// How far the questions for an instance's own limits came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitCalls {
    /// Calls of `GetServiceQuota`.
    pub asked: usize,
    /// Quotas whose limit is not known because this run had no time to ask for it.
    pub left: usize,
    /// What the next run will ask for, if it comes after the schedule's interval.
    pub next: usize,
}

/// What is known of an instance's own limits while it is measured.
pub(super) struct OwnLimits {
    aws: Aws,
    instance: Instance,
    now: i64,
    deadline: Instant,
    questions: Vec<Question>,
    kept: KeptLimits,
    /// Answered in this run.
    fresh: BTreeSet<&'static str>,
    failed: HashMap<&'static str, Fault>,
    calls: LimitCalls,
}

/// Connect's quotas whose value may be applied to an instance, in the order of the catalogue.
fn quotas() -> impl Iterator<Item = &'static Quota> {
    catalogue::per_instance()
        .filter(|q| q.service == Service::Connect && q.is_listed() && !matches!(q.meter, Meter::NotMeasurable(_)))
}

impl OwnLimits {
    /// Nothing is asked yet. The last values that the listing showed are kept too, for a time at which it does not.
    pub(super) fn new(scan: &Scan, limits: &Limits, instance: &Instance, mut kept: KeptLimits) -> Self {
        let now = scan.now.as_second();
        let mut questions = Vec::new();
        for quota in quotas() {
            let account = limits.shared_value(quota.code);
            if limits.lacks_row_of(quota.code, &instance.arn) {
                questions.push(Question { code: quota.code, account });
            } else if let Some(value) = limits.value_of(quota.code, &instance.arn) {
                kept.note_listed(quota.code, value, account, now);
            }
        }
        kept.retain(|code| quotas().any(|quota| quota.code == code));
        Self {
            aws: scan.aws.clone(),
            instance: instance.clone(),
            now,
            deadline: scan.deadline,
            questions,
            kept,
            fresh: BTreeSet::new(),
            failed: HashMap::new(),
            calls: LimitCalls::default(),
        }
    }

    /// Asks for what is due, as far as this instance's share of the run's questions goes: those that are `left`,
    /// by the instances that wait for their turn. What it does not need is left to the others.
    pub(super) async fn ask_what_is_due(mut self, left: &AtomicUsize, waiting: usize) -> Self {
        let mut due = self.kept.due(&self.questions, self.now);
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some(left - due.len().min(left / waiting.max(1)))
        });
        let share = taken.unwrap_or_else(|left| left) / waiting.max(1);
        due.truncate(share);
        self.ask(&due).await;
        self
    }

    async fn ask(&mut self, codes: &[&'static str]) {
        let mut calls = JoinSet::new();
        for code in codes.iter().copied() {
            let (quotas, arn, deadline) = (self.aws.quotas.clone(), self.instance.arn.clone(), self.deadline);
            calls.spawn(async move { (code, quotas.applied_to(Service::Connect.code(), code, &arn, deadline).await) });
        }
        self.calls.asked += codes.len();
        for (code, value) in calls.join_all().await {
            match value {
                Ok(value) => {
                    let account = self.questions.iter().find(|q| q.code == code).and_then(|q| q.account);
                    self.kept.note(code, value, account, self.now);
                    self.failed.remove(code);
                    self.fresh.insert(code);
                }
                Err(fault) => drop(self.failed.insert(code, fault.of_instance(&self.instance.id))),
            }
        }
    }

    /// The limit of one of the instance's quotas.
    pub(super) fn limit(&self, quota: &Quota, limits: &Limits) -> Result<Option<Limit>, Fault> {
        let resolve = |own| limits.resolve(quota, Some(&self.instance.arn), own);
        if quota.service != Service::Connect || !self.questions.iter().any(|q| q.code == quota.code) {
            // The listing has a row of it. Where that is an error, the last value may stand in.
            return resolve(self.kept.stand_in(quota.code, self.now).filter(|_| quota.service == Service::Connect));
        }
        let kept = self.kept.stand_in(quota.code, self.now);
        if self.fresh.contains(quota.code) {
            return resolve(kept.map(|own| Own { read_at: None, ..own }));
        }
        let Some(own) = kept else {
            return Err(self.failed.get(quota.code).cloned().unwrap_or_else(|| self.not_asked(quota.code)));
        };
        let Some(fault) = self.failed.get(quota.code) else { return resolve(Some(own)) };
        // "None of its own" is as old as the answer, and so is what follows from it.
        let mut limit = resolve(Some(own))?;
        if let Some(limit) = &mut limit {
            limit.read_at = limit.read_at.or(own.read_at);
            let note = format!("GetServiceQuota failed ({}): the last answer is used", fault.kind.as_str());
            limit.note = Some(limit.note.take().map_or_else(|| note.clone(), |before| format!("{before}; {note}")));
        }
        Ok(limit)
    }

    fn not_asked(&self, code: &str) -> Fault {
        let why = format!(
            "{code}: this run had no time to ask for the value of this very instance; the next run does, one call for \
             each of its {} quotas",
            self.questions.len()
        );
        Fault::new(OPERATION, FaultKind::Deadline, why).of_instance(&self.instance.id)
    }

    /// Before a violation is told on an answer of an earlier run, its question is asked again. The readings get the
    /// new limits.
    pub(super) async fn confirm(&mut self, scan: &Scan, limits: &Limits, readings: &mut [Reading]) {
        let rules = &scan.rules;
        let judged = judge(readings.to_vec(), rules.thresholds, &rules.overrides, Some(&self.instance), scan.now);
        let is_kept =
            |code: &str| !self.fresh.contains(code) && !self.failed.contains_key(code) && self.kept.own(code).is_some();
        let on_kept = judged
            .iter()
            .filter(|row| row.is_violation() && row.limit_source.as_deref() != Some(LimitSource::Override.as_str()));
        let in_doubt: Vec<&'static str> = on_kept
            .filter_map(|row| self.questions.iter().map(|q| q.code).find(|code| *code == row.quota_code))
            .filter(|code| is_kept(code))
            .collect();
        if in_doubt.is_empty() {
            return;
        }
        self.ask(&in_doubt).await;
        for reading in readings {
            let quota = quotas().find(|quota| quota.code == reading.quota.code && in_doubt.contains(&quota.code));
            if let Some(quota) = quota {
                reading.limit = self.limit(quota, limits);
            }
        }
    }

    /// What the next run needs, what it took, and the faults of questions whose last answer is used instead.
    pub(super) fn finish(mut self, interval: Duration) -> (KeptLimits, LimitCalls, Vec<Fault>) {
        let is_known = |code: &str| self.kept.stand_in(code, self.now).is_some();
        let left = self.questions.iter().filter(|q| !is_known(q.code) && !self.failed.contains_key(q.code)).count();
        let faults = self.failed.iter().filter(|(code, _)| is_known(code)).map(|(_, fault)| fault.clone()).collect();
        self.calls.left = left;
        let later = self.now + i64::try_from(interval.as_secs()).unwrap_or(0);
        self.calls.next = self.kept.due(&self.questions, later).len();
        (self.kept, self.calls, faults)
    }
}

impl Scan {
    /// How many calls of `GetServiceQuota` a run has time for, from now on.
    pub(super) fn questions_in_time(&self) -> usize {
        let left = self.deadline.saturating_duration_since(Instant::now()).as_secs_f64();
        let per_second = self.aws.quotas.caller().pacer().rate("GetServiceQuota").0.per_second;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is never negative")]
        let calls = (left * TIME_FOR_LIMITS * per_second) as usize;
        calls
    }

    /// The most that an instance of which nothing is kept asks for: the quotas that the listing tells of.
    #[must_use]
    pub fn questions_of_an_instance(&self) -> usize {
        let limits = self.limits_of(Service::Connect);
        let questions = |instance: &Instance| quotas().filter(|q| limits.lacks_row_of(q.code, &instance.arn)).count();
        let all: usize = self.instances.iter().map(questions).sum();
        all.div_ceil(self.instances.len().max(1))
    }
}
