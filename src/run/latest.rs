//! The report of the latest run, with every row, and its page: always the newest, in the bucket.

use super::context::Context;
use super::throttled;
use crate::answer::changed::Changed;
use crate::answer::stored::StoredReport;
use crate::answer::{Report, compare, page};
use crate::aws::object;
use crate::domain::{Fault, FaultKind, FaultRecord, console};

const REPORT: &str = "report.json";
/// More than a report of the bucket has.
const MOST_BYTES: i64 = 8_000_000;

/// Adds what only this report has: what changed since the one that it replaces, and whom the watches see rejected.
/// What cannot be read is a fault of the report. Where nothing was looked at, nothing is read: that is to cost nothing.
pub(super) async fn complete(run: &Context<'_>, report: &mut Report) {
    if report.account.metrics.is_none() && report.instances.iter().all(|i| i.seen.metrics.is_none()) {
        return;
    }
    let (changed, rejected) = tokio::join!(changed(run, report), throttled::callers(run));
    let mut faults = Vec::new();
    match changed {
        Ok(changed) => report.changed = changed,
        Err(fault) => faults.push(fault),
    }
    match rejected {
        Ok(rejected) => report.throttled = rejected,
        Err(fault) => faults.push(fault),
    }
    report.faults.extend(faults.iter().map(FaultRecord::from));
}

async fn changed(run: &Context<'_>, report: &Report) -> Result<Option<Changed>, Fault> {
    let key = console::latest(&run.owner.account_id, &run.owner.region, REPORT);
    let Some((before, _)) = run.sinks.stores.object(&key, MOST_BYTES).await? else { return Ok(None) };
    // Whatever stands there is replaced: what cannot be compared is told once.
    let unlike =
        |why: String| Fault::new(object::OPERATION, FaultKind::BadResponse, format!("the latest report before: {why}"));
    compare::compare(&before, report).map(Some).map_err(unlike)
}

/// The report as it is kept, with every row that the run has of it.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn text(report: &Report) -> Result<String, Fault> {
    serde_json::to_string(report).map_err(|e| bad(&e.to_string()))
}

/// Writes the report and its page; a page without its report would be read as the newer one. Of a large fleet the pages
/// of the instances come before the page that leads to them.
///
/// # Errors
/// The first write that failed.
pub(super) async fn keep(run: &Context<'_>, text: String) -> Result<(), Fault> {
    // No rows at all, of a run that found nothing to look at, are a report too.
    let mut report = StoredReport::parse(text).map_err(|why| bad(&why))?;
    let stores = &run.sinks.stores;
    let put = async |name: &str, kind: &str, body| stores.put_latest(&run.owner, name, kind, body).await;
    put(REPORT, "application/json", std::mem::take(&mut report.text)).await?;
    let pages = page::Pages::of(&report, page::FOLDER, "index.html");
    for (name, page) in pages.parts() {
        put(&format!("{}/{name}", page::FOLDER), HTML, page).await?;
    }
    put("index.html", HTML, pages.index()).await
}

const HTML: &str = "text/html; charset=utf-8";

fn bad(why: &str) -> Fault {
    Fault::new("s3:PutObject", FaultKind::Invalid, format!("the latest report: {why}"))
}
