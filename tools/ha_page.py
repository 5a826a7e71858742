"""docs/proof-ha.md and var/proof-ha.json, written from one run."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from tasks.case_lifecycle import LEASE
from tasks.settings import ROOT
from tests.database import find_binaries
from tools.ha_checks import Findings
from tools.ha_faults import Fault
from tools.ha_load import Rhythm
from tools.markdown import table

PAGE, RESULT = ROOT / "docs" / "proof-ha.md", ROOT / "var" / "proof-ha.json"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one run showed."""

    cases: int
    seed: int
    network: str
    settled: bool
    faults: list[Fault]
    ended_by_themselves: dict[str, int]
    found: Findings
    rhythm: Rhythm
    seconds: float

    @property
    def holds(self) -> bool:
        return self.settled and self.found.sound

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.settled:
            return "It did not settle: something waits for nobody."
        broken = [claim.says for claim in self.found.claims if not claim.holds]
        if broken:
            return f"Broken: {'; '.join(broken)}."
        return (
            f"{self.cases:,} reports, {len(self.faults)} parts killed: "
            f"{self.found.lost} lost, {self.found.doubled} twice, every invariant holds."
        )


def versions() -> dict[str, str]:
    """What the run depended on."""
    postgres = _said([str(find_binaries() / "postgres"), "--version"]).rpartition(" ")[2]
    redis = _said(["redis-server", "--version"]).partition("v=")[2].partition(" ")[0]
    named = {name: version(name) for name in ("prefect", "prefect-redis", "sqlalchemy", "psycopg")}
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.release().partition('-')[0]}"
    return {"Python": platform.python_version(), "PostgreSQL": postgres, "Redis": redis, **named, "machine": machine}


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603


def page(proof: Proof) -> str:
    """The page for docs/."""
    rate = proof.rhythm.moves / proof.rhythm.seconds if proof.rhythm.seconds else 0.0
    return f"""# The proof on many hosts

Written by `make prove-ha` from its own run of {datetime.now(UTC):%-d %B %Y}, seed {proof.seed}. **{proof.verdict}**

PostgreSQL, Redis, two API servers of Prefect behind a balancer, its background services apart, and three workers ran
as real processes on hosts of their own ({proof.network}), with the environment of [deploy](../deploy/environment.md).
Reports came in through the inbox, practice reviewers decided, the practice platform and a practice mailbox received.
Under that load each part below was killed (SIGKILL, with every process it had started) at a moment that follows from
the seed, and started again five seconds later, as systemd and the containers' restart policy do it.

## Faults

{table(("killed", "after this share of the work", "works again after", "next case moved after", "cases it may have held", "all of them free after"), [_fault(fault) for fault in proof.faults])}

*Works again*: a worker is heard by Prefect; an API server and PostgreSQL answer; for Redis and the services an event
goes all the way from each API server into Prefect's database. A case that a dead run held is taken up again when its
lease has run out, {LEASE.total_seconds():g} seconds after it was last prolonged; every other case goes on
meanwhile.
{_ended(proof)}
## What was compared

"Platform" and "mailbox" are processes outside: the platform's witness writes down each notice it says yes to, and the
mailbox keeps each message as a file. Lost: {proof.found.lost}. Twice: {proof.found.doubled}.

{table(("claim", "result", "figures"), [(c.says, "holds" if c.holds else "**fails**", c.figures) for c in proof.found.claims])}

## Where the cases ended

{table(("status", "cases"), [(status, f"{count:,}") for status, count in sorted(proof.found.statuses.items())])}

## Rhythm

{table(("what", "figure"), [("moves of cases by drives", f"{proof.rhythm.moves:,}"), ("a second, over the whole run with its faults", f"{rate:,.1f}"), ("longest pause between two moves", f"{proof.rhythm.longest_pause:,.0f} s"), ("the whole run", f"{proof.seconds / 60:,.1f} min")])}

All hosts share one machine, its disk and its processors: the figures say that the parts find each other again, not
how fast an installation is.

## Versions

{table(("what", "version"), versions().items())}
"""  # noqa: E501  tables are one expression each


def _fault(fault: Fault) -> Sequence[object]:
    back, moved, freed = (fault.seconds(at) for at in (fault.back_at, fault.moved_at, fault.freed_at))
    return (
        fault.part, f"{fault.share:.0%}", _seconds(back), _seconds(moved), len(fault.held),
        _seconds(freed) if fault.held else "",
    )  # fmt: skip


def _seconds(value: float | None) -> str:
    return "not seen" if value is None else f"{value:,.0f} s"


def _ended(proof: Proof) -> str:
    if not proof.ended_by_themselves:
        return "\nNo part ended by itself while another was away.\n"
    said = ", ".join(f"{name} {count}×" for name, count in sorted(proof.ended_by_themselves.items()))
    return f"\nEnded by themselves while another part was away, and were started again: {said}.\n"


def write(proof: Proof, *, keep: bool) -> str:
    """The page; with ``keep`` it is written to docs/, and the figures to var/."""
    text = page(proof)
    if keep:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps({"versions": versions(), **asdict(proof)}, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(text, encoding="utf-8")
    return text
