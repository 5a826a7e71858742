"""Previews of one letter and the matrix of all: nothing is stored or sent, and a fault is never passed over."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from casework.letters import LETTERS
from casework.vocabulary import LANGUAGES
from tasks import letter_matrix
from tasks.acknowledgements import NoSuchLink, look_at_link
from tasks.runtime import load_pack, use
from tasks.sla_sweep import sweep
from tests.desk.conftest import AtTheDesk
from tests.templates.rendering import Page

_pack = cache(load_pack)
"""Reading a pack takes longest; once for all tests is enough."""

PACKS = ("au-esafety", "eu-trusted-flagger", "kz-ministry")


@pytest.mark.parametrize("kind", LETTERS)
def test_every_letter_can_be_read_without_a_case(desk: AtTheDesk, kind: str) -> None:
    told = desk.tells("letters", "preview", kind, "--language", "kk")
    assert told["case"] is None
    assert told["subject"]
    assert "Қазақстан Республикасының" in told["text"]
    assert desk.tells("letters", "list") == []


def test_a_preview_is_told_as_text_as_html_and_written_to_a_file(desk: AtTheDesk, tmp_path: Path) -> None:
    page = tmp_path / "letter.html"
    assert "Preview for a sample case, nothing is sent" in desk.says("letters", "preview", "closure")
    assert desk.says("letters", "preview", "closure", "--html").startswith("<!doctype html>")
    assert str(page) in desk.says("letters", "preview", "closure", "--out", page).replace("\n", "")
    assert Page(page.read_text(encoding="utf-8")).unbalanced == []


def test_a_preview_for_a_case_tells_of_that_case(desk: AtTheDesk) -> None:
    number = desk.in_review()
    told = desk.tells("letters", "preview", "receipt", number.lower(), "--language", "ru")
    assert told["case"] == number
    assert number in told["subject"]
    assert "KZ-2026-000123" not in told["text"]


def test_a_preview_of_a_letter_that_the_case_has_nothing_for_says_so(desk: AtTheDesk) -> None:
    number = desk.in_review()
    said = desk.refuses("letters", "preview", "address_request", number)
    assert f"{number}: letter 'address_request' in 'en' does not state its failed.letter_number" in said
    assert "qorgan letters preview address_request" in said


def test_a_link_in_a_preview_acknowledges_nothing(desk: AtTheDesk) -> None:
    """Whoever looks at a letter is not its recipient."""
    served = desk.story.with_settings(acknowledge_url="https://answers.ministry.example")
    number = served.submitted(category="gambling_advertising")
    for hours in (24, 4):
        served.clock.advance(hours=hours)
        sweep(served.runtime)
    [letter] = served.letters(number, "liaison_escalation")
    with use(served.runtime):
        told = desk.tells("letters", "preview", letter.kind, number)
    shown = set(re.findall(r"https://answers\S+/acknowledge/([\w.\-]+)", told["text"] + told["html"]))
    assert len(shown) == 1
    with pytest.raises(NoSuchLink):
        look_at_link(served.runtime, shown.pop())
    served.close()


@pytest.mark.parametrize("words", [("love_letter",), ("digest", "KZ-2026-000001")], ids=["unknown", "several"])
def test_a_preview_that_cannot_be_is_a_wrong_command(desk: AtTheDesk, words: tuple[str, ...]) -> None:
    assert desk.run("letters", "preview", *words).exit_code == 2


# The matrix ------------------------------------------------------------------------------------------------


@pytest.fixture
def own_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the letters that a test may change, without a release."""
    folder = tmp_path / "templates"
    shutil.copytree(letter_matrix.TEMPLATES, folder)
    (folder / "released.json").unlink(missing_ok=True)
    monkeypatch.setattr(letter_matrix, "TEMPLATES", folder)
    monkeypatch.setattr(letter_matrix, "RELEASED", folder / "released.json")
    monkeypatch.setattr(letter_matrix, "load_pack", _pack)
    return folder


@pytest.fixture
def one_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix of one pack; the others take as long and show no more."""
    monkeypatch.setattr(letter_matrix, "packs_here", lambda: ["au-esafety"])


def states(desk: AtTheDesk) -> dict[str, str]:
    cells = json.loads(desk.run("letters", "matrix", "--json").stdout)
    return {f"{cell['pack']}/{cell['letter']}/{cell['language']}": cell["state"] for cell in cells}


def test_the_matrix_has_every_letter_in_every_language_with_every_pack(desk: AtTheDesk, own_templates: Path) -> None:
    wanted = {f"{pack}/{letter}/{language}" for pack in PACKS for letter in LETTERS for language in LANGUAGES}
    assert states(desk).keys() == wanted


@pytest.mark.usefixtures("one_pack")
def test_the_matrix_says_what_changed_since_the_release(desk: AtTheDesk, own_templates: Path) -> None:
    assert set(states(desk).values()) == {"new"}
    desk.says("letters", "matrix", "--release")
    assert set(states(desk).values()) == {"ok"}
    subject = own_templates / "receipt" / "ru" / "subject.txt"
    subject.write_text(subject.read_text(encoding="utf-8").strip() + "!\n", encoding="utf-8")
    changed = {key for key, state in states(desk).items() if state == "changed"}
    assert changed == {"au-esafety/receipt/ru"}
    said = desk.says("letters", "matrix")
    assert "ru changed" in said
    assert f"{3 * len(LETTERS) - 1} ok" in said


@pytest.mark.usefixtures("own_templates")
def test_a_packs_own_wording_is_its_own_line() -> None:
    cells = {cell.key: cell.sha256 for cell in letter_matrix.matrix(["au-esafety", "kz-ministry"], {})}
    assert cells["au-esafety/decline/en"] != cells["kz-ministry/decline/en"]
    assert cells["au-esafety/decline/kk"] == cells["kz-ministry/decline/kk"]


@pytest.mark.usefixtures("one_pack")
def test_a_letter_that_fails_is_told_and_cannot_be_released(desk: AtTheDesk, own_templates: Path) -> None:
    desk.says("letters", "matrix", "--release")
    before = (own_templates / "released.json").read_bytes()
    (own_templates / "closure" / "kk" / "subject.txt").write_text("{{ case_numbre }}", encoding="utf-8")
    result = desk.run("letters", "matrix")
    assert result.exit_code == 1
    assert "letter 'closure' in 'kk': the context lacks 'case_numbre'" in " ".join(result.stdout.split())
    assert "kk fault" in result.stdout
    refused = desk.run("letters", "matrix", "--release")
    assert refused.exit_code == 1
    assert "letters with a fault: 1, the first is au-esafety/closure/kk" in refused.stderr
    assert (own_templates / "released.json").read_bytes() == before


def test_a_pack_whose_wording_cannot_be_used_is_a_fault_in_every_letter(
    desk: AtTheDesk, own_templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(letter_matrix.POLICIES / "au-esafety", policies / "au-esafety")
    (policies / "default.txt").write_text("au-esafety\n", encoding="utf-8")
    wording = policies / "au-esafety" / "wording.yaml"
    wording.write_text("passages: {receipt: {heading: {en: '{{ nobody }}'}}}\n", encoding="utf-8")
    monkeypatch.setattr(letter_matrix, "POLICIES", policies)
    found = states(desk)
    assert set(found.values()) == {"fault"}
    assert len(found) == len(LETTERS) * len(LANGUAGES)
    assert "a letter knows no 'nobody'" in " ".join(desk.run("letters", "matrix").stdout.split())


def test_the_page_of_all_letters_runs_and_loads_nothing(desk: AtTheDesk, own_templates: Path, tmp_path: Path) -> None:
    file = tmp_path / "letters.html"
    desk.says("letters", "matrix", "--out", file)
    page = Page(file.read_text(encoding="utf-8"))
    assert page.unbalanced == []
    assert "script" not in page.tags
    assert "img" not in page.tags
    frames = [value for name, value in page.attributes if name == "srcdoc"]
    assert len(frames) >= len(LETTERS) * len(LANGUAGES)
    assert all(frame.startswith("<!doctype html>") for frame in frames)
    assert [name for name, _ in page.attributes].count("sandbox") == len(frames)
    assert all(address.startswith("#") for address in page.addresses)


def test_the_committed_release_is_of_these_letters() -> None:
    """Whoever changes a wording sees it in the matrix; whoever releases writes the file anew."""
    released = letter_matrix.read_released()
    assert released.keys() == {
        f"{pack}/{letter}/{language}" for pack in PACKS for letter in LETTERS for language in LANGUAGES
    }
