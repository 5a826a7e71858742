"""The vault, the people, the settings and the log lines that everything else stands on."""

from __future__ import annotations

import io
import json
import logging
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from casework.errors import ConfigurationError, NotAllowed, QorganError
from casework.facts import Actor
from casework.vocabulary import Role
from tasks import runtime as runtime_module
from tasks.logs import REDACTED, configure_logs, logger
from tasks.runtime import Runtime, current, load_pack, use
from tasks.settings import ROOT, Settings
from tasks.users import read_users
from tasks.vault import Vault, vault_from
from tests.stories import SQLITE_ONLY, USERS

KEY = urlsafe_b64encode(bytes(range(32))).decode()


def test_what_is_sealed_opens_for_its_purpose_only(tmp_path: Path) -> None:
    vault = vault_from(KEY, tmp_path / "unused")
    sealed = vault.seal(b"who it is", "party")
    assert vault.open(sealed, "party") == b"who it is"
    assert b"who it is" not in sealed
    assert vault.seal(b"who it is", "party") != sealed
    for purpose, altered in (("report", sealed), ("party", sealed[:-1] + bytes([sealed[-1] ^ 1]))):
        with pytest.raises(ConfigurationError, match="does not open"):
            vault.open(altered, purpose)
    with pytest.raises(QorganError, match="erased"):
        vault.open(b"", "party")
    with pytest.raises(ConfigurationError, match="QORGAN_VAULT_KEY"):
        Vault(bytes(32)).open(sealed, "party")
    assert not (tmp_path / "unused").exists()


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "vault.key"
    sealed = vault_from(None, path).seal(b"x", "party")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert vault_from(None, path).open(sealed, "party") == b"x"


@pytest.mark.parametrize("key", ["", "short", "ключ", KEY[:-8], "AAAA" + KEY, "!" * 43])
def test_a_key_that_is_none_is_refused_and_not_repeated(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match="32 bytes") as refused:
        vault_from(key, tmp_path / "unused")
    assert not key or key not in str(refused.value)


def test_the_practice_people_are_read_with_their_roles() -> None:
    users = read_users(USERS)
    assert users.actor("daniyar") == Actor("daniyar", "Daniyar (practice)", frozenset({Role.LEGAL_REVIEWER}))
    assert len(users.by_id) == 12


def test_a_missing_file_means_nobody(tmp_path: Path) -> None:
    users = read_users(tmp_path / "none.yaml")
    with pytest.raises(NotAllowed, match=r"nobody is known as 'aigerim'.*users.yaml"):
        users.actor("aigerim")


WRONG_USERS = {
    "users: [{id: system, name: X, roles: [specialist]}]": "nobody may be the system",
    "users: [{id: eve, name: Eve, roles: [system]}]": "nobody may be the system",
    "users: [{id: eve, name: Eve, roles: [emperor]}]": "users.invalid",
    "users: [{id: eve, name: Eve}]": "users.invalid",
    "users: [{id: eve, name: Eve, roles: [], password: x}]": "users.invalid",
    "users: {": "users.invalid",
    "- eve": "users.invalid",
}


@pytest.mark.parametrize(("text", "says"), WRONG_USERS.items())
def test_a_wrong_users_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        read_users(path)


def test_two_people_with_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_text("users: [{id: a, name: A, roles: [specialist]}, {id: a, name: B, roles: [legal_reviewer]}]")
    with pytest.raises(ConfigurationError, match="'a'"):
        read_users(path)


def test_settings_need_nothing_and_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Settings()
    assert (plain.database, plain.users, plain.environment) == (
        "sqlite:///var/qorgan.db",
        Path("var/users.yaml"),
        "practice",
    )
    assert plain.pack_folder == ROOT / "policies" / "kz-ministry"
    monkeypatch.setenv("QORGAN_DATABASE_URL", "postgresql+psycopg://somewhere/qorgan")
    monkeypatch.setenv("QORGAN_SMTP_PASSWORD", "not for eyes")
    set_ = Settings()
    assert set_.database == "postgresql+psycopg://somewhere/qorgan"
    assert "not for eyes" not in repr(set_)
    monkeypatch.setenv("QORGAN_ENVIRONMENT", "staging")
    with pytest.raises(ValidationError):
        Settings()


def test_a_running_sandbox_fills_what_is_not_set_and_only_in_practice(tmp_path: Path) -> None:
    note = {"smtp_host": "127.0.0.1", "smtp_port": 2525, "platform_url": "http://127.0.0.1:8800"}
    (tmp_path / "sandbox.json").write_text(json.dumps(note))
    found = Settings(home=tmp_path).with_sandbox()
    assert (found.smtp_host, found.smtp_port, found.platform_url) == ("127.0.0.1", 2525, "http://127.0.0.1:8800")
    mine = Settings(
        home=tmp_path, smtp_host="mail.example", smtp_port=25, platform_url="http://own.example"
    ).with_sandbox()
    assert (mine.smtp_host, mine.smtp_port, mine.platform_url) == ("mail.example", 25, "http://own.example")
    real = Settings(home=tmp_path, environment="production").with_sandbox()
    assert (real.smtp_host, real.platform_url) == (None, None)


def test_a_pack_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no policy pack at 'nowhere'"):
        load_pack(tmp_path / "nowhere")


@SQLITE_ONLY
def test_a_runtime_is_in_place_for_the_length_of_a_block(runtime: Runtime) -> None:
    before = runtime_module._current
    with use(runtime) as placed:
        assert placed is runtime
        assert current() is runtime
    assert runtime_module._current is before


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What our handler writes."""
    configure_logs(as_json=True)
    ours = logging.getLogger("qorgan")
    written = io.StringIO()
    before = [
        (handler, handler.setStream(written)) for handler in ours.handlers if isinstance(handler, logging.StreamHandler)
    ]
    yield written
    for handler, stream in before:
        if stream is not None:
            handler.setStream(stream)
    ours.handlers = [logging.NullHandler()]


def _last(lines: io.StringIO) -> dict[str, object]:
    found: dict[str, object] = json.loads(lines.getvalue().splitlines()[-1])
    return found


def test_a_line_has_its_event_its_identifiers_and_its_time(lines: io.StringIO) -> None:
    logger("intake").info("reports taken in", count=3, case="KZ-2026-000001")
    line = _last(lines)
    assert (line["event"], line["count"], line["case"], line["level"]) == (
        "reports taken in",
        3,
        "KZ-2026-000001",
        "info",
    )
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "key", ["url", "email", "name", "description", "quote", "subject", "payload", "token", "links"]
)
def test_values_of_secret_keys_never_reach_a_log(lines: io.StringIO, key: str) -> None:
    logger("intake").warning("seen", **{key: "kanarka"})
    assert _last(lines)[key] == REDACTED


LEAKS = {
    "a link in a text": {"error": "cannot read https://kanarka.example/x"},
    "a defanged link": {"error": "cannot read hxxps://kanarka[.]example/x"},
    "an address in a text": {"answer": "550 no mailbox kanarka@mail.example"},
    "an error object": {"error": ValueError("https://kanarka.example/x")},
    "a secret key inside a mapping": {"detail": {"email": "kanarka"}},
    "a link inside a list": {"rows": ["https://kanarka.example/x", {"deep": ["kanarka@mail.example"]}]},
    "bytes": {"raw_line": b"https://kanarka.example/x"},
}


@pytest.mark.parametrize("fields", LEAKS.values(), ids=LEAKS.keys())
def test_links_and_addresses_are_redacted_wherever_they_hide(lines: io.StringIO, fields: dict[str, object]) -> None:
    logger("intake").info("seen", **fields)
    assert "kanarka" not in lines.getvalue()


def test_an_exception_is_written_without_the_link_in_it(lines: io.StringIO) -> None:
    try:
        raise ValueError("https://kanarka.example/x")
    except ValueError:
        logger("intake").exception("failed")
    assert "ValueError" in lines.getvalue()
    assert "kanarka" not in lines.getvalue()
