"""What legal approved is a row of bytes: equal for equal content, free of the reporter, and sent once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.facts import CaseFacts, ItemFacts
from casework.payload import SCHEMA, build_notice, canonical, idempotency_key, sha256
from casework.policy_pack import Pack
from casework.vocabulary import Ground, Instrument, Priority
from tests.casework.building import NOW, a_case, an_item, the_pack

CANARY = "Zhanbolat-secret-7731"
KEY = ("KZ-2026-000123", "tiktok")


def notice(case: CaseFacts | None = None, pack: Pack | None = None, **changes: Any) -> bytes:
    case = case or a_case()
    values: dict[str, Any] = {
        "submission_number": "KZ-2026-000123/S1",
        "platform": "tiktok",
        "items": case.items,
        "basis": ("kz.child_information_law",),
        "reasons": "It tells teenagers how to hurt themselves.",
        "policy_line": case.policy_line,
        "proportionality": "",
        "at": NOW,
    }
    return build_notice(case, pack or the_pack(), **values | changes)


def read(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(data)
    return document


# --- Canonical bytes -------------------------------------------------------------------------------------

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=5)
    ),
    max_leaves=20,
)


def backwards(value: Any) -> Any:
    """The same document with every mapping written in the other order."""
    if isinstance(value, dict):
        return {key: backwards(part) for key, part in reversed(value.items())}
    return [backwards(part) for part in value] if isinstance(value, list) else value


@given(documents)
def test_the_order_in_which_keys_were_written_does_not_change_the_bytes(document: Any) -> None:
    assert canonical(document) == canonical(backwards(document))
    assert json.loads(canonical(document)) == document


def test_the_canonical_form_is_fixed_for_good() -> None:
    """Stored hashes must be computable again in years; a change here breaks every approval on file."""
    data = canonical({"б": [1, "Қорған", None], "a": {"z": True, "b": "\n"}})
    assert data == '{"a":{"b":"\\n","z":true},"б":[1,"Қорған",null]}'.encode()
    assert sha256(data) == "5b6c3fa1cded769aa3e2b88821f6cfd36029b72a90cab42b2d259898f5a1fb20"
    assert sha256(data) == hashlib.sha256(data).hexdigest()


# --- The notice ------------------------------------------------------------------------------------------


def test_the_same_case_gives_the_same_bytes() -> None:
    assert notice(a_case()) == notice(a_case())


@pytest.mark.parametrize(
    "changes",
    [
        {"reasons": "It tells teenagers how to hurt themselves!"},
        {"basis": ()},
        {"policy_line": "another"},
        {"proportionality": "narrow"},
        {"items": (an_item(2),)},
        {"items": (an_item(observed_at=NOW),)},
        {"at": NOW + timedelta(seconds=1)},
        {"platform": "vk"},
        {"submission_number": "KZ-2026-000123/S2"},
        {"in_reply_to": "REF-1"},
    ],
)
def test_any_change_of_what_was_approved_is_another_hash(changes: dict[str, Any]) -> None:
    assert sha256(notice(**changes)) != sha256(notice())


def test_a_change_of_the_policy_text_is_another_hash() -> None:
    assert sha256(notice(pack=the_pack().model_copy(update={"digest": "f" * 64}))) != sha256(notice())


def test_a_notice_has_the_parts_that_an_order_must_have() -> None:
    """Who orders, on what basis, why, where exactly, for which territory, and how to object (DSA Art. 9(2))."""
    document = read(notice())
    assert set(document) == {
        "schema", "submission", "kind", "in_reply_to", "authority", "platform", "legal_entity", "instrument", "ground",
        "urgency", "requested_action", "territories", "legal_basis", "policy_line", "reasons", "proportionality",
        "statement", "redress", "preserve", "dsa", "policy_version", "approved_at", "items",
    }  # fmt: skip
    assert document["schema"] == SCHEMA == "qorgan-notice/1"
    assert document["authority"]["country"] == "KZ"
    assert document["legal_entity"].startswith("TikTok")
    assert document["territories"] == ["KZ"]
    assert document["redress"]
    assert document["preserve"] is True
    assert document["policy_version"] == the_pack().version
    assert document["approved_at"] == "2026-04-01T06:00:00+00:00"
    assert document["dsa"]["category"] == "STATEMENT_CATEGORY_SELF_HARM"
    assert document["items"] == [
        {
            "item": "1", "url": "https://tiktok.example/@practice/video/1", "kind": "video",
            "category": "suicide_or_self_harm", "observed_at": "2026-03-31T12:00:00+00:00", "reason": "",
        }
    ]  # fmt: skip


def test_a_cited_provision_says_whether_anybody_has_checked_it() -> None:
    (basis,) = read(notice())["legal_basis"]
    assert basis["code"] == "kz.child_information_law"
    assert "169-VI" in basis["citation"]
    assert basis["verified"] is False


def test_nothing_the_reporter_said_or_is_goes_to_the_platform() -> None:
    case = a_case(
        description=CANARY, quote=CANARY, translation=CANARY, why_unlawful=CANARY, intake_by=CANARY,
        expert_decision=CANARY, indicators=frozenset({CANARY}), missing=(CANARY,), endorsed_by=frozenset({CANARY}),
    )  # fmt: skip
    data = notice(case).decode()
    assert CANARY not in data
    assert "reporter" not in data


@pytest.mark.parametrize(
    ("priority", "child", "urgency"),
    [(Priority.P0, True, "child_in_danger"), (Priority.P0, False, "routine"), (Priority.P1, True, "routine")],
)
def test_only_imminent_danger_to_a_child_is_called_so(priority: Priority, child: bool, urgency: str) -> None:
    assert read(notice(a_case(priority=priority, child=child)))["urgency"] == urgency


def test_a_case_with_its_own_territory_asks_for_no_more() -> None:
    assert read(notice(a_case(territories=("KG",))))["territories"] == ["KG"]


def test_a_provision_that_the_pack_lacks_cannot_be_cited() -> None:
    with pytest.raises(KeyError):
        notice(basis=("kz.invented",))


def test_an_item_whose_time_is_not_known_says_so_and_not_now() -> None:
    assert read(notice(items=(an_item(observed_at=None),)))["items"][0]["observed_at"] is None


def test_the_notice_carries_the_name_in_force_on_the_authoritys_own_day() -> None:
    """The ministry was renamed on 1 September 2023, Almaty time; in UTC it was still 18:00 the day before."""
    midnight = datetime(2023, 8, 31, 18, 0, tzinfo=UTC)
    before = read(notice(at=midnight - timedelta(seconds=1)))["authority"]["name"]
    after = read(notice(at=midnight))["authority"]["name"]
    assert "Social Development" in before
    assert "Culture and Information" in after


@pytest.mark.parametrize("instrument", [Instrument.REQUEST, Instrument.PRESCRIPTION])
def test_the_way_to_object_is_that_of_the_instrument(instrument: Instrument) -> None:
    case = a_case(instrument=instrument, ground=Ground.LOCAL_LAW)
    rule = the_pack().instrument(instrument, case.category)
    assert rule is not None
    assert read(notice(case))["redress"] == rule.redress.en


# --- The key that makes sending twice harmless -----------------------------------------------------------

THREE = (an_item(1), an_item(2), an_item(3))


@pytest.mark.parametrize("items", list(permutations(THREE)))
def test_the_key_does_not_depend_on_the_order_of_the_items(items: tuple[ItemFacts, ...]) -> None:
    assert idempotency_key(*KEY, items, "request", "notice") == idempotency_key(*KEY, THREE, "request", "notice")


def test_the_key_does_not_depend_on_how_a_link_was_spelled_or_when_it_was_seen() -> None:
    again = (an_item(1, url="http://m.tiktok.example/v/1", observed_at=NOW, reason="x"), *THREE[1:])
    assert idempotency_key(*KEY, again, "request", "notice") == idempotency_key(*KEY, THREE, "request", "notice")


def test_every_other_notice_has_another_key() -> None:
    keys = {
        idempotency_key(case, platform, items, instrument, kind, round_)
        for case in ("KZ-2026-000123", "KZ-2026-000124")
        for platform in ("tiktok", "vk")
        for items in (THREE, THREE[:2], ())
        for instrument in ("request", "prescription")
        for kind in ("notice", "answer")
        for round_ in (1, 2)
    }
    assert len(keys) == 2 * 2 * 3 * 2 * 2 * 2


def test_the_key_is_fixed_for_good() -> None:
    """A platform that saw a notice before an upgrade must know it again after."""
    key = idempotency_key("KZ-2026-000123", "tiktok", (an_item(2), an_item(1)), "request", "notice", 1)
    assert key == "63d3f0922cbfcb7c16993b7ea19954fd870f6734754e81e747a5ce07b4792223"
