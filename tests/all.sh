#!/usr/bin/env bash
# Every check and every test, from a fresh clone. Needs a Rust toolchain and Python 3 with venv; all
# other tools are installed into target/venv.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "tools"
python3 -m venv target/venv
target/venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
PATH="$PWD/target/venv/bin:$PATH"
export CLIPPY_CONF_DIR=.github
export MOTO_SERVER="$PWD/target/venv/bin/moto_server"

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "dependencies: licences, bans, sources"
# Advisories need the advisory database, which is fetched from outside: the CI workflow checks them.
cargo deny --locked --config .github/deny.toml check bans licenses sources

step "unit tests, wire-level tests, the binary under a Lambda Runtime API, moto"
cargo test --workspace --locked --no-fail-fast -- --include-ignored

step "fuzz targets: they compile"
cargo check --quiet --locked --manifest-path tests/fuzz/Cargo.toml

step "template, deploy.sh, package"
REQUIRE_CALLED_OPERATIONS=1 tests/deploy/run.sh

step "the demo, as the README shows it"
cargo run --quiet --locked --example demo > target/demo.txt
tail -n 5 target/demo.txt

step "all passed"
