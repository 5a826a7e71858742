"""A process that dies at the worst moment: the other side has it, and nothing is written about that yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from tasks import attempts, case_lifecycle, correspondence, letter_run, mailer
from tasks.runtime import Runtime
from tests.children import Ended, die, in_child
from tests.stories import make_runtime


def in_another_process(runtime: Runtime, work: Callable[[Runtime], Any]) -> Ended:
    """Do it in a process of its own, on a runtime of its own for the same installation."""
    runtime.engine.dispose()
    return in_child(lambda: work(make_runtime(runtime.settings, runtime.now)))


def die_at_commit(runtime: Runtime, after: int) -> None:
    """Arrange for this process's death at the moment of its next commit after so many that may write."""
    commits = 0

    def count(connection: Any) -> None:
        nonlocal commits
        commits += not connection.get_execution_options().get("reading", False)
        if commits > after:
            die()

    event.listen(runtime.engine, "commit", count)


def die_while(runtime: Runtime, doing: str, number: str = "") -> None:
    """A process drives a case (``submission``) or sends letters, and is killed at that moment of the first."""

    def work(its_own: Runtime) -> None:
        if doing == "submission":
            attempts.settle = die  # type: ignore[assignment]
            case_lifecycle.advance(its_own, number)
        else:
            _die_at(doing)
            correspondence.send_letters(its_own)

    assert in_another_process(runtime, work).killed, f"it lived on: {doing}"


LETTER_MOMENTS = ("before_text", "after_text", "after_yes", "after_commit")
"""Recipient named, text not handed over; handed over, no answer read; answer read, nothing written; written."""


def _die_at(moment: str) -> None:
    """Arrange for the death of whoever sends a letter."""
    if moment == "before_text":
        mailer._Client.data = die  # type: ignore[method-assign, assignment]
    elif moment == "after_text":
        getreply = mailer._Client.getreply

        def no_answer(client: Any) -> Any:
            return die() if client.parent.text_handed_over else getreply(client)

        mailer._Client.getreply = no_answer  # type: ignore[method-assign]
    elif moment == "after_yes":
        letter_run.settle_attempt = die  # type: ignore[assignment]
    else:
        settle = letter_run.settle_attempt

        def written(session: Any, *said: Any) -> None:
            settle(session, *said)
            event.listen(session, "after_commit", die)

        letter_run.settle_attempt = written
