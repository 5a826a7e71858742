"""Checks of Prefect: its server, its settings, its deployments, its workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from casework.errors import QorganError
from desk.findings import Finding, failed, ok, warning
from desk.health_case_file import SKEW, skew
from tasks import automations
from tasks.deployments import differences, planned
from tasks.orchestrator import POOL, Orchestrator, OrchestratorUnreachable, known_address, orchestrator
from tasks.settings import Settings

MOST_ON_SQLITE = 2
"""Workers that make sense on SQLite, one for each queue: more only wait for each other."""

SHARED = {
    "messages": ("events", "messaging_broker"),
    "message cache": ("events", "messaging_cache"),
    "order of events": ("events", "causal_ordering"),
    "background work": ("docket", "url"),
    "leases": ("concurrency", "lease_storage"),
}
"""What several API servers must share, and where the server's settings say how it is kept."""


def prefect(settings: Settings, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Everything that can be asked of the server; where none is known or answers, that is the finding."""
    address = known_address(settings.home)
    if address is None:
        said = "No Prefect is known here: nothing runs by itself."
        yield warning("prefect", said, "Set PREFECT_API_URL, or start the local system with 'make up'.")
        return
    try:
        with orchestrator(address) as server:
            yield from _server(server, clock)
            yield from _settings(settings, server.server_settings())
            yield _deployments(server)
            yield _automations(server)
            yield _workers(settings, server)
    except OrchestratorUnreachable as error:
        yield failed("prefect", f"{error.message}: nothing runs by itself.", error.next_step)


def _server(server: Orchestrator, clock: Callable[[], datetime]) -> Iterator[Finding]:
    ours, theirs = version("prefect"), server.version()
    if ours == theirs:
        yield ok("prefect", f"Prefect's server answers; it is {theirs}, as here.")
    else:
        said = f"Prefect's server is {theirs}, and here {ours} is installed."
        yield failed("prefect", said, "Install the lock file's version on every machine, the server's as well.")
    said_at = server.clock()
    if said_at is not None:
        # It tells whole seconds.
        yield skew("prefect clock", "the Prefect server's", said_at - clock(), SKEW + timedelta(seconds=1))


def _settings(settings: Settings, server: Mapping[str, Any]) -> Iterator[Finding]:
    if server["analytics_enabled"]:
        said = "Prefect's server sends telemetry to its maker."
        remedy = "Start it in the project's folder, or set PREFECT_SERVER_ANALYTICS_ENABLED=false."
        yield failed("telemetry", said, remedy)
    else:
        yield ok("telemetry", "Prefect's server calls nobody.")
    vacuum = server["services"]["db_vacuum"]["enabled"]
    if vacuum is True or (isinstance(vacuum, list) and "flow_runs" in vacuum):
        yield ok("vacuum", "Old runs are removed from Prefect's database.")
    else:
        said = "Old runs are never removed from Prefect's database: it grows until its scheduler stands still."
        remedy = "Start it in the project's folder, or set PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=events,flow_runs."
        yield failed("vacuum", said, remedy)
    yield _messages(settings, server)


def _messages(settings: Settings, server: Mapping[str, Any]) -> Finding:
    """Several API servers that keep these in memory each have their own, and nobody says so."""
    alone = [name for name, (part, key) in SHARED.items() if "memory" in str(server[part][key])]
    remedy = "Set them to Redis, as docs/operations.md lists; or run one API server, and set QORGAN_PREFECT_SERVERS=1."
    if alone and settings.prefect_servers > 1:
        said = f"There are {settings.prefect_servers} API servers, and each keeps to itself: {', '.join(alone)}."
        return failed("messages", said, remedy)
    if alone and len(alone) < len(SHARED):
        said = f"Only a part is shared among API servers; each keeps to itself: {', '.join(alone)}."
        return failed("messages", said, remedy)
    if alone:
        return ok("messages", "Messages and leases are kept in memory, which one API server may do.")
    return ok("messages", "Messages and leases are shared among API servers.")


def _deployments(server: Orchestrator) -> Finding:
    wrong = differences(planned(), server.deployments())
    if wrong:
        said = ", ".join(f"{one.deployment} ({one.fault})" for one in wrong)
        return failed("deployments", f"Prefect differs from prefect.yaml: {said}.", "Run 'qorgan reconcile'.")
    return ok("deployments", "Deployments and schedules are those of prefect.yaml.")


def _automations(server: Orchestrator) -> Finding:
    remedy = "Run 'qorgan automations apply'."
    try:
        wrong = automations.differences(server)
    except QorganError as error:
        return failed("automations", f"The automations cannot be compared: {error.message}.", error.next_step or remedy)
    if wrong:
        said = ", ".join(f"{one.name} ({one.fault})" for one in wrong)
        return failed("automations", f"Automations are not as their files say: {said}.", remedy)
    return ok("automations", "Automations are those of automations/.")


def _workers(settings: Settings, server: Orchestrator) -> Finding:
    found = server.workers()
    if found is None:
        said = f"Prefect has no work pool '{POOL}': nothing can run."
        return failed("workers", said, "Deploy again: make the work pool and its queues, then 'prefect deploy --all'.")
    paused = server.paused()
    if paused:
        said = f"Stopped by hand: {', '.join(paused)}; nothing of it runs."
        return failed("workers", said, "Let it go on in Prefect's page, under Work Pools.")
    if not found:
        said = f"No worker polls the work pool '{POOL}': nothing runs."
        return failed("workers", said, f"Start one: 'prefect worker start --pool {POOL}'.")
    if settings.database.startswith("sqlite") and len(found) > MOST_ON_SQLITE:
        return failed(
            "workers",
            f"{len(found)} workers share a case file on SQLite: they wait for each other, and time out.",
            "Stop all but one for each queue, or move the case file to PostgreSQL.",
        )
    return ok("workers", f"{len(found)} worker(s) poll.")
