"""The world outside for the proof: practice platform and practice mailbox as one process at a given address.

What reached the platform is written down here, line by line, before it is answered: a witness that knows nothing
of our tables. The mailbox keeps every message as a file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response

from sandbox.behaviour import AnswerDelay, Behaviour
from sandbox.listening import listen
from sandbox.practice_mailbox import PracticeMailbox
from sandbox.practice_platform import PlatformSettings, create_app

PLATFORM_PORT, SMTP_PORT = 8025, 2525
LEDGER, MAIL = "notices.jsonl", "mail"


def witnessed(app: FastAPI, ledger: Path) -> FastAPI:
    """The platform, with a line in ``ledger`` for every notice that it answered with yes."""
    lock = threading.Lock()

    @app.middleware("http")
    async def write_down(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        wanted = request.method == "POST" and request.url.path == "/v1/notices"
        body = await request.body() if wanted else b""
        response = await go_on(request)
        if wanted and response.status_code in (200, 201):
            line = {
                "new": response.status_code == 201,
                "key": request.headers.get("Idempotency-Key", ""),
                "sha256": hashlib.sha256(body).hexdigest(),
                "submission": json.loads(body)["submission"],
            }
            with lock, ledger.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return response

    return app


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tools.ha_outside", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--host", required=True, help="address to listen at")
    parser.add_argument("--home", type=Path, required=True, help="folder for the ledger and the mails")
    parser.add_argument("--seed", type=int, required=True, help="equal seeds, equal outcomes")
    wanted = parser.parse_args()
    # Answers at once: the proof is about what is lost or doubled, not about waiting.
    behaviour = Behaviour(answer_delay_hours=AnswerDelay(min=0, max=0))
    app = witnessed(create_app(PlatformSettings(wanted.seed, behaviour)), wanted.home / LEDGER)
    listener = listen(wanted.host, PLATFORM_PORT)
    config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", access_log=False, log_level="warning")
    server = uvicorn.Server(config)
    with PracticeMailbox(wanted.home / MAIL, wanted.host, SMTP_PORT):
        server.run([listener])


if __name__ == "__main__":
    main()
