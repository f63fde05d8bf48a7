"""
Tests of L{bastion.admission.reversedns}: DNS servers on the loopback, good ones and others.
Time is a clock that is moved by hand.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from bastion.admission.dnsports import MAX_PORTS, Server
from bastion.admission.dnsverdict import Missing, NoAnswer, NotRegistered, Registered
from bastion.admission.reversedns import MAX_NAMES, reverseDns
from bastion.testing.dnsserver import DnsServer
from bastion.testing.dnszone import Zone

GOOD = "127.0.0.7 HOST pc7.example.org\n2001:db8::7 HOST pc7.example.org\n"
PC7 = Registered("pc7.example.org")
LATE = "there was no answer within 3 s"
#: A port on which nobody listens, and which nobody is given by chance.
DEAD = 1


class HandMoved(Clock):
    """
    The reactor, with a clock that is moved by hand.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


class Site:
    """
    A DNS server, and look-ups in it.
    """

    def __init__(self, address: str) -> None:
        self.zone = Zone()
        self.server = DnsServer(reactor, lambda: self.zone, address).start()
        self.clock = HandMoved()
        self.looks(self.server)

    def looks(self, *servers: DnsServer | Server) -> None:
        """
        Look into these from now on.
        """
        places = [
            (each.address, each.port) if isinstance(each, DnsServer) else each for each in servers
        ]
        self.reverseDns = reverseDns(places, self.clock)

    def check(self, address: str) -> Deferred[Any]:
        """
        Look an address up; a problem is told as it is.
        """
        looking: Deferred[Any] = self.reverseDns.check(ip_address(address))
        return looking.addErrback(lambda failure: failure.value)

    async def until(self, happened: Callable[[], Any]) -> None:
        """
        Wait until something has happened.
        """
        for _ in range(1000):
            if happened():
                return
            await deferLater(reactor, 0.01)
        raise AssertionError("the loopback takes no ten seconds")

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)


@pytest_twisted.async_yield_fixture(params=["127.0.0.1", "::1"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """
    A server of each family; nothing is left of what has asked it.
    """
    before = len(reactor.getReaders())
    site = Site(request.param)
    yield site
    assert not site.clock.getDelayedCalls()
    await site.server.stop()
    await site.until(lambda: len(reactor.getReaders()) <= before)


def open_() -> int:
    """
    How many files the process has open.
    """
    return len(os.listdir("/proc/self/fd"))


def faulty(kind: str, *owners: str) -> Zone:
    """
    A good zone with a fault.
    """
    return Zone.read(GOOD + "".join(f"{owner} FAULT {kind}\n" for owner in owners))


# Good servers


@pytest.mark.parametrize("address", ["127.0.0.7", "2001:db8::7", "::ffff:127.0.0.7"])
@pytest_twisted.ensureDeferred
async def test_registeredAddressIsFound(site: Site, address: str) -> None:
    site.zone = Zone.read(GOOD)
    assert await site.check(address) == PC7
    known = site.check(address)
    assert known.called
    assert await known == PC7
    assert len(site.server.asked) == 2


@pytest_twisted.ensureDeferred
async def test_addressWithoutANameIsNotRegistered(site: Site) -> None:
    problem = await site.check("127.0.0.8")
    assert isinstance(problem, NotRegistered)
    assert problem.missing is Missing.NAME


@pytest.mark.parametrize("owners", [("127.0.0.7",), ("127.0.0.7", "pc7.example.org")])
@pytest_twisted.ensureDeferred
async def test_whatDoesNotFitComesByTcp(site: Site, owners: Sequence[str]) -> None:
    site.zone = faulty("truncated", *owners)
    assert await site.check("127.0.0.7") == PC7
    assert sum(asked.byTcp for asked in site.server.asked) == len(owners)


@pytest_twisted.ensureDeferred
async def test_addressMayHaveAThousandNames(site: Site) -> None:
    names = "".join(f"127.0.0.7 PTR pc{number}.example.org\n" for number in range(1000))
    site.zone = Zone.read(names + "pc9.example.org A 127.0.0.7")
    assert await site.check("127.0.0.7") == Registered("pc9.example.org")
    assert len(site.server.asked) == 2 + MAX_NAMES


@pytest_twisted.ensureDeferred
async def test_aliasesAreFollowed(site: Site) -> None:
    site.zone = Zone.read(
        "127.0.0.7 CNAME 7.0/25.0.0.127.in-addr.arpa\n127.0.0.7 FAULT stingy\n"
        "7.0/25.0.0.127.in-addr.arpa PTR pc7.example.org\n"
        "pc7.example.org CNAME www.example.org\nwww.example.org A 127.0.0.7\n"
    )
    assert await site.check("127.0.0.7") == PC7
    assert len(site.server.asked) == 3


# Servers that mean no good


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("code SERVFAIL", "{} says SERVFAIL"),
        ("code REFUSED", "{} says REFUSED"),
        ("flapping SERVFAIL", "{} says SERVFAIL"),
        ("cut", "{} has sent a reply that is no good: it ends too early"),
        ("garbage", "{} has sent a reply that is no good: a name is too long"),
        ("bomb", "{} has sent a reply that is no good: a pointer does not lead backwards"),
        ("closing", "a DNS server has closed the connection"),
    ],
)
@pytest.mark.parametrize("owner", ["127.0.0.7", "pc7.example.org"])
@pytest_twisted.ensureDeferred
async def test_badReplyIsNoAnswer(site: Site, owner: str, kind: str, problem: str) -> None:
    site.zone = faulty(kind, owner)
    told = await site.check("127.0.0.7")
    assert isinstance(told, NoAnswer)
    assert str(told) == problem.format(site.server.address)


@pytest.mark.parametrize("kind", ["silent", "mute", "wrong-id", "wrong-question", "other-port"])
@pytest.mark.parametrize("owner", ["127.0.0.7", "pc7.example.org"])
@pytest_twisted.ensureDeferred
async def test_silenceAndForgeryAreNoAnswer(site: Site, owner: str, kind: str) -> None:
    """
    The forged reply says that the address is registered.
    """
    site.zone = faulty(kind, owner)
    looking = site.check("127.0.0.7")
    first = 1 if owner == "127.0.0.7" else 2
    for tries in range(3):
        await site.until(lambda asked=first + tries: len(udp(site.server)) == asked)
        assert not looking.called
        site.advance(0.8)
    site.advance(0.7)
    told = await looking
    assert isinstance(told, NoAnswer)
    assert str(told) == LATE


def udp(server: DnsServer) -> list[Any]:
    """
    What a server was asked by UDP.
    """
    return [asked for asked in server.asked if not asked.byTcp]


@pytest_twisted.ensureDeferred
async def test_recordsThatNobodyHasAskedForAreNotBelieved(site: Site) -> None:
    site.zone = Zone.read(
        "127.0.0.7 PTR pc7.example.org\n127.0.0.7 FAULT poison pc7.example.org 127.0.0.7"
    )
    problem = await site.check("127.0.0.7")
    assert isinstance(problem, NotRegistered)
    assert problem.missing is Missing.ADDRESS


@pytest_twisted.ensureDeferred
async def test_hostileNameIsNotShown(site: Site) -> None:
    site.zone = Zone.read("127.0.0.7 PTR \\027[2J\\000\\010.example.org\n")
    problem = await site.check("127.0.0.7")
    assert isinstance(problem, NotRegistered)
    assert str(problem) == "has no valid name in the DNS"


# Servers that are not there


@pytest_twisted.ensureDeferred
async def test_nextServerIsAskedWhenTheFirstIsDead(site: Site) -> None:
    site.looks((site.server.address, DEAD), site.server)
    site.zone = Zone.read(GOOD)
    assert await site.check("127.0.0.7") == PC7
    assert len(site.server.asked) == 2


@pytest_twisted.ensureDeferred
async def test_deadServersAreNoticedAtOnce(site: Site) -> None:
    site.looks((site.server.address, DEAD), (site.server.address, DEAD + 1))
    told = await site.check("127.0.0.7")
    assert isinstance(told, NoAnswer)
    assert str(told) == f"{site.server.address} cannot be asked: Connection refused"


@pytest_twisted.ensureDeferred
async def test_systemsServersAreAskedWhenNoneAreGiven(tmp_path: Path) -> None:
    resolvConf = tmp_path / "resolv.conf"
    resolvConf.write_text("nameserver 127.7.7.7\n")
    with pytest.raises(NoAnswer, match=r"^127\.7\.7\.7 cannot be asked: Connection refused$"):
        await reverseDns([], reactor, resolvConf).check(ip_address("127.0.0.7"))


# Many at once


@pytest_twisted.ensureDeferred
async def test_manyLookUpsNeedNoThreadAndFewSockets(site: Site) -> None:
    addresses = [f"127.1.{number // 250}.{number % 250}" for number in range(500)]
    good = "".join(f"{each} HOST pc{each.replace('.', '-')}.example.org\n" for each in addresses)
    site.zone = Zone.read("".join(f"{each} FAULT silent\n" for each in addresses))
    files, threads = open_(), threading.active_count()
    looking = []
    for start in range(0, 500, 100):
        # Not more at once than the server's socket holds.
        looking += [site.check(each) for each in addresses[start : start + 100]]
        await site.until(lambda start=start: len(site.server.asked) == start + 100)
        site.clock.advance(0.01)
    assert open_() - files <= MAX_PORTS
    site.zone = Zone.read(good)
    site.clock.advance(0.75)
    for answered in range(100, 600, 100):
        await site.until(lambda answered=answered: looking[answered - 1].called)
        site.clock.advance(0.01)
    for each in looking:
        assert isinstance(await each, Registered)
    assert threading.active_count() == threads
    assert open_() <= files
