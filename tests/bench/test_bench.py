"""The benchmarks measure what they say, on sizes so small that the figures mean nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench import intake, sweep
from bench.__main__ import main
from bench.child import PartError, Tick
from bench.page import write_page
from bench.practice import practice_reports
from bench.report import TARGETS, Figure, Target

EASY = {name: Target(0 if target.at_least else 10**9, target.at_least) for name, target in TARGETS.items()}


def run_tiny(part: str, quick: bool, tick: Tick) -> list[Figure]:
    """A part in this process."""
    assert quick
    if part == "intake":
        return intake.measure(tick, reports=12, rounds=1)
    assert part == "sweep"
    return sweep.measure(tick, sizes=(20, 40), due=4, rounds=1)


def run_bench(where: Path, part: str, **options: Any) -> tuple[int, dict[str, Any]]:
    file = where / "figures.json"
    status = main(["--quick", "--only", part, "--json", str(file)], run=run_tiny, **options)
    return status, json.loads(file.read_text(encoding="utf-8"))


def by_name(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["name"]: figure for figure in told["figures"]}


def test_intake_tells_its_figures_and_their_targets(tmp_path: Path) -> None:
    status, told = run_bench(tmp_path, "intake", targets=EASY)
    figures = by_name(told)
    assert status == 0
    assert told["met"]
    assert told["quick"]
    assert set(figures) == {
        "intake.ratio", "intake.reports_per_second", "intake.rows_per_second", "intake.floor_rows_per_second",
    }  # fmt: skip
    assert figures["intake.ratio"]["target"] == {"limit": 0, "at_least": True}
    assert figures["intake.rows_per_second"]["target"] is None
    assert figures["intake.reports_per_second"]["size"] == 12
    assert all(figure["value"] > 0 for figure in figures.values())


def test_the_sweep_tells_every_size(tmp_path: Path) -> None:
    status, told = run_bench(tmp_path, "sweep", targets=EASY)
    assert status == 0
    sizes = [(figure["name"], figure["size"]) for figure in told["figures"]]
    for name in ("build_seconds", "warned", "breached", "nothing_due"):
        assert (f"sweep.{name}", 20) in sizes
        assert (f"sweep.{name}", 40) in sizes
    assert by_name(told)["sweep.warned_ratio"]["target"] == {"limit": 10**9, "at_least": False}


def test_memory_is_told_apart_from_times(tmp_path: Path) -> None:
    def run(part: str, quick: bool, tick: Tick) -> list[Figure]:
        tick(1, 1)
        return [Figure(f"{part}.ratio", "time", 1.0, "×"), Figure(f"memory.{part}", "memory", 100.0, "MiB")]

    file = tmp_path / "figures.json"
    assert main(["--only", "memory", "--json", str(file)], run=run) == 0
    assert set(by_name(json.loads(file.read_text()))) == {
        "memory.drive", "memory.drive_postgres", "memory.lifecycle", "memory.scaling", "memory.lanes", "memory.volume",
        "memory.intake", "memory.sweep", "memory.letters", "memory.mail", "memory.law", "memory.simulate",
    }  # fmt: skip


@pytest.mark.parametrize("missed", [Target(10**9, at_least=True), Target(0)])
def test_a_missed_target_gives_exit_status_1(
    tmp_path: Path, missed: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = run_bench(tmp_path, "intake", targets={**EASY, "intake.ratio": missed})
    assert status == 1
    assert not told["met"]
    assert by_name(told)["intake.ratio"]["met"] is False
    line = next(line for line in capsys.readouterr().out.splitlines() if "intake.ratio" in line)
    assert "no" in line.split()


def test_a_part_that_fails_gives_exit_status_1_and_its_last_words(capsys: pytest.CaptureFixture[str]) -> None:
    def run(part: str, quick: bool, tick: Tick) -> list[Figure]:
        raise PartError(f"{part} ended with status 1:\nNo space left.")

    assert main(["--only", "drive"], run=run) == 1
    assert "No space left." in capsys.readouterr().err


def test_a_page_has_one_table_a_part_and_the_memory_of_all_parts_last(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- measured -->\n<!-- end of measured -->\n", encoding="utf-8")
    names = ("drive.ratio", "memory.drive", "mail.ratio", "memory.mail")
    write_page(page, [Figure(name, "what", 1.0, "×") for name in names], {}, at=datetime(2026, 11, 29, tzinfo=UTC))
    headings = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("###")]
    assert headings == ["### drive", "### mail", "### memory"]


def test_a_part_that_fails_takes_nothing_from_the_others_and_the_page_says_so(tmp_path: Path) -> None:
    def run(part: str, quick: bool, tick: Tick) -> list[Figure]:
        if part == "lanes":
            raise PartError("lanes ended with status 1")
        return [Figure(f"{part}.made_up", "made up", 1.0, "s")]

    page = tmp_path / "page.md"
    page.write_text("<!-- measured -->\n<!-- end of measured -->\n", encoding="utf-8")
    assert main(["--page", str(page)], run=run, targets={}) == 1
    told = page.read_text(encoding="utf-8")
    assert "Not measured, because it failed: lanes." in told
    assert "`volume.made_up`" in told
    assert "`lanes.made_up`" not in told


def test_a_run_that_is_stopped_leaves_what_it_has_measured(tmp_path: Path) -> None:
    def run(part: str, quick: bool, tick: Tick) -> list[Figure]:
        if part == "volume":
            raise KeyboardInterrupt
        return [Figure(f"{part}.made_up", "made up", 1.0, "s")]

    page, file = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text("<!-- measured -->\n<!-- end of measured -->\n", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        main(["--page", str(page), "--json", str(file)], run=run, targets={})
    told = page.read_text(encoding="utf-8")
    assert "Not measured yet: volume, intake, sweep, letters, mail, law, simulate." in told
    assert "`lanes.made_up`" in told
    assert "lanes.made_up" in by_name(json.loads(file.read_text(encoding="utf-8")))


def test_a_bound_itself_meets_the_target() -> None:
    assert Target(1.3).met(1.3)
    assert not Target(1.3).met(1.301)
    assert Target(1_000, at_least=True).met(1_000)
    assert not Target(1_000, at_least=True).met(999)


def test_equal_seeds_give_equal_reports_and_no_link_twice() -> None:
    assert practice_reports(50) == practice_reports(50)
    links = [link for line in practice_reports(300).splitlines() for link in json.loads(line)["links"]]
    assert len(links) == len(set(links))
