"""
The way between a peer and the bastion, in memory; and what the bastion keeps of what
has come by it.
"""

from __future__ import annotations

import gc
import select
import sys
import types
from typing import Any

from twisted.conch.ssh.keys import Key
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import LogPublisher
from twisted.python.failure import Failure

from attacking.middle import Middle
from attacking.peer import Peer
from bastion.gateway.gateway import Gateway
from bastion.ssh.stream import outbox
from bastion.testing.network import MemoryTransport, Network
from bastion.wire import Malformed

#: What many connections share, and what is not the bastion's.
_SHARED = (
    *(type, types.ModuleType, Clock, Gateway, Network, MemoryTransport, Key, LogPublisher),
    type(outbox),
)


class Way(Protocol):
    """
    Brings a peer its bytes.

    @ivar confused: what the peer could not understand, if there was something.
    """

    def __init__(self, peer: Peer, middle: Middle | None) -> None:
        self.peer = peer
        self.confused = ""
        self._middle = middle

    def connectionMade(self) -> None:
        """
        Let it begin.
        """
        self.peer.write = self._write
        self.peer.advance()

    def _write(self, data: bytes) -> None:
        self.transport.write(self._middle.toBastion.carry(data) if self._middle else data)

    def dataReceived(self, data: bytes) -> None:
        """
        Give it what has come.
        """
        try:
            self.peer.take(self._middle.toPeer.carry(data) if self._middle else data)
        except Malformed as problem:
            self.confused = str(problem)
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Tell it.
        """
        self.peer.gone = True


def step(end: MemoryTransport, size: int) -> bool:
    """
    Let the other end take no more than so many bytes.
    """
    if end.waiting <= size or end.other.lost or not end.other.reading:
        return end.step()
    rest = end._outgoing[size:]
    del end._outgoing[size:]
    happened = end.step()
    end._outgoing[:0] = rest
    return happened


def kept(*roots: Any) -> int:
    """
    How many bytes of others the bastion keeps for its connections: the sizes of the
    byte strings that can be reached, and what is not sent yet.
    """
    total, seen, ahead = 0, set(), list(roots)
    while ahead:
        each = ahead.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, MemoryTransport):
            total += each.waiting
        if isinstance(each, _SHARED):
            continue
        if isinstance(each, bytes | bytearray):
            total += sys.getsizeof(each)
        elif isinstance(each, types.FunctionType):
            ahead += each.__closure__ or ()
        else:
            ahead += gc.get_referents(each)
    return total


def peerState(transport: Any) -> int:
    """
    As L{bastion.ssh.tcp.peerState} says it of a socket.
    """
    return select.POLLHUP if transport.other.lost else 0
