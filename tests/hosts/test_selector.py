"""
L{bastion.hosts.selector}: what a login gets, and what it may not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.hosts.cluster import HealthRules
from bastion.hosts.expected import Expected
from bastion.hosts.lease import Lease
from bastion.hosts.selector import Selector, Stickiness
from bastion.hosts.states import State
from bastion.hosts.strategies import LeastSessions, NoOptions, Ordered, RoundRobin
from bastion.interfaces import (
    Candidate,
    HostAddress,
    HostRequest,
    IStrategy,
    NoHostAvailable,
)
from bastion.testing.clusters import selectorOf

A, B, C = HOSTS = tuple(HostAddress(f"nice{number}.example.org") for number in (1, 2, 3))
REQUEST = HostRequest(b"johnson", "192.0.2.7", "esrf")
OTHER = HostRequest(b"smith", "192.0.2.8", "esrf")
STICKY = Stickiness(60)

Rank = Callable[[Sequence[Candidate]], Any]


@implementer(IStrategy)
class Ranked:
    """
    A strategy that is one function.
    """

    needsAccount = False

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self.requests: list[HostRequest] = []
        self.asked: list[Sequence[Candidate]] = []

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Any:
        """
        See L{IStrategy}.
        """
        self.requests.append(request)
        self.asked.append(candidates)
        return self._rank(candidates)


@pytest.fixture
def clock() -> Clock:
    """
    The time.
    """
    return Clock()


def backwards() -> Ranked:
    """
    The last host first.
    """
    return Ranked(lambda candidates: candidates[::-1])


def outcome(waiting: Any) -> Any:
    """
    What came of a coroutine, which has not to wait for anything.
    """
    found: list[Any] = []
    done: Deferred[Any] = Deferred.fromCoroutine(waiting)
    done.addCallbacks(found.append, lambda failure: found.append(failure.value))
    (result,) = found
    return result


def leased(chosen: Selector, request: HostRequest = REQUEST, *tried: HostAddress) -> Any:
    """
    A lease, or why there is none.
    """
    return outcome(chosen.lease(request, tried))


def fails(chosen: Selector, host: HostAddress, state: State) -> None:
    """
    Let a host become suspect, or go down.
    """
    chosen.cluster.failed(host, "it refuses connections", 0)
    if state is State.DOWN:
        for second in range(10, 14):
            chosen.cluster.checkFailed(host, "it refuses connections", second)
    assert chosen.cluster[host].state is state


def test_ourStrategyIsOne() -> None:
    verifyObject(IStrategy, backwards())


def test_strategySeesTheHostsInTheOrderOfTheConfiguration(clock: Clock) -> None:
    strategy = backwards()
    chosen = selectorOf(HOSTS, clock, strategy)
    assert leased(chosen).host == C

    assert [each.address for each in strategy.asked[0]] == [*HOSTS]
    assert strategy.requests == [REQUEST]


def test_strategySeesSessionsTrafficAndLatency(clock: Clock) -> None:
    strategy = Ranked(lambda candidates: candidates)
    chosen = selectorOf(HOSTS, clock, strategy)
    leased(chosen)
    chosen.cluster.reached(B, 0.5, clock.seconds())
    chosen.traffic.begin(C, lambda: 1_000_000)
    clock.advance(2)
    leased(chosen)

    a, b, c = strategy.asked[-1]
    assert (a.sessions, b.sessions, c.sessions) == (1, 0, 0)
    assert (a.latency, b.latency) == (None, 0.5)
    assert a.bandwidth == 0 < c.bandwidth
    chosen.traffic.stop()


def test_hostThatWasTriedIsNotTriedAgain(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock)
    assert [leased(chosen, REQUEST, *HOSTS[:n]).host for n in range(3)] == [A, B, C]

    none = leased(chosen, REQUEST, *HOSTS)
    assert isinstance(none, NoHostAvailable)
    assert str(none) == "no host answered"


def test_releasedPlaceIsFree(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, LeastSessions(NoOptions()))
    first: Lease = leased(chosen)
    assert {leased(chosen).host for _ in range(2)} == {*HOSTS} - {first.host}

    first.release()
    assert leased(chosen).host == first.host


# Stickiness


def test_accountComesBackToItsHost(clock: Clock) -> None:
    strategy = RoundRobin(NoOptions())
    chosen = selectorOf(HOSTS, clock, strategy, STICKY)
    first = leased(chosen)
    first.confirm()
    assert [leased(chosen).host for _ in range(3)] == [first.host] * 3
    assert leased(chosen, OTHER).host != first.host


def test_secondConnectionAtTheSameMomentFindsTheFirstOnesHost(clock: Clock) -> None:
    """
    VS Code opens two; neither login is finished.
    """
    chosen = selectorOf(HOSTS, clock, RoundRobin(NoOptions()), STICKY)
    assert leased(chosen).host == leased(chosen).host


def test_unfinishedLoginOfAStrangerBindsNobody(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, RoundRobin(NoOptions()), STICKY)
    stranger = evolve(REQUEST, source="203.0.113.9")

    assert leased(chosen, stranger).host != leased(chosen).host


def test_teamsCanBeToldApartByTheirSource(clock: Clock) -> None:
    for withSource in (False, True):
        chosen = selectorOf(
            HOSTS, clock, RoundRobin(NoOptions()), Stickiness(60, withSource=withSource)
        )
        first = leased(chosen)
        first.confirm()
        elsewhere = leased(chosen, evolve(REQUEST, source="203.0.113.9"))
        assert (elsewhere.host == first.host) is not withSource


def test_withoutStickinessTheStrategyDecides(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, RoundRobin(NoOptions()))
    leased(chosen).confirm()

    assert len({leased(chosen).host for _ in range(3)}) == 3


def test_accountIsMovedFromAHostThatAnOperatorHasClosed(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, None, STICKY)
    leased(chosen).confirm()
    chosen.cluster.drain(A, clock.seconds())

    moved = leased(chosen)
    assert (moved.host, moved.movedFrom) == (B, A)
    moved.confirm()
    assert (leased(chosen).host, leased(chosen).movedFrom) == (B, None)


def test_accountThatFleesFromAHostThatIsDownIsNotToldOfOperators(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, None, STICKY)
    leased(chosen).confirm()
    fails(chosen, A, State.DOWN)

    fled = leased(chosen)
    assert (fled.host, fled.movedFrom) == (B, None)


def test_suspectHostKeepsItsOwn(clock: Clock) -> None:
    """
    Their terminals may still be there; the search does not wait long for it.
    """
    chosen = selectorOf(HOSTS, clock, None, STICKY)
    leased(chosen).confirm()
    fails(chosen, A, State.SUSPECT)

    assert leased(chosen).host == A
    assert leased(chosen, OTHER).host == B


# States


def test_hostsThatAreUpComeFirst(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock)
    fails(chosen, A, State.SUSPECT)
    fails(chosen, B, State.DOWN)

    assert [leased(chosen, REQUEST, *tried).host for tried in ((), (C,))] == [C, A]


def test_hostsThatAreDownAreTheLastResort(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock)
    for host in HOSTS:
        fails(chosen, host, State.DOWN)

    assert leased(chosen).host == A


def test_closedHostsAreNoResortAtAll(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock)
    chosen.cluster.drain(A, 0)
    chosen.cluster.disable(B, 0)
    chosen.cluster.keyRefused(C, b"key", "another key", 0)

    none = leased(chosen)
    assert isinstance(none, NoHostAvailable)
    assert str(none) == "no host takes logins"


def test_namedHostIsTheOnlyOne(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, None, STICKY)
    leased(chosen).confirm()
    named = evolve(REQUEST, wanted=C)
    assert leased(chosen, named).host == C
    assert isinstance(leased(chosen, named, C), NoHostAvailable)

    chosen.cluster.drain(C, 0)
    none = leased(chosen, named)
    assert str(none) == f"{C} takes no logins: drain"


# Strategies of others


@pytest.mark.parametrize(
    ("rank", "host"),
    [
        (lambda candidates: [], None),
        (lambda candidates: [candidates[1], candidates[1]], B),
        (lambda candidates: [Candidate(HostAddress("elsewhere"), 0), candidates[2]], C),
        (lambda candidates: iter(candidates[::-1]), C),
    ],
)
def test_strategyMayLeaveOutAndMustNotAdd(clock: Clock, rank: Rank, host: Any) -> None:
    found = leased(selectorOf(HOSTS, clock, Ranked(rank)))

    assert (found.host if host else str(found)) == (host or "no host takes logins")


@pytest.mark.parametrize("wrong", [ZeroDivisionError, None, 7])
def test_strategyThatFailsCostsNoLogin(clock: Clock, wrong: Any) -> None:
    def rank(candidates: Sequence[Candidate]) -> Any:
        if isinstance(wrong, type):
            raise wrong
        return wrong

    with capturedLogs() as events:
        assert leased(selectorOf(HOSTS, clock, Ranked(rank))).host == A
    assert [event["log_format"] for event in events] == [
        "the strategy failed; hosts are taken in their order"
    ]


# What is expected


def expected(chosen: Selector) -> Any:
    """
    What is expected of a login whose account is not known.
    """
    return outcome(chosen.expected(evolve(REQUEST, account=b"")))


def test_strategyIsAskedOnceForALogin(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, RoundRobin(NoOptions()))
    hosts = []
    for _ in range(6):
        first = expected(chosen)
        assert first.chosen
        hosts.append(outcome(chosen.lease(REQUEST, (), first)).host)

    assert hosts == [A, B, C, A, B, C]


def fewest() -> Ranked:
    """
    The host with the fewest sessions first.
    """
    return Ranked(lambda candidates: sorted(candidates, key=lambda each: each.sessions))


def test_thoseWhoComeAtOnceSeeEachOther(clock: Clock) -> None:
    """
    All are expected before the first one has a lease.
    """
    chosen = selectorOf(HOSTS, clock, fewest())
    coming = [expected(chosen) for _ in range(5)]
    assert [each.host for each in coming] == [A, B, C, A, B]
    assert leased(chosen, OTHER).host == C

    assert [outcome(chosen.lease(REQUEST, (), each)).host for each in coming] == [A, B, C, A, B]
    assert not chosen.coming


def test_whoDoesNotComeAfterAllIsNotCounted(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, fewest())
    for _ in range(3):
        gone = expected(chosen)
        assert gone.host == A
        gone.over()


def test_expectationThatFindsNoHostStaysUntilItIsOver(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, fewest())
    first = expected(chosen)
    outcome(chosen.lease(REQUEST, HOSTS, first))
    assert chosen.coming == {A: 1}


def test_lastHostOfTheSourceIsExpectedAndGivesNoPlace(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, RoundRobin(NoOptions()), STICKY)
    chosen.accepted(REQUEST, C)
    assert expected(chosen) == Expected(C, chosen=False)

    assert outcome(chosen.lease(OTHER, (), expected(chosen))).host == A


def test_hostThatIsNotUpIsNotExpected(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, Ordered(NoOptions()), STICKY)
    chosen.accepted(REQUEST, C)
    fails(chosen, C, State.SUSPECT)
    assert expected(chosen) == Expected(A, chosen=True)

    for host in (A, B):
        fails(chosen, host, State.SUSPECT)
    assert expected(chosen) is None


def test_nothingIsExpectedOfAStrategyThatNeedsTheAccount(clock: Clock) -> None:
    strategy = backwards()
    strategy.needsAccount = True  # type: ignore[misc]
    assert expected(selectorOf(HOSTS, clock, strategy)) is None
    assert strategy.requests == []


def test_whatWasExpectedIsForgottenWhenItIsDownMeanwhile(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock)
    first = expected(chosen)
    fails(chosen, A, State.DOWN)

    assert outcome(chosen.lease(REQUEST, (), first)).host == B


def test_placesAreLimited(clock: Clock) -> None:
    chosen = selectorOf(HOSTS, clock, None, None, None, HealthRules())
    for host in HOSTS:
        settings = chosen.cluster[host].settings
        chosen.cluster[host].settings = evolve(settings, maxSessions=1)
    taken = [leased(chosen) for _ in range(4)]

    assert [each.host for each in taken[:3]] == [A, B, C]
    assert isinstance(taken[3], NoHostAvailable)
    taken[1].release()
    assert leased(chosen).host == B


# Whose turn it is


def test_accountThatComesBackTakesNobodysTurn(clock: Clock) -> None:
    strategy = backwards()
    chosen = selectorOf(HOSTS, clock, strategy, STICKY)
    leased(chosen).confirm()
    before = len(strategy.asked)

    assert leased(chosen).host == C
    assert len(strategy.asked) == before


def test_suspectHostsCostNobodysTurn(clock: Clock) -> None:
    strategy = backwards()
    chosen = selectorOf(HOSTS, clock, strategy)
    fails(chosen, A, State.SUSPECT)
    leased(chosen)

    assert [[each.address for each in asked] for asked in strategy.asked] == [[B, C]]


def test_strategyIsNotAskedAboutHostsThatAreFull(clock: Clock) -> None:
    strategy = backwards()
    chosen = selectorOf(HOSTS, clock, strategy)
    chosen.cluster[C].settings = evolve(chosen.cluster[C].settings, maxSessions=1)

    assert [leased(chosen).host for _ in range(2)] == [C, B]
    assert [each.address for each in strategy.asked[-1]] == [A, B]
