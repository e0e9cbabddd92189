# shellcheck shell=bash
# What tests/all.sh and tests/quick.sh share. To be sourced in the repository's top folder.

# step NAME COMMAND...: runs a command, and notes in target/times.txt how long it took.
step() {
  local name=$1 start=$SECONDS status=0
  shift
  printf '\n== %s\n' "$name"
  "$@" || status=$?
  printf '%5d s  %s\n' "$((SECONDS - start))" "$name" >>target/times.txt
  return "$status"
}

# Installs the tools into target/venv, and checkov beside them, unless they are there already.
tools() {
  install_into target/venv tests/requirements.txt
  install_into target/venv-checkov tests/deploy/requirements-checkov.txt
}

# install_into VENV REQUIREMENTS [PYTHON]
install_into() {
  if ! cmp -s "$2" "$1/installed.txt"; then
    "${3:-python3}" -m venv "$1" &&
      "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2" &&
      cp "$2" "$1/installed.txt"
  fi
}

use_tools() {
  PATH="$PWD/target/venv/bin:$PATH"
  export CLIPPY_CONF_DIR=.github
  export MOTO_PYTHON="$PWD/target/venv/bin/python3"
}

demo() {
  cargo run --quiet --locked --example demo >target/demo.txt &&
    tail -n 5 target/demo.txt
}
