"""A part of the benchmark in a process of its own, so that its peak memory is its own.

The child says on stdout, one JSON object a line, how far it is and in the end what it measured.
This module imports little: a child's peak memory begins with that of the process that starts it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench.report import Figure

Tick = Callable[[int, int], None]
"""Called with the steps done and the steps there are."""

ROOT = Path(__file__).resolve().parents[1]


class PartError(Exception):
    """A child ended without figures; the message is the end of what it said."""


def peak_memory(part: str) -> Figure:
    """The peak resident memory of this process so far; the kernel counts it in KiB."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Figure(f"memory.{part}", f"peak memory of the process, {part}", kib / 1024, "MiB")


def serve(measure: Callable[[Tick], list[Figure]]) -> None:
    """Be the child: measure, and tell the parent."""

    def tick(done: int, steps: int) -> None:
        print(json.dumps({"done": done, "steps": steps}), flush=True)

    figures = measure(tick)
    print(json.dumps({"figures": [asdict(figure) for figure in figures]}), flush=True)


def run_part(part: str, quick: bool, tick: Tick) -> list[Figure]:
    """Be the parent: run one part in a child and pass its progress on. Raises PartError."""
    command = [sys.executable, "-m", f"bench.{part}", *(["--quick"] if quick else [])]
    figures: list[Figure] | None = None
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=said, text=True) as child:
            assert child.stdout is not None, "asked for"
            for line in child.stdout:
                message = json.loads(line)
                if "figures" in message:
                    figures = [Figure(**figure) for figure in message["figures"]]
                else:
                    tick(message["done"], message["steps"])
        if child.returncode != 0 or figures is None:
            said.seek(0)
            raise PartError(f"{part} ended with status {child.returncode}:\n{said.read()[-2_000:]}")
    return figures
