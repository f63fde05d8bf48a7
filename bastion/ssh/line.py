"""
What is beneath an SSH transport: identification strings first (RFC 4253 section
4.2), then packets.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.conch.ssh import transport as conch
from twisted.internet.interfaces import IReactorTime

from bastion.ssh import identification, tcp
from bastion.ssh.packets import Incoming, Outgoing, payloadOf
from bastion.ssh.silence import SILENT
from bastion.ssh.stream import outbox, streamOf
from bastion.ssh.terms import Terms
from bastion.wire import Malformed

NOTHING: frozenset[int] = frozenset()

#: Packets of more bytes than this, on average, are bulk: what they take is the kernel's
#: and the ciphers' time more than ours.
_BULK = 1024


class Line(conch.SSHTransportBase):
    """
    The part of a transport that makes messages of bytes, and bytes of messages.

    @ivar clock: where the time limits come from.
    @ivar terms: what is left to the site.
    @ivar stream: the bytes beneath, from C{connectionMade} on.
    @ivar incoming: the packets that the peer sends.
    @ivar outgoing: the packets that the peer is sent.
    @ivar closed: whether nothing is listened to any more.
    @ivar passes: the numbers of the messages that the service is given as they
        were opened, by C{passOn}: they are handed to the other leg, and are not
        copied on their way.
    """

    # With slots in it and its heirs a transport has less than thirty attributes beside them:
    # with more, CPython makes each a dictionary of its own, of 1.5 KiB.
    __slots__ = (
        "_identification",
        "_tuned",
        "clock",
        "closed",
        "incoming",
        "outgoing",
        "passes",
        "stream",
        "terms",
    )

    _log = SILENT

    otherVersionString = b""
    transport: Any
    service: Any
    _preamble: bool

    def __init__(self, clock: IReactorTime, terms: Terms) -> None:
        self.clock = clock
        self.incoming = Incoming()
        self.outgoing = Outgoing()
        self.speakOn(terms)
        self.closed = False
        self.passes = NOTHING
        self._identification = identification.IdentificationReader(self._preamble)

    def speakOn(self, terms: Terms) -> None:
        """
        Take terms: what is offered from now on, and what the keys may serve for, which is
        looked at with the next packet.
        """
        self.terms = terms
        self.incoming.limit(terms.rekey)
        self.outgoing.limit(terms.rekey)

    # The connection beneath

    def connectionMade(self) -> None:
        """
        Say who we are.
        """
        self.stream = streamOf(self.transport, self._identify, self.clock.seconds)
        self._tuned = tcp.tune(self.transport)
        self.acknowledge(sys.maxsize)
        self.stream.write(self.ourVersionString + b"\r\n")

    def acknowledge(self, reads: int) -> None:
        """
        Acknowledge so many reads at once, where that can be done.
        """
        self.stream.acknowledged = reads if self._tuned else 0

    def dataReceived(self, data: bytes) -> None:
        """
        Take bytes.
        """
        self.stream.received(data)

    # What arrives

    @property
    def saidInstead(self) -> bytes:
        """
        What a peer has said that has not identified itself; not more than the beginning.
        """
        return b"" if self.gotVersion else self._identification.said

    def _identify(self, view: memoryview) -> int:
        """
        Take the identification string; what follows are packets.

        @return: how many bytes of C{view} were taken.
        """
        if self.closed:
            return len(view)
        try:
            identified = self._identification.feed(bytes(view))
            if identified is None:
                return len(view)
            self.gotVersion = True
            self.otherVersionString = identified.line
            self.stream.take = self._packets
            self.peerIdentified()
        except Malformed as problem:
            self.fail(str(problem), problem.reason)
            return len(view)
        return self._packets(view, len(view) - len(identified.rest))

    def _packets(self, view: memoryview, at: int = 0) -> int:
        """
        Take the packets that begin at an offset.

        @return: where the next one begins.
        """
        incoming, end = self.incoming, len(view)
        start, packets = at, incoming.packets
        try:
            # What C{with outbox:} does, without its calls: this is done for every key typed.
            outbox.turns += 1
            try:
                while end - at >= incoming.wanted and not self.closed:
                    plain = incoming.next(view, at)
                    if plain is None:
                        break
                    at += incoming.size
                    number = plain[1]
                    if number in self.passes:
                        self.service.passOn(plain)
                    else:
                        self.dispatchMessage(number, payloadOf(plain))
            finally:
                outbox.turns -= 1
                if not outbox.turns:
                    outbox.flush()
            if self.closed:
                return end
            # Who waits for what was passed on has it by now.
            wanted = self.stream.wanted = incoming.wanted
            size = at - start + wanted
            bulk = size > _BULK and size > _BULK * (incoming.packets - packets + 1)
            self.stream.bulk = bulk
            if incoming.spent:
                self.rekey()
        except Malformed as problem:
            self.fail(str(problem), problem.reason)
            return end
        return at

    # What is sent

    def send(self, plain: bytes | memoryview) -> None:
        """
        Seal a message and send it.
        """
        outbox.seal(self.stream, self.outgoing, plain)
        if self.outgoing.spent:
            self.rekey()

    # What the rest of the transport adds

    def peerIdentified(self) -> None:
        """
        The peer's identification string is there.
        """

    def rekey(self) -> None:
        """
        The keys have served for as much as they may.
        """

    def fail(self, problem: str, reason: int = Malformed.reason) -> None:
        """
        End the connection because of what the peer sent, or did not send.

        @param problem: for the log and the peer; names of algorithms that it has of
            the peer's are escaped, and nothing else of the peer's is in it.
        @param reason: a DISCONNECT number of L{bastion.wire}.
        """
