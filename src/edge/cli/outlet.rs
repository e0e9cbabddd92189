//! In which form an answer leaves the command, and where to.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, ValueEnum};

use super::end::{LONGEST, put};
use super::table;
use crate::answer::stored::StoredReport;
use crate::answer::{csv, junit, markdown, page, prometheus};
use crate::say::plain;

const ONE_REGION: &str = "this --output holds one Region: use table, json, csv or markdown, or give one Region";

#[derive(Args)]
pub(super) struct Outlet {
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Write to this file instead of printing
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Show every row of the table, also those at 0 % and those that cannot be measured
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
    /// One page for a browser, with nothing to fetch
    Html,
    Csv,
    Markdown,
    /// Prometheus's text format
    Prometheus,
    /// JUnit XML, for pipelines
    Junit,
}

/// What the environment says about the look.
pub(super) struct Form {
    pub no_color: bool,
}

impl Outlet {
    /// Why several Regions cannot leave in this form: it is said before anything is measured.
    pub(super) fn refuses_several(&self) -> Option<&'static str> {
        matches!(self.output, Output::Html | Output::Prometheus | Output::Junit).then_some(ONE_REGION)
    }

    /// Prints the report, or writes it into the file.
    ///
    /// # Errors
    /// Those of writing; of a file they name it.
    pub(super) fn write(&self, report: &StoredReport, form: &Form) -> io::Result<()> {
        if let (Output::Html, Some(file)) = (self.output, &self.file) {
            return pages(report, file);
        }
        let no_color = form.no_color || self.file.is_some();
        let text = match self.output {
            Output::Table => table::render(report, self.all, no_color) + "\n",
            Output::Json => format!("{}\n", report.text.trim_end()),
            Output::Html => page::render(report),
            Output::Csv => csv::render(report),
            Output::Markdown => markdown::render(report),
            Output::Prometheus => prometheus::render(report),
            Output::Junit => junit::render(report),
        };
        put(self.file.as_deref(), &text)
    }

    /// Prints the reports of several Regions as one.
    ///
    /// # Errors
    /// As [`Self::write`], and a form that holds the report of one Region only.
    pub(super) fn write_cells(
        &self,
        reports: &[StoredReport],
        unseen: &[(String, String)],
        json: &str,
        form: &Form,
    ) -> io::Result<()> {
        let no_color = form.no_color || self.file.is_some();
        let text = match self.output {
            Output::Table => table::render_cells(reports, unseen, self.all, no_color) + "\n",
            Output::Json => format!("{json}\n"),
            Output::Csv => {
                // Its rows have no place for what has no row.
                for (region, why) in unseen {
                    let why = plain(why, LONGEST);
                    writeln!(io::stderr(), "connect-quota-monitor: {region} is not in the output: {why}")?;
                }
                let parts = reports.iter().enumerate().map(|(place, report)| {
                    let text = csv::render(report);
                    // One header for all.
                    if place == 0 {
                        text
                    } else {
                        text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned())
                    }
                });
                parts.collect()
            }
            Output::Markdown => {
                reports.iter().map(markdown::render).chain(markdown::unseen(unseen)).collect::<Vec<_>>().join("\n")
            }
            Output::Html | Output::Prometheus | Output::Junit if reports.len() == 1 && unseen.is_empty() => {
                return self.write(&reports[0], form);
            }
            Output::Html | Output::Prometheus | Output::Junit => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, ONE_REGION));
            }
        };
        put(self.file.as_deref(), &text)
    }
}

/// The page, and where there are many instances one for each, in a folder beside it.
fn pages(report: &StoredReport, file: &Path) -> io::Result<()> {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (folder, index) = (format!("{}-{}", part(file.file_stem()), page::FOLDER), part(file.file_name()));
    let pages = page::Pages::of(report, &folder, &index);
    if pages.is_split() {
        let folder = file.with_file_name(&folder);
        fs::create_dir_all(&folder)
            .map_err(|error| io::Error::new(error.kind(), format!("-o {}: {error}", folder.display())))?;
        for (name, page) in pages.parts() {
            put(Some(&folder.join(name)), &page)?;
        }
    }
    put(Some(file), &pages.index())
}
