"""``python -m sandbox`` as an operator runs it, and the promise never to open a link."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sandbox.running import RunningPlatform, start_platform_in_thread
from tests.sandbox.conversation import NEXT_WEEK, Authority, notice

ROOT = Path(__file__).parents[2]


@contextmanager
def sandbox(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sandbox as a process of its own, and the line it printed once it was ready."""
    command = [sys.executable, "-m", "sandbox", "--home", str(home), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_says_where_it_is_and_leaves_no_card_behind(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    with sandbox(home) as (process, line):
        card = json.loads((home / "sandbox.json").read_text())

        assert card["pid"] == process.pid
        assert card["platform_url"] in line
        assert f"{card['smtp_host']}:{card['smtp_port']}" in line
        assert httpx.get(f"{card['platform_url']}/practice/state").json()["notices"] == 0
        with smtplib.SMTP(card["smtp_host"], card["smtp_port"], timeout=20) as smtp:
            smtp.sendmail("desk@ministry.example", ["liaison@platform.example"], b"Subject: Hello\r\n\r\nHello\r\n")
        assert len(list((home / "mail").glob("*.eml"))) == 1

        os.kill(process.pid, how)
        rest, complaints = process.communicate(timeout=30)

    assert (process.returncode, rest, complaints) == (0, "", "")
    assert not (home / "sandbox.json").exists()


def test_a_taken_port_is_said_and_nothing_is_announced(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        sandbox(tmp_path, "--smtp-port", str(taken.getsockname()[1])) as (process, line),
    ):
        _, complaints = process.communicate(timeout=30)

    assert (process.returncode, line) == (1, "")
    assert "cannot start" in complaints
    assert not (tmp_path / "sandbox.json").exists()


def test_a_stopped_platform_frees_its_port_even_while_a_call_hangs() -> None:
    platform = start_platform_in_thread()
    platform.behaviour(timeout_next=1, timeout_seconds=600)
    with pytest.raises(httpx.ReadTimeout):
        Authority(platform.url).send(notice(), timeout=0.2)

    platform.stop()
    platform.stop()

    with pytest.raises(httpx.ConnectError):
        httpx.get(platform.url)


def test_a_reset_platform_remembers_nothing(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(fail_next=5)
    platform.reset()

    assert authority.accepted(notice()).endswith("-0000001")


def test_no_reported_link_is_ever_opened(platform: RunningPlatform, authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reported_site:
        reported_site.setblocking(False)
        link = f"http://127.0.0.1:{reported_site.getsockname()[1]}/p/1"
        body = notice("csam", "fraud")
        for item in body["items"]:
            item["url"] = link
        reference = authority.accepted(body)
        platform.set_clock(NEXT_WEEK)
        authority.answers()
        for page in (f"/v1/notices/{reference}", "/v1/notices/by-key/key-1", "/practice/state", "/"):
            authority.http.get(page)

        with pytest.raises(BlockingIOError):
            reported_site.accept()
