"""Letters: how fast they are rendered and delivered, and what a pass over the outbox costs beside what was ever sent.

Delivery goes to the practice mailbox in a process of its own, over one connection, in turns with a bare smtplib loop
that sends the same bytes. The pass delivers ten letters that wait beside any number of sent ones.
"""

from __future__ import annotations

import json
import shutil
import smtplib
import sqlite3
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import select, text

from bench.child import Tick, peak_memory, serve
from bench.practice import AT, INTAKE, practice_reports, practice_runtime
from bench.report import Figure
from casework.letter_context import sample_context
from casework.letters import LETTERS
from casework.report_formats import split_file
from casework.vocabulary import LANGUAGES
from db.queries.letters import letters_due
from db.tables import Letter
from desk.local import Processes, start_sandbox
from tasks.correspondence import send_letters
from tasks.intake import take_in
from tasks.letter_message import made_before
from tasks.letter_run import Run, Sent
from tasks.letterpress import Letterpress
from tasks.mailer import Envelope
from tasks.runtime import Runtime
from tasks.settings import ROOT

OLD = 1_000_000
"""Where the ids of what is multiplied begin."""
OF_A_CASE = 20
"""Letters of one case."""
STORED = "%Y-%m-%d %H:%M:%S.000000"
WAITING = 10
"""Letters that wait in the pass over the outbox."""


def measure(tick: Tick, *, renders: int, letters: int, rounds: int, sizes: Sequence[int]) -> list[Figure]:
    """Render every letter ``renders`` times, deliver ``letters`` in each of ``rounds``, pass over each of ``sizes``."""
    steps = renders + (1 + len(sizes)) * (rounds + 1)
    done = iter(range(1, steps + 1))

    def step() -> None:
        tick(next(done), steps)

    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder, Processes(Path(folder, "logs")) as processes:
        sandbox = Path(folder, "sandbox")
        sandbox.mkdir()
        start_sandbox(processes, sandbox, platform_port=0, smtp_port=0)
        return [
            *render_speed(renders, step),
            *delivery_speed(_home(folder, sandbox, "delivery"), letters, rounds, step),
            *outbox_pass(lambda size: _home(folder, sandbox, str(size)), sizes, rounds, step),
            peak_memory("letters"),
        ]


def _home(folder: str, sandbox: Path, name: str) -> Path:
    """A home that finds the practice mailbox."""
    home = Path(folder, name)
    home.mkdir()
    shutil.copyfile(sandbox / "sandbox.json", home / "sandbox.json")
    return home


def render_speed(renders: int, step: Callable[[], None]) -> list[Figure]:
    """All letters in all languages, by templates that are compiled already: letters a second on one core."""
    press = Letterpress(ROOT / "templates")
    contexts = {language: sample_context(language, filled=True) for language in LANGUAGES}
    for context in contexts.values():
        # A letter about a child says less.
        context["child"] = False
    kinds = [(kind, language) for kind in LETTERS for language in LANGUAGES]
    for kind, language in kinds:
        press.render(kind, contexts[language])
    seconds: list[float] = []
    for _ in range(renders):
        begun = perf_counter()
        for kind, language in kinds:
            press.render(kind, contexts[language])
        seconds.append(perf_counter() - begun)
        step()
    speed = len(kinds) / median(seconds)
    title = f"letters rendered, {len(LETTERS)} kinds in {len(LANGUAGES)} languages"
    return [Figure("letters.rendered_per_second", title, speed, "/s", len(kinds))]


def delivery_speed(home: Path, letters: int, rounds: int, step: Callable[[], None]) -> list[Figure]:
    """Letters a second: made ready; delivered and recorded; and a bare loop over the same bytes on the same server."""
    runtime = practice_runtime(home)
    # Three reporters in five leave an address.
    reports = practice_reports(2 * letters * (rounds + 1))
    take_in(runtime, split_file("practice.jsonl", reports), INTAKE)
    known: set[int] = set()
    taken: dict[str, list[float]] = {"made": [], "delivered": [], "bare": []}
    for _ in range(rounds + 1):
        with runtime.sessions.read() as session:
            run = Run(runtime, deque(letters_due(session, runtime.now(), letters)), Sent())
        taken["made"].append(_timed(partial(run.make, letters)))
        with runtime.mailer.connected() as line:
            taken["delivered"].append(_timed(partial(run.go, line)))
        assert (run.total.sent, run.total.look_at) == (letters, []), "every letter is delivered"
        envelopes = _just_sent(runtime, known)
        assert len(envelopes) == letters
        taken["bare"].append(_timed(partial(_bare, runtime, envelopes)))
        step()
    runtime.engine.dispose()
    # The first round warms all of them up.
    speed = {what: median(letters / seconds for seconds in rounds[1:]) for what, rounds in taken.items()}
    both = zip(taken["bare"][1:], taken["delivered"][1:], strict=True)
    ratio = median(bare / delivered for bare, delivered in both)
    return [
        Figure("letters.delivery_ratio", "letters delivered, beside a bare smtplib loop", ratio, "×", letters),
        Figure("letters.made_per_second", "letters addressed, rendered, made and stored", speed["made"], "/s", letters),
        Figure("letters.delivered_per_second", "letters delivered and recorded", speed["delivered"], "/s", letters),
        Figure("letters.bare_per_second", "the same bytes by a bare smtplib loop", speed["bare"], "/s", letters),
    ]


def _timed(call: Callable[[], object]) -> float:
    begun = perf_counter()
    call()
    return perf_counter() - begun


def _just_sent(runtime: Runtime, known: set[int]) -> list[Envelope]:
    """What was sent and is not ``known`` yet."""
    with runtime.sessions.read() as session:
        sent = session.scalars(select(Letter).where(Letter.state == "sent", Letter.id.not_in(known))).all()
    known.update(row.id for row in sent)
    return [envelope for row in sent if (envelope := made_before(session, runtime, row)) is not None]


def _bare(runtime: Runtime, envelopes: Sequence[Envelope]) -> None:
    host, port = runtime.mailer.host, runtime.mailer.port
    assert host is not None, "the sandbox is there"
    with smtplib.SMTP(host, port) as line:
        for envelope in envelopes:
            line.sendmail(envelope.sender, [envelope.recipient], envelope.message)


def outbox_pass(
    home_of: Callable[[int], Path], sizes: Sequence[int], rounds: int, step: Callable[[], None]
) -> list[Figure]:
    """A pass that delivers what waits, beside each number of letters sent before; sizes from small to large."""
    sites = [(size, _with_sent(home_of(size), size)) for size in sizes]
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    idle: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds + 1):
        for size, runtime in sites:
            _queue_again(runtime)
            seconds[size].append(_timed_pass(runtime, WAITING))
            idle[size].append(_timed_pass(runtime, 0))
            step()
    for _, runtime in sites:
        runtime.engine.dispose()
    typical = {size: median(taken[1:]) for size, taken in seconds.items()}
    figures = [
        Figure("letters.pass", f"pass over the outbox, {size:,} sent", 1_000 * typical[size], "ms", size)
        for size in sizes
    ] + [
        Figure("letters.idle_pass", f"pass, nothing waits, {size:,} sent", 1_000 * median(idle[size][1:]), "ms", size)
        for size in sizes
    ]
    first, last = sizes[0], sizes[-1]
    title = f"pass over the outbox, {last:,} over {first:,} sent"
    return [*figures, Figure("letters.pass_ratio", title, typical[last] / typical[first], "×", last)]


def _timed_pass(runtime: Runtime, waiting: int) -> float:
    begun = perf_counter()
    result = send_letters(runtime)
    taken = perf_counter() - begun
    assert (result.sent, result.look_at) == (waiting, []), "what waits is delivered, and nothing else"
    return taken


def _with_sent(home: Path, size: int) -> Runtime:
    """A case file with ``size`` letters sent over a year to some thousand addresses, and ten receipts that wait.

    The sent ones have a short message each: a pass never reads it.
    """
    runtime = practice_runtime(home)
    take_in(runtime, split_file("practice.jsonl", practice_reports(60)), INTAKE)
    send_letters(runtime)
    at = f"strftime('{STORED}', '{AT:%Y-%m-%d %H:%M:%S}', '-' || (86400 + i * 31) || ' seconds')"
    cases = max(size // OF_A_CASE, 1)
    with closing(sqlite3.connect(home / "qorgan.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        _multiply(connection, "case_file", "id = 1", cases, {"id": f"{OLD} + i", "number": "'OLD-' || i"})
        changed = {
            "id": f"{OLD} + i", "once_key": "'old ' || i", "message_id": "'<old.' || i || '@bench.example>'",
            "address_hash": "'address ' || (i % 5000)", "sent_at": at,
            "created_at": at, "case_id": f"{OLD} + 1 + i % {cases}",
        }  # fmt: skip
        pattern = "id = (SELECT max(id) FROM letter WHERE kind = 'receipt' AND state = 'sent')"
        _multiply(connection, "letter", pattern, size, changed)
        short = {"letter_id": f"{OLD} + i", "sealed": "zeroblob(200)"}
        first = "letter_id = (SELECT min(letter_id) FROM letter_message)"
        _multiply(connection, "letter_message", first, size, short)
        connection.commit()
    return runtime


def _multiply(connection: sqlite3.Connection, table: str, pattern: str, count: int, changed: dict[str, str]) -> None:
    """Add so many copies of one row; ``changed`` gives what differs, by column, with i from 1."""
    columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(name, f"pattern.{name}") for name in columns)
    connection.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}), "
        f"pattern AS (SELECT * FROM {table} WHERE {pattern}) "
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM n, pattern"
    )


def _queue_again(runtime: Runtime) -> None:
    """Ten receipts are as they were before anybody sent them."""
    receipts = select(Letter.id).where(Letter.kind == "receipt", Letter.id < OLD).order_by(Letter.id).limit(WAITING)
    with runtime.sessions.read() as session:
        waiting = json.dumps(list(session.scalars(receipts)))
    with runtime.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE letter SET state = 'queued', sent_at = NULL, message_sha256 = NULL, message_id = NULL, "
                "address_hash = NULL, attempts = 0 WHERE id IN (SELECT value FROM json_each(:waiting))"
            ),
            {"waiting": waiting},
        )


FULL = partial(measure, renders=5, letters=300, rounds=7, sizes=(1_000, 1_000_000))
QUICK = partial(measure, renders=2, letters=100, rounds=3, sizes=(1_000, 100_000))

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)
