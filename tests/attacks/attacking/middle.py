"""
Somebody on the way between a peer and the bastion, who reads, adds and drops what is
not encrypted, and drops what is.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from bastion.wire import MSG_NEWKEYS

#: Given the number of a message in the clear and its packet; returns what goes on.
Change = Callable[[int, bytes], bytes]


def packet(number: int, payload: bytes = b"") -> bytes:
    """
    A packet as it is before the first keys (RFC 4253 section 6).
    """
    body = bytes((number,)) + payload
    padding = 8 - (len(body) + 5) % 8 + 8
    return (len(body) + padding + 1).to_bytes(4, "big") + bytes((padding,)) + body + bytes(padding)


@define
class Direction:
    """
    What goes one way: the identification string, packets in the clear up to NEWKEYS,
    and what nobody can read.

    @ivar change: what happens to a packet in the clear.
    @ivar drops: how many bytes of what is encrypted are dropped.
    @ivar dropped: how many were.
    """

    change: Change = lambda number, packet: packet
    drops: int = 0
    dropped: int = field(default=0, init=False)
    _identified: bool = field(default=False, init=False)
    _encrypted: bool = field(default=False, init=False)
    _buffer: bytes = field(default=b"", init=False)

    def carry(self, data: bytes) -> bytes:
        """
        Bytes have come; what goes on of them.
        """
        self._buffer += data
        passed = b""
        if not self._identified and b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            passed, self._identified = line + b"\n", True
        while self._identified and not self._encrypted and self._complete():
            size = 4 + int.from_bytes(self._buffer[:4], "big")
            each, self._buffer = self._buffer[:size], self._buffer[size:]
            passed += self.change(each[5], each)
            self._encrypted = each[5] == MSG_NEWKEYS
        if self._encrypted:
            lost = min(self.drops - self.dropped, len(self._buffer))
            self.dropped += lost
            passed, self._buffer = passed + self._buffer[lost:], b""
        return passed

    def _complete(self) -> bool:
        size = 4 + int.from_bytes(self._buffer[:4], "big")
        return len(self._buffer) >= max(size, 6)


@define
class Middle:
    """
    Both ways of one peer.
    """

    toBastion: Direction = field(factory=Direction)
    toPeer: Direction = field(factory=Direction)


def injecting(before: int, number: int, payload: bytes = b"") -> Change:
    """
    Add a message before each one of a number.
    """
    return lambda each, data: packet(number, payload) + data if each == before else data
