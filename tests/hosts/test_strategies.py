"""
Tests of L{bastion.hosts.strategies}: candidates in, an order out.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from bastion.hosts.strategies import LeastSessions, NoOptions, Ordered, Random, RoundRobin
from bastion.interfaces import Candidate, HostAddress, HostRequest, IStrategy

REQUEST = HostRequest(b"johnson", "192.0.2.7", "esrf")


def candidates(*sessions: int) -> list[Candidate]:
    """
    Hosts a, b, c, ... with so many sessions each.
    """
    return [
        Candidate(HostAddress(name), count)
        for name, count in zip("abcdefgh", sessions, strict=False)
    ]


def order(strategy: Any, among: list[Candidate]) -> str:
    """
    The names of the hosts in the order of the strategy.
    """
    return "".join(each.address.name for each in strategy.rank(among, REQUEST))


def seeded() -> Random:
    """
    Chance that is the same each time.
    """
    return Random(NoOptions(), random.Random(1))


STRATEGIES = [Ordered(NoOptions()), seeded(), RoundRobin(NoOptions()), LeastSessions(NoOptions())]
eachStrategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: type(each).__name__)


@eachStrategy
def test_strategyIsOne(strategy: Any) -> None:
    assert verifyObject(IStrategy, strategy)


@eachStrategy
@pytest.mark.parametrize("sessions", [(), (0,), (3, 3), (2, 0, 1, 0, 5)])
def test_everyCandidateIsRankedOnceAndNothingIsAdded(
    strategy: Any, sessions: tuple[int, ...]
) -> None:
    among = candidates(*sessions)
    for _ in range(7):
        assert sorted(order(strategy, among)) == [each.address.name for each in among]


@eachStrategy
def test_candidatesAreNotChanged(strategy: Any) -> None:
    among = candidates(2, 1, 0)
    for _ in range(3):
        strategy.rank(among, REQUEST)
    assert among == candidates(2, 1, 0)


def test_orderedKeepsTheOrderOfTheConfiguration() -> None:
    strategy = Ordered(NoOptions())
    assert [order(strategy, candidates(9, 0, 5)) for _ in range(3)] == ["abc"] * 3


def test_roundRobinStartsOneFurtherEachTime() -> None:
    strategy = RoundRobin(NoOptions())
    assert [order(strategy, candidates(0, 0, 0)) for _ in range(4)] == ["abc", "bca", "cab", "abc"]


def test_roundRobinDoesNotLookAtSessions() -> None:
    assert order(RoundRobin(NoOptions()), candidates(9, 0, 5)) == "abc"


def test_roundRobinGoesOnWhenThereAreFewerCandidates() -> None:
    strategy = RoundRobin(NoOptions())
    ranked = [order(strategy, candidates(*[0] * count)) for count in (3, 3, 3, 2, 2, 1, 0, 3)]
    assert ranked == ["abc", "bca", "cab", "ba", "ab", "a", "", "bca"]


def test_leastSessionsPutsTheEmptiestFirst() -> None:
    assert order(LeastSessions(NoOptions()), candidates(3, 1, 2, 0)) == "dbca"


def test_leastSessionsTakesEqualsInTurn() -> None:
    strategy = LeastSessions(NoOptions())
    assert [order(strategy, candidates(0, 1, 0))[0] for _ in range(3)] == ["a", "c", "c"]
    assert [order(strategy, candidates(4, 4, 4)) for _ in range(3)] == ["abc", "bca", "cab"]


def test_randomReachesEveryOrder() -> None:
    strategy = seeded()
    orders = Counter(order(strategy, candidates(9, 0, 5)) for _ in range(600))
    assert len(orders) == 6
    assert all(60 < count < 140 for count in orders.values()), orders


def test_randomDependsOnTheChanceItIsGivenAlone() -> None:
    one, two = seeded(), seeded()
    among = candidates(0, 0, 0, 0)
    assert [order(one, among) for _ in range(9)] == [order(two, among) for _ in range(9)]


def test_randomComesFromTheSystemWhenNobodyGivesAny() -> None:
    assert sorted(order(Random(NoOptions()), candidates(0, 0, 0))) == ["a", "b", "c"]
