"""Two local systems never share one folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from casework.errors import ConfigurationError
from desk.up import _alone
from tests.desk.conftest import AtTheDesk

HOLD = """
import sys
from pathlib import Path
from desk.up import _alone
with _alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_system_on_one_folder_is_refused_and_told_which_is_the_first(desk: AtTheDesk, tmp_path: Path) -> None:
    (tmp_path / "prefect.json").write_text("{}")
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        said = desk.refuses("up", "--state", tmp_path)
        assert "[local.running]" in said
        assert f"process {first.pid} since " in said
        assert (tmp_path / "prefect.json").exists(), "the first one's note stays"
    finally:
        first.kill()
        first.communicate()
    with _alone(tmp_path), pytest.raises(ConfigurationError, match="already"), _alone(tmp_path):
        raise AssertionError("two at once")
