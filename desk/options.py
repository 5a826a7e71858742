"""Options that many commands share, and how a command gets to work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tasks.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else there.")]
As = Annotated[str, typer.Option("--as", metavar="USER", help="Who acts: an id of users.yaml.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence that would hold in court.")]
CaseNumber = Annotated[str, typer.Argument(metavar="CASE", help="Case number, as in KZ-2026-000123.", parser=str.upper)]
SubmissionNumber = Annotated[
    str, typer.Argument(metavar="NUMBER", help="Submission number, as in KZ-2026-000123/S1.", parser=str.upper)
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]


def at_work() -> Runtime:
    """The runtime, with its log lines kept out of a person's way unless something is wrong."""
    import logging

    from tasks.runtime import current

    runtime = current()
    logging.getLogger("qorgan").setLevel(logging.WARNING)
    return runtime


def codes(given: list[str] | None) -> tuple[str, ...]:
    """Codes given one by one or with commas between."""
    return tuple(code for part in given or () for code in part.replace(",", " ").split())
