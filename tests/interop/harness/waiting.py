"""
Waiting for a condition with a deadline, and ports.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

#: The state of a listening socket in /proc/net/tcp.
_LISTEN = "0A"

#: The ports that L{freePort} has answered.
_given: set[int] = set()


def until(condition: Callable[[], T], seconds: float, what: str = "") -> T:
    """
    Ask again and again until the answer is true.

    @param what: what is waited for, for the failure's text.
    @return: the first true answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(
                f"{what or condition!r}: not within {seconds} s; last answer {answer!r}"
            )
        time.sleep(0.02)


def freePort(address: str = "127.0.0.1") -> int:
    """
    A TCP port that nobody listens on at this moment, and another one each time, whatever
    the address: some tests look for a port on all of them.
    """
    while True:
        with socket.socket() as probe:
            probe.bind((address, 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def listens(address: str, port: int) -> bool:
    """
    Whether somebody listens there; found without knocking.
    """
    number = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    everywhere = f"00000000:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1] in (number, everywhere) and row[3] == _LISTEN for row in rows)
