//! How the command ends.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::aws::{self, SdkConfig};
use crate::config::ConfigError;
use crate::run::error::RunError;
use crate::say::plain;

/// The longest line of a message.
pub(super) const LONGEST: usize = 4_000;

/// What most commands print.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

/// Whose credentials are used, and where.
#[derive(Args)]
pub(super) struct Whose {
    /// AWS Region [default: from the environment or the profile]
    #[arg(long)]
    pub region: Option<String>,
    /// Named profile of the AWS configuration files
    #[arg(long)]
    pub profile: Option<String>,
}

impl Whose {
    pub(super) async fn sdk(&self) -> SdkConfig {
        aws::ambient(self.region.clone(), self.profile.clone()).await
    }
}

/// Prints a value as JSON that a person can read.
pub(super) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Prints a text, or writes it into the file, which an error then names.
pub(super) fn put(file: Option<&Path>, text: &str) -> io::Result<()> {
    match file {
        None => io::stdout().lock().write_all(text.as_bytes()),
        Some(file) => fs::write(file, text)
            .map_err(|error| io::Error::new(error.kind(), format!("-o {}: {error}", file.display()))),
    }
}

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
