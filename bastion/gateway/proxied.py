"""
In front of a gateway that load balancers are in front of: its clients' addresses are what
the balancers say (the PROXY protocol), and everybody else's are their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from bastion.admission.proxyheader import BadHeader, Header, parse
from bastion.admission.sources import addressOf, unmapped
from bastion.config.addresses import Network
from bastion.gateway.factory import GatewayFactory

#: How long a balancer may take for its header, in seconds: it has nothing to wait for.
HEADER_TIME = 2.0
#: How many connections to one port may wait for theirs.  They are none of C{max_startups}:
#: whose they are is not known yet.
MAX_WAITING = 200


def front(gateway: GatewayFactory, balancers: Sequence[Network]) -> IProtocolFactory:
    """
    What is to listen for a gateway.

    @param balancers: the networks of those that say whose a connection is; when there are
        none, that is the gateway itself.
    """
    return ProxiedFactory(gateway, balancers) if balancers else gateway


class ProxiedFactory(ServerFactory):
    """
    Reads the header of each connection that a balancer makes.

    @ivar gateway: makes the client's end, for the address that is in the header.
    @ivar waiting: the connections whose header is not there yet.
    """

    noisy = False

    def __init__(self, gateway: GatewayFactory, balancers: Sequence[Network]) -> None:
        self.gateway = gateway
        self.waiting: set[Introduction] = set()
        self._balancers = balancers

    def startFactory(self) -> None:
        """
        The gateway is opened.
        """
        self.gateway.doStart()

    def stopFactory(self) -> None:
        """
        The gateway is closed: nobody comes in any more, not even who has knocked.
        """
        self.gateway.doStop()
        for introduction in list(self.waiting):
            introduction.refuse("the gateway stopped")

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> IProtocol | None:
        """
        Hear who comes from a balancer; L{None} closes the connection without a byte.
        """
        source = str(getattr(addr, "host", ""))
        if not self._isBalancer(source):
            return self.gateway.buildProtocol(addr)
        if len(self.waiting) >= MAX_WAITING:
            self.turnedAway(source, f"{MAX_WAITING} connections wait for their PROXY header")
            return None
        return Introduction(self, source, addr)

    def _isBalancer(self, source: str) -> bool:
        try:
            address = unmapped(addressOf(source))
        except ValueError:
            return False
        return any(address in network for network in self._balancers)

    def turnedAway(self, source: str, reason: str) -> None:
        """
        Record that a connection ends here.

        @param source: the address of the balancer.
        """
        self.gateway.gateway.newLog(source).event("connection.refused", reason=reason)


class Introduction(Protocol):
    """
    A connection that a balancer has made.  As soon as it is known whose it is, its
    transport belongs to the gateway's protocol, as if there had been nobody in between.
    """

    transport: Any

    def __init__(self, front: ProxiedFactory, source: str, address: IAddress | None) -> None:
        """
        @param source: the balancer's address, as text.
        @param address: the same with its port.
        """
        self._front = front
        self._source = source
        self._address = address
        self._heard = b""
        self._client: IProtocol | None = None

    def connectionMade(self) -> None:
        """
        Wait for the header.
        """
        self._front.waiting.add(self)
        clock = self._front.gateway.gateway.clock
        self._late = clock.callLater(
            HEADER_TIME, self.refuse, f"its PROXY header was not there within {HEADER_TIME:g} s"
        )

    def dataReceived(self, data: bytes) -> None:
        """
        Read the header; what comes behind it is the client's.
        """
        if self._client is not None:
            self._client.dataReceived(data)
        elif self in self._front.waiting:
            self._heard += data
            try:
                header = parse(self._heard)
            except BadHeader as problem:
                self.refuse(f"its PROXY header is no good: {problem}")
                return
            if header is not None:
                self._introduce(header)

    def _introduce(self, header: Header) -> None:
        self._waitNoMore()
        rest, self._heard = self._heard[header.size :], b""
        self._client = self._front.gateway.buildProtocol(self._whose(header))
        if self._client is None:
            self.transport.loseConnection()
            return
        self._client.makeConnection(self.transport)
        if rest:
            self._client.dataReceived(rest)

    def _whose(self, header: Header) -> IAddress | None:
        if header.source is None:
            return self._address
        family = IPv4Address if header.source.version == 4 else IPv6Address
        return family("TCP", str(header.source), header.port)

    def refuse(self, reason: str) -> None:
        """
        Close the connection without a byte.

        @param reason: for the log.
        """
        self._waitNoMore()
        self._heard = b""
        self._front.turnedAway(self._source, reason)
        self.transport.loseConnection()

    def _waitNoMore(self) -> None:
        self._front.waiting.discard(self)
        if self._late.active():
            self._late.cancel()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is gone.
        """
        if self._client is not None:
            self._client.connectionLost(reason)
        elif self in self._front.waiting:
            self._waitNoMore()
            self._front.turnedAway(self._source, "it closed before its PROXY header was there")
