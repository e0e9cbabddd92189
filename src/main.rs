//! Wiring only: under Lambda's Runtime API this is the function's handler, elsewhere a command.

use std::env;
use std::process::ExitCode;

use connect_quota_monitor::aws::cells::Cells;
use connect_quota_monitor::aws::organizations::Organization;
use connect_quota_monitor::aws::{self, Aws};
use connect_quota_monitor::edge::{cli, lambda, logging};
use connect_quota_monitor::run::App;
use connect_quota_monitor::run::error::RunError;
use connect_quota_monitor::run::sinks::Sinks;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lookup = |name: &str| env::var(name).ok();
    if lookup("AWS_LAMBDA_RUNTIME_API").is_none() {
        return cli::main(lookup).await;
    }
    logging::for_lambda(lookup);
    lambda::report_panics();
    match function(lookup).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The Lambda function: everything is read and built once, before the first invocation.
async fn function(lookup: impl Fn(&str) -> Option<String>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let sdk = aws::ambient(None, None).await;
    let config = match aws::reference::configuration(&sdk, &lookup).await {
        Ok(config) => config,
        Err(bad) => {
            let error = RunError::Config(bad);
            lambda::report_init_error(&error).await?;
            return Err(format!("{}: {error}", error.error_type()).into());
        }
    };
    let sinks = Sinks::new(&sdk, &config, aws::has_own_s3_endpoint(&lookup));
    let mut app = App::new(config.clone(), Aws::new(&sdk, &config), sinks);
    app.cells = Cells::of(&sdk, &config);
    app.organization = app.cells.is_some().then(|| Organization::of(&sdk));
    app.metrics_log = lambda::metrics_log(&config, lookup("AWS_LAMBDA_FUNCTION_NAME"));
    lambda::serve(app).await
}
