"""What a letter calls law is law: checked or marked as unchecked, and never a target of our own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from casework.letters import LETTERS
from casework.vocabulary import Recipient
from tests.templates.built_contexts import context
from tests.templates.rendering import ENVIRONMENT, EVERY_LETTER, flat, rendered
from tests.templates.rendering import bodies as both_bodies

WITH_DEADLINE = [
    (letter, language) for letter, language in EVERY_LETTER if context(letter, language)["deadline"] is not None
]
LAW = {"kk": "заң", "ru": "закон", "en": r"law|statut"}
UNDUE_DELAY = {"kk": "негізсіз кідіріссіз", "ru": "без неоправданной задержки", "en": "without undue delay"}

every_deadline = pytest.mark.parametrize(("letter", "language"), WITH_DEADLINE)
now_or_overdue = pytest.mark.parametrize("overdue", ["", "3 × 24"], ids=["running", "overdue"])


def shared(language: str) -> Any:
    return ENVIRONMENT.get_template(f"_base/{language}/words.txt").module


def of_a_deadline(letter: str, language: str, *, overdue: str = "", **fields: object) -> dict[str, object]:
    """A letter's context about one deadline, with nothing else in it that speaks of law."""
    deadline = {
        "due": {"local": "LOCAL", "utc": "UTC"},
        "counted": ["COUNTED"],
        "source": "SOURCE",
        "verified": True,
        "statutory": True,
        "qualitative": "",
        **fields,
    }
    return {"deadline": deadline, "overdue": overdue, "legal_basis": [], "redress": ""}


def bodies(letter: str, language: str, **overrides: object) -> list[str]:
    return list(both_bodies(letter, language, **overrides).values())


def box(letter: str, language: str, **overrides: object) -> str:
    """What stands between the two rules at the head of a letter: what is asked, and by when."""
    return flat(re.split(r"={70,}", rendered(letter, language, "body.txt", **overrides))[1])


def section(letter: str, language: str, **overrides: object) -> str:
    """How the time was counted, as far as the next heading."""
    text = rendered(letter, language, "body.txt", **overrides)
    after = text.split(shared(language).counted + "\n", 1)
    return flat(re.split(r"\n\n", after[1])[0]) if len(after) == 2 else ""


@every_deadline
@now_or_overdue
def test_an_unchecked_time_of_law_is_marked_wherever_it_stands(letter: str, language: str, overdue: str) -> None:
    words = shared(language)
    unchecked = of_a_deadline(letter, language, overdue=overdue, verified=False)
    assert f"{words.not_verified}: LOCAL" in box(letter, language, **unchecked)
    for body in bodies(letter, language, **unchecked):
        assert f"SOURCE {words.not_verified}" in body
        assert words.unverified_law_note in body
        assert body.count("LOCAL") == body.count(f"{words.not_verified}: LOCAL")


@every_deadline
@now_or_overdue
def test_a_checked_time_of_law_carries_no_mark(letter: str, language: str, overdue: str) -> None:
    words = shared(language)
    checked = of_a_deadline(letter, language, overdue=overdue)
    assert re.search(LAW[language], box(letter, language, **checked).casefold())
    for body in bodies(letter, language, **checked):
        assert "SOURCE" in body
        assert words.not_verified not in body
        assert words.unverified_law_note not in body
        assert words.not_statutory_note not in body


@every_deadline
@now_or_overdue
@pytest.mark.parametrize("verified", [True, False], ids=["checked", "unchecked"])
def test_a_target_of_our_own_never_reads_as_law(letter: str, language: str, overdue: str, verified: bool) -> None:
    words, recipient = shared(language), LETTERS[letter].recipient
    own = of_a_deadline(letter, language, overdue=overdue, statutory=False, verified=verified)
    assert "LOCAL" in box(letter, language, **own)
    assert not re.search(LAW[language], box(letter, language, **own).casefold())
    counted = section(letter, language, **own).replace(words.not_statutory_note, "")
    assert not re.search(LAW[language], counted.casefold())
    for body in bodies(letter, language, **own):
        assert words.unverified_law_note not in body
        # Our own unit knows its targets; while one runs, a short letter does not tell how it was counted.
        assert (words.not_statutory_note in body) == (recipient is not Recipient.UNIT or bool(overdue))


@every_deadline
@now_or_overdue
@pytest.mark.parametrize("statutory", [True, False], ids=["by law", "by rule"])
def test_a_duty_without_a_number_is_told_in_the_laws_words(
    letter: str, language: str, overdue: str, statutory: bool
) -> None:
    """The date beside them is our own target, says so, and counts as late against nothing but that target."""
    words = shared(language)
    says = UNDUE_DELAY[language]
    duty = of_a_deadline(letter, language, overdue=overdue, statutory=statutory, qualitative=says)
    late = bool(overdue) and LETTERS[letter].recipient is not Recipient.REPORTER
    target = words.due_labels["target_passed" if late else "target"]
    stated = f"{words.law_says}: {words.quoted % says} {target}: LOCAL UTC"
    assert stated in box(letter, language, **duty)
    assert (f"{words.past_target}: {overdue}" in box(letter, language, **duty)) == late
    for body in bodies(letter, language, **duty):
        assert stated in body
        assert words.not_statutory_note in body
        assert f"{words.overdue}: {overdue}" not in body
        assert words.due_labels["statutory"] not in body
        assert words.not_verified not in body


@every_deadline
def test_unchecked_words_of_law_are_marked_like_an_unchecked_number(letter: str, language: str) -> None:
    words = shared(language)
    says = UNDUE_DELAY[language]
    for body in bodies(letter, language, **of_a_deadline(letter, language, qualitative=says, verified=False)):
        marked = f"{words.quoted % says} {words.not_verified}"
        assert body.count(says) == body.count(marked) == 2
        assert f"SOURCE {words.not_verified}" in body
        assert words.unverified_law_note in body


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_the_label_of_a_target_says_whose_it_is(language: str) -> None:
    denied = {"kk": "заңда белгіленбеген", "ru": "не установленный законом", "en": "not a time set by law"}
    labels = shared(language).due_labels
    assert denied[language] in labels["target"]
    assert denied[language] in labels["target_passed"]
