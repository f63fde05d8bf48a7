"""
Forwarding from a host (RFC 4254 section 7.2), C{ssh -L} and C{ssh -J}: to
loopback only, for the lab is no way out.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.conch.error import ConchError
from twisted.conch.ssh.connection import OPEN_ADMINISTRATIVELY_PROHIBITED
from twisted.conch.ssh.forwarding import unpackOpen_direct_tcpip
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from bastion.lab.channel import PacedChannel


def isLoopback(name: str) -> bool:
    """
    Is this the local computer, whatever a resolver says?
    """
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class ForwardingChannel(PacedChannel):
    """
    A channel that ends in a TCP connection.

    Conch confirms a channel before the connection exists; when there is none
    the channel is closed at once.
    """

    name = b"direct-tcpip"

    def __init__(self, *, reactor: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._reactor = reactor
        (host, port), _ = unpackOpen_direct_tcpip(self.data)
        if not isLoopback(host):
            raise ConchError("the lab leads nowhere else", OPEN_ADMINISTRATIVELY_PROHIBITED)
        self._destination = (host, port)

    def channelOpen(self, specificData: bytes) -> None:
        """
        Connect to where the client wants to go.
        """
        endpoint = HostnameEndpoint(self._reactor, *self._destination)
        connecting = connectProtocol(endpoint, ForwardedConnection(self))
        connecting.addErrback(lambda _: self.loseConnection())


@implementer(IHalfCloseableProtocol)
class ForwardedConnection(Protocol):
    """
    A TCP connection as the program of a channel.
    """

    transport: Any

    def __init__(self, channel: PacedChannel) -> None:
        self._channel = channel
        self._halves = 2

    def connectionMade(self) -> None:
        """
        Start, unless the client has gone away meanwhile.
        """
        if self._channel.localClosed:
            self.transport.loseConnection()
            return
        self.transport.registerProducer(self._channel, True)
        self._channel.attach(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Hand it to the client.
        """
        self._channel.write(data)

    def readConnectionLost(self) -> None:
        """
        No more comes from there.
        """
        self._channel.sendEOF()
        self._halfClosed()

    def writeConnectionLost(self) -> None:
        """
        No more goes there.
        """
        self._halfClosed()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        It is over.
        """
        self._channel.loseConnection()

    def write(self, data: bytes) -> None:
        """
        Send what the client sent.
        """
        self.transport.write(data)

    def endInput(self) -> None:
        """
        The client sends no more.
        """
        # A registered producer would keep the connection open.
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()

    def pauseProducing(self) -> None:
        """
        Stop reading.
        """
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        self.transport.resumeProducing()

    def hangUp(self) -> None:
        """
        The channel is gone.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _halfClosed(self) -> None:
        self._halves -= 1
        if not self._halves:
            self.transport.loseConnection()
