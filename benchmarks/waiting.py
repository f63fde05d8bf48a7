"""
Waiting for a condition with a deadline, and ports.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

ADDRESS = "127.0.0.1"

#: Below the ports that the kernel gives to outgoing connections, so that no client
#: takes one before its server does.
_PORTS = range(20_000, 30_000)
#: The state of a listening socket in /proc/net/tcp.
_LISTEN = "0A"
_given: set[int] = set()


class Late(Exception):
    """
    Something did not happen in time; the text says what.
    """


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """
    Ask again and again until the answer is true.

    @param what: what is waited for.
    @raise Late: when it does not become true.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Late(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def freePort() -> int:
    """
    A TCP port that nobody listens on, another one at each call.
    """
    for port in _PORTS:
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise Late("no port is free")


def listens(port: int) -> bool:
    """
    Whether somebody listens there; found without knocking, which a gateway
    would count.
    """
    number = f"{int.from_bytes(socket.inet_aton(ADDRESS), 'little'):08X}:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1] == number and row[3] == _LISTEN for row in rows)
