"""
The identification strings that open a connection (RFC 4253 section 4.2).
"""

from __future__ import annotations

from attrs import define, field, frozen

from bastion import __version__
from bastion.wire import Malformed

_NAME = b"bastion_" + __version__.replace("-", "_").encode()
_OPENSSH = b"SSH-2.0-OpenSSH"

#: What we say of ourselves to a client.  Programs decide by this string how they
#: speak to what is behind it: OpenSSH says only to its kin that it reads no more
#: (C{eow@openssh.com}), WinSCP and others swap the arguments of an SFTP symlink for
#: it.  What is behind the bastion is a host, and that is OpenSSH's kin.
TO_CLIENTS = _OPENSSH + b"_compatible " + _NAME
_TO_HOSTS = b"SSH-2.0-" + _NAME

#: Shown as it is to the user of a program that speaks version 1.
VERSION_2_ONLY = "this server speaks SSH version 2 only; try ssh -2"

#: With its line end (RFC 4253 section 4.2).
MAX_LINE = 255
#: A server may talk before it identifies itself; so much of it is read, and so much kept.
MAX_PREAMBLE = 8192
_MAX_KEPT = 512


def toHosts(client: bytes) -> bytes:
    """
    What we say of ourselves to a host: of the kin that the client is.

    @param client: the client's identification string.
    """
    return TO_CLIENTS if client.startswith(_OPENSSH) else _TO_HOSTS


@frozen
class Identified:
    """
    What a peer said of itself, and what came behind it.

    @ivar line: the identification string without its line end.
    @ivar rest: bytes that already belong to the first packet.
    """

    line: bytes
    rest: bytes


@define
class IdentificationReader:
    """
    Collects a peer's identification string.

    @ivar preamble: whether other lines may come first, as a server's may.
    """

    preamble: bool
    _buffer: bytes = field(default=b"", init=False, repr=False)
    _skipped: int = field(default=0, init=False)
    _kept: bytes = field(default=b"", init=False, repr=False)

    @property
    def said(self) -> bytes:
        """
        What the peer has said before its identification string, or instead of it;
        not more than the beginning.
        """
        return (self._kept + self._buffer)[:_MAX_KEPT]

    def feed(self, data: bytes) -> Identified | None:
        """
        Take what arrived.

        @return: L{None} while the string is not complete.
        @raise Malformed: for what is not SSH version 2, or is too long.
        """
        self._buffer += data
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if len(line) >= MAX_LINE and (line.startswith(b"SSH-") or not self.preamble):
                raise Malformed("the identification string is too long")
            if not line.startswith(b"SSH-"[: len(line)]) and not self.preamble:
                raise Malformed("this is not SSH")
            if self._skipped + len(line) > MAX_PREAMBLE:
                raise Malformed("too much text before the identification string")
            if not found:
                return None
            if line.startswith(b"SSH-"):
                identified = Identified(_checked(line.removesuffix(b"\r")), rest)
                self._buffer = b""
                return identified
            if not self.preamble:
                raise Malformed("this is not SSH")
            self._skipped += len(line) + 1
            self._kept = (self._kept + line + b"\n")[:_MAX_KEPT]
            self._buffer = rest


def _checked(line: bytes) -> bytes:
    """
    The line again, if it is of version 2; 1.99 is 2 (RFC 4253 section 5.1).
    """
    parts = line.split(b"-", 2)
    if len(parts) < 3 or not parts[2]:
        raise Malformed("the identification string is incomplete")
    if parts[1] not in (b"2.0", b"1.99"):
        raise Malformed(VERSION_2_ONLY)
    return line
