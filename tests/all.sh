#!/usr/bin/env bash
# Every check and every test, from a fresh clone. Needs a Rust toolchain and Python 3 with venv; all
# other tools are installed into target. The page is opened in a browser where there is one, or may be installed. What shares nothing runs side by side: the Rust tests in one
# lane; lints, the package and the template's tests in the other. Each step's time stands in target/times.txt.
# `tests/all.sh --deep` instead deploys the stack on a second engine, LocalStack: ten minutes that CI spends nightly.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  '') ;;
  --deep)
    shift
    exec tests/deploy/deep.sh "$@"
    ;;
  *)
    printf "error: unknown option '%s': there is --deep alone\n" "$1" >&2
    exit 2
    ;;
esac
# shellcheck source=/dev/null
. tests/steps.sh
mkdir -p target/logs
: >target/logs/rust.txt
: >target/times.txt

tools >target/logs/tools.txt 2>&1 &
TOOLS=$!
page_tools >target/logs/page-tools.txt 2>&1 &
PAGE_TOOLS=$!
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

step format cargo fmt --all --check
step "compile the tests" cargo test --workspace --locked --no-run --quiet
wait "$TOOLS" || { cat target/logs/tools.txt; exit 1; }
wait "$PAGE_TOOLS" || true
use_tools
# The template's tests compare the role's permissions with the calls that this test records.
step "the calls that a run makes" cargo test --locked --test it --quiet -- called::

rust_tests() {
  step "unit tests, whole runs, the binary under a Lambda Runtime API, moto" \
    cargo test --workspace --locked --no-fail-fast -- --include-ignored
}

everything_else() {
  step "lints" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
  # Advisories need the advisory database, which is fetched from outside: the CI workflow checks them.
  step "dependencies: licences, bans, sources" \
    cargo deny --locked --config .github/deny.toml check bans licenses sources
  step "template, deploy.sh, package" env REQUIRE_CALLED_OPERATIONS=1 tests/deploy/run.sh
  step "the demo, as the README shows it" demo
  step "the page in a browser" page
}

{ rust_tests 2>&1 | tee target/logs/rust.txt; } &
RUST=$!
# What waits for cargo's lock would make the other lane wait too: the lints begin when the tests run.
until grep -q '^ *Running ' target/logs/rust.txt || ! kill -0 "$RUST" 2>/dev/null; do sleep 1; done
everything_else >target/logs/else.txt 2>&1 &
ELSE=$!
failed=0
wait "$ELSE" || failed=1
cat target/logs/else.txt
wait "$RUST" || failed=1
printf '\n== seconds\n'
cat target/times.txt
[ "$failed" = 0 ] || { printf '\n== FAILED: see above\n'; exit 1; }
printf '\n== all passed\n'
