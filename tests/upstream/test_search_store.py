"""
L{bastion.upstream.search}: a store that takes its time, and what the cluster is told.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from bastion.interfaces import BastionError, HostAddress, NoHostAvailable
from bastion.upstream.search import LESS_PATIENCE, PATIENCE

A, B, C = HostAddress("a"), HostAddress("b"), HostAddress("c")


class SlowStore:
    """
    A store that answers when it is told to.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self.waiting: list[Deferred[Any]] = []

    def acquire(self, sticky: Any, choices: Any) -> Deferred[Any]:
        """
        See L{bastion.state.IStateStore}.
        """
        later: Deferred[Any] = Deferred()
        later.addCallback(lambda _: self._store.acquire(sticky, choices))
        self.waiting.append(later)
        return later

    def answers(self) -> None:
        """
        Answer what was asked so far.
        """
        waiting, self.waiting = self.waiting, []
        for later in waiting:
            later.callback(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def slow(searching: Any) -> SlowStore:
    """
    Give the cluster such a store.
    """
    selector = searching.cluster.selector
    selector.store = SlowStore(selector.store)
    return selector.store


def test_searchWaitsForItsPlace(among: Any) -> None:
    searching = among(A, B)
    store = slow(searching)
    searching.next()
    assert searching.cluster.speakers[A] == []

    store.answers()
    searching.cluster.network.settle()
    assert searching.host == A
    assert store.waiting == []


def test_noHostIsAskedForTwiceWhileTheStoreTakesItsTime(among: Any) -> None:
    searching = among(A, B, C)
    store = slow(searching)
    searching.cluster.dies("silent", A)
    searching.next()
    searching.cluster.network.advance(3 * PATIENCE)
    assert len(store.waiting) == 1

    store.answers()
    searching.cluster.network.advance(PATIENCE + 0.1)
    store.answers()
    searching.cluster.network.settle()
    assert searching.host == B


@pytest.mark.parametrize("late", [False, True])
def test_placeThatComesWhenNobodyNeedsItIsGivenBack(among: Any, late: bool) -> None:
    searching = among(A, B)
    store = slow(searching)
    waiting = searching.next()
    if late:
        searching.cluster.network.advance(10)
    else:
        waiting.cancel()
    store.answers()
    searching.cluster.network.settle()

    assert searching.left == ({}, [])
    assert searching.cluster.speakers[A] == []


def test_storeThatFailsIsNoHostsFault(among: Any) -> None:
    searching = among(A, B)
    searching.cluster.selector.store.acquire = lambda *_: fail(BastionError("gone"))
    with capturedLogs() as events:
        searching.next()

    (problem,) = searching.found
    assert isinstance(problem, NoHostAvailable)
    assert str(problem) == "the state store failed"
    assert searching.passed == []
    assert [event["problem"] for event in events if "problem" in event] == ["gone"]


def test_clusterIsToldHowTheHostsAnswer(among: Any) -> None:
    searching = among(A, B)
    searching.cluster.network.stopListening(A)
    searching.next()

    (refused, reached) = searching.cluster.witnesses.told
    assert refused == ("failed", A, "a refuses connections")
    assert reached[:2] == ("reached", B)


def test_hostThatHangsIsToldOfAsSoonAsAnotherIsReady(among: Any) -> None:
    searching = among(A, B)
    searching.cluster.dies("silent", A)
    searching.next()
    searching.cluster.network.advance(PATIENCE + 0.1)

    told = [each[:2] for each in searching.cluster.witnesses.told]
    assert told == [("reached", B), ("failed", A)]
    assert searching.passed == [(A, "a was slower than another host")]


def test_hostThatIsNotWellIsNotWaitedForAsLong(among: Any) -> None:
    searching = among(A, B)
    searching.cluster.witnesses.isWell = lambda host: False
    searching.cluster.dies("silent", A)
    searching.next()
    searching.cluster.network.advance(LESS_PATIENCE + 0.05)

    assert searching.host == B


def test_endOfASearchByTheClientIsNoHostsFault(among: Any) -> None:
    searching = among(A, B)
    searching.cluster.dies("silent", A)
    searching.next().cancel()
    searching.cluster.network.settle()

    assert searching.cluster.witnesses.told == []
    assert searching.left == ({}, [])
