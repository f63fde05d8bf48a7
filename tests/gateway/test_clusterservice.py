"""
L{bastion.gateway.clusterservice}: what is learned of hosts is recorded, kept, and looked
into.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from operated import OTHER_KEY
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogPublisher, capturedLogs

from bastion.gateway.clusterservice import ClusterService
from bastion.hosts.states import State
from bastion.interfaces import BastionError, HostAddress, HostKeyRefused, HostUnavailable
from bastion.state import AdminState
from bastion.testing.clusters import selectorOf

A, B = HostAddress("nice1"), HostAddress("nice2")


class Table:
    """
    As much of a cluster's table as is looked at.
    """

    name = "nice"


class Health:
    """
    Health checks that write down for whom they were asked.
    """

    def __init__(self) -> None:
        self.asked: list[HostAddress] = []

    def soon(self, address: HostAddress) -> None:
        """
        See L{bastion.hosts.health.Health}.
        """
        self.asked.append(address)


class Kept:
    """
    A cluster at work, and what came of it.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.events: list[tuple[str, str, str]] = []
        publisher = LogPublisher(self._heard)
        table, keys = Table(), lambda host: None
        selector = selectorOf((A, B), self.clock)
        given: Any = (table, selector.cluster, selector, selector.store, keys)
        self.service = ClusterService(*given, publisher, self.clock)
        self.health: Any = Health()
        self.service.health = self.health

    def _heard(self, event: Any) -> None:
        fields = event["fields"]
        self.events.append((fields["host"], fields["state"], fields.get("by", "")))

    def states(self) -> dict[HostAddress, AdminState]:
        """
        What the store keeps.
        """
        found: list[Any] = []
        self.service.store.adminStates("nice").addCallback(found.append)
        states: dict[HostAddress, AdminState] = found[0]
        return states


@pytest.fixture
def kept() -> Kept:
    """
    A cluster of two hosts.
    """
    return Kept()


def test_failureOfALoginIsRecordedAndLookedInto(kept: Kept) -> None:
    assert kept.service.isWell(A)
    kept.service.failed(A, HostUnavailable("nice1 refuses connections"))

    assert not kept.service.isWell(A)
    assert kept.events == [("nice1", "suspect", "health")]
    assert kept.health.asked == [A]
    # That is for health to find out again.
    assert kept.states() == {}


def test_successIsNoNewsOfAHostThatIsWell(kept: Kept) -> None:
    kept.service.reached(A, 0.02)

    assert kept.events == []
    assert kept.service.cluster[A].latency == 0.02


def test_changedKeyIsKept(kept: Kept) -> None:
    problem = HostKeyRefused("another key", A, "SHA256:x", ("SHA256:y",), OTHER_KEY)
    kept.service.failed(A, problem)

    assert kept.states()[A].state == "quarantined"
    assert kept.states()[A].key == OTHER_KEY


def test_whatWasKeptIsRestored(kept: Kept) -> None:
    kept.service.store.setAdminState("nice", A, AdminState("drain", 500.0, "new memory"))
    kept.service.store.setAdminState("nice", HostAddress("gone"), AdminState("drain", 1.0))
    kept.service.restore()

    assert kept.service.cluster[A].state is State.DRAIN
    assert kept.service.cluster[A].since == 500.0
    assert kept.events == [("nice1", "drain", "")]


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (lambda service: service.drain(A, "", 0), "drain"),
        (lambda service: service.disable(A, "", 0), "disabled"),
    ],
)
def test_orderIsKeptUntilItIsTakenBack(kept: Kept, order: Callable[[Any], Any], state: str) -> None:
    kept.service.noted(order(kept.service), 0)
    assert kept.states()[A].state == state

    kept.service.noted(kept.service.enable(A, "", 0), 0)
    assert kept.states() == {}
    assert kept.events == [("nice1", state, "operator"), ("nice1", "suspect", "operator")]


def test_storeThatForgetsIsSaid(kept: Kept) -> None:
    kept.service.store.setAdminState = lambda *_: fail(  # type: ignore[method-assign]
        BastionError("disk full")
    )
    problem = HostKeyRefused("another key", A, "SHA256:x", ("SHA256:y",), OTHER_KEY)
    with capturedLogs() as events:
        kept.service.failed(A, problem)

    (event,) = [each for each in events if "problem" in each]
    assert event["problem"] == "disk full"
    assert kept.service.cluster[A].state is State.QUARANTINED


def test_orderThatIsNotKeptFails(kept: Kept) -> None:
    kept.service.store.setAdminState = lambda *_: fail(  # type: ignore[method-assign]
        BastionError("disk full")
    )
    found: list[Any] = []
    noted: Deferred[Any] = kept.service.noted(kept.service.drain(A, "", 0), 0)
    noted.addErrback(lambda failure: found.append(failure.value))

    assert [str(problem) for problem in found] == ["disk full"]


def test_pathsOfTheStoreAreItsOwn(kept: Kept, tmp_path: Path) -> None:
    stopped: list[Any] = []
    kept.service.selector.traffic.begin(A, lambda: 0)
    succeed(kept.service.stopService()).addCallback(stopped.append)

    assert kept.clock.getDelayedCalls() == []
