"""The same drives with the case file and Prefect's own tables on PostgreSQL that waits for the disk."""

from __future__ import annotations

import sys
from functools import partial

from bench.child import serve
from bench.drive import measure

ON_POSTGRES = partial(measure, part="drive_postgres", on_postgres=True)
FULL = partial(ON_POSTGRES, turns=40, at_once=(1, 4))
QUICK = partial(ON_POSTGRES, turns=15, at_once=(1, 4))

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)
