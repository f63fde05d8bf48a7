"""
L{bastion.gateway.proxied}: clients that come by a load balancer.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_twisted
from balanced import BALANCER, BALANCERS, LOCAL, SIGNATURE, SSH, Raw, Site, version1, version2
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IProtocolFactory, ITCPTransport
from zope.interface.verify import verifyObject

from bastion.auth.messages import NONE, Request
from bastion.config.values import MaxStartups
from bastion.gateway.proxied import HEADER_TIME, MAX_WAITING, Introduction, ProxiedFactory, front
from bastion.ssh.stream import DirectStream
from bastion.ssh.tcp import peerState
from bastion.wire import MSG_USERAUTH_REQUEST


@pytest.fixture
def siteOf(memoryOf: Callable[..., Any]) -> Iterator[Callable[..., Site]]:
    """
    Makes gateways in memory behind load balancers; in the end everybody vanishes.
    """
    made: list[Site] = []

    def make(**settings: Any) -> Site:
        made.append(Site(memoryOf(**settings)))
        return made[-1]

    yield make
    for site in made:
        site.everybodyVanishes()


@pytest.fixture
def site(siteOf: Callable[..., Site]) -> Site:
    """
    A gateway in memory behind load balancers.
    """
    return siteOf()


def test_gatewayWithoutBalancersIsInFrontItself(memory: Any) -> None:
    assert front(memory.factory, ()) is memory.factory


def test_frontIsAFactory(memory: Any) -> None:
    made = front(memory.factory, BALANCERS)
    assert isinstance(made, ProxiedFactory)
    verifyObject(IProtocolFactory, made)


# The client that a header names


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (version1(), "198.51.100.7"),
        (version2(), "198.51.100.7"),
        (version2(more=b"\x02\0\x03abc" * 100), "198.51.100.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 50000 22\r\n", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:198.51.100.7 ::1 50000 22\r\n", "198.51.100.7"),
    ],
)
def test_clientHasTheAddressOfItsHeader(site: Site, header: bytes, source: str) -> None:
    client = site.brings(header)

    assert client.witness.events == ["secured"]
    assert site.sources == [source]


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"])
def test_balancersOwnConnectionHasItsOwnAddress(site: Site, header: bytes) -> None:
    client = site.brings(header)

    assert client.witness.events == ["secured"]
    assert site.sources == [BALANCER]


def test_portIsTheClients(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    monkeypatch.setattr(site.memory.factory, "buildProtocol", built.append)

    site.says(version1(port=50001))
    site.says(b"PROXY TCP6 2001:db8::7 ::1 50002 22\r\n")
    site.says(LOCAL)

    assert built == [
        IPv4Address("TCP", "198.51.100.7", 50001),
        IPv6Address("TCP", "2001:db8::7", 50002),
        IPv4Address("TCP", BALANCER, 40000),
    ]


def test_clientLogsInAndItsEndIsRecorded(site: Site) -> None:
    client = site.brings(version2())
    client.login.say(MSG_USERAUTH_REQUEST, Request(b"johnson", b"ssh-connection", NONE, b"").pack())
    site.memory.network.settle()
    site.memory.host().accepts()
    client.transport.transport.loseConnection()
    site.memory.network.settle()

    (login,) = site.memory.named("login.accepted")
    (closed,) = site.memory.named("connection.closed")
    assert {login["source"], closed["source"]} == {"198.51.100.7"}
    assert closed["reason"] == "the client closed the connection"


@pytest.mark.parametrize("header", [version1(), version2(), LOCAL])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_noByteIsLostHoweverTheyCome(site: Site, header: bytes, size: int) -> None:
    raw, said = site.knocks(), header + SSH
    for at in range(0, len(said), size):
        raw.transport.write(said[at : at + size])
        site.memory.network.settle()

    assert raw.heard.startswith(b"SSH-2.0-")
    (connection,) = site.memory.factory.connections
    assert connection.transport.otherVersionString == SSH.strip()


def test_nothingIsSaidBeforeTheHeaderIsThere(site: Site) -> None:
    raw = site.says(version2()[:-1])
    assert raw.heard == b""
    assert site.memory.events == []

    raw.transport.write(version2()[-1:])
    site.memory.network.settle()

    assert raw.heard.startswith(b"SSH-2.0-")


def test_transportIsTheGatewaysAsIfNobodyWereInBetween(site: Site) -> None:
    client = site.brings(version1())

    (connection,) = site.memory.factory.connections
    assert connection.transport.transport is client.transport.transport.other


# Those who are no balancers


@pytest.mark.parametrize("peer", ["192.0.2.9", "2001:db8:6::1", "::ffff:192.0.2.9"])
@pytest.mark.parametrize("header", [version1("10.1.1.1"), version2("10.1.1.1"), LOCAL])
def test_headerOfAStrangerIsNoSsh(site: Site, peer: str, header: bytes) -> None:
    raw = site.says(header + SSH, peer)
    site.memory.network.advance(HEADER_TIME)

    assert raw.gone
    assert site.sources == [peer]
    assert [event["source"] for event in site.memory.named("connection.closed")] == [peer]


def test_clientsMayComeDirectlyToo(site: Site) -> None:
    client = site.brings(b"", "192.0.2.9")

    assert client.witness.events == ["secured"]
    assert site.sources == ["192.0.2.9"]


@pytest.mark.parametrize("peer", [BALANCER, "::ffff:10.0.0.5", "2001:db8:5::1"])
def test_balancerIsKnownByItsNetwork(site: Site, peer: str) -> None:
    assert isinstance(site.front.buildProtocol(IPv6Address("TCP", peer, 1)), Introduction)


@pytest.mark.parametrize("address", [None, UNIXAddress(b"/run/bastion"), IPv4Address("TCP", "", 1)])
def test_addressThatCannotBeReadIsNoBalancers(site: Site, address: Any) -> None:
    assert site.front.buildProtocol(address) is None
    assert site.refused == [("", "its address cannot be read")]


# Balancers that do not say whose a connection is


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (SSH, "it is none"),
        (b"PROXY TCP4 1 2 3\r\n" + SSH, "its line cannot be read"),
        (SIGNATURE + b"\x21\x31\0\x0c" + bytes(12), "it is of no TCP connection"),
        (SIGNATURE + b"\x21\x11\xff\xff", "it is longer than 4096 bytes"),
    ],
)
def test_withoutAHeaderNobodyComesIn(site: Site, said: bytes, problem: str) -> None:
    raw = site.says(said)

    assert (raw.heard, raw.gone) == (b"", True)
    assert site.refused == [(BALANCER, f"its PROXY header is no good: {problem}")]
    assert site.sources == []


def test_headerHasItsTimeAndNoMore(site: Site) -> None:
    raw = site.says(version1()[:-1])
    site.memory.network.advance(HEADER_TIME - 0.1)
    assert not raw.gone

    site.memory.network.advance(0.2)

    assert (raw.heard, raw.gone) == (b"", True)
    assert site.refused == [(BALANCER, "its PROXY header was not there within 2 s")]
    assert site.front.waiting == set()


def test_eachByteBuysNoTime(site: Site) -> None:
    raw = site.knocks()
    for at in range(30):
        raw.transport.write(version1()[at : at + 1])
        site.memory.network.advance(0.1)

    assert (raw.heard, raw.gone) == (b"", True)
    assert len(site.refused) == 1


def test_clientHasTheWholeTimeOfItsOwn(site: Site) -> None:
    raw = site.says(version1())
    site.memory.network.advance(HEADER_TIME + 1)

    assert not raw.gone


@pytest.mark.parametrize("said", [b"", version2()[:20]])
def test_whoClosesBeforeIsRecordedOnce(site: Site, said: bytes) -> None:
    raw = site.says(said)
    raw.transport.loseConnection()
    site.memory.network.advance(HEADER_TIME)

    assert site.refused == [(BALANCER, "it closed before its PROXY header was there")]
    assert site.front.waiting == set()


def test_whatComesBehindARefusalIsNotHeard(site: Site) -> None:
    built = site.front.buildProtocol(IPv4Address("TCP", BALANCER, 40000))
    site.memory.network.link(Raw(), built, (BALANCER, "192.0.2.22"))

    built.dataReceived(SSH)
    built.dataReceived(version1())
    site.memory.network.settle()

    assert len(site.refused) == 1
    assert site.sources == []


# Rules and limits are about clients


def test_rulesAreAboutTheClient(siteOf: Callable[..., Site]) -> None:
    allowed = {"allow_from": (ip_network("198.51.100.0/24"),)}
    site = siteOf(admission=allowed)

    inside, outside = site.says(version1()), site.says(version1("203.0.113.9"))

    assert inside.heard.startswith(b"SSH-2.0-")
    assert (outside.heard, outside.gone) == (b"", True)
    assert site.sources == ["198.51.100.7"]
    assert site.refused == [("203.0.113.9", "its network is not in allow_from")]


def test_clientsOfOneBalancerAreManySources(siteOf: Callable[..., Site]) -> None:
    site = siteOf(admission={"per_source_startups": 1})

    clients = [site.says(version1(f"198.51.100.{number}")) for number in (1, 2, 2)]

    assert [client.gone for client in clients] == [False, False, True]
    assert site.refused == [("198.51.100.2", "1 connections of its source have not logged in yet")]


def test_whoWaitsForItsHeaderIsNoStranger(siteOf: Callable[..., Site]) -> None:
    site = siteOf(admission={"max_startups": MaxStartups(1, 100, 1)})
    waiting = [site.knocks() for _ in range(5)]

    assert site.memory.startups.total == 0
    waiting[0].transport.write(version1())
    site.memory.network.settle()
    assert site.memory.startups.total == 1


def test_thoseWhoWaitAreCountedAndLimited(site: Site) -> None:
    waiting = [site.knocks() for _ in range(MAX_WAITING)]
    assert len(site.front.waiting) == MAX_WAITING

    assert site.knocks() is None

    assert site.refused == [(BALANCER, "200 connections wait for their PROXY header")]
    assert site.brings(b"", "192.0.2.9").witness.events == ["secured"]
    waiting[0].transport.loseConnection()
    waiting[1].transport.write(version1())
    site.memory.network.settle()
    assert len(site.front.waiting) == MAX_WAITING - 2
    assert site.knocks() is not None
    site.memory.network.advance(HEADER_TIME)
    assert site.front.waiting == set()


# The end


def test_gatewayIsOpenAsLongAsOneOfItsPorts(site: Site) -> None:
    before = site.memory.factory.numPorts
    site.front.doStart()
    assert site.memory.factory.numPorts == before
    raw = site.knocks()

    site.front.doStop()
    assert (site.memory.factory.numPorts, raw.gone) == (before, False)
    site.front.doStop()

    assert site.memory.factory.numPorts == before - 1


def test_whoWaitsWhenTheGatewayStopsIsTurnedAway(site: Site) -> None:
    waiting, client = site.knocks(), site.says(version1())

    site.front.doStop()
    site.memory.network.settle()

    assert (waiting.gone, client.gone) == (True, False)
    assert site.refused == [(BALANCER, "the gateway stopped")]


# Real sockets


@pytest_twisted.ensureDeferred
async def test_fastWayOfRealConnectionsIsKept(memory: Any) -> None:
    """
    And the kernel is asked for all that it is asked for without a balancer.
    """
    balancers = (ip_network("127.0.0.0/8"),)
    port = reactor.listenTCP(0, front(memory.factory, balancers), interface="127.0.0.1")
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    raw = await connectProtocol(endpoint, Ending())
    raw.transport.write(version2() + SSH)
    await raw.answered

    (connection,) = memory.factory.connections
    transport = connection.transport
    assert type(transport.stream) is DirectStream
    assert ITCPTransport.providedBy(transport.transport)
    handle = transport.transport.getHandle()
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert peerState(transport.transport) == 0
    assert transport.otherVersionString == SSH.strip()

    # Read by the fast way, and understood: a packet of no length that is allowed.
    raw.transport.write(bytes(64))
    await raw.ended
    await port.stopListening()
    assert "client fault" in memory.reason


class Ending(Raw):
    """
    Tells of the first answer, and of the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answered: Deferred[None] = Deferred()
        self.ended: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if not self.answered.called:
            self.answered.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        self.ended.callback(None)
