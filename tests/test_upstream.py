"""
L{bastion.upstream}: from a list of hosts to one that is ready for a login.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectError, DNSLookupError, TimeoutError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from bastion.auth.client import UserAuthClient
from bastion.hosts.memory import Leases
from bastion.hosts.selector import Selector
from bastion.hosts.strategies import NoOptions, Ordered
from bastion.interfaces import HostAddress, HostRequest, NoHostAvailable
from bastion.testing.network import Network
from bastion.testing.speakers import Speaker, TrustedKeys, speakingHost
from bastion.upstream import HOST_TIME, PATIENCE, SEARCH_TIME, Search, Site, Upstream
from bastion.wire import MSG_SERVICE_ACCEPT, string

KEY = Key(Ed25519PrivateKey.generate())
OTHER_KEY = Key(Ed25519PrivateKey.generate())
A, B, C, D, E = HOSTS = tuple(HostAddress(name) for name in "abcde")
REQUEST = HostRequest(b"johnson", "192.0.2.1", "esrf", b"SSH-2.0-OpenSSH_9.2")


class Cluster:
    """
    Hosts in memory, and a search among them: C{passed} over, and C{found}.
    """

    def __init__(self, *hosts: HostAddress) -> None:
        self.network = Network()
        self.clock = self.network.clock
        self.speakers: dict[HostAddress, list[Speaker]] = {host: [] for host in hosts}
        self.passed: list[tuple[HostAddress, str]] = []
        self.found: list[Any] = []
        self.leases = Leases(self.clock, 0)
        for host in hosts:
            self.answers(host)
        trusted = TrustedKeys({KEY.public().blob()})
        selector = Selector(hosts, Ordered(NoOptions()), self.leases)
        site = Site(selector, self.network.endpoint, lambda host: trusted, self.clock)
        self.search = Search(
            site, REQUEST, UserAuthClient, lambda *reported: self.passed.append(reported)
        )

    def answers(self, host: HostAddress, key: Key = KEY) -> None:
        """
        Let a host speak SSH, on a clock of its own.
        """

        def connected() -> Any:
            self.speakers[host].append(speakingHost(Clock(), key))
            return self.speakers[host][-1].transport

        self.network.listen(host, connected)

    def dies(self, way: str, *hosts: HostAddress) -> None:
        """
        Let hosts take connections and say nothing, or not even that.
        """
        for host in hosts:
            self.network.silence(host) if way == "silent" else self.network.listen(host, Protocol)

    def next(self) -> Deferred[Upstream]:
        """
        Search for the next host.
        """
        searching = self.search.next()
        searching.addCallbacks(self.found.append, lambda failure: self.found.append(failure.value))
        self.network.settle()
        return searching

    @property
    def host(self) -> Any:
        """
        The host that was found last.
        """
        return self.found[-1].lease.host

    @property
    def leased(self) -> dict[HostAddress, int]:
        """
        The places that are taken.
        """
        return {host: count for host, count in self.leases.sessions.items() if count}


@pytest.fixture(autouse=True)
def nothingIsLogged() -> Iterator[None]:
    with capturedLogs() as events:
        yield
    assert [event for event in events if "log_failure" in event] == []


def test_firstHostThatIsReadyIsTaken() -> None:
    cluster = Cluster(A, B)
    cluster.next()

    (upstream,) = cluster.found
    assert upstream.lease.host == A
    assert upstream.transport.service.name == b"ssh-userauth"
    assert upstream.transport.service.host == A
    assert upstream.lease.account == b"johnson"
    assert cluster.speakers[A][0].transport.otherVersionString.startswith(b"SSH-2.0-OpenSSH")
    assert cluster.speakers[B] == cluster.passed == []
    assert (cluster.leased, cluster.clock.getDelayedCalls()) == ({A: 1}, [])


def test_hostThatRefusesIsPassedOverAtOnce() -> None:
    cluster = Cluster(A, B, C)
    cluster.network.stopListening(A)
    cluster.network.stopListening(B)
    cluster.next()

    assert (cluster.host, cluster.leased) == (C, {C: 1})
    assert cluster.passed == [(A, "a refuses connections"), (B, "b refuses connections")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), "a did not answer in time"),
        (DNSLookupError("gai"), "a has no address"),
        (
            ConnectError(string="no route"),
            "a cannot be reached: An error occurred while connecting",
        ),
    ],
)
def test_reasonIsAsAnOperatorSaysIt(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    cluster = Cluster(A)
    monkeypatch.setattr(Network, "connect", lambda *arguments: fail(error))
    cluster.next()

    ((host, said),) = cluster.passed
    assert (host, said[: len(reason)]) == (A, reason)


@pytest.mark.parametrize("way", ["silent", "stalled"])
def test_nextHostIsTriedBesideOneThatKeepsItsUserWaiting(way: str) -> None:
    cluster = Cluster(A, B)
    cluster.dies(way, A)
    cluster.next()
    cluster.network.advance(PATIENCE - 0.2)
    assert (cluster.speakers[B], cluster.leased) == ([], {A: 1})

    cluster.network.advance(0.3)

    assert cluster.host == B
    assert cluster.passed == [(A, "a was slower than another host")]
    assert (cluster.leased, cluster.clock.getDelayedCalls()) == ({B: 1}, [])


def test_slowHostThatIsReadyFirstWins() -> None:
    cluster = Cluster(A, B)
    cluster.network.silence(B)
    cluster.search.next().addCallback(cluster.found.append)
    cluster.clock.advance(PATIENCE + 0.1)
    assert cluster.leased == {A: 1, B: 1}

    cluster.network.settle()

    assert cluster.host == A
    assert cluster.passed == [(B, "b was slower than another host")]
    assert (cluster.leased, cluster.clock.getDelayedCalls()) == ({A: 1}, [])


def test_hostHasItsTimeAndNoMore() -> None:
    cluster = Cluster(A)
    cluster.dies("stalled", A)
    cluster.next()
    cluster.network.advance(HOST_TIME - 0.2)
    assert cluster.found == []

    cluster.network.advance(0.3)

    assert isinstance(cluster.found[0], NoHostAvailable)
    assert cluster.passed == [(A, "a did not answer in time")]
    assert (cluster.leased, cluster.clock.getDelayedCalls()) == ({}, [])


@pytest.mark.parametrize("way", ["silent", "stalled"])
def test_searchEndsInTimeThoughAllHostsAreDead(way: str) -> None:
    cluster = Cluster(*HOSTS)
    cluster.dies(way, *HOSTS)
    cluster.next()
    cluster.network.advance(SEARCH_TIME - 0.2)
    assert cluster.found == []

    cluster.network.advance(0.3)

    assert isinstance(cluster.found[0], NoHostAvailable)
    assert sorted(cluster.passed) == [(host, f"{host} did not answer in time") for host in HOSTS]
    assert (cluster.leased, cluster.clock.getDelayedCalls()) == ({}, [])


def test_eachHostThatIsPassedOverIsReportedOnce() -> None:
    cluster = Cluster(*HOSTS)
    cluster.network.stopListening(A)
    cluster.network.silence(B)
    cluster.answers(C, OTHER_KEY)
    cluster.dies("stalled", D)
    cluster.next()
    cluster.network.advance(SEARCH_TIME + HOST_TIME)

    assert (cluster.host, cluster.leased) == (E, {E: 1})
    assert sorted(host for host, _ in cluster.passed) == [A, B, C, D]


def test_unexpectedKeyIsReportedAndTheHostHearsNothing() -> None:
    cluster = Cluster(A, B)
    cluster.answers(A, OTHER_KEY)
    cluster.next()

    assert cluster.passed == [(A, "a is of no use: an unexpected key")]
    assert cluster.host == B
    (speaker,) = cluster.speakers[A]
    assert speaker.witness.events == [("disconnected", 9, b"unexpected host key"), "lost"]


def test_hostThatAcceptsAnotherServiceIsPassedOver(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(A, B)
    other = speakingHost(Clock(), KEY)
    cluster.network.listen(A, lambda: other.transport)
    monkeypatch.setattr(
        other.transport,
        "ssh_SERVICE_REQUEST",
        lambda payload: other.transport.sendPacket(MSG_SERVICE_ACCEPT, string(b"ssh-other")),
    )
    cluster.next()

    assert [host for host, _ in cluster.passed] == [A]
    assert cluster.host == B


@pytest.mark.parametrize("after", [0.0, PATIENCE + 0.1, HOST_TIME + 0.1])
@pytest.mark.parametrize("way", ["silent", "stalled"])
def test_cancelledSearchLeavesNothing(after: float, way: str) -> None:
    cluster = Cluster(*HOSTS)
    cluster.dies(way, *HOSTS)
    searching = cluster.next()
    cluster.network.advance(after)
    reported = list(cluster.passed)

    searching.cancel()
    cluster.network.settle()

    assert isinstance(cluster.found[0], CancelledError)
    assert (cluster.leased, cluster.clock.getDelayedCalls()) == ({}, [])
    assert cluster.passed == reported
    cluster.network.advance(SEARCH_TIME)
    assert len(cluster.found) == 1


def test_connectionThatIsBeingMadeIsGivenUp(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(Network, "connect", lambda *arguments: Deferred(given.append))

    Cluster(A).next().cancel()

    assert len(given) == 1


def test_secondSearchGoesOnWithTheRest() -> None:
    cluster = Cluster(A, B, C)
    cluster.network.stopListening(B)
    cluster.next()
    cluster.found[0].lease.release()

    cluster.next()

    assert (cluster.host, cluster.leased) == (C, {C: 1})
    assert cluster.passed == [(B, "b refuses connections")]


@pytest.mark.parametrize("hosts", [(), (A,), (A, B)])
def test_behindTheLastHostTheSearchFailsAtOnce(hosts: tuple[HostAddress, ...]) -> None:
    cluster = Cluster(*hosts)
    for _ in hosts:
        cluster.next()

    cluster.next()

    assert isinstance(cluster.found[-1], NoHostAvailable)
    assert cluster.leased == dict.fromkeys(hosts, 1)
    assert cluster.clock.getDelayedCalls() == []
