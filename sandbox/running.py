"""A practice platform in a thread of this process, for tests, the demo and ``python -m sandbox``."""

from __future__ import annotations

import socket
import threading
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import uvicorn
from fastapi import FastAPI

from sandbox.behaviour import Behaviour
from sandbox.ledger import Ledger
from sandbox.listening import listen
from sandbox.outcomes import Outcome
from sandbox.practice_platform import PlatformSettings, create_app, new_ledger

READY_SECONDS = 30.0
GRACE_SECONDS = 1


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class RunningPlatform:
    """A practice platform that listens; also a context manager that stops it at the end."""

    def __init__(self, server: _Server, thread: threading.Thread, listener: socket.socket, app: FastAPI) -> None:
        self._server, self._thread, self._listener, self._app = server, thread, listener, app
        host, port = listener.getsockname()[:2]
        self.url: str = f"http://{host}:{port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and end the thread; calls still open get a second. Stopping twice does nothing."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    @property
    def _ledger(self) -> Ledger:
        ledger: Ledger = self._app.state.ledger
        return ledger

    def reset(self, settings: PlatformSettings | None = None) -> None:
        """Forget everything and begin anew at the same address; calls still open end in the old memory."""
        self._app.state.ledger = new_ledger(settings or PlatformSettings())

    def behaviour(self, **changes: Any) -> Behaviour:
        """Turn some knobs of ``sandbox.behaviour.Behaviour``; pydantic.ValidationError changes nothing."""
        return self._ledger.change_behaviour(changes)

    def set_clock(self, now: datetime | None) -> datetime:
        """Stop the platform's clock at ``now`` (aware, else ValueError); None lets the real one run."""
        return self._ledger.set_clock(now)

    def force_answer(
        self,
        reference: str,
        item: str | None,
        outcome: str,
        *,
        reason: str | None = None,
        ground: str | None = None,
        territories: list[str] | None = None,
    ) -> dict[str, Any]:
        """Tell an answer at once; item None answers for the whole notice.

        Raises ValueError for an unknown outcome, sandbox.ledger.UnknownReference or UnknownItem.
        """
        return self._ledger.force_answer(
            reference, item, Outcome(outcome), reason=reason, ground=ground, territories=territories
        )

    def state(self) -> dict[str, Any]:
        """The counts that ``GET /practice/state`` shows."""
        return self._ledger.state()


def start_platform_in_thread(
    settings: PlatformSettings | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> RunningPlatform:
    """Start a practice platform and return once it answers; port 0 takes a free one.

    Raises OSError if the port is taken, RuntimeError if the server does not come up.
    """
    app = create_app(settings or PlatformSettings())
    listener = listen(host, port)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="practice-platform", daemon=True)
    thread.start()
    running = RunningPlatform(server, thread, listener, app)
    if not server.ready.wait(READY_SECONDS):
        running.stop()
        raise RuntimeError("the practice platform did not come up")
    return running
