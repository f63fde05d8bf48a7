"""
Attack A18: an address is spoofed by a header of the PROXY protocol.

The attacker is anybody who can connect, directly or by a load balancer; and a balancer that
is broken, or is none.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address, ip_network

import pytest
from attacking.client import Client
from attacking.memory import Site
from attacking.stages import Stage
from attacking.way import kept
from attrs import define

from bastion.admission.proxyheader import MAX_HEADER, SIGNATURE, BadHeader, parse
from bastion.gateway.proxied import HEADER_TIME, MAX_WAITING, ProxiedFactory

BALANCER, ATTACKER, VICTIM = "10.0.0.5", "198.51.100.66", "192.0.2.77"
MALFORMED = 10_000
#: What one turn of Twisted's reading is at most, in bytes.
TURN = 1 << 16


def version1(source: str = VICTIM) -> bytes:
    """
    What a balancer says of a client.
    """
    return f"PROXY TCP4 {source} 192.0.2.22 50000 22\r\n".encode()


def version2(source: str = VICTIM, more: bytes = b"") -> bytes:
    """
    The same in version 2.
    """
    ends = ip_address(source).packed + ip_address("192.0.2.22").packed
    data = ends + struct.pack(">HH", 50000, 22) + more
    return SIGNATURE + struct.pack(">BBH", 0x21, 0x11, len(data)) + data


LOCAL = SIGNATURE + b"\x20\0\0\0"
HEADERS = {"version 1": version1(), "version 2": version2(), "its own": LOCAL}
TLVS = b"".join(
    struct.pack(">BH", kind, len(value)) + value
    for kind, value in ((0x01, b"ssh"), (0x02, b"gate\x1b]0;\x07"), (0x20, bytes(900)), (0xEE, b""))
)


@define(eq=False)
class Brought(Client):
    """
    A client, of which something is said before it speaks.

    @ivar header: that.
    """

    header: bytes = b""

    def step(self, stage: Stage) -> bool:
        """
        See L{Client}.
        """
        if stage is Stage.IDENTIFIED:
            self.write(self.header)
        return Client.step(self, stage)


def silent() -> Client:
    """
    Somebody who says nothing by itself.
    """
    return Client(until=Stage.CONNECTED)


class Balanced:
    """
    A site behind a load balancer.

    @ivar front: what listens.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.front = ProxiedFactory(site.factory, (ip_network("10.0.0.0/8"),))

    def connects(self, client: Client, peer: str = BALANCER) -> Client:
        """
        Somebody connects; see L{Site.connects}.
        """
        client.gone = not self.site.arrives(client, peer, self.front)
        self.site.settle()
        return client

    def sources(self, name: str = "connection.opened") -> list[str]:
        """
        Whom the events of one name are about.
        """
        return [event["source"] for event in self.site.named(name)]


@contextmanager
def behind(site: Site) -> Iterator[Balanced]:
    """
    The site behind a balancer; in the end nobody waits to be let in.
    """
    balanced = Balanced(site)
    yield balanced
    for _ in range(3):
        site.clock.advance(HEADER_TIME / 2)
        site.settle()
    assert balanced.front.waiting == set()


@pytest.fixture
def balancedOf(siteOf: Callable[..., Site]) -> Iterator[Callable[..., Balanced]]:
    """
    Makes sites behind a balancer.
    """
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(behind(siteOf(**settings)))


@pytest.fixture
def balanced(balancedOf: Callable[..., Balanced]) -> Balanced:
    """
    A site behind a balancer.
    """
    return balancedOf()


# Spoofed


@pytest.mark.parametrize("header", HEADERS)
def test_strangerIsWhoItIsWhateverItSays(balanced: Balanced, header: str) -> None:
    client = balanced.connects(Brought(header=HEADERS[header]), ATTACKER)

    assert client.gone
    assert client.stage < Stage.AGREED
    assert balanced.sources() == balanced.sources("connection.closed") == [ATTACKER]


@pytest.mark.parametrize("header", HEADERS)
def test_strangerDoesNotGetIntoANetworkByIt(
    balancedOf: Callable[..., Balanced], header: str
) -> None:
    networks = (ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8"))
    balanced = balancedOf(admission={"allow_from": (*networks, ip_network("192.0.2.200"))})

    client = balanced.connects(Brought(header=HEADERS[header]), ATTACKER)

    assert client.gone
    assert client.theirVersion == b""
    assert balanced.sources() == []
    assert balanced.sources("connection.refused") == [ATTACKER]


@pytest.mark.parametrize("second", HEADERS)
@pytest.mark.parametrize("first", [version1(ATTACKER), version2(ATTACKER)])
def test_whatAClientSaysBehindTheBalancersHeaderIsNone(
    balanced: Balanced, first: bytes, second: str
) -> None:
    client = balanced.connects(Brought(header=first + HEADERS[second]))

    assert client.gone
    assert balanced.sources() == balanced.sources("connection.closed") == [ATTACKER]


def test_limitsOfASourceAreNotEvadedByABalancer(balancedOf: Callable[..., Balanced]) -> None:
    balanced = balancedOf(admission={"per_source_startups": 2})

    until = Stage.IDENTIFIED
    crowd = [balanced.connects(Brought(until, header=version2(ATTACKER))) for _ in range(5)]
    other = balanced.connects(Brought(until, header=version2()))

    assert [client.gone for client in crowd] == [False, False, True, True, True]
    assert not other.gone
    assert balanced.sources("connection.refused") == [ATTACKER] * 3


# Believed


@pytest.mark.parametrize("header", [version1(), version2(), version2(more=TLVS)])
@pytest.mark.parametrize("pieces", [1, 17, TURN])
def test_clientOfABalancerLogsInHoweverItsBytesCome(
    balanced: Balanced, header: bytes, pieces: int
) -> None:
    balanced.site.pieces = pieces
    client = balanced.connects(Brought(header=header))

    assert client.stage is Stage.SESSION
    assert balanced.sources() == balanced.sources("login.accepted") == [VICTIM]


def test_nothingOfWhatABalancerAddsIsWrittenDown(balanced: Balanced) -> None:
    balanced.connects(Brought(header=version2(more=TLVS)))

    assert "\\x1b" not in repr(balanced.site.events) + repr(balanced.site.log)


# Missing, slow, broken


def test_balancerThatSaysNothingHasTwoSeconds(balanced: Balanced) -> None:
    client = balanced.connects(silent())
    balanced.site.clock.advance(HEADER_TIME - 0.01)
    balanced.site.settle()
    assert not client.gone

    balanced.site.clock.advance(0.02)
    balanced.site.settle()

    assert client.gone
    assert client.theirVersion == b""
    assert balanced.sources("connection.refused") == [BALANCER]
    assert balanced.sources() == []


@pytest.mark.parametrize("header", [version1(), version2(more=bytes(900))])
def test_eachByteOfAHeaderBuysNoTime(balanced: Balanced, header: bytes) -> None:
    client = balanced.connects(silent())
    began = balanced.site.clock.seconds()
    for at in range(len(header)):
        if balanced.site.writes(client, header[at : at + 1]):
            break
        balanced.site.clock.advance(0.1)
        balanced.site.settle()

    assert client.gone
    assert balanced.site.clock.seconds() - began <= HEADER_TIME + 0.2
    assert balanced.sources("connection.refused") == [BALANCER]


def test_balancerWithoutAHeaderBringsNobody(balanced: Balanced) -> None:
    client = balanced.connects(Client())

    assert client.gone
    assert client.theirVersion == b""
    assert balanced.sources("connection.refused") == [BALANCER]


@pytest.mark.parametrize(
    "said",
    [
        b"PROXY " + b"A" * (1 << 20),
        b"PROXY UNKNOWN " + b"A" * (1 << 20),
        SIGNATURE + b"\x21\x11\xff\xff" + bytes(1 << 20),
        SIGNATURE + b"\x20\x00\xff\xff" + bytes(1 << 20),
        SIGNATURE + struct.pack(">BBH", 0x21, 0x11, MAX_HEADER - 15) + bytes(1 << 20),
    ],
)
@pytest.mark.parametrize("pieces", [1000, TURN])
def test_hugeHeaderIsNotWaitedFor(balanced: Balanced, said: bytes, pieces: int) -> None:
    balanced.site.pieces = pieces
    client = balanced.connects(silent())
    (waiting,) = balanced.front.waiting
    before = kept(waiting)

    assert balanced.site.writes(client, said)

    assert client.theirVersion == b""
    assert balanced.sources("connection.refused") == [BALANCER]
    assert kept(waiting) <= before


def test_longestHeaderIsAllThatIsKept(balanced: Balanced) -> None:
    balanced.site.pieces = 100
    client = balanced.connects(silent())
    whole = version2(more=bytes(MAX_HEADER - 28))
    (waiting,) = balanced.front.waiting
    before = kept(waiting)

    assert not balanced.site.writes(client, whole[:-1])
    assert before + MAX_HEADER // 2 < kept(waiting) < before + 2 * MAX_HEADER

    assert not balanced.site.writes(client, whole[-1:])
    assert balanced.sources() == [VICTIM]
    assert waiting._heard == b""


def test_thoseWhoWaitKeepNobodyOut(balanced: Balanced) -> None:
    crowd = [balanced.connects(silent()) for _ in range(MAX_WAITING + 50)]

    assert [client.gone for client in crowd] == [False] * MAX_WAITING + [True] * 50
    assert len(balanced.front.waiting) == MAX_WAITING
    direct = balanced.connects(Client(), VICTIM)
    assert direct.stage is Stage.SESSION


def malformed() -> Iterator[bytes]:
    """
    What is no header, and nearly one.
    """
    chance = random.Random(18)
    whole = [version1(), version2(), version2(more=TLVS), LOCAL, b"PROXY UNKNOWN\r\n"]
    while True:
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(min(len(data), 40))
            if chance.random() < 0.5:
                data[at] = chance.randrange(256)
            else:
                data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        try:
            parse(bytes(data))
        except BadHeader:
            yield bytes(data)


def test_tenThousandMalformedHeadersBringNobody(balanced: Balanced) -> None:
    """
    Each of them ends its connection with one line, and without a byte.
    """
    told = balanced.site.events
    for data, seen in zip(malformed(), range(MALFORMED), strict=False):
        client = balanced.connects(silent())
        gone = balanced.site.writes(client, data)
        assert (gone, client.theirVersion, len(client.buffer)) == (True, b"", 0), data
        ((name, fields),) = told[seen:]
        assert (name, fields["source"]) == ("connection.refused", BALANCER)
        assert fields["reason"].startswith("its PROXY header is no good: ")
        balanced.site.clients.clear()
