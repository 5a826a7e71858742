"""Every fault of an installation is found and said with its remedy; each is made for real."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command

from db.engine import make_engine
from db.migrate import config
from db.queries.clocks import record_success
from desk.findings import Finding, Part
from desk.health import examine
from tasks import heartbeats
from tasks.settings import ROOT, Settings
from tests.database import PostgresServer, running_postgres
from tests.desk.conftest import AtTheDesk
from tests.desk.doctoring import assert_said, documented, examined
from tests.stories import USERS


@dataclass
class Scene:
    """An installation in which a fault is made."""

    desk: AtTheDesk
    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def set(self, **settings: object) -> None:
        for name, value in settings.items():
            self.monkeypatch.setenv(f"QORGAN_{name.upper()}", str(value))

    def beat(self, name: str, minutes_ago: int, **detail: object) -> None:
        """A job last succeeded so long ago."""
        with self.desk.story.runtime.sessions.write.begin() as session:
            record_success(session, name, datetime.now(UTC) - timedelta(minutes=minutes_ago), detail)


def the_sweep_stands_still(scene: Scene) -> None:
    scene.beat("clocks", 20)


def the_sweep_never_came(scene: Scene) -> None:
    with scene.desk.story.runtime.sessions.write.begin() as session:
        heartbeats.expect(session, datetime.now(UTC) - timedelta(minutes=20))


def the_letters_stand_still(scene: Scene) -> None:
    scene.beat("clocks", 0)
    scene.beat("letters", 60)


def package(scene: Scene, name: str, version: str) -> None:
    """Another version of a package stands first on the path."""
    told = scene.folder / f"{name}-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    scene.monkeypatch.syspath_prepend(scene.folder)


def fastapi_too_new(scene: Scene) -> None:
    package(scene, "fastapi", "0.157.0")


def a_package_is_gone(scene: Scene) -> None:
    told = scene.folder / "qorgan-0.1.0.dist-info"
    told.mkdir()
    needs = "Requires-Dist: a-package-nobody-has>=1\nRequires-Dist: only-elsewhere>=1; sys_platform == 'nowhere'\n"
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: qorgan\nVersion: 0.1.0\n{needs}")
    scene.monkeypatch.syspath_prepend(scene.folder)


def another_program(scene: Scene) -> None:
    scene.beat("program@host-2", 3, program="0.0.9+0009.000000000000")


def another_machine_on_sqlite(scene: Scene) -> None:
    from tasks.program import program

    scene.beat("program@host-2", 3, program=program())


def behind(scene: Scene) -> None:
    path = scene.folder / "old.db"
    engine = make_engine(f"sqlite:///{path}")
    settings = config()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0004")
    engine.dispose()
    scene.set(database_url=f"sqlite:///{path}")


def ahead(scene: Scene) -> None:
    scene.desk.story.execute("UPDATE alembic_version SET version_num = '9999'")


def unreachable(scene: Scene) -> None:
    scene.set(database_url="postgresql+psycopg://qorgan@127.0.0.1:1/qorgan")


def vault_key_gone(scene: Scene) -> None:
    scene.desk.story.take_in()
    (scene.desk.story.runtime.settings.home / "vault.key").unlink()


def vault_key_for_everybody(scene: Scene) -> None:
    scene.desk.story.take_in()
    (scene.desk.story.runtime.settings.home / "vault.key").chmod(0o644)


def mail_down(scene: Scene) -> None:
    scene.set(smtp_port=1)


def no_mail_server(scene: Scene) -> None:
    scene.monkeypatch.delenv("QORGAN_SMTP_HOST")


def open_mail_in_production(scene: Scene) -> None:
    scene.set(environment="production", smtp_security="none")


def a_year_too_few(scene: Scene) -> None:
    pack = scene.folder / "kz-ministry"
    shutil.copytree(ROOT / "policies" / "kz-ministry", pack)
    calendar = pack / "calendar.yaml"
    text = calendar.read_text(encoding="utf-8")
    year = datetime.now(UTC).year
    short, count = re.subn(r"covers: \[.*?\]", f"covers: [{year - 1}]", text)
    assert count == 1
    calendar.write_text(short, encoding="utf-8")
    scene.set(pack=pack)


def no_such_pack(scene: Scene) -> None:
    scene.set(pack="no-such-pack")


def nobody(scene: Scene) -> None:
    scene.set(users_file=scene.folder / "users.yaml")


def users_file(scene: Scene, mode: int) -> None:
    path = scene.folder / "users.yaml"
    shutil.copyfile(USERS, path)
    path.chmod(mode)
    scene.set(users_file=path)


def users_for_everybody_to_write(scene: Scene) -> None:
    users_file(scene, 0o666)


def users_for_everybody_to_read(scene: Scene) -> None:
    users_file(scene, 0o644)
    scene.set(environment="production")


def letters_for_a_person(scene: Scene) -> None:
    scene.desk.story.mailbox.refuse_recipients.add("reporter@mail.example")
    scene.desk.story.take_in()
    scene.desk.says("letters", "send")


def reports_never_read(scene: Scene) -> None:
    scene.desk.story.take_in()
    scene.desk.story.allow_changes("report")
    scene.desk.story.execute("UPDATE report SET state = 'stored'")


def prefect_down(scene: Scene) -> None:
    scene.monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")


FAULTS: dict[str, Callable[[Scene], None]] = {
    "the sweep stands still": the_sweep_stands_still,
    "the sweep is expected and never came": the_sweep_never_came,
    "another schedule stands still": the_letters_stand_still,
    "a package outside its bounds": fastapi_too_new,
    "a package is gone": a_package_is_gone,
    "another program at work": another_program,
    "SQLite on several machines": another_machine_on_sqlite,
    "migrations behind": behind,
    "migrations ahead": ahead,
    "the database cannot be reached": unreachable,
    "the vault key is gone": vault_key_gone,
    "others may use the vault key": vault_key_for_everybody,
    "the mail server is down": mail_down,
    "no mail server is set": no_mail_server,
    "mail without protection in production": open_mail_in_production,
    "next year is not in the calendar": a_year_too_few,
    "the policy pack does not load": no_such_pack,
    "no reviewer": nobody,
    "everybody may write users.yaml": users_for_everybody_to_write,
    "everybody may read users.yaml in production": users_for_everybody_to_read,
    "letters need a person": letters_for_a_person,
    "reports never read": reports_never_read,
    "Prefect is down": prefect_down,
}
ELSEWHERE = {"the disk is nearly full", "the database's clock is off", "the database promises what it may lose"}
"""Faults that need a place or a database of their own; their tests are below."""


@pytest.mark.parametrize("fault", FAULTS)
def test_doctor_finds(fault: str, desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "scene"
    folder.mkdir()
    code, before = examined(desk)
    assert (code, [found for found in before if found["verdict"] == "failed"]) == (0, [])
    FAULTS[fault](Scene(desk, monkeypatch, folder))
    code, findings = examined(desk)
    assert code == 1
    assert_said(fault, findings)


def as_rows(findings: list[Finding]) -> list[dict[str, str]]:
    return [{"check": one.check, "verdict": one.verdict, "said": one.said, "remedy": one.remedy} for one in findings]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_doctor_finds_a_disk_that_is_nearly_full(small_disk: Path) -> None:
    findings = examine(Settings(home=small_disk), datetime.now(UTC), [Part.MACHINE])
    assert_said("the disk is nearly full", as_rows(findings))


@pytest.mark.parametrize(("seconds", "verdict"), [(4, "ok"), (-4, "ok"), (7, "failed"), (-7, "failed")])
def test_doctor_compares_its_clock_with_the_databases(
    postgres_server: PostgresServer | str, tmp_path: Path, seconds: int, verdict: str
) -> None:
    if isinstance(postgres_server, str):
        pytest.skip(f"no PostgreSQL: {postgres_server}")
    with postgres_server.fresh_database() as url:
        settings = Settings(home=tmp_path, database_url=url)
        findings = examine(settings, datetime.now(UTC) + timedelta(seconds=seconds), [Part.CASE_FILE])
    [found] = [one for one in findings if one.check == "database clock"]
    assert found.verdict == verdict
    if verdict == "failed":
        assert_said("the database's clock is off", as_rows(findings))


def test_doctor_finds_a_database_that_promises_what_it_may_lose(
    postgres_server: PostgresServer | str, tmp_path: Path
) -> None:
    if isinstance(postgres_server, str):
        pytest.skip(f"no PostgreSQL: {postgres_server}")

    def commits(url: str) -> Finding:
        findings = examine(Settings(home=tmp_path, database_url=url), datetime.now(UTC), [Part.CASE_FILE])
        return next(one for one in findings if one.check == "database commits")

    with postgres_server.fresh_database() as url:
        # The server of the tests is set so: they need no database that outlives the machine.
        found = commits(url)
    assert "fsync and synchronous_commit off" in found.said
    assert_said("the database promises what it may lose", as_rows([found]))
    with running_postgres(durable=True) as server, server.fresh_database() as url:
        assert commits(url).verdict == "ok"


def test_the_dead_mans_switch_alone_looks_at_schedules_and_asks_nobody_else(desk: AtTheDesk) -> None:
    code, findings = examined(desk, "--only", "dead-mans-switch")
    assert code == 0
    assert {found["check"] for found in findings} == {"case file", "sweep", "schedules"}


def test_a_switch_that_cannot_read_the_case_file_fails(desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QORGAN_DATABASE_URL", "postgresql+psycopg://qorgan@127.0.0.1:1/qorgan")
    assert examined(desk, "--only", "dead-mans-switch")[0] == 1


def test_before_november_a_missing_year_is_a_warning(tmp_path: Path) -> None:
    scene_pack = tmp_path / "kz-ministry"
    shutil.copytree(ROOT / "policies" / "kz-ministry", scene_pack)
    calendar = scene_pack / "calendar.yaml"
    text = re.sub(r"covers: \[.*?\]", "covers: [2025, 2026]", calendar.read_text(encoding="utf-8"))
    calendar.write_text(text, encoding="utf-8")
    settings = Settings(home=tmp_path, pack=str(scene_pack), users_file=USERS)
    verdicts = []
    for day in (datetime(2026, 10, 31, 18, 59, tzinfo=UTC), datetime(2026, 10, 31, 19, 1, tzinfo=UTC)):
        findings = examine(settings, day, [Part.POLICY])
        verdicts += [one.verdict.value for one in findings if one.check == "calendar"]
    assert verdicts == ["warning", "failed"], "midnight in the authority's zone"


def test_no_finding_repeats_a_secret(desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QORGAN_DATABASE_URL", "postgresql+psycopg://qorgan:hunter2@127.0.0.1:1/qorgan")
    result = desk.run("doctor")
    assert result.exit_code == 1
    assert "hunter2" not in result.output


def test_every_fault_that_is_documented_is_made_in_a_test_and_the_other_way_round() -> None:
    from tests.desk.test_doctor_people import FAULTS as OF_PEOPLE
    from tests.desk.test_doctor_prefect import FAULTS as OF_PREFECT

    assert set(documented()) == {*FAULTS, *ELSEWHERE, *OF_PEOPLE, *OF_PREFECT}


def test_a_machine_that_has_not_worked_for_an_hour_counts_for_nothing(
    desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Scene(desk, monkeypatch, tmp_path).beat("program@gone", 61, program="0.0.1")
    assert examined(desk)[0] == 0
