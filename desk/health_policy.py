"""Checks of what people write: the policy pack, its calendar, and who may do what."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from casework.errors import QorganError
from casework.policy_pack import Pack
from casework.vocabulary import Role
from desk.findings import Finding, failed, ok, warning
from tasks.runtime import load_pack
from tasks.settings import Settings
from tasks.users import read_users

CALENDAR_SINCE = (11, 1)
"""Month and day from which the next year must be in the calendar: deadlines of two months reach into it."""

ESTIMATED_AHEAD = timedelta(days=90)


def policy_and_people(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether a notice could be approved today, and who may."""
    yield from _policy(settings, now)
    yield _users(settings)
    yield from _users_file(settings)


def _policy(settings: Settings, now: datetime) -> Iterator[Finding]:
    try:
        pack = load_pack(settings.pack_folder)
    except QorganError as error:
        first = error.message.splitlines()[0]
        yield failed("policy pack", f"The policy pack does not load: {first}.", "Run 'qorgan policy check'.")
        return
    if pack.in_force_on(pack.local_date(now)):
        yield ok("policy pack", f"Policy {pack.version} loads and is in force.")
    else:
        span = f"{pack.regime.valid_from} to {pack.regime.valid_to or 'further notice'}"
        yield failed(
            "policy pack",
            f"Policy {pack.version} loads, but is in force from {span}: no notice can be approved under it.",
            "Put the policy in force in place.",
        )
    yield _calendar(pack, now)
    yield _estimated(pack, now)
    yield _clashes(settings, pack)


def _calendar(pack: Pack, now: datetime) -> Finding:
    """Deadlines reach into the next year before it begins."""
    today = now.astimezone(ZoneInfo(pack.authority.zone)).date()
    missing = sorted(
        {
            wanted
            for calendar in pack.calendars.calendars
            for wanted in (today.year, today.year + 1)
            if wanted not in calendar.covers
        }
    )
    if not missing:
        return ok("calendar", f"The calendar covers {today.year} and {today.year + 1}.")
    urgent = missing[0] == today.year or today >= date(today.year, *CALENDAR_SINCE)
    return (failed if urgent else warning)(
        "calendar",
        f"The calendar does not cover {' and '.join(map(str, missing))}; deadlines that reach there cannot be counted.",
        "Enter the holidays once they are decided, and add the year to 'covers' in calendar.yaml.",
    )


def _estimated(pack: Pack, now: datetime) -> Finding:
    """Holidays that follow the moon are estimates until somebody has decided them."""
    first = pack.local_date(now)
    near = sorted(
        f"{on} {day.name}"
        for calendar in pack.calendars.calendars
        for on, day in calendar.public_days.items()
        if "estimated" in day.name and first <= on <= first + ESTIMATED_AHEAD
        and on not in {override.day for override in calendar.overrides}
    )  # fmt: skip
    if near:
        return warning(
            "holidays",
            f"Only estimated so far: {'; '.join(near)}.",
            "Enter the decided day in overrides.csv with its source, then run 'qorgan policy recompute'.",
        )
    return ok("holidays", "No holiday of the next 90 days is an estimate.")


def _clashes(settings: Settings, pack: Pack) -> Finding:
    """Roles that the pack keeps apart are held by different people."""
    try:
        people = read_users(settings.users).by_id.values()
    except QorganError:
        return warning("roles", "Roles cannot be checked without a users file.", "Correct users.yaml.")
    for person in people:
        clash = pack.roles.clash(person.roles)
        if clash is not None:
            return failed(
                "roles",
                f"{person.id} is {clash[0]} and {clash[1]}, which the policy keeps apart.",
                "Give one of the roles to somebody else in users.yaml.",
            )
    return ok("roles", "Nobody holds two roles that the policy keeps apart.")


def _users(settings: Settings) -> Finding:
    try:
        users = read_users(settings.users)
    except QorganError as error:
        return failed("users", f"The users file cannot be used: {error.message}.", "Correct users.yaml.")
    if not users.by_id:
        return failed(
            "users",
            "Nobody is known: there is no users file, or nobody in it.",
            "Write users.yaml; see examples/users.yaml.",
        )
    reviewers = [user.id for user in users.by_id.values() if user.has(Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT)]
    if not reviewers:
        return failed(
            "users",
            "Nobody may review: no user is a legal reviewer or head of unit.",
            "Give somebody the role in users.yaml.",
        )
    if len(reviewers) == 1:
        return warning(
            "users",
            "Only one person may review: political cases, appeals and lowered priorities need a second.",
            "Give a second person the role legal_reviewer in users.yaml.",
        )
    return ok("users", f"{len(users.by_id)} people are known, {len(reviewers)} of them may review.")


def _users_file(settings: Settings) -> Iterator[Finding]:
    """Who may write the file decides who may approve; who may read it knows the unit by name."""
    try:
        mode = settings.users.stat().st_mode
    except OSError:
        return
    where = settings.users.name
    if mode & stat.S_IWOTH:
        said = f"Everybody on this machine may write {where}, and so make themselves a reviewer."
        yield failed("users file", said, f"Run 'chmod o-rw {where}'.")
    elif mode & stat.S_IROTH:
        said = f"Everybody on this machine may read {where}, the unit by name."
        bad = failed if settings.environment == "production" else warning
        yield bad("users file", said, f"Run 'chmod o-r {where}'.")
    else:
        yield ok("users file", f"Only its owner and group may read {where}.")
