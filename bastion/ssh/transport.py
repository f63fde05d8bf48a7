"""
One end of one encrypted SSH connection (RFC 4253), toward a client or a host.

From Conch come the key exchange's mathematics, the keys and the services.  The
packets are ours (L{bastion.ssh.packets}), and so is what stands between a
stranger and a service: a phase for each message, an end for everything that
could be left open, one exception for bad input, and nothing of a packet in a log.
"""

from __future__ import annotations

from twisted.conch.ssh.service import SSHService
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from bastion.ssh import extensions, tcp
from bastion.ssh.farewell import PARTING_TIME, Farewell, State, Words
from bastion.ssh.keyexchange import HANDSHAKE_TIME, KeyExchange, Turn
from bastion.ssh.line import NOTHING
from bastion.ssh.owner import Owner
from bastion.ssh.packets import MAX_PACKET, payloadOf
from bastion.ssh.phases import Phase
from bastion.ssh.stream import outbox
from bastion.ssh.terms import Terms
from bastion.wire import (
    DISCONNECT_PROTOCOL_ERROR,
    Malformed,
    Reader,
)

#: OpenSSH leaves Nagle's algorithm on until the first program of the session is started:
#: it waits for our acknowledgement of what it has sent before.
_FIRST_READS = 16
#: Looked up for each message, which costs more at a class of L{enum}'s.
_AT_REST = Turn.NONE


class Transport(KeyExchange):
    """
    What both legs share.

    @ivar owner: who is told what becomes of the connection.
    @ivar allowed: which messages the peer may send when.
    @ivar phase: how far the connection has come.
    """

    __slots__ = ("_due", "_farewell", "_pacer", "owner", "phase")

    allowed: dict[Phase, frozenset[int]]

    def __init__(self, owner: Owner, clock: IReactorTime, terms: Terms) -> None:
        super().__init__(clock, terms)
        self.owner = owner
        self.phase = Phase.KEY_EXCHANGE
        self._farewell = Farewell(self)
        self._due: IDelayedCall | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self.phase.value}, {self._farewell.state.value}>"

    @property
    def phaseIsFirst(self) -> bool:
        """
        See L{KeyExchange}.
        """
        return self.phase is Phase.KEY_EXCHANGE

    # The connection beneath

    def connectionMade(self) -> None:
        """
        Say who we are.
        """
        super().connectionMade()
        self._pacer = tcp.Pacer(self.transport)
        self.deadline.start(HANDSHAKE_TIME, self.late)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        End the service, then tell the owner.
        """
        self._farewell.gone()
        self.deadline.stop()
        self._dropDue()
        self.stream.gone()
        if self.service is not None:
            self.service.serviceStopped()
        self.owner.lost(self)

    # Messages

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """
        Give a message to who understands it, if the peer may send it now.

        @raise Malformed: when it may not, or when it is not what it should be.
        """
        if messageNum not in self.allowed[self.phase]:
            raise Malformed(f"message {messageNum} during {self.phase.value}")
        if messageNum < 50 or self.turn is not _AT_REST:
            if self.guessedWrong(messageNum):
                return
            if not self.expects(messageNum):
                raise Malformed(f"message {messageNum} outside of its key exchange")
        if messageNum < 50:
            # Each of these numbers has its method: ours, or the key exchange's.
            super().dispatchMessage(messageNum, payload)
        elif self._farewell.state is State.OPEN:
            assert self.service is not None, "the phase table lets these through with a service"
            self.service.packetReceived(messageNum, payload)

    # What is sent

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """
        Send a message, unless the last one is sent: a connection that is being
        closed has no producer, and would collect without a bound.
        """
        if self.closed or (self.turn is not _AT_REST and self.hold(messageType, payload)):
            return
        self.send(self.outgoing.plain(messageType, payload))

    def forward(self, plain: memoryview) -> None:
        """
        Send a message of the other leg's as it was opened there.
        """
        outgoing = self.outgoing
        fits = not (len(plain) + outgoing.aligned) % outgoing.blockSize
        if fits and self.turn is _AT_REST and not self.closed:
            # L{send}, without its call.
            outbox.seal(self.stream, outgoing, plain)
            if outgoing.spent:
                self.rekey()
        else:
            self.sendPacket(plain[1], payloadOf(plain))

    def setService(self, service: SSHService) -> None:
        """
        Let C{service} have the messages from 50 on.

        A service that has C{passes}, a set of numbers, is given those messages
        by C{passOn(plain)}: as they were opened, to be handed to the other leg.
        """
        super().setService(service)
        if service.name == b"ssh-userauth":
            self.phase = Phase.LOGIN
        else:
            self.phase = Phase.CONNECTION
            self.acknowledge(_FIRST_READS)
            self.incoming.longest = MAX_PACKET
            self._pacer.release()
            self._rekeyInTime()
        self.choosePasses()

    # The key exchange

    def rekey(self) -> None:
        """
        Ask the peer for new keys, unless they are being agreed on; not before the
        login is done, when a few minutes are all that a connection has.
        """
        if self.turn is Turn.NONE and self.phase is Phase.CONNECTION and not self.closed:
            self.sendKexInit()

    def keysTaken(self) -> None:
        """
        See L{KeyExchange}.
        """
        if self.phaseIsFirst:
            self.phase = Phase.SERVICE
            self.owner.secured(self)
        else:
            self._rekeyInTime()

    def keyExchanging(self) -> None:
        """
        See L{KeyExchange}.
        """
        self.choosePasses()
        self.owner.keyExchanging(self)
        if not self.holdsBack:
            self._farewell.queueSent()

    def choosePasses(self) -> None:
        """
        Between its KEXINIT and its NEWKEYS a peer has nothing to pass on.
        """
        here = self.turn in (Turn.NONE, Turn.ASKED) and self._farewell.state is State.OPEN
        self.passes = getattr(self.service, "passes", NOTHING) if here else NOTHING

    def _rekeyInTime(self) -> None:
        self._dropDue()
        self._due = self.clock.callLater(self.terms.rekey.seconds, self.rekey)

    def _dropDue(self) -> None:
        if self._due is not None and self._due.active():
            self._due.cancel()

    # The end

    def disconnect(self, reason: int, description: bytes, limit: float = PARTING_TIME) -> None:
        """
        Say why, and close.

        @param reason: a DISCONNECT number of L{bastion.wire}; 0 says nothing.
        @param description: for the peer's user, UTF-8.
        @param limit: what the peer gets to take what was sent before the
            connection is aborted, in seconds.
        """
        self._farewell.say(Words(reason, description, limit))

    def finish(self, reason: int, description: bytes, limit: float = PARTING_TIME) -> None:
        """
        Like L{disconnect}, behind everything that was sent before: what a
        key exchange holds back is not overtaken.
        """
        self._farewell.sayLast(Words(reason, description, limit))

    def fail(self, problem: str, reason: int = DISCONNECT_PROTOCOL_ERROR) -> None:
        """
        End the connection because of what the peer sent.
        """
        if self.closed:
            return
        self.owner.failed(self, problem)
        if not self.gotVersion:
            self.sayPlainly(problem)
        self.disconnect(reason, problem.encode())

    def sayPlainly(self, text: str) -> None:
        """
        Say something to a peer that has not identified itself.
        """

    # Messages 1 to 7

    def ssh_DISCONNECT(self, payload: bytes) -> None:
        """
        ::
            uint32  reason code
            string  description in ISO-10646 UTF-8 encoding
            string  language tag
        """
        reader = Reader(payload)
        reason, description = reader.uint32(), reader.string()
        self._farewell.heard()
        self.owner.disconnected(self, reason, description)

    def ssh_EXT_INFO(self, payload: bytes) -> None:
        """
        See L{bastion.ssh.extensions}.
        """
        self.peerExtensions = dict(extensions.parse(payload))

    def ssh_UNIMPLEMENTED(self, payload: bytes) -> None:
        """
        ::
            uint32  packet sequence number of rejected message

        What one peer does not know, the other asked for: nothing to do.
        """

    def ssh_DEBUG(self, payload: bytes) -> None:
        """
        ::
            boolean always_display
            string  message in ISO-10646 UTF-8 encoding
            string  language tag

        For the people at the two ends; the bastion has nobody to show it to.
        """
