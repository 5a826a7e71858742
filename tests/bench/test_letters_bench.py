"""The benchmark of letters measures what it says, on sizes so small that the figures mean nothing."""

from __future__ import annotations

from bench import letters
from bench.report import TARGETS


def test_it_renders_delivers_and_passes_over_the_outbox() -> None:
    steps: list[tuple[int, int]] = []
    figures = letters.measure(lambda done, of: steps.append((done, of)), renders=1, letters=4, rounds=1, sizes=(20, 40))
    assert [done for done, _ in steps] == list(range(1, steps[-1][1] + 1)), "it says how far it is, to the end"
    assert {figure.name for figure in figures} >= {name for name in TARGETS if name.startswith("letters.")}
    assert all(figure.value > 0 for figure in figures)
    passes = [figure.size for figure in figures if figure.name == "letters.pass"]
    assert passes == [20, 40]
