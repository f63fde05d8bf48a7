"""
Waiting for a condition with a deadline, and ports.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


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
    A TCP port that nobody listens on at this moment.
    """
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(address: str, port: int) -> bool:
    """
    Whether somebody listens there.
    """
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True
