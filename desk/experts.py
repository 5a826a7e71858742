"""Opinions of expert groups at the desk."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from desk.options import As, CaseNumber, Json, at_work, codes
from desk.output import Row, answer, iso, visible

app = typer.Typer(no_args_is_help=True, help="Opinions of expert groups: enter one, read it.")


@app.command()
def record(
    number: CaseNumber,
    reference: Annotated[str, typer.Option("--reference", help="Number of the group's record.")],
    present: Annotated[list[str], typer.Option("--present", help="Ids of members present; commas are fine.")],
    in_favour: Annotated[int, typer.Option("--in-favour", min=0, help="Votes that confirm.")],
    reasons: Annotated[str, typer.Option("--reasons", help="The group's reasons.")],
    as_user: As,
    conflict: Annotated[
        list[str] | None, typer.Option("--conflict", help="Members present with a conflict of interest.")
    ] = None,
    against: Annotated[int, typer.Option("--against", min=0, help="Votes that do not confirm.")] = 0,
    dissent: Annotated[
        list[str] | None, typer.Option("--dissent", help="A dissenting opinion; may be given again.")
    ] = None,
    decided_at: Annotated[
        str, typer.Option("--decided-at", metavar="TIME", help="Local date and time; by default now.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Enter what the group decided. It confirms when more members vote for it than against."""
    from casework.errors import QorganError
    from casework.expert_opinion import Opinion
    from casework.local_time import local_instant
    from tasks.expert_opinions import record_opinion

    runtime = at_work()
    try:
        at = local_instant(decided_at, runtime.pack.authority.zone) if decided_at else runtime.now()
    except ValueError as error:
        raise QorganError(f"--decided-at: {error}", rule="time.unusable") from None
    opinion = Opinion(
        reference=reference,
        present=codes(present),
        conflicted=codes(conflict),
        in_favour=in_favour,
        against=against,
        confirmed=in_favour > against,
        reasons=reasons,
        dissent=tuple(dissent or ()),
        decided_at=at,
    )
    record_opinion(runtime, number, opinion, as_user)
    verdict = "confirmed" if opinion.confirmed else "did not confirm"
    answer(
        {"case": number, "reference": reference, "confirmed": opinion.confirmed},
        as_json,
        lambda console: console.print(f"{number}: record {reference} entered; the group {verdict} the case."),
    )


@app.command()
def show(number: CaseNumber, as_json: Json = False) -> None:
    """The last opinion entered for a case."""
    from casework.errors import CaseError
    from db.queries.cases import last_opinion
    from tasks.case_facts import find_case

    runtime = at_work()
    with runtime.sessions.read() as session:
        row = last_opinion(session, find_case(session, number).id)
        if row is None:
            raise CaseError(number, "no opinion is recorded", rule="expert.none")
        data: Row = {
            "case": number, "group": row.group_id, "reference": row.reference, "confirmed": row.confirmed,
            "in_favour": row.in_favour, "against": row.against, "present": row.present, "conflicted": row.conflicted,
            "reasons": row.reasons, "dissent": row.dissent, "recorded_by": row.recorded_by,
            "decided_at": iso(row.decided_at, runtime.pack.authority.zone),
        }  # fmt: skip

    def page(console: Console) -> None:
        verdict = "confirmed" if data["confirmed"] else "not confirmed"
        console.print(f"{number}: {verdict} by {data['group']}, record {data['reference']}, {data['decided_at']}")
        console.print(f"  {data['in_favour']} in favour, {data['against']} against; present {len(data['present'])},")
        console.print(f"  with a conflict of interest {len(data['conflicted'])}.")
        console.print(visible(f"  Reasons: {data['reasons']}"))
        for text in data["dissent"]:
            console.print(visible(f"  Dissent: {text}"))

    answer(data, as_json, page)
