"""
Small servers at the far ends of forwardings: an echo, and a display.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

from harness.waiting import freePort, until

REFUSAL = b"No window for you."


class _Echo(socketserver.BaseRequestHandler):
    """
    Send back what comes; at its end, say so and close.
    """

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.request.sendall(data)
            self.request.sendall(b"[end]")


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _TCPServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class _UNIXServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def tcpEcho() -> Iterator[int]:
    """
    An echo server.

    @return: its port on 127.0.0.1.
    """
    with _TCPServer(("127.0.0.1", freePort()), _Echo) as server, _serving(server):
        yield server.server_address[1]


@contextlib.contextmanager
def unixEcho(path: Path) -> Iterator[Path]:
    """
    An echo server on a UNIX socket that everybody may use.
    """
    with _UNIXServer(str(path), _Echo) as server:
        os.chmod(path, 0o777)
        with _serving(server):
            yield path


def connect(port: int) -> socket.socket:
    """
    A connection to a local port.
    """
    return socket.create_connection(("127.0.0.1", port), 20)


def connectToChosen(port: int) -> socket.socket:
    """
    A connection to a port that sshd has chosen: it is free at the first address of the
    loopback, and at the others it may be somebody else's.
    """
    family, kind, number, _, address = socket.getaddrinfo(None, port, type=socket.SOCK_STREAM)[0]
    connection = socket.socket(family, kind, number)
    connection.settimeout(20)
    connection.connect(address)
    return connection


def connectUnix(path: Path) -> socket.socket:
    """
    A connection to a UNIX socket of a host's.
    """
    connection = socket.socket(socket.AF_UNIX)
    # It is there before sshd listens.
    until(lambda: connection.connect_ex(str(path)) == 0, 20, "the socket on the host")
    return connection


def exchange(connection: socket.socket, data: bytes) -> bytes:
    """
    Send data to an echo, half-close, and read to the end.
    """
    connection.settimeout(20)
    threading.Thread(target=_send, args=(connection, data), daemon=True).start()
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    connection.close()
    return b"".join(parts)


def _send(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)


class _Display(socketserver.StreamRequestHandler):
    """
    An X server that reads the connection set-up and refuses it with a reason
    that the X client prints.
    """

    def handle(self) -> None:
        order, _, _, nameSize, cookieSize = struct.unpack("<BxHHHHxx", self.rfile.read(12))
        name = self.rfile.read(nameSize + -nameSize % 4)[:nameSize]
        cookie = self.rfile.read(cookieSize + -cookieSize % 4)[:cookieSize]
        assert order == ord("l"), "only little-endian clients run here"
        self.server.cookies.append((name, cookie))
        reason = REFUSAL + b" " * (-len(REFUSAL) % 4)
        self.wfile.write(struct.pack("<BBHHH", 0, len(REFUSAL), 11, 0, len(reason) // 4) + reason)


class Display(_TCPServer):
    """
    The X server of the client's side.

    @ivar cookies: the authorisation that its clients showed: pairs of a
        protocol and a cookie.
    """

    def __init__(self) -> None:
        self.cookies: list[tuple[bytes, bytes]] = []
        for self.number in range(100, 200):
            with contextlib.suppress(OSError):
                super().__init__(("127.0.0.1", 6000 + self.number), _Display)
                return
        raise AssertionError("no display number is free")

    @property
    def name(self) -> str:
        """
        The value of DISPLAY.
        """
        return f"127.0.0.1:{self.number}"


@contextlib.contextmanager
def display() -> Iterator[Display]:
    """
    A running display.
    """
    with Display() as server, _serving(server):
        yield server
