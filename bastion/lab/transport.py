"""
A host's side of the SSH transport and its two services, with what stock Conch
leaves open: safe algorithms only, no packet in a log, no queue without limit.
"""

from __future__ import annotations

import struct
from typing import Any

from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.service import SSHService
from twisted.conch.ssh.transport import DISCONNECT_PROTOCOL_ERROR, SSHServerTransport
from twisted.conch.ssh.userauth import SSHUserAuthServer
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from bastion.lab.channel import PacedChannel


class DiscreetService(SSHService):
    """
    A service that logs no packet: the one that it does not know may hold a
    password.
    """

    transport: Any

    def packetReceived(self, messageNum: int, packet: bytes) -> object:
        """
        Handle a packet; what cannot be read ends the connection.
        """
        name = self.protocolMessages.get(messageNum, "MSG_none")[4:]
        handle = getattr(self, f"ssh_{name}", None)
        if handle is None:
            return self.transport.sendUnimplemented()
        try:
            return handle(packet)
        except (KeyError, IndexError, TypeError, ValueError, struct.error):
            return self.transport.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"bad packet")


class HostLogin(DiscreetService, SSHUserAuthServer):
    """
    The login service, with sshd's limits.
    """

    loginTimeout = 120
    attemptsBeforeDisconnect = 6

    def serviceStarted(self) -> None:
        """
        Count time with the host's clock.
        """
        self.clock = self.transport.factory.reactor
        super().serviceStarted()


class HostConnection(DiscreetService, SSHConnection):
    """
    The connection service, whose windows wait for the programs.
    """

    def adjustWindow(self, channel: PacedChannel, bytesToAdd: int) -> None:
        """
        Open the window again, unless the program takes nothing just now.
        """
        if channel in self.channelsToRemoteChannel and not channel.inputHeld:
            super().adjustWindow(channel, bytesToAdd)

    def reopenWindow(self, channel: PacedChannel) -> None:
        """
        Do what L{adjustWindow} left out while the program took nothing.
        """
        if channel.localWindowLeft < channel.localWindowSize // 2:
            self.adjustWindow(channel, channel.localWindowSize - channel.localWindowLeft)


@implementer(IPushProducer)
class HostTransport(SSHServerTransport):
    """
    The transport, with safe algorithms; to the TCP connection it is a producer.

    @ivar held: the TCP connection takes no more at the moment.
    """

    factory: Any
    transport: Any
    # The safe ones that Conch has.
    supportedCiphers = [b"aes128-ctr", b"aes192-ctr", b"aes256-ctr"]
    supportedMACs = [b"hmac-sha2-256", b"hmac-sha2-512"]
    supportedKeyExchanges = [
        b"mlkem768x25519-sha256",
        b"curve25519-sha256",
        b"curve25519-sha256@libssh.org",
    ]
    supportedCompressions = [b"none"]
    held = False

    def connectionMade(self) -> None:
        """
        Start the key exchange.
        """
        self.factory.transports.add(self)
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        super().connectionMade()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Forget the connection.
        """
        self.factory.transports.discard(self)
        super().connectionLost(reason)

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """
        Dispatch a message; Conch would log one that comes before its service.
        """
        if messageNum >= 50 and self.service is None:
            self.sendUnimplemented()
        else:
            super().dispatchMessage(messageNum, payload)

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """
        Disconnect.
        """
        # A registered producer would keep the connection open.
        self.transport.unregisterProducer()
        super().sendDisconnect(reason, desc)

    def ssh_DISCONNECT(self, packet: bytes) -> None:
        """
        The client disconnects: nothing to say and nothing to log.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def pauseProducing(self) -> None:
        """
        The TCP connection is full.
        """
        self.held = True

    def resumeProducing(self) -> None:
        """
        The TCP connection takes more: every channel may go on.
        """
        self.held = False
        if isinstance(self.service, HostConnection):
            for channel in list(self.service.channels.values()):
                channel.send()

    def stopProducing(self) -> None:
        """
        The TCP connection is lost.
        """
        self.held = True
