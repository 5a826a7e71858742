"""A case for a court or an auditor: a folder of files that check themselves, and a page to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from desk.options import As, CaseNumber, Json, at_work
from desk.output import Row, answer, harmless, warn

if TYPE_CHECKING:
    from tasks.case_export import Export

PAGES = Path(__file__).parent / "pages"


def export(
    number: CaseNumber,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", file_okay=False, help="A new folder.")],
    user: As,
    purpose: Annotated[str, typer.Option("--purpose", help="For whom and what for; it stays on the record.")],
    with_identities: Annotated[
        bool, typer.Option("--with-identities", help="Also who the people of the case are; opens the vault.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write all that is known of one case: JSON, a page to read, hashes, and the proof from the event log."""
    from tasks.case_export import check_free, collect_export, write_export

    check_free(to)
    made = collect_export(at_work(), number, user, purpose, with_identities=with_identities)
    files = write_export(to, made, page_of(made))
    head = made.proof["head"]["statement"]
    data: Row = {
        "case": made.number,
        "folder": str(to),
        "files": files,
        "events": len(made.proof["events"]),
        "of_the_log": head["seq"],
        "key_id": made.key.key_id if made.key else None,
        "with_identities": with_identities,
    }
    if made.key is None:
        warn("there is no signing key, so nothing is signed: run 'qorgan audit key new' and export again.")

    def show(console: Console) -> None:
        console.print(f"{made.number} is in {to}: {', '.join(files)}.")
        console.print(f"{data['events']} events, each with its place in a log of {head['seq']}.")
        console.print(f"Anybody checks it without this software: python3 tools/verify_export.py {to}")

    answer(data, as_json, show)


# The page


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    kind: str = ""


def _moment(stamp: str | None) -> Cell:
    return Cell((stamp or "")[:16].replace("T", " "), "moment")


def _hash(value: str | None) -> Cell:
    return Cell(value or "", "hash")


def _said(value: Any) -> Cell:
    return Cell(_text(value), "said")


def _text(value: Any) -> str:
    """A value for a reader. What people wrote may hold links and signs that nobody sees."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return "" if value is None else harmless(str(value))


FACTS = (
    "number", "status", "disposition", "priority", "priority_floor", "category", "child", "age_band", "political",
    "language", "instrument", "ground", "requested_action", "territories", "indicators", "quote", "translation",
    "description", "why_unlawful", "policy_line", "cited_basis", "expert_decision", "issuing_authority", "reporters",
    "anonymous", "intake_by", "received_at", "policy_version", "merged_into",
)  # fmt: skip

Columns = Sequence[tuple[str, str, Any]]

SECTIONS: tuple[tuple[str, str, Columns], ...] = (
    ("Items", "items", (
        ("no.", "number", _said), ("link as received", "url_original", _said), ("kind", "kind", _said),
        ("platform", "platform", _said), ("outcome", "outcome", _said), ("decided, UTC", "outcome_at", _moment),
    )),
    ("Reports", "reports", (
        ("received, UTC", "received_at", _moment), ("by", "taken_in_by", _said), ("form", "format", _said),
        ("became", "state", _said), ("SHA-256 of the bytes as they came", "raw_sha256", _hash),
    )),
    ("Changes of priority", "priority_changes", (
        ("when, UTC", "changed_at", _moment), ("to rank", "to_rank", _said), ("by", "proposed_by", _said),
        ("confirmed by", "confirmed_by", _said), ("why", "reason", _said),
    )),
    ("Expert opinions", "expert_opinions", (
        ("decided, UTC", "decided_at", _moment), ("group", "group_id", _said), ("record", "reference", _said),
        ("confirmed", "confirmed", _said), ("reasons", "reasons", _said),
    )),
    ("Decisions", "reviews", (
        ("when, UTC", "decided_at", _moment), ("who", "reviewer_name", _said), ("verdict", "verdict", _said),
        ("on", "basis", _said), ("reasons", "reason", _said), ("proportionality", "proportionality", _said),
    )),
    ("Clocks", "clocks", (
        ("rule", "rule_id", _said), ("whose", "duty", _said), ("started, UTC", "started_at", _moment),
        ("due, UTC", "due_at", _moment), ("state", "state", _said), ("ran out, UTC", "breached_at", _moment),
        ("source", "source", _said),
    )),
    ("Notices", "submissions", (
        ("notice", "number", _said), ("platform", "platform", _said), ("state", "state", _said),
        ("sent, UTC", "sent_at", _moment), ("reference", "platform_reference", _said),
        ("SHA-256 of the approved bytes", "payload_sha256", _hash),
    )),
    ("Answers of the platform", "outcomes", (
        ("decided, UTC", "decided_at", _moment), ("notice", "notice", _said), ("item", "item", _said),
        ("outcome", "outcome", _said), ("reason", "reason", _said),
    )),
    ("Escalations", "escalations", (
        ("raised, UTC", "raised_at", _moment), ("notice", "notice", _said), ("rung", "rung", _said),
        ("to", "recipient", _said), ("acknowledged, UTC", "acknowledged_at", _moment),
        ("via", "acknowledged_via", _said),
    )),
    ("Letters", "letters", (
        ("letter", "number", _said), ("kind", "kind", _said), ("to", "recipient", _said), ("state", "state", _said),
        ("sent, UTC", "sent_at", _moment), ("SHA-256 of the message", "message_sha256", _hash),
    )),
    ("Mails that came in", "mails", (
        ("stored, UTC", "stored_at", _moment), ("kind", "kind", _said), ("from", "contact", _said),
        ("effects", "effects", _said), ("SHA-256 of the mail", "raw_sha256", _hash),
    )),
    ("Erased", "erasures", (
        ("when, UTC", "erased_at", _moment), ("what", "record", _said), ("rows", "rows", _said),
        ("rule", "rule", _said),
    )),
)  # fmt: skip


def page_of(made: Export) -> str:
    """The export as a page to read and print."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(loader=FileSystemLoader(PAGES), undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    case = made.case["case"]
    sections = [
        {"title": title, "head": [head for head, _, _ in columns], "rows": _rows(made.case[name], columns)}
        for title, name, columns in SECTIONS
    ]
    return pages.get_template("case_export.html").render(
        case=case,
        authority=made.authority,
        made_at=made.made_at.strftime("%Y-%m-%d %H:%M UTC"),
        by=made.by,
        purpose=harmless(made.purpose),
        key_id=made.key.key_id if made.key else "",
        people="in identities.json" if made.identities is not None else "in no file of this export",
        facts=[(name.replace("_", " "), _text(case[name])) for name in FACTS if _text(case[name])],
        sections=[*sections, _events(made.proof["events"])],
    )


def _rows(rows: Iterable[Mapping[str, Any]], columns: Columns) -> list[list[Cell]]:
    return [[shape(row[key]) for _, key, shape in columns] for row in rows]


def _events(events: Iterable[Mapping[str, Any]]) -> Row:
    from desk.timeline import sentence

    rows = []
    for event in events:
        told = event["content"]
        said = sentence(told["kind"], told["data"], told["from_status"], told["to_status"])
        why = f"\n“{_text(told['reason'])}”" if told["reason"] else ""
        rows.append(
            [Cell(str(told["seq"])), _moment(told["at"]), _said(told["actor_name"]), Cell(harmless(said) + why, "said")]
        )
    return {"title": "What happened", "head": ["event", "when, UTC", "who", "what"], "rows": rows}
