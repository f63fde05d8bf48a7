"""
Tests of L{bastion.admission.inflight}.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from bastion.admission.inflight import InFlight


class Works:
    """
    Works that are done by hand.

    @ivar begun: those that were begun, in order.
    @ivar cancelled: how many were cancelled.
    """

    def __init__(self) -> None:
        self.inFlight: InFlight[str, str] = InFlight()
        self.begun: list[Deferred[str]] = []
        self.cancelled = 0

    def wait(self, key: str = "a") -> list[Any]:
        """
        Wait for one: what comes of it, when it does.
        """
        told: list[Any] = []
        self.waiter = self.inFlight.wait(key, self._begin).addBoth(told.append)
        return told

    def _begin(self) -> Deferred[str]:
        self.begun.append(Deferred(self._cancelled))
        return self.begun[-1]

    def _cancelled(self, doing: Deferred[str]) -> None:
        self.cancelled += 1


def test_everybodyWhoWaitsIsTold() -> None:
    works = Works()
    one, two, other = works.wait(), works.wait(), works.wait("b")
    assert (len(works.begun), len(works.inFlight)) == (2, 2)
    works.begun[0].callback("done")
    assert (one, two, other) == (["done"], ["done"], [])
    assert ("a" in works.inFlight, "b" in works.inFlight) == (False, True)


def test_failureIsToldToo() -> None:
    works = Works()
    one, two = works.wait(), works.wait()
    works.begun[0].errback(ValueError("lost"))
    assert [str(told[0].value) for told in (one, two)] == ["lost", "lost"]


def test_whatIsDoneIsDoneAgainForWhoComesLater() -> None:
    works = Works()
    works.wait()
    works.begun[0].callback("done")
    later = works.wait()
    assert (len(works.begun), later) == (2, [])


def test_whatIsDoneAtOnceIsToldAtOnce() -> None:
    inFlight: InFlight[str, str] = InFlight()
    waiter = inFlight.wait("a", lambda: succeed("done"))
    assert (waiter.called, waiter.result, len(inFlight)) == (True, "done", 0)


def test_whoLeavesDoesNotTakeTheOthersAlong() -> None:
    works = Works()
    one = works.wait()
    two = works.wait()
    works.waiter.cancel()
    assert two[0].check(CancelledError)
    assert works.cancelled == 0
    works.begun[0].callback("done")
    assert one == ["done"]


def test_whatNobodyWaitsForIsCancelled() -> None:
    works = Works()
    told = works.wait()
    works.waiter.cancel()
    assert (works.cancelled, len(works.inFlight), len(told)) == (1, 0, 1)
    works.wait()
    assert len(works.begun) == 2


def test_whoLeavesWhenAnotherIsToldIsNotToldTwice() -> None:
    works = Works()
    told: list[str] = []
    one = works.inFlight.wait("a", works._begin)
    two = works.inFlight.wait("a", works._begin)
    for waiter, other in ((one, two), (two, one)):
        waiter.addCallback(told.append)
        waiter.addCallback(lambda _, other=other: other.cancel())
        waiter.addErrback(lambda failure: failure.trap(CancelledError))
    works.begun[0].callback("done")
    assert told == ["done"]


@pytest.mark.parametrize("waiters", [1, 3])
def test_everythingCanBeCancelled(waiters: int) -> None:
    works = Works()
    told = [works.wait() for _ in range(waiters)]
    other = works.wait("b")
    works.inFlight.cancel()
    assert (works.cancelled, len(works.inFlight)) == (2, 0)
    assert all(each[0].check(CancelledError) for each in (*told, other))
