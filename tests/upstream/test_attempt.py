"""
L{bastion.upstream.attempt}: the way to one host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectError, DNSLookupError, TimeoutError
from twisted.internet.protocol import Protocol

from bastion.interfaces import HostAddress, HostUnavailable
from bastion.testing.network import Network
from bastion.upstream.attempt import HOST_TIME, Attempt
from bastion.wire import MSG_SERVICE_ACCEPT, string

A = HostAddress("a")
NOT_NEEDED = ("disconnected", 11, b"not needed")


@pytest.fixture
def cluster(clusterOf: Callable[..., Any]) -> Any:
    """
    A cluster of one host.
    """
    return clusterOf(A)


def outcomes(attempt: Attempt) -> list[Any]:
    """
    What comes of an attempt: the transport or the exception, when it is there.
    """
    came: list[Any] = []
    attempt.ready.addCallbacks(came.append, lambda failure: came.append(failure.value))
    return came


def reasons(came: list[Any]) -> list[str]:
    """
    Why a host was not reached.
    """
    assert all(isinstance(each, HostUnavailable) for each in came)
    return [str(each) for each in came]


def steps(cluster: Any, attempt: Attempt, count: int) -> None:
    """
    Go a part of the way: so many times both ends take what is there.
    """
    for _ in range(count):
        for end in (attempt._transport.transport, cluster.speakers[A][0].transport.transport):
            end.step()


def test_readyWhenTheHostHasAcceptedTheLoginService(cluster: Any) -> None:
    attempt = cluster.attempt(A)
    came = outcomes(attempt)
    assert came == []

    cluster.network.settle()

    (transport,) = came
    assert transport.service.host == A
    assert transport.owner is attempt
    assert not attempt.over
    assert cluster.clock.getDelayedCalls() == []


def test_hostHearsOfNoLogin(cluster: Any) -> None:
    cluster.attempt(A)
    cluster.network.advance(HOST_TIME * 2)

    (speaker,) = cluster.speakers[A]
    assert speaker.transport.service is speaker.login
    assert list(speaker.login.heard) == []
    assert cluster.leased == {}


@pytest.mark.parametrize(
    ("client", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2", b"SSH-2.0-OpenSSH_compatible bastion_"),
        (b"SSH-2.0-PuTTY_Release_0.78", b"SSH-2.0-bastion_"),
    ],
)
def test_hostIsToldTheKinOfTheClient(cluster: Any, client: bytes, said: bytes) -> None:
    cluster.attempt(A, client)
    cluster.network.settle()

    (speaker,) = cluster.speakers[A]
    assert speaker.transport.otherVersionString.startswith(said)


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
    cluster: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    monkeypatch.setattr(Network, "connect", lambda *arguments: fail(error))

    attempt = cluster.attempt(A)

    (said,) = reasons(outcomes(attempt))
    assert said.startswith(reason)
    assert attempt.over
    assert cluster.clock.getDelayedCalls() == []


def test_hostThatRefusesIsOver(cluster: Any) -> None:
    cluster.network.stopListening(A)

    attempt = cluster.attempt(A)

    assert reasons(outcomes(attempt)) == ["a refuses connections"]
    assert attempt.over


@pytest.mark.parametrize("way", ["silent", "stalled"])
def test_hostHasItsTimeAndNoMore(cluster: Any, way: str) -> None:
    cluster.dies(way, A)
    attempt = cluster.attempt(A)
    came = outcomes(attempt)
    cluster.network.advance(HOST_TIME - 0.2)
    assert (came, attempt.over) == ([], False)

    cluster.network.advance(0.3)

    assert reasons(came) == ["a did not answer in time"]
    assert attempt.over
    assert cluster.clock.getDelayedCalls() == []


def test_hostThatDoesNotAcceptTheServiceInTimeIsCut(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = cluster.attempt(A)
    host = cluster.speakers[A][0].transport
    monkeypatch.setattr(host, "ssh_SERVICE_REQUEST", lambda payload: None)

    cluster.network.advance(HOST_TIME + 0.1)

    assert reasons(outcomes(attempt)) == ["a did not answer in time"]
    assert cluster.fates(A) == [["lost"]]


def test_unexpectedKeyEndsIt(cluster: Any) -> None:
    cluster.answers(A, expected=False)
    attempt = cluster.attempt(A)
    cluster.network.settle()

    assert reasons(outcomes(attempt)) == ["an unexpected key"]
    assert attempt.over
    assert cluster.fates(A) == [[("disconnected", 9, b"unexpected host key"), "lost"]]


def test_hostThatAcceptsAnotherServiceIsOfNoUse(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = cluster.attempt(A)
    host = cluster.speakers[A][0].transport
    other = string(b"ssh-other")
    monkeypatch.setattr(
        host, "ssh_SERVICE_REQUEST", lambda payload: host.sendPacket(MSG_SERVICE_ACCEPT, other)
    )
    cluster.network.settle()

    (reason,) = reasons(outcomes(attempt))
    assert reason.startswith("a is of no use: the host accepts a service")
    assert attempt.over


def test_hostThatClosesIsOver(cluster: Any) -> None:
    class Closing(Protocol):
        def connectionMade(self) -> None:
            self.transport.loseConnection()

    cluster.network.listen(A, Closing)
    attempt = cluster.attempt(A)
    cluster.network.settle()

    assert reasons(outcomes(attempt)) == ["a closed the connection before the login"]
    assert attempt.over
    assert cluster.clock.getDelayedCalls() == []


@pytest.mark.parametrize("way", ["closes", "says goodbye", "talks nonsense"])
def test_readyHostThatGoesAwayIsOver(cluster: Any, way: str) -> None:
    attempt = cluster.attempt(A)
    cluster.network.settle()
    host = cluster.speakers[A][0].transport

    if way == "closes":
        host.transport.loseConnection()
    elif way == "says goodbye":
        host.disconnect(2, b"too late")
    else:
        host.sendPacket(MSG_SERVICE_ACCEPT, b"")
    host.transport.step()
    # Before our own end is closed.
    before = attempt.over
    cluster.network.settle()

    assert before == (way != "closes")
    assert attempt.over
    assert len(outcomes(attempt)) == 1
    assert cluster.clock.getDelayedCalls() == []


@pytest.mark.parametrize("count", range(8))
def test_droppedOnItsWayLeavesNothing(cluster: Any, count: int) -> None:
    attempt = cluster.attempt(A)
    steps(cluster, attempt, count)
    came = outcomes(attempt)
    wasReady = bool(came)

    attempt.drop()
    attempt.drop()
    cluster.network.settle()

    assert attempt.over
    assert cluster.fates(A) == [[NOT_NEEDED, "lost"] if wasReady else ["lost"]]
    assert reasons(came[wasReady:]) == ([] if wasReady else ["a is not needed"])
    assert cluster.clock.getDelayedCalls() == []


def test_wayIsAsLongAsTheTestsOfItThink(cluster: Any) -> None:
    attempt = cluster.attempt(A)
    steps(cluster, attempt, 1)
    assert not attempt.ready.called

    steps(cluster, attempt, 6)

    assert attempt.ready.called


def test_droppedBeforeItIsConnectedIsGivenUp(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(Network, "connect", lambda *arguments: Deferred(given.append))

    cluster.attempt(A).drop()

    assert len(given) == 1
    assert cluster.clock.getDelayedCalls() == []


@pytest.mark.parametrize("way", ["refuses", "silent", "stalled", "closes"])
def test_droppedWhenItIsOverLeavesNothing(cluster: Any, way: str) -> None:
    """
    Not even a failure that nobody has looked at.
    """
    if way in ("silent", "stalled"):
        cluster.dies(way, A)
    elif way == "refuses":
        cluster.network.stopListening(A)
    attempt = cluster.attempt(A)
    cluster.network.settle()
    if way == "closes":
        cluster.speakers[A][0].transport.transport.loseConnection()
    cluster.network.advance(HOST_TIME + 0.1)
    assert attempt.over

    attempt.drop()
    cluster.network.settle()

    assert cluster.clock.getDelayedCalls() == []


def test_readyHostIsNotStopped(cluster: Any) -> None:
    attempt = cluster.attempt(A)
    cluster.network.settle()

    attempt.stop("was slower than another host")
    cluster.network.settle()

    assert not attempt.over
    assert cluster.fates(A) == [[]]
