"""
L{bastion.upstream.ready}: connections that are ready before they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from bastion.interfaces import HostAddress
from bastion.upstream.attempt import HOST_TIME, Attempt
from bastion.upstream.ready import AGE, MAX_BEGUN, ReadyConnections

A, B = HostAddress("a"), HostAddress("b")
OPENSSH, PUTTY = b"SSH-2.0-OpenSSH_9.2", b"SSH-2.0-PuTTY_Release_0.78"
NOT_NEEDED = [("disconnected", 11, b"not needed"), "lost"]


@pytest.fixture
def cluster(clusterOf: Callable[..., Any]) -> Any:
    """
    A cluster of two hosts.
    """
    return clusterOf(A, B)


def prepared(cluster: Any, count: int, client: bytes = OPENSSH) -> ReadyConnections:
    """
    Somebody has logged in to A.
    """
    ready: ReadyConnections = cluster.ready(count)
    ready.prepare(A, client)
    cluster.network.settle()
    return ready


def transportOf(attempt: Attempt | None) -> Any:
    """
    The transport of a connection that is ready.
    """
    assert attempt is not None
    found: list[Any] = []
    attempt.ready.addCallback(found.append)
    return found[0]


def hostsEnd(cluster: Any, number: int) -> Any:
    """
    The end of a connection to A that A has.
    """
    return cluster.speakers[A][number].transport.transport


def count(cluster: Any) -> tuple[int, int]:
    """
    How many connections were ever made to each host.
    """
    return len(cluster.speakers[A]), len(cluster.speakers[B])


def test_nothingIsReadyBeforeSomebodyHasLoggedIn(cluster: Any) -> None:
    ready = cluster.ready(2)

    assert ready.take(A, OPENSSH) is None
    assert count(cluster) == (0, 0)
    assert cluster.clock.getDelayedCalls() == []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_soManyAreKeptForTheHostOfALogin(cluster: Any, number: int) -> None:
    ready = prepared(cluster, number)

    assert count(cluster) == (number, 0)
    taken = [ready.take(A, OPENSSH) for _ in range(number)]
    assert len(set(taken)) == number
    assert None not in taken
    assert ready.take(A, OPENSSH) is None


def test_withACountOfZeroNothingIsMade(cluster: Any) -> None:
    ready = prepared(cluster, 0)

    assert count(cluster) == (0, 0)
    assert ready.take(A, OPENSSH) is None
    assert cluster.clock.getDelayedCalls() == []


def test_whatIsKeptIsUnusedAndTakesNoPlace(cluster: Any) -> None:
    prepared(cluster, 2)

    for speaker in cluster.speakers[A]:
        assert speaker.transport.service is speaker.login
        assert list(speaker.login.heard) == []
    assert cluster.leased == {}


def test_oldestIsTakenFirst(cluster: Any) -> None:
    ready = prepared(cluster, 2)

    for number in (0, 1):
        taken = transportOf(ready.take(A, OPENSSH))
        assert taken.transport.other is hostsEnd(cluster, number)


def test_takenIsReplacedAfterTheNextLogin(cluster: Any) -> None:
    ready = prepared(cluster, 2)
    ready.take(A, OPENSSH)
    cluster.network.settle()
    assert count(cluster) == (2, 0)

    ready.prepare(A, OPENSSH)
    assert count(cluster) == (3, 0)
    ready.prepare(A, OPENSSH)
    assert count(cluster) == (3, 0)


def test_tooOldIsClosedWithAWord(cluster: Any) -> None:
    ready = prepared(cluster, 2)
    cluster.network.advance(AGE - 0.2)
    assert cluster.fates(A) == [[], []]

    cluster.network.advance(0.3)

    assert cluster.fates(A) == [NOT_NEEDED, NOT_NEEDED]
    assert ready.take(A, OPENSSH) is None
    assert cluster.clock.getDelayedCalls() == []


def test_eachHasAnAgeOfItsOwn(cluster: Any) -> None:
    ready = prepared(cluster, 2)
    cluster.network.advance(AGE / 2)
    ready.take(A, OPENSSH)
    ready.prepare(A, OPENSSH)

    cluster.network.advance(AGE / 2 + 0.1)

    assert cluster.fates(A) == [[], NOT_NEEDED, []]
    taken = transportOf(ready.take(A, OPENSSH))
    assert taken.transport.other is hostsEnd(cluster, 2)
    assert cluster.clock.getDelayedCalls() == []


def test_takenDoesNotGrowOld(cluster: Any) -> None:
    ready = prepared(cluster, 1)
    taken = ready.take(A, OPENSSH)

    cluster.network.advance(AGE * 2)

    assert taken is not None
    assert not taken.over
    assert cluster.fates(A) == [[]]


@pytest.mark.parametrize("way", ["closes", "vanishes", "says goodbye"])
def test_whatTheHostHasClosedIsNotGivenOut(cluster: Any, way: str) -> None:
    ready = prepared(cluster, 2)
    if way == "says goodbye":
        cluster.speakers[A][0].transport.disconnect(2, b"Timeout before authentication")
    else:
        end = hostsEnd(cluster, 0)
        end.loseConnection() if way == "closes" else end.abortConnection()
    cluster.network.settle()

    taken = transportOf(ready.take(A, OPENSSH))

    assert taken.transport.other is hostsEnd(cluster, 1)
    assert ready.take(A, OPENSSH) is None
    assert cluster.clock.getDelayedCalls() == []


@pytest.mark.parametrize("way", ["refuses", "silent", "stalled", "has another key"])
def test_whatHasFailedIsNotGivenOut(cluster: Any, way: str) -> None:
    if way == "refuses":
        cluster.network.stopListening(A)
    elif way == "has another key":
        cluster.answers(A, expected=False)
    else:
        cluster.dies(way, A)
    ready = prepared(cluster, 2)
    cluster.network.advance(HOST_TIME + 0.1)

    assert ready.take(A, OPENSSH) is None
    assert cluster.clock.getDelayedCalls() == []


def test_failuresThatNobodyHasAskedForGrowOldToo(cluster: Any) -> None:
    cluster.network.stopListening(A)
    prepared(cluster, 2)

    cluster.network.advance(AGE + 0.1)

    assert cluster.clock.getDelayedCalls() == []


def test_oneThatIsNotQuiteReadyIsGivenOut(cluster: Any) -> None:
    ready = cluster.ready(1)
    ready.prepare(A, OPENSSH)

    taken = ready.take(A, OPENSSH)

    assert taken is not None
    assert not taken.ready.called
    cluster.network.settle()
    assert transportOf(taken).transport.other is hostsEnd(cluster, 0)


def test_programsOfAnotherKinDoNotShare(cluster: Any) -> None:
    ready = prepared(cluster, 1, OPENSSH)

    assert ready.take(A, PUTTY) is None
    ready.prepare(A, PUTTY)
    cluster.network.settle()

    for number, client in enumerate((OPENSSH, PUTTY)):
        transport = transportOf(ready.take(A, client))
        assert transport.transport.other is hostsEnd(cluster, number)
    said = [speaker.transport.otherVersionString for speaker in cluster.speakers[A]]
    assert [each.startswith(b"SSH-2.0-OpenSSH") for each in said] == [True, False]


@pytest.mark.parametrize("kin", [(OPENSSH, b"SSH-2.0-OpenSSH_7.4"), (PUTTY, b"SSH-2.0-x")])
def test_programsOfOneKinShare(cluster: Any, kin: tuple[bytes, bytes]) -> None:
    ready = prepared(cluster, 1, kin[0])

    assert ready.take(A, kin[1]) is not None


def test_hostsDoNotShare(cluster: Any) -> None:
    ready = prepared(cluster, 1)

    assert ready.take(B, OPENSSH) is None
    assert ready.take(A, OPENSSH) is not None


def afterAllIsReady(cluster: Any) -> None:
    """
    Everything is ready.
    """
    cluster.network.settle()


def onTheWay(cluster: Any) -> None:
    """
    Nothing has moved yet.
    """


def afterTheHostHasClosed(cluster: Any) -> None:
    """
    The host has closed the first connection.
    """
    cluster.network.settle()
    hostsEnd(cluster, 0).loseConnection()
    cluster.network.settle()


def afterTheyWereTooOld(cluster: Any) -> None:
    """
    Everything has become too old.
    """
    cluster.network.advance(AGE + 1)


@pytest.mark.parametrize(
    "play", [onTheWay, afterAllIsReady, afterTheHostHasClosed, afterTheyWereTooOld]
)
@pytest.mark.parametrize("way", ["answers", "refuses", "silent", "stalled"])
def test_closedLeavesNothing(cluster: Any, way: str, play: Callable[[Any], None]) -> None:
    ready = cluster.ready(2)
    ready.prepare(A, OPENSSH)
    ready.prepare(A, PUTTY)
    if way == "refuses":
        cluster.network.stopListening(B)
    elif way != "answers":
        cluster.dies(way, B)
    ready.prepare(B, OPENSSH)
    play(cluster)

    ready.close()
    cluster.network.settle()

    assert cluster.clock.getDelayedCalls() == []
    assert all(fate[-1] == "lost" for host in (A, B) for fate in cluster.fates(host))
    assert ready.take(A, OPENSSH) is ready.take(B, OPENSSH) is None


def test_closedSaysSoToTheHosts(cluster: Any) -> None:
    ready = prepared(cluster, 2)

    ready.close()
    cluster.network.settle()

    assert cluster.fates(A) == [NOT_NEEDED, NOT_NEEDED]


# What is begun for a login that may come


def begin(cluster: Any, ready: Any, count: int = 1) -> list[Attempt]:
    """
    So many clients are on their way to their login.
    """
    begun = [ready.begin(A, OPENSSH) for _ in range(count)]
    cluster.network.settle()
    return begun


def test_begunIsReadyForItsLogin(cluster: Any) -> None:
    ready = cluster.ready(0)
    (attempt,) = begin(cluster, ready)
    assert transportOf(attempt).service.name == b"ssh-userauth"

    ready.used(attempt)
    assert count(cluster) == (1, 0)
    attempt.drop()
    cluster.network.settle()


def test_noMoreAreBegunThanTheHostIsAskedToBear(cluster: Any) -> None:
    ready = cluster.ready(0)
    *begun, oneMore = begin(cluster, ready, MAX_BEGUN + 1)

    assert oneMore is None
    ready.back(begun[0], OPENSSH)
    assert begin(cluster, ready) == [begun[0]]
    assert begin(cluster, ready) == [None]
    assert count(cluster) == (MAX_BEGUN, 0)

    for attempt in begun:
        ready.back(attempt, OPENSSH)
    ready.close()
    cluster.network.settle()


def test_timesAreThoseOfHostsThatWeDoNotKnow() -> None:
    # OpenSSH's PerSourcePenalties count a second for each that is not used, and forgive
    # one in a second; its strictest users give 30 seconds to log in.
    strictGraceTime = 30
    assert MAX_BEGUN / AGE < 1
    assert AGE <= strictGraceTime / 3


def test_whatWasNotNeededIsForTheNextAndKeepsItsAge(cluster: Any) -> None:
    ready = cluster.ready(0)
    (attempt,) = begin(cluster, ready)
    cluster.network.advance(AGE - 1)
    ready.back(attempt, OPENSSH)
    assert ready.take(A, OPENSSH) is attempt

    ready.begin(A, OPENSSH)
    (other,) = begin(cluster, ready)
    ready.back(other, OPENSSH)
    cluster.network.advance(AGE + 0.1)
    assert ready.take(A, OPENSSH) is None
    attempt.drop()
    ready.close()
    cluster.network.settle()


def test_whatIsTooOldOrDeadIsNotKept(cluster: Any) -> None:
    ready = cluster.ready(0)
    old, dead = begin(cluster, ready, 2)
    hostsEnd(cluster, 1).loseConnection()
    cluster.network.advance(AGE + 0.1)
    ready.back(old, OPENSSH)
    ready.back(dead, OPENSSH)
    cluster.network.settle()

    assert ready.take(A, OPENSSH) is None
    assert cluster.fates(A)[0][-1] == "lost"
    assert cluster.clock.getDelayedCalls() == []


def test_nothingIsKeptReadyAtAHostThatIsNotWell(cluster: Any) -> None:
    cluster.witnesses.isWell = lambda host: host != A
    ready = cluster.ready(2)
    ready.prepare(A, OPENSSH)

    assert count(cluster) == (0, 0)


def test_nothingIsTakenOfAHostThatIsNotWell(cluster: Any) -> None:
    ready = prepared(cluster, 2)
    cluster.witnesses.isWell = lambda host: host != A

    assert ready.take(A, OPENSSH) is None
    cluster.network.settle()
    assert cluster.fates(A) == [NOT_NEEDED] * 2


def test_whatIsForgottenIsClosed(cluster: Any) -> None:
    ready = prepared(cluster, 2)
    ready.prepare(A, PUTTY)
    ready.prepare(B, OPENSSH)
    cluster.network.settle()

    ready.forget(A)
    cluster.network.settle()

    assert cluster.fates(A) == [NOT_NEEDED] * 4
    assert ready.take(A, OPENSSH) is None is ready.take(A, PUTTY)
    assert ready.take(B, OPENSSH) is not None


def test_whereHostsAreToldOfTheClientNothingIsBegunOrKept(clusterOf: Callable[..., Any]) -> None:
    """
    It would be said to be for somebody else than who gets it.
    """
    cluster = clusterOf(A)
    cluster.site = evolve(cluster.site, proxyProtocol="v2")
    ready = cluster.ready(2)

    assert ready.begin(A, OPENSSH) is None
    ready.prepare(A, OPENSSH)
    cluster.network.settle()

    assert ready.take(A, OPENSSH) is None
    assert cluster.speakers[A] == []
    assert cluster.clock.getDelayedCalls() == []
