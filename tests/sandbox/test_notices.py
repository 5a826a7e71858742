"""Sending notices: received once, found again, refused with a sentence."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sandbox.running import RunningPlatform
from tests.sandbox.conversation import LINK, Authority, notice


def test_a_new_notice_gets_a_reference_and_every_item_is_pending(authority: Authority) -> None:
    answer = authority.send(notice("csam", "fraud"))

    assert answer.status_code == 201
    told = answer.json()
    assert told["reference"] == "PP-2026-0000001"
    assert told["received_at"] == "2026-03-02T09:00:00Z"
    assert told["status"] == "received"
    assert told["items"] == [{"item": "1", "status": "pending"}, {"item": "2", "status": "pending"}]


def test_the_same_notice_under_the_same_key_is_received_once(authority: Authority) -> None:
    first = authority.send(notice())
    again = authority.send(notice())

    assert (again.status_code, again.json()["reference"]) == (200, first.json()["reference"])
    assert authority.http.get("/practice/state").json()["notices"] == 1


def test_eight_senders_at_once_with_one_key_make_one_notice(authority: Authority) -> None:
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: authority.send(notice()), range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert {answer.json()["reference"] for answer in answers} == {"PP-2026-0000001"}


def test_another_body_under_a_used_key_is_refused(authority: Authority) -> None:
    authority.accepted(notice())

    refused = authority.send(notice(number=124))

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert authority.http.get("/practice/state").json()["notices"] == 1


@pytest.mark.parametrize("environment", [None, "production", "Practice"])
def test_a_notice_not_marked_as_practice_is_refused(authority: Authority, environment: str | None) -> None:
    refused = authority.send(notice(), environment=environment)

    assert refused.status_code == 409
    assert "practice platform" in refused.json()["detail"]
    assert authority.http.get("/practice/state").json()["notices"] == 0


@pytest.mark.parametrize("key", [None, "", "k" * 201])
def test_a_notice_without_a_usable_key_is_refused(authority: Authority, key: str | None) -> None:
    assert authority.send(notice(), key=key).status_code == 400


def test_a_key_of_two_hundred_characters_is_fine(authority: Authority) -> None:
    assert authority.accepted(notice(), key="k" * 200)


def test_a_notice_is_found_by_its_reference_and_by_its_key(authority: Authority) -> None:
    key = "KZ-2026-000123/S1/instagram"
    reference = authority.accepted(notice(), key)

    by_reference = authority.http.get(f"/v1/notices/{reference}")
    by_key = authority.http.get(f"/v1/notices/by-key/{key}")

    assert by_reference.json() == by_key.json()
    assert by_key.json()["idempotency_key"] == key
    assert by_key.json()["submission"] == "KZ-2026-000123/S1"


def test_what_never_arrived_is_not_found(authority: Authority) -> None:
    assert authority.http.get("/v1/notices/by-key/never-sent").status_code == 404
    assert authority.http.get("/v1/notices/PP-2026-0000009").status_code == 404


def test_links_are_never_shown_back(authority: Authority) -> None:
    reference = authority.accepted(notice("csam"))

    pages = [f"/v1/notices/{reference}", "/v1/answers", "/practice/state", "/"]

    assert not [page for page in pages if LINK in authority.http.get(page).text]


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"schema": "qorgan-notice/2"}, "schema"),
    ({"kind": "question"}, "kind"),
    ({"kind": "answer"}, "in_reply_to"),
    ({"in_reply_to": "PP-2026-0000001"}, "in_reply_to"),
    ({"items": []}, "items"),
    ({"items": [{"item": "1"}]}, "items.0.url"),
    ({"items": notice()["items"] * 2}, "item 1 is listed twice"),
    ({"items": notice(*["fraud"] * 501)["items"]}, "items"),
    ({"authority": {}}, "authority"),
    ({"submission": ""}, "submission"),
]


@pytest.mark.parametrize(("changes", "named"), BROKEN)
def test_a_notice_that_cannot_be_read_is_refused_by_field(
    authority: Authority, changes: dict[str, Any], named: str
) -> None:
    refused = authority.send({**notice(), **changes})

    assert (refused.status_code, refused.json()["code"]) == (422, "body_invalid")
    assert named in refused.json()["detail"]
    assert LINK not in refused.text


def test_what_is_not_json_is_refused(authority: Authority) -> None:
    assert authority.send(b"\xff not json").status_code == 422


def test_five_hundred_items_are_the_most(authority: Authority) -> None:
    assert authority.accepted(notice(*["fraud"] * 500))


def test_one_megabyte_is_the_most(authority: Authority) -> None:
    empty = len(padded(""))
    largest = padded("x" * (1_000_000 - empty))

    assert authority.send(largest, "fits").status_code == 201
    assert authority.send(largest + b" ", "one byte more").status_code == 413


def padded(padding: str) -> bytes:
    return json.dumps(notice(padding=padding)).encode()


def test_an_answer_to_an_unknown_reference_is_refused(authority: Authority) -> None:
    refused = authority.send(notice(kind="answer", in_reply_to="PP-2026-0000077"))

    assert (refused.status_code, refused.json()["code"]) == (422, "in_reply_to_unknown")


def test_the_front_page_says_that_this_is_practice(authority: Authority) -> None:
    authority.accepted(notice("csam", "fraud"))

    page = authority.http.get("/")

    assert page.headers["content-type"].startswith("text/html")
    assert "practice platform for training and tests" in page.text
    assert "<tr><th>items</th><td>2</td></tr>" in page.text


def test_a_failing_platform_records_nothing(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(fail_next=1)

    assert authority.send(notice()).status_code == 500
    assert authority.http.get("/v1/notices/by-key/key-1").status_code == 404
    assert authority.send(notice()).status_code == 201


def test_an_accepted_notice_whose_answer_failed_is_found_by_its_key(
    platform: RunningPlatform, authority: Authority
) -> None:
    platform.behaviour(fail_after_accept_next=1)

    assert authority.send(notice()).status_code == 500
    found = authority.http.get("/v1/notices/by-key/key-1").json()["reference"]
    assert authority.send(notice()).json()["reference"] == found
    assert platform.state()["notices"] == 1


def test_an_accepted_notice_whose_connection_broke_is_found_by_its_key(
    platform: RunningPlatform, authority: Authority
) -> None:
    platform.behaviour(close_after_accept_next=1)

    with pytest.raises(httpx.RemoteProtocolError):
        authority.send(notice())
    assert authority.http.get("/v1/notices/by-key/key-1").status_code == 200


def test_an_accepted_notice_whose_answer_hangs_is_found_by_its_key(
    platform: RunningPlatform, authority: Authority
) -> None:
    platform.behaviour(timeout_next=1, timeout_seconds=60)

    with pytest.raises(httpx.ReadTimeout):
        authority.send(notice(), timeout=0.3)
    assert authority.http.get("/v1/notices/by-key/key-1").status_code == 200
    assert authority.send(notice()).status_code == 200


def test_a_busy_platform_says_when_to_try_again(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(rate_limit_next=1, retry_after_seconds=7)

    refused = authority.send(notice())

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert platform.state()["notices"] == 0
    assert authority.send(notice()).status_code == 201


def test_a_slow_platform_keeps_every_caller_waiting(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(latency_seconds=0.2)

    assert authority.send(notice()).elapsed.total_seconds() >= 0.2
    assert authority.http.get("/v1/answers").elapsed.total_seconds() >= 0.2
