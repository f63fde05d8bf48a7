"""
Tests of L{benchmarks.simulation}.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from zope.interface import implementer

from bastion.hosts.strategies import LeastSessions, NoOptions, Ordered, RoundRobin
from bastion.interfaces import Candidate, HostRequest, IStrategy
from benchmarks import simulation
from benchmarks.places import StoredPlaces
from benchmarks.simulation import Simulation
from benchmarks.visits import DAY, Crowd, Visit

NEVER = (1e12, 1e12)


@implementer(IStrategy)
class Watched:
    """
    Another strategy, and what it was shown.
    """

    def __init__(self, strategy: Any) -> None:
        self.needsAccount = strategy.needsAccount
        self.seen: list[list[Candidate]] = []
        self._strategy = strategy

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Any:
        """
        See L{IStrategy}.
        """
        self.seen.append(list(candidates))
        return self._strategy.rank(candidates, request)


@pytest.fixture
def _forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    No host ever goes.
    """
    monkeypatch.setattr(simulation, "LASTS", 1e12)


def visit(when: float, seconds: float, rate: float = 0.0) -> Visit:
    """
    Somebody comes.
    """
    return Visit(when, b"johnson", seconds, rate)


@pytest.mark.usefixtures("_forever")
def test_sessionsAreCountedUntilTheirEnd() -> None:
    strategy = Watched(RoundRobin(NoOptions()))
    Simulation(strategy, [1.0, 2.0], NEVER).run(
        [visit(0, 100), visit(10, 20), visit(20, 100), visit(31, 1), visit(99, 1), visit(101, 1)]
    )
    counts = [tuple(each.sessions for each in seen) for seen in strategy.seen]
    # The one of weight 2 is first, twice in three turns; the second login ends at 30.
    assert counts == [(0, 0), (0, 1), (1, 1), (0, 2), (0, 2), (0, 1)]


@pytest.mark.usefixtures("_forever")
def test_whatIsMovedIsKnownLate() -> None:
    strategy = Watched(Ordered(NoOptions()))
    Simulation(strategy, [1.0], NEVER).run(
        [visit(0, 1000, 5e6), visit(5, 1), visit(10, 1), visit(500, 1), visit(2000, 1)]
    )
    known = [seen[0].bandwidth for seen in strategy.seen]
    assert known[:2] == [0, 0]
    assert 0 < known[2] < 5e6
    assert known[3:] == pytest.approx([5e6, 0], abs=simulation.NOTHING)


@pytest.mark.usefixtures("_forever")
def test_busierHostsAreSlower() -> None:
    strategy = Watched(Ordered(NoOptions()))
    Simulation(strategy, [1.0, 1.0], NEVER).run(visit(when, 1e6) for when in range(100))
    assert strategy.seen[0][0].latency is None
    early, late = (strategy.seen[number][0].latency for number in (5, 99))
    assert early is not None and late is not None and late > 2 * early
    assert strategy.seen[99][1].latency is None


def test_hostsComeAndGoAndStartSlowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Two hosts for three days, with somebody every ten seconds.
    """
    monkeypatch.setattr(simulation, "LASTS", DAY / 4)
    strategy = Watched(LeastSessions(NoOptions()))
    found = Simulation(strategy, [1.0, 1.0], (0.0, 3600.0)).run(
        visit(10.0 * number, 600) for number in range(26_000)
    )
    assert {len(seen) for seen in strategy.seen} == {1, 2}
    weights = [seen[-1].weight for seen in strategy.seen]
    growing = [pair for pair in pairwise(weights) if pair[0] < 1.0]
    assert min(weights) >= 0.1 and max(weights) == 1.0 and growing
    # A minute is six logins.
    assert all(later - earlier > 0.1 for earlier, later in growing if later < 1.0)
    assert 5 < len(found.rush) < 30
    assert 60 <= len(found.imbalance) <= 73


def test_whoIsThrownOutComesBackForTheRestOfTheTime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "DRAINED", 0.0)
    strategy = Watched(Ordered(NoOptions()))
    simulated = Simulation(strategy, [1.0, 1.0], NEVER)
    found = simulated.run([*(visit(number, 60 * DAY) for number in range(50)), visit(59 * DAY, 1)])
    assert len(found.choosing) > 51
    # All of them stay to the end, wherever they are, and no longer.
    assert sum(len(host.sessions) for host in simulated.hosts) == 51
    simulated.run([visit(61 * DAY, 1)])
    assert sum(len(host.sessions) for host in simulated.hosts) == 1


def test_drainedHostsKeepTheirSessionsForAWhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "DRAINED", 1.0)
    monkeypatch.setattr(simulation, "DRAIN", 1e9)
    strategy = Watched(Ordered(NoOptions()))
    simulated = Simulation(strategy, [1.0], NEVER)
    found = simulated.run([*(visit(number, 1e9) for number in range(50)), visit(100 * DAY, 1)])
    assert len(found.choosing) == 50
    assert len(simulated.hosts[0].sessions) == 50


def test_everythingButTheTimesIsTheSameEachTime() -> None:
    one, two = (
        Simulation(LeastSessions(NoOptions()), [1.0] * 8, (DAY / 4, 60.0)).run(
            Crowd(8, seed=5).visits(5000)
        )
        for _ in range(2)
    )
    assert (one.imbalance, one.moved, one.returning) == (two.imbalance, two.moved, two.returning)
    assert len(one.ranking) == len(one.choosing) >= 5000


def test_storeBringsAccountsBackForAsLongAsSaid() -> None:
    found = [
        Simulation(LeastSessions(NoOptions()), [1.0] * 8, NEVER, places).run(
            Crowd(8, seed=5).visits(5000)
        )
        for places in (None, StoredPlaces(3600.0), StoredPlaces(0.001))
    ]
    free, sticky, beside = (each.moved / each.returning for each in found)
    assert sticky < beside < free
    assert free > 0.8 and sticky < 0.4
