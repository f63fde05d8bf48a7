"""
L{bastion.upstream.search}: a connection that was begun before it was known who needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.upstream.attempt import HOST_TIME
from bastion.upstream.search import PATIENCE

A, B = HostAddress("a"), HostAddress("b")
Among = Callable[..., Any]


@pytest.mark.parametrize("settled", [False, True])
def test_whatWasBegunIsGoneOnWith(among: Among, settled: bool) -> None:
    """
    Whether it is ready or not.
    """
    searching = among(A, B)
    cluster = searching.cluster
    searching.begun[A] = cluster.attempt(A)
    if settled:
        cluster.network.settle()
    assert searching.left[0] == {}

    searching.next()

    (upstream,) = searching.found
    (speaker,) = cluster.speakers[A]
    assert upstream.transport.transport.other is speaker.transport.transport
    assert (searching.host, searching.passed, searching.left) == (A, [], ({A: 1}, []))


def test_onlyTheHostsOwnIsGoneOnWith(among: Among) -> None:
    searching = among(A, B)
    searching.begun[B] = searching.cluster.attempt(B)
    searching.next()
    assert (searching.host, list(searching.begun)) == (A, [B])

    searching.next()

    assert (searching.host, searching.begun) == (B, {})
    assert [len(each) for each in searching.cluster.speakers.values()] == [1, 1]


def test_begunInVainIsPassedOverAndReported(among: Among) -> None:
    searching = among(A, B)
    searching.cluster.answers(A, expected=False)
    searching.begun[A] = searching.cluster.attempt(A)

    searching.next()

    assert (searching.host, searching.left) == (B, ({B: 1}, []))
    assert searching.passed == [(A, "an unexpected key")]


def test_timeOfAHostBeganWithItsConnection(among: Among) -> None:
    searching = among(A)
    searching.cluster.dies("stalled", A)
    searching.begun[A] = searching.cluster.attempt(A)
    searching.cluster.network.advance(HOST_TIME - 0.5)
    searching.next()
    assert searching.found == []

    searching.cluster.network.advance(0.6)

    assert isinstance(searching.found[0], NoHostAvailable)
    assert searching.passed == [(A, "a did not answer in time")]
    assert searching.left == ({}, [])


def test_begunThatIsSlowerThanAnotherHostIsDropped(among: Among) -> None:
    searching = among(A, B)
    searching.cluster.dies("stalled", A)
    searching.begun[A] = searching.cluster.attempt(A)
    searching.next()

    searching.cluster.network.advance(PATIENCE + 0.1)

    assert (searching.host, searching.left) == (B, ({B: 1}, []))
    assert searching.passed == [(A, "a was slower than another host")]


def test_begunIsDroppedWithTheSearch(among: Among) -> None:
    searching = among(A)
    searching.cluster.dies("stalled", A)
    searching.begun[A] = searching.cluster.attempt(A)

    searching.next().cancel()

    assert searching.left == ({}, [])
    assert searching.passed == []


def test_hostWhoseOldConnectionWasDeadIsTriedAgain(among: Among) -> None:
    searching = among(A, B)
    searching.next()
    assert searching.host == A

    searching.search.again(A)
    searching.next()

    assert searching.host == A
    assert len(searching.cluster.speakers[A]) == 2
