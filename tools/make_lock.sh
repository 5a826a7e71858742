#!/bin/sh
# Choose versions within pyproject.toml's bounds and write them with their hashes; no address of a registry.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip compile pyproject.toml --group test --group check --group build --group bench --group hosts \
    --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --quiet -o requirements.lock
