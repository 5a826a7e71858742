"""A pack whose contacts and limits a test has changed, and letters that wait in the outbox."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from casework.policy_mail import MailPolicy
from casework.policy_people import Contact, Liaison
from db.queries.letters import letter_by_id
from db.tables import Letter
from tasks.outbox import queue_letters
from tasks.record import transaction
from tests.stories import Story

LIAISON = "liaison.kz@tiktok.example"
HEAD_OF_OFFICE = "region.head@tiktok.example"
DEPUTY = "deputy.kz@tiktok.example"
UNIT = "duty@ministry.example"


def with_limits(story: Story, **limits: Any) -> None:
    """The pack's limits for everybody; what is not named stays."""
    mail = story.runtime.pack.mail
    default = mail.default.model_validate({**mail.default.model_dump(), **limits})
    _with(story, mail=MailPolicy(default=default, ours=mail.ours))


def with_own(story: Story, **ours: Any) -> None:
    """More addresses or domains that are ours."""
    mail = story.runtime.pack.mail
    _with(story, mail=mail.model_copy(update={"ours": mail.ours.model_copy(update=ours)}))


def with_deputy(story: Story, **contact: Any) -> None:
    """TikTok's liaison has a deputy; ``contact`` changes the liaison's own entry."""
    people = story.runtime.pack.liaisons

    def changed(entry: Liaison) -> Liaison:
        if (entry.platform, entry.role) != ("tiktok", "liaison"):
            return entry
        deputy = Contact(name=entry.contact.name, email=DEPUTY, language="ru")
        return entry.model_copy(update={"contact": entry.contact.model_copy(update={"deputy": deputy, **contact})})

    entries = tuple(changed(entry) for entry in people.liaisons)
    _with(story, liaisons=people.model_copy(update={"liaisons": entries}))


def with_contact(story: Story, platform: str, role: str, **contact: Any) -> None:
    """One liaison's entry, changed."""
    people = story.runtime.pack.liaisons
    entries = tuple(
        entry.model_copy(update={"contact": entry.contact.model_copy(update=contact)})
        if (entry.platform, entry.role) == (platform, role)
        else entry
        for entry in people.liaisons
    )
    _with(story, liaisons=people.model_copy(update={"liaisons": entries}))


def _with(story: Story, **parts: Any) -> None:
    story.runtime = replace(story.runtime, pack=story.runtime.pack.model_copy(update=parts))


def intend(
    story: Story, *numbers: str, kind: str = "liaison_escalation", times: int = 1, platform: str = "tiktok"
) -> list[int]:
    """Letters of one kind about each case, ``times`` each, as a move would intend them; their ids."""
    letters: list[Letter] = []
    with transaction(story.runtime) as session:
        cases = [story.case(number) for number in numbers]
        for case in cases:
            for turn in range(times):
                once = f"{story.clock().timestamp()}:{case.id}:{turn}"
                letters += queue_letters(
                    session, case, kind, story.clock(), story.runtime.pack, once=once, platform=platform
                )  # fmt: skip
    return [letter.id for letter in letters]


def letter(story: Story, letter_id: int) -> Letter:
    """One letter as it is stored now."""
    with story.runtime.sessions.read() as session:
        found = letter_by_id(session, letter_id)
        assert found is not None, letter_id
        return found


def quiet_outbox(story: Story) -> None:
    """Send what intake has intended, and forget the mails."""
    story.send_letters()
    for kept in story.mail():
        kept.path.unlink()
