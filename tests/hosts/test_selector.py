"""
Tests of L{bastion.hosts.selector}: the choices for a login.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.hosts.memory import Leases
from bastion.hosts.selector import Selector
from bastion.hosts.strategies import LeastSessions, NoOptions, Ordered
from bastion.interfaces import Candidate, HostAddress, HostRequest, IStrategy

A, B, C = HOSTS = tuple(HostAddress(f"nice{number}.example.org") for number in (1, 2, 3))
REQUEST = HostRequest(b"johnson", "192.0.2.7", "esrf")

Rank = Callable[[Sequence[Candidate]], Any]


@implementer(IStrategy)
class Ranked:
    """
    A strategy that is one function.
    """

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self.requests: list[HostRequest] = []

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Any:
        """
        See L{IStrategy}.
        """
        self.requests.append(request)
        return self._rank(candidates)


def selector(strategy: Any, sticky: float = 60.0) -> Selector:
    """
    A selector of three hosts.
    """
    return Selector(HOSTS, strategy, Leases(Clock(), sticky))


def stuck(chosen: Selector, host: HostAddress) -> Selector:
    """
    The account has a connection to a host.
    """
    chosen.lease(host, REQUEST).confirm()
    return chosen


def test_ourStrategyIsOne() -> None:
    assert verifyObject(IStrategy, Ranked(list))


def test_strategySeesEveryHostWithItsSessionsInTheOrderOfTheConfiguration() -> None:
    seen: list[Candidate] = []

    def look(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        seen.extend(candidates)
        return candidates

    strategy = Ranked(look)
    chosen = selector(strategy)
    chosen.lease(B, REQUEST)
    chosen.choices(REQUEST)
    assert seen == [Candidate(A, 0), Candidate(B, 1), Candidate(C, 0)]
    assert strategy.requests == [REQUEST]


def test_choicesAreInTheOrderOfTheStrategy() -> None:
    assert selector(Ranked(lambda each: each[::-1])).choices(REQUEST) == [C, B, A]


def test_strategyMayAnswerWithAnyIterable() -> None:
    assert selector(Ranked(reversed)).choices(REQUEST) == [C, B, A]


def test_strategyMayLeaveHostsOut() -> None:
    assert selector(Ranked(lambda each: each[1:2])).choices(REQUEST) == [B]
    assert selector(Ranked(lambda each: [])).choices(REQUEST) == []


def test_hostThatTheStrategyAddsIsNotTried() -> None:
    stranger = Candidate(HostAddress("elsewhere.example.org"), 0)
    assert selector(Ranked(lambda each: [stranger, *each])).choices(REQUEST) == [A, B, C]


def test_hostThatTheStrategyNamesTwiceIsTriedOnce() -> None:
    chosen = selector(Ranked(lambda each: [each[1], each[1], each[0]]))
    assert chosen.choices(REQUEST) == [B, A]


def broken(candidates: Sequence[Candidate]) -> Any:
    """
    A strategy with a bug.
    """
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "rank",
    [
        pytest.param(broken, id="raises"),
        pytest.param(lambda each: None, id="nothing"),
        pytest.param(lambda each: [candidate.address for candidate in each], id="addresses"),
        pytest.param(lambda each: [None], id="no candidates"),
    ],
)
def test_strategyThatFailsDoesNotCostTheLogin(rank: Rank) -> None:
    with capturedLogs() as events:
        assert selector(Ranked(rank)).choices(REQUEST) == [A, B, C]
    assert [event["log_level"].name for event in events] == ["critical"]


# Stickiness


def test_accountComesBackToItsHostFirst() -> None:
    chosen = stuck(selector(Ordered(NoOptions())), C)
    assert chosen.choices(REQUEST) == [C, A, B]
    assert chosen.choices(HostRequest(b"jackson", "192.0.2.7", "esrf")) == [A, B, C]


def test_accountComesBackEvenIfTheStrategyLeavesItsHostOut() -> None:
    assert stuck(selector(Ranked(lambda each: each[:1])), C).choices(REQUEST) == [C, A]


def test_hostThatIsNoLongerConfiguredIsNotTried() -> None:
    gone = HostAddress("old.example.org")
    assert stuck(selector(Ordered(NoOptions())), gone).choices(REQUEST) == [A, B, C]


def test_withoutStickinessTheStrategyDecides() -> None:
    assert stuck(selector(Ordered(NoOptions()), 0.0), C).choices(REQUEST) == [A, B, C]


# Leases


def test_leaseIsForTheAccountOnTheHost() -> None:
    chosen = selector(Ordered(NoOptions()))
    lease = chosen.lease(B, REQUEST)
    assert (lease.host, lease.account) == (B, b"johnson")
    assert chosen.leases.sessions == {B: 1}


def test_loginsAreSpreadAndPlacesGivenBackCount() -> None:
    chosen = selector(LeastSessions(NoOptions()), 0.0)
    taken = [chosen.lease(chosen.choices(REQUEST)[0], REQUEST) for _ in range(6)]
    assert chosen.leases.sessions == {A: 2, B: 2, C: 2}
    taken[3].release()
    assert chosen.choices(REQUEST)[0] == taken[3].host
