"""Structured logs: static event names, identifiers instead of objects, and one processor that redacts.

Console in development, JSON in production. Prefect shows the same lines, because they pass
through the standard library's loggers.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor

SECRET_KEYS = frozenset(
    {
        "url", "url_original", "url_canonical", "link", "links", "key", "name", "email", "phone", "address", "account",
        "handle", "description", "quote", "translation", "text", "body", "subject", "raw", "payload", "password",
        "token", "vault_key", "recipient_address",
    }
)  # fmt: skip
"""Keys whose values never reach a log, whoever passes them."""

REDACTED = "[redacted]"
_LINK = re.compile(r"(?:https?|hxxps?)://\S+|[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE)


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace secret keys' values, and anything in a text that looks like a link or an address."""
    for key, value in event.items():
        event[key] = REDACTED if key in SECRET_KEYS else _clean(value)
    return event


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): REDACTED if key in SECRET_KEYS else _clean(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(part) for part in value]
    if isinstance(value, BaseException):
        value = f"{type(value).__name__}: {value}"
    return _LINK.sub(REDACTED, str(value))


class _Logger(structlog.stdlib.BoundLogger):
    """The standard library would add an exception to the finished line once more, and not redacted."""

    def exception(self, event: str | None = None, *args: Any, **kw: Any) -> Any:
        return self.error(event, *args, **{"exc_info": True, **kw})


def configure_logs(*, as_json: bool = False, level: int = logging.INFO) -> None:
    """Set structlog and the loggers beneath it up; may be called again.

    Lines are rendered before they reach the standard library, so that every handler, also
    the one that shows them on Prefect's page, gets the same redacted text.
    """
    renderer: Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=_Logger,
        cache_logger_on_first_use=False,
    )
    ours = logging.getLogger("qorgan")
    ours.handlers = [handler for handler in ours.handlers if not isinstance(handler, _OurHandler)]
    ours.addHandler(_OurHandler(sys.stderr))
    ours.setLevel(level)
    ours.propagate = False
    # HTTP clients log every address they call, and an item's link may stand in one.
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _OurHandler(logging.StreamHandler[TextIO]):
    """Tells our handler from those that others, such as Prefect, hang on our logger."""


def logger(stage: str) -> structlog.stdlib.BoundLogger:
    """The logger of one stage, under the name ``qorgan.<stage>``."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"qorgan.{stage}")
    return bound
