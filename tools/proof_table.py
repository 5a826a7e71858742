"""``python -m tools.proof_table``: run every long proof and the clocks' tests, and write their table.

The table goes to docs/proof.md and, as JSON, to var/proof.json. Every figure in it comes from the run that has
just ended. Ends with pytest's code. ``--no-write`` only runs and prints.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import zoneinfo
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import pytest

from tools.generate_docs import ROOT
from tools.markdown import table

CLOCKS = {
    "proof": "test_working_time_proof.py",
    "short": "test_clock_proof.py",
    "vectors": "test_clock_vectors.py",
    "peers": "test_peer_mistakes.py",
}
PROOF = "test_the_engine_agrees_with_every_minute_counted"
PAGE, RESULT = ROOT / "docs" / "proof.md", ROOT / "var" / "proof.json"
LONGEST = "1800"
"""Seconds for one test."""


@dataclass
class Ran:
    """One test that ran; ``examples`` are those that it says it compared, if it is a proof."""

    name: str
    file: str
    passed: bool
    seconds: float
    examples: int = 0


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Recorder:
    """A pytest plugin: chooses the proofs and the clocks' tests, and writes down how each went."""

    ran: list[Ran] = field(default_factory=list)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Everything marked as a long proof, and the clocks' own files."""
        chosen = [item for item in items if item.get_closest_marker("prove") or item.path.name in CLOCKS.values()]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The call, or what went wrong before or after it."""
        if report.when == "call" or report.failed:
            path, _, name = report.nodeid.partition("::")
            examples = dict(report.user_properties).get("examples", 0)
            passed = report.outcome == "passed"
            self.ran.append(Ran(name, Path(path).name, passed, round(report.duration, 1), int(str(examples))))


def zone_data() -> str:
    """Which time zone data the interpreter reads: the system's come before the package's."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "UTC").exists():
            first = (folder / "tzdata.zi").read_text().partition("\n")[0] if (folder / "tzdata.zi").exists() else ""
            return f"the system's, {first.removeprefix('# version ') or 'version unknown'}"
    return f"package tzdata {version('tzdata')}"


def versions() -> dict[str, str]:
    """What the run depended on."""
    return {
        "Python": platform.python_version(),
        "time zone data": zone_data(),
        "holidays": version("holidays"),
        "Hypothesis": version("hypothesis"),
    }


def page(ran: Sequence[Ran]) -> str:
    """The page for docs/."""
    # Imported late: pytest wants to see Hypothesis before anybody else does.
    from tests.casework.clock_worlds import STRETCHES

    by_file = {key: [each for each in ran if each.file == name] for key, name in CLOCKS.items()}
    compared = sum(each.examples for each in by_file["proof"])
    return f"""# The proof of the clocks

Written by `make prove` from its own run. {_tally(ran)} {compared:,} random examples were compared.

The reference, `tests/casework/reference_clock.py`, knows nothing of the engine: it reads the wall clock in every
minute of a stretch of weeks and counts the minutes one by one. Offices are random (any weekdays, one to three windows
a day, half days, nights, holidays, other hours on single dates), in {len({zone for zone, _ in STRETCHES})} zones of
both hemispheres, with starts around {len(STRETCHES)} dates, most of them changes of the local clock, and up to four
pauses. There is no seed to choose: the examples follow from the test itself (Hypothesis, derandomized), so that every
run compares the same ones. Where an answer lies beyond the reference's stretch, the engine's must lie there too.

## Engine against reference

{table(("proven", "examples", "result", "seconds"), _proofs(by_file["proof"]))}

## Worked out by hand

{table(("vectors", "number", "result"), _vectors(by_file["vectors"]))}

## What holds for any office, zone, start and pause

{table(("test", "result"), _tests(by_file["short"]))}

## Mistakes of other systems, made impossible here

{table(("reported in", "what went wrong there", "here", "result"), _peers(by_file["peers"]))}

## Versions

{table(("what", "version"), versions().items())}
"""


def _tally(ran: Sequence[Ran]) -> str:
    failed = sum(not each.passed for each in ran)
    return f"{len(ran):,} tests ran, {failed:,} failed." if failed else f"{len(ran):,} tests ran and passed."


def _result(passed: Iterable[bool]) -> str:
    all_of_them = list(passed)
    return "did not run" if not all_of_them else "holds" if all(all_of_them) else "**fails**"


def _proofs(ran: Sequence[Ran]) -> Iterable[Sequence[object]]:
    from tests.casework.clock_questions import PROOFS

    for proof in PROOFS:
        found = [each for each in ran if each.name.endswith(f"[{proof.id}]")]
        examples, seconds = sum(each.examples for each in found), sum(each.seconds for each in found)
        yield proof.claim, f"{examples:,}", _result(each.passed for each in found), f"{seconds:,.0f}"


def _vectors(ran: Sequence[Ran]) -> Iterable[Sequence[object]]:
    from tests.casework import test_clock_vectors as vectors

    outcome = {re.sub(r"^.*\[|\]$", "", each.name): each.passed for each in ran if "[" in each.name}
    groups = {
        "deadlines of the law, one or more for each that has a number": vectors.REGIMES,
        "holidays, moved days, leap days, nights, months": vectors.CALENDARS,
        "changes of the local clock, in both hemispheres": vectors.LOCAL_CLOCKS,
    }
    for what, group in groups.items():
        yield what, len(group), _result(outcome.get(vector.about, False) for vector in group)
    yield "pauses", len(vectors.PAUSED), _result(outcome.get(each[0], False) for each in vectors.PAUSED)
    rest = [each for each in ran if "[" not in each.name]
    yield "restart, extension, thresholds, half days", len(rest), _result(each.passed for each in rest)


def _tests(ran: Iterable[Ran]) -> Iterable[Sequence[object]]:
    """One row a test, its name read as a sentence; the proof itself has its own table."""
    for name, passed in _grouped(each for each in ran if not each.name.startswith(PROOF)).items():
        yield _sentence(name), _result(passed)


def _peers(ran: Iterable[Ran]) -> Iterable[Sequence[object]]:
    from tests.casework import test_peer_mistakes

    for name, passed in _grouped(ran).items():
        thread, _, mistake = (getattr(test_peer_mistakes, name).__doc__ or "").partition(": ")
        yield thread, mistake, _sentence(name), _result(passed)


def _grouped(ran: Iterable[Ran]) -> dict[str, list[bool]]:
    """The cases of one test together."""
    grouped: dict[str, list[bool]] = {}
    for each in ran:
        grouped.setdefault(each.name.partition("[")[0], []).append(each.passed)
    return grouped


def _sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def main(argv: Sequence[str] | None = None) -> int:
    """Run, write, and end with pytest's code."""
    parser = argparse.ArgumentParser(prog="python -m tools.proof_table", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-write", action="store_true", help="run and print the page, write nothing")
    wanted = parser.parse_args(argv)
    recorder = Recorder()
    code = pytest.main([str(ROOT / "tests"), "-q", "--timeout", LONGEST], plugins=[recorder])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(code)  # a run that broke off proves nothing, and its table would say so only to a careful reader
    text = page(recorder.ran)
    if wanted.no_write:
        sys.stdout.write(text)
    else:
        RESULT.parent.mkdir(exist_ok=True)
        result = {"versions": versions(), "tests": [asdict(each) for each in recorder.ran]}
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{PAGE.relative_to(ROOT)}: {_tally(recorder.ran)}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
