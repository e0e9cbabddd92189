//! The Lambda side: an invocation in, a report or a typed error out.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{process, thread};

use jiff::Timestamp;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use lambda_runtime_api_client::Client;
use lambda_runtime_api_client::body::Body;
use serde_json::{Value, json};
use tracing::{error, warn};

use crate::config::{Config, RunMetrics};
use crate::domain::request::Request;
use crate::run::error::RunError;
use crate::run::{App, MetricsLog, Moment};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The invocation under way, whose error a panic becomes.
static UNDER_WAY: Mutex<Option<String>> = Mutex::new(None);

/// Serves invocations until Lambda ends the process.
///
/// # Errors
/// Where the Runtime API cannot be spoken to.
pub async fn serve(app: App) -> Result<(), BoxError> {
    for warning in app.config.overrides.warnings(Timestamp::now()) {
        warn!("QUOTA_OVERRIDES: {warning}");
    }
    let app = Arc::new(app);
    let handler = service_fn(move |event: LambdaEvent<Value>| {
        let app = Arc::clone(&app);
        async move { handle(&app, event).await }
    });
    Runtime::new(handler).layer(MapRequestLayer::new(readable)).run().await
}

/// The function's log, where CloudWatch finds metrics; none where they are switched off.
#[must_use]
pub fn metrics_log(config: &Config, function: Option<String>) -> Option<MetricsLog> {
    let write = |line: &str| {
        // One write, so that no other line gets between. A closed log is no reason to fail a run.
        let _ = io::stdout().lock().write_all(format!("{line}\n").as_bytes());
    };
    (config.run_metrics != RunMetrics::Off).then(|| MetricsLog {
        function: function.filter(|name| !name.is_empty()).unwrap_or_else(|| "connect-quota-monitor".to_owned()),
        per_quota: config.run_metrics == RunMetrics::PerQuota,
        write,
    })
}

/// An invocation without a payload has an empty body, which is no JSON. One that is no JSON at all
/// becomes a JSON string, so that our own error names it.
fn readable(mut invocation: LambdaInvocation) -> LambdaInvocation {
    if invocation.body.trim_ascii().is_empty() {
        invocation.body = "null".into();
    } else if serde_json::from_slice::<serde::de::IgnoredAny>(&invocation.body).is_err() {
        invocation.body = "\"no JSON\"".into();
    }
    invocation
}

/// One invocation.
///
/// # Errors
/// The run's error, with its stable type.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    *under_way() = Some(event.context.request_id.clone());
    let outcome = answer(app, &event).await;
    *under_way() = None;
    outcome.map_err(|e| {
        error!(error_type = e.error_type(), "{e}");
        Diagnostic { error_type: e.error_type().to_owned(), error_message: e.to_string() }
    })
}

async fn answer(app: &App, event: &LambdaEvent<Value>) -> Result<Value, RunError> {
    let moment = moment(&event.context);
    match wake_up(&event.payload) {
        WakeUp::Batch => return Box::pin(app.watch_batch(&event.payload, moment)).await,
        WakeUp::Sweep => return Box::pin(app.watch_sweep(moment)).await,
        WakeUp::Run => {}
    }
    let request = Request::from_payload(&event.payload)?;
    if request.test_alert {
        return app.test_alert(moment).await;
    }
    if request.remove_api_alarms {
        return app.remove_alarms(request.dry_run, moment.deadline).await;
    }
    if let Some(task) = request.fleet {
        return app.fleet_task(task, request.dry_run, moment).await;
    }
    let report = app.run(&request, moment).await?;
    serde_json::to_value(report).map_err(|e| RunError::Sink(format!("the answer cannot be written: {e}")))
}

/// What an invocation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WakeUp {
    /// A batch of the watches' queue.
    Batch,
    /// What the watches told may be over.
    Sweep,
    Run,
}

fn wake_up(payload: &Value) -> WakeUp {
    let records = payload.get("Records").and_then(Value::as_array);
    let is_sqs = |record: &Value| record.get("eventSource").is_some_and(|source| source == "aws:sqs");
    if records.is_some_and(|records| !records.is_empty() && records.iter().all(is_sqs)) {
        WakeUp::Batch
    } else if *payload == json!({ "watch": "sweep" }) {
        WakeUp::Sweep
    } else {
        WakeUp::Run
    }
}

/// The invocation's time, as Lambda gives it.
fn moment(context: &Context) -> Moment {
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline);
    Moment::within(Timestamp::now(), end.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Tells Lambda why the function cannot start. Lambda fails the waiting invocation with this type.
///
/// # Errors
/// Where the Runtime API cannot be spoken to.
pub async fn report_init_error(why: &RunError) -> Result<(), BoxError> {
    report_error("init", why.error_type(), &why.to_string()).await
}

async fn report_error(of: &str, error_type: &str, message: &str) -> Result<(), BoxError> {
    let body = json!({ "errorType": error_type, "errorMessage": message, "stackTrace": [] });
    let request = http::Request::post(format!("/2018-06-01/runtime/{of}/error"))
        .header("content-type", "application/json")
        .header("lambda-runtime-function-error-type", error_type)
        .body(Body::from(body.to_string()))?;
    Client::builder().build()?.call(request).await?;
    Ok(())
}

fn under_way() -> MutexGuard<'static, Option<String>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a panic is logged, is the error of the invocation under way, and ends the process: the
/// next invocation finds a new one.
///
/// Nothing unwinds, because the tables for it would be a sixth of the package.
pub fn report_panics() {
    panic::set_hook(Box::new(|panic| {
        let message = last_words(panic);
        error!(error_type = PANIC, "{message}");
        let request_id = under_way().take();
        if let Some(id) = request_id {
            // On a thread and a runtime of their own: the panic may have come from within this one's.
            let _ = thread::spawn(move || report_panic(&id, &message)).join();
        }
        process::abort();
    }));
}

const PANIC: &str = "Panic";

/// Where it was, and the message if it is a literal: one with values in it may hold what AWS answered,
/// and with that the names of people.
fn last_words(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let what = panic.payload().downcast_ref::<&str>().map(|text| format!(": {text}")).unwrap_or_default();
    format!("the monitor panicked{place}{what}; this is a defect, please report it with this line")
}

fn report_panic(request_id: &str, message: &str) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let of = format!("invocation/{request_id}");
    let report = report_error(&of, PANIC, message);
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(2), report).await })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_and_sweeps_are_told_from_runs() {
        for (payload, what) in [
            (json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] }), WakeUp::Batch),
            (json!({ "Records": [{ "eventSource": "aws:s3" }] }), WakeUp::Run),
            (json!({ "Records": [] }), WakeUp::Run),
            (json!({ "watch": "sweep" }), WakeUp::Sweep),
            (json!({ "watch": "sweep", "dry_run": true }), WakeUp::Run),
            (json!({}), WakeUp::Run),
            (Value::Null, WakeUp::Run),
        ] {
            assert_eq!(wake_up(&payload), what, "{payload}");
        }
    }
}
