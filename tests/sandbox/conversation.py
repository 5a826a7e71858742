"""What the tests of the practice platform say and hear."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx

MONDAY_MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEXT_WEEK = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
LINK = "https://social.example/p/abc123"


def notice(*categories: str, number: int = 123, **changes: Any) -> dict[str, Any]:
    """A notice with one item per category."""
    items = [
        {
            "item": str(place),
            "url": f"{LINK}/{place}",
            "kind": "post",
            "category": category,
            "reason": "Stated.",
        }
        for place, category in enumerate(categories or ("cyberbullying_child",), start=1)
    ]
    return {
        "schema": "qorgan-notice/1",
        "submission": f"KZ-2026-{number:06d}/S1",
        "kind": "notice",
        "in_reply_to": None,
        "authority": {"id": "kz-ministry", "country": "KZ"},
        "platform": "instagram",
        "instrument": "request",
        "ground": "both",
        "urgency": "routine",
        "requested_action": "remove",
        "items": items,
        "policy_line": "Bullying and harassment",
        **changes,
    }


class Authority:
    """Talks to a practice platform the way the authority does, over real HTTP."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=20, verify=False)

    def send(
        self,
        body: dict[str, Any] | bytes,
        key: str | None = "key-1",
        environment: str | None = "practice",
        **more: Any,
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body, sort_keys=True).encode()
        headers = {"Idempotency-Key": key, "X-Environment": environment}
        sent = {name: value for name, value in headers.items() if value is not None}
        return self.http.post("/v1/notices", content=raw, headers=sent, **more)

    def accepted(self, body: dict[str, Any], key: str = "key-1") -> str:
        """The reference of a notice that must be new."""
        answer = self.send(body, key)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    def answers(self, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        page = self.http.get("/v1/answers", params={"after": after, "limit": limit})
        assert page.status_code == 200, page.text
        told: list[dict[str, Any]] = page.json()["answers"]
        return told

    def outcomes(self) -> dict[str, str]:
        """Last outcome told per item."""
        return {answer["item"]: answer["outcome"] for answer in self.answers()}

    def reply(self, reference: str, body: dict[str, Any], key: str) -> str:
        """Answer the platform's question about ``reference``."""
        return self.accepted({**body, "kind": "answer", "in_reply_to": reference}, key)

    def statuses(self, reference: str) -> list[str]:
        return [item["status"] for item in self.http.get(f"/v1/notices/{reference}").json()["items"]]
