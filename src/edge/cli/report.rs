//! `connect-quota-monitor report`: a stored answer, rendered as `check` renders a new one.

use std::process::ExitCode;

use clap::Args;

use super::end::{fail, printed};
use super::outlet::{Form, Outlet};
use super::stored::{self, Place};

#[derive(Args)]
pub(super) struct ReportArgs {
    /// A file that `check --output json` wrote, `s3://BUCKET/KEY`, or `latest`: the newest in S3_BUCKET
    #[arg(long, value_name = "FILE|s3://BUCKET/KEY|latest")]
    from: String,
    /// AWS Region, for S3 [default: from the environment or the profile]
    #[arg(long)]
    region: Option<String>,
    /// Named profile of the AWS configuration files, for S3
    #[arg(long)]
    profile: Option<String>,
    #[command(flatten)]
    outlet: Outlet,
}

pub(super) async fn main(args: &ReportArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let place = Place { region: args.region.as_deref(), profile: args.profile.as_deref(), lookup };
    match stored::read(&args.from, &place).await {
        Ok(report) => {
            let form = Form { no_color: lookup("NO_COLOR").is_some() };
            printed(args.outlet.write(&report, &form), report.exit_code())
        }
        Err(why) => fail("ReportError", &why),
    }
}
