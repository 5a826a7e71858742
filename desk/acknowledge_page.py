"""The acknowledgement page: one signed link, one button. For the recipient of a letter, who has no account here.

GET shows and changes nothing; POST acknowledges. The page loads nothing, runs no script, sets no cookie, and its
address stands in no log.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from desk.output import local
from tasks.acknowledgements import LinkState, LinkView, NoSuchLink, acknowledge_by_link, look_at_link
from tasks.runtime import Runtime

PAGES = Path(__file__).parent / "pages"
LONGEST_TOKEN = 80
"""Characters; a genuine one has at most 62."""


def acknowledgement_app(runtime: Runtime) -> Starlette:
    """The page as an ASGI application over a runtime."""

    def page(request: Request) -> Response:
        token = request.path_params["token"]
        act = acknowledge_by_link if request.method == "POST" else look_at_link
        return _answered(runtime, act, token)

    def healthy(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    def not_here(_request: Request, _error: Exception) -> Response:
        return _answer(runtime, None, 404)

    routes = [
        Route("/acknowledge/{token}", page, methods=["GET", "HEAD", "POST"]),
        Route("/health", healthy, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={404: not_here})


def serve(runtime: Runtime, host: str, port: int) -> None:
    """Serve until Ctrl-C. No access log: the address of the page is what makes it work."""
    import uvicorn

    uvicorn.run(
        acknowledgement_app(runtime), host=host, port=port, access_log=False, log_level="warning",
        server_header=False, limit_concurrency=64, timeout_keep_alive=5, h11_max_incomplete_event_size=16_384,
    )  # fmt: skip


def _answered(runtime: Runtime, act: Callable[[Runtime, str], LinkView], token: str) -> Response:
    if len(token) > LONGEST_TOKEN:
        return _answer(runtime, None, 404)
    try:
        view = act(runtime, token)
    except NoSuchLink:
        return _answer(runtime, None, 404)
    return _answer(runtime, view, 410 if view.state is LinkState.EXPIRED else 200)


def _answer(runtime: Runtime, view: LinkView | None, status: int) -> Response:
    authority = runtime.pack.authority
    language = view.language if view is not None else authority.default_language
    say = _words()[language]
    state = say["unknown" if view is None else view.state.value]
    day = runtime.now().astimezone(ZoneInfo(authority.zone)).date()
    html = _environment().get_template("acknowledge.html").render(
        language=language,
        say=say,
        view=view,
        open=view is not None and view.state is LinkState.OPEN,
        heading=state["heading"],
        text=state["text"],
        raised=None if view is None else _moment(view.raised_at, authority.zone),
        acknowledged=None if view is None else _moment(view.acknowledged_at, authority.zone),
        authority=authority.name_on(day).name.in_language(language),
        unit=authority.unit.in_language(language),
    )  # fmt: skip
    return HTMLResponse(html, status_code=status, headers=_headers())


def _moment(at: datetime | None, zone: str) -> str:
    return "" if at is None else f"{local(at, zone)}, {at:%Y-%m-%d %H:%M} UTC"


@cache
def _headers() -> dict[str, str]:
    style = re.search(r"<style>(.*?)</style>", (PAGES / "acknowledge.html").read_text(encoding="utf-8"), re.DOTALL)
    assert style is not None, "the page has its style in itself"
    known = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{known}'; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }


@cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PAGES / "acknowledge.yaml").read_text(encoding="utf-8"))
    return found


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
