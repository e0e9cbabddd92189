#!/usr/bin/env bash
# What to run after a small change: format, lints, unit tests, and whole runs without the long ones. At most
# five minutes with a warm build. Before a change is done, run tests/all.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=/dev/null
. tests/steps.sh
mkdir -p target
: >target/times.txt

export CLIPPY_CONF_DIR=.github

step format cargo fmt --all --check
step lints cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
step "unit tests" cargo test --locked --lib --quiet
step "whole runs, without the matrices" cargo test --locked --test it --quiet -- \
  --skip matrix:: --skip month:: --skip family:: --skip companions:: --skip interleave:: --skip crashes:: --skip secrets:: --skip binary:: --skip model:: --skip tls::

printf '\n== seconds\n'
cat target/times.txt
cat <<'TEXT'

Left out: the fault matrix, months of runs, runs that overlap and crash (interleave, crashes), each quota alone above its limit
(family, companions: run these after a change of the catalogue), random worlds (model), secrets, the built binary, TLS, moto,
odd input (tests/inputs), scale (tests/scale), the simulated AWS's own tests, the template and deploy.sh, the package, the demo.
tests/all.sh runs them all.
TEXT
