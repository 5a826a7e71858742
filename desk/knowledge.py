"""Who knew what since when, at the desk: the question that is asked when something went wrong."""

from __future__ import annotations

from rich.console import Console

from desk.options import CaseNumber, Json, at_work
from desk.output import Row, answer, heading, iso, shown, table


def knew(number: CaseNumber, as_json: Json = False) -> None:
    """Who knew of a case since when, and how we know: told, delivered, answered, acknowledged, acted."""
    from tasks.case_facts import find_case
    from tasks.knowledge import who_knew

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        rows: list[Row] = [
            {
                "who": line.who,
                "what": line.what,
                "since": iso(line.since, zone),
                "proof": line.proof.value,
                "detail": line.detail,
            }
            for line in who_knew(session, find_case(session, number))
        ]

    def show(console: Console) -> None:
        heading(console, f"{number}: who knew what since when")
        console.print(
            table(
                ("since", "who", "what", "how we know"),
                [
                    (
                        shown(row["since"]) or "not known", row["who"], row["what"],
                        f"{row['proof']} {row['detail']}".strip(),
                    )
                    for row in rows
                ],
                wide=("what", "how we know"),
            )
        )  # fmt: skip
        console.print("\n'sent' is what our mail server took; it proves no reading.")

    answer(rows, as_json, show)
