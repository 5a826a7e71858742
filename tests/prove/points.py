"""Points at which a process may die: around every commit, every word to the mail server, every call to the platform.

A process under proof counts them, or is killed at one by SIGKILL, as by a power cut.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import Any

from tasks import mailer
from tasks.runtime import Runtime


@dataclass
class Points:
    """What was reached, in order; ``die_at`` is the position of the last thing this process does, from 1."""

    die_at: int | None = None
    reached: list[str] = field(default_factory=list)

    def reach(self, what: str) -> None:
        self.reached.append(what)
        if len(self.reached) == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, runtime: Runtime) -> None:
        """Hang on everything of this runtime that reaches outside the process. Once, in a process of its own."""
        self._watch_commits(runtime)
        self._watch_mail()
        hooks = {
            "request": [lambda request: self.reach(f"before {request.method} to the platform")],
            "response": [lambda response: self.reach(f"after {response.request.method} to the platform")],
        }
        runtime.channels["api"]._client.event_hooks = hooks  # type: ignore[attr-defined]

    def _watch_commits(self, runtime: Runtime) -> None:
        dialect = runtime.engine.dialect
        commit = dialect.do_commit

        def do_commit(connection: Any) -> None:
            self.reach("before a commit")
            commit(connection)
            self.reach("after a commit")

        dialect.do_commit = do_commit  # type: ignore[method-assign, assignment]

    def _watch_mail(self) -> None:
        client = mailer._Client
        putcmd, getreply = client.putcmd, client.getreply

        def say(self_: Any, command: str, args: str = "") -> None:
            self.reach(f"before {command.split()[0].upper()}")
            putcmd(self_, command, args)

        def hear(self_: Any) -> Any:
            if self_.parent.text_handed_over:
                self.reach("text handed over")
            reply = getreply(self_)
            self.reach("after the mail server's answer")
            return reply

        client.putcmd, client.getreply = say, hear  # type: ignore[method-assign, assignment]
