"""Several hosts on one machine: network namespaces where it allows them, loopback addresses otherwise.

In namespaces each host has an interface and a stack of its own behind one bridge, and no way out of the machine.
Everything is made inside a namespace of the run itself, and is gone when its last process is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType

INSIDE = "QORGAN_PROOF_INSIDE"
"""Set in the environment of a run that has its own network namespace."""

NAMESPACES, ADDRESSES = "network namespaces", "loopback addresses"
_BRIDGE = "hosts"


@dataclass(frozen=True)
class Host:
    """A host: where it is reached, and what stands before a command that runs on it."""

    name: str
    address: str
    enter: tuple[str, ...] = ()


def own_network() -> list[str]:
    """What starts a command in a network of its own; works for an ordinary account too, where the kernel lets it."""
    if os.geteuid() == 0:
        return ["unshare", "--net"]
    return ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"]


def go_inside(arguments: Sequence[str]) -> None:
    """Become the same command in a network of its own. Returns where that is not possible, or has happened."""
    if INSIDE in os.environ:
        return
    trial = [*own_network(), "ip", "link", "add", "trial", "type", "bridge"]
    try:
        possible = subprocess.run(trial, capture_output=True, check=False, timeout=10).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        possible = False
    if possible:
        os.environ[INSIDE] = "1"
        command = [*own_network(), sys.executable, *arguments]
        os.execvp(command[0], command)  # noqa: S606  our own command


@dataclass
class Network:
    """The hosts of one run, by name."""

    names: Sequence[str]
    hosts: dict[str, Host] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return NAMESPACES if INSIDE in os.environ else ADDRESSES

    def __enter__(self) -> Network:
        self._anchors = ExitStack()
        if INSIDE in os.environ:
            self._bridge()
        for number, name in enumerate(self.names, start=10):
            self.hosts[name] = self._namespace(name, number) if INSIDE in os.environ else _loopback(name, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._anchors.close()

    def _bridge(self) -> None:
        _ip("link", "set", "lo", "up")
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", "10.77.0.1/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")

    def _namespace(self, name: str, number: int) -> Host:
        # A process that only waits keeps the namespace alive; `read` ends when our end of its pipe does.
        anchor = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; read -r _"],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._anchors.callback(anchor.wait, 10)
        assert anchor.stdin is not None
        assert anchor.stdout is not None
        self._anchors.callback(anchor.stdin.close)
        anchor.stdout.readline()
        anchor.stdout.close()
        enter = ("nsenter", "--target", str(anchor.pid), "--net", "--")
        address = f"10.77.0.{number}"
        _ip("link", "add", f"to-{name}"[:15], "type", "veth", "peer", "name", "eth0", "netns", str(anchor.pid))
        _ip("link", "set", f"to-{name}"[:15], "master", _BRIDGE, "up")
        for change in (("link", "set", "lo", "up"), ("addr", "add", f"{address}/24", "dev", "eth0")):
            _ip(*change, enter=enter)
        _ip("link", "set", "eth0", "up", enter=enter)
        return Host(name, address, enter)


def _loopback(name: str, number: int) -> Host:
    """An address that no other run of this machine has."""
    return Host(name, f"127.77.{os.getpid() % 250 + 1}.{number}")


def _ip(*arguments: str, enter: Sequence[str] = ()) -> None:
    subprocess.run([*enter, "ip", *arguments], check=True, capture_output=True, timeout=10)  # noqa: S603
