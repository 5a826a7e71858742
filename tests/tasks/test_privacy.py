"""No person, no link and no letter text where they must not be: canaries are planted and looked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import inspect

from casework.vocabulary import Action
from db.tables import CaseFile, Clock, Event, HeldItem, Letter, Submission
from tasks.collect_outcomes import collect
from tasks.sla_sweep import sweep
from tests.stories import INTAKE, REVIEWER, SQLITE_ONLY, Story, link, report

pytestmark = SQLITE_ONLY

VIDEO = 424_242_424_242
PERSON = {"name": "Kanarka Imenova", "email": "kanarka@pochta.example", "phone": "+7 701 42 42 42"}
TEXTS = {
    "description": "kanarka-description", "quote": "kanarka-quote", "translation": "kanarka-translation",
    "why_unlawful": "kanarka-why", "reference": "kanarka-reference",
}  # fmt: skip
CANARIES = ["kanarka", "imenova", "pochta.example", "701 42", f"73{VIDEO:017d}", "://", "hxxp"]


class Listener(logging.Handler):
    """Keeps every line of every logger, but for the practice mail server's own: it is the other side."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "mail.log":
            return
        self.lines.append(f"{record.name} {record.getMessage()} {record.exc_text or ''} {record.exc_info or ''}")


@pytest.fixture
def listener(story: Story) -> Iterator[Listener]:
    """Hangs on our logger and on the one above all others."""
    hearing = Listener()
    loggers = [logging.getLogger("qorgan"), logging.getLogger()]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(hearing)
        logger.setLevel(logging.INFO)
    yield hearing
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(hearing)
        logger.setLevel(level)


def _told(table: type[Any], rows: list[Any], leave_out: tuple[str, ...]) -> str:
    columns = [column.key for column in inspect(table).columns if column.key not in leave_out]
    return "\n".join(f"{key}={getattr(row, key)!r}" for row in rows for key in columns)


def _whole_life(story: Story) -> str:
    """A case that meets everything: duplicates, held parts, refusals, silence, a question, an end."""
    planted = {**TEXTS, "reporter": PERSON, "victim": PERSON}
    number = story.take_in(links=[link(VIDEO, "kanarka"), "https://kanarka:kanarka@pochta.example/x"], **planted)
    story.hand_in(report(links=[link(VIDEO, "kanarka2")], **planted))
    story.hand_in({"links": ["ftp://kanarka.example/x"], "reporter": PERSON}, {"links": [], **planted})
    story.hand_in(report(**planted, language="kanarka"))
    story.mailbox.refuse_recipients = {PERSON["email"]}
    story.send_letters()
    story.mailbox.refuse_recipients = set()
    story.drive(number)
    story.approve(number)
    story.platform.behaviour(fail_next=1)
    story.drive(number)
    story.later(minutes=1)
    story.drive(number)
    story.mailbox.drop_after_data_next = 1
    story.send_letters()
    story.platform.behaviour(silent_categories=["fraud"])
    for _rung in range(3):
        story.later(days=3)
        sweep(story.runtime)
        story.send_letters()
    story.answer(number, "more_info_needed", reason="kanarka asks about https://pochta.example/")
    collect(story.runtime)
    story.drive(number)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    story.answer(number, "no_action", reason="kanarka is fine")
    collect(story.runtime)
    story.drive(number)
    story.send_letters()
    declined = story.to_review(**planted)
    story.move(declined, Action.DECLINE, REVIEWER)
    story.send_letters()
    assert story.status(number) == "closed"
    return number


def test_nothing_of_a_reporter_or_a_link_is_in_logs_events_or_subjects(story: Story, listener: Listener) -> None:
    _whole_life(story)
    places = {
        "logs": "\n".join(listener.lines),
        "events": _told(Event, story.all(Event), ()),
        "subjects": "\n".join(kept.subject for kept in story.mail()),
        "letters": _told(Letter, story.all(Letter), ()),
        "clocks": _told(Clock, story.all(Clock), ()),
        "holding pen": _told(HeldItem, story.all(HeldItem), ("sealed",)),
        "submissions": _told(Submission, story.all(Submission), ("payload",)),
    }
    assert len(listener.lines) >= 10
    assert len(story.mail()) >= 8
    found = [
        (place, line)
        for place, text in places.items()
        for line in text.splitlines()
        if any(canary in line.lower() for canary in CANARIES)
    ]
    assert found == []


def test_the_canaries_are_alive(story: Story, listener: Listener) -> None:
    """The search above finds what is there: the texts stand in the file of the case, the link in its notice."""
    number = story.approved(links=[link(VIDEO, "kanarka")], **TEXTS, reporter=PERSON)
    assert "kanarka-quote" in _told(CaseFile, story.all(CaseFile), ())
    assert f"73{VIDEO:017d}".encode() in bytes(story.submissions(number)[0].payload)
    logging.getLogger("anything").warning("a line of %s", "kanarka")
    assert any("kanarka" in line for line in listener.lines)


def test_results_of_an_intake_name_no_one(story: Story) -> None:
    results = story.hand_in(
        report(links=["https://kanarka:kanarka@pochta.example/x"], reporter=PERSON, **TEXTS),
        report(observed_at="kanarka", reporter=PERSON),
        report(language="kanarka-language", reporter={**PERSON, "is_child": "kanarka"}),
        by=INTAKE,
    )
    told = " ".join(f"{result.message} {result.reason}" for result in results).lower()
    assert {result.state.value for result in results} == {"held"}
    assert not [canary for canary in CANARIES if canary in told]
