"""What the demo shows at the end, and the summary it leaves as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from casework.vocabulary import DeliveryState, Priority, ReportState
from db.queries.cases import count_by
from db.queries.clocks import count_breached
from db.queries.events import events_of_case
from db.queries.letters import count_escalations, count_letters, letters_of_case
from db.queries.mails import count_mails
from db.queries.reports import count_reports
from db.queries.submissions import count_outcomes
from db.tables import CaseFile, Escalation, Letter, Submission
from desk.seen_outside import seen_outside
from desk.timeline import sentence
from tasks.invariants import invariants
from tasks.runtime import Runtime

if TYPE_CHECKING:
    from desk.demo import World


def conclude(world: World, home: Path, console: Console, *, seconds: float) -> int:
    """Write summary.json, print the tables, tell one P0 case; 0 when every invariant holds."""
    runtime = world.runtime
    summary = summarize(runtime)
    summary["correspondence"] = correspondence(runtime)
    checks = [*invariants(runtime), *seen_outside(runtime, world.mailbox)]
    mails = len(world.mailbox.messages())
    summary["seconds"] = round(seconds, 1)
    summary["mails_received"] = mails
    summary["audit"] = {check.name: check.holds for check in checks}
    (home / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _tables(console, summary)
    _story(runtime, console)
    for check in checks:
        mark = "[green]holds[/green]" if check.holds else "[red]BROKEN[/red]"
        console.print(f"  {mark}  {check.name} ({check.detail})", highlight=False)
    console.print(
        f"\nLetters, as their recipients got them: {home / 'mail'}\n"
        f"Summary: {home / 'summary.json'}    Logs: {home / 'logs'}\n"
        f"The same cases in the Prefect UI: make up STATE={home}\n"
        f"One case: QORGAN_HOME={home} .venv/bin/qorgan case show KZ-2026-000001\n"
        "How it works: docs/",
        highlight=False,
        soft_wrap=True,
    )
    return 0 if all(check.holds for check in checks) else 1


def summarize(runtime: Runtime) -> dict[str, Any]:
    """The figures of a case file. ``first_letter_seconds`` is from storing the first P0 report to its letter's yes."""
    with runtime.sessions.read() as session:
        reports = count_reports(session)
        letters = count_letters(session)
        unknown = sum(count for _, _, state, count in letters if state == DeliveryState.UNKNOWN)
        unknown += (
            session.scalar(
                select(func.count()).where(Submission.state == DeliveryState.UNKNOWN).select_from(Submission)
            )
            or 0
        )
        kinds: dict[str, dict[str, int]] = {}
        for kind, language, state, count in letters:
            if state == DeliveryState.SENT:
                kinds.setdefault(kind, {})[language] = count
        waits = [
            (sent_at - received_at).total_seconds()
            for sent_at, received_at in session.execute(
                select(func.min(Letter.sent_at), CaseFile.received_at)
                .join(CaseFile, CaseFile.id == Letter.case_id)
                .where(CaseFile.priority_floor == Priority.P0, Letter.sent_at.is_not(None))
                .group_by(CaseFile.id, CaseFile.received_at)
            )
        ]
        return {
            "reports": sum(reports.values()),
            "cases": reports.get(ReportState.CASE, 0),
            "duplicates": reports.get(ReportState.DUPLICATE, 0),
            "held": reports.get(ReportState.HELD, 0),
            "by_status": count_by(session, "status"),
            "by_priority": dict(sorted(count_by(session, "priority").items())),
            "by_disposition": {("open" if k == "None" else k): n for k, n in count_by(session, "disposition").items()},
            "by_outcome": count_outcomes(session),
            "letters_by_kind": kinds,
            "letters_not_sent": _not_sent(letters),
            "unknown_sends": unknown,
            "escalations_by_rung": {str(rung): count for rung, count in count_escalations(session).items()},
            "clocks_breached": count_breached(session),
            "p0_first_letter_seconds": round(max(waits), 2) if waits else None,
        }


def correspondence(runtime: Runtime) -> dict[str, Any]:
    """Mails that came in, by kind and by what they were matched by; letters that went out as lines of a digest."""
    with runtime.sessions.read() as session:
        digested = session.scalar(select(func.count()).select_from(Letter).where(Letter.digest_id.is_not(None)))
        acknowledged = session.execute(
            select(Escalation.acknowledged_via, func.count())
            .where(Escalation.acknowledged_via.is_not(None))
            .group_by(Escalation.acknowledged_via)
            .order_by(Escalation.acknowledged_via)
        )
        return {
            "mails_in": {f"{state} {kind}".strip(): count for (state, kind), count in count_mails(session).items()},
            "letters_in_digests": digested or 0,
            "acknowledged_via": {str(via): count for via, count in acknowledged},
        }


def _not_sent(letters: list[tuple[str, str, str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for _, _, state, count in letters:
        if state != DeliveryState.SENT:
            counts[state] = counts.get(state, 0) + count
    return counts


def _tables(console: Console, summary: dict[str, Any]) -> None:
    console.print(
        f"\n{summary['reports']} reports: {summary['cases']} cases, {summary['duplicates']} duplicates,"
        f" {summary['held']} held. Clocks breached: {summary['clocks_breached']}."
        f" Unknown sends: {summary['unknown_sends']}."
        f" First letter on a P0: {summary['p0_first_letter_seconds']} s after the report, at most.\n",
        highlight=False,
    )
    grid = Table.grid(padding=(0, 4))
    grid.add_row(
        _count_table("priority", summary["by_priority"]),
        _count_table("status", summary["by_status"]),
        _count_table("outcome of items", summary["by_outcome"]),
        _count_table("escalations by rung", summary["escalations_by_rung"]),
    )
    console.print(grid)
    mail = summary["correspondence"]
    said = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in mail["mails_in"].items()) or "none"
    via = ", ".join(f"{count} by {how}" for how, count in mail["acknowledged_via"].items()) or "none"
    console.print(
        f"Mails in: {said}. Rungs acknowledged: {via}."
        f" Letters that went out in a digest: {mail['letters_in_digests']}.\n",
        highlight=False,
    )
    letters = Table("letter", "kk", "ru", "en", title="letters sent", title_justify="left")
    for kind, languages in sorted(summary["letters_by_kind"].items()):
        letters.add_row(kind.replace("_", " "), *(str(languages.get(code, "")) for code in ("kk", "ru", "en")))
    console.print(letters)


def _count_table(title: str, counts: dict[str, int]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, count in counts.items():
        table.add_row(name.replace("_", " "), str(count))
    return table


def _story(runtime: Runtime, console: Console) -> None:
    """One P0 case from report to end, as its event log tells it."""
    zone = ZoneInfo(runtime.pack.authority.zone)
    with runtime.sessions.read() as session:
        case = session.scalars(
            select(CaseFile).where(CaseFile.priority_floor == Priority.P0).order_by(CaseFile.id).limit(1)
        ).one_or_none()
        if case is None:
            return
        count = len(letters_of_case(session, case.id))
        table = Table(
            "time", "who", "what", title=f"{case.number}, a P0 case with {count} letters", title_justify="left"
        )
        for event in events_of_case(session, case.id):
            at = event.at.astimezone(zone).strftime("%d %b %H:%M:%S")
            table.add_row(at, event.actor_name, sentence(event.kind, event.data, event.from_status, event.to_status))
    console.print(table)
