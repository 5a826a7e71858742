"""The pieces that prove an installation on many hosts, each able to see what it must; and the whole, small."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tasks.collect_outcomes import collect
from tasks.settings import ROOT
from tests.stories import SQLITE_ONLY, Story, report
from tests.system.waiting import wait_for
from tools import ha_parts
from tools.ha_balancer import Balancer
from tools.ha_checks import Findings, compare
from tools.ha_faults import KILLED, plan
from tools.ha_hosts import Host, own_network
from tools.ha_outside import LEDGER, MAIL
from tools.ha_parts import Part, Parts


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet collected does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_connections_go_in_turn_to_whoever_takes_them() -> None:
    async def named(name: bytes) -> asyncio.Server:
        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(name)
            await writer.drain()
            writer.close()

        return await asyncio.start_server(answer, "127.0.0.1", 0)

    async def ask(balancer: Balancer) -> bytes:
        async with await asyncio.start_server(balancer.serve, "127.0.0.1", 0) as front:
            reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname()[:2])
            said = await reader.read()
            writer.close()
            return said

    async with await named(b"one") as one, await named(b"two") as two:
        balancer = Balancer([server.sockets[0].getsockname()[:2] for server in (one, two)])
        assert [await ask(balancer) for _ in range(4)] == [b"one", b"two", b"one", b"two"]
        one.close()
        assert [await ask(balancer) for _ in range(3)] == [b"two"] * 3
        two.close()
        assert await ask(balancer) == b"", "nobody is there, and the client hears so at once"


LEAVES_A_CHILD = "import subprocess, time; subprocess.Popen(['sleep', '300'], start_new_session=True); time.sleep(300)"


def test_a_killed_part_takes_all_it_started_with_it_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ha_parts, "RESTART_SECONDS", 0.0)
    part = Part("worker", Host("one", "127.0.0.1"), [sys.executable, "-c", LEAVES_A_CHILD], dict(os.environ))
    with Parts(tmp_path) as parts:
        parts.start(part)
        while len(before := parts.processes("worker")) < 2:
            time.sleep(0.02)
        parts.kill("worker")
        wait_for(lambda: not any(alive(pid) for pid in before), "all of them are gone", 10)
        assert parts.tend() == ["worker"]
        again = parts.processes("worker")[0]
        assert again not in before
        assert alive(again)
    assert not alive(again)


def test_a_part_that_ends_by_itself_is_counted_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ha_parts, "RESTART_SECONDS", 0.0)
    with Parts(tmp_path) as parts:
        parts.start(Part("page", Host("one", "127.0.0.1"), ["true"], dict(os.environ)))
        parts._running["page"].wait(10)
        assert parts.tend() == ["page"]
        assert parts.ended_by_themselves == {"page": 1}


def test_each_part_dies_once_at_moments_that_follow_from_the_seed() -> None:
    faults = plan(7, KILLED)
    assert sorted(fault.part for fault in faults) == sorted(KILLED)
    assert [(each.part, each.share) for each in faults] == [(each.part, each.share) for each in plan(7, KILLED)]
    assert plan(8, KILLED) != faults
    shares = [fault.share for fault in faults]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] < 1, "all of them while there is work"


@pytest.mark.skipif(shutil.which("nsenter") is None, reason="no util-linux on this machine")
def test_hosts_reach_each_other_and_nothing_else() -> None:
    trial = [*own_network(), "ip", "link", "add", "trial", "type", "bridge"]
    if subprocess.run(trial, capture_output=True, check=False, timeout=10).returncode != 0:
        pytest.skip("this machine gives no network namespaces")
    code = """
import subprocess
from tools.ha_hosts import Network, go_inside
go_inside(["-m", "tests.system.two_hosts"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout.splitlines() == ["one reaches two", "one has no way out"], done.stderr


# What the comparison at the end finds ---------------------------------------------------------------------


LINES = (report(), report())


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / MAIL).mkdir(parents=True)
    return folder


def found_by(story: Story, outside: Path, *, ledger: list[dict[str, object]] | None = None) -> Findings:
    """What a comparison finds, with the platform's list as it is or as it is told."""
    rows = ledger if ledger is not None else true_ledger(story)
    (outside / LEDGER).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return compare(story.runtime, [json.dumps(line, ensure_ascii=False).encode() for line in LINES], outside)


def true_ledger(story: Story) -> list[dict[str, object]]:
    from db.tables import Submission

    return [
        {"new": True, "key": row.idempotency_key, "sha256": row.payload_sha256, "submission": row.number}
        for row in story.all(Submission)
    ]


@pytest.fixture
def two_notices(story: Story, outside: Path) -> Story:
    """Two reports that became cases, two notices, and the letters of both in the mailbox."""
    for result in story.hand_in(*LINES):
        number = str(result.case_number)
        story.drive(number)
        story.approve(number)
        story.drive(number)
    story.later(days=2)
    collect(story.runtime)
    story.send_letters()
    for kept in story.mail():
        shutil.copy(kept.path, outside / MAIL)
    assert story.mail()
    return story


@SQLITE_ONLY
def test_what_arrived_once_is_neither_lost_nor_doubled(two_notices: Story, outside: Path) -> None:
    found = found_by(two_notices, outside)
    assert (found.lost, found.doubled, found.sound) == (0, 0, True), found.claims


@SQLITE_ONLY
def test_a_notice_that_the_platform_does_not_have_is_lost_and_one_it_has_twice_is_doubled(
    two_notices: Story, outside: Path
) -> None:
    first, second = true_ledger(two_notices)
    assert found_by(two_notices, outside, ledger=[first]).lost == 1
    assert found_by(two_notices, outside, ledger=[first, second, {**second, "key": "another"}]).doubled == 1
    again = found_by(two_notices, outside, ledger=[first, second, {**second, "new": False}])
    assert again.sound, "the platform recognised it by its key"


@SQLITE_ONLY
def test_other_bytes_than_the_approved_ones_are_found(two_notices: Story, outside: Path) -> None:
    first, second = true_ledger(two_notices)
    found = found_by(two_notices, outside, ledger=[first, {**second, "sha256": "0" * 64}])
    assert [claim.says for claim in found.claims if not claim.holds] == [
        "what arrived is what was approved, byte for byte"
    ]


@SQLITE_ONLY
def test_an_answer_of_the_platform_that_is_not_on_the_record_is_found(two_notices: Story, outside: Path) -> None:
    two_notices.answer("KZ-2026-000001", "more_info_needed")
    found = found_by(two_notices, outside)
    assert [claim.says for claim in found.claims if not claim.holds] == ["what the platform answered is on its case"]


@SQLITE_ONLY
def test_a_letter_that_is_not_in_the_mailbox_is_lost(two_notices: Story, outside: Path) -> None:
    next((outside / MAIL).iterdir()).unlink()
    assert found_by(two_notices, outside).lost == 1


@SQLITE_ONLY
@pytest.mark.parametrize(("promise", "doubled"), [("at_most_once", 1), ("at_least_once", 0)])
def test_a_letter_that_came_twice_is_doubled_unless_its_kind_may_be_repeated(
    two_notices: Story, outside: Path, promise: str, doubled: int
) -> None:
    two_notices.execute(f"UPDATE letter SET promise = '{promise}'")
    kept = next((outside / MAIL).iterdir())
    shutil.copy(kept, kept.with_name("again-000999.eml"))
    assert found_by(two_notices, outside).doubled == doubled


@SQLITE_ONLY
def test_a_report_that_was_never_stored_is_lost(two_notices: Story, outside: Path) -> None:
    (outside / LEDGER).write_text("".join(json.dumps(row) + "\n" for row in true_ledger(two_notices)))
    handed_in = [json.dumps(line, ensure_ascii=False).encode() for line in LINES]
    assert compare(two_notices.runtime, [*handed_in, b'{"links": []}'], outside).lost == 1


# The whole, small ----------------------------------------------------------------------------------------


@pytest.mark.prove
@pytest.mark.server
@pytest.mark.timeout(3_600)
def test_cases_go_on_while_the_parts_of_an_installation_die(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.prove_ha", "--cases", "60", "--no-write", "--keep", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3_500)
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]
