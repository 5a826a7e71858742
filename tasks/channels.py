"""The only place that talks to a platform. Two kinds: an API, and a portal that a person operates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from time import monotonic
from typing import Annotated, Any, Literal, Protocol

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from casework.errors import ConfigurationError
from casework.vocabulary import Outcome
from tasks.settings import Settings

LONGEST_ANSWER = 5_000_000
"""Bytes of one answer of a platform."""

MOST_ANSWERS = 1_000
"""Answers on one page; a platform is asked for 100."""

LAST_POSITION = 2**62


class Accepted(StrEnum):
    """What is known after one attempt."""

    YES = "yes"
    NO = "no"
    LATER = "later"
    UNKNOWN = "unknown"
    HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Result of one attempt. ``retry_after`` is in seconds."""

    accepted: Accepted
    reference: str | None = None
    answer: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a channel needs of a submission: the approved bytes and their key."""

    number: str
    environment: str
    idempotency_key: str
    payload: bytes


class Answer(BaseModel):
    """One answer of a platform about one item."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cursor: int
    answer_id: str = Field(min_length=1, max_length=100)
    reference: str = Field(max_length=200)
    submission: str = Field(max_length=40)
    item: str | None = Field(default=None, max_length=20)
    outcome: Outcome
    decided_at: AwareDatetime
    ground: str | None = Field(default=None, max_length=24)
    territories: tuple[Annotated[str, Field(max_length=40)], ...] = Field(default=(), max_length=300)
    reason: str = Field(default="", max_length=5_000)

    @field_validator("answer_id", "reference", "submission", "item", "ground", "reason")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        if value is not None and "\x00" in value:
            raise ValueError("NUL characters")
        return value


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """Answers read, those that could not be read (kept raw), and how far we are."""

    answers: tuple[Answer, ...]
    unreadable: tuple[tuple[int, Any], ...]
    next: int


class Channel(Protocol):
    """A way to a platform."""

    kind: Literal["api", "portal"]

    def send(self, outgoing: Outgoing, now: datetime) -> Receipt:
        """Make one attempt. Never raises for what the other side does."""

    def lookup(self, outgoing: Outgoing) -> Receipt:
        """Ask whether an earlier attempt arrived: YES, LATER when it surely did not, UNKNOWN."""

    def answers(self, after: int) -> AnswerPage:
        """Answers since a cursor. Raises ChannelDown when the platform cannot be asked."""


class ChannelDown(Exception):
    """The platform cannot be reached now; nothing is lost, the cursor stays where it is."""


class ApiChannel:
    """Over HTTP, with an idempotency key and a lookup: an unknown outcome is asked, never guessed."""

    kind: Literal["api", "portal"] = "api"

    def __init__(self, base_url: str | None, environment: str, timeout: float) -> None:
        self._environment = environment
        self._base_url = base_url
        self._timeout = timeout

    @cached_property
    def _client(self) -> httpx.Client:
        """Made when a platform is first asked: it reads the certificate authorities, which most processes need not."""
        # Uncompressed: what is small on the way and large here is not asked for.
        return httpx.Client(
            base_url=self._base_url or "", timeout=self._timeout, follow_redirects=False, trust_env=False,
            headers={"Accept-Encoding": "identity"},
        )  # fmt: skip

    def send(self, outgoing: Outgoing, now: datetime) -> Receipt:
        self._check(outgoing)
        try:
            response = self._ask(
                "POST",
                "/v1/notices",
                content=outgoing.payload,
                headers={
                    "Content-Type": "application/json",
                    "Idempotency-Key": outgoing.idempotency_key,
                    "X-Environment": outgoing.environment,
                },
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Receipt(Accepted.LATER, answer=f"not reached: {type(error).__name__}")
        except httpx.HTTPError as error:
            return Receipt(Accepted.UNKNOWN, answer=f"no answer: {type(error).__name__}")
        return _receipt(response)

    def lookup(self, outgoing: Outgoing) -> Receipt:
        self._check(outgoing)
        try:
            response = self._ask("GET", f"/v1/notices/by-key/{outgoing.idempotency_key}")
        except httpx.HTTPError as error:
            return Receipt(Accepted.UNKNOWN, answer=f"no answer: {type(error).__name__}")
        if response.status_code == 404:
            return Receipt(Accepted.LATER, answer="the platform does not have it")
        return (
            _receipt(response) if response.status_code == 200 else Receipt(Accepted.UNKNOWN, answer=_status(response))
        )

    def answers(self, after: int) -> AnswerPage:
        if self._base_url is None:
            return AnswerPage((), (), after)
        try:
            response = self._ask("GET", "/v1/answers", params={"after": after, "limit": 100})
            response.raise_for_status()
            body = response.json()
            rows, position = list(body["answers"]), int(body["next"])
            if len(rows) > MOST_ANSWERS or not after <= position <= LAST_POSITION:
                raise ValueError("more answers than were asked for, or no position")
        except (httpx.HTTPError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ChannelDown(f"the platform's answers cannot be read now: {type(error).__name__}") from None
        read: list[Answer] = []
        unreadable: list[tuple[int, Any]] = []
        for row in rows:
            try:
                read.append(Answer.model_validate(row))
            except ValidationError:
                unreadable.append((after, row))
        return AnswerPage(tuple(read), tuple(unreadable), position)

    def _ask(self, method: str, path: str, **said: Any) -> httpx.Response:
        """One request. Of its answer only so much is read as one may have, and only so long as one may take."""
        began, body = monotonic(), bytearray()
        with self._client.stream(method, path, **said) as response:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > LONGEST_ANSWER or monotonic() - began > self._timeout:
                    raise httpx.ReadError("the answer is longer, or takes longer, than one may")
        kept = {"Retry-After": response.headers["Retry-After"]} if "Retry-After" in response.headers else {}
        return httpx.Response(
            response.status_code, headers=kept, content=bytes(body), request=response.request,
            extensions={"reason_phrase": response.extensions.get("reason_phrase", b"")},
        )  # fmt: skip

    def _check(self, outgoing: Outgoing) -> None:
        if outgoing.environment != self._environment:
            raise ConfigurationError(
                f"{outgoing.number} was made for '{outgoing.environment}', and this is '{self._environment}'",
                rule="submission.environment",
                next_step="Send it from the installation it was made in.",
            )
        if self._base_url is None:
            raise ConfigurationError(
                "no address of a platform is set",
                rule="channel.no_address",
                next_step="Set QORGAN_PLATFORM_URL, or start the sandbox.",
            )


def _receipt(response: httpx.Response) -> Receipt:
    if response.status_code in (200, 201):
        try:
            reference = str(response.json()["reference"])[:200]
            reference.encode()
        except (ValueError, KeyError, TypeError, RecursionError):
            reference = ""
        if not reference or "\x00" in reference:
            return Receipt(Accepted.UNKNOWN, answer="accepted, but without a reference that can be kept")
        return Receipt(Accepted.YES, reference, _status(response))
    if response.status_code in (429, 503):
        wait = response.headers.get("Retry-After", "")
        seconds = float(wait) if re.fullmatch(r"[0-9]{1,6}", wait) else None
        return Receipt(Accepted.LATER, answer=_status(response), retry_after=seconds)
    if response.status_code >= 500:
        return Receipt(Accepted.UNKNOWN, answer=_status(response))
    return Receipt(Accepted.NO, answer=_status(response))


def _status(response: httpx.Response) -> str:
    """The status only: a platform's error text may repeat our content."""
    return f"HTTP {response.status_code} {response.reason_phrase}".strip()


class PortalChannel:
    """A portal without an API: the dossier goes to an officer, who enters it and records the reference."""

    kind: Literal["api", "portal"] = "portal"

    def send(self, outgoing: Outgoing, now: datetime) -> Receipt:
        return Receipt(Accepted.HANDED_OVER, answer="ready for the officer")

    def lookup(self, outgoing: Outgoing) -> Receipt:
        return Receipt(Accepted.UNKNOWN, answer="only a person can look into the portal")

    def answers(self, after: int) -> AnswerPage:
        return AnswerPage((), (), after)


def make_channels(settings: Settings) -> Mapping[str, Channel]:
    """The channels of this installation, by kind."""
    return {
        "api": ApiChannel(settings.platform_url, settings.environment, settings.platform_timeout_seconds),
        "portal": PortalChannel(),
    }
