"""PostgreSQL and Redis of the proof, on the data host: durable, so that a kill means something."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import psycopg

from tests.database import NoPostgres, find_binaries
from tools.ha_hosts import Host
from tools.ha_parts import Part

POSTGRES_PORT, REDIS_PORT = 5432, 6379
DATABASES = ("qorgan", "prefect")
_PLAIN = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _account() -> str | None:
    """Who runs PostgreSQL where this is root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("running as root, and there is no account 'postgres' or 'nobody'")


def postgres(host: Host, folder: Path) -> Part:
    """A server with an empty data folder, reached over TCP from every host of the proof."""
    binaries, account, data = find_binaries(), _account(), folder / "data"
    if account:
        shutil.chown(folder, account)
    initdb = [str(binaries / "initdb"), "-D", str(data), "--username=postgres", "--auth=trust", "--encoding=UTF8"]
    part = Part("postgres", host, [*initdb, "--no-instructions"], _PLAIN, account=account)
    subprocess.run(part.line(), env=_PLAIN, cwd=folder, check=True, capture_output=True, timeout=120)  # noqa: S603
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all samenet trust\n")
    server = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), "-p", str(POSTGRES_PORT)]
    switches = (f"listen_addresses={host.address}", "max_connections=200", "log_min_messages=fatal")
    part.command = [*server, *(word for switch in switches for word in ("-c", switch))]
    part.works = lambda: answers(host)
    return part


def redis(host: Host, folder: Path) -> Part:
    """Redis that writes what it is told to an append-only file, at most one second late: deploy/redis.conf."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("no redis-server on this machine")
    conf = Path(__file__).resolve().parents[1] / "deploy" / "redis.conf"
    own = ("--bind", host.address, "--port", str(REDIS_PORT), "--dir", str(folder), "--protected-mode", "no")
    return Part("redis", host, [program, str(conf), *own], _PLAIN, lambda: pongs(host))


def where(host: Host, database: str) -> str:
    """How psycopg finds a database of the proof."""
    return f"host={host.address} port={POSTGRES_PORT} user=postgres dbname={database} connect_timeout=2"


def answers(host: Host) -> bool:
    """Whether PostgreSQL takes a statement."""
    try:
        with psycopg.connect(where(host, "postgres")) as connection:
            return connection.execute("SELECT 1").fetchone() is not None
    except psycopg.OperationalError:
        return False


def pongs(host: Host) -> bool:
    """Whether Redis answers; while it loads its file it does not."""
    try:
        with socket.create_connection((host.address, REDIS_PORT), timeout=2) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def make_databases(host: Host) -> None:
    """One for the case file and one for Prefect."""
    with psycopg.connect(where(host, "postgres"), autocommit=True) as connection:
        for name in DATABASES:
            connection.execute(f"CREATE DATABASE {name}")
