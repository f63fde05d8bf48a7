"""
L{bastion.upstream.announced}: something is said before the protocol begins.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from bastion.interfaces import HostAddress
from bastion.ssh.client import ClientTransport
from bastion.ssh.stream import DirectStream
from bastion.testing.network import MemoryEndpoint, Network
from bastion.testing.speakers import Recorder, TrustedKeys, Witness
from bastion.upstream.announced import AnnouncedEndpoint

A = HostAddress("a")


class Talker(Protocol):
    """
    Says something at once.

    @ivar heard: what it was told.
    @ivar ends: how often its connection has ended.
    """

    def __init__(self, first: bytes = b"") -> None:
        self.first = first
        self.heard = b""
        self.ends = 0
        self.began: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self.first)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if not self.began.called:
            self.began.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        self.ends += 1


@pytest.fixture
def network() -> Network:
    """
    A network in memory.
    """
    return Network()


def announced(network: Network, says: bytes = b"first, ") -> AnnouncedEndpoint:
    """
    The way to the host.
    """
    return AnnouncedEndpoint(MemoryEndpoint(network, A), lambda ours: says)


def test_itIsAnEndpoint(network: Network) -> None:
    verifyObject(IStreamClientEndpoint, announced(network))


def test_hostHearsTheAnnouncementFirst(network: Network) -> None:
    host = Talker(b"hello")
    client = Talker(b"second")
    network.listen(A, lambda: host)
    connected: list[Any] = []

    announced(network).connect(Factory.forProtocol(lambda: client)).addCallback(connected.append)
    network.settle()

    assert host.heard == b"first, second"
    assert client.heard == b"hello"
    assert connected == [client]
    assert client.transport.other.protocol is host


def test_announcementKnowsOurEnd(network: Network) -> None:
    network.listen(A, Talker)
    ours: list[Any] = []
    way = AnnouncedEndpoint(MemoryEndpoint(network, A), lambda end: ours.append(end) or b"")

    way.connect(Factory.forProtocol(Talker))

    assert [end.host for end in ours] == ["192.0.2.1"]


def test_protocolIsToldOfTheEnd(network: Network) -> None:
    host, client = Talker(), Talker()
    network.listen(A, lambda: host)
    announced(network).connect(Factory.forProtocol(lambda: client))

    host.transport.loseConnection()
    network.settle()

    assert (client.ends, host.ends) == (1, 1)


def test_hostThatRefusesIsToldOf(network: Network) -> None:
    problems: list[Any] = []

    announced(network).connect(Factory.forProtocol(Talker)).addErrback(problems.append)

    assert problems[0].check(ConnectionRefusedError)


def test_connectingCanBeCancelled(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(Network, "connect", lambda *arguments: Deferred(given.append))

    connecting = announced(network).connect(Factory.forProtocol(Talker))
    connecting.addErrback(lambda _: None)
    connecting.cancel()

    assert len(given) == 1


def test_factoryIsUsedAsItWouldBeWithoutIt() -> None:
    used: list[Any] = []

    class Endpoint:
        def connect(self, factory: Any) -> Deferred[Any]:
            factory.doStart()
            assert factory.buildProtocol("there") is None
            factory.doStop()
            return Deferred()

    class Inner:
        def doStart(self) -> None:
            used.append("start")

        def doStop(self) -> None:
            used.append("stop")

        def buildProtocol(self, address: object) -> None:
            used.append(address)

    endpoint: Any = Endpoint()
    inner: Any = Inner()
    AnnouncedEndpoint(endpoint, lambda ours: b"").connect(inner)

    assert used == ["start", "there", "stop"]


@pytest_twisted.ensureDeferred
async def test_fastWayOfRealConnectionsIsKept() -> None:
    """
    And nothing overtakes the announcement.
    """
    host = Talker()
    port = reactor.listenTCP(0, Factory.forProtocol(lambda: host), interface="127.0.0.1")
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    way = AnnouncedEndpoint(endpoint, lambda ours: f"{ours.host} {ours.port}\n".encode())
    client = ClientTransport(Witness(), Clock(), TrustedKeys(set()), Recorder(b"ssh-userauth"))
    ended: Deferred[None] = Deferred()
    client.owner.lost = lambda transport: ended.callback(None)

    assert await way.connect(Factory.forProtocol(lambda: client)) is client
    await host.began

    assert type(client.stream) is DirectStream
    transport = client.transport
    assert transport.getHandle().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    ours = transport.getHost()
    assert host.heard.startswith(f"{ours.host} {ours.port}\nSSH-2.0-".encode())
    transport.abortConnection()
    await ended
    await port.stopListening()
