"""``healthy.py URL`` ends with 0 when the address answers 200; ``healthy.py schedules`` when runs lie ahead.

For containers and monitoring; needs nothing but Python. Background services have no address of their own: what
they do shows in Prefect's API, where a scheduler that died leaves no run in the future.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from datetime import UTC, datetime
from urllib.error import URLError
from urllib.request import Request, urlopen

LONGEST = 5.0
"""Seconds that an answer may take."""


def _open(request: Request | str) -> bytes:
    with urlopen(request, timeout=LONGEST) as answer:  # noqa: S310  addresses of our own configuration
        return bytes(answer.read())


def answers(url: str) -> bool:
    """Whether the address answers with 200."""
    try:
        _open(url)
    except (URLError, OSError, ValueError):
        return False
    return True


def schedules(api_url: str, auth_string: str | None) -> bool:
    """Whether Prefect has runs planned for later than now; also while nothing is deployed yet."""
    deployments, ahead = (
        _count(api_url, auth_string, kind, question)
        for kind, question in (
            ("deployments", {}),
            ("flow_runs", {"flow_runs": {"expected_start_time": {"after_": datetime.now(UTC).isoformat()}}}),
        )
    )
    return deployments == 0 or (ahead or 0) > 0


def _count(api_url: str, auth_string: str | None, kind: str, question: dict[str, object]) -> int | None:
    headers = {"Content-Type": "application/json"}
    if auth_string:
        headers["Authorization"] = "Basic " + base64.b64encode(auth_string.encode()).decode()
    request = Request(f"{api_url}/{kind}/count", json.dumps(question).encode(), headers)  # noqa: S310
    try:
        return int(json.loads(_open(request)))
    except (URLError, OSError, ValueError):
        return None


def main(what: str) -> int:
    """0 when it is well, else 1."""
    if what == "schedules":
        well = schedules(os.environ["PREFECT_API_URL"], os.environ.get("PREFECT_API_AUTH_STRING"))
    else:
        well = answers(what)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
