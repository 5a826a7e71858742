"""Legal review at the desk: the next case on one page, and the decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from casework.vocabulary import Action
from desk.cases import move
from desk.options import As, CaseNumber, Json, Reason, at_work, codes
from desk.output import answer

if TYPE_CHECKING:
    from tasks.legal_review import ReviewSheet
    from tasks.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Legal review: read the next case, and decide.")

Basis = Annotated[
    list[str] | None, typer.Option("--basis", metavar="CODE", help="A provision of the pack; repeat it for several.")
]
PolicyLine = Annotated[str, typer.Option("--policy-line", help="The line of the platform's policy that is broken.")]
Proportionality = Annotated[
    str, typer.Option("--proportionality", help="Why it is necessary and proportionate; must be given for speech.")
]


@app.command("next")
def show_next(as_user: As, as_json: Json = False) -> None:
    """The most urgent case this reviewer may decide, with everything needed on one page."""
    from tasks.legal_review import next_review

    runtime = at_work()
    sheet = next_review(runtime, as_user)
    if sheet is None:
        answer(None, as_json, lambda console: console.print("No case waits for this reviewer."))
        return
    _show(runtime, sheet, as_json)


@app.command("show")
def show_one(number: CaseNumber, as_json: Json = False) -> None:
    """The same page for a case of one's choice."""
    from tasks.legal_review import review_sheet

    runtime = at_work()
    _show(runtime, review_sheet(runtime, number), as_json)


def _show(runtime: Runtime, sheet: ReviewSheet, as_json: bool) -> None:
    from desk.review_pages import review_page, show_review

    with runtime.sessions.read() as session:
        page = review_page(session, runtime, sheet)
    answer(page, as_json, lambda console: show_review(console, page))


def _decide(
    number: str,
    action: Action,
    as_user: str,
    as_json: bool,
    *,
    reason: str,
    basis: list[str] | None = None,
    policy_line: str = "",
    proportionality: str = "",
    missing: list[str] | None = None,
) -> None:
    from casework.move_guards import MoveDetails

    details = MoveDetails(
        reason=reason,
        basis=codes(basis),
        policy_line=policy_line,
        proportionality=proportionality,
        missing=codes(missing),
    )
    move(number, action, as_user, details, as_json)


@app.command()
def approve(
    number: CaseNumber,
    as_user: As,
    reason: Reason,
    basis: Basis = None,
    policy_line: PolicyLine = "",
    proportionality: Proportionality = "",
    as_json: Json = False,
) -> None:
    """Approve the exact notice; it goes out in the next drive."""
    _decide(
        number, Action.APPROVE, as_user, as_json,
        reason=reason, basis=basis, policy_line=policy_line, proportionality=proportionality,
    )  # fmt: skip


@app.command()
def endorse(
    number: CaseNumber,
    as_user: As,
    reason: Reason,
    proportionality: Proportionality = "",
    basis: Basis = None,
    policy_line: PolicyLine = "",
    as_json: Json = False,
) -> None:
    """The first of two approvals for a politically sensitive case; another reviewer then approves."""
    _decide(
        number, Action.ENDORSE, as_user, as_json,
        reason=reason, basis=basis, policy_line=policy_line, proportionality=proportionality,
    )  # fmt: skip


@app.command()
def decline(number: CaseNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Refuse: no basis, or out of proportion. The reporter hears the reasons."""
    _decide(number, Action.DECLINE, as_user, as_json, reason=reason)


def _known_checks(given: list[str] | None) -> list[str]:
    from casework.completeness_checks import CHECKS

    for code in codes(given):
        if code not in CHECKS:
            raise typer.BadParameter(f"no check is called '{code}'; known: {', '.join(CHECKS)}")
    return list(codes(given))


@app.command("return")
def send_back(
    number: CaseNumber,
    as_user: As,
    reason: Reason,
    missing: Annotated[
        list[str],
        typer.Option("--missing", metavar="CODE", callback=_known_checks, help="What the reporter is asked for."),
    ],
    as_json: Json = False,
) -> None:
    """Send a case back because something is missing; the reporter is asked."""
    _decide(number, Action.RETURN, as_user, as_json, reason=reason, missing=missing)


@app.command("approve-urgently")
def approve_urgently(
    number: CaseNumber,
    as_user: As,
    reason: Reason,
    basis: Basis = None,
    policy_line: PolicyLine = "",
    proportionality: Proportionality = "",
    as_json: Json = False,
) -> None:
    """Send before review, where the pack's law allows it; a reviewer confirms afterwards."""
    _decide(
        number, Action.APPROVE_URGENTLY, as_user, as_json,
        reason=reason, basis=basis, policy_line=policy_line, proportionality=proportionality,
    )  # fmt: skip


@app.command()
def confirm(number: CaseNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Review afterwards what went out urgently."""
    _decide(number, Action.CONFIRM, as_user, as_json, reason=reason)


@app.command("answer")
def answer_platform(
    number: CaseNumber,
    as_user: As,
    reason: Annotated[str, typer.Option("--reason", help="The answer to the platform's question, as it goes out.")],
    basis: Basis = None,
    policy_line: PolicyLine = "",
    as_json: Json = False,
) -> None:
    """Answer the platform's question; the answer goes out in the next drive."""
    _decide(number, Action.ANSWER, as_user, as_json, reason=reason, basis=basis, policy_line=policy_line)


@app.command()
def recall(number: CaseNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Take an approved notice back into review before it goes out."""
    _decide(number, Action.RECALL, as_user, as_json, reason=reason)
