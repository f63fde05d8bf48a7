"""
L{bastion.ssh.deadline}: time stands still, and does not begin anew.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from bastion.ssh.deadline import Deadline


@pytest.fixture
def clock() -> Clock:
    """
    The time.
    """
    return Clock()


@pytest.fixture
def late() -> list[str]:
    """
    Who has been told that he is late.
    """
    return []


@pytest.fixture
def deadline(clock: Clock, late: list[str]) -> Deadline:
    """
    Ten seconds for one, from now on.
    """
    made = Deadline(clock)
    made.start(10, lambda: late.append("one"))
    return made


def test_whoIsLateIsToldOnce(deadline: Deadline, clock: Clock, late: list[str]) -> None:
    clock.advance(9.5)
    assert late == []
    clock.advance(0.5)
    assert late == ["one"]

    deadline.resume()
    deadline.pause()
    deadline.resume()
    assert clock.getDelayedCalls() == []


def test_whatHasComeIsNotWaitedFor(deadline: Deadline, clock: Clock, late: list[str]) -> None:
    deadline.stop()
    deadline.resume()
    assert clock.getDelayedCalls() == []
    deadline.stop()
    assert late == []


def test_timeThatStoodStillGoesOnWhereItStood(
    deadline: Deadline, clock: Clock, late: list[str]
) -> None:
    clock.advance(6)
    for _ in range(2):
        deadline.pause()
        clock.advance(1000)
    deadline.resume()
    clock.advance(3.5)
    deadline.resume()
    assert late == []
    clock.advance(0.5)
    assert late == ["one"]


def test_whoMakesItStandStillOftenIsLateToo(
    deadline: Deadline, clock: Clock, late: list[str]
) -> None:
    for _ in range(10):
        assert late == []
        deadline.resume()
        clock.advance(1)
        deadline.pause()
    deadline.resume()
    clock.advance(0)
    assert late == ["one"]


def test_whatIsWaitedForNextHasItsOwnTime(
    deadline: Deadline, clock: Clock, late: list[str]
) -> None:
    clock.advance(6)
    deadline.start(20, lambda: late.append("two"))
    clock.advance(19)
    assert late == []
    clock.advance(1)
    assert late == ["two"]


def test_whoIsToldMayStartAgain(clock: Clock, late: list[str]) -> None:
    made = Deadline(clock)

    def again() -> None:
        late.append("again")
        made.start(5, again)

    made.start(5, again)
    clock.pump([5, 5])
    assert late == ["again", "again"]
    made.stop()
