#!/usr/bin/env bash
# Every check and test of template.yaml, deploy.sh and the package. Needs the tools of
# tests/requirements.txt on the path. With CI or BUILD_PACKAGE set it also builds the package, which
# takes minutes; PACKAGE=FILE takes one that is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=/dev/null
. tests/steps.sh

install_into target/venv-checkov tests/deploy/requirements-checkov.txt
CHECKOV="$PWD/target/venv-checkov/bin/checkov"
export CHECKOV
# Not in the other installations: it decides who may take a fleet's roles.
if ! cmp -s tests/deploy/npm/package-lock.json target/npm/installed.json; then
  mkdir -p target/npm
  cp tests/deploy/npm/package.json tests/deploy/npm/package-lock.json target/npm/
  npm ci --prefix target/npm --silent --ignore-scripts --no-audit --no-fund
  cp tests/deploy/npm/package-lock.json target/npm/installed.json
fi

# Not an old build's programs. As the tests build them: another set of features would be a second build.
cargo test --workspace --locked --no-run --quiet

if [ -z "${PACKAGE:-}" ] && [ -n "${CI:-}${BUILD_PACKAGE:-}" ]; then
  export PACKAGE="$PWD/target/package-x86_64.zip"
  # It only has to start. The release workflow runs the package's tests on what it publishes.
  BUILD_PROFILE=package-test ./deploy.sh --package-only "$PACKAGE" --arch x86_64
fi

exec python3 -m pytest -p no:cacheprovider --show-capture=stdout --tb=short --durations=5 tests/deploy "$@"
