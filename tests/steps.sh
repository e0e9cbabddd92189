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

# The browser that tests/page drives: $CHROMIUM, or the first that this machine has.
browser() {
  local name
  for name in "${CHROMIUM:-}" chromium google-chrome google-chrome-stable chromium-browser; do
    if [ -n "$name" ] && type -P "$name"; then return; fi
  done
  return 1
}

has_node() {
  command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)'
}

# Installs what the page's check needs, where it may: a browser and Node from Debian's packages, and into
# target/page the driver, whose lock file names its hashes. What is missing then stands in target/page/missing.txt.
page_tools() {
  local packages=() as=()
  mkdir -p target/page
  echo "target/page/node_modules (npm ci failed)" >target/page/missing.txt
  browser >/dev/null || packages+=(chromium fonts-dejavu-core)
  has_node || packages+=(nodejs npm)
  [ "$(id -u)" = 0 ] || as=(sudo -n)
  if [ "${#packages[@]}" != 0 ] && command -v apt-get && { [ "${#as[@]}" = 0 ] || sudo -n true; }; then
    as+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
    "${as[@]}" update || true
    "${as[@]}" install -y --no-install-recommends "${packages[@]}" || true
  fi
  if ! browser >/dev/null; then
    echo "Chromium or Chrome (Debian's package chromium, or its path in CHROMIUM)" >target/page/missing.txt
  elif ! has_node; then
    echo "Node 18 or newer with npm (Debian's packages nodejs and npm)" >target/page/missing.txt
  elif cmp -s tests/page/package-lock.json target/page/installed.json || {
    cp tests/page/package.json tests/page/package-lock.json target/page &&
      (cd target/page && npm ci --ignore-scripts --no-audit --no-fund) &&
      cp tests/page/package-lock.json target/page/installed.json
  }; then
    : >target/page/missing.txt
  fi
}

# The page of the demo in a browser. Without a browser it is skipped, but not in CI.
page() {
  if [ -s target/page/missing.txt ]; then
    printf 'SKIPPED: the page was not opened in a browser. Missing: %s\n' "$(cat target/page/missing.txt)"
    [ -z "${CI:-}" ]
    return
  fi
  CHROMIUM=$(browser) node tests/page/check.mjs target/debug/connect-quota-monitor target/demo target/page
}

use_tools() {
  PATH="$PWD/target/venv/bin:$PATH"
  export CLIPPY_CONF_DIR=.github
  export MOTO_PYTHON="$PWD/target/venv/bin/python3"
}

# Runs the demo, and compares the excerpt in the README with what it printed, but for times.
demo() {
  cargo run --quiet --locked --example demo >target/demo.txt || { tail -n 5 target/demo.txt; return 1; }
  tail -n 5 target/demo.txt
  timeless <target/demo.txt >target/demo-timeless.txt
  sed -n "/^From the demo's output/,/^\`\`\`\$/p" README.md | sed '1,/^```text$/d' |
    grep -vxF -e '```' -e '...' -e '' | timeless >target/demo-readme.txt
  if [ "$(wc -l <target/demo-readme.txt)" -lt 10 ] || grep -vxFf target/demo-timeless.txt target/demo-readme.txt; then
    echo "The README's excerpt of the demo is not what it printed: see the lines above, or it is gone"
    return 1
  fi
}

timeless() {
  sed -E 's/[0-9]{2}:[0-9]{2} UTC/HH:MM UTC/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}/DATE/g; s/[0-9.]+ s[.]$/N s./'
}
