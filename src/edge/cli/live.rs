//! A measurement with the caller's own credentials, and how far it is.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::answer::stored::StoredReport;
use crate::aws::{Aws, SdkConfig};
use crate::config::Config;
use crate::domain::request::Request;
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::run::{App, Moment};

/// One run; the answer has every row.
///
/// # Errors
/// Those of the run.
pub(super) async fn measure(
    sdk: &SdkConfig,
    config: &Config,
    has_own_s3_endpoint: bool,
    request: &Request,
) -> Result<StoredReport, RunError> {
    let sinks = Sinks::new(sdk, config, has_own_s3_endpoint);
    let mut app = App::new(config.clone(), Aws::new(sdk, config), sinks);
    app.with_metrics = true;
    let app = Arc::new(app);
    let bar = watch(Arc::clone(&app));
    let day = Duration::from_secs(24 * 3600);
    let result = app.run(request, Moment::within(Timestamp::now(), day)).await;
    bar.finish_and_clear();
    let text = serde_json::to_string_pretty(&result?);
    let text = text.map_err(|error| RunError::Sink(format!("the answer cannot be written: {error}")))?;
    StoredReport::parse(text).map_err(|why| RunError::Sink(format!("the answer cannot be rendered: {why}")))
}

/// A progress bar over Connect's calls, which are what takes time. Nothing where stderr is no terminal.
#[must_use]
pub fn watch(app: Arc<App>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{spinner} {bar:32} {pos}/{len} Connect calls, {msg} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let shown = bar.clone();
    tokio::spawn(async move {
        let before = app.aws.connect.caller().stats().requests;
        while !shown.is_finished() {
            let progress = &app.progress;
            let made = app.aws.connect.caller().stats().requests - before;
            let planned = progress.planned_calls.load(Ordering::Relaxed) as u64;
            shown.set_length(planned.max(made));
            shown.set_position(made);
            shown.set_message(format!(
                "{} of {} instances",
                progress.measured.load(Ordering::Relaxed),
                progress.instances.load(Ordering::Relaxed)
            ));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    bar
}
