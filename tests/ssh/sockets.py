"""
A TCP connection of Twisted's whose socket says what a test wants it to say.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet import tcp
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactor


class Socket:
    """
    Has something to be read, and notes what becomes of it.

    @ivar waiting: what there is to be read.
    @ivar asked: how much was asked for, each time.
    """

    def __init__(self) -> None:
        self.waiting = b""
        self.asked: list[int] = []

    def recv_into(self, view: memoryview, asked: int) -> int:
        """
        Read.
        """
        assert asked <= len(view)
        self.asked.append(asked)
        data, self.waiting = self.waiting[:asked], self.waiting[asked:]
        if not data:
            raise BlockingIOError
        view[: len(data)] = data
        return len(data)

    def send(self, view: memoryview) -> int:
        """
        Send everything.
        """
        return len(view)


@contextmanager
def connected() -> Iterator[Any]:
    """
    A connection with such a socket.
    """
    ours, peer = socket.socketpair()
    with ours, peer:
        connection: Any = tcp.Connection(ours, Protocol(), MemoryReactor())
        connection.connected = 1
        connection.socket = Socket()
        yield connection
