"""
Tests of L{bastion.hosts.host}: what is measured, and how a host comes back.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from bastion.hosts.host import PROBATION, SLOWEST_START, SMOOTHING, Change, Host, HostSettings
from bastion.hosts.states import Event, State
from bastion.interfaces import HostAddress

ADDRESS = HostAddress("nice1.example.org")
HOLD, SLOW_START = 5.0, 60.0
START = 1000.0


@pytest.fixture
def host() -> Host:
    """
    A host of weight 4 of which nothing is known.
    """
    return Host(HostSettings(ADDRESS, weight=4.0), START)


def happened(host: Host, event: Event, now: float) -> Change | None:
    """
    Something happens to it.
    """
    return host.happened(event, "reason", now, HOLD)


def back(host: Host, now: float = START + 100) -> None:
    """
    It was down, and comes back.
    """
    happened(host, Event.FELL, now - 50)
    happened(host, Event.ROSE, now)


def test_hostIsUpAsLongAsNothingIsKnownAgainstIt(host: Host) -> None:
    assert (host.state, host.since, host.reason) == (
        State.UP,
        START,
        "nothing is known against it",
    )
    assert (host.latency, host.lastChecked, host.lastProblem) == (None, None, "")


def test_changeSaysFromWhatToWhatAndWhy(host: Host) -> None:
    change = host.happened(Event.FAILED, "refused", START + 1, HOLD)
    assert change == Change(ADDRESS, State.UP, State.SUSPECT, "refused")
    assert (host.state, host.since, host.reason) == (State.SUSPECT, START + 1, "refused")


def test_whatTheTableDoesNotKnowChangesNothing(host: Host) -> None:
    assert happened(host, Event.ROSE, START + 1) is None
    assert (host.state, host.since) == (State.UP, START)


# Damping


def test_healthChangesTheStateOnceInAWhile(host: Host) -> None:
    happened(host, Event.FAILED, START)
    assert happened(host, Event.ROSE, START + HOLD - 0.001) is None
    assert happened(host, Event.ROSE, START + HOLD) is not None


def test_whatChangesNothingDoesNotProlongTheWait(host: Host) -> None:
    happened(host, Event.FAILED, START)
    for second in range(1, 5):
        happened(host, Event.ROSE, START + second)
    assert happened(host, Event.ROSE, START + HOLD) is not None


@pytest.mark.parametrize("event", [Event.DRAIN, Event.DISABLE, Event.KEY_REFUSED])
def test_operatorsAndRefusedKeysDoNotWait(host: Host, event: Event) -> None:
    happened(host, Event.FAILED, START)
    assert happened(host, event, START) is not None


def test_healthDoesNotWaitForOperators(host: Host) -> None:
    happened(host, Event.DRAIN, START)
    happened(host, Event.ENABLE, START)
    assert happened(host, Event.FELL, START) is not None


def test_clockThatIsSetBackDoesNotHoldAStateForHours(host: Host) -> None:
    happened(host, Event.FAILED, START)
    assert happened(host, Event.ROSE, START - 3600) is not None


# How long the handshake takes


def test_latencyIsAMovingAverage(host: Host) -> None:
    host.wentWell(1.0, START)
    assert host.latency == 1.0
    host.wentWell(2.0, START)
    assert host.latency == pytest.approx(1.0 + SMOOTHING)
    for _ in range(100):
        host.wentWell(3.0, START)
    assert host.latency == pytest.approx(3.0)


def test_checkWithoutAHandshakeSaysNothingAboutLatency(host: Host) -> None:
    host.wentWell(None, START)
    assert host.latency is None
    assert host.good == 1


@pytest.mark.parametrize(
    ("event", "latency"),
    [
        (Event.FAILED, 1.0),
        (Event.FELL, None),
        (Event.DRAIN, None),
        (Event.DISABLE, None),
        (Event.KEY_REFUSED, None),
    ],
)
def test_hostThatWasAwayIsMeasuredAnew(host: Host, event: Event, latency: float | None) -> None:
    host.wentWell(1.0, START)
    host.slow = True
    happened(host, event, START)
    assert host.latency == latency
    assert host.slow is (latency is not None)


# In a row


def test_goodAndBadAreCountedInARow(host: Host) -> None:
    host.bad = 2
    host.wentWell(None, START)
    host.wentWell(None, START)
    assert (host.good, host.bad) == (2, 0)
    host.wentWrong("refused", START)
    assert host.good == 0
    assert host.lastProblem == "refused"


def test_whatWasCountedBeforeAHostWasAwayDoesNotCount(host: Host) -> None:
    host.wentWell(None, START)
    happened(host, Event.DISABLE, START)
    happened(host, Event.ENABLE, START + 3600)
    assert (host.good, host.bad) == (0, 0)


# Slow start


def test_hostHasItsWeightFromTheStart(host: Host) -> None:
    assert host.weight(START, SLOW_START) == 4.0


@pytest.mark.parametrize(
    ("seconds", "share"),
    [(0.0, SLOWEST_START), (30.0, 0.55), (59.0, 0.985), (60.0, 1.0), (3600.0, 1.0)],
)
def test_hostThatWasDownComesBackSlowly(host: Host, seconds: float, share: float) -> None:
    back(host)
    assert host.weight(START + 100 + seconds, SLOW_START) == pytest.approx(4.0 * share)


def test_weightRisesSteadily(host: Host) -> None:
    back(host)
    weights = [host.weight(START + 100 + second, SLOW_START) for second in range(61)]
    steps = [after - before for before, after in pairwise(weights)]
    assert steps == [pytest.approx(4.0 * 0.9 / 60)] * 60


def test_slowStartMayBeOff(host: Host) -> None:
    back(host)
    assert host.weight(START + 100, 0.0) == 4.0


@pytest.mark.parametrize("event", [Event.DRAIN, Event.DISABLE])
def test_hostThatWasOutOfServiceComesBackSlowlyToo(host: Host, event: Event) -> None:
    """
    It has no sessions: C{least-sessions} would send everybody there.
    """
    happened(host, event, START)
    happened(host, Event.ENABLE, START)
    assert host.weight(START, SLOW_START) == 4.0
    happened(host, Event.ROSE, START + 10)
    assert host.weight(START + 10, SLOW_START) == pytest.approx(0.4)


def test_hostThatWasQuarantinedComesBackSlowlyToo(host: Host) -> None:
    happened(host, Event.KEY_REFUSED, START)
    happened(host, Event.KEY_ACCEPTED, START)
    happened(host, Event.ROSE, START + 10)
    assert host.weight(START + 10, SLOW_START) == pytest.approx(0.4)


def test_suspectHostDoesNotStartAnew(host: Host) -> None:
    happened(host, Event.FAILED, START)
    happened(host, Event.ROSE, START + 10)
    assert host.weight(START + 10, SLOW_START) == 4.0


def test_suspicionDoesNotEndASlowStart(host: Host) -> None:
    back(host)
    happened(host, Event.FAILED, START + 110)
    happened(host, Event.ROSE, START + 120)
    assert host.weight(START + 130, SLOW_START) == pytest.approx(4.0 * 0.55)


def test_hostThatAnswersSlowlyStartsWhenItIsUp(host: Host) -> None:
    happened(host, Event.FELL, START)
    happened(host, Event.SLOW, START + 10)
    happened(host, Event.ROSE, START + 40)
    assert host.weight(START + 40, SLOW_START) == pytest.approx(0.4)


def test_clockThatIsSetBackEndsASlowStart(host: Host) -> None:
    back(host)
    assert host.weight(START - 3600, SLOW_START) == 4.0


# Who is tried first


def test_suspectHostThatIsLeftAloneIsTriedAgain(host: Host) -> None:
    """
    Without checks, nothing else would bring it back.
    """
    happened(host, Event.FAILED, START)
    assert host.rank(START + PROBATION - 0.001) == 1
    assert host.rank(START + PROBATION) == 0
    host.wentWrong("refused", START + PROBATION)
    assert host.rank(START + PROBATION + 1) == 1
    host.wentWell(None, START + PROBATION + 10)
    assert host.rank(START + 2 * PROBATION + 9) == 1


def test_hostThatIsDownWaitsForItsChecks(host: Host) -> None:
    happened(host, Event.FELL, START)
    assert host.rank(START + 10 * PROBATION) == 2


def test_hostThatWasEnabledIsHeldBackUntilSomethingIsHeardOfIt(host: Host) -> None:
    happened(host, Event.DRAIN, START)
    happened(host, Event.ENABLE, START + 3600)
    assert host.rank(START + 3600) == 1


def test_keyThatAHostOffersIsNotShown(host: Host) -> None:
    host.offeredKey = b"\0\0\0\x0bssh-ed25519"
    assert "ed25519" not in repr(host)
