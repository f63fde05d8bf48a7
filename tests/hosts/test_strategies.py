"""
Tests of L{bastion.hosts.strategies}: candidates in, an order out.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from bastion.hosts.strategies import (
    LeastBandwidth,
    LeastSessions,
    NoOptions,
    Ordered,
    Quickest,
    Random,
    RoundRobin,
    UserHash,
)
from bastion.interfaces import Candidate, HostAddress, HostRequest, IStrategy

REQUEST = HostRequest(b"johnson", "192.0.2.7", "esrf")
MIB = 1024.0 * 1024


def candidates(*sessions: int) -> list[Candidate]:
    """
    Hosts a, b, c, ... with so many sessions each.
    """
    return [
        Candidate(HostAddress(name), count)
        for name, count in zip("abcdefgh", sessions, strict=False)
    ]


def weighing(*weights: float) -> list[Candidate]:
    """
    Hosts a, b, c, ... without sessions, and their weights.
    """
    return [
        Candidate(HostAddress(name), 0, weight)
        for name, weight in zip("abcdefgh", weights, strict=False)
    ]


def order(strategy: Any, among: list[Candidate]) -> str:
    """
    The names of the hosts in the order of the strategy.
    """
    return "".join(each.address.name for each in strategy.rank(among, REQUEST))


def firsts(strategy: Any, among: list[Candidate], count: int) -> str:
    """
    Who is first, time after time.
    """
    return "".join(order(strategy, among)[0] for _ in range(count))


def seeded() -> Random:
    """
    Chance that is the same each time.
    """
    return Random(NoOptions(), random.Random(1))


STRATEGIES = [
    Ordered(NoOptions()),
    seeded(),
    RoundRobin(NoOptions()),
    LeastSessions(NoOptions()),
    LeastBandwidth(NoOptions()),
    UserHash(NoOptions()),
    Quickest(NoOptions(), random.Random(1)),
]
eachStrategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: type(each).__name__)

#: As few hosts as there can be, and with everything that can be known of them or not.
CASES = [
    [],
    candidates(0),
    candidates(3, 3),
    candidates(2, 0, 1, 0, 5),
    weighing(1.0, 0.1, 4.0, 1000.0),
    [Candidate(HostAddress("a"), 1, 2.0, 5 * MIB, 0.02), Candidate(HostAddress("b"), 9)],
    [Candidate(HostAddress("a"), 0, 0.1, 0.0, 0.0), Candidate(HostAddress("b"), 0, 1.0, 1.0)],
]


@eachStrategy
def test_strategyIsOne(strategy: Any) -> None:
    assert verifyObject(IStrategy, strategy)


def test_onlyTheHashNeedsTheAccount() -> None:
    assert [type(each) for each in STRATEGIES if each.needsAccount] == [UserHash]


@eachStrategy
@pytest.mark.parametrize("among", CASES, ids=len)
def test_everyCandidateIsRankedOnceAndNothingIsAdded(strategy: Any, among: list[Candidate]) -> None:
    for _ in range(7):
        ranked = strategy.rank(among, REQUEST)
        assert sorted(ranked, key=among.index) == among


@eachStrategy
def test_candidatesAreNotChanged(strategy: Any) -> None:
    among = candidates(2, 1, 0)
    for _ in range(3):
        strategy.rank(among, REQUEST)
    assert among == candidates(2, 1, 0)


@eachStrategy
def test_hostThatWasTriedInVainIsNotMissed(strategy: Any) -> None:
    """
    The strategy is asked again, with fewer candidates, and then with all again.
    """
    among = candidates(1, 2, 0, 3, 0)
    for count in (5, 4, 3, 5, 1, 0, 5):
        assert sorted(order(strategy, among[:count])) == sorted("abcde"[:count])


# Ordered


def test_orderedKeepsTheOrderOfTheConfiguration() -> None:
    strategy = Ordered(NoOptions())
    assert [order(strategy, candidates(9, 0, 5)) for _ in range(3)] == ["abc"] * 3


# Random


def test_randomReachesEveryOrder() -> None:
    strategy = seeded()
    orders = Counter(order(strategy, candidates(9, 0, 5)) for _ in range(600))
    assert len(orders) == 6
    assert all(60 < count < 140 for count in orders.values()), orders


def test_randomHonoursTheWeights() -> None:
    counts = Counter(firsts(seeded(), weighing(1.0, 3.0, 0.1), 4100))
    assert [round(counts[name], -2) for name in "abc"] == [1000, 3000, 100]


def test_randomDependsOnTheChanceItIsGivenAlone() -> None:
    one, two = seeded(), seeded()
    among = candidates(0, 0, 0, 0)
    assert [order(one, among) for _ in range(9)] == [order(two, among) for _ in range(9)]


def test_randomComesFromTheSystemWhenNobodyGivesAny() -> None:
    among = candidates(*[0] * 8)
    one, two = Random(NoOptions()), Random(NoOptions())
    assert firsts(one, among, 40) != firsts(two, among, 40)


# Round robin


def test_roundRobinStartsOneFurtherEachTime() -> None:
    strategy = RoundRobin(NoOptions())
    assert [order(strategy, candidates(0, 0, 0)) for _ in range(4)] == ["abc", "bca", "cab", "abc"]


def test_roundRobinDoesNotLookAtSessions() -> None:
    assert order(RoundRobin(NoOptions()), candidates(9, 0, 5)) == "abc"


def test_roundRobinIsSmooth() -> None:
    """
    The example of nginx: not "aaaaabc".
    """
    assert firsts(RoundRobin(NoOptions()), weighing(5.0, 1.0, 1.0), 14) == "aabacaa" * 2


def test_roundRobinGivesTurnsByWeight() -> None:
    counts = Counter(firsts(RoundRobin(NoOptions()), weighing(1.0, 3.0, 0.1, 2.5), 660))
    assert counts == {"a": 100, "b": 300, "c": 10, "d": 250}


def test_roundRobinFollowsAWeightThatGrows() -> None:
    strategy = RoundRobin(NoOptions())
    counts = Counter(
        order(strategy, weighing(1.0, 1.0, weight / 100))[0] for weight in range(1, 101)
    )
    # The sum of its shares, and nothing to be made up for at the end.
    assert counts["c"] == round(sum(weight / (200 + weight) for weight in range(1, 101)))
    assert Counter(firsts(strategy, weighing(1.0, 1.0, 1.0), 30)) == dict.fromkeys("abc", 10)


def test_roundRobinGoesOnWhenThereAreFewerCandidates() -> None:
    strategy = RoundRobin(NoOptions())
    ranked = [order(strategy, candidates(*[0] * count)) for count in (3, 3, 2, 2, 1, 0, 3)]
    assert ranked == ["abc", "bca", "ab", "ba", "a", "", "cab"]


def test_roundRobinLeavesNobodyBehindWhenOneFailsEachTime() -> None:
    """
    Every second login is tried at b first, in vain.
    """
    strategy = RoundRobin(NoOptions())
    counts: Counter[str] = Counter()
    for _ in range(300):
        found = order(strategy, candidates(0, 0, 0, 0))
        if found[0] == "b":
            without = [each for each in candidates(0, 0, 0, 0) if each.address.name != "b"]
            found = order(strategy, without)
        counts[found[0]] += 1
    assert all(counts[name] == pytest.approx(100, abs=1) for name in "acd"), counts


# Least sessions


def test_leastSessionsPutsTheEmptiestFirst() -> None:
    assert order(LeastSessions(NoOptions()), candidates(3, 1, 2, 0)) == "dbca"


def test_leastSessionsTakesEqualsInTurn() -> None:
    strategy = LeastSessions(NoOptions())
    assert firsts(strategy, candidates(0, 1, 0), 4) == "acac"
    strategy = LeastSessions(NoOptions())
    assert [order(strategy, candidates(4, 4, 4)) for _ in range(3)] == ["abc", "bca", "cab"]


def test_leastSessionsCountsTheLoginAndDividesByTheWeight() -> None:
    among = [
        Candidate(HostAddress("a"), 0, 1.0),
        Candidate(HostAddress("b"), 0, 4.0),
        Candidate(HostAddress("c"), 9, 8.0),
        Candidate(HostAddress("d"), 0, 0.5),
    ]
    assert order(LeastSessions(NoOptions()), among) == "bacd"


def filled(strategy: Any, among: list[Candidate], logins: int) -> list[int]:
    """
    Let so many log in, who stay; tell how many each host has got.
    """
    sessions = [each.sessions for each in among]
    for _ in range(logins):
        now = [
            Candidate(each.address, count, each.weight, each.bandwidth)
            for each, count in zip(among, sessions, strict=True)
        ]
        sessions[now.index(strategy.rank(now, REQUEST)[0])] += 1
    return [count - each.sessions for count, each in zip(sessions, among, strict=True)]


def test_leastSessionsFillsByWeight() -> None:
    assert filled(LeastSessions(NoOptions()), weighing(1.0, 2.0, 4.0, 1.0), 80) == [10, 20, 40, 10]


def test_leastSessionsDoesNotSendEverybodyToAHostThatIsBack() -> None:
    """
    With everybody, it would get 40 of the 40; its share is 5.
    """
    got = filled(LeastSessions(NoOptions()), candidates(50, 50, 50, 0, 50, 50, 50, 50), 40)
    assert got[3] == 10
    assert sorted(got)[-2] == 5


def test_leastSessionsHonoursTheSlowStart() -> None:
    """
    A tenth of the weight is a tenth of the sessions, and a tenth of the logins.
    """
    among = candidates(*[100] * 8)
    among[3] = Candidate(HostAddress("d"), 0, 0.1)
    got = filled(LeastSessions(NoOptions()), among, 100)
    assert 1 <= got[3] <= 2 * 100 * 0.1 / 7.1 + 1


def test_leastSessionsFindsBalanceAgain() -> None:
    got = filled(LeastSessions(NoOptions()), candidates(50, 50, 0, 50), 450)
    assert [got[0], got[2] - 50, got[3]] == [100, 100, 100]


# Least bandwidth


def moving(*rates: float, sessions: int = 10) -> list[Candidate]:
    """
    Hosts with as many sessions each that move so many MiB/s together.
    """
    return [
        Candidate(HostAddress(name), sessions, 1.0, rate * MIB)
        for name, rate in zip("abcdefgh", rates, strict=False)
    ]


def test_leastBandwidthPutsTheIdlestFirst() -> None:
    assert order(LeastBandwidth(NoOptions()), moving(30, 0, 20, 5)) == "bdca"


def test_leastBandwidthDividesByTheWeight() -> None:
    among = [
        Candidate(HostAddress("a"), 10, 1.0, 20 * MIB),
        Candidate(HostAddress("b"), 40, 4.0, 60 * MIB),
    ]
    assert order(LeastBandwidth(NoOptions()), among) == "ba"


def test_leastBandwidthTakesTheFewestSessionsOfThoseThatMoveTheSame() -> None:
    among = [
        Candidate(HostAddress(name), sessions, 1.0, 20 * MIB)
        for name, sessions in zip("abc", (4, 2, 3), strict=True)
    ]
    assert order(LeastBandwidth(NoOptions()), among) == "bca"


def test_leastBandwidthLooksAtSessionsWhenThereIsOnlyTyping() -> None:
    among = [
        Candidate(HostAddress("a"), 3, 1.0, 10.0),
        Candidate(HostAddress("b"), 5, 1.0, 0.0),
        Candidate(HostAddress("c"), 4, 1.0, 900.0),
    ]
    assert order(LeastBandwidth(NoOptions()), among) == "acb"
    assert order(LeastBandwidth(NoOptions()), candidates(3, 1, 2)) == "bca"


def test_leastBandwidthDoesNotWaitForTheAverage() -> None:
    """
    What is moved stays as it is, and yet those who come count.
    """
    got = filled(LeastBandwidth(NoOptions()), moving(20, 22, 18, 20), 40)
    # In the end, a session moves 1 MiB/s on average: c is two ahead, b is two behind.
    assert got == [10, 8, 12, 10]
    got = filled(LeastBandwidth(NoOptions()), moving(20, 20, 20, 20, 0, 0, 0, 0), 160)
    assert got == [0, 0, 0, 0, 40, 40, 40, 40]


def test_leastBandwidthDoesNotSendEverybodyToOneHost() -> None:
    got = filled(LeastBandwidth(NoOptions()), moving(50, 50, 50, 0, 50, 50, 50, 50), 40)
    assert got[3] == 10


# Quickest


def taking(*times: float | None) -> list[Candidate]:
    """
    Hosts that take so many seconds to be ready.
    """
    return [
        Candidate(HostAddress(name), 0, 1.0, 0.0, time)
        for name, time in zip("abcdefgh", times, strict=False)
    ]


def quickest() -> Quickest:
    """
    With chance that is the same each time.
    """
    return Quickest(NoOptions(), random.Random(1))


def test_quickestGetsMoreAndNotAll() -> None:
    counts = Counter(firsts(quickest(), taking(0.02, 0.04, 0.08), 7000))
    assert counts["a"] == pytest.approx(4000, rel=0.05)
    assert counts["b"] == pytest.approx(2000, rel=0.05)
    assert counts["c"] == pytest.approx(1000, rel=0.1)


def test_quickestIsFairAmongTheEquallyQuick() -> None:
    counts = Counter(firsts(quickest(), taking(0.0201, 0.02, 0.0199, 0.0202), 4000))
    assert all(counts[name] == pytest.approx(1000, rel=0.1) for name in "abcd"), counts


def test_quickestHonoursTheWeight() -> None:
    among = [
        Candidate(HostAddress("a"), 0, 3.0, 0.0, 0.02),
        Candidate(HostAddress("b"), 0, 1.0, 0.0, 0.02),
    ]
    assert Counter(firsts(quickest(), among, 4000))["a"] == pytest.approx(3000, rel=0.05)


def test_thousandthsOfASecondAreNothing() -> None:
    counts = Counter(firsts(quickest(), taking(0.0001, 0.00001, 0.0), 3000))
    assert all(counts[name] == pytest.approx(1000, rel=0.15) for name in "abc"), counts


def test_hostWithoutATimeIsTriedOnceInARound() -> None:
    found = firsts(quickest(), taking(0.02, 0.02, None, 0.02, 0.02), 100)
    assert all("c" in found[start : start + 5] for start in range(0, 100, 5))
    assert found[0] == "c"


def test_hostsWithoutATimeAreTriedInTurn() -> None:
    assert firsts(quickest(), taking(*[None] * 8), 16) == "abcdefgh" * 2
    assert firsts(quickest(), taking(0.02, None, None, None), 3) == "bcd"


def test_hostWithoutATimeCountsAsTheAverage() -> None:
    """
    Beside its turn.
    """
    counts = Counter(firsts(quickest(), taking(0.01, 0.03, None, 0.02), 4000))
    assert counts["c"] == pytest.approx(1000 + 3000 * 0.23, rel=0.1)
