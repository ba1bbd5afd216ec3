#!/usr/bin/env bash
# Finds a Chromium or installs one: the configured one, the system's, Debian's package, Playwright's own. Called by the Makefile.
# With "driver" as argument also the chromedriver that Selenium needs in `make bench`; without one that part is left out.
set -euo pipefail

found() {
  "$BIN/python" -c '
from fin_assets.core.transport.browser.chromium import BrowserMissing, find_chromium
from fin_assets.settings import SettingsError, settings
try:
    find_chromium(settings().browser)
except (BrowserMissing, SettingsError) as error:
    raise SystemExit(str(error))
' 2>"$1"
}

driver() {
  if [ "${1:-}" != driver ] || command -v chromedriver >/dev/null; then return 0; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "browser: apt-get install chromium-driver"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-driver >/dev/null || echo "browser: apt-get could not install it"
  fi
  command -v chromedriver >/dev/null || echo "browser: no chromedriver, so the ways of Selenium are left out; as root: apt-get install chromium-driver"
}

message=$(mktemp)
trap 'rm -f "$message"' EXIT
if found "$message"; then driver "$@"; exit 0; fi
if ! grep -q '^no Chromium' "$message"; then cat "$message" >&2; exit 1; fi

echo "browser: no Chromium on this machine"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "browser: apt-get install chromium"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null || echo "browser: apt-get could not install it"
  if found "$message"; then driver "$@"; exit 0; fi
fi
echo "browser: playwright install chromium"
"$BIN/playwright" install chromium || echo "browser: Playwright could not download one"
if found "$message"; then driver "$@"; exit 0; fi
cat "$message" >&2
exit 1
