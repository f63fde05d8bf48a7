"""
The way to a host that is told of the client before it hears SSH.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

#: Makes what is said first, from our own end of the connection.
Announcement = Callable[[Any], bytes]


@implementer(IStreamClientEndpoint)
@frozen
class AnnouncedEndpoint:
    """
    Another endpoint, over which something is said before the protocol begins.

    @ivar endpoint: the other one.
    """

    endpoint: IStreamClientEndpoint
    announcement: Announcement

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        See L{IStreamClientEndpoint}.
        """
        factory = _AnnouncedFactory(protocolFactory, self.announcement)
        connecting: Deferred[Any] = self.endpoint.connect(factory)
        return connecting.addCallback(lambda announced: announced.protocol)


@implementer(IProtocolFactory)
@frozen
class _AnnouncedFactory:
    factory: IProtocolFactory
    announcement: Announcement

    def doStart(self) -> None:
        self.factory.doStart()

    def doStop(self) -> None:
        self.factory.doStop()

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        protocol = self.factory.buildProtocol(addr)
        return None if protocol is None else _Announced(protocol, self.announcement)


class _Announced(Protocol):
    """
    Says the first words, and leaves the transport to the protocol.

    @ivar protocol: it has the transport itself, and not something in between: so it can do
        with it whatever it can do without an announcement.
    """

    transport: Any

    def __init__(self, protocol: IProtocol, announcement: Announcement) -> None:
        self.protocol = protocol
        self._announcement = announcement

    def connectionMade(self) -> None:
        self.transport.write(self._announcement(self.transport.getHost()))
        self.protocol.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.protocol.connectionLost(reason)
