"""The cast and the builders of the integration tests.

A story has a runtime on a real database, a practice platform and a practice mailbox to talk to, and one
clock that everybody shares. Tests take a case as far as they need and look at what was stored and sent.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import httpx
import pytest
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from casework.expert_opinion import Opinion
from casework.facts import CaseFacts
from casework.move_guards import MoveDetails
from casework.policy_pack import Pack
from casework.report_formats import split_file
from casework.vocabulary import Action, ReportState
from casework.waiting import Wait
from db.engine import make_engine
from db.migrate import newest, upgrade
from db.queries.cases import case_by_number, items_of_case, reviews_of_case
from db.queries.clocks import clocks_of_case
from db.queries.events import events_of_case
from db.queries.letters import escalations_of_case, letters_of_case
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Clock, ContentItem, Escalation, Event, Letter, Review, Submission
from sandbox.practice_mailbox import PracticeMailbox, StoredMessage
from sandbox.running import RunningPlatform
from tasks import case_lifecycle, correspondence, expert_opinions, intake, record, runtime
from tasks.heartbeats import beats
from tasks.intake_results import TakenIn
from tasks.invariants import invariants
from tasks.letterpress import Letterpress
from tasks.runtime import Runtime
from tasks.settings import ROOT, Settings
from tasks.users import Users, read_users

START = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
"""A Wednesday, nine in the morning in Astana; a working day with three public holidays behind it."""

USERS = ROOT / "examples" / "users.yaml"

INTAKE, OTHER_INTAKE = "aigerim", "nurlan"
REVIEWER, OTHER_REVIEWER = "daniyar", "saule"
HEAD, DUTY, AUDITOR, LIAISON = "marat", "olzhas", "dina", "liaison-tiktok"
CHAIR = "gulnara"

REASON = "The content meets the elements of the provision."
NECESSITY = "No milder measure ends the harm; the restriction is limited to one country."


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def set(self, at: datetime) -> None:
        self.at = at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


_links = iter(range(1, 10**9))


def link(video: int | None = None, account: str = "practice") -> str:
    """A TikTok video nobody reported before; equal numbers are equal items under other links."""
    number = next(_links) if video is None else video
    return f"https://www.tiktok.com/@{account}/video/73{number:017d}"


def portal_link() -> str:
    """A post on a platform that an officer operates by hand."""
    return f"https://www.facebook.com/groups/practice/posts/{next(_links):015d}/"


def report(**fields: Any) -> dict[str, Any]:
    """A complete report of one fraudulent video, handed in by a reachable reporter."""
    return {
        "links": [link()],
        "category": "fraud",
        "language": "ru",
        "description": "Обещают удвоить вклад и просят перевести деньги.",
        "quote": "Переведи сегодня и получи вдвое больше.",
        "why_unlawful": "Обман с целью завладеть чужими деньгами.",
        "observed_at": "2026-03-17T09:00:00+05:00",
        "policy_line": "Frauds and scams",
        "age_band": "adult",
        "reporter": {"name": "Practice Reporter", "email": "reporter@mail.example"},
        **fields,
    }


def in_danger(**fields: Any) -> dict[str, Any]:
    """A report of danger to a child's life: P0."""
    danger = {"category": "suicide_or_self_harm", "age_band": "13_17", "indicators": ["threat_to_life_of_child"]}
    return report(**{**danger, **fields})


def bullied(**fields: Any) -> dict[str, Any]:
    """What is reported of cyberbullying of a child: under the ministry's pack an expert group decides on it."""
    return {"category": "cyberbullying_child", "age_band": "13_17", **fields}


def opinion(decided_at: datetime, **said: Any) -> Opinion:
    """A group of five, one of whom stands aside, confirms by three votes to one."""
    votes = {
        "reference": "2026-12", "present": ("one", "two", "three", "four", "five"), "conflicted": ("five",),
        "in_favour": 3, "against": 1, "confirmed": True, "dissent": ("It is rude, and no bullying.",),
        "reasons": "The posts humiliate one pupil, by name, for weeks.", "decided_at": decided_at,
    }  # fmt: skip
    return Opinion(**{**votes, **said})


Rows = TypeVar("Rows")

_texts: Callable[[Path], dict[str, str]] = cache(runtime.pack_texts)
_pack: Callable[[Path], Pack] = cache(runtime.load_pack)
_engine: Callable[[str], Engine] = cache(make_engine)
"""One engine per address: the statements it has compiled serve the next test as well."""
_letterpresses: dict[str, Letterpress] = {}
"""One for each policy version: the templates it has read serve the next test as well."""
_practice_people = cache(lambda: read_users(USERS))


def _users(path: Path) -> Users:
    return _practice_people() if path == USERS else read_users(path)


def _upgrade(engine: Engine) -> None:
    """Most databases here are copies of a migrated one; migrating takes longer than looking."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != newest():
        upgrade(engine)


@contextmanager
def read_once() -> Iterator[None]:
    """Within, a runtime that is built reads what is the same for all tests only once."""
    files = mock.patch.multiple(runtime, load_pack=_pack, pack_texts=_texts, read_users=_users)
    # Certificates take longest to load, and nothing here speaks TLS.
    no_certificates = mock.patch.object(ssl.SSLContext, "load_verify_locations")
    with files, no_certificates:
        yield


def make_runtime(settings: Settings, now: Callable[[], datetime]) -> Runtime:
    """The runtime of these settings, as built for production."""
    with read_once(), mock.patch.multiple(runtime, make_engine=_engine, upgrade=_upgrade):
        built = runtime.build(settings, now=now)
    return replace(built, letterpress=_letterpresses.setdefault(built.pack.version, built.letterpress))


def close_runtime(built: Runtime) -> None:
    """Let go of connections."""
    built.channels["api"]._client.close()  # type: ignore[attr-defined]
    built.engine.dispose()


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls in threads of their own, all at once; what each gave back or raised, in order."""
    outcomes: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(position: int, call: Callable[[], Any]) -> None:
        start.wait(20)
        try:
            outcomes[position] = call()
        except Exception as error:
            outcomes[position] = error

    threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a call hangs"
    return outcomes


SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database: once is enough."""


@dataclass
class Story:
    """One installation and everything around it."""

    runtime: Runtime
    clock: MovableClock
    platform: RunningPlatform
    mailbox: PracticeMailbox

    # Time and settings

    def later(self, **by: float) -> None:
        """Time passes, for us and for the platform."""
        self.clock.advance(**by)
        self.platform.set_clock(self.clock.at)

    def with_settings(self, **changes: Any) -> Story:
        """The same installation with other settings, such as a shorter time-out. Close it with ``close``."""
        settings = self.runtime.settings.model_copy(update=changes)
        return replace(self, runtime=make_runtime(settings, self.clock))

    def close(self) -> None:
        close_runtime(self.runtime)

    # Reports in

    def hand_in(self, *reports: dict[str, Any], name: str = "reports.jsonl", by: str = INTAKE) -> list[TakenIn]:
        """Hand reports in as one file."""
        lines = b"\n".join(json.dumps(fields, ensure_ascii=False).encode() for fields in reports)
        return intake.take_in(self.runtime, split_file(name, lines), by)

    def take_in(self, **fields: Any) -> str:
        """A new case from one report; its number."""
        [result] = self.hand_in(report(**fields))
        assert result.state is ReportState.CASE, result
        assert result.case_number is not None
        return result.case_number

    # The way of a case

    def drive(self, number: str) -> Wait:
        return case_lifecycle.advance(self.runtime, number)

    def move(self, number: str, action: Action, by: str, **said: Any) -> CaseFacts:
        details = MoveDetails(**{"reason": REASON, **said})
        return record.move_case(self.runtime, number, action, by, details)

    def approve(self, number: str, by: str = REVIEWER, **said: Any) -> CaseFacts:
        """Approve with the basis that the category suggests."""
        basis = self.runtime.pack.category(self.case(number).category).basis
        return self.move(number, Action.APPROVE, by, **{"basis": tuple(basis), **said})

    def confirmed_by_experts(self, number: str, **said: Any) -> CaseFacts:
        """The chair enters that the group confirmed the case just now."""
        return expert_opinions.record_opinion(self.runtime, number, opinion(self.clock(), **said), CHAIR)

    def to_review(self, **fields: Any) -> str:
        number = self.take_in(**fields)
        self.drive(number)
        assert self.status(number) == "in_legal_review", self.case(number).missing
        return number

    def approved(self, **fields: Any) -> str:
        number = self.to_review(**fields)
        self.approve(number)
        return number

    def submitted(self, **fields: Any) -> str:
        number = self.approved(**fields)
        self.drive(number)
        assert self.status(number) == "submitted", [row.last_error for row in self.submissions(number)]
        return number

    def at_portal(self, **fields: Any) -> str:
        """Approved, and the dossier is with the officer."""
        number = self.approved(**{"links": [portal_link()], **fields})
        self.drive(number)
        assert self.submissions(number)[0].state == "handed_over"
        return number

    def answer(self, number: str, outcome: str, item: int = 1, **said: Any) -> None:
        """The platform answers about one item."""
        reference = next(row.platform_reference for row in self.submissions(number) if row.platform_reference)
        self.platform.force_answer(reference, str(item), outcome, **said)

    def platform_refuses(self, number: str, place: int = 0) -> None:
        """It has another paper under this one's key already, and will refuse ours for good."""
        row = self.submissions(number)[place]
        payload = bytes(row.payload).replace(b'"routine"', b'"another"')
        headers = {"Idempotency-Key": row.idempotency_key, "X-Environment": "practice"}
        taken = httpx.post(f"{self.platform.url}/v1/notices", content=payload, headers=headers, trust_env=False)
        assert taken.status_code == 201

    def send_letters(self, **options: Any) -> correspondence.Sent:
        return correspondence.send_letters(self.runtime, **options)

    # What is stored

    def case(self, number: str) -> CaseFile:
        with self.runtime.sessions.read() as session:
            found = case_by_number(session, number)
            assert found is not None, number
            return found

    def status(self, number: str) -> str:
        return self.case(number).status

    def items(self, number: str) -> Sequence[ContentItem]:
        return self._rows(items_of_case, number)

    def reviews(self, number: str) -> Sequence[Review]:
        return self._rows(reviews_of_case, number)

    def submissions(self, number: str) -> Sequence[Submission]:
        return self._rows(submissions_of_case, number)

    def escalations(self, number: str) -> Sequence[Escalation]:
        return self._rows(escalations_of_case, number)

    def letters(self, number: str, kind: str | None = None) -> list[Letter]:
        return [row for row in self._rows(letters_of_case, number) if kind in (None, row.kind)]

    def clocks(self, number: str, rule: str | None = None) -> list[Clock]:
        return [row for row in self._rows(clocks_of_case, number) if rule in (None, row.rule_id)]

    def events(self, number: str, kind: str | None = None) -> list[Event]:
        return [row for row in self._rows(events_of_case, number) if kind in (None, row.kind)]

    def _rows(self, question: Callable[[Session, int], Rows], number: str) -> Rows:
        with self.runtime.sessions.read() as session:
            return question(session, self.case(number).id)

    def all(self, table: type[Any]) -> list[Any]:
        with self.runtime.sessions.read() as session:
            return list(session.scalars(select(table)))

    def counts(self) -> dict[str, int]:
        """How many rows each table of the case file has: equal before and after, nothing was written."""
        tables = CaseFile.metadata.sorted_tables
        with self.runtime.sessions.read() as session:
            return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}

    def last_successes(self) -> dict[str, datetime]:
        """Of every schedule that ever had one."""
        with self.runtime.sessions.read() as session:
            found = beats(session, self.clock.at)
        return {one.schedule.name: one.succeeded_at for one in found if one.succeeded_at is not None}

    def execute(self, statement: str, **values: Any) -> None:
        """Raw SQL, as somebody at the database's own console would run it."""
        with self.runtime.engine.begin() as connection:
            connection.execute(text(statement), values)

    def allow_changes(self, *tables: str) -> None:
        """Drop the triggers that keep evidence, as somebody with the database's keys could."""
        for table in tables:
            for what in ("update", "delete"):
                on = f" ON {table}" if self.runtime.engine.dialect.name == "postgresql" else ""
                self.execute(f"DROP TRIGGER {table}_no_{what}{on}")

    def assert_sound(self) -> None:
        """Every invariant of the audit holds."""
        broken = [check for check in invariants(self.runtime) if not check.holds]
        assert not broken, broken

    # What left the house

    def at_platform(self, key: str) -> dict[str, Any] | None:
        """The platform's own view of what it received under a key."""
        found = httpx.get(f"{self.platform.url}/v1/notices/by-key/{key}", trust_env=False)
        return found.json() if found.status_code == 200 else None

    def notices_at_platform(self) -> int:
        return int(self.platform.state()["notices"])

    def mail(self, to: str | None = None) -> list[StoredMessage]:
        return [kept for kept in self.mailbox.messages() if to is None or to in kept.recipients]
