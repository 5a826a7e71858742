"""The letters about our own duties: more time was taken, or the time has run out."""

from __future__ import annotations

import re

import pytest

from casework.letters import LETTERS
from casework.vocabulary import DeliveryPromise, Recipient
from tasks.letterpress import Letterpress, RenderFailed
from tests.templates.built_contexts import context
from tests.templates.rendering import TEMPLATES, flat, rendered
from tests.templates.rendering import bodies as both_bodies

every_language = pytest.mark.parametrize("language", ["kk", "ru", "en"])
PRESS = Letterpress(TEMPLATES)


def bodies(letter: str, language: str, **overrides: object) -> list[str]:
    return list(both_bodies(letter, language, **overrides).values())


@every_language
def test_an_extension_tells_the_new_date_why_and_how_to_object(language: str) -> None:
    built = context("extension_notice", language)
    assert built["deadline"] is not None
    for body in bodies("extension_notice", language):
        assert built["deadline"]["due"]["local"] in body
        assert built["deadline"]["due"]["utc"] in body
        assert all(line in body for line in built["deadline"]["counted"])
        assert built["reasons"] in body
        assert built["redress"] in body


def test_an_extension_goes_to_the_reporter_once() -> None:
    assert LETTERS["extension_notice"].recipient is Recipient.REPORTER
    assert LETTERS["extension_notice"].promise is DeliveryPromise.AT_MOST_ONCE


@every_language
@pytest.mark.parametrize(
    ("letter", "lack", "named"),
    [
        ("extension_notice", {"reasons": ""}, "reasons"),
        ("extension_notice", {"redress": ""}, "redress"),
        ("extension_notice", {"deadline": None}, "deadline.due.utc"),
        ("overdue_reminder", {"duty_name": ""}, "duty_name"),
        ("overdue_reminder", {"deadline": None}, "deadline.due.utc"),
        ("platform_notice", {"submission_number": ""}, "submission_number"),
    ],
)
def test_a_letter_that_would_not_state_what_it_must_is_not_made(
    letter: str, language: str, lack: dict[str, object], named: str
) -> None:
    with pytest.raises(RenderFailed, match=f"does not state its {re.escape(named)}"):
        PRESS.render(letter, context(letter, language, **lack))


@every_language
def test_what_a_letter_must_state_may_be_long_and_hold_any_sign(language: str) -> None:
    """A body breaks its lines and HTML escapes; the value stands there all the same."""
    long = 'You may object to <the "board" & its chair>, ' + "and then to the court of the first instance, " * 9
    made = PRESS.render("extension_notice", context("extension_notice", language, redress=long, reasons=long))
    assert flat(made.text).count(flat(long)) == 2


@every_language
def test_an_overdue_reminder_says_what_is_owed_since_when_and_what_to_do(language: str) -> None:
    built = context("overdue_reminder", language)
    assert built["deadline"] is not None
    for body in bodies("overdue_reminder", language):
        assert built["duty_name"] in body
        assert built["overdue"] in body
        assert built["deadline"]["due"]["utc"] in body
        assert "1. " in body
        assert "3. " in body


@every_language
def test_a_reminder_counts_itself(language: str) -> None:
    other = {"kk": "Осыған дейін", "ru": "до этого письма", "en": "before this one"}[language]
    for repeat in (0, 1, 11):
        assert re.findall(r"\d+", rendered("overdue_reminder", language, "subject.txt", repeat=repeat))[2:] == [
            str(repeat + 1)
        ]
        for body in bodies("overdue_reminder", language, repeat=repeat):
            assert re.search(rf"\b{repeat + 1}\b", body.split("KZ-2026-000123")[0])
            assert (other in body) == bool(repeat)


def test_a_reminder_goes_to_our_own_unit_and_may_be_repeated() -> None:
    assert LETTERS["overdue_reminder"].recipient is Recipient.UNIT
    assert LETTERS["overdue_reminder"].promise is DeliveryPromise.AT_LEAST_ONCE


@every_language
def test_a_reminder_carries_no_content(language: str) -> None:
    built = context("overdue_reminder", language)
    for body in bodies("overdue_reminder", language):
        assert built["category"] not in body
        assert built["reasons"] not in body
        assert "Instagram" not in body
