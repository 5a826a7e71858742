"""A practice platform: the reporting API a real platform might offer, in memory, with knobs.

It answers as ``sandbox.outcomes`` says platforms do, misbehaves as ``/practice/behaviour`` tells it to, and
refuses every notice that is not marked as practice. It never opens a link it is sent.
"""

from __future__ import annotations

import asyncio
import html
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from starlette.types import Receive, Scope, Send

from sandbox.behaviour import Behaviour
from sandbox.ledger import KeyReused, Ledger, UnknownItem, UnknownReference
from sandbox.notices import NoticeIn, explain
from sandbox.outcomes import Outcome

ENVIRONMENT = "practice"
MAX_BODY_BYTES = 1_000_000
MAX_KEY_CHARACTERS = 200


@dataclass(frozen=True)
class PlatformSettings:
    """How a practice platform starts. Equal seeds give equal outcomes for equal references and items."""

    seed: int = 2026
    behaviour: Behaviour = field(default_factory=Behaviour)
    now: datetime | None = None
    """Where the clock stands, aware; None lets the real UTC clock run."""


class Refused(Exception):
    """A call answered with an error: ``code`` for programs, ``detail`` for people."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers

    def response(self) -> JSONResponse:
        return JSONResponse({"code": self.code, "detail": self.detail}, self.status, self.headers)


class CutOff(Response):
    """Begins an answer and ends before its body: the server then closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"512")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})


class ClockIn(BaseModel):
    """Body of ``POST /practice/clock``: null lets the real clock run again."""

    model_config = ConfigDict(extra="forbid")

    now: AwareDatetime | None


class ForcedAnswer(BaseModel):
    """Body of ``POST /practice/force-answer``; what is left out follows the outcome."""

    model_config = ConfigDict(extra="forbid")

    reference: str
    item: str | None = None
    outcome: Outcome
    reason: str | None = None
    ground: Literal["platform_policy", "local_law"] | None = None
    territories: list[str] | None = None


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


async def _latency(request: Request) -> None:
    await asyncio.sleep(_ledger(request).behaviour().latency_seconds)


v1 = APIRouter(prefix="/v1", dependencies=[Depends(_latency)])
practice = APIRouter(prefix="/practice")
front = APIRouter()


async def _body(request: Request) -> bytes:
    """The whole body. One too large is read to its end, unkept, so that the sender gets to hear why."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            body += chunk
    if size > MAX_BODY_BYTES:
        raise Refused(413, "body_too_large", f"A notice has at most {MAX_BODY_BYTES:,} bytes.")
    return bytes(body)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise Refused(400, "idempotency_key_missing", "Every notice needs an Idempotency-Key header.")
    if len(key) > MAX_KEY_CHARACTERS:
        raise Refused(
            400,
            "idempotency_key_too_long",
            f"An Idempotency-Key has at most {MAX_KEY_CHARACTERS} characters.",
        )
    return key


def _refuse_as_told(ledger: Ledger) -> None:
    if ledger.use_up("rate_limit_next"):
        wait = ledger.behaviour().retry_after_seconds
        raise Refused(429, "rate_limited", f"Try again in {wait} s.", {"Retry-After": str(wait)})
    if ledger.use_up("fail_next"):
        raise Refused(500, "practice_failure", "The practice platform failed before it recorded the notice.")


@v1.post("/notices")
async def post_notice(request: Request) -> Response:
    """Receive a notice: 201 when new, 200 when this very notice is already here."""
    ledger = _ledger(request)
    if request.headers.get("X-Environment") != ENVIRONMENT:
        raise Refused(
            409,
            "wrong_environment",
            "This is a practice platform: it takes only notices with the header 'X-Environment: practice'.",
        )
    key = _idempotency_key(request)
    body = await _body(request)
    _refuse_as_told(ledger)
    try:
        notice = NoticeIn.model_validate_json(body)
    except ValidationError as error:
        raise Refused(422, "body_invalid", f"The notice cannot be read. {explain(error)}") from None
    try:
        view, new = ledger.receive(key, body, notice)
    except KeyReused as error:
        raise Refused(422, "idempotency_key_reused", str(error)) from None
    except UnknownReference as error:
        raise Refused(422, "in_reply_to_unknown", str(error)) from None
    if ledger.use_up("timeout_next"):
        await asyncio.sleep(ledger.behaviour().timeout_seconds)
    if ledger.use_up("close_after_accept_next"):
        return CutOff()
    if ledger.use_up("fail_after_accept_next"):
        raise Refused(500, "practice_failure", "The practice platform failed while it answered.")
    return JSONResponse(view, 201 if new else 200)


@v1.get("/notices/by-key/{idempotency_key:path}")
async def get_notice_by_key(request: Request, idempotency_key: str) -> dict[str, Any]:
    """The notice sent under a key, or 404: to be asked before anything is sent again."""
    return _ledger(request).notice_by_key(idempotency_key)


@v1.get("/notices/{reference}")
async def get_notice(request: Request, reference: str) -> dict[str, Any]:
    """How a notice stands, or 404."""
    return _ledger(request).notice(reference)


@v1.get("/answers")
async def get_answers(
    request: Request,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Answers told after a cursor, oldest first, and the cursor to go on from."""
    return _ledger(request).answers(after, limit)


@practice.post("/clock")
async def set_clock(request: Request, clock: ClockIn) -> dict[str, Any]:
    """Stop the platform's clock at a moment, or let the real one run."""
    return {"now": _ledger(request).set_clock(clock.now)}


@practice.post("/behaviour")
async def change_behaviour(request: Request, changes: dict[str, Any]) -> dict[str, Any]:
    """Turn some knobs and leave the others; 422 changes nothing."""
    try:
        return _ledger(request).change_behaviour(changes).model_dump(mode="json")
    except ValidationError as error:
        raise Refused(422, "behaviour_invalid", explain(error)) from None


@practice.post("/force-answer")
async def force_answer(request: Request, wanted: ForcedAnswer) -> dict[str, Any]:
    """Tell an answer at once."""
    return _ledger(request).force_answer(**dict(wanted))


@practice.get("/state")
async def state(request: Request) -> dict[str, Any]:
    """Counts, clock and knobs."""
    return _ledger(request).state()


@front.get("/", response_class=HTMLResponse)
async def front_page(request: Request) -> str:
    """What this is, and how much of it there is."""
    shown = _ledger(request).state()
    counts = [
        "notices",
        "answers_to_questions",
        "items",
        "answers_told",
        "answers_scheduled",
        "items_kept_silent",
    ]
    rows = [(name.replace("_", " "), shown[name]) for name in counts]
    rows += [(f"told: {outcome.replace('_', ' ')}", count) for outcome, count in shown["outcomes_told"].items()]
    table = "\n".join(f"<tr><th>{html.escape(name)}</th><td>{count}</td></tr>" for name, count in rows)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Practice platform</title></head>
<body>
<h1>Practice platform</h1>
<p>This is a practice platform for training and tests. It is no real platform, it takes no real reports,
and it opens no links. Its time is {html.escape(shown["now"])} ({shown["clock"]} clock).</p>
<table>
{table}
</table>
</body>
</html>"""


async def _answer_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response()


async def _answer_unknown(request: Request, error: Exception) -> Response:
    return Refused(
        404, "unknown_item" if isinstance(error, UnknownItem) else "unknown_reference", str(error)
    ).response()


async def _answer_unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return Refused(422, "request_invalid", problems).response()


def new_ledger(settings: PlatformSettings) -> Ledger:
    """An empty memory that starts as ``settings`` say; ValueError if ``settings.now`` is naive."""
    return Ledger(settings.seed, settings.behaviour, settings.now)


def create_app(settings: PlatformSettings) -> FastAPI:
    """A platform of its own: two apps share nothing."""
    app = FastAPI(title="Practice platform", docs_url=None, redoc_url=None)
    app.state.ledger = new_ledger(settings)
    for router in (v1, practice, front):
        app.include_router(router)
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(UnknownReference, _answer_unknown)
    app.add_exception_handler(UnknownItem, _answer_unknown)
    app.add_exception_handler(RequestValidationError, _answer_unreadable)
    return app
