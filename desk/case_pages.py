"""One case on one page: everything on the record about it, no link that can be clicked, nobody's identity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from casework.vocabulary import ClockState, Disposition, Status
from desk.mail_rows import followed, mail_rows
from desk.output import Row, harmless, heading, iso, pairs, priority_text, shown, table
from desk.timeline import sentence

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from casework.facts import CaseFacts
    from casework.policy_pack import Pack
    from db.tables import CaseFile, Clock
    from tasks.runtime import Runtime


def case_page(session: Session, runtime: Runtime, case: CaseFile) -> Row:
    """The page as plain values."""
    from db.queries.clocks import clocks_of_case
    from db.queries.events import events_of_case
    from db.queries.letters import escalations_of_case, letters_of_case
    from db.queries.submissions import submissions_of_case
    from tasks.case_facts import facts_of

    zone, now = runtime.pack.authority.zone, runtime.now()
    facts = facts_of(session, case)
    submissions = submissions_of_case(session, case.id)
    numbers = {row.id: row.number for row in submissions}
    return {
        **header(case, facts, runtime.pack, now),
        "items": items(session, case, zone),
        "clocks": [
            clock_row(clock, about(clock, case.number, numbers), runtime.pack, now)
            for clock in clocks_of_case(session, case.id)
        ],
        "priority_trace": [dict(fired) for fired in case.priority_trace],
        "reviews": reviews(session, case, zone),
        "submissions": [
            {
                "number": row.number,
                "kind": row.kind,
                "platform": row.platform,
                "channel": row.channel,
                "state": row.state,
                "reference": row.platform_reference,
                "attempts": row.attempts,
                "last_answer": harmless(row.last_error),
                "next_attempt_at": iso(row.next_attempt_at, zone),
                "sent_at": iso(row.sent_at, zone),
                "payload_sha256": row.payload_sha256,
            }
            for row in submissions
        ],
        "escalations": [
            {
                "id": row.id,
                "submission": numbers[row.submission_id],
                "rung": row.rung,
                "to": row.recipient,
                "letter": row.letter,
                "raised_at": iso(row.raised_at, zone),
                "acknowledged_at": iso(row.acknowledged_at, zone),
                "acknowledged_by": row.acknowledged_by,
                "acknowledged_via": row.acknowledged_via,
            }
            for row in escalations_of_case(session, case.id)
        ],
        "letters": [
            {
                "id": row.id,
                "kind": row.kind,
                "to": row.recipient,
                "language": row.language,
                "state": row.state,
                "reason": row.reason,
                "created_at": iso(row.created_at, zone),
                "sent_at": iso(row.sent_at, zone),
            }
            for row in letters_of_case(session, case.id)
        ],
        "mails": mail_rows(session, case.id, zone),
        "timeline": [
            {
                "seq": event.seq,
                "at": iso(event.at, zone),
                "by": event.actor_id,
                "kind": event.kind,
                "said": sentence(event.kind, event.data, event.from_status, event.to_status),
                "reason": harmless(event.reason),
            }
            for event in events_of_case(session, case.id)
        ],
    }


def header(case: CaseFile, facts: CaseFacts, pack: Pack, now: datetime) -> Row:
    """What a case is, where it is, and what it waits for."""
    from casework.waiting import waiting_for

    zone, wait = pack.authority.zone, waiting_for(facts)
    return {
        "number": case.number,
        "status": case.status,
        "meaning": Status(case.status).meaning,
        "disposition": case.disposition,
        "waits_for": wait.name,
        "who_moves": str(wait.who),
        "what_next": wait.what,
        "priority": case.priority,
        "priority_computed": case.priority_floor,
        "lane": case.lane,
        "category": case.category,
        "category_name": pack.category(case.category).name.en,
        "child": case.child,
        "age_band": case.age_band,
        "political": case.political,
        "language": case.language,
        "instrument": case.instrument,
        "ground": case.ground,
        "requested_action": case.requested_action,
        "territories": list(case.territories),
        "indicators": list(case.indicators),
        "missing": list(case.missing),
        "question": harmless(case.question),
        "reports": case.reporters,
        "anonymous": case.anonymous,
        "intake_by": case.intake_by,
        "received_at": iso(case.received_at, zone),
        "next_due_at": iso(case.next_due_at, zone),
        "overdue": case.next_due_at is not None and now > case.next_due_at,
        "merged_into": case.merged_into,
        "policy_version": case.policy_version,
        "failures": case.failures,
    }


def items(session: Session, case: CaseFile, zone: str) -> list[Row]:
    """The case's items; their links are defanged."""
    from db.queries.cases import items_of_case

    return [
        {
            "number": item.number,
            "platform": item.platform,
            "kind": item.kind,
            "link": harmless(item.url_canonical),
            "exact": item.exact,
            "opaque": item.opaque,
            "observed_at": iso(item.observed_at, zone),
            "outcome": item.outcome,
            "outcome_at": iso(item.outcome_at, zone),
        }
        for item in items_of_case(session, case.id)
    ]


def reviews(session: Session, case: CaseFile, zone: str) -> list[Row]:
    """What reviewers decided, oldest first."""
    from db.queries.cases import reviews_of_case

    return [
        {
            "verdict": row.verdict,
            "by": row.reviewer_id,
            "name": row.reviewer_name,
            "at": iso(row.decided_at, zone),
            "reason": harmless(row.reason),
            "basis": list(row.basis),
            "policy_line": harmless(row.policy_line),
            "proportionality": harmless(row.proportionality),
            "policy_version": row.policy_version,
        }
        for row in reviews_of_case(session, case.id)
    ]


def about(clock: Clock, case_number: str, submissions: dict[int, str]) -> str:
    """The number of what a clock is about."""
    return submissions.get(clock.subject_id, case_number) if clock.subject_kind == "submission" else case_number


def clock_name(clock: Clock, pack: Pack) -> str:
    """A clock's name in today's pack; for a rule that has gone from it, the rule's id."""
    if clock.rule_id in {rule.id for rule in pack.sla.clocks}:
        return pack.sla.clock(clock.rule_id).name.en
    ladder, _, rung = clock.rule_id.partition(".rung")
    if rung and clock.ladder == ladder:
        what = "follow-up" if rung.endswith("follow_up") else "acknowledgement"
        return f"Rung {rung[0]}, {what}"
    return clock.rule_id


def clock_row(clock: Clock, subject: str, pack: Pack, now: datetime) -> Row:
    """One clock and how it stands now."""
    from casework.explain import length

    zone = pack.authority.zone
    if clock.state == ClockState.RUNNING:
        late = now > clock.due_at
        stands = f"overdue by {length(now - clock.due_at)}" if late else f"{length(clock.due_at - now)} left"
    elif clock.state == ClockState.MET:
        late = clock.stopped_at is not None and clock.stopped_at > clock.due_at
        stands = "met late" if late else "met in time"
    else:
        late = clock.breached_at is not None
        stands = "fell away, overdue" if late else "fell away"
    return {
        "rule": clock.rule_id,
        "name": clock_name(clock, pack),
        "about": subject,
        "duty": clock.duty,
        "state": clock.state,
        "stands": stands,
        "late": late,
        "started_at": iso(clock.started_at, zone),
        "due_at": iso(clock.due_at, zone),
        "stopped_at": iso(clock.stopped_at, zone),
        "stopped_by": clock.stopped_by,
        "breached_at": iso(clock.breached_at, zone),
        "statutory": clock.statutory,
        "source": clock.source,
        "verified": clock.verified,
        "policy_version": clock.policy_version,
    }


def show_case(console: Console, page: Row) -> None:
    """The page for a person."""
    show_header(console, page)
    show_items(console, page["items"])
    show_clocks(console, page["clocks"])
    heading(console, "Priority")
    for fired in page["priority_trace"]:
        because = f" ({fired['field']} = {fired['value']})" if fired["field"] else ""
        console.print(f"{fired['rule']}: {fired['effect']}{because}")
    show_reviews(console, page["reviews"])
    _section(
        console, "Submissions", ("number", "platform", "channel", "state", "reference", "sent"), page["submissions"],
        lambda row: (row["number"], row["platform"], row["channel"], row["state"], row["reference"] or "",
                     shown(row["sent_at"]) or row["last_answer"]),
        wide=("reference", "sent"),
    )  # fmt: skip
    _section(
        console, "Escalations", ("id", "about", "rung", "to", "raised", "acknowledged"), page["escalations"],
        lambda row: (str(row["id"]), row["submission"], str(row["rung"]), row["to"], shown(row["raised_at"]),
                     acknowledged(row)),
        wide=("acknowledged",),
    )  # fmt: skip
    _section(
        console, "Letters", ("id", "letter", "to", "language", "state", "when or why not"), page["letters"],
        lambda row: (str(row["id"]), row["kind"], row["to"], row["language"], row["state"],
                     row["reason"] or shown(row["sent_at"])),
        wide=("when or why not",),
    )  # fmt: skip
    _section(
        console, "Mails", ("id", "kind", "from", "letter", "came", "what followed"), page["mails"],
        lambda row: (str(row["id"]), row["kind"], row["from"], str(row["letter"] or ""), shown(row["stored_at"]),
                     followed(row)),
        wide=("what followed",),
    )  # fmt: skip
    _section(
        console, "What happened", ("when", "who", "what"), page["timeline"],
        lambda row: (shown(row["at"]), row["by"], _with_reason(row)), wide=("what",),
    )  # fmt: skip


def acknowledged(rung: Row) -> str:
    """When and how a rung was acknowledged, or 'no'."""
    return f"{shown(rung['acknowledged_at'])}, {rung['acknowledged_via']}" if rung["acknowledged_at"] else "no"


def _with_reason(row: Row) -> Text:
    said = Text(row["said"])
    if row["reason"]:
        said.append(f"\n“{row['reason']}”", style="italic")
    return said


def show_header(console: Console, page: Row) -> None:
    """Number, priority and status on one line; the rest as names and values."""
    title = Text.assemble((page["number"], "bold"), "  ", priority_text(page["priority"]), f"  {page['status']}")
    if page["disposition"]:
        title.append(f" ({page['disposition']}: {Disposition(page['disposition']).meaning})")
    console.print(title)
    console.print(page["meaning"], style="dim")
    console.print()
    flags = [
        *(["a child is concerned"] if page["child"] else []),
        *(["politically sensitive"] if page["political"] else []),
        *([f"merged into {page['merged_into']}"] if page["merged_into"] else []),
        *([f"{page['failures']} failed drive(s)"] if page["failures"] else []),
    ]
    due = shown(page["next_due_at"])
    pairs(
        console,
        [
            ("waits for", f"{page['waits_for']}: {page['what_next']}"),
            ("next due", Text(f"{due}, OVERDUE", style="bold red") if page["overdue"] else due),
            ("note", Text("; ".join(flags), style="bold")),
            ("category", f"{page['category_name']} ({page['category']}); age {page['age_band']}"),
            ("notice", f"{page['instrument']} on {page['ground']}; asks to {page['requested_action']}"
                       f" in {', '.join(page['territories'])}"),
            ("indicators", ", ".join(page["indicators"])),
            ("missing", ", ".join(page["missing"])),
            ("platform asks", page["question"]),
            ("reports", f"{page['reports']}; received {shown(page['received_at'])}, taken in by {page['intake_by']}"
                        + ("; anonymous" if page["anonymous"] else "")),
            ("lane", f"{page['lane']}; computed {page['priority_computed']}; policy {page['policy_version']}"),
        ],
    )  # fmt: skip


def show_items(console: Console, rows: Sequence[Row]) -> None:
    """Items; links are for reading, not for clicking."""
    _section(
        console, "Items", ("no", "platform", "kind", "link (defanged)", "seen", "outcome"), rows,
        lambda row: (str(row["number"]), row["platform"] or "none known", row["kind"] + _doubt(row), row["link"],
                     shown(row["observed_at"])[:10], row["outcome"]),
        wide=("link (defanged)",),
    )  # fmt: skip


def _doubt(row: Row) -> str:
    return ", short link" if row["opaque"] else "" if row["exact"] else ", not exact"


def show_clocks(console: Console, rows: Sequence[Row]) -> None:
    """Clocks; those that are late stand out."""
    _section(
        console, "Clocks", ("clock", "duty of", "due", "stands", "law?"), rows,
        lambda row: (f"{row['name']}\n{row['about']}" if "/" in row["about"] else row["name"], row["duty"],
                     shown(row["due_at"]), Text(row["stands"], style="bold red" if row["late"] else ""),
                     ("law" if row["statutory"] else "target") + ("" if row["verified"] else ", unverified")),
        wide=("clock", "law?"),
    )  # fmt: skip


def show_reviews(console: Console, rows: Sequence[Row]) -> None:
    """Decisions with their reasons."""
    if not rows:
        return
    heading(console, "Reviews")
    for row in rows:
        console.print(f"{row['verdict']} by {row['name']} ({row['by']}), {shown(row['at'])}")
        pairs(
            console,
            [
                ("  reason", row["reason"]),
                ("  basis", ", ".join(row["basis"])),
                ("  policy line", row["policy_line"]),
                ("  proportionality", row["proportionality"]),
            ],
        )


def _section(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Row], cells: Any, *, wide: Sequence[str] = ()
) -> None:
    """A titled table; nothing at all for no rows."""
    if rows:
        heading(console, title)
        console.print(table(columns, [cells(row) for row in rows], wide=wide))
