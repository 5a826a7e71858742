"""A Prefect server as a deploy leaves it, without the half minute that Prefect's own command takes."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule

from tasks.deployments import Fault, differences, planned
from tasks.orchestrator import TAG, Orchestrator


def make_as_deployed(client: SyncPrefectClient) -> None:
    """Every deployment of prefect.yaml with its schedules, of one flow; what differs is made anew."""
    there = {row.name: row.id for row in client.read_deployments()}
    ours = Orchestrator(client, "")
    wrong = {one.deployment for one in differences(planned(), ours.deployments())}
    paused_on_purpose = {name for name in there if name not in planned()}
    for name in wrong | paused_on_purpose:
        if name in there:
            client.delete_deployment(there[name])
    flow_id = client.create_flow_from_name("reconcile")
    for one in differences(planned(), ours.deployments()):
        assert one.fault is Fault.DEPLOYMENT_MISSING, one
        schedules = [
            DeploymentScheduleCreate(schedule=CronSchedule(cron=line.cron, timezone=line.timezone), slug=line.slug)
            for line in planned()[one.deployment]
        ]
        client.create_deployment(flow_id, one.deployment, schedules=schedules, tags=[TAG])
