//! What the program is built from: nothing that it does not use, and nothing newer than the Rust it asks for.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::architecture::{code, root, sources};

/// The packages of the build, as cargo knows them for one platform.
fn metadata(platform: &str) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", platform])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn is_own(package: &Value) -> bool {
    package["name"] == env!("CARGO_PKG_NAME")
}

/// `1.94.1` as numbers; what is not said counts as 0.
fn version(text: &str) -> [u64; 3] {
    let mut parts = text.split('.').map(|part| part.parse().unwrap());
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[test]
fn no_package_needs_a_newer_rust_than_we_say() {
    let ours = env!("CARGO_PKG_RUST_VERSION");
    for platform in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
        let metadata = metadata(platform);
        let built: Vec<&Value> = metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| &n["id"]).collect();
        let mut stated = 0;
        for package in metadata["packages"].as_array().unwrap().iter().filter(|p| built.contains(&&p["id"])) {
            if let Some(theirs) = package["rust_version"].as_str() {
                stated += 1;
                let (name, number) = (&package["name"], &package["version"]);
                assert!(version(theirs) <= version(ours), "{name} {number} needs Rust {theirs}, and we say {ours}");
            }
        }
        assert!(stated > 100, "only {stated} packages state a version: cargo's answer has changed");
    }
    assert!(fs::read_to_string(root().join("README.md")).unwrap().contains(&format!("Rust {ours}")));
}

#[test]
fn every_dependency_is_used() {
    let files = |folders: &[&str]| folders.iter().flat_map(|f| sources(&root().join(f))).collect::<Vec<_>>();
    let program: String = files(&["src"]).iter().map(|path| code(path)).collect();
    let tests = files(&["src", "tests/it", "tests/inputs", "tests/scale", "examples"]);
    let tests: String = tests.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let metadata = metadata("x86_64-unknown-linux-gnu");
    let own = metadata["packages"].as_array().unwrap().iter().find(|p| is_own(p)).unwrap();
    for dependency in own["dependencies"].as_array().unwrap() {
        let name = dependency["name"].as_str().unwrap();
        let text = if dependency["kind"] == "dev" { &tests } else { &program };
        let path = format!("{}::", name.replace('-', "_"));
        let is_path = |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let used = text.match_indices(&path).any(|(at, _)| is_path(at));
        assert!(used, "Cargo.toml names {name}, and no code does");
    }
}

#[test]
fn the_lock_file_is_kept() {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
    assert!(root().join("Cargo.lock").exists() && !ignored.contains("Cargo.lock"));
}
