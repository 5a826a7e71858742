"""A process that dies at the worst moment: the other side has it, and nothing is written about that yet.

``python -m tests.tasks.dying SETTINGS NOW submission KZ-2026-000001`` drives a case, ``… after_yes -`` sends letters
and dies at that moment of the first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import event

from tasks import attempts, case_lifecycle, correspondence, letter_run, mailer
from tasks.runtime import Runtime, build
from tasks.settings import ROOT, Settings

KILLED = 9


def die_while(runtime: Runtime, doing: str, number: str = "-") -> None:
    """Run the above for an installation, and make sure that it died where it should."""
    command = [sys.executable, "-m", "tests.tasks.dying", runtime.settings.model_dump_json(), runtime.now().isoformat()]
    ended = subprocess.run([*command, doing, number], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert ended.returncode == KILLED, ended.stderr.decode(errors="replace")[-2_000:]


def _die(*_anything: Any) -> NoReturn:
    os._exit(KILLED)


LETTER_MOMENTS = ("before_text", "after_text", "after_yes", "after_commit")
"""Recipient named, text not handed over; handed over, no answer read; answer read, nothing written; written."""


def _die_at(moment: str) -> None:
    """Arrange for the death of whoever sends a letter."""
    if moment == "before_text":
        mailer._Client.data = _die
    elif moment == "after_text":
        getreply = mailer._Client.getreply

        def no_answer(client: Any) -> Any:
            return _die() if client.parent.text_handed_over else getreply(client)

        mailer._Client.getreply = no_answer
    elif moment == "after_yes":
        letter_run.settle_attempt = _die
    else:
        settle = letter_run.settle_attempt

        def written(session: Any, *said: Any) -> None:
            settle(session, *said)
            event.listen(session, "after_commit", _die)

        letter_run.settle_attempt = written


def _main(settings: str, now: str, doing: str, number: str) -> None:
    at = datetime.fromisoformat(now)
    runtime = build(Settings(**json.loads(settings)), now=lambda: at)
    if doing == "submission":
        attempts.settle = _die
        case_lifecycle.advance(runtime, number)
    else:
        _die_at(doing)
        correspondence.send_letters(runtime)


if __name__ == "__main__":
    _main(*sys.argv[1:])
