"""Two hosts of the proof: one listens, the other calls, and neither finds a way out of the machine."""

from __future__ import annotations

import subprocess
import sys

from tools.ha_hosts import Network

SERVE = "import socket, sys; s = socket.create_server((sys.argv[1], 9)); print('up', flush=True); s.accept()"
CALL = "import socket, sys; socket.create_connection((sys.argv[1], 9), timeout=5)"


def main() -> None:
    """Say what works."""
    with Network(("one", "two")) as network:
        one, two = network.hosts["one"], network.hosts["two"]
        serve = [*two.enter, sys.executable, "-c", SERVE, two.address]
        with subprocess.Popen(serve, stdout=subprocess.PIPE) as listening:
            assert listening.stdout is not None
            listening.stdout.readline()
            subprocess.run([*one.enter, sys.executable, "-c", CALL, two.address], check=True, timeout=20)
            sys.stdout.write("one reaches two\n")
        routes = subprocess.run([*one.enter, "ip", "route", "show", "default"], check=True, capture_output=True)
        sys.stdout.write("one has a way out\n" if routes.stdout else "one has no way out\n")


if __name__ == "__main__":
    main()
