"""What a notice must contain to be received, and how the practice platform keeps it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandbox.outcomes import Outcome

MAX_ITEMS = 500

Text = Annotated[str, Field(min_length=1, max_length=200)]


class ItemIn(BaseModel):
    """One reported item. Its link is stored as text and never opened."""

    model_config = ConfigDict(extra="allow")

    item: Annotated[str, Field(min_length=1, max_length=20)]
    url: Annotated[str, Field(min_length=1, max_length=4_000)]
    kind: Text
    category: Text
    reason: str


class NoticeIn(BaseModel):
    """The body of ``POST /v1/notices``; further keys are allowed and ignored."""

    model_config = ConfigDict(extra="allow")

    schema_: Annotated[Literal["qorgan-notice/1"], Field(alias="schema")]
    submission: Text
    kind: Literal["notice", "answer"]
    in_reply_to: str | None
    authority: Annotated[dict[str, Any], Field(min_length=1)]
    platform: Text
    instrument: Text
    ground: Text
    urgency: Text
    requested_action: Text
    territories: list[str] = []
    items: Annotated[list[ItemIn], Field(min_length=1, max_length=MAX_ITEMS)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        twice = [number for number, times in Counter(item.item for item in self.items).items() if times > 1]
        if twice:
            raise ValueError(f"item {twice[0]} is listed twice")
        if self.kind == "answer" and not self.in_reply_to:
            raise ValueError("an answer says in in_reply_to which reference it answers")
        if self.kind == "notice" and self.in_reply_to:
            raise ValueError("only an answer carries in_reply_to")
        return self

    def where(self) -> list[str]:
        """The territories a local restriction covers: those named, else the authority's country."""
        return list(self.territories) or [str(self.authority.get("country") or "KZ")]


def explain(error: ValidationError) -> str:
    """What is wrong with a body, by field, never quoting what stood there."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False)[:5]
    )


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z; ``moment`` must be aware."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class KeptItem:
    """An item as the platform sees it: without its link."""

    number: str
    category: str
    outcome: Outcome | None = None
    ticket: int | None = None
    """The one place in the schedule that still counts for this item."""

    @property
    def status(self) -> str:
        """``pending``, ``more_info_needed`` or ``decided``."""
        if self.outcome is None:
            return "pending"
        return "more_info_needed" if self.outcome is Outcome.MORE_INFO_NEEDED else "decided"

    def view(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"item": self.number, "status": self.status}
        return shown if self.outcome is None else {**shown, "outcome": self.outcome.value}


@dataclass
class Notice:
    """A received notice, or an answer to a question about an earlier one."""

    reference: str
    idempotency_key: str
    body_sha256: str
    received_at: datetime
    submission: str
    kind: str
    in_reply_to: str | None
    territories: list[str]
    items: dict[str, KeptItem] = field(default_factory=dict)
    answered: bool = False

    @property
    def status(self) -> str:
        """``received``, ``more_info_needed`` while a question is open, ``decided`` when every item is."""
        statuses = {item.status for item in self.items.values()}
        if "more_info_needed" in statuses:
            return "more_info_needed"
        return "decided" if statuses == {"decided"} else "received"

    def view(self) -> dict[str, Any]:
        """What the reporting authority may see of it; no links."""
        return {
            "reference": self.reference,
            "received_at": utc_text(self.received_at),
            "status": self.status,
            "submission": self.submission,
            "kind": self.kind,
            "in_reply_to": self.in_reply_to,
            "idempotency_key": self.idempotency_key,
            "body_sha256": self.body_sha256,
            "items": [item.view() for item in self.items.values()],
        }
