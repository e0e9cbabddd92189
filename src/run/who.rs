//! Stage "who": of API rates that are over their thresholds, who was throttled and who made the calls.
//!
//! It asks only where there is something to tell: of the three worst rates of a run, the watches' documents in the
//! table and CloudTrail's event history. What cannot be read is said in the row, and fails nothing else.

use std::cmp::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::context::Context;
use super::judge::Judged;
use super::watch_documents::{Documents, index_of, start_of};
use super::watch_look::said;
use crate::catalogue::{self, Category};
use crate::domain::{Fault, FaultKind, Metric};
use crate::watch::index::{Index, Throttled};
use crate::watch::look::Span;
use crate::watch::state::State;
use crate::watch::table::{THROTTLED, WATCHES};
use crate::watch::words::key_start;

/// Rates of one run that are asked about, the worst first.
const MOST_RATES: usize = 3;
/// So much of a run's time all looks together may take.
const TIME: Duration = Duration::from_secs(30);
/// STS may not be reachable from a VPC. One attempt that hangs is given up after fifteen seconds.
const IDENTITY: Duration = Duration::from_secs(20);
/// Documents that are read for one operation.
const MOST_DOCUMENTS: usize = 20;

/// Writes into the rows of violated rates who called.
pub(super) async fn name_callers(run: &Context<'_>, judged: &mut Judged, window: Span) -> Vec<Fault> {
    let mut faults = Vec::new();
    // A dry run reads nothing that runs wrote.
    let has_documents = run.sinks.stores.has_documents() && !run.dry_run;
    if judged.instance.is_some() || !(run.app.config.watches.lookup || has_documents) {
        return faults;
    }
    let mut rates: Vec<(&mut Metric, &str)> = judged.snapshot.metrics.iter_mut().filter_map(rate).collect();
    rates.sort_by(|(a, _), (b, _)| b.utilization.partial_cmp(&a.utilization).unwrap_or(Ordering::Equal));
    rates.truncate(MOST_RATES);
    if rates.is_empty() {
        return faults;
    }
    let documents = Documents { sinks: &run.sinks, now: run.now.as_second() };
    let mut index = Index::default();
    if has_documents {
        match documents.read::<Index>(&index_of(&run.owner)).await {
            Ok(found) => index = found.map(|(index, _)| index).unwrap_or_default(),
            Err(fault) => faults.push(fault),
        }
    }
    let end = run.deadline.min(Instant::now() + TIME);
    let role = if run.app.config.watches.lookup { role(run, end).await } else { Ok(None) };
    let role = role.unwrap_or_else(|fault| {
        faults.push(fault);
        None
    });
    for (metric, operation) in rates {
        let mut said_of = Vec::new();
        let of = (metric.service_code.as_str(), operation);
        match throttled(run, &documents, &index, of, window).await {
            Ok(sentence) => said_of.extend(sentence),
            Err(fault) => {
                said_of.push(format!("whether {operation} was throttled is not known: {}", fault.message));
                faults.push(fault);
            }
        }
        if let Some(span) = busiest(metric).filter(|_| run.app.config.watches.lookup) {
            let looked = run.app.who_called(of, span, role.as_deref(), end).await;
            said_of.push(said(operation, &looked));
            faults.extend(looked.err());
        }
        metric.callers = Some(said_of.join("; ")).filter(|text| !text.is_empty());
    }
    faults
}

/// A row that says that an API rate is over its threshold, with the operation.
fn rate(metric: &mut Metric) -> Option<(&mut Metric, &'static str)> {
    if !metric.is_violation() || metric.category != Category::ApiRates.as_str() {
        return None;
    }
    let operation = catalogue::find(metric.key())?.operation()?;
    Some((metric, operation))
}

/// The busiest minute and those beside it.
fn busiest(metric: &Metric) -> Option<Span> {
    let at = metric.peak_at.as_deref()?.parse::<Timestamp>().ok()?.as_second();
    Some((at - 60, at + 120))
}

/// The name of the monitor's role: its own calls are named as such.
async fn role(run: &Context<'_>, end: Instant) -> Result<Option<String>, Fault> {
    let asked = run.app.aws.identity(end.min(Instant::now() + IDENTITY));
    match run.app.identity.get_or_try_init(|| asked).await {
        Ok(identity) => Ok(identity.role.clone()),
        Err(fault) if fault.kind == FaultKind::Deadline && Instant::now() < end => {
            Err(Fault { kind: FaultKind::Timeout, ..fault })
        }
        Err(fault) => Err(fault),
    }
}

/// What the watches counted of an operation in this run's window.
async fn throttled(
    run: &Context<'_>,
    documents: &Documents<'_>,
    index: &Index,
    (service, operation): (&str, &str),
    window: Span,
) -> Result<Option<String>, Fault> {
    let watch = &WATCHES[THROTTLED];
    let key = key_start(service, operation);
    let start = format!("{}{}#{key}", start_of(&run.owner), watch.name);
    let mut throttled = Throttled::default();
    for subject in index.open.iter().filter(|subject| subject.starts_with(&start)).take(MOST_DOCUMENTS) {
        if let Some((state, _)) = documents.read::<State>(subject).await? {
            throttled.add(&state, window);
        }
    }
    for over in
        index.over.iter().filter(|over| over.watch == watch.name && key_start(&over.service, &over.operation) == key)
    {
        throttled.add_over(over, window);
    }
    Ok(throttled.sentence())
}
