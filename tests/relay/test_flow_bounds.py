"""
L{bastion.relay.flow}: windows that cannot be, senders that ignore theirs, and those who
do something while they are told of more.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from bastion.relay.ceiling import ADVANCE, QUANTUM, START, Ceiling
from bastion.relay.flow import MAX_WINDOW, Debts, Flow
from bastion.wire import Malformed

RATE = 64 * 1024


class Pipe:
    """
    A flow through one ceiling, which is served by hand.

    @ivar debts: its sender's.
    """

    def __init__(self, level: int, give: Callable[[int], None] = lambda size: None) -> None:
        self._clock = Clock()
        self.ceiling = Ceiling(RATE, level, 0, lambda ceiling: None)
        self.debts = Debts()
        self.flow = self.another(give)

    def another(self, give: Callable[[int], None] = lambda size: None) -> Flow:
        """
        One more flow of the same sender and connection.
        """
        return Flow((self.ceiling,), self.debts, give, lambda flow: None, self._clock)

    def passes(self, seconds: float) -> None:
        """
        Time does; then turns are given.
        """
        self._clock.advance(seconds)
        self.ceiling.serve(self._clock.seconds())


# Limits


@pytest.mark.parametrize("more", [1, MAX_WINDOW])
def test_windowThatIsTooLargeIsMalformed(more: int) -> None:
    pipe = Pipe(START)
    pipe.flow.begin(MAX_WINDOW)
    with pytest.raises(Malformed, match="a window of more than"):
        pipe.flow.granted(more)


def test_largestWindowMayBeGrantedAgainWhenItIsUsed() -> None:
    pipe = Pipe(START)
    pipe.flow.begin(MAX_WINDOW)
    pipe.flow.used(10)
    pipe.flow.granted(10)
    with pytest.raises(Malformed):
        pipe.flow.granted(1)


def test_dataBeyondTheWindowAreTakenFromTheNext() -> None:
    pipe = Pipe(0)
    pipe.flow.begin(ADVANCE)
    pipe.flow.used(ADVANCE + START)
    with pytest.raises(Malformed, match="more data than the window"):
        pipe.flow.used(1)


def test_nobodyGetsMoreByIgnoringItsWindow() -> None:
    given: list[int] = []
    pipe = Pipe(0, given.append)
    pipe.flow.begin(MAX_WINDOW)
    pipe.flow.used(ADVANCE)
    sent = ADVANCE
    with pytest.raises(Malformed):
        for _ in range(100):
            pipe.passes(0.5)
            sent += 2 * QUANTUM
            pipe.flow.used(2 * QUANTUM)
    assert sent <= sum(given) + START + 2 * QUANTUM


# Debts


def test_debtsOfAllChannelsOfASenderCount() -> None:
    pipe = Pipe(0)
    flows = [pipe.another() for _ in range(4)]
    for flow in flows:
        flow.begin(0)
        flow.used(START // 4)
    assert pipe.debts.total == START
    with pytest.raises(Malformed, match="more data than the window"):
        flows[0].used(1)


def test_debtIsPaidByWhatIsToldLater() -> None:
    pipe = Pipe(0)
    pipe.flow.begin(0)
    for _ in range(10):
        pipe.flow.used(START)
        assert pipe.debts.total == START
        pipe.flow.granted(START)
        pipe.passes(1)
        assert pipe.debts.total == 0


def test_debtIsPaidInPart() -> None:
    pipe = Pipe(0)
    pipe.flow.begin(0)
    pipe.flow.used(START)
    pipe.flow.granted(10_000)
    pipe.passes(1)
    assert pipe.debts.total == START - 10_000


def test_debtOfAClosedChannelIsNotForgotten() -> None:
    pipe = Pipe(0)
    for _ in range(4):
        flow = pipe.another()
        flow.begin(0)
        flow.used(START // 4)
        flow.close()
    pipe.passes(3600)
    pipe.flow.begin(START)
    pipe.flow.used(START)
    with pytest.raises(Malformed):
        pipe.flow.used(1)


def test_debtOfAClosedChannelIsTakenFromTheCeiling() -> None:
    given: list[int] = []
    pipe = Pipe(0, given.append)
    flow = pipe.another()
    flow.begin(0)
    flow.used(START)
    flow.close()
    flow.close()
    pipe.flow.begin(0)
    pipe.flow.granted(QUANTUM)
    pipe.passes(1.49)
    assert given == []
    pipe.passes(0.02)
    assert given == [QUANTUM]


def test_whoNeverExceedsItsWindowsOwesNothing() -> None:
    given: list[int] = []
    pipe = Pipe(0, given.append)
    for _ in range(100):
        flow = pipe.another(given.append)
        flow.begin(MAX_WINDOW)
        pipe.passes(0.5)
        flow.used(sum(given))
        given.clear()
        flow.close()
    assert pipe.debts.total == 0


def test_whatIsHeldGrowsWhileTheSenderHasNoRoom() -> None:
    """
    The flow waits with little; then much is granted, of which little can be given.
    """
    given: list[int] = []
    pipe = Pipe(START, given.append)
    pipe.flow.begin(START)
    pipe.flow.used(5)
    pipe.flow.granted(5)
    pipe.flow.granted(2**20)
    pipe.passes(1)
    pipe.passes(1)
    assert given == [START, 5]


# While they are told


def test_giverMayComeBackAtOnce() -> None:
    """
    Whoever is told may answer before it returns.
    """
    given: list[int] = []

    def give(size: int) -> None:
        given.append(size)
        pipe.flow.used(size)
        pipe.flow.granted(size)

    pipe = Pipe(START, give)
    pipe.flow.begin(0)
    pipe.flow.granted(QUANTUM)
    assert given == [QUANTUM, QUANTUM]
    assert len(pipe.ceiling) == 1
    pipe.passes(0.5)
    assert given == [QUANTUM] * 3


def test_giverMayCloseTheFlow() -> None:
    given: list[int] = []

    def give(size: int) -> None:
        given.append(size)
        pipe.flow.close()

    pipe = Pipe(0, give)
    pipe.flow.begin(0)
    pipe.flow.granted(2**20)
    pipe.passes(1)
    pipe.passes(1)
    assert given == [QUANTUM]
    assert len(pipe.ceiling) == 0
