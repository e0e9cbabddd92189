//! `connect-quota-monitor doctor`: is everything in place? It changes nothing.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::end::{Output, Whose, fail, in_a_region, printed};
use crate::answer::doctor::{Check, Findings, State};
use crate::aws::{self, Aws};
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::run::{App, Moment};

/// Visits of single resources that tell whether they are permitted.
const VISITS: u32 = 40;

#[derive(Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    whose: Whose,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Also write the findings to this file, without names, ids or numbers of accounts, for a bug report
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(super) async fn main(args: &DoctorArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let findings = match examine(args, lookup).await {
        Ok(findings) => findings,
        Err(error) => Findings(vec![Check::new("configuration", State::Broken, error.to_string())]),
    };
    if let Some(file) = &args.report {
        let text = format!("{:#}\n", findings.without_names(env!("CARGO_PKG_VERSION")));
        if let Err(error) = fs::write(file, text) {
            return fail("OutputError", &format!("{} cannot be written: {error}", file.display()));
        }
    }
    let mut out = io::stdout().lock();
    let result = match args.output {
        Output::Json => writeln!(out, "{:#}", findings.document()),
        Output::Table => write!(out, "{}", findings.text()),
    };
    printed(result, if findings.is_broken() { 2 } else { 0 })
}

async fn examine(args: &DoctorArgs, lookup: &impl Fn(&str) -> Option<String>) -> Result<Findings, RunError> {
    let sdk = args.whose.sdk().await;
    let mut config = aws::reference::configuration(&sdk, lookup).await?;
    let sdk = in_a_region(sdk)?;
    config.detail_calls = config.detail_calls.min(VISITS);
    (config.alarms.apis, config.alarms.instances) = (false, false);
    (config.auto_request_increase, config.auto_escalate_requests) = (false, false);
    let sinks = Sinks::new(&sdk, &config, aws::has_own_s3_endpoint(lookup));
    let app = App::new(config.clone(), Aws::new(&sdk, &config), sinks);
    let moment = Moment::within(Timestamp::now(), Duration::from_secs(3600));
    Ok(app.doctor(moment).await)
}
