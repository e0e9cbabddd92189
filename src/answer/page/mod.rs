//! The report as a page for a browser: readable without scripts, and nothing leaves it. Pure.
//!
//! Every text is escaped by the template engine. The page's own style and script are named by their hashes in its
//! policy, so that nothing else runs and nothing is fetched, whatever a name from AWS holds.

mod files;
mod header;
mod news;
mod row;
mod sections;
mod spark;
#[cfg(test)]
mod tests;

use base64_simd::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::stored::{StoredInstance, StoredReport};
use crate::domain::format::one_line;
use files::{encoded, file_name};
use row::Rows;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The script without what only its readers need: indents and lines of comment.
fn script() -> String {
    let lines = SCRIPT.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The folder beside the bucket's page that holds the pages of the instances.
pub const FOLDER: &str = "instances";

/// With more instances each has a page of its own.
const MOST_INSTANCES: usize = 10;

/// The whole report as one document.
#[must_use]
pub fn render(report: &StoredReport) -> String {
    index(report, None)
}

/// A report as one page, or, with more than ten instances, as a page that leads to one for each instance.
#[derive(Debug, Clone, Copy)]
pub struct Pages<'a> {
    report: &'a StoredReport,
    folder: &'a str,
    index: &'a str,
}

impl<'a> Pages<'a> {
    /// `folder` will hold the pages of the instances; `index` is the name of the page beside it.
    #[must_use]
    pub fn of(report: &'a StoredReport, folder: &'a str, index: &'a str) -> Self {
        Self { report, folder, index }
    }

    #[must_use]
    pub fn is_split(self) -> bool {
        self.report.instances.len() > MOST_INSTANCES
    }

    /// The page to begin with.
    #[must_use]
    pub fn index(self) -> String {
        index(self.report, self.is_split().then_some(self.folder))
    }

    /// Names of files in the folder with their pages, each made when it is asked for.
    pub fn parts(self) -> impl Iterator<Item = (String, String)> {
        let instances = if self.is_split() { &self.report.instances[..] } else { &[] };
        instances.iter().enumerate().map(move |(place, instance)| {
            (file_name(place, instance), part(self.report, instance, &format!("../{}", encoded(self.index))))
        })
    }
}

fn index(report: &StoredReport, folder: Option<&str>) -> String {
    let rows = Rows::of(report);
    let content = html! {
        (header::of(report, &rows))
        main {
            (sections::attention(&rows))
            (news::changed(report))
            (sections::full_soon(&rows))
            (sections::not_seen(report, &rows))
            (news::throttled(report))
            (sections::instances(report, &rows, folder))
            (sections::account(&rows))
            (sections::requests(&rows))
            (sections::muted(&rows))
            (sections::coverage(report, &rows))
            (sections::run(report))
        }
    };
    document(report, &format!("Amazon Connect quotas: {} {}", report.account_label(), report.region), &content)
}

/// The page of one instance.
fn part(report: &StoredReport, instance: &StoredInstance, index: &str) -> String {
    let rows = Rows::of_instance(report, instance);
    let content = html! {
        (header::of_instance(report, instance, index))
        main { (sections::instance(instance, &rows)) }
    };
    document(report, &format!("Amazon Connect quotas: {}", instance.name()), &content)
}

fn document(report: &StoredReport, title: &str, content: &Markup) -> String {
    let script = script();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&script));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (one_line(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (content)
                footer {
                    p {
                        "This page names instances, resources and limits of the account: keep it private. "
                        "Made by connect-quota-monitor " (one_line(&report.version)) "."
                    }
                }
                script { (PreEscaped(&script)) }
            }
        }
    };
    page.into_string()
}

fn policy(script: &str) -> String {
    let hash = |text: &str| STANDARD.encode_to_string(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(script)
    )
}
