//! How the command ends.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::aws::SdkConfig;
use crate::config::ConfigError;
use crate::run::error::RunError;
use crate::say::plain;

/// The longest line of a message.
const LONGEST: usize = 4_000;

pub(super) fn printed(result: io::Result<()>, code: u8) -> ExitCode {
    match result {
        Ok(()) => ExitCode::from(code),
        // `| head` has seen enough: that is no failure of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
        Err(error) => fail("OutputError", &error.to_string()),
    }
}

pub(super) fn fail(kind: &str, message: &str) -> ExitCode {
    // Other people's text must not steer the terminal.
    let message = message.lines().map(|line| plain(line, LONGEST)).collect::<Vec<_>>().join("\n");
    let _ = writeln!(io::stderr(), "connect-quota-monitor: {kind}: {message}");
    ExitCode::from(3)
}

pub(super) fn in_a_region(sdk: SdkConfig) -> Result<SdkConfig, RunError> {
    if sdk.region().is_none() {
        let why = "no AWS Region: give --region, or set AWS_REGION, or a region in the profile".to_owned();
        return Err(RunError::Config(ConfigError(vec![why])));
    }
    Ok(sdk)
}
