"""
L{bastion.gateway.explanation}: which host a login would go to, and why.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from bastion.gateway.explanation import explained
from bastion.hosts.selector import Selector, Stickiness
from bastion.hosts.strategies import LeastSessions, NoOptions, Random, RoundRobin
from bastion.interfaces import HostAddress, HostRequest
from bastion.testing.clusters import selectorOf

A, B, C = HOSTS = tuple(HostAddress(f"nice{number}") for number in (1, 2, 3))
REQUEST = HostRequest(b"johnson", "192.0.2.7", "esrf")


class Table:
    """
    As much of a cluster's table as is looked at.
    """

    name = "nice"


class Service:
    """
    As much of a cluster at work.
    """

    table = Table()

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self.cluster = selector.cluster


def came(waiting: Any) -> Any:
    """
    What came of a coroutine that need not wait.
    """
    found: list[Any] = []
    ensureDeferred(waiting).addCallback(found.append)
    return found[0]


def selector(strategy: Any = None) -> Selector:
    """
    A selector whose accounts come back.
    """
    return selectorOf(HOSTS, Clock(), strategy, Stickiness(60))


def explain(chosen: Selector, name: bytes | None = None) -> Any:
    """
    The explanation.
    """
    service: Any = Service(chosen)
    return came(explained(service, REQUEST, name))


def test_strategyPutsAHostFirst() -> None:
    answer = explain(selector())

    assert (answer["chosen"], answer["why"]) == ("nice1", "the strategy puts it first")
    assert [each["host"] for each in answer["candidates"]] == ["nice1", "nice2", "nice3"]
    assert [each["rank"] for each in answer["candidates"]] == [1, 2, 3]
    assert answer["passed_over"] == []
    assert answer["sticky"] is None
    assert (answer["account"], answer["gateway"], answer["source"]) == (
        "johnson",
        "esrf",
        "192.0.2.7",
    )


@pytest.mark.parametrize("strategy", [RoundRobin, LeastSessions, Random])
def test_askingTakesNobodysTurn(strategy: Any) -> None:
    chosen = selector(strategy(NoOptions()))
    first = [explain(chosen)["chosen"] for _ in range(3)]
    lease = came(chosen.lease(REQUEST))

    if strategy is not Random:
        assert first == [str(lease.host)] * 3
    assert came(chosen.store.counts("nice")) == {lease.host: 1}


def test_accountComesBack() -> None:
    chosen = selector()
    came(chosen.lease(HostRequest(b"johnson", "192.0.2.7", "esrf", wanted=C))).confirm()
    answer = explain(chosen)

    assert (answer["chosen"], answer["why"]) == ("nice3", "the account comes back to it")
    assert answer["sticky"] == {"host": "nice3", "why": "the account was there last"}


def test_accountThatCannotComeBackIsMoved() -> None:
    chosen = selector()
    came(chosen.lease(REQUEST)).confirm()
    chosen.cluster.drain(A, 0, "new memory")
    answer = explain(chosen)

    assert answer["chosen"] == "nice2"
    assert answer["sticky"]["host"] == "nice1"
    assert answer["sticky"]["why"].endswith("cannot go there: drain: new memory")
    assert answer["passed_over"] == [
        {"host": "nice1", "state": "drain", "why": "drain: new memory"}
    ]


def test_accountThatHasMovedComesBackToWhereItIsNow() -> None:
    """
    Though its session on the drained host goes on.
    """
    chosen = selector()
    came(chosen.lease(REQUEST)).confirm()
    chosen.cluster.drain(A, 0)
    moved = came(chosen.lease(HostRequest(b"johnson", "192.0.2.7", "esrf", wanted=C)))
    moved.confirm()
    moved.release()
    answer = explain(chosen)

    assert (answer["chosen"], answer["why"]) == ("nice3", "the account comes back to it")
    assert answer["sticky"] == {"host": "nice3", "why": "the account was there last"}
    assert came(chosen.lease(REQUEST)).host == C


def test_hostsThatAreNotUpSayWhy() -> None:
    chosen = selector()
    chosen.cluster.failed(A, "it refuses connections", 0)
    for second in (10, 16, 22, 28):
        chosen.cluster.checkFailed(B, "no answer", second)
    answer = explain(chosen)

    assert [each["host"] for each in answer["candidates"]] == ["nice3", "nice1"]
    suspect = answer["candidates"][1]
    assert suspect["why"].startswith("suspect: a login did not get through")
    (down,) = answer["passed_over"]
    assert down["host"] == "nice2" and down["why"].startswith("down: ")


@pytest.mark.parametrize(
    ("name", "chosen", "why"),
    [
        (b"nice2", "nice2", "the user has named it"),
        (b"nice9", None, "There is no host nice9 here."),
    ],
)
def test_namedHost(name: bytes, chosen: str | None, why: str) -> None:
    answer = explain(selector(), name)

    assert (answer["chosen"], answer["why"]) == (chosen, why)
    if chosen:
        assert {each["why"] for each in answer["passed_over"]} == {"the user has named another one"}


def test_nowhereToGo() -> None:
    chosen = selector()
    for host in HOSTS:
        chosen.cluster.disable(host, 0)
    answer = explain(chosen)

    assert (answer["chosen"], answer["why"]) == (None, "no host takes logins")
    assert len(answer["passed_over"]) == 3
