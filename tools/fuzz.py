"""``python -m tools.fuzz READER``: feed one reader by coverage with atheris, until Ctrl-C or ``--seconds``.

Atheris is not in the lock file: it has wheels for few systems. Where it is not installed this says so and ends with 2.
What the readers are held to is the same as in tests/fuzz: any error but our own ends the run, with the input kept.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

OURS = ["casework", "tasks"]
"""What the search follows. Following every library too, it takes minutes to begin and then finds paths in those."""


def main() -> int:
    """Run; 0 when the time is over, 2 without atheris. A finding ends the process by itself."""
    if find_spec("atheris") is None:
        sys.stderr.write("atheris is not installed; 'make prove' fuzzes every reader without it (tests/fuzz).\n")
        return 2
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=OURS):
        from tools.fuzz_readers import examples, readers
    known = readers()
    asked = argparse.ArgumentParser(
        prog="python -m tools.fuzz", description=__doc__.split("\n\n")[0] if __doc__ else ""
    )
    asked.add_argument("reader", choices=sorted(known))
    asked.add_argument("--seconds", type=int, default=60, help="how long; by default a minute")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    switches = [
        f"-max_total_time={given.seconds}",
        f"-seed={given.seed}",
        "-max_len=4096",
        "-timeout=5",
        "-rss_limit_mb=1024",
    ]
    with TemporaryDirectory() as begin_with:
        (Path(begin_with) / "example").write_bytes(examples()[given.reader])
        atheris.Setup([sys.argv[0], *switches, begin_with], known[given.reader])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
