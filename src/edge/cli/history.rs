//! `connect-quota-monitor history`: the days that the stores remember. Nothing is measured.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::end::{Output, Whose, fail, in_a_region, print_json, printed};
use crate::answer::history::{QuotaHistory, text};
use crate::aws::{self, Aws};
use crate::config::overrides::find_quota;
use crate::domain::NO_CODE;
use crate::run::error::RunError;
use crate::run::history::Wanted;
use crate::run::sinks::Sinks;
use crate::run::{App, Moment};

/// Without a quota the fastest growing ones are shown, so many.
const FASTEST: usize = 10;

#[derive(Args)]
pub(super) struct HistoryArgs {
    /// Code or exact name of the quota [default: the ten that grow fastest]
    #[arg(long, value_name = "CODE-OR-NAME")]
    quota: Option<String>,
    /// Id or alias of the instance, or `account` [default: all]
    #[arg(long, value_name = "ID-OR-ALIAS")]
    instance: Option<String>,
    /// So many days back, today included; at most 31 are remembered
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=31))]
    days: u32,
    #[command(flatten)]
    whose: Whose,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(super) async fn main(args: &HistoryArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let quota = match args.quota.as_deref().map(find_quota).transpose() {
        Ok(quota) => quota.map(|id| if id.code == NO_CODE { id.name } else { id.code }),
        Err(why) => return fail("ArgumentError", &why),
    };
    let rows = match remembered(args, quota, lookup).await {
        Ok(rows) => rows,
        Err(error) => return fail(error.error_type(), &error.to_string()),
    };
    let result = match args.output {
        Output::Json => print_json(&rows),
        Output::Table if rows.is_empty() => {
            writeln!(
                io::stdout().lock(),
                "Nothing is remembered of it. A quota is remembered from 10 % of its limit on."
            )
        }
        Output::Table => write!(io::stdout().lock(), "{}", text(&rows)),
    };
    printed(result, 0)
}

async fn remembered(
    args: &HistoryArgs,
    quota: Option<String>,
    lookup: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<QuotaHistory>, RunError> {
    let sdk = args.whose.sdk().await;
    let config = aws::reference::configuration(&sdk, lookup).await?;
    let sdk = in_a_region(sdk)?;
    let sinks = Sinks::new(&sdk, &config, aws::has_own_s3_endpoint(lookup));
    let app = App::new(config.clone(), Aws::new(&sdk, &config), sinks);
    let is_of_all = quota.is_none();
    let wanted = Wanted { quota, instance: args.instance.clone(), days: args.days };
    let moment = Moment::within(Timestamp::now(), Duration::from_secs(600));
    let mut rows = app.history(&wanted, moment).await?;
    if is_of_all {
        rows.truncate(FASTEST);
    }
    Ok(rows)
}
