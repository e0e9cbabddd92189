//! `connect-quota-monitor diff`: what changed between two answers, or since a time by the store's snapshots.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::decode;
use super::end::{Output, Whose, fail, in_a_region, print_json, printed};
use crate::answer::diff::{Differences, Seen};
use crate::aws::{self, Aws};
use crate::run::error::RunError;
use crate::run::sinks::Sinks;
use crate::run::{App, Moment};

const DAY: i64 = 86_400;

#[derive(Args)]
pub(super) struct DiffArgs {
    /// An answer of `check --output json`
    #[arg(requires = "new")]
    old: Option<PathBuf>,
    /// A later one of the same account and Region
    new: Option<PathBuf>,
    /// Without files: compare the store's newest reports with those of so long ago, such as 90m, 24h or 7d
    /// [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = ago, conflicts_with = "old")]
    since: Option<i64>,
    #[command(flatten)]
    whose: Whose,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(super) async fn main(args: &DiffArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let found = match (&args.old, &args.new) {
        (Some(old), Some(new)) => {
            let read = read(old).and_then(|old| Ok((old, read(new)?)));
            match read.and_then(|(old, new)| Differences::between(&old, &new)) {
                Ok(found) => found,
                Err(why) => return fail("InputError", &why),
            }
        }
        _ => match since(args, lookup).await {
            Ok(found) => found,
            Err(error) => return fail(error.error_type(), &error.to_string()),
        },
    };
    let result = match args.output {
        Output::Json => print_json(&found),
        Output::Table => write!(io::stdout().lock(), "{}", found.text()),
    };
    printed(result, u8::from(found.is_worse()))
}

async fn since(args: &DiffArgs, lookup: &impl Fn(&str) -> Option<String>) -> Result<Differences, RunError> {
    let sdk = args.whose.sdk().await;
    let config = aws::reference::configuration(&sdk, lookup).await?;
    let sdk = in_a_region(sdk)?;
    let sinks = Sinks::new(&sdk, &config, aws::has_own_s3_endpoint(lookup));
    let app = App::new(config.clone(), Aws::new(&sdk, &config), sinks);
    app.since(args.since.unwrap_or(DAY), Moment::within(Timestamp::now(), Duration::from_secs(600))).await
}

/// Seconds of a time such as `90m`, `24h` or `7d`: from a minute to ten years.
fn ago(text: &str) -> Result<i64, String> {
    let seconds = || {
        let unit = text.chars().last()?;
        let each = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => DAY,
            _ => return None,
        };
        let number = text.strip_suffix(unit)?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let number: i64 = number.parse().ok().filter(|_| is_number)?;
        number.checked_mul(each).filter(|seconds| (60..=3_653 * DAY).contains(seconds))
    };
    seconds().ok_or_else(|| "expected a number with m, h or d, such as 90m, 24h or 7d".to_owned())
}

fn read(file: &Path) -> Result<Seen, String> {
    let bytes = fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    decode::text(bytes).and_then(|text| Seen::read(text.as_bytes())).map_err(|why| format!("{}: {why}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_minutes_hours_or_days() {
        for (text, seconds) in [("90m", 5_400), ("24h", DAY), ("7d", 7 * DAY), ("1m", 60)] {
            assert_eq!(ago(text), Ok(seconds));
        }
        for bad in ["", "h", "24", "0h", "-1h", "+1h", "1.5h", "1w", "24 h", "99999999999999999999d", "4000d", "1é"] {
            assert!(ago(bad).is_err(), "{bad}");
        }
    }
}
