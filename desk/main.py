"""The `qorgan` command: every part of the desk under one name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desk import (
    automations,
    backup,
    cases,
    clocks,
    contacts,
    escalations,
    experts,
    explain,
    export,
    held,
    letter_pages,
    letters,
    mail,
    operations,
    policies,
    reconcile,
    reports,
    retention,
    reviews,
    signed_heads,
    submissions,
)
from desk.output import Desk

app = typer.Typer(
    name="qorgan",
    cls=Desk,
    help="Qorgan (қорған, shield): reports of unlawful content, from intake to the platform's answer. Children first.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

WORK, RUN, CHECK = "Work on reports and cases", "Run the system", "Check and explain"

app.add_typer(reports.app, name="report", rich_help_panel=WORK)
app.command("cases", rich_help_panel=WORK)(cases.list_all)
cases.app.command()(export.export)
app.add_typer(cases.app, name="case", rich_help_panel=WORK)
app.add_typer(reviews.app, name="review", rich_help_panel=WORK)
app.add_typer(experts.app, name="expert", rich_help_panel=WORK)
app.add_typer(clocks.app, name="clock", rich_help_panel=WORK)
app.add_typer(submissions.app, name="submission", rich_help_panel=WORK)
app.add_typer(escalations.app, name="escalation", rich_help_panel=WORK)
letters.app.command()(letter_pages.preview)
letters.app.command()(letter_pages.matrix)
app.add_typer(letters.app, name="letters", rich_help_panel=WORK)
app.add_typer(mail.app, name="mail", rich_help_panel=WORK)
app.add_typer(contacts.app, name="contact", rich_help_panel=WORK)
app.add_typer(held.app, name="held", rich_help_panel=WORK)
app.add_typer(retention.holds, name="hold", rich_help_panel=WORK)

app.command("drive", rich_help_panel=RUN)(operations.drive)
app.command("sweep", rich_help_panel=RUN)(operations.sweep)
app.command("collect", rich_help_panel=RUN)(operations.collect)
app.add_typer(backup.app, name="backup", rich_help_panel=RUN)
app.command("restore", rich_help_panel=RUN)(backup.restore)
app.add_typer(backup.sending, name="sending", rich_help_panel=RUN)
app.add_typer(retention.app, name="retention", rich_help_panel=RUN)
app.command("reconcile", rich_help_panel=RUN)(reconcile.reconcile)

app.add_typer(automations.app, name="automations", rich_help_panel=RUN)

app.add_typer(explain.app, name="explain", rich_help_panel=CHECK)
operations.audit.add_typer(signed_heads.key, name="key")
operations.audit.command()(signed_heads.sign)
operations.audit.command()(signed_heads.heads)
operations.audit.command()(signed_heads.check_head)
app.add_typer(operations.audit, name="audit", rich_help_panel=CHECK)
app.command("doctor", rich_help_panel=CHECK)(operations.doctor)
app.add_typer(policies.app, name="policy", rich_help_panel=CHECK)


@app.command(rich_help_panel=RUN)
def up(
    state: Annotated[Path, typer.Option("--state", file_okay=False, help="Folder for everything it keeps.")] = Path(
        "var/up"
    ),
) -> None:
    """Start the whole local system and keep it running until Ctrl-C."""
    from desk import up as local_system

    raise typer.Exit(local_system.main(state) or 0)


@app.command("acknowledge-page", rich_help_panel=RUN)
def acknowledge_page(
    host: Annotated[str, typer.Option("--host", help="Address to listen at; a proxy with TLS stands before it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to listen at.")] = 8086,
) -> None:
    """Serve the page by which the recipient of a letter acknowledges it, until Ctrl-C."""
    from desk import acknowledge_page as page
    from desk.options import at_work

    page.serve(at_work(), host, port)


@app.command(rich_help_panel=RUN)
def demo(
    home: Annotated[Path, typer.Option("--home", file_okay=False, help="Folder for everything it keeps.")] = Path(
        "var/demo"
    ),
) -> None:
    """Show the whole way of a report on practice material, in a few minutes."""
    from desk import demo as story

    raise typer.Exit(story.main(home) or 0)
