"""A listening socket whose port is known before the first conversation."""

from __future__ import annotations

import socket


def listen(host: str, port: int) -> socket.socket:
    """Listen on an IPv4 address; port 0 takes a free one. OSError if it is taken.

    The protocol is named because asyncio switches off Nagle's algorithm only on sockets that name it, and
    every short answer would otherwise wait some 40 ms for an acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
