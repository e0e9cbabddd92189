//! `connect-quota-monitor diff`: what changed between two answers. Calls no AWS.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::end::{Output, fail, print_json, printed};
use crate::answer::diff::{Differences, Seen};

#[derive(Args)]
pub(super) struct DiffArgs {
    /// An answer of `check --output json`
    old: PathBuf,
    /// A later one of the same account and Region
    new: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(super) fn main(args: &DiffArgs) -> ExitCode {
    let found = read(&args.old)
        .and_then(|old| Ok((old, read(&args.new)?)))
        .and_then(|(old, new)| Differences::between(&old, &new));
    let found = match found {
        Ok(found) => found,
        Err(why) => return fail("InputError", &why),
    };
    let result = match args.output {
        Output::Json => print_json(&found),
        Output::Table => write!(io::stdout().lock(), "{}", found.text()),
    };
    printed(result, u8::from(found.is_worse()))
}

fn read(file: &Path) -> Result<Seen, String> {
    let text = fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Seen::read(&text).map_err(|why| format!("{}: {why}", file.display()))
}
