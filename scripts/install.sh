#!/usr/bin/env bash
# Makes the environment from requirements.lock, every file checked against its hash. Called by the Makefile.
set -euo pipefail

fail() { printf '%s\n' "$1" >&2; exit 1; }

python=""
for name in $PYTHONS; do
  if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
    python=$name
    break
  fi
done
[ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 is on the PATH (looked for: $PYTHONS). Install one, or name it: make install PYTHONS=/path/to/python3.12"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python has no venv module. Install it (Debian: apt-get install python3-venv), then run make again"

if [ ! -x "$VENV/bin/python" ]; then
  echo "environment: $("$python" --version) in $VENV"
  "$python" -m venv "$VENV"
fi
# Compiled once here instead of in every process: imports then take half the time.
unset PYTHONDONTWRITEBYTECODE
export VIRTUAL_ENV="$PWD/$VENV"
pip=("$VENV/bin/python" -m pip --disable-pip-version-check)

if ! "$VENV/bin/uv" --version 2>/dev/null | grep -qF "uv $UV_VERSION"; then
  "${pip[@]}" install --quiet "uv==$UV_VERSION" || echo "environment: uv cannot be installed; going on with pip, which is slower"
fi
echo "environment: installing $(grep -c '^[a-zA-Z0-9]' requirements.lock) locked packages"
if [ -x "$VENV/bin/uv" ] && "$VENV/bin/uv" pip install --quiet --require-hashes --compile-bytecode -r requirements.lock; then
  "$VENV/bin/uv" pip install --quiet --no-deps --editable . && exit 0
fi
# pip knows the machine's own index settings, which uv does not read.
echo "environment: installing with pip"
"${pip[@]}" install --quiet --require-hashes -r requirements.lock ||
  fail "the locked packages cannot be installed: see pip's message above. A package index that this machine can reach is set with: pip config set global.index-url URL"
"${pip[@]}" install --quiet --no-deps --editable .
