"""
One end of one encrypted SSH connection (RFC 4253), toward a client or a host.

The packets and the key exchange are Conch's.  What is added here: safe
algorithms only, a phase for each message, an end for everything that a stranger
could leave open, one exception for bad input, and nothing of a packet in a log.
"""

from __future__ import annotations

import struct
from typing import Any

from twisted.conch.ssh import transport as conch
from twisted.conch.ssh.service import SSHService
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from bastion import algorithms
from bastion.ssh import identification, tcp
from bastion.ssh.farewell import PARTING_TIME, Farewell, State, Words
from bastion.ssh.keyexchange import HANDSHAKE_TIME, KeyExchange
from bastion.ssh.owner import Owner
from bastion.ssh.phases import (
    Phase,
    longestPacket,
)
from bastion.ssh.silence import SILENT
from bastion.wire import (
    DISCONNECT_PROTOCOL_ERROR,
    Malformed,
    Reader,
)

#: What Conch says, and what helps the user.
_IN_OTHER_WORDS = {
    b"couldn't match all kex parts": b"no algorithms in common; a newer SSH program is needed",
}


class Transport(KeyExchange):
    """
    What both legs share.

    @ivar owner: who is told what becomes of the connection.
    @ivar clock: where the time limits come from.
    @ivar phase: which messages the peer may send.
    """

    _log = SILENT
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
        self._farewell = Farewell(self)
        self._identification = identification.IdentificationReader(self._preamble)
        self._quickAcknowledge = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self.phase.value}, {self._farewell.state.value}>"

    # The connection beneath

    def connectionMade(self) -> None:
        """
        Say who we are.
        """
        self._quickAcknowledge = tcp.tune(self.transport)
        self._pacer = tcp.Pacer(self.transport)
        self.transport.write(self.ourVersionString + b"\r\n")
        self.currentEncryptions = conch.SSHCiphers(b"none", b"none", b"none", b"none")
        self.currentEncryptions.setKeys(b"", b"", b"", b"", b"", b"")
        self.limitKeyExchange(HANDSHAKE_TIME)

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
                self.sendKexInit()
            self.buf += data
            self._packets()
        except Malformed as problem:
            self.fail(str(problem))

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        End the service, then tell the owner.
        """
        self._farewell.gone()
        self.forgetKeyExchange()
        if self.service is not None:
            self.service.serviceStopped()
        self.owner.lost(self)

    # Packets

    def _packets(self) -> None:
        """
        Take the packets out of what was received.
        """
        while not self._farewell.said:
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
        if packet is not None:
            length = len(packet)
        elif hasattr(self, "first"):
            (length,) = struct.unpack(">L", self.first[:4])
        else:
            return None
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
        if not self.expects(messageNum):
            raise Malformed(f"message {messageNum} outside of its key exchange")
        if messageNum >= 50:
            if self._farewell.state is not State.OPEN:
                return
            assert self.service is not None, "the phase table lets these through with a service"
            self.service.packetReceived(messageNum, payload)
            return
        try:
            super().dispatchMessage(messageNum, payload)
        except Malformed:
            raise
        except Exception as error:
            # Conch reads these payloads without looking whether they are complete;
            # a fault of our own is not to be taken for that.
            if _raisedIn(error).startswith("bastion."):
                raise
            raise Malformed(f"message {messageNum} is damaged") from None

    def sendPacket(self, messageType: int, payload: bytes) -> None:
        """
        Send a message, unless the last one is sent: a connection that is being
        closed has no producer, and would collect without a bound.
        """
        if not self._farewell.said:
            super().sendPacket(messageType, payload)

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
            self._pacer.release()

    # The key exchange

    def keysTaken(self) -> None:
        """
        See L{KeyExchange}.
        """
        if self.phase is Phase.KEY_EXCHANGE:
            self.phase = Phase.SERVICE
            self.owner.secured(self)
        self.keyExchanging()
        self._farewell.queueSent()

    def keyExchanging(self) -> None:
        """
        See L{KeyExchange}.
        """
        self.owner.keyExchanging(self)

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

    def sendDisconnect(self, reason: int, desc: bytes | str) -> None:
        """
        Called by Conch when it finds fault with a packet or with the peer's
        algorithms.
        """
        if not self._farewell.said:
            said = desc.encode() if isinstance(desc, str) else desc
            words = _IN_OTHER_WORDS.get(said, said)
            if reason == conch.DISCONNECT_HOST_KEY_NOT_VERIFIABLE:
                # Conch tells the peer a whole traceback.
                words = b"the key exchange is damaged"
            self.owner.failed(self, words.decode())
            self.disconnect(reason, words)

    def fail(self, problem: str) -> None:
        """
        End the connection because of what the peer sent.
        """
        if self._farewell.said:
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
        self._farewell.heard()
        self.owner.disconnected(self, reason, description)

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


def _raisedIn(error: BaseException) -> str:
    """
    The name of the module that raised C{error}.
    """
    traceback = error.__traceback__
    assert traceback is not None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    name: str = traceback.tb_frame.f_globals.get("__name__", "")
    return name
