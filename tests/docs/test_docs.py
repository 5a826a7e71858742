"""What the pages say is what the code does: generated parts, commands, links, and what no tracked file may hold."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml
from typer.core import TyperCommand, TyperGroup

from desk.main import app
from tools import generate_docs

ROOT = generate_docs.ROOT
PAGES = [*generate_docs.documents(), ROOT / "CHANGELOG.md"]
LONGEST = 400
"""Lines of a Python file; a longer one is two things."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def tracked() -> tuple[Path, ...]:
    """Files of the repository as they are now: tracked, and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("this copy of the project is no git repository")
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every tracked text file."""
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            yield str(path.relative_to(ROOT)), data.decode("utf-8", "replace")


def fenced(page: Path) -> Iterator[str]:
    """Lines of the blocks that a reader is meant to type."""
    for block in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        yield from filter(None, block.splitlines())


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def test_every_generated_part_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_docs.main(["--check"]) == 0, capsys.readouterr().out


def test_every_part_that_can_be_generated_stands_somewhere() -> None:
    used = {name for page in PAGES for name in re.findall(r"<!-- ([\w-]+):begin -->", page.read_text(encoding="utf-8"))}
    assert used == set(generate_docs.BLOCKS)


def test_writing_a_generated_part_twice_changes_nothing() -> None:
    text = "before\n<!-- roles:begin -->\nold\n<!-- roles:end -->\nafter\n"
    once = generate_docs.refreshed(text)
    assert "`specialist`" in once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert generate_docs.refreshed(once) == once


def test_a_marker_without_its_partner_is_named() -> None:
    with pytest.raises(ValueError, match="roles"):
        generate_docs.refreshed("<!-- roles:begin -->\n")


def test_the_first_commands_of_the_readme_are_the_two_that_do_everything() -> None:
    commands = list(fenced(ROOT / "README.md"))
    assert commands[:2] == ["make demo", "make test"]
    assert all(re.fullmatch(r"make [a-z]+", command) for command in commands)


@every_page
def test_every_make_command_on_a_page_is_a_target(page: Path) -> None:
    named = re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.M)
    assert set(named) <= targets()


def commands_on(page: Path) -> set[str]:
    """Every ``qorgan …`` that stands as code, up to the end of the code."""
    text = page.read_text(encoding="utf-8")
    spans = [*fenced(page), *re.findall(r"`([^`\n]+)`", text)]
    return {found for span in spans for found in re.findall(r"(?:^|[\s/])(qorgan [^`]*)", span)}


@every_page
def test_every_qorgan_command_on_a_page_exists_with_its_options(page: Path) -> None:
    wrong = [said for said in sorted(commands_on(page)) if not _exists(said)]
    assert wrong == []


def _exists(said: str) -> bool:
    """Whether words and options lead to a command; after it come only its arguments."""
    words = said.split()[1:]
    command: object = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        if not words:
            return True
        if words[0].startswith("--") and command.invoke_without_command:
            break
        command = command.commands.get(words.pop(0))
    if not isinstance(command, TyperCommand | TyperGroup):
        return False
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {word for word in words if word.startswith("--")} <= options


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_every_relative_link_resolves(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.M)]
    lost = []
    for link in links:
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name})" not in text] == []


def test_the_table_of_deployments_is_prefect_yaml() -> None:
    page = (ROOT / "docs" / "deployments.md").read_text(encoding="utf-8")
    rows = {
        found[0]: found[1]
        for found in re.findall(r"^\| `[a-z-]+/([a-z-]+)` \| (.+) \|$", page.partition("## Badges")[0], re.M)
    }
    definition = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    deployments = {deployment["name"]: deployment for deployment in definition["deployments"]}
    assert set(rows) == set(deployments)
    for name, deployment in deployments.items():
        trigger, queue, at_a_time, what = rows[name].split(" | ")
        assert what == deployment["description"]
        assert queue == deployment["work_pool"]["work_queue_name"]
        assert ("CANCEL_NEW" in at_a_time) == ("concurrency_limit" in deployment)
        for schedule in deployment.get("schedules", ()):
            assert f"cron `{schedule['cron']}` {schedule['timezone']}" in trigger
        assert trigger.count("cron") == len(deployment.get("schedules", ()))
        assert trigger.count("event") == len(deployment.get("triggers", ()))


def test_the_changelog_tells_of_the_version_of_the_project() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert version is not None
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


_MACHINE = re.compile(r"(?<![\w.:/\-<>}*)\]])/(?:home|root|Users|work|mnt|srv|private|var/folders)/[\w.]")
_REGISTRY = re.compile(
    "|".join(("py" + r"pi\.org", "python" + "hosted", "index" + "-url", "find" + "-links", "npm" + r"js\.(?:org|com)"))
)


def test_no_tracked_file_holds_an_absolute_path_of_somebodys_machine() -> None:
    assert {name: found[0] for name, text in texts() if (found := _MACHINE.search(text))} == {}


def test_no_tracked_file_holds_the_address_of_a_package_registry() -> None:
    assert {name: found[0] for name, text in texts() if (found := _REGISTRY.search(text))} == {}


def test_no_python_file_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {
        name: text.count("\n")
        for name, text in texts()
        if name.endswith(".py") and not name.startswith("db/migrations/")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
