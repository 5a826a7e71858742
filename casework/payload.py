"""The notice itself: canonical bytes, their hash, and the key that makes sending it twice harmless."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from casework.facts import CaseFacts, ItemFacts
from casework.policy_pack import Pack

SCHEMA = "qorgan-notice/1"


def canonical(document: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8: equal documents have equal bytes."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def build_notice(
    case: CaseFacts,
    pack: Pack,
    *,
    submission_number: str,
    platform: str,
    items: tuple[ItemFacts, ...],
    basis: tuple[str, ...],
    reasons: str,
    policy_line: str,
    proportionality: str,
    at: datetime,
    kind: str = "notice",
    in_reply_to: str | None = None,
) -> bytes:
    """The bytes that legal approves and that then go out unchanged.

    It has what orders and notices have to contain nearly everywhere: authority, basis, reasons, exact
    location, territory, redress. The reporter's identity and own words are not in it.
    """
    reached = pack.platform(platform)
    assert reached is not None, "the lifecycle guard lets no notice out to an unreached platform"
    instrument = pack.instrument(case.instrument, case.category)
    category = pack.category(case.category)
    on = at.astimezone(ZoneInfo(pack.authority.zone)).date()
    return canonical(
        {
            "schema": SCHEMA,
            "submission": submission_number,
            "kind": kind,
            "in_reply_to": in_reply_to,
            "authority": {
                "id": pack.authority.id,
                "name": pack.authority.name_on(on).name.en,
                "country": pack.authority.country,
                "unit": pack.authority.unit.en,
                "email": pack.authority.email,
            },
            "platform": platform,
            "legal_entity": reached.legal_entity,
            "instrument": case.instrument,
            "ground": case.ground,
            "urgency": "child_in_danger" if case.child and case.priority.rank == 0 else "routine",
            "requested_action": case.requested_action,
            "territories": list(case.territories or pack.regime.territorial_scope),
            "legal_basis": [
                {
                    "code": code,
                    "citation": pack.basis(code).citation.en,
                    "verified": pack.basis(code).source.verified,
                }
                for code in basis
            ],
            "policy_line": policy_line,
            "reasons": reasons,
            "proportionality": proportionality,
            "statement": instrument.statement.en if instrument and instrument.statement else "",
            "redress": instrument.redress.en if instrument else "",
            "preserve": category.preserve,
            "dsa": {"category": category.dsa_category, "keyword": category.dsa_keyword},
            "policy_version": pack.version,
            "approved_at": at.isoformat(),
            "items": [
                {
                    "item": str(item.number),
                    "url": item.url,
                    "kind": item.kind,
                    "category": case.category,
                    "observed_at": item.observed_at.isoformat() if item.observed_at else None,
                    "reason": item.reason,
                }
                for item in items
            ],
        }
    )


def idempotency_key(
    case_number: str, platform: str, items: tuple[ItemFacts, ...], instrument: str, kind: str, round_: int = 1
) -> str:
    """Equal for the same notice, whoever builds it and however often; ``round_`` counts answers."""
    parts = [case_number, platform, instrument, kind, str(round_), *sorted(item.key for item in items)]
    return sha256("\n".join(parts).encode())
