"""
One end of one encrypted SSH connection (RFC 4253), toward a client or a host.

The packets and the key exchange are Conch's.  What is added here: safe
algorithms only, a phase for each message, an end for everything that a stranger
could leave open, one exception for bad input, and nothing of a packet in a log.
"""

from __future__ import annotations

import enum
import struct
from typing import Any

from twisted.conch.ssh import transport as conch
from twisted.conch.ssh.service import SSHService
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import ILogObserver, LogEvent, Logger
from twisted.python.failure import Failure
from zope.interface import provider

from bastion import algorithms
from bastion.ssh import identification, tcp
from bastion.ssh.owner import Owner
from bastion.ssh.phases import (
    KEX_PROGRESS,
    Phase,
    longestPacket,
)
from bastion.wire import (
    DISCONNECT_PROTOCOL_ERROR,
    MSG_DISCONNECT,
    MSG_NEWKEYS,
    Malformed,
    Reader,
    string,
    uint32,
)

#: From the connection to the first new keys, in seconds.
HANDSHAKE_TIME = 10.0
#: What a peer gets to take our last words, in seconds.
PARTING_TIME = 5.0
#: What a client gets to take what its host has sent before it ended, in seconds: much
#: can be on its way over a slow line.
DRAINING_TIME = 60.0


@provider(ILogObserver)
def _nowhere(event: LogEvent) -> None:
    """
    Forget an event.
    """


class _End(enum.Enum):
    """
    How a transport stands to its own end.
    """

    NOT_YET = "open"
    WHEN_SENT = "ends when the key exchange lets the queue go"
    PARTING = "last words are said"


class Transport(conch.SSHTransportBase):
    """
    What both legs share.

    @ivar owner: who is told what becomes of the connection.
    @ivar clock: where the time limits come from.
    @ivar phase: which messages the peer may send.
    """

    # Conch tells its log each packet that it does not know, payload included,
    # which may be a password: it talks to nobody.
    _log = Logger(namespace="bastion.ssh.conch", observer=_nowhere)

    supportedCiphers = list(algorithms.CIPHERS)
    supportedMACs = list(algorithms.MACS)
    supportedCompressions = list(algorithms.COMPRESSIONS)

    transport: Any
    allowed: dict[Phase, frozenset[int]]
    _preamble: bool

    def __init__(self, owner: Owner, clock: IReactorTime) -> None:
        self.owner = owner
        self.clock = clock
        self.phase = Phase.KEY_EXCHANGE
        self._end = _End.NOT_YET
        self._farewell = (0, b"", PARTING_TIME)
        self._keysReady = False
        self._identification = identification.IdentificationReader(self._preamble)
        self._deadline: IDelayedCall | None = None
        self._quickAcknowledge = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self.phase.value}, {self._end.value}>"

    @property
    def exchangingKeys(self) -> bool:
        """
        Whether what is sent now waits for a key exchange to end.
        """
        state: str = self._keyExchangeState
        return state != self._KEY_EXCHANGE_NONE

    # The connection beneath

    def connectionMade(self) -> None:
        """
        Say who we are.
        """
        self._quickAcknowledge = tcp.tune(self.transport)
        self.transport.write(self.ourVersionString + b"\r\n")
        self.currentEncryptions = conch.SSHCiphers(b"none", b"none", b"none", b"none")
        self.currentEncryptions.setKeys(b"", b"", b"", b"", b"", b"")
        self._deadline = self.clock.callLater(
            HANDSHAKE_TIME, self._fail, "the key exchange took too long"
        )

    def dataReceived(self, data: bytes) -> None:
        """
        Take bytes: the identification string first, then packets.
        """
        if self._quickAcknowledge:
            tcp.acknowledgeAtOnce(self.transport)
        try:
            if not self.gotVersion:
                identified = self._identification.feed(data)
                if identified is None:
                    return
                self.gotVersion = True
                self.otherVersionString = identified.line
                data = identified.rest
                self.identified()
            self.buf += data
            self._packets()
        except Malformed as problem:
            self._fail(str(problem))

    def identified(self) -> None:
        """
        The peer's identification string is known.
        """
        if self._keyExchangeState == self._KEY_EXCHANGE_NONE:
            self.sendKexInit()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        End the service, then tell the owner.
        """
        self._end = _End.PARTING
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if self.service is not None:
            self.service.serviceStopped()
        self.owner.lost(self)

    # Packets

    def _packets(self) -> None:
        """
        Take the packets out of what was received.
        """
        while self._end is not _End.PARTING:
            packet = self._nextPacket()
            if packet is None:
                return
            if not packet:
                raise Malformed("an empty packet")
            self.dispatchMessage(packet[0], packet[1:])

    def _nextPacket(self) -> bytes | None:
        """
        The next packet's payload, if it is complete.
        """
        packet: bytes | None = self.getPacket()
        if packet is None and hasattr(self, "first"):
            (length,) = struct.unpack(">L", self.first[:4])
            if length > longestPacket(self.phase):
                raise Malformed(f"a packet of {length} bytes")
        return packet

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """
        Give a message to who understands it, if the peer may send it now.

        @raise Malformed: when it may not, or when it is not what it should be.
        """
        if messageNum not in self.allowed[self.phase]:
            raise Malformed(f"message {messageNum} during {self.phase.value}")
        if messageNum in KEX_PROGRESS:
            inProgress = self._keyExchangeState == self._KEY_EXCHANGE_PROGRESSING
            if not inProgress or self._keysReady != (messageNum == MSG_NEWKEYS):
                raise Malformed(f"message {messageNum} outside of its key exchange")
        if messageNum >= 50:
            assert self.service is not None, "the phase table lets these through with a service"
            self.service.packetReceived(messageNum, payload)
            return
        try:
            super().dispatchMessage(messageNum, payload)
        except Malformed:
            raise
        except Exception as error:
            # Conch reads these payloads without looking whether they are complete.
            raise Malformed(f"message {messageNum}: {type(error).__name__}") from None

    def setService(self, service: SSHService) -> None:
        """
        Let C{service} have the messages from 50 on.
        """
        super().setService(service)
        if service.name == b"ssh-userauth":
            self.phase = Phase.LOGIN
        else:
            self.phase = Phase.CONNECTION
            self._quickAcknowledge = False

    # The key exchange

    def sendKexInit(self) -> None:
        """
        Start a key exchange, or join the one that the peer has started.
        """
        super().sendKexInit()
        self.owner.keyExchanging(self)

    def ssh_KEXINIT(self, payload: bytes) -> None:
        """
        The peer starts a key exchange or answers ours; the layout is in
        RFC 4253 section 7.1.
        """
        if self._keyExchangeState == self._KEY_EXCHANGE_PROGRESSING:
            raise Malformed("a second KEXINIT within one key exchange")
        super().ssh_KEXINIT(payload)
        # Conch leaves REQUESTED when it has only answered the peer's.
        self._keyExchangeState = self._KEY_EXCHANGE_PROGRESSING

    def _keySetup(self, sharedSecret: bytes, exchangeHash: bytes) -> None:
        """
        The new keys are computed; the peer's NEWKEYS may come.
        """
        self._keysReady = True
        super()._keySetup(sharedSecret, exchangeHash)

    def _newKeys(self) -> None:
        """
        The new keys are in use; what has waited for them goes out.
        """
        self._keysReady = False
        super()._newKeys()
        if self.phase is Phase.KEY_EXCHANGE:
            assert self._deadline is not None
            self._deadline.cancel()
            self.phase = Phase.SERVICE
            self.owner.secured(self)
        self.owner.keyExchanging(self)
        if self._end is _End.WHEN_SENT:
            self._end = _End.NOT_YET
            self.disconnect(*self._farewell)

    # The end

    def disconnect(self, reason: int, description: bytes, limit: float = PARTING_TIME) -> None:
        """
        Say why, and close.

        @param reason: a DISCONNECT number of L{bastion.wire}; 0 says nothing.
        @param description: for the peer's user, UTF-8.
        @param limit: what the peer gets to take what was sent before the
            connection is aborted, in seconds.
        """
        if self._end is _End.PARTING:
            return
        self._end = _End.PARTING
        if reason and self.gotVersion:
            self.sendPacket(MSG_DISCONNECT, uint32(reason) + string(description) + string(b""))
        self._close(limit)

    def _close(self, limit: float) -> None:
        # A registered producer would keep the transport from closing.
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._abortAfter(limit)

    def _abortAfter(self, limit: float) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = self.clock.callLater(limit, self.transport.abortConnection)

    def finish(self, reason: int, description: bytes, limit: float = PARTING_TIME) -> None:
        """
        Like L{disconnect}, behind everything that was sent before: what a
        key exchange holds back is not overtaken.
        """
        if self.exchangingKeys and self._end is _End.NOT_YET and self.sessionID is not None:
            self._end = _End.WHEN_SENT
            self._farewell = (reason, description, limit)
            self._abortAfter(limit)
        else:
            self.disconnect(reason, description, limit)

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """
        Called by Conch when it finds fault with a packet or with the peer's
        algorithms.
        """
        if self._end is not _End.PARTING:
            self.owner.failed(self, desc.decode())
            self.disconnect(reason, desc)

    def _fail(self, problem: str) -> None:
        """
        End the connection because of what the peer sent.
        """
        if self._end is _End.PARTING:
            return
        self.owner.failed(self, problem)
        if not self.gotVersion:
            self.sayPlainly(problem)
        self.disconnect(DISCONNECT_PROTOCOL_ERROR, problem.encode())

    def sayPlainly(self, text: str) -> None:
        """
        Say something to a peer that has not identified itself.
        """

    # Messages 1 to 4

    def ssh_DISCONNECT(self, payload: bytes) -> None:
        """
        ::
            uint32  reason code
            string  description in ISO-10646 UTF-8 encoding
            string  language tag
        """
        reader = Reader(payload)
        reason, description = reader.uint32(), reader.string()
        self._end = _End.PARTING
        self.owner.disconnected(self, reason, description)
        self._close(PARTING_TIME)

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
