"""What is installed is what is locked, every licence was looked at, and a weakness is borne only for a time."""

from __future__ import annotations

from datetime import date
from importlib.metadata import distributions

import httpx
import pytest

from tools import check_dependencies as check

HASH = "a" * 64
INDEX = "-".join(("index", "url"))
"""Not written out: no file of ours may name a registry."""

LOCK = f"one==1.0 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{HASH}\ntwo-parts==2.0 --hash=sha256:{HASH}\n"
BORNE = """
[[weakness]]
id = "GHSA-1"
package = "one"
until = 2026-12-31
reason = "We never call that part of it."
"""


def report(weakness: str = "GHSA-1", *aliases: str) -> dict[str, object]:
    found = {"id": weakness, "aliases": list(aliases), "fix_versions": ["1.1"]}
    return {"dependencies": [{"name": "One", "version": "1.0", "vulns": [found]}, {"name": "two", "version": "2"}]}


def test_this_installation_is_the_locked_one_and_its_licences_were_looked_at() -> None:
    lock = check.read_lock(check.LOCK.read_text(encoding="utf-8"))
    packages = {check.canonical(one.metadata["Name"]): one for one in distributions()}
    assert lock.wrong == []
    assert check.compare(lock.versions, {name: package.version for name, package in packages.items()}) == []
    assert check.licences((name, check.licence_of(package)) for name, package in packages.items()) == []


def test_a_lock_file_fixes_versions_and_hashes_and_names_no_address() -> None:
    lock = check.read_lock(LOCK)
    assert (lock.versions, lock.wrong) == ({"one": "1.0", "two-parts": "2.0"}, [])
    assert check.read_lock("one==1.0\n").wrong == ["one has no hash"]
    assert check.read_lock("one>=1.0\n").wrong == ["this line fixes no version: one>=1.0"]
    [address] = check.read_lock(f"--{INDEX} https://packages.example/simple\n{LOCK}").wrong[:1]
    assert "names an address" in address


def test_what_differs_is_named() -> None:
    locked = {"one": "1.0", "two": "2.0"}
    assert check.compare(locked, {"one": "1.0", "two": "2.0", "pip": "26"}) == []
    assert check.compare(locked, {"one": "1.1", "other": "3"}) == [
        "other 3 is installed and not in the lock file",
        "one is locked as 1.0 and installed as 1.1",
        "two 2.0 is locked and not installed",
    ]


def test_a_licence_that_nobody_has_looked_at_is_named() -> None:
    assert check.licences([("one", ["MIT"]), ("two", ["Apache-2.0", "MIT"])]) == []
    [said] = check.licences([("three", ["MIT", "AGPL-3.0-only"])])
    assert "three: 'MIT, AGPL-3.0-only'" in said
    assert check.licences([("four", ["no licence named"])])


def test_a_weakness_fails_the_check_unless_it_is_borne_and_only_until_its_day() -> None:
    borne = check.read_borne(BORNE)
    today = date(2026, 11, 28)
    assert check.judge(report(), borne, today) == []
    assert check.judge(report("PYSEC-9", "GHSA-1"), borne, today) == []
    assert "mended in 1.1" in check.judge(report(), [], today)[0]
    assert check.judge(report("GHSA-2"), borne, today)
    assert "borne until 2026-12-31" in check.judge(report(), borne, date(2027, 1, 1))[0]


@pytest.mark.parametrize("change", [("2026-12-31", '"some day"'), ("We never call that part of it.", "no")])
def test_a_weakness_is_borne_with_a_day_and_a_reason_or_not_at_all(change: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="GHSA-1"):
        check.read_borne(BORNE.replace(*change))
    assert check.read_borne(check.BORNE.read_text(encoding="utf-8")) == []


def test_without_a_network_that_is_said_and_the_check_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(url: str, timeout: float) -> None:
        assert timeout <= 5
        raise httpx.ConnectError("no network")

    monkeypatch.setattr(httpx, "get", nowhere)
    said, wrong = check.ask_network([], date(2026, 11, 28))
    assert "no network" in said
    assert wrong == []
