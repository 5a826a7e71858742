"""The review sheet: everything a decision needs on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from casework.completeness_checks import CHECKS
from casework.vocabulary import Priority
from desk.case_pages import (
    about,
    clock_row,
    header,
    items,
    reviews,
    show_clocks,
    show_header,
    show_items,
    show_reviews,
)
from desk.output import Row, harmless, heading, pairs, table

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from casework.policy_pack import Pack
    from tasks.legal_review import ReviewSheet
    from tasks.runtime import Runtime


def review_page(session: Session, runtime: Runtime, sheet: ReviewSheet) -> Row:
    """The sheet as plain values."""
    from casework.lifecycle import allowed_actions
    from db.queries.clocks import running_clocks
    from db.queries.submissions import submissions_of_case

    case, facts, gate = sheet.case, sheet.facts, sheet.gate
    pack, now = runtime.pack, runtime.now()
    zone = pack.authority.zone
    numbers = {row.id: row.number for row in submissions_of_case(session, case.id)}
    return {
        **header(case, facts, pack, now),
        "items": items(session, case, zone),
        "said": {
            "quote": harmless(case.quote),
            "translation": harmless(case.translation),
            "description": harmless(case.description),
            "why_unlawful": harmless(case.why_unlawful),
            "policy_line": harmless(case.policy_line),
            "cited_basis": [code if code in pack.basis_codes else harmless(code) for code in case.cited_basis],
            "expert_decision": harmless(case.expert_decision),
            "issuing_authority": harmless(case.issuing_authority),
        },
        "gate": {
            "score": gate.score,
            "missing": [
                {"code": lack.code, "ask": lack.ask, "item": lack.item, "meaning": CHECKS[lack.code]}
                for lack in gate.missing
            ],
            "elements": [
                {"ref": element.ref, "check": element.check, "meaning": CHECKS[element.check], "met": element.met}
                for element in gate.elements
            ],
            "thin_rate": gate.thin_rate,
            "thin_rate_items": gate.thin_rate_items,
        },
        "clocks": [
            clock_row(clock, about(clock, case.number, numbers), pack, now)
            for clock in running_clocks(session, case.id)
        ],
        "priority_trace": [dict(fired) for fired in case.priority_trace],
        "allowed_basis": _basis(pack, case.category),
        "earlier_reviews": reviews(session, case, zone),
        "warnings": _warnings(sheet, pack),
        "possible": [action.value for action in allowed_actions(facts)],
    }


def _basis(pack: Pack, category_code: str) -> list[Row]:
    """Provisions a notice may cite; those of the category come first."""
    usual = pack.category(category_code).basis
    rest = sorted(pack.basis_codes - set(usual))
    return [
        {
            "code": code,
            "citation": pack.basis(code).citation.en,
            "title": pack.basis(code).title.en,
            "usual": code in usual,
            "verified": pack.basis(code).source.verified,
        }
        for code in (*usual, *rest)
    ]


def _warnings(sheet: ReviewSheet, pack: Pack) -> list[str]:
    """What a reviewer must not overlook."""
    case, facts = sheet.case, sheet.facts
    category = pack.category(case.category)
    said: list[str] = []
    if facts.priority is Priority.P0:
        said.append("P0: imminent danger to a child. The police referral goes its own way; do not wait for the rest.")
    elif case.child:
        said.append("A child is concerned: keep the victim's identity out of reasons and notes.")
    if case.political:
        said.append(
            "Politically sensitive: two reviewers decide, each writes why the measure is necessary and"
            " proportionate (--proportionality). Opinion, criticism and satire are not unlawful by themselves."
        )
        if not facts.endorsed_by:
            said.append("Nobody has endorsed it yet: 'review endorse' comes first, another reviewer then approves.")
        else:
            said.append(f"Endorsed by {', '.join(sorted(facts.endorsed_by))}; somebody else approves.")
    if category.preserve:
        said.append("The platform is asked to preserve the data for an investigation.")
    instrument = pack.instrument(case.instrument, case.category)
    if instrument is not None and instrument.expert_group and not case.expert_decision:
        said.append(f"A '{case.instrument}' needs the expert group's decision, and none is recorded.")
    if facts.declined_by:
        said.append(f"An appeal: declined before by {', '.join(sorted(facts.declined_by))}, who cannot decide it.")
    unreached = [str(item.number) for item in facts.items if pack.platform(item.platform) is None]
    if unreached:
        said.append(f"Item(s) {', '.join(unreached)} are on no platform that is reached; no notice can go out.")
    return said


def show_review(console: Console, page: Row) -> None:
    """The sheet for a person, and the commands that decide."""
    show_header(console, page)
    if page["warnings"]:
        console.print()
        for warning in page["warnings"]:
            console.print(Text(f"! {warning}", style="bold yellow"))
    show_items(console, page["items"])
    said = page["said"]
    heading(console, "What was said")
    pairs(
        console,
        [
            ("quote", said["quote"]),
            ("translation", said["translation"]),
            ("description", said["description"]),
            ("why unlawful", said["why_unlawful"]),
            ("policy line", said["policy_line"]),
            ("basis cited", ", ".join(said["cited_basis"])),
            ("expert decision", said["expert_decision"]),
            ("written by", said["issuing_authority"]),
        ],
    )
    _show_gate(console, page["gate"])
    show_clocks(console, page["clocks"])
    show_reviews(console, page["earlier_reviews"])
    _show_basis(console, page)
    if page["status"] == "in_legal_review":
        heading(console, "Decide")
        number = page["number"]
        first = "endorse" if page["political"] and page["waits_for"] != "Awaiting second reviewer" else "approve"
        console.print(f"qorgan review {first} {number} --as USER --basis CODE --reason '…'")
        console.print(f"qorgan review return {number} --as USER --missing CODE --reason '…'")
        console.print(f"qorgan review decline {number} --as USER --reason '…'")


def _show_gate(console: Console, gate: Row) -> None:
    heading(console, "Completeness")
    thin = ""
    if gate["thin_rate"] is not None:
        thin = (
            f" Of {gate['thin_rate_items']} earlier requests of this kind to these platforms,"
            f" {gate['thin_rate']:.0%} failed as too thin."
        )
    console.print(f"{gate['score']} % of the checks passed.{thin}")
    if gate["missing"]:
        rows = [
            (lack["code"], lack["ask"], "" if lack["item"] is None else str(lack["item"]), lack["meaning"])
            for lack in gate["missing"]
        ]
        console.print(table(("missing", "who supplies it", "item", "what it is"), rows, wide=("what it is",)))
    if gate["elements"]:
        elements = [(row["ref"], row["meaning"], "met" if row["met"] else "NOT MET") for row in gate["elements"]]
        console.print(table(("the law demands", "what it is", ""), elements, wide=("what it is",)))


def _show_basis(console: Console, page: Row) -> None:
    usual = [basis for basis in page["allowed_basis"] if basis["usual"]]
    others = [basis["code"] for basis in page["allowed_basis"] if not basis["usual"]]
    heading(console, "Legal basis (--basis)")
    if usual:
        rows = [
            (basis["code"], f"{basis['citation']}: {basis['title']}", "" if basis["verified"] else "unverified")
            for basis in usual
        ]
        console.print(table(("code", "provision", ""), rows, wide=("provision",)))
    else:
        console.print("The pack names none for this category.")
    if others:
        console.print(f"Also known to the pack: {', '.join(others)}", style="dim")
