"""How letters read: one of them for the sample case or a real one, or all of them side by side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from casework.errors import QorganError
from casework.vocabulary import LANGUAGES, Duty, Recipient
from desk.letters import NOBODY
from desk.options import Json, at_work
from desk.output import Row, answer, heading, make_console, table

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from casework.letters import Letter as Line
    from db.tables import CaseFile, Letter
    from tasks.letter_matrix import Cell
    from tasks.letterpress import Rendered
    from tasks.runtime import Runtime

PAGES = Path(__file__).parent / "pages"

Page = Annotated[Path | None, typer.Option("--out", metavar="FILE", dir_okay=False, help="Write an HTML page there.")]


def preview(
    kind: Annotated[str, typer.Argument(help="A letter of the registry, such as liaison_escalation.")],
    number: Annotated[
        str | None,
        typer.Argument(metavar="[CASE]", help="Case number; without one a sample case.", parser=str.upper),
    ] = None,
    language: Annotated[Literal["kk", "ru", "en"], typer.Option("--language")] = "en",
    html: Annotated[bool, typer.Option("--html", help="The HTML part instead of the text.")] = False,
    out: Page = None,
    as_json: Json = False,
) -> None:
    """How a letter would read, for a sample case or for a real one now. Nothing is stored or sent."""
    from casework.letters import LETTERS
    from tasks.letter_matrix import sample_under

    if kind not in LETTERS:
        raise typer.BadParameter(f"no letter is called '{kind}'; known: {', '.join(sorted(LETTERS))}")
    if number is not None and LETTERS[kind].about == "several":
        raise typer.BadParameter(f"'{kind}' is about several cases; leave the case number out for a sample")
    runtime = at_work()
    if number is None:
        press = runtime.letterpress
        made = press.render(kind, sample_under(runtime.pack, press, kind, language))
    else:
        made = _of_real_case(runtime, LETTERS[kind], number, language)
    if out is not None:
        out.write_text(made.html, encoding="utf-8")
    page: Row = {
        "kind": kind,
        "case": number,
        "language": language,
        "subject": made.subject,
        "text": made.text,
        "html": made.html,
    }

    def show(console: Console) -> None:
        if html:
            typer.echo(made.html)
            return
        about = "a sample case" if number is None else number
        heading(console, f"Preview for {about}, nothing is sent: {made.subject}")
        console.print()
        console.print(f"Written to {out}." if out is not None else made.text)

    answer(page, as_json, show)


def _of_real_case(runtime: Runtime, line: Line, number: str, language: str) -> Rendered:
    """Raises QorganError where the case gives the letter nothing that it has to state."""
    from tasks.case_facts import find_case
    from tasks.letter_run import render_letter
    from tasks.letterpress import RenderFailed

    with runtime.sessions.read() as session:
        case = find_case(session, number)
        letter = _unwritten(session, runtime, case, line, language)
        name = NOBODY if letter.recipient == Recipient.REPORTER else _name(runtime, letter)
        try:
            return render_letter(session, runtime, letter, name)
        except RenderFailed as error:
            raise QorganError(
                f"{case.number}: {error.message}",
                rule=error.rule,
                next_step=f"Where the case is not that far, see 'qorgan letters preview {line.name}' for a sample.",
            ) from error


def _unwritten(session: Session, runtime: Runtime, case: CaseFile, line: Line, language: str) -> Letter:
    """A letter that is never added to the case file. The newest real one of its kind lends its facts.

    Its contact is nobody's, so that a link in it acknowledges nothing.
    """
    from db.queries.clocks import running_clocks
    from db.queries.letters import escalations_of_case, letters_of_case
    from db.queries.submissions import submissions_of_case
    from db.tables import Letter

    written = [row for row in letters_of_case(session, case.id) if row.kind == line.name]
    submissions = submissions_of_case(session, case.id)
    rungs = [row for row in escalations_of_case(session, case.id) if row.letter == line.name]
    context: Row = {"missing": list(case.missing), "platform": submissions[-1].platform if submissions else None}
    if submissions:
        context["submission"] = submissions[-1].number
    if rungs:
        context |= {"escalation": rungs[-1].id, "rung": rungs[-1].rung, "clock": rungs[-1].clock_id}
    own = [clock for clock in running_clocks(session, case.id) if clock.duty == Duty.AUTHORITY]
    if own and "duty_name" in line.must_contain:
        context["clock"] = own[0].id
    return Letter(
        id=0,
        case_id=case.id,
        kind=line.name,
        recipient=line.recipient.value,
        contact="preview",
        language=language,
        context=dict(written[-1].context) if written else context,
        created_at=runtime.now(),
    )


def _name(runtime: Runtime, letter: Letter) -> str:
    from casework.addressing import find_contact

    contact = find_contact(runtime.pack, Recipient(letter.recipient), letter.context.get("platform"))
    return (contact.name if contact else runtime.pack.authority.unit).in_language(letter.language)


def matrix(
    out: Page = None,
    release: Annotated[
        bool, typer.Option("--release", help="Make the letters as they are now the last release.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Render every letter in every language with every pack's wording, and say what changed since the last release."""
    from tasks import letter_matrix as letters

    packs, released = letters.packs_here(), letters.read_released()
    bar = make_console(stderr=True)
    cells = list(
        track(
            letters.matrix(packs, released),
            "letters",
            total=letters.how_many(packs),
            console=bar,
            transient=True,
            disable=as_json or not bar.is_terminal,
        )
    )
    if out is not None:
        out.write_text(_side_by_side(packs, cells), encoding="utf-8")
    rows: list[Row] = [
        {
            "pack": cell.pack,
            "letter": cell.letter,
            "language": cell.language,
            "state": cell.state.value,
            "fault": cell.fault,
            "sha256": cell.sha256,
        }
        for cell in cells
    ]
    answer(rows, as_json, lambda console: _show(console, packs, cells, out))
    if release:
        letters.write_released(cells)
    if any(cell.fault for cell in cells):
        raise typer.Exit(1)


_LOUD = {"changed": "yellow", "new": "yellow", "fault": "bold red"}


def _show(console: Console, packs: list[str], cells: list[Cell], out: Path | None) -> None:
    """A line a letter; under each pack its languages in one order."""
    states = {(cell.letter, cell.pack): Text() for cell in cells}
    for cell in cells:
        told = states[cell.letter, cell.pack]
        told.append(" " if told else "").append(f"{cell.language} {cell.state}", style=_LOUD.get(cell.state, ""))
    letters = list(dict.fromkeys(cell.letter for cell in cells))
    console.print(
        table(
            ("letter", *packs),
            [(letter, *(_short(states[letter, pack]) for pack in packs)) for letter in letters],
            wide=packs,
        )
    )
    for fault, among in _faults(cells).items():
        console.print(Text(f"\n{among}: {fault}", style="red"))
    counted = Counter(cell.state.value for cell in cells)
    console.print("\n" + ", ".join(f"{count} {state}" for state, count in sorted(counted.items())) + ".")
    if out is not None:
        console.print(f"All of them side by side: {out}")


def _short(told: Text) -> Text:
    """One word where every language stands the same."""
    words = told.plain.split()[1::2]
    return Text(words[0], style=_LOUD.get(words[0], "")) if len(set(words)) == 1 else told


def _faults(cells: list[Cell]) -> dict[str, str]:
    """Each fault once, with the first letter that has it and how many others do."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        if cell.fault:
            found.setdefault(cell.fault, []).append(cell.key)
    return {fault: keys[0] + (f" and {len(keys) - 1} more" if len(keys) > 1 else "") for fault, keys in found.items()}


def _side_by_side(packs: list[str], cells: list[Cell]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from casework.letters import LETTERS

    pages = Environment(loader=FileSystemLoader(PAGES), undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    by_key = {(cell.letter, cell.pack): [] for cell in cells}  # type: dict[tuple[str, str], list[Cell]]
    for cell in cells:
        by_key[cell.letter, cell.pack].append(cell)
    letters: list[dict[str, Any]] = [
        {
            "line": LETTERS[name],
            "packs": [
                (pack, by_key[name, pack])
                for pack in packs
                if pack == packs[0] or _digests(by_key[name, pack]) != _digests(by_key[name, packs[0]])
            ],
        }
        for name in dict.fromkeys(cell.letter for cell in cells)
    ]
    states = sorted(Counter(cell.state.value for cell in cells).items())
    return pages.get_template("letters.html").render(letters=letters, languages=LANGUAGES, states=states, packs=packs)


def _digests(cells: list[Cell]) -> list[str]:
    return [cell.sha256 for cell in cells]
