"""What a letter is made of is read before anybody holds the case file for it, and a P0's before there is one."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment

from tasks.correspondence import read_danger_letters
from tasks.letterpress import Letterpress
from tasks.pack_wording import WordingLoader
from tasks.settings import ROOT
from tests.stories import SQLITE_ONLY, Story, in_danger


@pytest.fixture
def story(story: Story) -> Story:
    """In a process that has read no template yet."""
    return replace(story, runtime=replace(story.runtime, letterpress=Letterpress(ROOT / "templates")))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were read from files, in order."""
    names: list[str] = []
    get_source = WordingLoader.get_source

    def noted(self: WordingLoader, environment: Environment, template: str) -> object:
        names.append(template)
        return get_source(self, environment, template)

    monkeypatch.setattr(WordingLoader, "get_source", noted)
    return names


@SQLITE_ONLY
def test_the_case_file_is_free_while_a_letters_templates_are_read(
    story: Story, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(str(story.runtime.engine.url.database), timeout=0, isolation_level=None)
    get_source = WordingLoader.get_source

    def while_another_writes(self: WordingLoader, environment: Environment, template: str) -> object:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        return get_source(self, environment, template)

    monkeypatch.setattr(WordingLoader, "get_source", while_another_writes)
    story.hand_in(in_danger())
    assert story.send_letters().sent == 3
    assert {Path(name).parts[0] for name in read} >= {"police_referral", "duty_alert", "receipt", "_base"}
    other.close()


def test_who_has_read_the_letters_of_danger_reads_nothing_when_there_is_danger(story: Story, read: list[str]) -> None:
    read_danger_letters(story.runtime)
    languages = {Path(name).parts[1] for name in read if name.startswith("police_referral/")}
    assert languages == set(story.runtime.pack.authority.languages)
    read.clear()
    [taken] = story.hand_in(in_danger())
    assert story.send_letters(urgent_only=True).sent == 2
    assert {row.state for row in story.letters(str(taken.case_number), "police_referral")} == {"sent"}
    assert read == []


def test_a_template_that_cannot_be_read_is_told_by_its_letter_and_holds_up_no_other(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_source = WordingLoader.get_source

    def torn(self: WordingLoader, environment: Environment, template: str) -> tuple[str, str, object]:
        source, file, fresh = get_source(self, environment, template)
        return ("{% if" if template.startswith("duty_alert") else source), file, fresh

    monkeypatch.setattr(WordingLoader, "get_source", torn)
    read_danger_letters(story.runtime)
    [taken] = story.hand_in(in_danger())
    story.send_letters(urgent_only=True)
    assert {row.state for row in story.letters(str(taken.case_number), "police_referral")} == {"sent"}
    [alert] = story.letters(str(taken.case_number), "duty_alert")
    assert alert.state == "refused"
    assert "cannot be read" in alert.reason
