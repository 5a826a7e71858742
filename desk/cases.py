"""Cases: find them, read them, and the moves that are no legal decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from casework.errors import CaseError
from casework.vocabulary import Action, AgeBand, Instrument, Lane, Priority, Status
from desk import knowledge
from desk.options import As, CaseNumber, Json, Limit, Reason, at_work
from desk.output import Row, answer, iso, priority_text, shown, table
from desk.wake import wake

if TYPE_CHECKING:
    from casework.move_guards import MoveDetails
    from tasks.legal_review import Supplied
    from tasks.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="One case: read it, supply, amend, withdraw, merge, reopen, re-order.")
app.command("knew")(knowledge.knew)


def list_all(
    status: Annotated[Status | None, typer.Option("--status", help="Only cases in this status.")] = None,
    priority: Annotated[Priority | None, typer.Option("--priority", help="Only cases of this priority.")] = None,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List cases: the most urgent first, then the oldest."""
    from casework.waiting import waiting_for
    from db.queries.cases import list_cases
    from tasks.case_facts import facts_of

    runtime = at_work()
    zone, now = runtime.pack.authority.zone, runtime.now()
    with runtime.sessions.read() as session:
        rows: list[Row] = [
            {
                "number": case.number,
                "priority": case.priority,
                "status": case.status,
                "waits_for": waiting_for(facts_of(session, case)).name,
                "category": case.category,
                "child": case.child,
                "political": case.political,
                "lane": case.lane,
                "reports": case.reporters,
                "received_at": iso(case.received_at, zone),
                "next_due_at": iso(case.next_due_at, zone),
                "overdue": case.next_due_at is not None and now > case.next_due_at,
            }
            for case in list_cases(session, status=status, priority=priority, limit=limit)
        ]

    def show(console: Console) -> None:
        columns = ("case", "", "waits for", "category", "next due")
        console.print(
            table(
                columns,
                [
                    (
                        row["number"],
                        priority_text(row["priority"]),
                        row["waits_for"],
                        row["category"] + _marks(row),
                        shown(row["next_due_at"]) + (" OVERDUE" if row["overdue"] else ""),
                    )
                    for row in rows
                ],
                wide=("category", "next due"),
            )
        )
        console.print(f"\n{len(rows)} case(s)" + ("; there may be more, see --limit" if len(rows) == limit else ""))

    answer(rows, as_json, show)


def _marks(row: Row) -> str:
    return (" (child)" if row["child"] else "") + (" (political)" if row["political"] else "")


@app.command("show")
def show_one(number: CaseNumber, as_json: Json = False) -> None:
    """Everything on the record about one case."""
    from desk.case_pages import case_page, show_case
    from tasks.case_facts import find_case

    runtime = at_work()
    with runtime.sessions.read() as session:
        page = case_page(session, runtime, find_case(session, number))
    answer(page, as_json, lambda console: show_case(console, page))


Quote = Annotated[str, typer.Option("--quote", help="The content's own words.")]
Translation = Annotated[str, typer.Option("--translation", help="A translation of the words.")]
Why = Annotated[str, typer.Option("--why-unlawful", help="How the content meets the elements of the law.")]
Description = Annotated[str, typer.Option("--description", help="What is shown.")]
PolicyLine = Annotated[str, typer.Option("--policy-line", help="The line of the platform's policy that is broken.")]
Expert = Annotated[str, typer.Option("--expert-decision", help="Number of the expert group's decision.")]
CategoryCode = Annotated[str, typer.Option("--category", help="Harm category of the policy pack.")]
Age = Annotated[AgeBand | None, typer.Option("--age-band", help="Age of the person harmed.")]
Observed = Annotated[str, typer.Option("--observed-at", help="When it was seen, as 2026-03-18T09:00+05:00.")]
Told = Annotated[
    str, typer.Option("--provider-told-at", help="When somebody complained to the provider, as 2026-03-18T09:00+05:00.")
]
Form = Annotated[
    Instrument | None, typer.Option("--instrument", help="Another form of notice, where the pack allows it.")
]


@app.command()
def supply(
    number: CaseNumber,
    as_user: As,
    reason: Reason = "The reporter supplied what was missing.",
    quote: Quote = "",
    translation: Translation = "",
    why_unlawful: Why = "",
    description: Description = "",
    policy_line: PolicyLine = "",
    expert_decision: Expert = "",
    category: CategoryCode = "",
    age_band: Age = None,
    observed_at: Observed = "",
    provider_told_at: Told = "",
    instrument: Form = None,
    as_json: Json = False,
) -> None:
    """Add what a returned case lacked, and send it on; the gate judges it again."""
    from tasks import legal_review

    runtime = at_work()
    supplied = legal_review.Supplied(
        quote, translation, why_unlawful, description, policy_line, expert_decision, category, age_band, observed_at,
        provider_told_at, instrument,
    )  # fmt: skip
    _something(number, supplied)
    legal_review.supply(runtime, number, as_user, supplied, reason)
    report_move(runtime, number, as_json)


@app.command()
def amend(
    number: CaseNumber,
    as_user: As,
    reason: Reason,
    quote: Quote = "",
    translation: Translation = "",
    why_unlawful: Why = "",
    description: Description = "",
    policy_line: PolicyLine = "",
    expert_decision: Expert = "",
    category: CategoryCode = "",
    age_band: Age = None,
    observed_at: Observed = "",
    provider_told_at: Told = "",
    instrument: Form = None,
    as_json: Json = False,
) -> None:
    """Correct the file while it is being worked on; the priority is judged again."""
    from tasks import legal_review

    runtime = at_work()
    supplied = legal_review.Supplied(
        quote, translation, why_unlawful, description, policy_line, expert_decision, category, age_band, observed_at,
        provider_told_at, instrument,
    )  # fmt: skip
    _something(number, supplied)
    legal_review.amend(runtime, number, as_user, supplied, reason)
    report_move(runtime, number, as_json)


def _something(number: str, supplied: Supplied) -> None:
    from tasks.legal_review import Supplied as Nothing

    if supplied == Nothing():
        raise CaseError(
            number, "nothing was given", rule="case.nothing_supplied", next_step="Give a field; see --help for them."
        )


@app.command()
def withdraw(number: CaseNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Take a case back before anything was sent."""
    from casework.move_guards import MoveDetails

    move(number, Action.WITHDRAW, as_user, MoveDetails(reason=reason), as_json)


@app.command()
def merge(
    number: CaseNumber,
    into: Annotated[str, typer.Option("--into", help="The case it lives on in.", parser=str.upper)],
    as_user: As,
    reason: Reason,
    same_content: Annotated[
        bool, typer.Option("--same-content", help="Items that the other case lacks show the same under another link.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Merge a case into another as a duplicate; its reporters are told how that one ends."""
    from tasks.merging import merge_case

    merge_case(at_work(), number, into, as_user, reason, same_content=same_content)
    report_move(at_work(), number, as_json)


@app.command()
def reopen(number: CaseNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Take up an ended case again: an appeal, or the content is back."""
    from casework.move_guards import MoveDetails

    move(number, Action.REOPEN, as_user, MoveDetails(reason=reason), as_json)


@app.command("priority")
def change_priority(
    number: CaseNumber,
    to: Annotated[Priority, typer.Argument(help="P0 to P4.")],
    as_user: As,
    reason: Reason,
    confirmed_by: Annotated[
        str | None, typer.Option("--confirmed-by", metavar="USER", help="The second person, to go below the rules.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change the order of work. Below the computed priority it takes a second person."""
    from tasks.prioritization import change_priority as change

    runtime = at_work()
    change(runtime, number, to, as_user, reason, confirmed_by)
    report_move(runtime, number, as_json)


def move(number: str, action: Action, as_user: str, details: MoveDetails, as_json: bool) -> None:
    """Make one move on one case, wake its lane, and say where the case is now."""
    from tasks.record import move_case

    runtime = at_work()
    move_case(runtime, number, action, as_user, details)
    report_move(runtime, number, as_json)


def report_move(runtime: Runtime, number: str, as_json: bool) -> None:
    """After somebody's decision: wake the case's lane, and say where the case is now."""
    from casework.waiting import waiting_for
    from tasks.case_facts import facts_of, find_case

    with runtime.sessions.read() as session:
        case = find_case(session, number)
        wait = waiting_for(facts_of(session, case))
        now: Row = {
            "case": case.number,
            "status": case.status,
            "disposition": case.disposition,
            "priority": case.priority,
            "waits_for": wait.name,
            "what_next": wait.what,
        }
        # A P0 is driven with the children's cases, whichever lane it belongs to.
        lanes = {case.lane, *([Lane.CHILD_SAFETY] if case.priority == Priority.P0 else [])}
    wake(lanes)
    said = f"{now['case']} is '{now['status']}' ({now['priority']}): {wait.name}. {wait.what}"
    answer(now, as_json, lambda console: console.print(said))


@app.command()
def restore(number: CaseNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Tell the platforms that the ground of a restriction is gone, and ask them to restore. Not for who approved it."""
    from tasks.platform_requests import restore as ask

    letters = ask(at_work(), number, as_user, reason)
    said = f"{len(letters)} letter(s) go with the next run: {', '.join(map(str, letters))}."
    answer({"letters": letters}, as_json, lambda console: console.print(said))
