//! Stage "judge": what was measured of one subject becomes rows with a status. Pure, but for the
//! requests to AWS that follow in [`super::ask`].

use super::context::{Book, Context};
use super::measure::Measured;
use crate::domain::format::day_of;
use crate::domain::snapshot::{Snapshot, Subject};
use crate::domain::{Fault, Instance, Metric};
use crate::judge::increase::Requests;
use crate::judge::{doubt_what_was_measured, ended_mutes, judge as judge_readings, mention_ended_mutes, trend};
use crate::ledger::{Hanging, Incident, Notes};

/// One subject with its rows.
pub(super) struct Judged {
    /// None: the account.
    pub instance: Option<Instance>,
    pub snapshot: Snapshot,
    /// Only of the account.
    pub hanging: Hanging,
    /// The faults of what could not be read.
    pub faults: Vec<Fault>,
    /// What CloudWatch counted in the window is not known, or not all of it.
    pub lacks_metrics: bool,
    pub book: Book,
    /// What this run leaves to the next one.
    pub notes: Notes,
}

/// Judges the readings of one subject, with what was foretold, told and asked for before.
pub(super) fn judge(run: &Context<'_>, measured: Measured, requests: &Requests) -> Judged {
    let Measured { instance, readings, book, mut notes, faults: passed_over } = measured;
    let config = &run.app.config;
    let mut faults: Vec<Fault> = book.fault().cloned().into_iter().collect();
    faults.extend(readings.iter().flat_map(|reading| reading.faults().cloned()).chain(passed_over));
    let lacks_metrics = faults.iter().any(|fault| fault.operation == "cloudwatch:GetMetricData");
    let ended = ended_mutes(&readings, &config.overrides, instance.as_ref(), run.now);
    let mut rows = judge_readings(readings, run.thresholds, &config.overrides, instance.as_ref(), run.now);
    let told = book.told();
    let known = |key: &str| told.and_then(|incidents| incidents.get(key));
    let is_told = |key: &str| known(key).is_some_and(Incident::is_violation_told);
    doubt_what_was_measured(&mut rows, |key| is_told(key) || notes.measured.contains_key(key));
    notes.note_measured(&rows, day_of(run.now));
    mention_ended_mutes(&mut rows, &ended, is_told);
    requests.note(&mut rows, instance.as_ref());
    let is_foretold = |key: &str| known(key).is_some_and(|i| i.forecast.is_some());
    trend::foretell(&mut rows, &notes.history, is_foretold, run.now, config.forecast_days);
    notes.history.note(&rows, day_of(run.now));
    let snapshot = snapshot_of(run, instance.as_ref(), rows);
    Judged { snapshot, hanging: Hanging::default(), instance, faults, lacks_metrics, book, notes }
}

pub(super) fn snapshot_of(run: &Context<'_>, instance: Option<&Instance>, rows: Vec<Metric>) -> Snapshot {
    let subject = instance.map_or(Subject::Account, Subject::Instance);
    Snapshot::new(&run.account, subject, &run.execution_id, run.now, rows)
}
