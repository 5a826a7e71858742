#!/bin/sh
# A virtual environment from the lock file, and the project itself in it. No root, nothing outside the folder.
set -eu
python=$(command -v "$PYTHON" || command -v python3 || true)
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "Qorgan needs Python 3.11; set PYTHON to it, as in: make demo PYTHON=/path/to/python3.11" >&2
    exit 1
fi
rm -rf "$VENV"
if ! "$python" -m venv "$VENV" 2>/dev/null; then
    # Debian's python3 without python3-venv has no ensurepip; a pip of the system can stand in for it.
    rm -rf "$VENV"
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        echo "This Python can make no virtual environment: install the Debian package python3-venv (or python3-pip)." >&2
        exit 1
    fi
    "$python" -m venv --without-pip "$VENV"
    pip() { "$python" -m pip --python "$VENV/bin/python" "$@"; }
else
    pip() { "$VENV/bin/python" -m pip "$@"; }
fi
echo "installing the locked packages (about a minute) …"
pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
