#!/usr/bin/env bash
# The stack on a second engine: LocalStack without docker (tests/deploy/deep.py says what it proves, and what it
# cannot). This LocalStack runs on Python 3.13 alone; DEEP_PYTHON names one that is not on the path. Without one this
# is skipped, but not in CI. Arguments are pytest's.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=/dev/null
. tests/steps.sh

fits() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

found=''
if [ -n "${DEEP_PYTHON:-}" ]; then
  fits "$DEEP_PYTHON" || {
    printf 'error: DEEP_PYTHON (%s) is no Python 3.13 with venv\n' "$DEEP_PYTHON" >&2
    exit 1
  }
  found=$DEEP_PYTHON
else
  for name in python3.13 python3; do
    if fits "$name"; then
      found=$name
      break
    fi
  done
fi
if [ -z "$found" ]; then
  missing='LocalStack needs Python 3.13 with venv, and none is on the path: install it, or name it in DEEP_PYTHON'
  if [ -n "${CI:-}" ]; then
    printf 'error: %s\n' "$missing" >&2
    exit 1
  fi
  printf 'SKIPPED: %s\n' "$missing"
  exit
fi

install_into target/venv tests/requirements.txt
install_into target/venv-localstack tests/deploy/requirements-localstack.txt "$found"
use_tools
# Not an old build's programs. As the other tests build them.
cargo test --workspace --locked --no-run --quiet
exec python3 -m pytest -p no:cacheprovider --tb=short --durations=5 tests/deploy/deep.py "$@"
