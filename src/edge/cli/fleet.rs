//! `connect-quota-monitor fleet`: the fleet as the hub's last digest saw it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table};

use super::end::{fail, printed, put};
use super::stored::{self, Place};
use crate::answer::fleet_page;
use crate::domain::label;
use crate::fleet::report::{FleetReport, Row};
use crate::say::plain;

/// The longest name or reason: other people's text must not fill the terminal, nor steer it.
const LONGEST: usize = 200;

#[derive(Args)]
pub(super) struct FleetArgs {
    /// A file, `s3://BUCKET/KEY`, or `latest`: the newest in S3_BUCKET
    #[arg(long, value_name = "FILE|s3://BUCKET/KEY|latest", default_value = "latest")]
    from: String,
    /// AWS Region, for S3 [default: from the environment or the profile]
    #[arg(long)]
    region: Option<String>,
    /// Named profile of the AWS configuration files, for S3
    #[arg(long)]
    profile: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Write to this file instead of printing
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Show cells that are not measured too: no instance, not offered, not opted in, denied by policy
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
    Html,
}

pub(super) async fn main(args: &FleetArgs, lookup: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let place = Place { region: args.region.as_deref(), profile: args.profile.as_deref(), lookup };
    let text = match stored::fleet(&args.from, &place).await {
        Ok(text) => text,
        Err(why) => return fail("ReportError", &why),
    };
    let report = match FleetReport::parse(&text) {
        Ok(report) => report,
        Err(why) => return fail("ReportError", &format!("{}: {why}", args.from)),
    };
    let no_color = lookup("NO_COLOR").is_some() || args.file.is_some();
    let printable = match args.output {
        Output::Table => table(&report, args.all, no_color),
        Output::Json => format!("{}\n", text.trim_end()),
        Output::Html => fleet_page::render(&report, |_| None),
    };
    printed(put(args.file.as_deref(), &printable), report.exit_code())
}

fn table(report: &FleetReport, all: bool, no_color: bool) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if no_color {
        table.force_no_tty();
    }
    table.set_header(["Account", "Region", "State", "Used", "Over", "Unknown", "Instances", "Fullest or why"]);
    for row in report.matrix.iter().filter(|row| all || row.measured) {
        let number = |n: Option<usize>| {
            let text = n.map_or_else(|| "-".to_owned(), |n| n.to_string());
            Cell::new(text).set_alignment(CellAlignment::Right)
        };
        let used = row.max_utilization.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1}%"));
        table.add_row(vec![
            Cell::new(plain(&label(&row.account_id, row.account_name.as_deref()), LONGEST)),
            Cell::new(plain(&row.region, LONGEST)),
            state(row),
            Cell::new(used).set_alignment(CellAlignment::Right),
            number(row.violations),
            number(row.unknown),
            number(row.instances),
            Cell::new(why(row)),
        ]);
    }
    let mut text = format!("{table}\n{}\n", report.summary());
    for note in &report.notes {
        let _ = writeln!(text, "{}", plain(note, LONGEST * 3));
    }
    for pair in &report.pairs {
        for lower in &pair.lower {
            let _ = writeln!(
                text,
                "Replica {}: {} is {} in {} and {} in {}",
                plain(pair.name(), LONGEST),
                plain(&lower.quota_name, LONGEST),
                lower.limit,
                plain(&lower.region, LONGEST),
                lower.other_limit,
                plain(&lower.other_region, LONGEST)
            );
        }
    }
    let hidden = report.matrix.iter().filter(|row| !row.measured).count();
    if hidden > 0 && !all {
        let _ = writeln!(text, "{hidden} cells are not measured and hidden; --all shows them.");
    }
    let _ = writeln!(text, "As of {}, hub {}.", plain(&report.started_at, LONGEST), plain(&report.hub(), LONGEST));
    text
}

fn state(row: &Row) -> Cell {
    let cell = Cell::new(row.state.as_str());
    if row.is_unseen() {
        cell.fg(Color::Magenta)
    } else if row.violations.is_some_and(|n| n > 0) {
        cell.fg(Color::Red)
    } else {
        cell
    }
}

fn why(row: &Row) -> String {
    if row.is_unseen() || !row.measured {
        let old = row.seen_at.as_deref().map(|at| format!("; numbers of {at}")).unwrap_or_default();
        let reason =
            row.reason.as_deref().map_or_else(|| row.state.in_words().to_owned(), |reason| plain(reason, LONGEST));
        return format!("{reason}{old}");
    }
    row.worst.as_ref().map_or_else(String::new, |worst| {
        let place = worst.instance.as_deref().map(|name| format!(" in {}", plain(name, LONGEST))).unwrap_or_default();
        format!("{}{place}", plain(&worst.quota_name, LONGEST))
    })
}
