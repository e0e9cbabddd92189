//! The report of the latest run, with every row, and its page: always the newest, in the bucket.

use super::context::Context;
use crate::answer::stored::StoredReport;
use crate::answer::{Report, page};
use crate::domain::{Fault, FaultKind};

/// The report as it is kept, with every row that the run has of it.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn text(report: &Report) -> Result<String, Fault> {
    serde_json::to_string(report).map_err(|e| bad(&e.to_string()))
}

/// Writes the report and its page; a page without its report would be read as the newer one.
///
/// # Errors
/// The first write that failed.
pub(super) async fn keep(run: &Context<'_>, text: String) -> Result<(), Fault> {
    let (text, page) = {
        // No rows at all, of a run that found nothing to look at, are a report too.
        let mut stored = StoredReport::parse(text).map_err(|why| bad(&why))?;
        let page = page::render(&stored);
        (std::mem::take(&mut stored.text), page)
    };
    let stores = &run.sinks.stores;
    stores.put_latest(&run.owner, "report.json", "application/json", text).await?;
    stores.put_latest(&run.owner, "index.html", "text/html; charset=utf-8", page).await
}

fn bad(why: &str) -> Fault {
    Fault::new("s3:PutObject", FaultKind::Invalid, format!("the latest report: {why}"))
}
