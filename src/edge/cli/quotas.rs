//! `connect-quota-monitor quotas`: what the monitor measures and what it cannot, without calling AWS.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};

use super::end::{fail, printed};
use crate::answer::coverage;

#[derive(Args)]
pub(super) struct Quotas {
    /// Only quotas of this service code, such as connect or cases
    #[arg(long)]
    service: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Table,
    Json,
    /// The text of docs/COVERAGE.md
    Markdown,
}

/// Prints the catalogue, or that it has no such service.
pub(super) fn main(args: &Quotas) -> ExitCode {
    let known: BTreeSet<&str> = coverage::rows().iter().map(|row| row.service_code).collect();
    match &args.service {
        Some(service) if !known.contains(service.as_str()) => {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            fail("ArgumentError", &format!("--service {service}: the catalogue has no such service; it has {known}"))
        }
        _ => printed(print(args), 0),
    }
}

fn print(args: &Quotas) -> io::Result<()> {
    let mut rows = coverage::rows();
    if let Some(service) = &args.service {
        rows.retain(|row| row.service_code == service);
    }
    let mut out = io::stdout().lock();
    match args.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &rows)?;
            writeln!(out)
        }
        Output::Markdown => write!(out, "{}", coverage::markdown()),
        Output::Table => {
            let mut table = Table::new();
            table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(["CODE", "QUOTA", "SERVICE", "SCOPE", "IMPACT", "MEASURED BY"]);
            for row in &rows {
                let how = row.why_not.map_or_else(|| row.how.clone(), |why| format!("not measurable: {why}"));
                table.add_row([row.quota_code, row.quota_name, row.service_code, row.scope, row.impact, &how]);
            }
            writeln!(out, "{table}")?;
            let measured = rows.iter().filter(|row| row.measured).count();
            writeln!(out, "\n{} quotas: {measured} measured, {} limit only", rows.len(), rows.len() - measured)
        }
    }
}
