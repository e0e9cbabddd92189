//! README and docs: short where they must be, whole, and without a link that leads nowhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "md") {
            pages.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
    assert!(pages.len() > 15);
    pages
}

/// The text without what stands in fences, where nothing is a heading or a link.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The anchors that GitHub makes of a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|l| l.starts_with('#'));
    headings
        .map(|l| {
            let title = l.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    text.match_indices("](").map(|(at, _)| text[at + 2..].split(')').next().unwrap().to_owned()).collect()
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 200, "README.md has {lines} lines; what is for one reader belongs into docs");
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        for link in links(&text) {
            let outside = ["http", "mailto:", "../../"].iter().any(|start| link.starts_with(start));
            if outside {
                continue;
            }
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(f, a)| (f, Some(a)));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(root().join(&target).exists(), "{}: there is no {link}", page.display());
            if let Some(anchor) = anchor {
                assert!(anchors(&read(&target)).contains(anchor), "{}: no heading makes {link}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} links");
}

#[test]
fn the_index_names_every_page() {
    let index = read("docs/README.md");
    for page in pages().iter().filter(|p| p.starts_with("docs") && !p.ends_with("README.md")) {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(index.contains(&format!("]({name})")), "docs/README.md does not name {name}");
    }
}

#[test]
fn the_readme_covers_what_the_coverage_page_covers() {
    let coverage = read("docs/COVERAGE.md");
    let table = coverage.split("\n\n").find(|part| part.starts_with("| category |")).unwrap();
    assert!(read("README.md").contains(table), "copy the table of docs/COVERAGE.md into README.md");
}

#[test]
fn the_lines_of_prose_fit_a_window() {
    for page in pages() {
        for line in prose(&read(&page)).lines().filter(|l| !l.starts_with('|')) {
            assert!(line.chars().count() <= 140, "{}: {line}", page.display());
        }
    }
}
