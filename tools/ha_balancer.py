"""``python -m tools.ha_balancer LISTEN UPSTREAM…``: connections in turn to whoever takes them, for the proof only.

An installation uses the reverse proxy that its authority runs already; deploy/ has an example.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from itertools import count

CONNECT_SECONDS = 2.0
CHUNK = 65_536

Address = tuple[str, int]


def address(text: str) -> Address:
    """Host and port of ``host:port``."""
    host, _, port = text.rpartition(":")
    return host, int(port)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    sink.close()


class Balancer:
    """Round robin; one who refuses is passed over for that connection."""

    def __init__(self, upstreams: list[Address]) -> None:
        self._upstreams = upstreams
        self._turn = count()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the next that answers; None when nobody does."""
        first = next(self._turn)
        for place in range(len(self._upstreams)):
            host, port = self._upstreams[(first + place) % len(self._upstreams)]
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_SECONDS)
        return None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one client's connection, both ways, until either end closes it."""
        found = await self.connect()
        if found is None:
            writer.close()
            return
        answers, questions = found
        await asyncio.gather(_pump(reader, questions), _pump(answers, writer))


async def main(listen: Address, upstreams: list[Address]) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(Balancer(upstreams).serve, *listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(address(sys.argv[1]), [address(text) for text in sys.argv[2:]]))
