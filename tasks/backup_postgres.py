"""PostgreSQL's own tools, and databases of our own beside the case file.

A password is never an argument of a command: everybody on the machine could read it there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from casework.errors import ConfigurationError, QorganError
from tasks.backup_manifest import Progress

ASK_SECONDS = 0.2
"""How often a running tool is looked at."""

MAINTENANCE = "postgres"
"""The database that every server has: other databases are made and renamed from there."""


FULL = "No space left on device"


class PostgresRefused(QorganError):
    """A tool of PostgreSQL, or the server, refused; the message has its complaint, which names no content."""

    rule = "backup.postgresql"


def tool(name: str, folder: Path | None, server: int) -> str:
    """The path of a tool that may be used with a server of this major version.

    Raises ConfigurationError where it is missing, or older than the server.
    """
    found = shutil.which(name, path=None if folder is None else str(folder))
    if found is None:
        raise ConfigurationError(
            f"{name} is not there",
            rule="backup.no_pg_tools",
            next_step="Install PostgreSQL's client programs, or name their folder in QORGAN_PG_BIN.",
        )
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout  # noqa: S603
    version = re.search(r"(\d+)(?:\.\d+)*(?:\s|$)", said)
    if version is None or int(version[1]) < server:
        raise ConfigurationError(
            f"{name} is of version {version[1] if version else 'unknown'}, and the server of {server}",
            rule="backup.pg_tools_too_old",
            next_step=f"Name the folder of those of version {server} or newer in QORGAN_PG_BIN.",
        )
    return found


def maintenance(url: URL) -> URL:
    """The same server, whether or not it has the database."""
    return url.set(database=MAINTENANCE)


def server_version(url: URL) -> int:
    """The server's major version, such as 16."""
    with _connected(url) as connection:
        return connection.info.server_version // 10_000


def dump(url: URL, snapshot: str, program: str, into: IO[bytes], progress: Progress) -> None:
    """Write a database as one of its snapshots has it, in pg_dump's own format."""
    command = [program, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    _run([*command, f"--dbname={_conninfo(url)}"], url, progress, into)


def load(url: URL, program: str, dumped: Path, progress: Progress) -> None:
    """Read a dump into an empty database; all of it or nothing."""
    command = [program, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run([*command, f"--dbname={_conninfo(url)}", str(dumped)], url, progress)


def exists(url: URL) -> bool:
    """Whether the server has this database."""
    with _at_the_server(url) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [url.database]).fetchone()
        return found is not None


def create(url: URL) -> None:
    """Make an empty database. Raises PostgresRefused where the account may not."""
    with _at_the_server(url) as connection:
        # From the bare template: what an administrator put into the other would be in the way.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
        connection.execute(statement.format(sql.Identifier(_name(url))))


def drop(url: URL) -> None:
    """Remove a database of ours, whoever is connected to it."""
    with _at_the_server(url) as connection:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(statement.format(sql.Identifier(_name(url))))


def rename(url: URL, name: str) -> None:
    """Give a database another name. Raises PostgresRefused while somebody is connected to it."""
    with _at_the_server(url) as connection:
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(statement.format(sql.Identifier(_name(url)), sql.Identifier(name)))


def databases_like(url: URL, prefix: str) -> list[str]:
    """Databases of the server whose names begin so."""
    with _at_the_server(url) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        return sorted(name for (name,) in rows)


@contextmanager
def _at_the_server(url: URL) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with _connected(maintenance(url)) as connection:
        yield connection


@contextmanager
def _connected(url: URL) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    try:
        with psycopg.connect(_conninfo(url), password=url.password, autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        words = (error.diag.message_primary or "no connection, or it was lost")[:200]
        raise PostgresRefused(
            f"the server refused: {words}",
            next_step="The account needs the right to make databases (CREATEDB); nobody may be connected to the one"
            " that is replaced.",
        ) from None


def _name(url: URL) -> str:
    if not url.database:
        raise ConfigurationError("the address of the database names no database", rule="backup.no_database")
    return url.database


def _conninfo(url: URL) -> str:
    """The connection in libpq's words, without the password."""
    said = {"host": url.host, "port": url.port, "user": url.username, "dbname": _name(url), **url.query}
    return make_conninfo("", **{key: str(value) for key, value in said.items() if value is not None})


def _environment(url: URL) -> Mapping[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", **({"PGPASSWORD": str(url.password)} if url.password else {})}


def _run(command: list[str], url: URL, progress: Progress, into: IO[bytes] | None = None) -> None:
    """Run a tool to its end, telling how much it has written. Raises PostgresRefused with its complaint."""
    out = subprocess.DEVNULL if into is None else into
    running = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, env=_environment(url)
    )
    try:
        while True:
            try:
                _, said = running.communicate(timeout=ASK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                progress(0 if into is None else os.fstat(into.fileno()).st_size, 0)
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    if running.returncode != 0:
        raise PostgresRefused(f"{Path(command[0]).name} failed: {_words(said.decode(errors='replace'))}")


def _words(said: str) -> str:
    """What a tool complained of, without what the server added: that may quote a row."""
    if FULL in said:
        return FULL
    complaint = re.search(r"error: ([^:\n]*)", said)
    return complaint[1][:200] if complaint else "it gave no reason"
