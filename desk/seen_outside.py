"""What the practice platform and the practice mailbox have, as they say themselves, held against the case file."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
from sqlalchemy import select

from casework.payload import sha256
from db.tables import Submission
from sandbox.practice_mailbox import PracticeMailbox, StoredMessage
from tasks.channels import Channel
from tasks.checks import Check
from tasks.outside import AtPlatform, InMailbox, Told, answers_recorded, once_outside
from tasks.runtime import Runtime


def seen_outside(runtime: Runtime, mailbox: PracticeMailbox) -> list[Check]:
    """The platform's and the recipients' own view: each has what we sent, once; and what it answered, we know."""
    return [
        *once_outside(runtime, list(at_platform(runtime)), list(in_mailbox(mailbox))),
        answers_recorded(runtime, list(told_by_platform(runtime.channels["api"]))),
    ]


def told_by_platform(channel: Channel) -> Iterator[Told]:
    """Every answer that the platform has told, from the first."""
    page = channel.answers(0)
    while page.answers:
        for one in page.answers:
            yield Told(one.submission, one.reference, one.item or "", one.answer_id)
        page = channel.answers(page.next)


def at_platform(runtime: Runtime) -> Iterator[AtPlatform]:
    """Everything that the platform has; what it has under no key of ours is named by its place only."""
    with runtime.sessions.read() as session:
        keys = list(session.scalars(select(Submission.idempotency_key).where(Submission.channel == "api")))
    found = 0
    with httpx.Client(base_url=str(runtime.settings.platform_url), trust_env=False) as client:
        state = client.get("/practice/state").raise_for_status().json()
        for key in keys:
            answer = client.get(f"/v1/notices/by-key/{key}")
            if answer.status_code == 200:
                found += 1
                view = answer.json()
                yield AtPlatform(view["submission"], key, view["reference"], view["body_sha256"])
    for place in range(found, state["notices"] + state["answers_to_questions"]):
        yield AtPlatform("", f"unknown {place}", "", "")


def in_mailbox(mailbox: PracticeMailbox) -> Iterator[InMailbox]:
    """Everything that recipients have."""
    for kept in mailbox.messages():
        letter = int(kept.message["X-Qorgan-Letter"])
        yield InMailbox(letter, str(kept.message["Message-ID"]), sha256(delivered_bytes(kept)))


def delivered_bytes(kept: StoredMessage) -> bytes:
    """The message exactly as it came over SMTP, without the mailbox's envelope lines."""
    return kept.path.read_bytes().split(b"\r\n", 2)[2]
