//! The house rules that a machine can check: who may import what, and documents that must not lie.

use std::fs;
use std::path::{Path, PathBuf};

use connect_quota_monitor::catalogue::Service;
use connect_quota_monitor::config;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file without its unit tests and comments.
pub fn code(path: &Path) -> String {
    let is_test = path.components().any(|part| part.as_os_str().to_string_lossy().trim_end_matches(".rs") == "tests");
    if is_test && path.starts_with(root().join("src")) {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    // Tests in the file end it; a test module in a file of its own is declared among the others.
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect()
}

/// The first component below src: `aws`, `keep`, `run` ...
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn only_the_edge_names_the_sdk_the_environment_and_the_clock() {
    let rules: &[(&str, &[&str])] = &[
        ("aws_sdk_", &["aws", "keep", "send"]),
        ("aws_config", &["aws", "keep", "send"]),
        ("env::var", &["main"]),
        ("Timestamp::now", &["edge"]),
        ("SystemTime", &["edge"]),
        ("println!", &[]),
        ("unsafe", &["lib"]),
        (".unwrap()", &[]),
        (".expect(", &[]),
        ("arn:aws:", &[]),
    ];
    for path in sources(&root().join("src")) {
        let (module, code) = (module(&path), code(&path));
        for (word, allowed) in rules {
            assert!(
                !code.contains(word) || allowed.contains(&module.as_str()),
                "{} must not say `{word}`",
                path.display()
            );
        }
    }
}

#[test]
fn every_attempt_of_a_paced_service_goes_through_the_caller() {
    // The limits of CloudWatch's data, of STS, of S3, and of what is read once at the start are far away: the
    // SDK's retries serve them.
    let is_paced = |file: &&PathBuf| {
        !["cloudwatch.rs", "clients.rs", "object.rs", "reference.rs"].iter().any(|name| file.ends_with(name))
    };
    for file in sources(&root().join("src/aws")).iter().filter(is_paced) {
        let code = code(file);
        for (n, line) in code.lines().enumerate().filter(|(_, l)| l.contains(".send()")) {
            assert!(
                line.contains("||") || line.contains("|r| r."),
                "{}, code line {n}: `.send()` outside a closure of `call` or `ask`: {line}",
                file.display()
            );
        }
    }
}

#[test]
fn files_stay_small_enough_to_hold_in_the_head() {
    for folder in ["src", "tests"] {
        for path in sources(&root().join(folder)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 400, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn the_configuration_page_names_every_variable() {
    let page = fs::read_to_string(root().join("docs/CONFIGURATION.md")).unwrap();
    for (name, default) in config::VARS {
        let row = page.lines().find(|l| l.starts_with(&format!("| `{name}`")));
        let row = row.unwrap_or_else(|| panic!("docs/CONFIGURATION.md has no table row for {name}"));
        assert!(row.contains(default), "docs/CONFIGURATION.md gives {name} another default than `{default}`");
    }
}

#[test]
fn the_fleets_page_names_every_variable_of_a_hub() {
    let page = fs::read_to_string(root().join("docs/FLEET.md")).unwrap();
    for (name, _) in config::FLEET_VARS {
        assert!(
            page.lines().any(|l| l.starts_with(&format!("| `{name}` |"))),
            "docs/FLEET.md has no table row for {name}"
        );
    }
}

#[test]
fn every_code_of_the_catalogue_is_one_that_service_quotas_lists() {
    let world = simaws::World::empty();
    for quota in connect_quota_monitor::catalogue::all().filter(|q| q.is_listed()) {
        let listed = world.quotas.codes(quota.service.code());
        assert!(
            quota.service == Service::VoiceId || listed.contains(&quota.code),
            "{} ({}) is not in the Service Quotas catalogue",
            quota.code,
            quota.name
        );
    }
}

#[test]
fn the_coverage_page_is_what_the_catalogue_says() {
    let page = fs::read_to_string(root().join("docs/COVERAGE.md")).unwrap();
    let made = connect_quota_monitor::answer::coverage::markdown();
    let differs = page.lines().zip(made.lines()).find(|(a, b)| a != b);
    let remedy = "run `target/debug/connect-quota-monitor quotas --output markdown > docs/COVERAGE.md`";
    assert!(page == made, "docs/COVERAGE.md is out of date: {remedy}; first difference: {differs:?}");
}
