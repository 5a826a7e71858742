#!/bin/sh
# Bring both databases to the newest schema. Once per release, before servers and workers start; may be repeated.
set -eu
prefect server database upgrade -y
# Any working command of ours migrates the case file first.
qorgan cases --json > /dev/null
