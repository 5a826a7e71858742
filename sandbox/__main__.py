"""``python -m sandbox --home DIR``: practice platform and practice mailbox until SIGTERM or SIGINT.

While both listen, DIR/sandbox.json says where. Messages are kept in DIR/mail.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from sandbox.practice_mailbox import PracticeMailbox
from sandbox.practice_platform import PlatformSettings
from sandbox.running import start_platform_in_thread


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Practice platform and mailbox.")
    parser.add_argument("--home", type=Path, required=True, help="folder for sandbox.json and mail/")
    parser.add_argument("--platform-port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--smtp-port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--seed", type=int, default=PlatformSettings.seed, help="equal seeds, equal outcomes")
    return parser.parse_args(argv)


def _announce(card: Path, where: dict[str, str | int]) -> None:
    unfinished = card.with_suffix(".partial")
    unfinished.write_text(json.dumps(where, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(card)


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; exit code 0, or 1 if a port cannot be had."""
    wanted = _arguments(argv)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    wanted.home.mkdir(parents=True, exist_ok=True)
    card = wanted.home / "sandbox.json"
    with ExitStack() as running:
        try:
            settings = PlatformSettings(seed=wanted.seed)
            platform = running.enter_context(start_platform_in_thread(settings, port=wanted.platform_port))
            mailbox = running.enter_context(PracticeMailbox(wanted.home / "mail", port=wanted.smtp_port))
        except OSError as error:
            print(f"The sandbox cannot start: {error}", file=sys.stderr)
            return 1
        running.callback(card.unlink, missing_ok=True)
        _announce(
            card,
            {
                "platform_url": platform.url,
                "smtp_host": mailbox.host,
                "smtp_port": mailbox.port,
                "pid": os.getpid(),
            },
        )
        print(f"Practice platform {platform.url}, practice mailbox {mailbox.host}:{mailbox.port}", flush=True)
        told_to_stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
