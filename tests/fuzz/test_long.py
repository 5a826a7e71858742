"""The same with thousands of inputs a reader, for `make prove`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tasks.settings import ROOT


@pytest.mark.prove
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", ["reports", "mails", "files", "platforms", "doors"])
def test_no_reader_breaks_under_thousands_of_inputs(name: str) -> None:
    command = [sys.executable, "-m", "pytest", f"tests/fuzz/test_{name}.py", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "no:xdist", "--timeout", "3000"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "QORGAN_FUZZ": "3000"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:]
