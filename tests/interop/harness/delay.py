"""
A host that takes its time: what it says comes late.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator

from harness.sshd import Host


class Delay(socketserver.ThreadingTCPServer):
    """
    In front of a host: connections are accepted at once, and the host is heard after a
    while.

    @ivar seconds: how long that takes from now on.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: str, host: Host, seconds: float) -> None:
        super().__init__((address, 0), _Delayed)
        self.host = host
        self.seconds = seconds
        self.closing = threading.Event()

    @property
    def target(self) -> str:
        """
        How a cluster names it.
        """
        address, port = self.server_address
        return f"{address}:{port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Delay]:
        """
        Serve during a C{with} statement.
        """
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self.closing.set()
            self.shutdown()
            self.server_close()


class _Delayed(socketserver.BaseRequestHandler):
    """
    One connection.
    """

    server: Delay

    def handle(self) -> None:
        host = self.server.host
        place = (host.address, host.port)
        with contextlib.suppress(OSError), socket.create_connection(place) as far:
            there = threading.Thread(target=_carry, args=(self.request, far), daemon=True)
            there.start()
            self.server.closing.wait(self.server.seconds)
            _carry(far, self.request)
            there.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """
    Take everything from one to the other, and the end.
    """
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
