//! The Lambda side: an invocation in, a report or a typed error out.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use lambda_runtime_api_client::Client;
use lambda_runtime_api_client::body::Body;
use serde_json::{Value, json};
use tracing::{error, warn};

use crate::app::{App, MetricsLog, Moment};
use crate::config::{Config, RunMetrics};
use crate::error::RunError;
use crate::event::Request;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
    answer(app, &event).await.map_err(|e| {
        error!(error_type = e.error_type(), "{e}");
        Diagnostic { error_type: e.error_type().to_owned(), error_message: e.to_string() }
    })
}

async fn answer(app: &App, event: &LambdaEvent<Value>) -> Result<Value, RunError> {
    let request = Request::from_payload(&event.payload)?;
    let moment = moment(&event.context);
    if request.test_alert {
        return app.test_alert(moment).await;
    }
    if request.remove_api_alarms {
        return app.remove_alarms(request.dry_run, moment.deadline).await;
    }
    let report = app.run(&request, moment).await?;
    serde_json::to_value(report).map_err(|e| RunError::Sink(format!("the answer cannot be written: {e}")))
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
    let body = json!({ "errorType": why.error_type(), "errorMessage": why.to_string(), "stackTrace": [] });
    let request = http::Request::post("/2018-06-01/runtime/init/error")
        .header("content-type", "application/json")
        .header("lambda-runtime-function-error-type", why.error_type())
        .body(Body::from(body.to_string()))?;
    Client::builder().build()?.call(request).await?;
    Ok(())
}
