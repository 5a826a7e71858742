"""Every letter, in every language, rendered and read.

The snapshots beside this file are the letters as they were last read; templates/REVIEW.md lists what a native
speaker or a lawyer still has to check. After a change of wording, run
``QORGAN_UPDATE_SNAPSHOTS=1 pytest tests/templates``, read the difference, and commit it with the change;
a run with the switch rewrites the files and then compares, so it passes.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from casework.letters import LETTERS
from casework.vocabulary import Disposition, Recipient
from tests.templates.built_contexts import ACK_LINK, LINKS, context, sparse
from tests.templates.rendering import (
    ABOUT_SEVERAL,
    EVERY_LETTER,
    FILES,
    OF_A_CASE,
    TEMPLATES,
    TO_OUTSIDE,
    Page,
    bodies,
    flat,
    page,
    rendered,
    words,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = os.environ.get("QORGAN_UPDATE_SNAPSHOTS") == "1"

every_letter = pytest.mark.parametrize(("letter", "language"), EVERY_LETTER)
every_letter_of_a_case = pytest.mark.parametrize(("letter", "language"), OF_A_CASE)
child_or_not = pytest.mark.parametrize("child", [False, True], ids=["adult", "child"])
every_language = pytest.mark.parametrize("language", ["kk", "ru", "en"])

WITH_DEADLINE = [
    (letter, language) for letter, language in EVERY_LETTER if context(letter, language)["deadline"] is not None
]
TO_REPORTER = [
    (letter, language) for letter, language in EVERY_LETTER if LETTERS[letter].recipient is Recipient.REPORTER
]
_PRESERVING = {
    (path.parent.parent.name, path.parent.name)
    for path in TEMPLATES.glob("*/*/wording.txt")
    if "{% set preservation %}" in path.read_text(encoding="utf-8")
}
WITH_PRESERVATION = [pair for pair in TO_OUTSIDE if pair in _PRESERVING and pair[0] != "preservation_request"]

NOT_VERIFIED = {"kk": "(тексерілмеген)", "ru": "(не проверено)", "en": "(not verified)"}
STATUTORY = {
    "kk": "Заңда белгіленген мерзім",
    "ru": "Срок, установленный законом",
    "en": "Statutory deadline",
}
REQUESTED = {"kk": "Жауап беру сұралатын уақыт", "ru": "Просим ответить до", "en": "Requested by"}
HARM_WORDS = (
    "child",
    "abuse",
    "sexual",
    "дет",
    "ребен",
    "насили",
    "сексуал",
    "бала",
    "зорлық",
    "жыныс",
    "кибер",
)


@pytest.mark.parametrize(
    ("letter", "language", "child"),
    [(*pair, False) for pair in EVERY_LETTER] + [(*pair, True) for pair in OF_A_CASE],
)
def test_a_letter_reads_as_it_was_reviewed(letter: str, language: str, child: bool) -> None:
    for file in FILES:
        snapshot = SNAPSHOTS / letter / language / (f"child.{file}" if child else file)
        text = rendered(letter, language, file, child=child)
        if UPDATE:
            snapshot.parent.mkdir(parents=True, exist_ok=True)
            snapshot.write_text(text, encoding="utf-8")
        assert snapshot.exists(), f"{snapshot.relative_to(SNAPSHOTS)} was never reviewed"
        assert text == snapshot.read_text(encoding="utf-8"), file


@every_letter
@child_or_not
def test_no_mark_is_left_unfilled(letter: str, language: str, child: bool) -> None:
    for file in FILES:
        text = rendered(letter, language, file, child=child)
        for mark in ("None", "{{", "}}", "{%", "Undefined", "%s"):
            assert mark not in text, f"{mark!r} in {file}"


@every_letter
@child_or_not
def test_the_html_says_exactly_what_the_text_says(letter: str, language: str, child: bool) -> None:
    text = rendered(letter, language, "body.txt", child=child)
    assert words(page(rendered(letter, language, "body.html", child=child)).text) == words(text)


@every_letter_of_a_case
def test_subject_and_bodies_carry_the_case_number(letter: str, language: str) -> None:
    assert "KZ-2026-000123" in rendered(letter, language, "subject.txt")
    for body in bodies(letter, language).values():
        assert "KZ-2026-000123" in body


@pytest.mark.parametrize(("letter", "language"), ABOUT_SEVERAL)
def test_a_letter_about_several_cases_tells_of_each_what_since_when_and_due_when(letter: str, language: str) -> None:
    built = context(letter, language)
    for body in bodies(letter, language).values():
        for row in built["rows"]:
            due = row["due"]["local"] if row["due"] else ""
            for said in (row["case_number"], row["what"], row["since"]["local"], due, row["overdue"]):
                assert said.casefold() in body.casefold()
        for count in built["counts"]:
            assert count["label"] in body
        assert built["period_to"] is not None
        assert built["period_to"]["utc"] in body


@every_letter
@child_or_not
def test_a_subject_is_one_short_line_without_links_or_harm(letter: str, language: str, child: bool) -> None:
    subject = rendered(letter, language, "subject.txt", child=child)
    assert subject == subject.strip()
    assert len(subject.splitlines()) == 1
    assert len(subject) <= 100
    assert not [forbidden for forbidden in ("@", "://", "[.]", "www.") if forbidden in subject.casefold()]
    assert not [harm for harm in HARM_WORDS if re.search(rf"\b{harm}", subject.casefold())]


@every_letter
@child_or_not
def test_the_html_is_well_formed_and_says_its_language(letter: str, language: str, child: bool) -> None:
    made = page(rendered(letter, language, "body.html", child=child))
    assert made.unbalanced == []
    assert ("lang", language) in made.attributes


@every_letter
@child_or_not
def test_nothing_in_a_letter_opens_but_the_reply_address_and_the_acknowledgement(
    letter: str, language: str, child: bool
) -> None:
    made = page(rendered(letter, language, "body.html", child=child))
    reply = "mailto:reply@ministry.example?subject="
    assert all(address == ACK_LINK or address.startswith(reply) for address in made.addresses)
    assert not made.tags & {"img", "script", "link", "iframe", "form", "video", "object", "style"}
    for file in FILES:
        text = rendered(letter, language, file, child=child).replace(ACK_LINK, "").casefold()
        assert "http://" not in text
        assert "https://" not in text
        assert "url(" not in text


@every_letter_of_a_case
@child_or_not
def test_every_line_of_a_text_body_fits_into_a_mail(letter: str, language: str, child: bool) -> None:
    hostile = "я" * 3000
    items = [{**item, "link": hostile, "reason": hostile} for item in context(letter, language)["items"]]
    body = rendered(letter, language, "body.txt", child=child, items=items, reasons=hostile, question=hostile)
    assert max(len(line.encode()) for line in body.splitlines()) <= 998


@every_letter
def test_hostile_text_comes_out_inert(letter: str, language: str) -> None:
    hostile = '{{7*7}} <script>alert(1)</script> "><img src=x>\r\nBcc: x@evil.example\u2028Subject: y'
    items = [
        {**item, "reason": hostile, "kind": hostile, "link": hostile, "outcome": hostile, "category": hostile}
        for item in context(letter, language)["items"]
    ]
    overrides = {
        "items": items,
        "reasons": hostile,
        "question": hostile,
        "missing": [hostile],
        "category": hostile,
        "recipient_name": hostile,
        "platform_reference": hostile,
        "requested_action": hostile,
        "disposition": hostile,
        "redress": hostile,
        "duty_name": hostile,
        "answer": hostile,
        "failed": {"letter_number": "1", "kind": hostile, "recipient": hostile, "words": hostile},
        "rows": [{**row, "what": hostile, "state": hostile} for row in context(letter, language)["rows"]],
        "deadline": {
            "due": {"local": "today", "utc": "today"},
            "counted": [hostile],
            "source": hostile,
            "verified": False,
            "statutory": True,
            "qualitative": hostile,
        },
    }
    made = Page(rendered(letter, language, "body.html", **overrides))
    assert not made.tags & {"script", "img"}
    assert made.unbalanced == []
    body = rendered(letter, language, "body.txt", **overrides)
    assert "49" not in words(body)
    assert "49" not in words(made.text)
    assert not [line for line in body.splitlines() if line.startswith(("Bcc:", "Subject:"))]
    assert rendered(letter, language, "subject.txt", **overrides) == rendered(letter, language, "subject.txt")


@pytest.mark.parametrize(("letter", "language"), WITH_DEADLINE)
@pytest.mark.parametrize("statutory", [True, False], ids=["statutory", "internal"])
def test_a_due_date_is_told_in_local_time_and_in_utc(letter: str, language: str, statutory: bool) -> None:
    deadline = context(letter, language)["deadline"]
    assert deadline is not None
    for body in bodies(letter, language, deadline={**deadline, "statutory": statutory}).values():
        assert deadline["due"]["local"] in body
        assert deadline["due"]["utc"] in body


@pytest.mark.parametrize(("letter", "language"), [pair for pair in TO_OUTSIDE if pair in WITH_DEADLINE])
def test_a_statutory_deadline_and_a_request_are_never_mixed_up(letter: str, language: str) -> None:
    deadline = context(letter, language)["deadline"]
    assert deadline is not None
    for body in bodies(letter, language, deadline={**deadline, "statutory": True}, overdue="").values():
        assert STATUTORY[language] in body
        assert REQUESTED[language] + ":" not in body
    for body in bodies(letter, language, deadline={**deadline, "statutory": False}, overdue="").values():
        assert STATUTORY[language] not in body
        assert REQUESTED[language] + ":" in body


@pytest.mark.parametrize(("letter", "language"), WITH_DEADLINE)
def test_a_letter_without_a_deadline_can_still_be_written(letter: str, language: str) -> None:
    due = context(letter, language)["deadline"]
    assert due is not None
    for body in bodies(letter, language, deadline=None, ack_due=None).values():
        assert due["due"]["utc"] not in body
        assert "KZ-2026-000123" in body


@pytest.mark.parametrize(("letter", "language"), TO_OUTSIDE)
def test_an_unverified_provision_is_marked_and_a_verified_one_is_not(letter: str, language: str) -> None:
    basis = context(letter, language)["legal_basis"]
    marked = f"{basis[1]['citation']} {NOT_VERIFIED[language]}"
    verified = [{**row, "verified": True} for row in basis]
    for body in bodies(letter, language).values():
        assert marked in body
        assert f"{basis[0]['citation']} {NOT_VERIFIED[language]} {basis[0]['title']}" not in body
    for body in bodies(letter, language, legal_basis=verified, deadline=None).values():
        assert NOT_VERIFIED[language] not in body


@every_letter
def test_a_letter_in_a_child_case_shows_no_link(letter: str, language: str) -> None:
    for body in bodies(letter, language, child=True).values():
        assert "[.]" not in body
        assert "hxxp" not in body
        assert all(link not in body for link in LINKS)


@pytest.mark.parametrize(("letter", "language"), TO_OUTSIDE)
def test_a_child_case_tells_the_items_apart_by_reference_only(letter: str, language: str) -> None:
    built = context(letter, language, child=True)
    for body in bodies(letter, language, child=True).values():
        assert "KZ-2026-000123/1/1" in body
        assert "KZ-2026-000123/1/2" in body
        assert built["items"][0]["reason"] not in body
        # Where the reasons are the letter, they are written so that they can go out.
        assert (built["reasons"] in body) == ("reasons" in LETTERS[letter].must_contain)


@pytest.mark.parametrize(("letter", "language"), TO_OUTSIDE)
def test_other_cases_show_defanged_links(letter: str, language: str) -> None:
    for body in bodies(letter, language, child=False).values():
        assert all(link in body for link in LINKS)


@pytest.mark.parametrize(("letter", "language"), TO_REPORTER)
@child_or_not
def test_reporters_always_read_whom_to_call_and_what_not_to_send(letter: str, language: str, child: bool) -> None:
    media = {"kk": "көшірмесін сақтамаңыз", "ru": "не храните копии", "en": "do not keep copies"}
    evidence = {"kk": "жоймауыңызды өтінеміз", "ru": "не удаляйте переписку", "en": "do not delete messages"}
    for body in bodies(letter, language, child=child).values():
        assert all(number in body for number in context(letter, language)["emergency_numbers"])
        assert media[language] in body
        assert evidence[language] in body


@every_language
@pytest.mark.parametrize("code", [member.value for member in Disposition])
def test_a_closure_explains_every_way_a_case_can_end(language: str, code: str) -> None:
    closed = rendered("closure", language, "body.txt", disposition_code=code)
    others = {
        rendered("closure", language, "body.txt", disposition_code=member.value)
        for member in Disposition
        if member.value != code
    }
    assert closed not in others
    assert len(others) == len(Disposition) - 1


@every_language
def test_a_disposition_without_a_sentence_is_refused_rather_than_left_blank(language: str) -> None:
    with pytest.raises(UndefinedError):
        rendered("closure", language, "body.txt", disposition_code="something_new")


@every_language
def test_a_closure_lists_no_outcomes_where_nothing_was_sent(language: str) -> None:
    outcome = context("closure", language)["items"][0]["outcome"]
    nothing = {"local": "", "utc": ""}
    assert outcome in flat(rendered("closure", language, "body.txt"))
    assert outcome not in flat(rendered("closure", language, "body.txt", submitted=nothing))


@every_language
def test_the_head_of_the_office_reads_what_the_liaison_got(language: str) -> None:
    for body in bodies("liaison_head_escalation", language).values():
        for rung in context("liaison_head_escalation", language)["rungs"]:
            assert rung["name"] in body
            assert rung["sent"]["utc"] in body


@every_language
def test_a_liaison_can_acknowledge_with_one_tap(language: str) -> None:
    for letter in ("liaison_escalation", "liaison_head_escalation"):
        addresses = page(rendered(letter, language, "body.html")).addresses
        assert "mailto:reply@ministry.example?subject=KZ-2026-000123&body=ACK" in addresses, letter
        assert set(addresses) - {ACK_LINK} == {"mailto:reply@ministry.example?subject=KZ-2026-000123&body=ACK"}


@pytest.mark.parametrize(("letter", "language"), WITH_PRESERVATION)
def test_preservation_is_asked_for_only_when_the_case_says_so(letter: str, language: str) -> None:
    title = {"kk": "Деректерді сақтау", "ru": "Сохранность данных", "en": "Preservation of data"}[language]
    for body in bodies(letter, language, preserve=True).values():
        assert title in body
    for body in bodies(letter, language, preserve=False).values():
        assert title not in body


@every_language
def test_the_police_learn_what_when_where_and_how_to_reach_us(language: str) -> None:
    built = context("police_referral", language)
    for body in bodies("police_referral", language).values():
        for fact in (built["received"]["utc"], "P0", "Instagram", ": 2", built["authority"]["phone"]):
            assert fact in body
        for item in built["items"]:
            assert item["kind"] in body


@every_language
def test_a_duty_alert_carries_no_content(language: str) -> None:
    built = context("duty_alert", language)
    for body in bodies("duty_alert", language).values():
        assert built["category"] not in body
        assert built["reasons"] not in body
        assert "Instagram" not in body
    assert len(rendered("duty_alert", language, "body.txt").splitlines()) < 45


@every_letter
def test_values_that_are_empty_leave_no_dangling_label(letter: str, language: str) -> None:
    empty: dict[str, object] = {key: value for key, value in sparse(letter, language).items() if key != "language"}
    body = rendered(letter, language, "body.txt", **empty)
    before_example = {"мысалы:", "например:", "example:"}
    dangling = [
        line
        for line, after in pairwise([*body.splitlines(), ""])
        if line.endswith(":") and line.split()[-1] not in before_example and not after.startswith("    ")
    ]
    assert dangling == []
    assert words(Page(rendered(letter, language, "body.html", **empty)).text) == words(body)
