"""Is this installation fit to work? Each check says in a sentence what is wrong, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta

from desk.findings import Finding, Part
from desk.health_case_file import Look, case_file, contents, its_clock, its_commits
from desk.health_machine import disk, outside, versions
from desk.health_people import backups, held_back
from desk.health_policy import policy_and_people
from desk.health_prefect import prefect
from desk.health_schedules import one_machine, one_program, schedules
from desk.mail_health import mail_settings
from tasks.settings import Settings


def examine(settings: Settings, now: datetime, parts: Collection[Part] = tuple(Part)) -> list[Finding]:
    """Every check of these parts; none changes anything, and one that fails does not keep the others from running."""
    began = time.monotonic()

    def clock() -> datetime:
        """``now`` goes on: a check may wait for somebody for seconds before clocks are compared."""
        return now + timedelta(seconds=time.monotonic() - began)

    looks: list[Look] = []
    if Part.CASE_FILE in parts:
        looks += [contents(settings), held_back, backups(settings, now)]
        looks += [its_clock(clock), its_commits, one_program(now), one_machine(now)]
    if Part.SWITCH in parts:
        looks.append(schedules(now))
    findings: list[Finding] = []
    if Part.POLICY in parts:
        findings += policy_and_people(settings, now)
    if looks:
        findings += case_file(settings, *looks)
    if Part.MAIL in parts:
        findings += [*outside(settings), *mail_settings(settings)]
    if Part.PREFECT in parts:
        findings += prefect(settings, clock)
    if Part.MACHINE in parts:
        findings += [versions(), disk(settings)]
    return findings
