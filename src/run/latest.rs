//! The report of the latest run, with every row, and its page: always the newest, in the bucket.

use super::context::Context;
use crate::answer::stored::StoredReport;
use crate::answer::{Report, page};
use crate::domain::{Fault, FaultKind};

/// Writes both; a page without its report would be read as the newer one.
///
/// # Errors
/// The first write that failed.
pub(super) async fn keep(run: &Context<'_>, report: &Report) -> Result<(), Fault> {
    let bad = |why: String| Fault::new("s3:PutObject", FaultKind::Invalid, format!("the latest report: {why}"));
    let text = serde_json::to_string(report).map_err(|e| bad(e.to_string()))?;
    // No rows at all, of a run that found nothing to look at, are a report too.
    let page = page::render(&StoredReport::parse(text.clone()).map_err(bad)?);
    let stores = &run.sinks.stores;
    stores.put_latest(&run.owner, "report.json", "application/json", text).await?;
    stores.put_latest(&run.owner, "index.html", "text/html; charset=utf-8", page).await
}
