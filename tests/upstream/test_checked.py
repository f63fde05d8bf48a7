"""
L{bastion.upstream.checked}: a host, as a health check looks at it.
"""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface.verify import verifyObject

from bastion.auth.client import UserAuthClient
from bastion.interfaces import HostAddress, HostUnavailable, ICheckedHost
from bastion.upstream.attempt import HOST_TIME
from bastion.upstream.checked import CheckedHost

A = HostAddress("a")


def looked(cluster: Any) -> tuple[Any, list[Any]]:
    """
    Look at a host.

    @return: the Deferred, and what came of it.
    """
    outcome: list[Any] = []
    done = CheckedHost(cluster.site, A, UserAuthClient).handshake()
    done.addCallbacks(outcome.append, lambda failure: outcome.append(failure.value))
    cluster.network.settle()
    return done, outcome


@pytest.fixture
def cluster(clusterOf: Any) -> Any:
    """
    A cluster of one host.
    """
    return clusterOf(A)


def test_itIsOne(cluster: Any) -> None:
    verifyObject(ICheckedHost, CheckedHost(cluster.site, A, UserAuthClient))


def test_hostIsAskedForTheLoginServiceAndNothingElse(cluster: Any) -> None:
    _, (took,) = looked(cluster)

    assert took >= 0
    (host,) = cluster.speakers[A]
    assert host.transport.service is host.login
    assert list(host.login.heard) == []
    assert cluster.fates(A) == [[("disconnected", 11, b"not needed"), "lost"]]
    assert cluster.clock.getDelayedCalls() == []


def test_hostWithAnotherKeyIsNotWell(cluster: Any) -> None:
    cluster.answers(A, expected=False)
    _, (problem,) = looked(cluster)

    assert isinstance(problem, HostUnavailable)
    assert str(problem) == "an unexpected key"


@pytest.mark.parametrize("way", ["silent", "mute"])
def test_hostThatDoesNotAnswerIsNotWell(cluster: Any, way: str) -> None:
    cluster.dies(way, A)
    _, outcome = looked(cluster)
    assert outcome == []

    cluster.network.advance(HOST_TIME + 0.1)
    assert [str(problem) for problem in outcome] == ["a did not answer in time"]


def test_cancelledLookLeavesNothing(cluster: Any) -> None:
    cluster.dies("mute", A)
    done, outcome = looked(cluster)
    done.cancel()
    cluster.network.settle()

    assert len(outcome) == 1
    assert cluster.clock.getDelayedCalls() == []
