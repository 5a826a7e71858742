"""What may stand in which letter: nothing undeclared, nothing secret, nothing internal outside, nothing unfilled."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from casework.letter_context import (
    EXPOSURE,
    SUBJECT_KEYS,
    WRITTEN_BY_PEOPLE,
    Exposure,
    LetterContext,
    empty_context,
    sample_context,
    seal,
)
from casework.letters import LETTERS
from casework.sealed import Sealed, Unprintable
from tasks.letter_environment import asked_by
from tasks.letterpress import Letterpress, RenderFailed
from tests.templates.built_contexts import context, sparse
from tests.templates.rendering import ENVIRONMENT, EVERY_LETTER, OF_A_CASE, TEMPLATES, Page, flat

PRESS = Letterpress(TEMPLATES)
SECRETS = {key for key, far in EXPOSURE.items() if far is Exposure.SECRET}
INTERNALS = {key for key, far in EXPOSURE.items() if far is Exposure.INTERNAL}

every_letter = pytest.mark.parametrize(("letter", "language"), EVERY_LETTER)


def signed(value: Any, key: str = "") -> Any:
    """The same value with every text replaced by a mark that names its key."""
    if isinstance(value, dict):
        return {name: signed(of, name) for name, of in value.items()}
    if isinstance(value, list):
        return [signed(of, key) for of in value]
    return f"§{key}§" if isinstance(value, str) else value


@every_letter
def test_every_letter_can_be_made_and_states_what_it_must(letter: str, language: str) -> None:
    made = PRESS.render(letter, context(letter, language))
    for needed in LETTERS[letter].must_contain:
        value: Any = context(letter, language)
        for key in needed.split("."):
            value = value[key]
        assert flat(str(value)) in flat(made.text), needed
        assert flat(str(value)) in Page(made.html).text, needed


@every_letter
def test_every_letter_can_be_made_of_no_more_than_it_must_state(letter: str, language: str) -> None:
    made = PRESS.render(letter, sparse(letter, language))
    assert made.subject
    assert "None" not in made.text


@every_letter
def test_a_letter_uses_only_what_is_declared_and_may_stand_in_it(letter: str, language: str) -> None:
    used = PRESS.variables(letter, language)
    assert used <= EXPOSURE.keys()
    assert len(used) > 5
    assert not used & SECRETS
    assert LETTERS[letter].internal or not used & INTERNALS


@every_letter
def test_a_subject_says_nothing_of_a_person_or_of_the_matter(letter: str, language: str) -> None:
    name = f"{letter}/{language}/subject.txt"
    assert asked_by(ENVIRONMENT, name).variables <= SUBJECT_KEYS
    kept = {"language": language, "disposition_code": "action_taken"}
    marked = {**signed(dict(sample_context(language, filled=True))), **kept}
    said = set(re.findall(r"§(\w+)§", ENVIRONMENT.get_template(name).render(**marked)))
    if LETTERS[letter].about == "case":
        assert "case_number" in said
    assert said <= {"case_number", "local", "utc", "threshold"}


@every_letter
def test_a_letter_that_lacks_any_variable_is_not_made_and_the_variable_is_named(letter: str, language: str) -> None:
    built = dict(context(letter, language))
    for key in PRESS.variables(letter, language):
        lacking = cast(LetterContext, {name: value for name, value in built.items() if name != key})
        with pytest.raises(RenderFailed) as failed:
            PRESS.render(letter, lacking)
        named = "?" if key == "language" else language
        assert failed.value.message == f"letter '{letter}' in '{named}': the context lacks '{key}'"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Letterpress:
    """Templates in which every letter asks for something that nobody gives."""
    folder = tmp_path_factory.mktemp("broken") / "templates"
    shutil.copytree(TEMPLATES, folder)
    for letter, language in EVERY_LETTER:
        with (folder / letter / language / "wording.txt").open("a", encoding="utf-8") as wording:
            wording.write("{% set reply %}{{ no_such_word }}{% endset %}\n")
    return Letterpress(folder)


@every_letter
def test_a_template_that_asks_for_what_no_letter_knows_makes_no_letter(
    broken: Letterpress, letter: str, language: str
) -> None:
    with pytest.raises(RenderFailed) as failed:
        broken.render(letter, context(letter, language))
    assert failed.value.message == f"letter '{letter}' in '{language}': the context lacks 'no_such_word'"


def test_a_template_that_is_missing_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    made = small(tmp_path, "{{ case_number }}")
    (tmp_path / "receipt" / "en" / "body.html").unlink()
    with pytest.raises(RenderFailed, match=r"letter 'receipt' in 'en': there is no template 'receipt/en/body\.html'"):
        made.render("receipt", context("receipt", "en"))
    with pytest.raises(RenderFailed, match=r"letter 'receipt' in 'en': 'receipt/en/body\.\w+' cannot be read, line 1"):
        small(tmp_path, "{% if %}").render("receipt", context("receipt", "en"))


# A press of one small letter --------------------------------------------------------------------------------


def small(folder: Path, body: str, letter: str = "receipt", subject: str = "{{ case_number }}") -> Letterpress:
    """A press with one English letter, whose two bodies say ``body``."""
    of_letter = folder / letter / "en"
    of_letter.mkdir(parents=True, exist_ok=True)
    (of_letter / "subject.txt").write_text(subject, encoding="utf-8")
    for part in ("body.txt", "body.html"):
        (of_letter / part).write_text("{{ case_number }} " + body, encoding="utf-8")
    return Letterpress(folder)


WAYS_TO_PRINT = (
    *("{{ KEY }}", "{{ KEY | string }}", "{{ KEY | e }}", "{{ KEY | upper }}", "{{ KEY | trim }}", "{{ KEY | title }}"),
    *("{{ KEY | list }}", "{{ KEY | length }}", "{{ KEY | first }}", "{{ KEY | join }}", "{{ KEY | int }}"),
    *("{{ KEY | default('x') }}", "{{ KEY or 'x' }}", "{{ KEY | pprint }}", "{{ KEY | replace('a', 'b') }}"),
    *("{{ KEY | wordwrap }}", "{{ KEY | safe }}", "{{ KEY | forceescape }}", "{{ KEY | truncate(3) }}"),
    *("{{ 'a' ~ KEY }}", "{{ 'a' + KEY }}", "{{ KEY + 'a' }}", "{{ KEY * 2 }}", "{{ '%s' % KEY }}"),
    *("{{ '%r' | format(KEY) }}", "{{ '%s' | format(KEY) }}", "{{ '{}'.format(KEY) }}", "{{ '{0.x}'.format(KEY) }}"),
    *("{{ [KEY] }}", "{{ {'a': KEY} }}", "{{ {KEY: 1} }}", "{{ ([KEY] | join(',')) }}", "{{ [KEY] | sort }}"),
    *("{{ KEY.split() }}", "{{ KEY[0] }}", "{{ KEY['a'] }}", "{{ KEY[:2] }}", "{{ KEY.__class__ }}", "{{ KEY._key }}"),
    *("{{ KEY == 'a' }}", "{{ KEY < 'a' }}", "{{ 'a' in KEY }}", "{% for sign in KEY %}{{ sign }}{% endfor %}"),
    *("{% set x %}{{ KEY }}{% endset %}{{ x }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(KEY) }}"),
)


@pytest.mark.parametrize("way", WAYS_TO_PRINT)
@pytest.mark.parametrize("key", sorted(SECRETS | {"expert_group"}))
def test_what_may_not_stand_in_a_letter_is_printed_in_no_way(tmp_path: Path, way: str, key: str) -> None:
    press = small(tmp_path, way.replace("KEY", key))
    filled = sample_context("en", filled=True)
    with pytest.raises(RenderFailed) as failed:
        press.render("receipt", filled)
    said = f"letter 'receipt' in 'en': body.txt prints {key}, which is {EXPOSURE[key].value}"
    # The sandbox itself refuses names that begin with an underscore.
    assert failed.value.message == (said if "._" not in way else "letter 'receipt' in 'en': body.txt: SecurityError")


@pytest.mark.parametrize("way", ["{{ KEY }}", "{{ KEY | upper }}"])
def test_a_secret_given_as_plain_text_is_printed_no_more_than_a_sealed_one(tmp_path: Path, way: str) -> None:
    careless = cast(LetterContext, {**context("receipt", "en"), "reporter_name": "Aigerim"})
    with pytest.raises(RenderFailed, match="prints reporter_name, which is secret") as failed:
        small(tmp_path, way.replace("KEY", "reporter_name")).render("receipt", careless)
    assert "Aigerim" not in str(failed.value)


@pytest.mark.parametrize("there", [True, False])
def test_a_template_may_ask_whether_a_secret_is_there(tmp_path: Path, there: bool) -> None:
    body = "{% if reporter_name %}known{% else %}unknown{% endif %} {{ 'yes' if not reporter_address else 'no' }}"
    said = cast(
        LetterContext,
        {
            **context("receipt", "en"),
            "reporter_name": seal("reporter_name", there),
            "reporter_address": seal("reporter_address", there),
        },
    )
    text = small(tmp_path, body).render("receipt", said).text
    assert text.endswith("known no" if there else "unknown yes")
    assert ("unknown" in text) == (not there)


def test_an_internal_value_stands_in_letters_to_our_own_people_only(tmp_path: Path) -> None:
    filled = sample_context("en", filled=True)
    assert "expert_group" in small(tmp_path, "{{ expert_group }}", "duty_alert").render("duty_alert", filled).text
    body = "{{ failed.words }}"
    with pytest.raises(RenderFailed, match=r"letter 'closure' in 'en': body\.txt prints failed, which is internal"):
        small(tmp_path, body, "closure").render("closure", filled)
    with pytest.raises(RenderFailed, match=r"subject\.txt prints threshold, which is internal"):
        small(tmp_path, "x", "decline", "{{ case_number }} {{ threshold }}").render("decline", filled)


def test_a_sealed_value_holds_nothing_that_could_be_taken_out() -> None:
    sealed = seal("reporter_name", "Aigerim")
    assert bool(sealed)
    assert not seal("reporter_name", "")
    assert all("Aigerim" not in str(getattr(sealed, slot)) for slot in Sealed.__slots__)
    for print_it in (str, repr, format, list, len, hash, int, bytes):
        with pytest.raises(Unprintable, match="reporter_name is secret"):
            print_it(sealed)


@pytest.mark.parametrize("mark", ["{{ case_number }}", "{% if x %}", "### fill in ###"])
def test_a_letter_with_an_unfilled_placeholder_is_not_made(tmp_path: Path, mark: str) -> None:
    wanted = rf"letter 'receipt' in 'en': body.txt has an unfilled placeholder: {re.escape(mark.split()[0])}"
    with pytest.raises(RenderFailed, match=wanted):
        small(tmp_path, "{{ redress }}").render("receipt", context("receipt", "en", redress=mark))


@pytest.mark.parametrize("key", sorted(WRITTEN_BY_PEOPLE - {"items", "policy_basis", "failed"}))
def test_what_people_write_may_look_like_a_placeholder(tmp_path: Path, key: str) -> None:
    """A report that says '{{' is answered like any other."""
    made = small(tmp_path, f"{{{{ {key} }}}}").render("receipt", context("receipt", "en", **{key: "{{ x }} ###"}))
    assert "{{ x }} ###" in made.text


@pytest.mark.parametrize(("letter", "language"), OF_A_CASE)
def test_a_reporter_cannot_stop_a_letter_by_what_is_written(letter: str, language: str) -> None:
    odd = "{{ 7 * 7 }} {% raw %} ### \x00 \u202e"
    items = [{**item, "reason": odd} for item in context(letter, language)["items"]]
    assert PRESS.render(letter, context(letter, language, items=items, reasons=odd, question=odd, answer=odd)).text


@pytest.mark.parametrize(
    ("subject", "body", "named"),
    [
        (" ", "x", "has an empty part: subject.txt"),
        ("a subject", "x", "does not state its case_number in the subject"),
        ("{{ case_number }} {{ deadline.no_such_field }}", "x", "subject.txt: 'no_such_field' is undefined"),
        ("{{ case_number }}", "{{ repeat / 0 }}", "body.txt: ZeroDivisionError"),
    ],
)
def test_a_letter_that_fails_says_which_in_which_language_and_why(
    tmp_path: Path, subject: str, body: str, named: str
) -> None:
    with pytest.raises(RenderFailed) as failed:
        small(tmp_path, body, subject=subject).render("receipt", context("receipt", "en"))
    assert failed.value.message.startswith("letter 'receipt' in 'en'")
    assert failed.value.message.endswith(named)


@pytest.mark.parametrize("filled", [True, False], ids=["filled", "empty"])
def test_the_sample_context_has_every_key_and_nothing_else(filled: bool) -> None:
    made = sample_context("en", filled=filled)
    assert made.keys() == LetterContext.__annotations__.keys()
    assert made["language"] == "en"
    assert (made["deadline"] is not None) == filled
    assert bool(made["items"]) == filled
    assert bool(made["reporter_name"]) == filled
    assert made["repeat"] == int(filled)


def test_an_empty_context_is_empty() -> None:
    made = empty_context("kk")
    assert made["language"] == "kk"
    assert not made["disposition_code"]
    assert not made["rows"]


def test_every_key_says_how_far_it_may_go() -> None:
    assert EXPOSURE.keys() == LetterContext.__annotations__.keys()
    assert {"reporter_name", "reporter_address"} == SECRETS
    assert not (SECRETS | WRITTEN_BY_PEOPLE) & SUBJECT_KEYS
