#!/bin/sh
# Tell Prefect what there is to run: pool, queues, deployments, automations; then put right what the change left
# behind. Once per release, while the API servers run; may be repeated.
set -eu
prefect work-pool create qorgan --type process --overwrite
queue() {
    prefect work-queue inspect "$1" --pool qorgan > /dev/null 2>&1 ||
        prefect work-queue create "$1" --pool qorgan --priority "$2"
}
queue child-safety 1
queue routine 2
prefect --no-prompt deploy --all
qorgan automations apply
qorgan reconcile
