"""
L{bastion.upstream.search}: from a list of hosts to one that is ready for a login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.testing.network import Network
from bastion.upstream.attempt import HOST_TIME
from bastion.upstream.proxysent import End
from bastion.upstream.search import PATIENCE, SEARCH_TIME
from bastion.upstream.site import Site

A, B, C, D, E = HOSTS = tuple(HostAddress(name) for name in "abcde")
Among = Callable[..., Any]


def test_firstHostThatIsReadyIsTaken(among: Among) -> None:
    searching = among(A, B)
    cluster = searching.cluster
    searching.next()

    (upstream,) = searching.found
    assert upstream.lease.host == A
    assert upstream.transport.service.name == b"ssh-userauth"
    assert upstream.transport.service.host == A
    assert cluster.speakers[A][0].transport.otherVersionString.startswith(b"SSH-2.0-OpenSSH")
    assert cluster.speakers[B] == searching.passed == []
    assert searching.left == ({A: 1}, [])


def test_hostThatRefusesIsPassedOverAtOnce(among: Among) -> None:
    searching = among(A, B, C)
    cluster = searching.cluster
    cluster.network.stopListening(A)
    cluster.network.stopListening(B)
    searching.next()

    assert (searching.host, cluster.leased) == (C, {C: 1})
    assert searching.passed == [(A, "a refuses connections"), (B, "b refuses connections")]


@pytest.mark.parametrize("way", ["silent", "stalled"])
def test_nextHostIsTriedBesideOneThatKeepsItsUserWaiting(among: Among, way: str) -> None:
    searching = among(A, B)
    cluster = searching.cluster
    cluster.dies(way, A)
    searching.next()
    cluster.network.advance(PATIENCE - 0.2)
    assert (cluster.speakers[B], cluster.leased) == ([], {A: 1})

    cluster.network.advance(0.3)

    assert searching.host == B
    assert searching.passed == [(A, "a was slower than another host")]
    assert searching.left == ({B: 1}, [])


def test_slowHostThatIsReadyFirstWins(among: Among) -> None:
    searching = among(A, B)
    cluster = searching.cluster
    cluster.network.silence(B)
    searching.search.next().addCallback(searching.found.append)
    cluster.clock.advance(PATIENCE + 0.1)
    assert cluster.leased == {A: 1, B: 1}

    cluster.network.settle()

    assert searching.host == A
    assert searching.passed == [(B, "b was slower than another host")]
    assert searching.left == ({A: 1}, [])


def test_hostHasItsTimeAndNoMore(among: Among) -> None:
    searching = among(A)
    cluster = searching.cluster
    cluster.dies("stalled", A)
    searching.next()
    cluster.network.advance(HOST_TIME - 0.2)
    assert searching.found == []

    cluster.network.advance(0.3)

    assert isinstance(searching.found[0], NoHostAvailable)
    assert searching.passed == [(A, "a did not answer in time")]
    assert searching.left == ({}, [])


@pytest.mark.parametrize("way", ["silent", "stalled"])
def test_searchEndsInTimeThoughAllHostsAreDead(among: Among, way: str) -> None:
    searching = among(*HOSTS)
    cluster = searching.cluster
    cluster.dies(way, *HOSTS)
    searching.next()
    cluster.network.advance(SEARCH_TIME - 0.2)
    assert searching.found == []

    cluster.network.advance(0.3)

    assert isinstance(searching.found[0], NoHostAvailable)
    assert sorted(searching.passed) == [(host, f"{host} did not answer in time") for host in HOSTS]
    assert searching.left == ({}, [])


def test_eachHostThatIsPassedOverIsReportedOnce(among: Among) -> None:
    searching = among(*HOSTS)
    cluster = searching.cluster
    cluster.network.stopListening(A)
    cluster.network.silence(B)
    cluster.answers(C, expected=False)
    cluster.dies("stalled", D)
    searching.next()
    cluster.network.advance(SEARCH_TIME + HOST_TIME)

    assert (searching.host, cluster.leased) == (E, {E: 1})
    assert sorted(host for host, _ in searching.passed) == [A, B, C, D]


def test_unexpectedKeyIsReportedAndTheHostHearsNothing(among: Among) -> None:
    searching = among(A, B)
    cluster = searching.cluster
    cluster.answers(A, expected=False)
    searching.next()

    assert searching.passed == [(A, "an unexpected key")]
    assert searching.host == B
    (speaker,) = cluster.speakers[A]
    assert speaker.witness.events == [("disconnected", 9, b"unexpected host key"), "lost"]


@pytest.mark.parametrize("after", [0.0, PATIENCE + 0.1, HOST_TIME + 0.1])
@pytest.mark.parametrize("way", ["silent", "stalled"])
def test_cancelledSearchLeavesNothing(among: Among, after: float, way: str) -> None:
    searching = among(*HOSTS)
    cluster = searching.cluster
    cluster.dies(way, *HOSTS)
    waiting = searching.next()
    cluster.network.advance(after)
    reported = list(searching.passed)

    waiting.cancel()
    cluster.network.settle()

    assert isinstance(searching.found[0], CancelledError)
    assert searching.left == ({}, [])
    assert searching.passed == reported
    cluster.network.advance(SEARCH_TIME)
    assert len(searching.found) == 1


def test_connectionThatIsBeingMadeIsGivenUp(among: Among, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(Network, "connect", lambda *arguments: Deferred(given.append))

    among(A).next().cancel()

    assert len(given) == 1


def test_secondSearchGoesOnWithTheRest(among: Among) -> None:
    searching = among(A, B, C)
    cluster = searching.cluster
    cluster.network.stopListening(B)
    searching.next()
    searching.found[0].lease.release()

    searching.next()

    assert (searching.host, cluster.leased) == (C, {C: 1})
    assert searching.passed == [(B, "b refuses connections")]


@pytest.mark.parametrize("hosts", [(), (A,), (A, B)])
def test_behindTheLastHostTheSearchFailsAtOnce(
    among: Among, hosts: tuple[HostAddress, ...]
) -> None:
    searching = among(*hosts)
    cluster = searching.cluster
    for _ in hosts:
        searching.next()

    searching.next()

    assert isinstance(searching.found[-1], NoHostAvailable)
    assert cluster.leased == dict.fromkeys(hosts, 1)
    assert cluster.clock.getDelayedCalls() == []


def test_wayToEachHostIsForTheClient(among: Among, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[tuple[HostAddress, End | None]] = []

    def way(site: Site, host: HostAddress, client: End | None) -> Any:
        ways.append((host, client))
        return site.endpoint(host)

    monkeypatch.setattr(Site, "way", way)
    searching = among(A, B)
    searching.cluster.network.stopListening(A)
    searching.next()

    client = End("192.0.2.1", 50000)
    assert ways == [(A, client), (B, client)]
