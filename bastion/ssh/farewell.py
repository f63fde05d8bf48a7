"""
How a connection is ended from our side: said, sent, closed, and cut if need be.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall

from bastion.wire import MSG_DISCONNECT, string, uint32

if TYPE_CHECKING:
    from bastion.ssh.transport import Transport

#: What a peer gets to take our last words, in seconds.
PARTING_TIME = 5.0
#: What a client gets to take what its host has sent before it ended, in seconds: much
#: can be on its way over a slow line.
DRAINING_TIME = 60.0


class State(enum.Enum):
    """
    How a transport stands to its own end.
    """

    OPEN = "open"
    QUEUED = "to be closed behind what a key exchange holds back"
    SAID = "closed by us"


@frozen
class Words:
    """
    @ivar reason: a DISCONNECT number of L{bastion.wire}; 0 says nothing.
    @ivar description: for the peer's user, UTF-8.
    @ivar limit: what the peer gets to take what was sent before the connection
        is aborted, in seconds.
    """

    reason: int
    description: bytes
    limit: float


class Farewell:
    """
    The end of one transport.

    @ivar state: whether it was said.
    """

    def __init__(self, transport: Transport) -> None:
        self.state = State.OPEN
        self._transport = transport
        self._queued: Words | None = None
        self._cut: IDelayedCall | None = None

    @property
    def said(self) -> bool:
        """
        Whether nothing is sent, and nothing is listened to any more.
        """
        return self.state is State.SAID

    def say(self, words: Words) -> None:
        """
        Say C{words} and close; a second time does nothing.
        """
        if self.said:
            return
        if words.reason and self._transport.gotVersion:
            payload = uint32(words.reason) + string(words.description) + string(b"")
            self._transport.sendPacket(MSG_DISCONNECT, payload)
        self._said()
        self._close(words.limit)

    def sayLast(self, words: Words) -> None:
        """
        Say C{words} behind what a key exchange holds back, and close.
        """
        if not self._transport.holdsBack or self._transport.sessionID is None:
            self.say(words)
        elif self.state is State.OPEN:
            self.state = State.QUEUED
            self._queued = words
            self._transport.choosePasses()
            self._cutAfter(words.limit)

    def queueSent(self) -> None:
        """
        What a key exchange has held back is sent.
        """
        if self._queued is not None:
            self.say(self._queued)

    def heard(self) -> None:
        """
        The peer has said goodbye first: close without a word.
        """
        if not self.said:
            self._said()
            self._close(PARTING_TIME)

    def gone(self) -> None:
        """
        The connection is gone.
        """
        self._said()
        self._dropCut()

    def _said(self) -> None:
        self.state = State.SAID
        self._transport.closed = True

    def _close(self, limit: float) -> None:
        self._transport.stream.flush()
        tcp = self._transport.transport
        # A registered producer would keep the connection from closing.
        tcp.unregisterProducer()
        tcp.loseConnection()
        self._cutAfter(limit)

    def _cutAfter(self, limit: float) -> None:
        self._dropCut()
        abort = self._transport.transport.abortConnection
        self._cut = self._transport.clock.callLater(limit, abort)

    def _dropCut(self) -> None:
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
