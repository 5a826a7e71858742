#!/bin/sh
# Put each secret into the environment under the name of its file, then become the command.
# systemd lays them into $CREDENTIALS_DIRECTORY, containers into /run/secrets. Nothing is printed.
set -eu
for file in "${CREDENTIALS_DIRECTORY:-/run/secrets}"/*; do
    name=${file##*/}
    case $name in
        PREFECT_* | QORGAN_*) [ -f "$file" ] && export "$name=$(cat "$file")" ;;
    esac
done
exec "$@"
