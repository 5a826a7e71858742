"""A pack says in its own words what its law or its people call differently; a wording that cannot work is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from casework.letters import LETTERS
from tasks.letterpress import Letterpress, WordingRefused
from tasks.pack_wording import check_wording
from tests.templates.built_contexts import context
from tests.templates.rendering import EVERY_LETTER, TEMPLATES, Page, flat

PLAIN = Letterpress(TEMPLATES)


def read(text: str) -> Any:
    return yaml.safe_load(text)


def press(text: str) -> Letterpress:
    return Letterpress(TEMPLATES, wording=read(text))


def bodies(of: Letterpress, letter: str, language: str, **overrides: object) -> list[str]:
    """The words of both bodies."""
    made = of.render(letter, context(letter, language, **overrides))
    return [flat(made.text), Page(made.html).text]


def test_a_word_of_the_pack_stands_in_place_of_ours_and_all_others_stay() -> None:
    own = press("instrument: {prescription: {en: removal direction}}")
    assert own.word("instrument", "prescription", "en") == "removal direction"
    assert own.word("instrument", "prescription", "ru") == PLAIN.word("instrument", "prescription", "ru")
    assert own.word("instrument", "request", "en") == PLAIN.word("instrument", "request", "en")


def test_a_language_that_no_letter_has_gets_the_packs_english() -> None:
    assert press("instrument: {prescription: {en: removal direction}}").word("instrument", "prescription", "de") == (
        "removal direction"
    )


def test_a_pack_names_a_country_that_we_do_not_list() -> None:
    own = press('country: {"NZ": {en: New Zealand}}')
    assert own.word("country", "NZ", "en") == "New Zealand"
    with pytest.raises(KeyError):
        PLAIN.word("country", "NZ", "en")


def test_a_passage_of_the_pack_stands_in_place_of_ours_in_both_bodies() -> None:
    own = press("""
        passages:
          receipt:
            heading: {en: "Your complaint {{ case_number }} is with us"}
            opening:
              en: |
                Hello.

                {% if child %}
                You come first.
                {% endif %}
    """)
    ours = PLAIN.render("receipt", context("receipt", "en"))
    assert "Telling us was the right thing to do." in ours.text
    for body in bodies(own, "receipt", "en", child=True):
        assert "Your complaint KZ-2026-000123 is with us" in body
        assert "Hello. You come first." in body
        assert "Telling us was the right thing to do." not in body
        assert "Your report has the number KZ-2026-000123." in body
    for body in bodies(own, "receipt", "en", child=False):
        assert "You come first." not in body


def test_what_a_pack_leaves_alone_stays_letter_for_letter() -> None:
    own = press("passages: {receipt: {heading: {en: Received}}}")
    for letter, language in EVERY_LETTER:
        same = own.render(letter, context(letter, language)) == PLAIN.render(letter, context(letter, language))
        assert same == ((letter, language) != ("receipt", "en"))


def test_a_passage_may_use_the_letters_own_list_of_results() -> None:
    own = press("passages: {closure: {ask: {en: 'It is over. {{ results[disposition_code] }}'}}}")
    for body in bodies(own, "closure", "en"):
        assert "It is over. The platform has acted on everything we reported." in body


def test_a_pack_writes_a_subject_of_its_own() -> None:
    own = press('passages: {receipt: {subject: {en: "{{ case_number }}: we have your complaint\n"}}}')
    made = own.render("receipt", context("receipt", "en"))
    ours = PLAIN.render("receipt", context("receipt", "en"))
    assert made.subject == "KZ-2026-000123: we have your complaint"
    assert (made.text, made.html) == (ours.text, ours.html)
    assert own.render("receipt", context("receipt", "ru")) == PLAIN.render("receipt", context("receipt", "ru"))
    assert own.version != PLAIN.version


def test_a_subject_of_a_letter_to_our_own_unit_may_say_which_threshold_was_passed() -> None:
    wording = "passages: {deadline_warning: {subject: {en: '{{ case_number }}: {{ threshold }}'}}}"
    assert check_wording(TEMPLATES, read(wording)) == []


def test_values_in_a_passage_come_out_inert() -> None:
    own = press("passages: {decline: {heading: {en: 'Why: {{ reasons }}, <b>{{ reasons | safe }}</b>'}}}")
    made = own.render("decline", context("decline", "en", reasons="<script>{{ 7 * 7 }}</script>"))
    assert "script" not in Page(made.html).tags
    assert "<b>&lt;script&gt;" not in made.html
    assert "&lt;b&gt;&lt;script&gt;" in made.html
    assert "49" not in made.html


def test_the_recorded_version_covers_the_packs_wording() -> None:
    one = press("passages: {receipt: {heading: {en: Received}}}")
    other = press("passages: {receipt: {heading: {en: Received!}}}")
    assert len({PLAIN.version, one.version, other.version}) == 3
    assert one.version == press("passages: {receipt: {heading: {en: Received}}}").version
    assert Letterpress(TEMPLATES, wording={}).version == PLAIN.version


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "instruments: {request: {en: x}}",
            "instruments.request.en: words.yaml has no group 'instruments'; known: kind,",
        ),
        (
            "instrument: {order: {en: x}}",
            "instrument.order.en: the group 'instrument' of words.yaml has no code 'order'",
        ),
        ("instrument: {request: {de: x}}", "instrument.request.de: no letter is written in 'de'; known: "),
        ("instrument: {request: x}", "instrument.request: keys are needed here"),
        ("instrument: {request: {en: 7}}", "instrument.request.en: a text is needed here"),
        ("instrument: {request: {en: ' '}}", "instrument.request.en: a text is needed here"),
        ("instrument: {request: {en: {en: x}}}", "instrument.request.en: a text is needed here"),
        ("country: {NO: {en: Norway}}", "country.False: YAML does not read this key as text, put it in quotes"),
        ("counting: {due: {en: 'By {day}'}}", "counting.due.en: nothing fills in {day}; known: due"),
        ("counting: {due: {en: 'By {due'}}", "counting.due.en: the braces cannot be filled in"),
        ("[receipt]", "file: keys are needed here"),
        (
            "passages: {invoice: {heading: {en: x}}}",
            "passages.invoice.heading.en: no letter is called 'invoice'; known:",
        ),
        (
            "passages: {receipt: {title: {en: x}}}",
            "passages.receipt.title.en: the letter 'receipt' has no passage 'title'; known: heading, ask, due,",
        ),
        ("passages: {receipt: {subject: {en: 'Your report'}}}", "receipt.subject.en: a subject names its case:"),
        ('passages: {receipt: {subject: {en: "{{ case_number }}\\nBcc: x"}}}', "subject.en: a subject is one line"),
        ("passages: {receipt: {subject: {en: '{{ case_number }} {{ category }}'}}}", "'category' may not stand here"),
        ("passages: {receipt: {subject: {en: '{{ recipient_name }}'}}}", "'recipient_name' may not stand here"),
        ("passages: {receipt: {subject: {en: '{{ case_number }} {{ threshold }}'}}}", "'threshold' may not stand here"),
        ("passages: {receipt: {subject: {en: '{{ case_number'}}}", "passages.receipt.subject.en: cannot be read:"),
        ("passages: {receipt: {subject: {en: '{{ case_number.join([]) }}'}}}", "in a passage, not 'call'"),
        ("passages: {receipt: {subject: {en: '{{ case_number.x }}'}}}", "receipt.subject.en: does not render:"),
        ("passages: {receipt: {ask: {en: '{{ expert_group }}'}}}", "receipt.ask.en: 'expert_group' may not stand here"),
        (
            "passages: {receipt: {ask: {en: '{{ reporter_name }}'}}}",
            "ask.en: prints reporter_name, which is secret",
        ),
        (
            "passages: {duty_alert: {steps: {en: x}}}",
            "duty_alert.steps.en: the letter 'duty_alert' has no passage 'steps'",
        ),
        ("passages: {receipt: {heading: {fr: x}}}", "passages.receipt.heading.fr: no letter is written in 'fr'"),
        ("passages: {receipt: {heading: x}}", "passages.receipt.heading: keys are needed here"),
        ("passages: {receipt: {ask: {en: '{{ name }}'}}}", "passages.receipt.ask.en: a letter knows no 'name'"),
        ("passages: {receipt: {ask: {en: '{{ case_number'}}}", "passages.receipt.ask.en: cannot be read:"),
        ("passages: {receipt: {ask: {en: 'x {# y'}}}", "passages.receipt.ask.en: cannot be read:"),
        ("passages: {receipt: {ask: {en: 'x {% endset %} y'}}}", "passages.receipt.ask.en: cannot be read:"),
        ("passages: {receipt: {ask: {en: '{{ authority.nmae }}'}}}", "passages.receipt.ask.en: does not render:"),
        ("passages: {receipt: {ask: {en: '{{ deadline.due.utc }}'}}}", "passages.receipt.ask.en: does not render:"),
        ("passages: {receipt: {ask: {en: '{{ case_number + 1 }}'}}}", "passages.receipt.ask.en: does not render:"),
        ("passages: {receipt: {ask: {en: '{% if false %}x{% endif %}'}}}", "passages.receipt.ask.en: says nothing"),
        (
            "passages: {receipt: {ask: {en: '{% macro heading() %}<b>{% endmacro %}'}}}",
            "passages.receipt.ask.en: only text, values and conditions can stand in a passage, not 'macro'",
        ),
        ("passages: {receipt: {ask: {en: '{% include \"words.yaml\" %}'}}}", "in a passage, not 'include'"),
        ("passages: {receipt: {ask: {en: '{{ case_number.join([]) }}'}}}", "in a passage, not 'call'"),
    ],
)
def test_a_wording_that_cannot_work_is_refused_with_the_place(text: str, sentence: str) -> None:
    with pytest.raises(WordingRefused) as refused:
        press(text)
    assert refused.value.rule == "policy.wording"
    assert refused.value.message.startswith("wording.yaml: ")
    assert sentence in refused.value.message
    assert len(refused.value.message.splitlines()) == 1


def test_every_fault_is_told_at_once_with_the_keys_that_lead_to_it() -> None:
    wording = read("""
        instrument: {order: {en: x}}
        passages:
          invoice: {heading: {en: x}}
          receipt: {heading: {en: fine, ru: "{{ nobody }}"}}
    """)
    faults = check_wording(TEMPLATES, wording)
    assert [fault.path for fault in faults] == [
        ("instrument", "order", "en"),
        ("passages", "invoice", "heading", "en"),
        ("passages", "receipt", "heading", "ru"),
    ]
    with pytest.raises(WordingRefused) as refused:
        Letterpress(TEMPLATES, wording=wording)
    assert refused.value.message.splitlines() == [str(fault) for fault in faults]


def test_no_wording_has_no_faults() -> None:
    assert check_wording(TEMPLATES, {}) == []


@pytest.mark.parametrize("letter", LETTERS)
def test_every_passage_of_every_letter_passes_as_a_packs_own(letter: str) -> None:
    """What templates/ says is itself a wording that a pack may write."""
    source = (TEMPLATES / letter / "en" / "wording.txt").read_text(encoding="utf-8")
    pieces = [piece.split(" %}", 1) for piece in source.split("{% set ")[1:] if "{% endset %}" in piece]
    wording = {"passages": {letter: {name: {"en": text.split("{% endset %}")[0]} for name, text in pieces}}}
    assert len(pieces) >= 3
    assert check_wording(TEMPLATES, wording) == []
    own = Letterpress(TEMPLATES, wording=wording)
    assert bodies(own, letter, "en") == bodies(PLAIN, letter, "en")


def test_the_example_in_the_docs_is_a_wording_that_works() -> None:
    page = (TEMPLATES.parent / "docs" / "writing-a-letter.md").read_text(encoding="utf-8")
    own = press(page.split("```yaml\n")[1].split("```")[0])
    assert own.word("instrument", "prescription", "en") == "removal direction"
    for body in bodies(own, "receipt", "en", child=True):
        assert "Your complaint KZ-2026-000123 has arrived" in body
        assert "Complaints about children come first with us." in body
