"""'qorgan policy simulate': what another policy would have done, for a person, for a program, as a picture."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from desk.simulation_picture import WIDTH, Bars, Panel, picture
from tasks.collect_outcomes import collect
from tasks.settings import POLICIES
from tests.desk.conftest import AtTheDesk

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """The ministry's pack with an hour for platforms, and children's cases one level up."""
    folder = tmp_path / "stricter"
    shutil.copytree(POLICIES / "kz-ministry", folder)
    _replace(folder / "regime.yaml", r"(?m)^id: .*$", "id: kz-ministry/2029-01")
    _replace(folder / "sla.yaml", r"amount: 48, unit: hours", "amount: 1, unit: hours")
    _replace(folder / "priority.yaml", r"(id: kz\.p2\.harm_to_child\n +level:) P2", r"\1 P1")
    return folder


def _replace(path: Path, what: str, by: str) -> None:
    text, count = re.subn(what, by, path.read_text(encoding="utf-8"))
    assert count, f"{path.name} has no {what}"
    path.write_text(text, encoding="utf-8")


def answered_after_three_hours(desk: AtTheDesk) -> str:
    number = desk.story.submitted()
    desk.story.later(hours=3)
    desk.story.answer(number, "removed_globally")
    collect(desk.story.runtime)
    desk.story.drive(number)
    return number


def test_a_person_reads_levels_clocks_and_letters_before_and_after(desk: AtTheDesk, stricter: Path) -> None:
    late = answered_after_three_hours(desk)
    child = desk.in_review(category="cyberbullying_child", age_band="13_17", expert_decision="12-1")
    said = desk.says("policy", "simulate", "--pack", stricter)
    assert "replayed 2; otherwise under the new policy 2" in " ".join(said.split())
    assert re.search(rf"P2 → P1 +1 +{child}", said)
    assert re.search(r"kz\.internal\.platform_follow_up +1 +0 → 1 +\+1 +1", said)
    assert re.search(r"platform reminder +0 → 1 +\+1", said)
    assert "Nothing was changed." in said
    told = desk.tells("policy", "simulate", "--pack", stricter)
    assert told["level_moves"] == [{"from": "P2", "to": "P1", "cases": 1}]
    assert told["clocks"]["kz.internal.platform_follow_up"]["breached"] == [0, 1]
    assert told["letters"]["platform_reminder"] == {"written": [0, 1], "new": 1, "gone": 0}
    assert told["examples"]["newly breached kz.internal.platform_follow_up"] == [late]
    assert told["not_replayed"] == {}


def test_the_policy_in_use_against_itself_is_told_to_change_nothing(desk: AtTheDesk) -> None:
    answered_after_three_hours(desk)
    said = desk.says("policy", "simulate", "--pack", "kz-ministry")
    assert "No case would move." in said
    assert "█" not in said
    assert desk.tells("policy", "simulate", "--pack", "kz-ministry")["changed"] == 0


def test_the_picture_is_one_file_without_anything_from_elsewhere(
    desk: AtTheDesk, stricter: Path, tmp_path: Path
) -> None:
    answered_after_three_hours(desk)
    file = tmp_path / "what-if.svg"
    said = desk.says("policy", "simulate", "--pack", stricter, "--picture", file)
    assert "The picture is in what-if.svg." in said
    drawn = file.read_text(encoding="utf-8")
    root = ElementTree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    assert "Follow-up with the platform, in use 0, new 1" in (root.findtext(f"{SVG}desc") or "")
    assert "prefers-color-scheme: dark" in drawn
    assert not re.search(r"href|@import|url\((?!#)|<script|<image", drawn)


def test_what_cannot_be_tried_is_refused_in_a_sentence(desk: AtTheDesk, stricter: Path, tmp_path: Path) -> None:
    assert "no policy pack at 'nowhere'" in desk.refuses("policy", "simulate", "--pack", "nowhere")
    nowhere = tmp_path / "no-such-folder" / "picture.svg"
    said = desk.refuses("policy", "simulate", "--pack", stricter, "--picture", nowhere)
    assert "the picture cannot be written to 'picture.svg'" in said
    (stricter / "sla.yaml").write_text("clocks: []\n", encoding="utf-8")
    assert "sla.yaml" in desk.refuses("policy", "simulate", "--pack", stricter)


def test_bars_keep_to_their_scale_and_texts_inside_the_page() -> None:
    rows = (Bars("A & <b>", (50, 100)), Bars("nothing any more", (1, 0)), Bars("x" * 80, (98_765, 100_000)))
    root = ElementTree.fromstring(
        picture("What if " + "long " * 40, "Compared.", [Panel("Panel", rows), Panel("Empty", ())])
    )
    wide = {
        kind: [float(bar.get("width", 0)) for bar in root.iter(f"{SVG}rect") if bar.get("class") == kind][1:]
        for kind in ("old", "new")
    }
    longest = wide["new"][-1]
    assert wide["old"][-1] == pytest.approx(longest * 0.98765, abs=0.1)
    assert wide["old"][0] == wide["old"][1] == 1.5, "what there is can be seen, however little"
    assert len(wide["new"]) == 2, "nothing is no bar"
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert "98,765 → 100,000  (+1,235)" in texts
    assert "1 → 0  (−1)" in texts
    assert not [text for text in texts if len(text) > 130]
    assert "Empty" not in texts
    advance = {"title": 10.5, "panel": 8.5, "label": 7.5, "small": 7.0, "value": 7.2, "value more": 7.8}
    ends = [
        float(text.get("x", 0)) + advance[text.get("class", "")] * len(text.text or "")
        for text in root.iter(f"{SVG}text")
    ]
    assert max(ends) <= WIDTH
