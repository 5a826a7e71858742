"""The dead man's switch: whether what runs by itself has run. It reads the case file and asks nobody else.

A scheduler can be dead while its server looks healthy, and then nobody watches the deadlines.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from desk.findings import Finding, failed, ok, warning
from desk.health_case_file import Look
from tasks.heartbeats import Beat, beats
from tasks.program import host, program, programs
from tasks.sla_sweep import NAME as SWEEP

A_MINUTE = timedelta(minutes=1)


def schedules(now: datetime) -> Look:
    """The sweep first: it watches the deadlines."""

    def look(session: Session) -> Iterator[Finding]:
        found = beats(session, now)
        [sweep] = [one for one in found if one.schedule.name == SWEEP]
        yield _sweep(sweep, now)
        yield _others([one for one in found if one is not sweep], now)

    return look


def _sweep(sweep: Beat, now: datetime) -> Finding:
    remedy = "Run 'qorgan sweep' now, then find out why the schedule stands still."
    if sweep.late:
        quiet = f"has not succeeded for {_minutes(sweep, now)}" if sweep.succeeded_at else "has never succeeded"
        return failed("sweep", f"The sweep {quiet}; nobody is watching the deadlines.", remedy)
    if sweep.succeeded_at is None:
        return warning("sweep", "The sweep never ran here.", "Start the schedule, or run 'qorgan sweep'.")
    return ok("sweep", f"The sweep last succeeded {_minutes(sweep, now)} ago.")


def _others(others: list[Beat], now: datetime) -> Finding:
    late = [one for one in others if one.late]
    if late:
        said = ", ".join(
            f"{one.schedule.name} ({_minutes(one, now) + ' ago' if one.succeeded_at else 'never'})" for one in late
        )
        return failed(
            "schedules",
            f"Scheduled work is late; last success: {said}.",
            "Look at these deployments in Prefect's page; 'qorgan reconcile' restores their schedules.",
        )
    never = [one.schedule.name for one in others if one.expected_since is None]
    if never:
        said = f"Scheduled work never ran here: {', '.join(never)}."
        return warning("schedules", said, "Deploy, start a worker, and run 'qorgan reconcile' once.")
    return ok("schedules", "All scheduled work is in time.")


def _minutes(beat: Beat, now: datetime) -> str:
    since = beat.succeeded_at or beat.expected_since or now
    return f"{max((now - since) // A_MINUTE, 0)} minute(s)"


LATELY = timedelta(hours=1)
"""A machine that has not worked for so long may be gone; what it ran counts for nothing."""


def one_program(now: datetime) -> Look:
    """Whether every machine that worked lately runs this very program."""

    def look(session: Session) -> Iterator[Finding]:
        lately = {where: ran for where, (at, ran) in programs(session).items() if now - at <= LATELY}
        other = {where: ran for where, ran in lately.items() if ran != program()}
        if other:
            said = "; ".join(f"{where} works with {ran}" for where, ran in sorted(other.items()))
            yield failed(
                "program",
                f"Another program works on this case file: {said}; this is {program()}.",
                "Install the same version on every machine, restart its workers, and look again after their next run.",
            )
        else:
            yield ok("program", f"Every machine that worked lately runs {program()}.")

    return look


def one_machine(now: datetime) -> Look:
    """SQLite is for one machine: its locks do not hold over a network."""

    def look(session: Session) -> Iterator[Finding]:
        if session.get_bind().dialect.name != "sqlite":
            return
        others = {where for where, (at, _) in programs(session).items() if now - at <= LATELY} - {host()}
        if others:
            yield failed(
                "sqlite",
                f"The case file is SQLite, and other machines work on it: {', '.join(sorted(others))}.",
                "Stop their workers. For several machines move the case file to PostgreSQL.",
            )

    return look
