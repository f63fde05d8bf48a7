"""
L{bastion.hosts.traffic}: how much the sessions on each host move.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from bastion.hosts.traffic import SAMPLE_EVERY, SMOOTHING, Traffic
from bastion.interfaces import HostAddress

ONE, TWO = HostAddress("nice1"), HostAddress("nice2")
MIB = 1 << 20


class Session:
    """
    A session that moves bytes when it is told to.
    """

    def __init__(self) -> None:
        self.moved = 0

    def total(self) -> int:
        """
        How many bytes so far.
        """
        return self.moved


@pytest.fixture
def clock() -> Clock:
    """
    The time.
    """
    return Clock()


def flows(clock: Clock, seconds: float, *sessions: Session) -> None:
    """
    Let sessions move a MiB each second.
    """
    for _ in range(int(seconds)):
        for session in sessions:
            session.moved += MIB
        clock.advance(1)


def test_rateApproachesWhatIsMoved(clock: Clock) -> None:
    traffic, session = Traffic(clock), Session()
    traffic.begin(ONE, session.total)
    flows(clock, SMOOTHING, session)
    assert 0.55 * MIB < traffic.rate(ONE) < 0.7 * MIB

    flows(clock, 6 * SMOOTHING, session)
    assert traffic.rate(ONE) == pytest.approx(MIB, rel=0.01)
    assert traffic.rate(TWO) == 0
    traffic.stop()


def test_sessionsOfAHostAreAddedUp(clock: Clock) -> None:
    traffic, sessions = Traffic(clock), [Session(), Session(), Session()]
    for session, host in zip(sessions, (ONE, ONE, TWO), strict=True):
        traffic.begin(host, session.total)
    flows(clock, 8 * SMOOTHING, *sessions)

    assert traffic.rate(ONE) == pytest.approx(2 * MIB, rel=0.01)
    assert traffic.rate(TWO) == pytest.approx(MIB, rel=0.01)
    traffic.stop()


def test_whatASessionHasMovedBeforeItsEndCounts(clock: Clock) -> None:
    traffic, session = Traffic(clock), Session()
    meter = traffic.begin(ONE, session.total)
    session.moved = 10 * MIB
    traffic.end(meter)
    traffic.end(meter)
    clock.advance(SAMPLE_EVERY)

    assert traffic.rate(ONE) == pytest.approx(10 * MIB / SAMPLE_EVERY * 0.181, rel=0.01)
    traffic.stop()


def test_nobodyLooksWhenThereIsNothingToSee(clock: Clock) -> None:
    traffic, session = Traffic(clock), Session()
    meter = traffic.begin(ONE, session.total)
    flows(clock, 10, session)
    traffic.end(meter)
    assert len(clock.getDelayedCalls()) == 1

    for _ in range(200):
        clock.advance(SAMPLE_EVERY)
    assert clock.getDelayedCalls() == []
    assert traffic.rate(ONE) == 0


def test_clockThatIsSetBackDoesNoHarm(clock: Clock) -> None:
    traffic, session = Traffic(clock), Session()
    traffic.begin(ONE, session.total)
    clock.rightNow -= 3600
    session.moved = MIB
    traffic._sample()

    assert 0 < traffic.rate(ONE) < MIB
    traffic.stop()


def test_stopLeavesNothing(clock: Clock) -> None:
    traffic = Traffic(clock)
    traffic.begin(ONE, Session().total)
    traffic.stop()
    traffic.stop()

    assert clock.getDelayedCalls() == []
