"""Policy packs at the desk: check them, see which are on record, recompute open cases after a change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from casework.errors import PackError
from casework.vocabulary import Lane
from desk.options import Json, at_work
from desk.output import Row, answer, iso, shown, table
from desk.simulation import simulate
from desk.wake import wake

if TYPE_CHECKING:
    from casework.policy_pack import Pack
    from tasks.recompute import Plan

app = typer.Typer(no_args_is_help=True, help="Policy packs: check, versions on record, what if, recompute.")
app.command()(simulate)


@app.command()
def check(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, file_okay=False, help="Packs' folders; by default the one in use."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read policy packs and print every fault with its file and line; several are also checked against each other."""
    from casework.pack_reader import read_packs
    from tasks.runtime import pack_texts
    from tasks.settings import Settings

    chosen = folders or [Settings().pack_folder]
    texts = {folder.name: pack_texts(folder) for folder in chosen}
    try:
        packs, faults = read_packs(texts), []
        for pack in packs:
            faults += _wording_faults(pack, texts[pack.folder])
    except PackError as error:
        faults = error.message.splitlines()
    if faults:
        listed = "\n".join(faults)
        answer({"faults": faults}, as_json, lambda console: console.print(listed, soft_wrap=True))
        raise typer.Exit(1)
    data: list[Row] = [{"version": pack.version, "faults": [], "unverified": _unverified(pack)} for pack in packs]
    said = "\n".join(
        f"{pack.version}: no faults. {len(pack.categories)} categories, {len(pack.sla.clocks)} clocks,"
        f" {len(pack.platforms.platforms)} platforms. {_unverified(pack)} provision(s) and statutory clock(s)"
        " nobody has verified."
        for pack in packs
    )
    answer(data[0] if len(data) == 1 else data, as_json, lambda console: console.print(said))


@app.command("calendar")
def compare_calendar(
    feed: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A calendar feed, an .ics file.")],
    year: Annotated[int, typer.Option("--year", min=2000, max=2100, help="The year to compare.")],
    calendar: Annotated[str, typer.Option("--calendar", help="A calendar of the pack; by default its first.")] = "",
    as_json: Json = False,
) -> None:
    """Lay a calendar feed beside the pack's legal days. Nothing is taken over; days that are not legal are refused."""
    from casework.calendar_feed import compare_feed, read_feed, refuse_unlawful_days
    from casework.errors import QorganError
    from casework.working_time_errors import WorkingTimeError
    from tasks.runtime import load_pack
    from tasks.settings import Settings

    policies = {policy.id: policy for policy in load_pack(Settings().pack_folder).calendars.calendars}
    policy = policies.get(calendar or next(iter(policies)))
    if policy is None:
        known = ", ".join(policies)
        raise QorganError(
            f"the pack has no calendar '{calendar[:64]}'", rule="calendar.unknown", next_step=f"Known: {known}."
        )
    if feed.stat().st_size > 5_000_000:
        raise QorganError("the feed is larger than 5 MB", rule="calendar.feed_unreadable")
    try:
        found = compare_feed(read_feed(feed.read_bytes(), year), policy, year)
    except WorkingTimeError as error:
        raise QorganError(str(error), rule="calendar.missing") from None
    data: Row = {
        name: [{"day": day.on.isoformat(), "name": day.name} for day in days]
        for name, days in (("agreed", found.agreed), ("not_legal", found.not_legal), ("missing", found.missing))
    }

    def show(console: Console) -> None:
        console.print(f"{len(found.agreed)} day(s) of the feed are days off by calendar '{policy.id}'.")
        if found.missing:
            console.print(table(("legal, and not in the feed", ""), [(str(day.on), day.name) for day in found.missing]))

    answer(data, as_json, show)
    refuse_unlawful_days(found, policy.id)


def _wording_faults(pack: Pack, texts: Mapping[str, str]) -> list[str]:
    from casework.pack_reader import line_in
    from tasks.pack_wording import check_wording
    from tasks.settings import ROOT

    name = f"{pack.folder}/wording.yaml"
    return [
        f"{name}:{line_in(name, texts['wording'], fault.path)}: {'.'.join(fault.path)}: {fault.what}"
        for fault in check_wording(ROOT / "templates", pack.wording)
    ]


def _unverified(pack: Pack) -> int:
    """Texts of law in the pack that no person has compared with the official edition."""
    sources = [basis.source for basis in pack.regime.legal_basis]
    sources += [clock.source for clock in pack.sla.clocks if clock.statutory]
    return sum(not source.verified for source in sources)


@app.command()
def versions(as_json: Json = False) -> None:
    """List every policy version on record, with how many cases were opened and clocks started under it."""
    from db.queries.policies import policy_versions

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        rows: list[Row] = [
            {
                "version": version, "adopted_at": iso(adopted_at, zone), "cases": cases, "clocks": clocks,
                "in_use": version == runtime.pack.version,
            }
            for version, adopted_at, cases, clocks in policy_versions(session)
        ]  # fmt: skip

    def show(console: Console) -> None:
        cells = [
            (
                row["version"],
                shown(row["adopted_at"]),
                str(row["cases"]),
                str(row["clocks"]),
                "yes" if row["in_use"] else "",
            )
            for row in rows
        ]
        console.print(table(("version", "since", "cases opened", "clocks started", "in use"), cells))

    answer(rows, as_json, show)


@app.command()
def recompute(
    apply: Annotated[bool, typer.Option("--apply", help="Change what is listed; without it, list only.")] = False,
    as_user: Annotated[str, typer.Option("--as", metavar="USER", help="Who orders it; needed with --apply.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; needed with --apply.")] = "",
    confirmed_by: Annotated[
        str | None, typer.Option("--confirmed-by", metavar="USER", help="Second person, where a priority would fall.")
    ] = None,
    as_json: Json = False,
) -> None:
    """After a change of calendar or policy: what would change in open cases; with --apply, change it."""
    from tasks.recompute import apply_recompute, plan_recompute

    runtime = at_work()
    plan = apply_recompute(runtime, as_user, reason, confirmed_by) if apply else plan_recompute(runtime)
    if apply and plan.levels:
        wake(Lane)
    zone = runtime.pack.authority.zone
    data: Row = {
        "applied": apply,
        "policy": runtime.pack.version,
        "cases": plan.cases,
        "clocks": [
            {
                "case": move.case, "rule": move.rule, "version_before": move.version_before,
                "due_before": iso(move.due_before, zone), "due_after": iso(move.due_after, zone),
            }
            for move in plan.clocks
        ],
        "levels": [{"case": move.case, "before": move.before, "after": move.after} for move in plan.levels],
    }  # fmt: skip
    answer(data, as_json, lambda console: _show_plan(console, plan, data, applied=apply))


def _show_plan(console: Console, plan: Plan, data: Row, *, applied: bool) -> None:
    verb = "changed" if applied else "would change"
    console.print(
        f"{plan.cases} open case(s) looked at under {data['policy']}:"
        f" {len(plan.clocks)} due time(s) and {len(plan.levels)} priority level(s) {verb}."
    )
    if plan.clocks:
        cells = [
            (row["case"], row["rule"], shown(row["due_before"]), shown(row["due_after"]) or "rule is gone: ends")
            for row in data["clocks"]
        ]
        console.print(table(("case", "clock", "due before", "due after"), cells))
    if plan.levels:
        console.print(table(("case", "before", "after"), [(m.case, m.before, m.after) for m in plan.levels]))
    if not applied and (plan.clocks or plan.levels):
        console.print("Nothing was changed. To change it: --apply --as USER --reason '…'.")
