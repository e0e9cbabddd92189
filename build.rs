//! Lets the linker put alike code side by side, where it can: the zip becomes an eighth smaller.
//!
//! LLD has this, which Rust brings for x86_64 Linux, and it folds functions that are the same. Whether the
//! linker of this build is one that can is found by asking it to link the smallest program.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const ARGUMENTS: [&str; 2] = ["-Wl,--bp-compression-sort=both", "-Wl,--icf=all"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("PROFILE").as_deref() == Ok("release") {
        for argument in ARGUMENTS.into_iter().filter(|argument| links(argument)) {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
}

fn links(argument: &str) -> bool {
    let variable = |name: &str| env::var(name).ok();
    let (Some(rustc), Some(target), Some(folder)) = (variable("RUSTC"), variable("TARGET"), variable("OUT_DIR")) else {
        return false;
    };
    let folder = Path::new(&folder);
    let source = folder.join("smallest.rs");
    if fs::write(&source, "fn main() {}").is_err() {
        return false;
    }
    let mut command = Command::new(rustc);
    command.arg(source).args(["--target", &target]).arg("--out-dir").arg(folder);
    command.arg(format!("-Clink-arg={argument}"));
    if let Some(linker) = variable("RUSTC_LINKER") {
        command.arg(format!("-Clinker={linker}"));
    }
    let flags = variable("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    command.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
