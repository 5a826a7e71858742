"""A process that dies at the worst moment: the other side has it, and nothing is written about that yet.

``python -m tests.tasks.dying SETTINGS NOW submission KZ-2026-000001`` drives a case, ``… letters -`` sends letters.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from typing import Any, NoReturn

from tasks import case_lifecycle, correspondence, submission
from tasks.runtime import Runtime, build
from tasks.settings import ROOT, Settings

KILLED = 9


def die_while(runtime: Runtime, doing: str, number: str = "-") -> None:
    """Run the above for an installation, and make sure that it died where it should."""
    command = [sys.executable, "-m", "tests.tasks.dying", runtime.settings.model_dump_json(), runtime.now().isoformat()]
    ended = subprocess.run([*command, doing, number], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert ended.returncode == KILLED, ended.stderr.decode(errors="replace")[-2_000:]


def _die(*_anything: Any) -> NoReturn:
    os._exit(KILLED)


def _main(settings: str, now: str, doing: str, number: str) -> None:
    at = datetime.fromisoformat(now)
    runtime = build(Settings(**json.loads(settings)), now=lambda: at)
    if doing == "submission":
        submission._settle = _die
        case_lifecycle.advance(runtime, number)
    else:
        correspondence._settle = _die
        correspondence.send_letters(runtime)


if __name__ == "__main__":
    _main(*sys.argv[1:])
