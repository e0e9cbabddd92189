//! `connect-quota-monitor evidence`: what to paste into a request for a higher limit, from a stored report.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::end::{Whose, fail, printed};
use super::stored::{self, Place};
use crate::answer::evidence::{advised, block, scope_of};
use crate::answer::stored::{Placed, StoredInstance, StoredReport, Subject};
use crate::config::overrides::find_quota;
use crate::domain::{NO_CODE, Scope};

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
    let left_out = left_out(args, quota.as_deref(), &report);
    let print = |blocks: Vec<String>| printed(writeln!(io::stdout().lock(), "{}", blocks.join("\n").trim_end()), 0);
    match (blocks(args, quota.as_deref(), &report), left_out) {
        (Ok(found), None) => print(found),
        // What there is, and that it is not all.
        (Ok(found), Some(why)) => {
            if quota.is_some() || advised(&report).any(|placed| is_wanted(args, placed.instance)) {
                print(found);
            }
            fail("InputError", &why)
        }
        (Err(why), None) => fail("ArgumentError", &why),
        (Err(why), Some(more)) => fail("InputError", &format!("{why}; {more}")),
    }
}

/// Says which instances may need more and have no rows in the report.
fn left_out(args: &EvidenceArgs, quota: Option<&str>, report: &StoredReport) -> Option<String> {
    let scope = quota.and_then(scope_of);
    let is_concerned = |instance: Option<&StoredInstance>| match scope {
        Some(Scope::Account) => instance.is_none(),
        Some(Scope::Instance) => instance.is_some(),
        Some(Scope::Resource) | None => true,
    };
    let is_left_out = |seen: &Subject| {
        let count = if quota.is_some() { seen.metrics_count } else { seen.violations_count };
        seen.metrics.is_none() && count > 0
    };
    let names: Vec<String> = report
        .subjects()
        .filter(|(instance, seen)| is_left_out(seen) && is_concerned(*instance) && is_wanted(args, *instance))
        .map(|(instance, seen)| {
            let id = instance.map_or("account", |i| i.instance_id.as_str());
            format!("{id} ({} violations)", seen.violations_count)
        })
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: the rows of {} are not in this report: measure with `check --instance ID --output json -o FILE`, and \
             give that FILE with --from",
            args.from,
            names.join(", ")
        )
    })
}

fn is_wanted(args: &EvidenceArgs, instance: Option<&StoredInstance>) -> bool {
    let names = instance.map_or(["account", "account"], |i| [i.instance_id.as_str(), i.name()]);
    args.instance.as_deref().is_none_or(|wanted| names.contains(&wanted))
}

fn blocks(args: &EvidenceArgs, quota: Option<&str>, report: &StoredReport) -> Result<Vec<String>, String> {
    let is_wanted = |placed: &Placed<'_>| is_wanted(args, placed.instance);
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
