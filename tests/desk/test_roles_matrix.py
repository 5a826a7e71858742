"""Who may do what, found by trying: every command that acts for a person, and every move, with every role.

The table in docs/security.md is what was seen here. After a change on purpose, run this file once with
``QORGAN_UPDATE_SNAPSHOTS=1`` and read the difference.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from casework.errors import NotAllowed, QorganError
from casework.facts import Actor
from casework.lifecycle import MOVES, decide
from casework.vocabulary import Action, Role
from desk.main import app
from tasks import runtime
from tasks.case_facts import facts_of
from tasks.users import read_users
from tests.desk.conftest import AtTheDesk
from tests.stories import INTAKE, NECESSITY, REASON, USERS, portal_link
from tools.markdown import code, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
HEADING = "## Who may do what"
PEOPLE = {role.value: Actor(role.value, role.value, frozenset({role})) for role in Role if role is not Role.SYSTEM}
NOBODY = Actor("nobody", "nobody", frozenset())
"""In the users file, and without a role."""
WHY = ("--reason", REASON)
RULE = "kz.internal.review.routine"
BY_RULE = ("clock pause", "clock resume")
"""Commands whose roles stand in the rule of each clock; this pack has none that a person may stop."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command of the desk by its words."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, (*words, name))
        if not hasattr(command, "commands"):
            yield " ".join(words), command

    yield from walk(typer.main.get_command(app), ())


FOR_A_PERSON = [words for words, command in commands() if any("--as" in param.opts for param in command.params)]


@dataclass
class World:
    """An installation in which every command finds something to act on, brought back before each try."""

    desk: AtTheDesk
    folder: Path
    users: Path
    review: str
    political: str
    other: str
    portal: str
    asked: str
    closed: str
    returned: str
    bullied: str
    letter: int
    rung: int

    def words(self) -> dict[str, tuple[object, ...]]:
        """What is asked after each command's own words."""
        opinion = ("--reference", "2026-1", "--present", "a,b,c", "--in-favour", "3", "--against", "0")
        soon = "2026-12-01T09:00:00+05:00"
        return {
            "sweep": ("--confirm", "1", *WHY),
            "restore": (self.folder, *WHY),
            "report add": (self.folder / "reports.jsonl",),
            "case supply": (self.returned, "--quote", "Its own words.", *WHY),
            "case amend": (self.review, "--quote", "Its own words.", *WHY),
            "case withdraw": (self.review, *WHY),
            "case merge": (self.review, "--into", self.other, "--same-content", *WHY),
            "case reopen": (self.closed, *WHY),
            "case priority": (self.review, "P1", *WHY),
            "case restore": (self.closed, *WHY),
            "case export": (self.review, "--to", self.folder / "out", "--purpose", REASON),
            "review next": (),
            "review approve": (self.review, *WHY),
            "review endorse": (self.political, "--basis", "kz.communications.41-1.1.events",
                               "--proportionality", NECESSITY, *WHY),
            "review decline": (self.review, *WHY),
            "review return": (self.review, "--missing", "quote", *WHY),
            "review approve-urgently": (self.review, *WHY),
            "review confirm": (self.closed, *WHY),
            "review answer": (self.asked, *WHY),
            "review recall": (self.portal, *WHY),
            "expert record": (self.bullied, *opinion, "--reasons", REASON),
            "clock pause": (self.review, RULE, "--for", "court_suspension", *WHY),
            "clock resume": (self.review, RULE, *WHY),
            "clock extend": (self.bullied, "kz.expert_group", "--until", soon, *WHY),
            "submission dossier": (f"{self.portal}/S1",),
            "submission record-reference": (f"{self.portal}/S1", "CRS-9"),
            "submission record-outcome": (f"{self.closed}/S1", "1", "no_action"),
            "submission drop": (f"{self.portal}/S1", *WHY),
            "submission appeal": (f"{self.closed}/S1", *WHY),
            "escalation ack": (self.rung, "--via", "phone"),
            "letters show": (self.letter,),
            "letters replay": (self.letter, *WHY),
            "letters resolve": (self.letter, "--arrived", *WHY),
            "mail show": (1,),
            "mail assign": (1, self.review, *WHY),
            "mail settle": (1, *WHY),
            "mail replay": (1,),
            "contact list": (),
            "contact absent": ("police", "--from", soon, "--until", "2026-12-02T09:00:00+05:00", *WHY),
            "contact back": ("police",),
            "contact mend": ("police", *WHY),
            "held settle": (1, *WHY),
            "held replay": (1,),
            "hold place": (self.review, *WHY),
            "hold lift": (self.other, *WHY),
            "sending mute": WHY,
            "sending unmute": WHY,
            "retention confirm": WHY,
            "policy recompute": ("--apply", *WHY),
        }  # fmt: skip


@pytest.fixture
def world(desk: AtTheDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    story = desk.story
    known = yaml.safe_load(USERS.read_text(encoding="utf-8"))
    known["users"] += [
        {"id": one.id, "name": one.name, "roles": [role.value for role in one.roles]}
        for one in (*PEOPLE.values(), NOBODY)
    ]
    users = tmp_path / "users.yaml"
    users.write_text(yaml.safe_dump(known))
    users.chmod(0o600)
    monkeypatch.setenv("QORGAN_USERS_FILE", str(users))
    reports = tmp_path / "reports.jsonl"
    reports.write_text("{}\n")
    silent = story.submitted()
    story.later(days=8)
    desk.says("sweep")
    closed = desk.at_the_portal()
    for word in ("record-reference", "CRS-1"), ("record-outcome", "1", "no_action"):
        desk.says("submission", word[0], f"{closed}/S1", *word[1:], "--as", INTAKE)
    desk.says("drive")
    asked = story.submitted()
    story.answer(asked, "more_info_needed")
    desk.says("collect")
    desk.says("drive")
    assert story.status(asked) == "more_info"
    returned = desk.in_review()
    desk.says("review", "return", returned, "--missing", "quote", "--as", "daniyar", *WHY)
    desk.says("letters", "send")
    made = World(
        desk, tmp_path, users, desk.in_review(), desk.in_review(category="political_events", age_band="nobody"),
        desk.in_review(links=[portal_link()]), desk.at_the_portal(), asked, closed, returned,
        desk.in_review(category="cyberbullying_child", age_band="13_17"),
        story.letters(closed)[0].id, story.escalations(silent)[0].id,
    )  # fmt: skip
    desk.says("case", "export", made.other, "--to", tmp_path / "before", "--purpose", REASON, "--as", "marat")
    return made


REFUSED = ("[actor.", "[clock.extension_role]")
"""The rules by which a role is refused: the second where the clock's own rule names the roles."""


class Trying:
    """Runs one command as one person in the same world again and again."""

    def __init__(self, world: World) -> None:
        self.desk = world.desk
        self.path = Path(str(world.desk.story.runtime.engine.url.database))
        self.kept, self.out = world.folder / "as-it-was.db", world.folder / "out"
        with closing(sqlite3.connect(self.path)) as now, closing(sqlite3.connect(self.kept)) as copy:
            now.backup(copy)

    def ask(self, words: str, more: tuple[object, ...], person: str) -> tuple[bool, str]:
        """Whether the role let it pass, and what was said; afterwards everything is as it was."""
        result = self.desk.run(*words.split(), *more, "--as", person)
        shutil.rmtree(self.out, ignore_errors=True)
        said = (result.stderr or result.output).strip()
        assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        with closing(sqlite3.connect(self.kept)) as copy, closing(sqlite3.connect(self.path)) as now:
            copy.backup(now)
        return not any(rule in said for rule in REFUSED), said


def seen(world: World) -> dict[str, dict[str, bool]]:
    """For every command with ``--as``: who passes."""
    words, trying = world.words(), Trying(world)
    found: dict[str, dict[str, bool]] = {}
    with runtime.use(replace(world.desk.story.runtime, users=read_users(world.users))):
        for command in FOR_A_PERSON:
            passes = {}
            for person in (*PEOPLE, NOBODY.id, "stranger"):
                passes[person], said = trying.ask(command, words[command], person)
                assert "Usage:" not in said, (command, said)
            found[command] = passes
    return found


def test_every_command_that_acts_for_a_person_is_tried_here(world: World) -> None:
    """A new command with ``--as`` gets a line in ``World.words``."""
    assert sorted(world.words()) == sorted(FOR_A_PERSON)


def test_every_command_asks_for_the_role_that_the_table_says_and_refuses_all_others(world: World) -> None:
    found = seen(world)
    for command, passes in found.items():
        assert not passes["stranger"], f"'{command}' works for somebody whom the users file does not know"
    for command in BY_RULE:
        del found[command]
    assert not [command for command, passes in found.items() if passes[NOBODY.id]], "a command that asks for no role"
    rows = [(code(command), *("yes" if passes[role] else "" for role in PEOPLE)) for command, passes in found.items()]
    told = table(("command", *(role.replace("_", " ") for role in PEOPLE)), rows)
    text = PAGE.read_text(encoding="utf-8")
    before, heading, after = text.partition(HEADING + "\n")
    assert heading, f"docs/security.md has no '{HEADING}'"
    old = re.search(r"^\| command .*?(?=\n\n|\Z)", after, re.M | re.S)
    assert old is not None
    if os.environ.get("QORGAN_UPDATE_SNAPSHOTS") == "1":
        PAGE.write_text(before + heading + after.replace(old[0], told), encoding="utf-8")
        return
    assert old[0] == told


@pytest.mark.parametrize("action", list(Action))
def test_every_move_is_refused_to_every_role_but_those_of_its_line(action: Action, desk: AtTheDesk) -> None:
    """The lifecycle table is what the rules ask; here by trying, from a status in which the move is known."""
    story, number = desk.story, desk.in_review()
    with story.runtime.sessions.read() as session:
        facts = facts_of(session, story.case(number))
    move = MOVES[action]
    case = replace(facts, status=next(iter(move.sources)))
    for actor in (*PEOPLE.values(), NOBODY, Actor("system", "system", frozenset({Role.SYSTEM}))):
        try:
            decide(case, action, actor, story.clock(), story.runtime.pack)
            refused = False
        except NotAllowed:
            refused = True
        except QorganError:
            refused = False
        assert refused == (not actor.has(*move.roles)), actor.id
