"""The only place that asks Prefect how things stand, and mends them there, through its own client.

Prefect's library is loaded when somebody asks and not before: the command line is quick without it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from casework.errors import QorganError
from tasks.deployments import Difference, Fault, FoundDeployment, FoundSchedule, Timing
from tasks.settings import ROOT

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

POOL = "qorgan"
TAG = "qorgan"
"""On every deployment of ours, and so on its runs."""

PAGE = 200
"""The most that Prefect gives at once."""

LISTEN_SECONDS = 1.0
ANSWER_SECONDS = 20.0
DEPLOY_SECONDS = 120

BEGUN = ("RUNNING", "CANCELLING", "PENDING")
"""States in which some process should be at work on a run."""


class OrchestratorUnreachable(QorganError):
    """Prefect does not answer, or not as expected."""

    rule = "prefect.unreachable"


@dataclass(frozen=True, slots=True)
class Run:
    """A flow run as Prefect has it. ``at`` is when it came into its state."""

    id: str
    name: str
    state: str
    at: datetime
    expected_at: datetime | None
    deployment_id: str | None
    inside: bool
    """Started by another run, inside its process."""

    @property
    def ended(self) -> bool:
        return self.state in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker of our pool that polls."""

    name: str
    last_seen_at: datetime | None


def known_address(home: Path) -> str | None:
    """Prefect's API address from the environment, or from the note a local server leaves in ``home``."""
    if stated := os.environ.get("PREFECT_API_URL"):
        return stated
    try:
        found = json.loads((home / "prefect.json").read_text(encoding="utf-8"))["api_url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found)


def listens(address: str) -> bool:
    """Whether anybody answers there; spares loading Prefect's library for a server that is gone."""
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=LISTEN_SECONDS):
            return True
    except (OSError, ValueError):
        return False


@contextmanager
def orchestrator(address: str) -> Iterator[Orchestrator]:
    """Prefect at this address. Raises OrchestratorUnreachable when it does not answer, now or later."""
    if not listens(address):
        raise OrchestratorUnreachable(
            "Prefect does not answer", next_step="Start its server, or check PREFECT_API_URL."
        )
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_REQUEST_TIMEOUT, PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: address, PREFECT_API_REQUEST_TIMEOUT: ANSWER_SECONDS}):
        try:
            with get_client(sync_client=True) as client:
                yield Orchestrator(client, address)
        except httpx.HTTPError as error:
            # Its text may repeat what was asked.
            raise OrchestratorUnreachable(
                f"Prefect does not answer as expected: {type(error).__name__}",
                next_step="Look into the log of its server.",
            ) from None


class Orchestrator:
    """Questions to one Prefect server, and what can be mended there."""

    def __init__(self, client: SyncPrefectClient, address: str) -> None:
        self._client = client
        self._address = address

    # The server

    def version(self) -> str:
        """The server's own version."""
        return str(self._client.api_version())

    def clock(self) -> datetime | None:
        """The server's time in UTC, to the second; None where it does not say."""
        said = self._client.request("GET", "/health").headers.get("date")
        return parsedate_to_datetime(said) if said else None

    def server_settings(self) -> dict[str, Any]:
        """The settings of the server process that answers; secrets are hidden."""
        found: dict[str, Any] = self._client.request("GET", "/admin/settings").json()["server"]
        return found

    def workers(self) -> list[Worker] | None:
        """The workers of our pool that poll; None when there is no such pool."""
        from prefect.exceptions import ObjectNotFound

        try:
            self._client.read_work_pool(POOL)
        except ObjectNotFound:
            return None
        found = self._client.read_workers_for_work_pool(POOL, limit=PAGE)
        return [Worker(one.name, one.last_heartbeat_time) for one in found if one.status.value == "ONLINE"]

    def paused(self) -> list[str]:
        """What of our pool was stopped by hand: the pool itself, or queues of it, by name."""
        pool = self._client.read_work_pool(POOL)
        queues = self._client.read_work_queues(work_pool_name=POOL)
        return ["the work pool"] * pool.is_paused + [f"the queue {one.name}" for one in queues if one.is_paused]

    def ask(self, method: Literal["GET", "POST", "PUT", "DELETE"], path: str, body: Any = None) -> Any:
        """One request of Prefect's own interface, for what its client has no method of; its answer, or None."""
        answer = self._client.request(method, path, json=body)  # type: ignore[arg-type]
        return answer.json() if answer.content else None

    # Deployments and schedules

    def deployments(self) -> list[FoundDeployment]:
        """Every deployment of ours, with its schedules."""
        return [_deployment(row) for row in self._deployments()]

    def _deployments(self) -> list[DeploymentResponse]:
        from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

        ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
        return self._client.read_deployments(deployment_filter=ours, limit=PAGE)

    def mend(self, difference: Difference) -> None:
        """Do away with one difference between the server and prefect.yaml. May be repeated."""
        from prefect.client.schemas.actions import DeploymentScheduleCreate
        from prefect.client.schemas.schedules import CronSchedule

        if difference.fault is Fault.DEPLOYMENT_MISSING:
            self._deploy(difference.deployment)
            return
        deployment = UUID(difference.deployment_id)
        with _mending(f"the deployment '{difference.deployment}'"):
            match difference.fault:
                case Fault.DEPLOYMENT_PAUSED:
                    self._client.resume_deployment(deployment)
                case Fault.DEPLOYMENT_UNKNOWN:
                    self._client.pause_deployment(deployment)
                case Fault.SCHEDULE_MISSING:
                    assert difference.timing is not None, "a missing schedule has its time"
                    timing = difference.timing
                    cron = CronSchedule(cron=timing.cron, timezone=timing.timezone)
                    made = DeploymentScheduleCreate(schedule=cron, active=True, slug=timing.slug)
                    self._client.create_deployment_schedules(deployment, [made])
                case Fault.SCHEDULE_PAUSED:
                    self._client.update_deployment_schedule(deployment, UUID(difference.schedule_id), active=True)
                case Fault.SCHEDULE_DOUBLED:
                    self._client.delete_deployment_schedule(deployment, UUID(difference.schedule_id))

    def _deploy(self, name: str) -> None:
        """Apply one deployment of prefect.yaml; only that one, for deploying deletes late runs."""
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", name]
        done = subprocess.run(  # noqa: S603  our own command
            command, cwd=ROOT, env={**os.environ, "PREFECT_API_URL": self._address}, capture_output=True, check=False,
            timeout=DEPLOY_SECONDS, start_new_session=True,
        )  # fmt: skip
        if done.returncode:
            raise QorganError(
                f"the deployment '{name}' is missing and could not be made",
                rule="prefect.deploy",
                next_step="Make the work pool and its queues, then run 'prefect deploy --all' in the project's folder.",
            )

    # Runs

    def runs_begun(self) -> list[Run]:
        """Runs of ours at which some process should be at work, the oldest first."""
        return self._runs(BEGUN)

    def runs_waiting(self, before: datetime) -> list[Run]:
        """Runs of ours that should have begun before this time, the oldest first."""
        from prefect.client.schemas.filters import FlowRunFilterExpectedStartTime

        return self._runs(("SCHEDULED",), expected_start_time=FlowRunFilterExpectedStartTime(before_=before))

    def _runs(self, states: Sequence[str], **more: Any) -> list[Run]:
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
        from prefect.client.schemas.objects import StateType
        from prefect.client.schemas.sorting import FlowRunSort

        types = FlowRunFilterStateType(any_=[StateType(state) for state in states])
        wanted = FlowRunFilter(state=FlowRunFilterState(type=types), **more)
        ours = {row.flow_id for row in self._deployments()}
        found: list[FlowRun] = []
        while True:
            page = self._client.read_flow_runs(
                flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=PAGE, offset=len(found)
            )
            found += page
            if len(page) < PAGE:
                break
        # Runs inside another have no tag of ours, but a flow of ours.
        return [_run(row) for row in found if row.flow_id in ours or TAG in row.tags]

    def run(self, run_id: str) -> Run | None:
        """One run; None when Prefect knows none of this id."""
        from prefect.exceptions import ObjectNotFound

        try:
            return _run(self._client.read_flow_run(UUID(run_id)))
        except (ObjectNotFound, ValueError):
            return None

    def last_sign_of_life(self, run_ids: Collection[str], since: datetime, until: datetime) -> dict[str, datetime]:
        """The last heartbeat of each of these runs between two times; a run without one is left out."""
        from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter

        signs: dict[str, datetime] = {}
        for run_id in run_ids:
            asked = EventFilter(
                occurred=EventOccurredFilter(since=since, until=until),
                event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
                resource=EventResourceFilter(id=[f"prefect.flow-run.{run_id}"]),
            )
            for event in self._client.read_events(asked, limit=1).events:
                signs[run_id] = event.occurred
        return signs

    def give_up(self, run: Run, why: str) -> None:
        """End a run that nobody will end: crashed if it had begun, cancelled if it never did."""
        from prefect.client.schemas.objects import State
        from prefect.states import Cancelled, Crashed

        state: State[Any] = Crashed(message=why) if run.state in BEGUN else Cancelled(message=why)
        with _mending(f"the run {run.id}"):
            self._client.set_flow_run_state(UUID(run.id), state, force=True)


@contextmanager
def _mending(what: str) -> Iterator[None]:
    """A refusal of one repair is about this one only; a server that is gone is told by its own error."""
    import httpx
    from prefect.exceptions import ObjectNotFound

    try:
        yield
    except (ObjectNotFound, httpx.HTTPStatusError) as error:
        gone = isinstance(error, ObjectNotFound) or error.response.status_code == httpx.codes.NOT_FOUND
        raise QorganError(
            f"{what} cannot be mended: " + ("it is gone meanwhile" if gone else "Prefect refuses the change"),
            rule="prefect.not_mended",
            next_step="Run 'qorgan reconcile' again, and look into the log of Prefect's server.",
        ) from None


def _deployment(row: DeploymentResponse) -> FoundDeployment:
    schedules = []
    for line in row.schedules:
        cron = getattr(line.schedule, "cron", None)
        timing = None if cron is None else Timing(cron, str(getattr(line.schedule, "timezone", "")), line.slug or "")
        schedules.append(FoundSchedule(str(line.id), timing, line.active))
    return FoundDeployment(str(row.id), row.name, row.paused, tuple(schedules))


def _run(row: FlowRun) -> Run:
    state = row.state
    assert state is not None, "a stored run has a state"
    return Run(
        id=str(row.id),
        name=row.name,
        state=state.type.value,
        at=state.timestamp,
        expected_at=row.expected_start_time,
        deployment_id=None if row.deployment_id is None else str(row.deployment_id),
        inside=row.parent_task_run_id is not None,
    )


def runs_at_work_here() -> set[str]:
    """Ids of the runs that a process of this machine works on: Prefect's worker puts the id into its environment.

    An id that is not among them may be worked on elsewhere, or by a process that we may not look into.
    """
    found: set[str] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        for line in environment.split(b"\0"):
            name, _, value = line.partition(b"=")
            if name == b"PREFECT__FLOW_RUN_ID":
                found.add(value.decode(errors="replace"))
    return found


def heartbeat_every() -> timedelta | None:
    """How often a run gives a sign of life, as this machine's settings have it; None where it never does."""
    from prefect.settings import get_current_settings

    seconds = get_current_settings().flows.heartbeat_frequency
    return None if seconds is None else timedelta(seconds=seconds)
