"""What `make up` and `make demo` ask of a Prefect that is busy."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from desk import local


def prefect_that_says(*answers: int) -> tuple[httpx.Client, list[str]]:
    """A client of a server that gives these answers in turn, and what it was asked."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path} {request.content.decode()}")
        return httpx.Response(answers[len(asked) - 1])

    return httpx.Client(base_url="http://127.0.0.1:4200/api", transport=httpx.MockTransport(answer)), asked


def test_a_prefect_that_is_busy_is_asked_again_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BUSY_PAUSE_SECONDS", 0)
    client, asked = prefect_that_says(503, 503, 201)
    answer = local.ask_prefect(client, "POST", "/work_pools/qorgan/queues", {"name": "routine", "priority": 2})
    assert answer.status_code == 201
    assert asked == ['POST /api/work_pools/qorgan/queues {"name":"routine","priority":2}'] * 3


def test_a_prefect_that_stays_busy_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BUSY_SECONDS", 0)
    client, asked = prefect_that_says(503)
    assert local.ask_prefect(client, "GET", "/work_pools/qorgan/queues/routine").status_code == 503
    assert len(asked) == 1


def test_any_other_refusal_is_an_answer() -> None:
    client, asked = prefect_that_says(409)
    assert local.ask_prefect(client, "PATCH", "/work_pools/qorgan/queues/routine", {"priority": 2}).status_code == 409
    assert len(asked) == 1


def test_clients_of_a_local_prefect_read_one_authority_and_not_all(tmp_path: Path) -> None:
    named = Path(local.plan_prefect(tmp_path, port=0).env["PREFECT_API_SSL_CERT_FILE"])
    assert named.is_absolute(), "processes have folders of their own"
    [authority] = ssl.create_default_context(cafile=named).get_ca_certs()
    assert authority["subject"]
    written = named.stat().st_mtime_ns
    assert local.plan_prefect(tmp_path, port=0).env["PREFECT_API_SSL_CERT_FILE"] == str(named)
    assert named.stat().st_mtime_ns == written, "who reads it now reads it whole"


def test_a_disk_that_was_full_leaves_no_half_authority_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_text

    def half(path: Path, text: str, encoding: str) -> int:
        write(path, text[:100], encoding)
        raise OSError("No space left on device")

    with monkeypatch.context() as full, pytest.raises(OSError, match="No space"):
        full.setattr(Path, "write_text", half)
        local.plan_prefect(tmp_path, port=0)
    named = local.plan_prefect(tmp_path, port=0).env["PREFECT_API_SSL_CERT_FILE"]
    assert len(ssl.create_default_context(cafile=named).get_ca_certs()) == 1
