"""
L{bastion.relay.flow}: what the receiver grants reaches the sender, when the ceilings let
it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from bastion.relay.ceiling import ADVANCE, QUANTUM, START, Ceiling, turn
from bastion.relay.flow import MAX_WINDOW, Debts, Flow

RATE = 64 * 1024
FAST = 64 * 2**20


class Pipe:
    """
    A flow, and the ceilings that it passes; these are served by hand.

    @ivar given: what its sender was told.
    @ivar ended: how often it said that it is closed.
    """

    def __init__(self, *rates: int, level: int = START) -> None:
        self.clock = Clock()
        self.ceilings = tuple(Ceiling(rate, level, 0, lambda ceiling: None) for rate in rates)
        self.given: list[int] = []
        self.ended = 0
        self.flow = self.another(self.given.append)

    def another(self, give: Callable[[int], None]) -> Flow:
        """
        One more flow through the same ceilings.
        """
        return Flow(self.ceilings, Debts(), give, self.isClosed, self.clock)

    def isClosed(self, flow: Flow) -> None:
        """
        A flow is.
        """
        self.ended += 1

    def passes(self, seconds: float) -> None:
        """
        Time does; then turns are given.
        """
        self.clock.advance(seconds)
        for ceiling in self.ceilings:
            ceiling.serve(self.clock.seconds())

    def waiting(self) -> list[int]:
        """
        How many wait at each ceiling.
        """
        return [len(ceiling) for ceiling in self.ceilings]

    def taken(self) -> list[int]:
        """
        The tokens of each ceiling that would come at once to somebody new.
        """
        return [ceiling.offers(self.clock.seconds()) for ceiling in self.ceilings]


# The beginning


@pytest.mark.parametrize(
    ("window", "level", "told"),
    [
        (2**21, START, START),
        (5000, START, 5000),
        (0, START, 0),
        (2**21, 9000, 9000),
        (2**21, 0, ADVANCE),
        (2**21, -(2**20), ADVANCE),
        (100, 0, 100),
        (MAX_WINDOW, START, START),
    ],
)
def test_howMuchIsToldAtOnce(window: int, level: int, told: int) -> None:
    pipe = Pipe(RATE, level=level)
    pipe.flow.begin(window)
    assert pipe.given == ([told] if told else [])


def test_atTheBeginningAFullBucketIsNotEmptiedInOneGo() -> None:
    pipe = Pipe(FAST, level=FAST // 4)
    pipe.flow.begin(2**21)
    assert pipe.given[0] == START
    assert sum(pipe.given) == 2**21


def test_beginningTakesTheTokensOfEachCeiling() -> None:
    pipe = Pipe(RATE, FAST)
    pipe.flow.begin(10_000)
    assert pipe.taken() == [START - 10_000] * 2


def test_newChannelTakesNothingFromThoseWhoWait() -> None:
    pipe = Pipe(RATE)
    pipe.flow.begin(2**21)
    pipe.flow.used(START)
    pipe.clock.advance(0.4)
    pipe.another(pipe.given.append).begin(2**21)
    assert pipe.given == [START, ADVANCE]


def test_whoIsNewWhenTheAdvancesAreUsedUpWaitsForItsTurn() -> None:
    pipe = Pipe(RATE, level=0)
    many = START // ADVANCE
    for _ in range(many):
        pipe.another(pipe.given.append).begin(ADVANCE)
    assert pipe.given == [ADVANCE] * many
    pipe.flow.begin(2**21)
    assert (len(pipe.given), pipe.waiting()) == (many, [1])
    pipe.passes((START + QUANTUM) / RATE)
    assert pipe.given[many:] == [QUANTUM]


@pytest.mark.parametrize("tight", [0, 1])
def test_advanceNeedsEachCeiling(tight: int) -> None:
    pipe = Pipe(RATE, RATE, level=0)
    for _ in range(START // ADVANCE):
        pipe.ceilings[tight].letsNew(ADVANCE, 0)
    pipe.flow.begin(2**21)
    assert pipe.given == []
    assert pipe.waiting() == [1, 0]
    assert pipe.ceilings[1 - tight].offers(0) == ADVANCE


# More of the window


def test_grantsPassAtOnceWhileThereAreTokens() -> None:
    pipe = Pipe(FAST)
    pipe.flow.begin(0)
    pipe.flow.granted(1000)
    pipe.flow.granted(1)
    assert pipe.given == [1000, 1]


def test_grantsAreHeldUntilThereAreTokens() -> None:
    pipe = Pipe(RATE)
    pipe.flow.begin(START + 100_000)
    pipe.flow.used(START)
    assert pipe.given == [START]
    for _ in range(5):
        pipe.passes(0.5)
        pipe.flow.used(pipe.given[-1])
    assert pipe.given == [START, QUANTUM, QUANTUM, QUANTUM, 100_000 - 3 * QUANTUM]


@pytest.mark.parametrize(("rate", "most"), [(1000, START), (RATE, START), (FAST, FAST // 4)])
def test_silentSenderCollectsNoBurst(rate: int, most: int) -> None:
    pipe = Pipe(rate)
    pipe.flow.begin(MAX_WINDOW)
    pipe.flow.used(1)
    for _ in range(1000):
        pipe.passes(60)
    assert most - turn(rate) < sum(pipe.given) - 1 <= most


def test_tightestCeilingLimitsWhatASilentSenderHas() -> None:
    pipe = Pipe(FAST, RATE)
    pipe.flow.begin(MAX_WINDOW)
    for _ in range(100):
        pipe.passes(60)
    assert pipe.given == [START]


def test_bytesThatAreTypedBringNoMessagesOfTheirOwn() -> None:
    pipe = Pipe(FAST)
    pipe.flow.begin(2**21)
    pipe.flow.granted(FAST)
    before = len(pipe.given)
    for _ in range(1000):
        pipe.flow.used(1)
    assert len(pipe.given) == before


def test_whatIsGrantedWhileItWaitsComesInTheSameTurn() -> None:
    pipe = Pipe(RATE, level=0)
    pipe.flow.begin(0)
    pipe.flow.granted(1000)
    pipe.flow.granted(5000)
    pipe.passes(1)
    assert pipe.given == [6000]


def test_senderIsGivenMoreThanOnceInOneGo() -> None:
    pipe = Pipe(FAST, level=FAST // 4)
    pipe.flow.begin(0)
    pipe.flow.granted(10 * 2**20)
    assert sum(pipe.given) == 10 * 2**20


# Two ceilings


def test_bothCeilingsHaveToLetIt() -> None:
    pipe = Pipe(2 * RATE, RATE, level=0)
    pipe.flow.begin(0)
    pipe.flow.granted(2**20)
    assert pipe.waiting() == [1, 0]
    pipe.passes(0.25)
    assert (pipe.waiting(), pipe.given) == ([0, 1], [])
    pipe.passes(0.25)
    assert (pipe.waiting(), pipe.given) == ([0, 1], [QUANTUM])
    pipe.passes(0.5)
    assert pipe.given == [QUANTUM] * 2


def test_whatHasPassedOneCeilingIsAskedForOnce() -> None:
    pipe = Pipe(FAST, RATE, level=0)
    pipe.ceilings[0].restore(START, 0)
    pipe.flow.begin(0)
    pipe.flow.granted(1000)
    pipe.flow.granted(1000)
    assert pipe.waiting() == [0, 1]
    pipe.clock.advance(0.5)
    pipe.ceilings[1].serve(pipe.clock.seconds())
    assert pipe.given == [1000, 1000]


# Who types


@pytest.mark.parametrize("waits", [False, True])
def test_whoTypesGoesFirstAlsoWhenThatIsSaidLater(waits: bool) -> None:
    pipe = Pipe(RATE, level=0)
    told: list[str] = []
    flows = [pipe.another(lambda size, name=name: told.append(name)) for name in "abT"]
    flows[2].interactive = not waits
    for flow in flows:
        flow.begin(0)
        flow.granted(10_000)
    assert pipe.waiting() == [3]
    flows[2].interactive = True
    assert flows[2].interactive
    pipe.passes(1)
    assert told == ["T", "a", "b"]


def test_flowThatTypesNoMoreGoesBack() -> None:
    pipe = Pipe(RATE, level=0)
    told: list[str] = []
    flows = [pipe.another(lambda size, name=name: told.append(name)) for name in "ab"]
    flows[1].interactive = True
    for flow in flows:
        flow.begin(0)
        flow.granted(10_000)
    flows[1].interactive = False
    pipe.passes(1)
    assert told == ["a", "b"]


# The end


def test_closedFlowWaitsForNothing() -> None:
    pipe = Pipe(RATE, RATE, level=0)
    pipe.flow.begin(2**21)
    pipe.flow.used(ADVANCE)
    assert pipe.waiting() == [1, 0]
    pipe.flow.close()
    pipe.flow.close()
    assert pipe.ended == 1
    assert pipe.waiting() == [0, 0]
    pipe.flow.used(2**20)
    pipe.flow.granted(MAX_WINDOW)
    pipe.passes(60)
    assert pipe.given == [ADVANCE]


def test_flowThatBeginsWhenItIsClosedGetsNothing() -> None:
    pipe = Pipe(RATE)
    pipe.flow.close()
    pipe.flow.begin(2**21)
    assert (pipe.given, pipe.waiting(), pipe.taken()) == ([], [0], [START])


def test_whatWasNotUsedIsGivenBack() -> None:
    pipe = Pipe(RATE, FAST)
    pipe.flow.begin(50_000)
    pipe.flow.used(10_000)
    pipe.flow.close()
    assert pipe.taken() == [START - 10_000] * 2


def test_whatHasPassedOneCeilingOnlyIsGivenBackThere() -> None:
    pipe = Pipe(FAST, RATE, level=0)
    pipe.ceilings[0].restore(START, 0)
    pipe.flow.begin(0)
    pipe.flow.granted(2 * QUANTUM)
    assert pipe.waiting() == [0, 1]
    pipe.flow.close()
    assert pipe.taken() == [START, ADVANCE]


def test_channelsThatAreOpenedAndClosedMakeNoTokens() -> None:
    pipe = Pipe(RATE, level=100)
    for _ in range(100):
        flow = pipe.another(pipe.given.append)
        flow.begin(2**21)
        flow.close()
    assert pipe.taken() == [100]
