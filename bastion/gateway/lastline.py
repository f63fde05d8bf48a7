"""
The end of a connection before it has begun: a line of plain text, and no SSH.

Programs show it where they show what comes before a server's identification (RFC 4253
section 4.2): ssh with C{-v}, PuTTY in its event log.
"""

from __future__ import annotations

from twisted.internet.protocol import Protocol


class LastLine(Protocol):
    """
    Says one line and closes.  What it says fits into any socket, so nobody has to be waited
    for.
    """

    def __init__(self, line: str) -> None:
        self._line = line

    def connectionMade(self) -> None:
        """
        Say it.
        """
        assert self.transport is not None
        self.transport.write(self._line.encode() + b"\r\n")
        self.transport.loseConnection()
