"""
A client that speaks in the clear: it says what it has, and listens until the
server closes.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import BinaryIO

from attrs import frozen

from harness.routes import Route

_KEXINIT, _DISCONNECT = 20, 1
_MODERN = (
    "curve25519-sha256",
    "ssh-ed25519",
    "aes128-gcm@openssh.com",
    "hmac-sha2-256-etm@openssh.com",
    "none",
)
#: The kinds of lists of a KEXINIT, in their order; the last three are there twice.
KINDS = ("key exchange", "host key algorithm", "cipher", "MAC", "compression")


@frozen
class Answer:
    """
    What a server has said.

    @ivar offered: the lists of its KEXINIT, in the order of L{KINDS}.
    @ivar code: of its SSH_MSG_DISCONNECT, or 0.
    @ivar words: the text of that.
    """

    offered: tuple[list[str], ...] = ()
    code: int = 0
    words: str = ""


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _packet(payload: bytes) -> bytes:
    """
    RFC 4253 section 6, without encryption.
    """
    padding = 8 - (len(payload) + 5) % 8 + 8
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def kexInit(**other: str) -> bytes:
    """
    A KEXINIT with one name in each list.

    @param other: instead of the modern one, by kind with C{_} for a space.
    """
    names = [
        other.get(kind.replace(" ", "_"), name) for kind, name in zip(KINDS, _MODERN, strict=True)
    ]
    lists = [names[0], names[1], *(name for name in names[2:] for _ in range(2)), "", ""]
    body = b"".join(_string(name.encode()) for name in lists)
    return bytes([_KEXINIT]) + os.urandom(16) + body + bytes(5)


def greet(route: Route, identification: str, **other: str) -> Answer:
    """
    Say who we are and what we have.

    @param other: see L{kexInit}.
    @return: what the server has said until it closed.
    """
    with socket.create_connection((route.address, route.port), 20) as connection:
        connection.settimeout(20)
        connection.sendall(f"SSH-2.0-{identification}\r\n".encode() + _packet(kexInit(**other)))
        file = connection.makefile("rb")
        line = file.readline()
        while not line.startswith(b"SSH-2.0-"):
            assert line, "closed without an identification string"
            line = file.readline()
        return _listen(file)


def _listen(file: BinaryIO) -> Answer:
    """
    Take what comes, to the end.
    """
    offered: tuple[list[str], ...] = ()
    code, words = 0, ""
    while header := file.read(5):
        length, padding = struct.unpack(">IB", header)
        payload = file.read(length - 1)[: -padding or None]
        if payload[0] == _KEXINIT:
            offered = _lists(payload[17:])
        elif payload[0] == _DISCONNECT:
            code, size = struct.unpack(">II", payload[1:9])
            words = payload[9 : 9 + size].decode()
    return Answer(offered, code, words)


def _lists(rest: bytes) -> tuple[list[str], ...]:
    """
    One list of each kind.
    """
    lists = []
    for _ in range(7):
        (size,) = struct.unpack(">I", rest[:4])
        lists.append(rest[4 : 4 + size].decode().split(","))
        rest = rest[4 + size :]
    return (*lists[:3], lists[4], lists[6])
