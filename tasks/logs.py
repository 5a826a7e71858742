"""Structured logs: static event names, identifiers instead of objects, and one processor that redacts.

Console in development, JSON in production. Prefect shows the same lines, because they pass
through the standard library's loggers.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

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
        if key in SECRET_KEYS:
            event[key] = REDACTED
        elif isinstance(value, str):
            event[key] = _LINK.sub(REDACTED, value)
        elif isinstance(value, BaseException):
            event[key] = _LINK.sub(REDACTED, f"{type(value).__name__}: {value}")
    return event


class _RedactingFilter(logging.Filter):
    """The same for lines of libraries, which know nothing of our keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        cleaned = _LINK.sub(REDACTED, message)
        if cleaned != message:
            record.msg, record.args = cleaned, ()
        return True


def configure_logs(*, as_json: bool = False, level: int = logging.INFO) -> None:
    """Set structlog and the loggers beneath it up; may be called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    ours = logging.getLogger("qorgan")
    ours.handlers = [handler]
    ours.setLevel(level)
    ours.filters = [_RedactingFilter()]
    # HTTP clients log every address they call, and an item's link may stand in one.
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def logger(stage: str) -> structlog.stdlib.BoundLogger:
    """The logger of one stage, under the name ``qorgan.<stage>``."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"qorgan.{stage}")
    return bound
