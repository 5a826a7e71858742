"""Checks of the machine and of what stands around it: versions, disk, mail server, platforms."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import Requirement

from desk.findings import Finding, failed, ok, warning
from tasks.settings import Settings

LEAST_FREE = 500 * 1024 * 1024
"""Bytes of disk below which the case file is in danger."""

KNOCK_SECONDS = 3.0


def versions() -> Finding:
    """Whether what is installed lies within the bounds that this program was installed with."""
    wrong = [said for line in requires("qorgan") or () if (said := _outside_bounds(Requirement(line)))]
    if wrong:
        return failed(
            "versions",
            f"Installed versions are outside our bounds: {'; '.join(wrong)}.",
            "Run 'make setup': it installs the versions of the lock file. pyproject.toml says why each bound is there.",
        )
    return ok("versions", "What is installed lies within our bounds.")


def _outside_bounds(needed: Requirement) -> str:
    """What is wrong with one package; '' when nothing is."""
    if needed.marker is not None and not needed.marker.evaluate():
        return ""
    try:
        installed = version(needed.name)
    except PackageNotFoundError:
        return f"{needed.name} is not installed"
    if needed.specifier.contains(installed, prereleases=True):
        return ""
    return f"{needed.name} {installed} (needs {needed.specifier})"


def outside(settings: Settings) -> Iterator[Finding]:
    if settings.smtp_host is None:
        yield failed(
            "mail",
            "No mail server is set: no letter can go out, not even to the police.",
            "Set QORGAN_SMTP_HOST, or start the sandbox.",
        )
    else:
        yield _knock("mail", "mail server", settings.smtp_host, settings.smtp_port, failed)
    if settings.platform_url is None:
        yield failed(
            "platform",
            "No address of the platforms' API is set; only portals work.",
            "Set QORGAN_PLATFORM_URL, or start the sandbox.",
        )
    else:
        parts = urlsplit(settings.platform_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        yield _knock("platform", "platforms' API", parts.hostname or "", port, warning)


def _knock(check: str, what: str, host: str, port: int, bad: Callable[[str, str, str], Finding]) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=KNOCK_SECONDS):
            return ok(check, f"The {what} answers.")
    except OSError as error:
        said = f"The {what} at {host}:{port} does not answer ({type(error).__name__}); what is queued waits."
        return bad(check, said, "Check the address, the firewall, and the server.")


def disk(settings: Settings) -> Finding:
    """Whether there is room in the home."""
    folder = settings.home if settings.home.exists() else Path.cwd()
    free = shutil.disk_usage(folder).free
    said = f"{free / 1024**2:,.0f} MB are free."
    if free < LEAST_FREE:
        return failed(
            "disk", f"Only {said} The case file could stop in the middle of a write.", "Make room, then run this again."
        )
    return ok("disk", said)
