//! `connect-quota-monitor evidence`: what to paste into a request for a higher limit, from a stored report.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::end::{Whose, fail, printed};
use super::stored::{self, Place};
use crate::answer::evidence::{advised, block};
use crate::answer::stored::{Placed, StoredReport};
use crate::config::overrides::find_quota;
use crate::domain::NO_CODE;

#[derive(Args)]
pub(super) struct EvidenceArgs {
    /// Code or exact name of the quota [default: every one whose increase the report advises]
    #[arg(long, value_name = "CODE-OR-NAME")]
    quota: Option<String>,
    /// Id or alias of the instance, or `account` [default: all]
    #[arg(long, value_name = "ID-OR-ALIAS")]
    instance: Option<String>,
    /// The stored answer
    #[arg(long, value_name = "FILE|s3://BUCKET/KEY|latest", default_value = "latest")]
    from: String,
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn main(args: &EvidenceArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let quota = match args.quota.as_deref().map(find_quota).transpose() {
        Ok(quota) => quota.map(|id| if id.code == NO_CODE { id.name } else { id.code }),
        Err(why) => return fail("ArgumentError", &why),
    };
    let place = Place { region: args.whose.region.as_deref(), profile: args.whose.profile.as_deref(), lookup };
    let report = match stored::read(&args.from, &place).await {
        Ok(report) => report,
        Err(why) => return fail("InputError", &why),
    };
    match blocks(args, quota.as_deref(), &report) {
        Ok(blocks) => printed(writeln!(io::stdout().lock(), "{}", blocks.join("\n").trim_end()), 0),
        Err(why) => fail("ArgumentError", &why),
    }
}

fn blocks(args: &EvidenceArgs, quota: Option<&str>, report: &StoredReport) -> Result<Vec<String>, String> {
    let is_wanted = |placed: &Placed<'_>| {
        let names = placed.instance.map_or(["account", "account"], |i| [i.instance_id.as_str(), i.name()]);
        args.instance.as_deref().is_none_or(|wanted| names.contains(&wanted))
    };
    let rows: Vec<Placed<'_>> = match quota {
        Some(key) => report.rows().filter(|placed| placed.row.key() == key).filter(is_wanted).collect(),
        None => advised(report).filter(is_wanted).collect(),
    };
    let of = args.instance.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
    match (rows.is_empty(), quota) {
        (true, None) => Ok(vec![format!("The report of {} advises no increase{of}.", report.started_at)]),
        (true, Some(key)) => Err(format!("{}: it has no row of {key}{of}", args.from)),
        (false, _) => {
            let blocks: Vec<String> = rows.iter().filter_map(|placed| block(report, *placed)).collect();
            if blocks.is_empty() {
                let what = format!("its usage or its limit is not known in the report of {}", report.started_at);
                return Err(format!("{}: {what}", quota.unwrap_or_default()));
            }
            Ok(blocks)
        }
    }
}
