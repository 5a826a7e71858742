"""What if: recorded cases under another policy, as a table, as bars, as a picture. The case file is not touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress as ProgressBar
from rich.text import Text

from casework.errors import QorganError
from desk.options import Json, at_work
from desk.output import Row, answer, heading, iso, make_console, shown, table
from desk.simulation_picture import Bars, Panel, picture

if TYPE_CHECKING:
    from casework.policy_pack import Pack
    from casework.vocabulary import Priority
    from tasks.simulation import Progress, Simulation

SHOWN = 12
"""Rows of a table or panel: what changes most. All of it is in the JSON."""
_WIDTH = 32
"""Cells of the longest bar in a terminal."""


def simulate(
    pack: Annotated[str, typer.Option("--pack", metavar="NEW", help="Folder of the changed pack, or its name.")],
    days: Annotated[int, typer.Option("--days", min=1, max=3_660, help="Cases received in so many last days.")] = 90,
    on: Annotated[
        datetime | None,
        typer.Option(
            "--on",
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="Day whose rules of the new pack are tried; by default the one on which all of them are in force.",
        ),
    ] = None,
    save_to: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", dir_okay=False, help="Draw it into this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay recorded cases under a changed policy: levels, breaches and letters, before and after. Writes nothing."""
    from tasks.runtime import load_pack
    from tasks.settings import POLICIES
    from tasks.simulation import simulate as run

    runtime = at_work()
    folder = Path(pack) if Path(pack).is_dir() else POLICIES / pack
    new = load_pack(folder)
    with _progress(quiet=as_json) as progress:
        found = run(runtime, new, days, on=on.date() if on else None, progress=progress)
    panels = _panels(found, _names(runtime.pack) | _names(new))
    if save_to is not None:
        _save(save_to, picture(_title(found), _subtitle(found), panels))
    data = _data(found, runtime.pack.authority.zone)
    answer(data, as_json, lambda console: _show(console, found, data, panels, save_to))


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    console = make_console(stderr=True)
    with ProgressBar(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("replaying cases", total=None)
        yield lambda done, cases: bar.update(task, completed=done, total=cases)


def _save(path: Path, drawn: str) -> None:
    try:
        path.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise QorganError(
            f"the picture cannot be written to '{path.name}': {error.strerror}",
            rule="simulate.picture",
            next_step="Name a file in a folder that exists and that you may write to.",
        ) from error


def _data(found: Simulation, zone: str) -> Row:
    return {
        "policy": {"in_use": found.versions[0], "new": found.versions[1]},
        "rules_of": {"in_use": found.days[0].isoformat(), "new": found.days[1].isoformat()},
        "since": iso(found.since, zone),
        "until": iso(found.until, zone),
        "cases": found.cases,
        "replayed": found.replayed,
        "changed": found.changed,
        "levels": {str(level): [side[level] for side in found.levels] for level in sorted(_levels(found))},
        "level_moves": [{"from": a, "to": b, "cases": count} for (a, b), count in sorted(found.moves.items())],
        "lane_moves": [{"from": a, "to": b, "cases": count} for (a, b), count in sorted(found.lanes.items())],
        "clocks": {
            rule: {
                "started": count.started, "warned": count.warned, "breached": count.breached,
                "newly_breached": count.newly_breached, "no_longer_breached": count.no_longer_breached,
                "due_moved": count.due_moved,
            }
            for rule, count in sorted(found.clocks.items())
        },
        "letters": {
            kind: {"written": count.written, "new": count.new, "gone": count.gone}
            for kind, count in sorted(found.letters.items())
        },
        "lapsed": found.lapses,
        "refused": [
            {"clock": clock, "rule": rule, "times": count} for (clock, rule), count in sorted(found.refused.items())
        ],
        "not_replayed": dict(sorted(found.failed.items())),
        "examples": dict(sorted(found.examples.items())),
    }  # fmt: skip


def _show(console: Console, found: Simulation, data: Row, panels: Iterable[Panel], saved_to: Path | None) -> None:
    console.print(f"{_title(found)}.")
    console.print(
        f"In use: {found.versions[0]}, rules of {found.days[0]}. New: {found.versions[1]}, rules of {found.days[1]}."
    )
    console.print(
        f"Cases received from {shown(data['since'])} to {shown(data['until'])}: {found.cases:,};"
        f" replayed {found.replayed:,}; otherwise under the new policy {found.changed:,}."
    )
    _show_levels(console, found)
    _show_clocks(console, found)
    _show_letters(console, found)
    _show_rest(console, found)
    for panel in panels:
        _show_panel(console, panel)
    if saved_to is not None:
        console.print(f"\nThe picture is in {saved_to.name}.")
    console.print("\nNothing was changed. What people and platforms did is taken as it was recorded.")


def _show_levels(console: Console, found: Simulation) -> None:
    heading(console, "Level of priority")
    moves = [(found.moves, "level"), (found.lanes, "lane")]
    rows = [
        (f"{before} → {after}", f"{count:,}", _named(found, f"{what} {before} to {after}"))
        for counter, what in moves
        for (before, after), count in sorted(counter.items())  # type: ignore[attr-defined]
    ]
    if rows:
        console.print(table(("moves", "cases", "such as"), rows, wide=("such as",)))
    else:
        console.print("No case would move.")


def _show_clocks(console: Console, found: Simulation) -> None:
    heading(console, "Clocks")
    touched = {
        rule: count
        for rule, count in found.clocks.items()
        if any(count.breached) or count.due_moved or count.started[0] != count.started[1]
    }
    order = sorted(touched, key=lambda rule: (_weight(touched[rule].breached), -touched[rule].due_moved, rule))
    rows = [
        (
            rule, _pair(count.started), _pair(count.breached), _plus(count.newly_breached),
            _minus(count.no_longer_breached), f"{count.due_moved:,}" if count.due_moved else "",
        )
        for rule in order[:SHOWN]
        for count in [touched[rule]]
    ]  # fmt: skip
    console.print(table(("clock", "started", "breached", "newly", "no longer", "due moved"), rows))
    _say_more(console, len(order))


def _show_letters(console: Console, found: Simulation) -> None:
    heading(console, "Letters")
    order = sorted(found.letters, key=lambda kind: (_weight(found.letters[kind].written), kind))
    rows = [
        (kind.replace("_", " "), _pair(count.written), _plus(count.new), _minus(count.gone))
        for kind in order[:SHOWN]
        for count in [found.letters[kind]]
    ]
    console.print(table(("letter", "written", "would go", "would not"), rows))
    _say_more(console, len(order))


def _show_rest(console: Console, found: Simulation) -> None:
    if any(found.lapses):
        console.print(f"\nClosed because the reporter did not answer in time: {_pair(found.lapses)}.")
    for (clock, rule), count in sorted(found.refused.items()):
        such = _named(found, f"refused {clock}")
        console.print(f"Done by people and not allowed under the new policy: {clock} [{rule}], {count:,} ({such}).")
    for reason, numbers in sorted(found.failed.items()):
        more = f" and {len(numbers) - 5:,} more" if len(numbers) > 5 else ""
        console.print(f"Not replayed, {len(numbers):,}: {reason}: {', '.join(numbers[:5])}{more}.")


def _show_panel(console: Console, panel: Panel) -> None:
    """What differs, two bars a row, told apart by their shape as well as their colour."""
    rows = [row for row in panel.rows if row.values[0] != row.values[1]]
    if not rows:
        return
    heading(console, panel.title)
    longest = max(value for row in rows for value in row.values)
    label = min(max(len(row.label) for row in rows), 40)
    for row in rows:
        for name, value, glyph, style in (
            (row.label, row.values[0], "░", "bright_blue"),
            ("", row.values[1], "█", "yellow"),
        ):
            bar = glyph * max(round(value / longest * _WIDTH), 1 if value else 0)
            console.print(Text.assemble(f"{name[:label]:<{label}}  ", (bar, style), f" {value:,}"))
    console.print(Text("░ in use  █ new", style="dim"))


def _panels(found: Simulation, names: Mapping[str, str]) -> list[Panel]:
    levels = [Bars(str(level), (found.levels[0][level], found.levels[1][level])) for level in sorted(_levels(found))]
    clocks = {rule: count.breached for rule, count in found.clocks.items()}
    letters = {kind: count.written for kind, count in found.letters.items()}
    return [
        Panel("Cases by level of priority", tuple(levels)),
        Panel("Clocks that ran out", _most_changed(clocks, names)),
        Panel(
            "Letters written", _most_changed(letters, {kind: kind.replace("_", " ").capitalize() for kind in letters})
        ),
    ]


def _most_changed(values: Mapping[str, list[int]], names: Mapping[str, str]) -> tuple[Bars, ...]:
    some = [key for key, pair in values.items() if any(pair)]
    order = sorted(some, key=lambda key: (_weight(values[key]), key))[:SHOWN]
    return tuple(Bars(names.get(key, key), (values[key][0], values[key][1])) for key in order)


def _names(pack: Pack) -> dict[str, str]:
    """What clocks are called, those of rungs too."""
    names = {rule.id: rule.name.en for rule in pack.sla.clocks}
    for ladder in pack.sla.ladders:
        for rung in ladder.rungs:
            names[f"{ladder.id}.rung{rung.rung}"] = f"Rung {rung.rung}: {rung.name.en}"
            names[f"{ladder.id}.rung{rung.rung}.follow_up"] = f"Rung {rung.rung}, follow-up"
    return names


def _title(found: Simulation) -> str:
    days = (found.until - found.since).days
    return f"What if {found.versions[1]} had been in force in the last {days} days"


def _subtitle(found: Simulation) -> str:
    lost = found.cases - found.replayed
    return (
        f"Compared with {found.versions[0]}. {found.replayed:,} recorded cases replayed, {found.changed:,} of them end"
        f" otherwise{f'; {lost:,} could not be replayed' if lost else ''}. {found.until:%Y-%m-%d %H:%M} UTC."
    )


def _levels(found: Simulation) -> set[Priority]:
    return {*found.levels[0], *found.levels[1]}


def _weight(pair: list[int]) -> tuple[int, int]:
    """Order of a row: the greatest change first, then the greatest number."""
    return -abs(pair[1] - pair[0]), -sum(pair)


def _pair(pair: list[int]) -> str:
    return f"{pair[0]:,} → {pair[1]:,}" if pair[0] != pair[1] else f"{pair[0]:,}"


def _plus(count: int) -> str:
    return f"+{count:,}" if count else ""


def _minus(count: int) -> str:
    return f"−{count:,}" if count else ""


def _named(found: Simulation, of: str) -> str:
    return ", ".join(found.examples.get(of, ()))


def _say_more(console: Console, rows: int) -> None:
    if rows > SHOWN:
        console.print(f"{rows - SHOWN} more that change less: see --json.")
