"""The one place where engine, clock, mailer, channels, policy and settings are chosen.

Everything else is handed a Runtime. Flows call :func:`current`; tests and the demo put
their own in place with :func:`use`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from casework.errors import ConfigurationError, PackError
from casework.pack_reader import read_pack
from casework.policy_pack import Pack
from db.engine import Sessions, make_engine, make_sessions
from db.migrate import upgrade
from tasks.channels import Channel, make_channels
from tasks.letterpress import Letterpress
from tasks.logs import configure_logs
from tasks.mailer import Mailer
from tasks.policies import Policies, adopt
from tasks.settings import ROOT, Settings
from tasks.users import Users, read_users
from tasks.vault import Vault, vault_from

MAX_PACK_FILE_BYTES = 2_000_000
"""Of one file of a policy pack."""


@dataclass(frozen=True)
class Runtime:
    """Everything an effect needs."""

    settings: Settings
    engine: Engine
    sessions: Sessions
    pack: Pack
    policies: Policies
    users: Users
    vault: Vault
    mailer: Mailer
    channels: Mapping[str, Channel]
    letterpress: Letterpress
    now: Callable[[], datetime]


def pack_texts(folder: Path) -> dict[str, str]:
    """The files of a pack: YAML by stem, the table of single days by name. ConfigurationError when there is none."""
    if not folder.is_dir():
        raise ConfigurationError(
            f"no policy pack at '{folder.name}'", rule="policy.missing", next_step="Set QORGAN_PACK."
        )
    texts = {path.stem: _pack_text(path) for path in sorted(folder.glob("*.yaml"))}
    return texts | {path.name: _pack_text(path) for path in sorted(folder.glob("*.csv"))}


def _pack_text(path: Path) -> str:
    """One file of a pack. Raises PackError for one that is too long or no UTF-8."""
    name = f"{path.parent.name}/{path.name}"
    if path.stat().st_size > MAX_PACK_FILE_BYTES:
        raise PackError(f"{name}:1: longer than {MAX_PACK_FILE_BYTES:,} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PackError(f"{name}:1: not UTF-8 at byte {error.start}", next_step="Save it as UTF-8.") from None


def load_pack(folder: Path) -> Pack:
    """Read a pack's files and check them. PackError lists every fault with file and line."""
    return read_pack(folder.name, pack_texts(folder))


def build(settings: Settings, *, now: Callable[[], datetime] | None = None) -> Runtime:
    """A runtime for these settings; brings the database to the newest schema."""
    found = settings.with_sandbox()
    engine = make_engine(found.database)
    try:
        return _on(engine, found, now)
    except Exception:
        # Nobody will use it.
        engine.dispose()
        raise


def _on(engine: Engine, found: Settings, now: Callable[[], datetime] | None) -> Runtime:
    upgrade(engine)
    sessions = make_sessions(engine)
    clock = now or (lambda: datetime.now(UTC))
    pack = load_pack(found.pack_folder)
    adopt(sessions, pack, pack_texts(found.pack_folder), clock())
    return Runtime(
        settings=found,
        engine=engine,
        sessions=sessions,
        pack=pack,
        policies=Policies(pack),
        users=read_users(found.users),
        vault=vault_from(found.vault_key.get_secret_value() if found.vault_key else None, found.home / "vault.key"),
        mailer=Mailer.from_settings(found),
        channels=make_channels(found),
        letterpress=Letterpress(ROOT / "templates", wording=pack.wording),
        now=clock,
    )


_lock = threading.Lock()
_current: Runtime | None = None


def current() -> Runtime:
    """The runtime of this process, built from the environment on first use."""
    global _current
    with _lock:
        if _current is None:
            settings = Settings()
            configure_logs(as_json=settings.log_json)
            _current = build(settings)
        return _current


@contextmanager
def use(runtime: Runtime) -> Iterator[Runtime]:
    """Put a runtime in place for the length of a with-block."""
    global _current
    with _lock:
        before, _current = _current, runtime
    try:
        yield runtime
    finally:
        with _lock:
            _current = before
