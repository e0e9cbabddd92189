//! A cell of a fleet: the same run with the credentials of a role in another account, in its Region. Stores, ledger and
//! channels are the hub's own. What came of it is left for the fleet's digest, also where nothing could be seen.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use super::app::{App, Moment};
use super::context::Context;
use super::noted::OfCell;
use super::tell::Pending;
use crate::answer::{Completeness, Report, SubjectReport};
use crate::config::ConfigError;
use crate::domain::request::{PayloadError, Request};
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::domain::target::Target;
use crate::domain::{Account, Fault, FaultKind, FaultRecord, Status};
use crate::fleet::cell::{CellDocument, Held, Over, SCHEMA_VERSION, Seen, Subject, Worst};
use crate::fleet::{State, key};
use crate::ledger::{Missing, decide};
use crate::run::error::RunError;
use crate::run::sinks::Sinks;

/// More than a cell of a thousand instances leaves.
pub(super) const MOST_BYTES: i64 = 4 * 1024 * 1024;
/// Characters of a reason.
const LONGEST_REASON: usize = 600;

impl App {
    /// The Region of the bucket and the channels.
    pub(super) fn home_region<'a>(&'a self, account: &'a Account) -> &'a str {
        self.of_cell.as_ref().map_or(&account.region, |of| &of.region)
    }

    pub(super) fn note_place(&self, is_nowhere: bool) {
        if let Some(of) = &self.of_cell {
            of.noted().is_nowhere = is_nowhere;
        }
    }

    /// While the rows are there: they are let go soon.
    pub(super) fn note_seen(&self, report: &Report, now: Timestamp) {
        if let Some(of) = &self.of_cell {
            let mut noted = of.noted();
            let mut seen = seen_of(report, now);
            for subject in &mut seen.subjects {
                subject.held = noted.held.remove(&subject.id).unwrap_or_default();
            }
            noted.seen = Some(seen);
        }
    }

    /// What is not over of a subject by its ledger, before readers are told.
    pub(super) fn note_held(&self, run: &Context<'_>, pending: &Pending) {
        let Some(of) = &self.of_cell else { return };
        let (book, metrics) = (&pending.book, &pending.snapshot.metrics);
        let decision = decide(book.told(), metrics, pending.missing, &run.rules);
        let held = decision.if_told.into_iter().filter(|(_, incident)| incident.violation.is_some());
        let lacks_rows = book.fault().is_some() || pending.missing == Missing::IsKept;
        let held =
            Held { held: held.map(|(key, _)| key).collect(), rows_may_be_missing: book.told().is_none() && lacks_rows };
        of.noted().held.insert(pending.snapshot.instance_id.clone(), held);
    }

    /// One run for a cell.
    ///
    /// # Errors
    /// Those of a run; a role that cannot be assumed is [`RunError::Discovery`], and the message names the state.
    pub(super) async fn run_cell(
        &self,
        target: &Target,
        request: &Request,
        moment: Moment,
    ) -> Result<Report, RunError> {
        let Some(cells) = &self.cells else {
            let why = "FLEET_ROLE_NAME is not set: a target is looked at with the role of that name in its account";
            return Err(RunError::Config(ConfigError(vec![why.to_owned()])));
        };
        cells.same_partition(target).map_err(|why| RunError::Payload(PayloadError(why)))?;
        let execution_id = Uuid::new_v4().to_string();
        let is_whole = request.instance_ids.is_empty() && request.threshold_percentage.is_none() && !request.dry_run;
        let mut left = None;
        if is_whole && cells.is_hub() && self.sinks.stores.keeps_reports() {
            left = Left::begin(self.sinks.until(moment.end), target, (&execution_id, moment)).await;
        }
        cells.begin_run();
        let session = cells.session(&target.account_id, &execution_id, moment.deadline).await;
        let (outcome, state) = match session {
            Err(fault) => {
                let state = State::of_role(&fault);
                (Err(unseen(target, state, &fault)), (state, Some(fault.to_string()), None))
            }
            Ok(session) => {
                let app = self.of_cell(cells.aws(&session, &target.owner_of_documents()), target, cells.region());
                let request = Request { target: None, ..request.clone() };
                let outcome = Box::pin(app.stages(&request, moment, execution_id)).await;
                let state = app.came_of_it(&outcome);
                let outcome = match outcome {
                    Err(RunError::Undiscovered(fault)) => Err(unseen(target, state.0, &fault)),
                    other => other,
                };
                (outcome, state)
            }
        };
        let fault = match left {
            Some(left) => left.end(state, moment).await,
            None => None,
        };
        outcome.map(|mut report| {
            report.faults.extend(fault.map(|fault| FaultRecord::from(&fault)));
            report
        })
    }

    /// The app of a cell. In another account nothing is changed: the role may only read.
    fn of_cell(&self, aws: crate::aws::Aws, target: &Target, region: String) -> Self {
        let mut config = self.config.clone();
        // Of a fleet the digest says that it is watched, and not each of its cells.
        config.all_clear_days = 0;
        (config.alarms.apis, config.alarms.instances, config.auto_request_increase) = (false, false, false);
        config.auto_escalate_requests = false;
        let mut app = Self::new(config, aws, self.sinks.clone());
        app.named = target.named();
        app.with_metrics = self.with_metrics;
        app.of_cell = Some(OfCell::new(region));
        app
    }

    /// Where the cell stands after its run, why, and what was seen of it.
    fn came_of_it(&self, outcome: &Result<Report, RunError>) -> (State, Option<String>, Option<Seen>) {
        let noted = self.of_cell.as_ref().map(|of| {
            let mut noted = of.noted();
            (noted.is_nowhere, noted.seen.take())
        });
        let (is_nowhere, seen) = noted.unwrap_or_default();
        match (outcome, seen) {
            (Err(RunError::Undiscovered(fault)), _) => (State::of_listing(fault), Some(fault.to_string()), None),
            (Err(error @ RunError::Collection(_)), _) | (Err(error), None) => {
                (State::Failed, Some(format!("{}: {error}", error.error_type())), None)
            }
            (Ok(_), None) => (State::Failed, Some("the run left nothing".to_owned()), None),
            (_, Some(_)) if is_nowhere => (State::NotOffered, None, None),
            // What could not be stored or told is the run's failure, and its cell was seen.
            (outcome, Some(seen)) => {
                let state = if seen.instances == 0 { State::Empty } else { State::Seen };
                (state, outcome.as_ref().err().map(|error| format!("{}: {error}", error.error_type())), Some(seen))
            }
        }
    }
}

fn unseen(target: &Target, state: State, fault: &Fault) -> RunError {
    RunError::Discovery(format!("{target} cannot be seen: {} ({}): {fault}", state.as_str(), state.in_words()))
}

/// The document that a cell's run leaves.
struct Left {
    sinks: Sinks,
    key: String,
    document: CellDocument,
    began: Instant,
}

impl Left {
    /// Says that a run has begun. None where the document cannot be read: it is not overwritten then.
    async fn begin(sinks: Sinks, target: &Target, (execution_id, moment): (&str, Moment)) -> Option<Self> {
        let owner = target.owner_of_documents();
        let key = key::cell(&owner);
        let before = match sinks.stores.object(&key, MOST_BYTES).await {
            Ok(before) => before,
            Err(fault) => {
                warn!("{key}: {fault}");
                return None;
            }
        };
        // One that nobody can read says nothing, and the new one says what this run sees.
        let seen = before.and_then(|(bytes, _)| CellDocument::parse(&bytes).ok()).and_then(|document| document.seen);
        let time = moment.end.saturating_duration_since(Instant::now());
        let document = CellDocument {
            schema_version: SCHEMA_VERSION,
            target: target.clone(),
            state: State::Running,
            reason: None,
            execution_id: execution_id.to_owned(),
            began: moment.now,
            until: later(moment.now, time),
            ended: None,
            seen,
        };
        let left = Self { sinks, key, document, began: Instant::now() };
        if let Err(fault) = left.write().await {
            warn!("{}: {fault}", left.key);
        }
        Some(left)
    }

    /// Says how the run ended; a fault where that could not be written.
    async fn end(
        mut self,
        (state, reason, seen): (State, Option<String>, Option<Seen>),
        moment: Moment,
    ) -> Option<Fault> {
        let document = &mut self.document;
        document.state = state;
        document.reason = reason.map(|text| crate::say::plain(&text, LONGEST_REASON));
        document.ended = Some(later(moment.now, self.began.elapsed()));
        document.seen = seen.or(document.seen.take());
        self.write().await.err().map(|fault| Fault { message: format!("{}: {}", self.key, fault.message), ..fault })
    }

    async fn write(&self) -> Result<(), Fault> {
        let body = serde_json::to_vec(&self.document)
            .map_err(|e| Fault::new("s3:PutObject", FaultKind::Invalid, format!("{}: {e}", self.key)))?;
        self.sinks.stores.put_object(&self.key, "application/json", body).await
    }
}

pub(super) fn later(now: Timestamp, time: std::time::Duration) -> Timestamp {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 2);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// The part of a report that the fleet needs.
fn seen_of(report: &Report, now: Timestamp) -> Seen {
    let instances = report.instances.iter().map(|i| (i.instance_id.as_str(), i.instance_alias.as_deref(), &i.seen));
    // Of a cell with nothing in it there is no subject: what was told of any is over.
    let account = (report.account.status != Completeness::Skipped).then_some((ACCOUNT_KEY, None, &report.account));
    let all: Vec<_> = instances.chain(account).collect();
    let fullest = all
        .iter()
        .flat_map(|(id, alias, seen)| seen.metrics.iter().flatten().map(move |row| (*id, *alias, row)))
        .filter(|(.., row)| row.utilization.is_some_and(f64::is_finite))
        .max_by(|a, b| a.2.utilization.partial_cmp(&b.2.utilization).unwrap_or(std::cmp::Ordering::Equal));
    Seen {
        at: now,
        complete: report.complete,
        instances: report.instances.len(),
        violations: report.violations,
        unknown: all.iter().map(|(.., seen)| seen.unknown_count).sum(),
        max_utilization: all.iter().filter_map(|(.., seen)| seen.max_utilization).reduce(f64::max),
        worst: fullest.map(|(id, alias, row)| Worst {
            quota_name: row.quota_name.clone(),
            instance: (id != ACCOUNT_KEY).then(|| alias.unwrap_or(id).to_owned()),
        }),
        subjects: all.iter().map(|(id, alias, seen)| subject_of(id, *alias, seen)).collect(),
    }
}

fn subject_of(id: &str, alias: Option<&str>, seen: &SubjectReport) -> Subject {
    let rows = seen.metrics.iter().flatten();
    let over: BTreeMap<String, Over> = rows
        .clone()
        .filter(|row| row.is_violation())
        .map(|row| {
            let critical = row.status == Status::Critical;
            let over = Over { quota_name: row.quota_name.clone(), utilization: row.utilization, critical };
            (row.key().to_owned(), over)
        })
        .collect();
    let unknown: BTreeSet<String> =
        rows.filter(|row| row.status == Status::Unknown).map(|row| row.key().to_owned()).collect();
    Subject {
        id: id.to_owned(),
        alias: alias.map(str::to_owned),
        // Of an account that is too large for its report some rows are left out: nothing is known of them here.
        looked_at: seen.metrics.is_some() && seen.status != Completeness::Skipped,
        max_utilization: seen.max_utilization,
        violations: over,
        unknown,
        held: Held::default(),
    }
}
