"""Prefect's own test harness, over the server that an installation on SQLite has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from prefect.server.api.server import SubprocessASGIServer
from prefect.testing.utilities import prefect_test_harness

START_SECONDS = 240
_AS_INSTALLED = "import runpy; from desk.prefect_server import take_turns_on_sqlite; take_turns_on_sqlite(); " \
    "runpy.run_module('uvicorn', run_name='__main__')"  # fmt: skip


@contextmanager
def prefect_as_installed() -> Iterator[None]:
    """A real server of the test's own in a process, and Prefect's settings that lead to it."""
    started_as_installed = mock.patch.object(SubprocessASGIServer, "_run_uvicorn_command", _started_as_installed)
    with started_as_installed, prefect_test_harness(server_startup_timeout=START_SECONDS):
        yield


def _started_as_installed(server: SubprocessASGIServer) -> subprocess.Popen[Any]:
    def popen(args: list[str], **options: Any) -> subprocess.Popen[Any]:
        assert args[:3] == [sys.executable, "-m", "uvicorn"], "Prefect starts its server another way than it did"
        return _Popen([sys.executable, "-c", _AS_INSTALLED, *args[3:]], **options)

    with mock.patch("prefect.server.api.server.subprocess.Popen", popen):
        started: subprocess.Popen[Any] = _run_uvicorn_command(server)
    return started


_Popen = subprocess.Popen
_run_uvicorn_command = SubprocessASGIServer._run_uvicorn_command
