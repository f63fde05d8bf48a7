"""
Tests of L{bastion.hosts.health}: hosts that answer as the test says, and a clock that is
moved by hand.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from twisted.application.service import IService
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.hosts.cluster import Change, Cluster, HealthRules, HostSettings
from bastion.hosts.health import APART, FAREWELL, SOON, Health, Schedule
from bastion.hosts.states import State
from bastion.interfaces import (
    HostAddress,
    HostKeyRefused,
    HostUnavailable,
    HostUnhealthy,
    ICheckedHost,
    IHealthCheck,
)

A, B, C = HOSTS = [HostAddress(name) for name in "abc"]
INTERVAL, TIMEOUT = 10.0, 5.0
KEY = b"a key"
REFUSED = HostKeyRefused("offered B; known_hosts has A", A, "B", ("A",), KEY)
UNKNOWN = HostKeyRefused("no key of a is in known_hosts; it offered B", A, "B", (), KEY)


@implementer(ICheckedHost)
class Way:
    """
    The way to a host.
    """

    endpoint = object()

    def __init__(self, address: HostAddress, site: Site) -> None:
        self.address = address
        self._site = site

    def handshake(self) -> Deferred[None]:
        """
        See L{ICheckedHost}.
        """
        done: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._site.clock.callLater(self._site.takes, done.callback, None)
        return done


def well(way: ICheckedHost) -> Any:
    """
    A host that is well at once.
    """


def shaking(way: ICheckedHost) -> Any:
    """
    A host that shakes hands.
    """
    return way.handshake()


def unwell(way: ICheckedHost) -> Deferred[Any]:
    """
    A host that is not.
    """
    return fail(HostUnhealthy(f"{way.address} is out of order"))


def never(way: ICheckedHost) -> Deferred[Any]:
    """
    A host that does not answer.
    """
    return Deferred()


class Stubborn:
    """
    A check that does not end when it is cancelled.

    @ivar waiting: what it waits for.
    @ivar cancelled: how often it was cancelled.
    """

    def __init__(self) -> None:
        self.waiting: Deferred[Any] = Deferred()
        self.cancelled = 0

    def __call__(self, way: ICheckedHost) -> Deferred[Any]:
        """
        Wait.
        """
        self.waiting = Deferred()
        return self.waiting.addErrback(self._ebCancelled, way)

    def _ebCancelled(self, failure: Any, way: ICheckedHost) -> Deferred[Any]:
        failure.trap(CancelledError)
        self.cancelled += 1
        return self(way)


@implementer(IHealthCheck)
class Site:
    """
    A cluster that is looked after; also the check of its hosts.

    @ivar answers: what comes of a check, by host.
    @ivar begun: when each check began, and of whom.
    @ivar running: the hosts that are being checked.
    @ivar changes: what was told.
    @ivar luck: what chance gives.
    @ivar takes: how long a handshake takes, in seconds.
    """

    def __init__(self, interval: float = INTERVAL, jitter: float = 0.0) -> None:
        self.clock = Clock()
        self.cluster = Cluster([HostSettings(host) for host in HOSTS], HealthRules(), 0.0)
        self.answers: dict[HostAddress, Callable[[ICheckedHost], Any]] = dict.fromkeys(HOSTS, well)
        self.begun: list[tuple[float, HostAddress]] = []
        self.running: set[HostAddress] = set()
        self.changes: list[Change] = []
        self.luck = 0.5
        self.takes = 0.25
        self.tell: Callable[[Change], None] = self.changes.append
        self.health = Health(
            self.cluster,
            self,
            lambda address: Way(address, self),
            self.clock,
            Schedule(interval, jitter, TIMEOUT),
            lambda: self.luck,
            lambda change: self.tell(change),
        )

    def check(self, host: ICheckedHost) -> Any:
        """
        See L{IHealthCheck}.
        """
        assert host.address not in self.running, "never two checks of one host"
        self.begun.append((self.clock.seconds(), host.address))
        answer = self.answers[host.address](host)
        if isinstance(answer, Deferred):
            self.running.add(host.address)
            answer.addBoth(self._over, host.address)
        return answer

    def _over(self, result: Any, address: HostAddress) -> Any:
        self.running.discard(address)
        return result

    def passes(self, seconds: float, step: float = 0.25) -> None:
        """
        Let time pass.
        """
        self.clock.advance(0)
        for _ in range(round(seconds / step)):
            self.clock.advance(step)

    def times(self, address: HostAddress) -> list[float]:
        """
        When the checks of a host began.
        """
        return [when for when, whom in self.begun if whom == address]

    def state(self, address: HostAddress) -> State:
        """
        How a host stands.
        """
        return self.cluster[address].state


@pytest.fixture
def site() -> Iterator[Site]:
    """
    A cluster that is looked after from now on; nothing of that is left afterwards.
    """
    site = Site()
    site.health.startService()
    yield site
    site.health.stopService()
    site.passes(FAREWELL)
    assert site.clock.getDelayedCalls() == []


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[LogEvent]]:
    """
    What is logged.  Failures that a test expects it takes away; there are no others, and
    none is left that nobody has looked at.
    """
    with capturedLogs() as events:
        yield events
        gc.collect()
    assert [event for event in events if "log_failure" in event] == []


def test_serviceIsOneAndSoIsOurCheck(site: Site) -> None:
    assert verifyObject(IService, site.health)
    assert verifyObject(IHealthCheck, site)
    assert verifyObject(ICheckedHost, Way(A, site))


# When


@pytest.mark.parametrize(("interval", "within"), [(10.0, SOON), (0.5, 0.5)])
def test_firstChecksAreSpreadByChance(interval: float, within: float) -> None:
    site = Site(interval)
    luck = iter([0.0, 0.5, 0.75])
    site.health.chance = lambda: next(luck, 0.5)
    site.health.startService()
    site.passes(within, within / 8)
    assert [site.times(host)[0] / within for host in HOSTS] == [0.0, 0.5, 0.75]


def test_nextCheckComesAnIntervalAfterTheEndAndABitMoreByChance() -> None:
    site = Site(INTERVAL, jitter=4.0)
    site.answers[A], site.takes = shaking, 2.0
    site.luck = 0.0
    site.health.startService()
    site.clock.advance(0)
    site.luck = 0.5
    site.passes(60.0)
    assert site.times(A)[:4] == [0.0, 14.0, 28.0, 42.0]
    assert site.times(B)[:4] == [0.0, 10.0, 22.0, 34.0]


def test_withoutAnIntervalNobodyIsChecked() -> None:
    site = Site(0.0)
    site.health.startService()
    site.health.soon(A)
    assert site.clock.getDelayedCalls() == []
    assert site.begun == []
    site.health.stopService()


def test_suspectHostIsLookedAtSooner(site: Site) -> None:
    site.answers[A] = unwell
    site.passes(2.0)
    assert site.state(A) is State.SUSPECT
    site.answers[A] = well
    site.passes(30.0)
    assert site.times(A) == [1.0, 3.0, 5.0, 7.0, 17.0, 27.0]
    assert site.state(A) is State.UP, "at 7, for it has changed at 1"


def test_hostThatIsDownIsNotLookedAtSooner(site: Site) -> None:
    site.answers[A] = unwell
    site.passes(40.0)
    assert [change.new for change in site.changes] == [State.SUSPECT, State.DOWN]
    assert site.times(A) == [1.0, 3.0, 5.0, 7.0, 17.0, 27.0, 37.0]


@pytest.mark.parametrize("order", [Cluster.drain, Cluster.disable])
def test_hostThatIsOutOfServiceIsNotChecked(site: Site, order: Any) -> None:
    site.passes(2.0)
    order(site.cluster, A, site.clock.seconds())
    site.health.soon(A)
    site.passes(60.0)
    assert site.times(A) == [1.0]

    site.cluster.enable(A, site.clock.seconds())
    site.health.soon(A)
    site.passes(1.0)
    assert site.times(A) == [1.0, 62.0]
    assert site.state(A) is State.SUSPECT
    site.passes(1.0)
    assert site.state(A) is State.UP


def test_hostThatIsEnabledIsCheckedEvenIfNobodyAsks(site: Site) -> None:
    site.cluster.drain(A, 0.0)
    site.passes(2.0)
    site.cluster.enable(A, 2.0)
    site.passes(INTERVAL)
    assert site.times(A) == [11.0]


# Soon


def test_checkThatIsAskedForComesAtOnce(site: Site) -> None:
    site.passes(5.0)
    site.health.soon(A)
    assert site.times(A) == [1.0], "but not before whoever asks has done what it is about"
    site.clock.advance(0)
    assert site.times(A) == [1.0, 5.0]
    site.passes(INTERVAL + 1)
    assert site.times(A) == [1.0, 5.0, 15.0], "the interval begins anew"
    assert site.times(B) == [1.0, 11.0]


def test_firstCheckCanBeAskedFor(site: Site) -> None:
    site.health.soon(A)
    site.clock.advance(0)
    assert site.times(A) == [0.0]


def test_askingManyTimesIsAskingOnce(site: Site) -> None:
    site.passes(5.0)
    for _ in range(100):
        site.health.soon(A)
    site.passes(1.0)
    assert site.times(A) == [1.0, 5.0]


def test_checksThatAreAskedForKeepASecondApart(site: Site) -> None:
    site.answers[A], site.takes = shaking, 0.5
    site.passes(5.0)
    for _ in range(400):
        site.health.soon(A)
        site.clock.advance(0.025)
    begun = site.times(A)[1:]
    assert len(begun) == 7
    apart = [two - one - site.takes for one, two in pairwise(begun)]
    assert apart == pytest.approx([APART] * 6, abs=0.05)


def test_checkThatIsAskedForDuringOneFollowsIt(site: Site) -> None:
    site.answers[A], site.takes = shaking, 2.0
    site.passes(2.0)
    site.health.soon(A)
    site.health.soon(A)
    site.passes(20.0)
    assert site.times(A) == [1.0, 4.0, 16.0]


def test_clockThatIsSetBackMakesNobodyWaitForHours(site: Site) -> None:
    site.passes(5.0)
    site.clock.rightNow -= 3600.0
    for _ in range(4):
        site.health.soon(A)
        site.passes(APART / 4)
    assert len(site.times(A)) == 2


def test_hostOfAnotherClusterIsNotChecked(site: Site) -> None:
    site.health.soon(HostAddress("elsewhere"))
    site.passes(3.0)
    assert {host for _, host in site.begun} == set(HOSTS)


# What comes of it


def test_handshakeOfAHostThatIsWellIsTimed(site: Site) -> None:
    site.answers[A], site.takes = shaking, 0.75
    site.passes(3.0)
    assert site.cluster[A].latency == 0.75
    assert site.cluster[A].lastChecked == 1.75
    assert site.changes == []


def test_checkWithoutAHandshakeSaysNothingAboutTheTime(site: Site) -> None:
    site.passes(3.0)
    assert site.cluster[A].lastChecked == 1.0
    assert site.cluster[A].latency is None


def test_hostThatIsUnwellIsToldOfWithTheReason(site: Site) -> None:
    site.answers[A] = unwell
    site.passes(2.0)
    (change,) = site.changes
    assert (change.host, change.new) == (A, State.SUSPECT)
    assert "a is out of order" in change.reason
    assert site.cluster[A].lastProblem == "a is out of order"
    assert site.state(B) is State.UP


def test_hostWithAnotherKeyIsQuarantinedUntilItIsAccepted(site: Site) -> None:
    site.answers[A] = lambda way: fail(REFUSED)
    site.passes(2.0)
    (change,) = site.changes
    assert (change.host, change.new, change.reason) == (A, State.QUARANTINED, str(REFUSED))
    assert site.cluster[A].offeredKey == KEY

    site.answers[A] = shaking
    site.passes(60.0)
    assert len(site.times(A)) > 5, "it is checked and reported on"
    assert site.cluster[A].lastChecked == site.times(A)[-1] + 0.25
    assert site.state(A) is State.QUARANTINED

    site.cluster.acceptKey(A, site.clock.seconds())
    site.health.soon(A)
    site.passes(5.0)
    assert site.state(A) is State.UP


def test_hostOfWhichNoKeyIsKnownIsUnwellButHasNotChanged(site: Site) -> None:
    site.answers[A] = lambda way: fail(UNKNOWN)
    site.passes(2.0)
    (change,) = site.changes
    assert (change.host, change.new) == (A, State.SUSPECT)
    assert str(UNKNOWN) in change.reason


# Too late


def test_checkThatTakesTooLongIsCancelledAndHasFailed(site: Site) -> None:
    site.answers[A] = never
    site.passes(1.0 + TIMEOUT)
    assert A not in site.running
    assert site.cluster[A].lastProblem == "a did not answer in time"
    assert site.cluster[A].bad == 1, "it has failed once, not twice"
    assert site.state(A) is State.SUSPECT
    site.passes(3.0)
    assert site.times(A) == [1.0, 8.0]


def test_lateSuccessIsNone(site: Site) -> None:
    late: list[Deferred[Any]] = []

    def answer(way: ICheckedHost) -> Deferred[Any]:
        late.append(Deferred(lambda each: each.callback("well, after all")))
        return late[-1]

    site.answers[A] = answer
    site.passes(1.0 + TIMEOUT)
    assert late[0].called
    assert (site.cluster[A].good, site.cluster[A].bad) == (0, 1)
    assert site.state(A) is State.SUSPECT


def test_checkThatDoesNotEndKeepsItsHostFromBeingWell(site: Site) -> None:
    site.answers[A] = stubborn = Stubborn()
    site.passes(1.0 + 3 * TIMEOUT)
    assert (site.times(A), stubborn.cancelled) == ([1.0], 3)
    assert site.state(A) is State.DOWN
    site.health.soon(A)
    site.passes(TIMEOUT)
    assert site.times(A) == [1.0]

    site.answers[A] = well
    stubborn.waiting.callback("at last")
    assert site.state(A) is State.DOWN
    site.passes(APART)
    assert site.times(A) == [1.0, 22.0]
    site.passes(INTERVAL)
    assert site.state(A) is State.UP


# The end


def test_stoppedServiceChecksNobody(site: Site) -> None:
    site.passes(2.0)
    over: list[Any] = []
    site.health.stopService().addCallback(over.append)
    assert len(over) == 1
    assert site.clock.getDelayedCalls() == []
    site.health.soon(A)
    site.passes(60.0)
    assert len(site.begun) == len(HOSTS)


def test_runningCheckIsCancelledAndSaysNothingAnyMore(site: Site) -> None:
    site.answers[A] = never
    site.passes(2.0)
    over: list[Any] = []
    site.health.stopService().addCallback(over.append)
    assert len(over) == 1
    assert site.running == set()
    assert (site.changes, site.cluster[A].lastChecked) == ([], None)
    assert site.clock.getDelayedCalls() == []


def test_stoppingWaitsUntilTheRunningCheckIsOver(site: Site) -> None:
    site.answers[A] = stubborn = Stubborn()
    site.passes(2.0)
    over: list[Any] = []
    site.health.stopService().addCallback(over.append)
    assert (over, stubborn.cancelled) == ([], 1)
    stubborn.waiting.callback("closed")
    assert len(over) == 1
    assert site.clock.getDelayedCalls() == []


@pytest.mark.parametrize("waited", [0.5, TIMEOUT + 1], ids=["in time", "too late"])
def test_stoppingDoesNotWaitForWhatDoesNotEnd(site: Site, waited: float) -> None:
    site.answers[A] = stubborn = Stubborn()
    site.passes(1.0 + waited)
    over: list[Any] = []
    site.health.stopService().addCallback(over.append)
    site.passes(FAREWELL - 0.25)
    assert over == []
    site.passes(0.25)
    assert len(over) == 1
    assert site.clock.getDelayedCalls() == []
    stubborn.waiting.callback("far too late")
    assert site.clock.getDelayedCalls() == []


def test_serviceCanBeStartedAgain(site: Site) -> None:
    site.passes(2.0)
    site.health.stopService()
    site.health.startService()
    site.passes(2.0)
    assert site.times(A) == [1.0, 3.0]


@pytest.mark.parametrize("answer", [unwell, never, Stubborn()])
def test_whoIsToldMayStopTheService(site: Site, answer: Any) -> None:
    over: list[Any] = []

    def stop(change: Change) -> None:
        site.health.stopService().addCallback(over.append)

    site.answers[A], site.tell = answer, stop
    site.passes(1.0 + TIMEOUT + FAREWELL)
    assert len(over) == 1
    assert site.clock.getDelayedCalls() == []


# What is broken


def raising(way: ICheckedHost) -> Any:
    """
    A check with a bug.
    """
    raise RuntimeError("a secret of the plugin's")


def failing(way: ICheckedHost) -> Any:
    """
    A check with a bug that shows later.
    """
    return fail(RuntimeError("a secret of the plugin's"))


def taken(logged: list[LogEvent]) -> list[LogEvent]:
    """
    The failures that were logged, which are forgotten.
    """
    found = [event for event in logged if "log_failure" in event]
    logged[:] = [event for event in logged if "log_failure" not in event]
    return found


@pytest.mark.parametrize("answer", [raising, failing])
def test_exceptionOfACheckIsAFailedCheckAndLoggedOnce(
    site: Site, logged: list[LogEvent], answer: Any
) -> None:
    site.answers[A] = answer
    site.passes(30.0)
    assert site.state(A) is State.DOWN
    assert site.cluster[A].lastProblem == "the check of a failed: RuntimeError"
    (event,) = taken(logged)
    assert (event["host"], event["log_failure"].type) == ("a", RuntimeError)

    site.answers[A] = well
    site.passes(30.0)
    assert site.state(A) is State.UP
    site.answers[A] = answer
    site.passes(30.0)
    assert len(taken(logged)) == 1, "it has worked in between"


def test_hostThatCannotBeLookedAtIsNotWell(site: Site, logged: list[LogEvent]) -> None:
    def lost(address: HostAddress) -> Way:
        raise LookupError(address)

    site.health.access = lost
    site.passes(2.0)
    assert {site.state(host) for host in HOSTS} == {State.SUSPECT}
    assert len(taken(logged)) == len(HOSTS)


def test_anyUnavailabilityIsNoBug(site: Site) -> None:
    site.answers[A] = lambda way: fail(HostUnavailable("a refuses connections"))
    site.passes(30.0)
    assert site.state(A) is State.DOWN


def test_whoCannotBeToldDoesNotEndTheChecks(site: Site, logged: list[LogEvent]) -> None:
    def deaf(change: Change) -> None:
        raise RuntimeError("deaf")

    site.answers[A], site.tell = unwell, deaf
    site.passes(30.0)
    assert site.state(A) is State.DOWN
    assert len(site.times(A)) == 6
    assert len(taken(logged)) == 2


# The host's own penalties


class Penalties:
    """
    What OpenSSH holds against one source, by default (srclimit.c).

    @ivar active: whether the source was ever turned away.
    """

    def __init__(self) -> None:
        self.active = False
        self._expiry = 0.0

    def noAuth(self, now: float) -> None:
        """
        A connection without a login has ended.
        """
        self._expiry = max(self._expiry, now) + 1.0
        self.active = self.active or self._expiry - now > 15.0


@pytest.mark.parametrize("interval", [2.0, 10.0])
def test_checksStayUnderTheHostsOwnPenalties(interval: float) -> None:
    """
    Whatever the host does, and however often somebody asks.
    """
    chance, site, penalties = random.Random(1), Site(interval), Penalties()
    site.health.chance = chance.random

    def counted(result: Any) -> Any:
        penalties.noAuth(site.clock.seconds())
        return result

    def answer(way: Any) -> Deferred[Any]:
        site.takes = chance.random()
        (chosen,) = chance.choices((shaking, unwell, never), (8, 8, 1))
        return chosen(way).addBoth(counted)

    site.answers[A] = answer
    site.health.startService()
    for _ in range(20_000):
        site.clock.advance(0.1)
        if chance.random() < 0.5:
            site.health.soon(A)
    assert len(site.times(A)) > 500
    assert not penalties.active


def test_hostThatFlapsIsNotFollowedAtEveryTurn(site: Site) -> None:
    """
    Up for half a second, down for half a second, and every failure is asked about.
    """
    site.answers[A] = lambda way: well(way) if site.clock.seconds() % 1 < 0.5 else unwell(way)
    changed: list[float] = []
    site.tell = lambda change: changed.append(site.clock.seconds())
    for _ in range(600):
        site.health.soon(A)
        site.clock.advance(0.11)
    assert len(changed) > 3
    assert all(two - one >= 5.0 for one, two in pairwise(changed))
