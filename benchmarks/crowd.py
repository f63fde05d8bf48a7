"""
Connections that never log in: as many as there shall be, from many addresses of
127.0.0.0/8.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.waiting import ADDRESS, until

#: Whoever was closed comes again, but so many at most in a turn of so many seconds.
_PAUSE = 0.1
_TURN = 0.05
_BATCH = 10
_LONGEST_ARRIVAL = 60.0
#: Half of them say nothing, half of them say who they are.
_WORDS = (b"", b"SSH-2.0-crowd\r\n")


class Crowd:
    """
    @ivar arrivals: how many connections were made.
    """

    def __init__(self, port: int, count: int, sources: int) -> None:
        """
        @param count: how many connections there shall be at once.
        @param sources: from so many addresses.
        """
        self.arrivals = 0
        self._port = port
        self._sources = sources
        #: When each comes next.
        self._due = dict.fromkeys(range(count), 0.0)
        self._selector = selectors.DefaultSelector()
        self._over = threading.Event()

    @property
    def present(self) -> int:
        """
        How many are connected, and were told nothing but a name.
        """
        return len(self._selector.get_map() or ())

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """
        They come, and come again, during a C{with} statement.
        """
        thread = threading.Thread(target=self._stand, daemon=True)
        thread.start()
        try:
            until(lambda: self.arrivals >= len(self._due), _LONGEST_ARRIVAL, "a crowd")
            yield
        finally:
            self._over.set()
            thread.join()
            for key in [*self._selector.get_map().values()]:
                self._leave(key.fileobj, key.data)
            self._selector.close()

    def _stand(self) -> None:
        while not self._over.is_set():
            now = time.monotonic()
            late = [number for number, due in self._due.items() if due <= now]
            for number in late[:_BATCH]:
                self._come(number)
            for key, _ in self._selector.select(0):
                if not self._hears(key.fileobj):
                    self._leave(key.fileobj, key.data)
            self._over.wait(_TURN)

    def _come(self, number: int) -> None:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(1.0)
        self._due[number] = float("inf")
        self.arrivals += 1
        try:
            made.bind((f"127.0.16.{number % self._sources + 1}", 0))
            made.connect((ADDRESS, self._port))
            made.sendall(_WORDS[number % len(_WORDS)])
        except OSError:
            self._due[number] = time.monotonic() + _PAUSE
            made.close()
            return
        self._selector.register(made, selectors.EVENT_READ, number)

    @staticmethod
    def _hears(connection: Any) -> bool:
        try:
            return bool(connection.recv(4096))
        except OSError:
            return False

    def _leave(self, connection: Any, number: int) -> None:
        self._selector.unregister(connection)
        connection.close()
        self._due[number] = time.monotonic() + _PAUSE
