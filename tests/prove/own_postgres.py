"""A PostgreSQL that is shut down at once, as by a power cut, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from tests import database
from tests.database import PostgresServer


def crash_and_restart(server: PostgresServer) -> subprocess.Popen[bytes]:
    """Immediate shutdown: no connection is ended, nothing is written back; then recovery from the log.

    The process given back stops the server and removes its folder when its input is closed.
    """
    data = server.socket_folder / "data"
    pid = int((data / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    until = time.monotonic() + database.READY_SECONDS
    while (data / "postmaster.pid").exists():
        assert time.monotonic() < until, "it does not stop"
        time.sleep(0.02)
    switches = [part for switch in database._SWITCHES for part in ("-c", switch)]
    command = [
        str(database.find_binaries() / "postgres"), "-D", str(data), "-k", str(server.socket_folder), *switches
    ]  # fmt: skip
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    with (server.socket_folder / "log").open("ab") as log:
        guard = subprocess.Popen(
            ["/bin/sh", "-c", database._GUARD, "sh", str(server.socket_folder), *command],
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, cwd=server.socket_folder,
            env=environment, **database._account(),
        )  # fmt: skip
    database._wait_until_ready(server, guard, server.socket_folder / "log")
    return guard
