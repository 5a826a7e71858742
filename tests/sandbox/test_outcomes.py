"""The rates are real: they add up again from the public export."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sandbox.outcomes import COLUMNS, COUNTS, SOURCES, ItemCounts, Outcome, Source, draw_outcome, generator

EXPORT = Path(__file__).parents[2] / ".." / "shared" / "data" / "google-government-removal-requests.csv"


@pytest.fixture(scope="module")
def export() -> list[dict[str, str]]:
    if not EXPORT.exists():
        pytest.skip("Google's export is not at ../shared/data, so the table cannot be added up again here")
    with EXPORT.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def added_up(rows: list[dict[str, str]], source: Source) -> ItemCounts:
    chosen = [
        row
        for row in rows
        if source.territory in (None, row["cldr_territory"]) and (not source.reasons or row["reason"] in source.reasons)
    ]
    return ItemCounts(*(sum(int(row[column]) for row in chosen) for column in COLUMNS))


@pytest.mark.parametrize("category", sorted(COUNTS))
def test_the_table_adds_up_again_from_the_export(export: list[dict[str, str]], category: str) -> None:
    assert added_up(export, SOURCES[category]) == COUNTS[category]


def test_every_reason_named_exists_in_the_export(export: list[dict[str, str]]) -> None:
    named = {reason for source in SOURCES.values() for reason in source.reasons}

    assert named <= {row["reason"] for row in export}


def drawn(category: str, *, may_ask: bool, share: float | None = None, times: int = 4_000) -> Counter[Outcome]:
    return Counter(
        draw_outcome(generator(7, str(turn)), category, may_ask=may_ask, more_info_share=share) for turn in range(times)
    )


@pytest.mark.parametrize("category", ["suicide_or_self_harm", "cyberbullying_child", "false_information"])
def test_what_is_drawn_follows_the_table(category: str) -> None:
    counts = COUNTS[category]
    outcomes = drawn(category, may_ask=True)

    for code, items in counts._asdict().items():
        assert outcomes[Outcome(code)] / 4_000 == pytest.approx(items / sum(counts), abs=0.03)


def test_after_our_answer_only_final_outcomes_are_drawn() -> None:
    assert Outcome.MORE_INFO_NEEDED not in drawn("cyberbullying_child", may_ask=False, share=1.0, times=200)


@pytest.mark.parametrize(("share", "asked"), [(0.0, 0), (1.0, 200)])
def test_the_share_of_questions_can_be_set(share: float, asked: int) -> None:
    assert drawn("csam", may_ask=True, share=share, times=200)[Outcome.MORE_INFO_NEEDED] == asked


def test_an_unknown_category_is_drawn_as_other() -> None:
    assert drawn("newly_invented", may_ask=True, times=50) == drawn("other", may_ask=True, times=50)


def test_another_process_draws_the_same() -> None:
    code = "from sandbox.outcomes import *; print(generator(7, 'PP-2026-0000001', '1').random())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert float(other.stdout) == generator(7, "PP-2026-0000001", "1").random()
