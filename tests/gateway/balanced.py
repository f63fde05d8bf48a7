"""
Gateways in memory behind load balancers, as the clients of these see them.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock

from bastion.gateway.proxied import ProxiedFactory
from bastion.testing.speakers import Speaker, speakingClient

BALANCER = "10.0.0.5"
BALANCERS = (ip_network("10.0.0.0/8"), ip_network("2001:db8:5::/64"))
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
SSH = b"SSH-2.0-OpenSSH_9.2\r\n"


def version1(source: str = "198.51.100.7", port: int = 50000) -> bytes:
    """
    What a balancer says of a client.
    """
    return f"PROXY TCP4 {source} 192.0.2.22 {port} 22\r\n".encode()


def version2(source: str = "198.51.100.7", port: int = 50000, more: bytes = b"") -> bytes:
    """
    The same in version 2.
    """
    ends = ip_address(source).packed + ip_address("192.0.2.22").packed
    data = ends + struct.pack(">HH", port, 22) + more
    return SIGNATURE + struct.pack(">BBH", 0x21, 0x11, len(data)) + data


LOCAL = SIGNATURE + b"\x20\0\0\0"


class Raw(Protocol):
    """
    Somebody who says what the test says.

    @ivar heard: what the answer was.
    @ivar gone: whether the connection is over.
    """

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.gone = True


class Balancer(Protocol):
    """
    Says something, and then lets a client speak.
    """

    transport: Any

    def __init__(self, first: bytes, client: Any) -> None:
        self._first = first
        self._client = client

    def connectionMade(self) -> None:
        self.transport.write(self._first)
        self._client.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._client.dataReceived(data)

    def connectionLost(self, reason: Any = None) -> None:
        self._client.connectionLost(reason)


class Site:
    """
    A gateway in memory behind load balancers.

    @ivar front: what listens.
    """

    def __init__(self, memory: Any) -> None:
        self.memory = memory
        self.front = ProxiedFactory(memory.factory, BALANCERS)
        self.front.doStart()
        self._peers: list[Any] = []

    def knocks(self, peer: str = BALANCER) -> Any:
        """
        Somebody connects.

        @return: L{None} when the connection was closed at once.
        """
        family = IPv6Address if ":" in peer else IPv4Address
        built = self.front.buildProtocol(family("TCP", peer, 40000))
        if built is None:
            return None
        raw = Raw()
        self._link(raw, built, peer)
        return raw

    def _link(self, peer: Any, built: Any, address: str) -> None:
        self.memory.network.link(peer, built, (address, "192.0.2.22"))
        self._peers.append(peer)
        self.memory.network.settle()

    def says(self, data: bytes, peer: str = BALANCER) -> Any:
        """
        Somebody connects and says something.
        """
        raw = self.knocks(peer)
        raw.transport.write(data)
        self.memory.network.settle()
        return raw

    def brings(self, header: bytes, peer: str = BALANCER) -> Speaker:
        """
        A balancer connects for a client.

        @return: the client.
        """
        (key,) = self.memory.factory.gateway.hostKeys.values()
        client = speakingClient(Clock(), key)
        built = self.front.buildProtocol(IPv4Address("TCP", peer, 40000))
        self._link(Balancer(header, client.transport), built, peer)
        return client

    def everybodyVanishes(self) -> None:
        """
        All that are still there are gone.
        """
        for peer in self._peers:
            peer.transport.abortConnection()
        self.memory.network.settle()

    @property
    def refused(self) -> list[tuple[str, str]]:
        """
        Who was turned away, and why.
        """
        events = self.memory.named("connection.refused")
        return [(event["source"], event["reason"]) for event in events]

    @property
    def sources(self) -> list[str]:
        """
        Where those came from that were let in.
        """
        return [event["source"] for event in self.memory.named("connection.opened")]
