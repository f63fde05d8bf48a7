"""
L{bastion.relay.ceiling}: who waits for tokens has its turn, and who types has it first.
"""

from __future__ import annotations

import pytest
from attrs import define, field

from bastion.relay.ceiling import (
    ADVANCE,
    PRECEDENCE,
    QUANTUM,
    START,
    Ceiling,
    burst,
    turn,
)

RATE = 64 * 1024
NOW = 1_795_600_000.0
MIB = 2**20


@define(eq=False)
class Waiting:
    """
    Somebody who wants a turn again and again.

    @ivar turns: who has had one, in order.
    """

    name: str
    ceiling: Ceiling
    turns: list[str]
    size: int = QUANTUM
    interactive: bool = False
    again: bool = True

    def passed(self, size: int) -> None:
        """
        See L{bastion.relay.ceiling.Waiter}.
        """
        assert size == self.size
        self.turns.append(self.name)
        if self.again:
            self.ceiling.join(self)


@define(eq=False)
class Gate:
    """
    A ceiling without tokens, to begin with.

    @ivar changes: how many waited each time the ceiling spoke of it.
    """

    level: int = 0
    turns: list[str] = field(factory=list)
    changes: list[int] = field(factory=list)
    ceiling: Ceiling = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ceiling = Ceiling(
            RATE, self.level, NOW, lambda ceiling: self.changes.append(len(ceiling))
        )

    def waiting(self, name: str, size: int = QUANTUM, interactive: bool = False) -> Waiting:
        """
        Somebody who waits.
        """
        made = Waiting(name, self.ceiling, self.turns, size, interactive)
        self.ceiling.join(made)
        return made

    def served(self, seconds: float) -> str:
        """
        Who has a turn at that time.
        """
        before = len(self.turns)
        self.ceiling.serve(NOW + seconds)
        return "".join(self.turns[before:])


@pytest.mark.parametrize(
    ("rate", "most", "each"),
    [
        (1, START, QUANTUM),
        (256 * 1024, START, QUANTUM),
        (MIB, MIB // 4, QUANTUM),
        (4 * MIB, MIB, QUANTUM),
        (1024 * MIB, 256 * MIB, 8 * MIB),
    ],
)
def test_burstAndTurnGrowWithTheRate(rate: int, most: int, each: int) -> None:
    assert burst(rate) == most
    assert turn(rate) == each
    assert turn(rate) <= burst(rate)


def test_turnsGoRound() -> None:
    gate = Gate()
    for name in "abc":
        gate.waiting(name)
    assert gate.served(0.4) == ""
    assert gate.served(0.5) == "a"
    assert gate.served(1.5) == "bc"
    assert gate.served(2.0) == "a"
    assert gate.served(60) == "bc"


def test_smallTurnNeedsFewTokens() -> None:
    gate = Gate()
    small = gate.waiting("a", 64)
    assert gate.ceiling.due(NOW) - NOW == pytest.approx(64 / RATE, abs=1e-6)
    small.again = False
    assert gate.served(0.002) == "a"


def test_whoIsAloneIsServedWhileThereAreTokens() -> None:
    gate = Gate(START)
    gate.waiting("a")
    assert gate.served(0) == "aa"
    assert gate.served(0.25) == ""


def test_whoTypesGoesFirst() -> None:
    gate = Gate()
    gate.waiting("a")
    gate.waiting("b")
    typing = gate.waiting("T", 100, True)
    typing.again = False
    assert gate.served(0.51) == "Ta"
    assert gate.served(1.01) == "b"


def test_whoTypesGoesRoundToo() -> None:
    gate = Gate()
    for name in "AB":
        gate.waiting(name, QUANTUM, True)
    assert "".join(gate.served(half / 2) for half in range(5)) == "ABAB"


def test_terminalThatNeverEndsLetsOthersHaveATurn() -> None:
    gate = Gate()
    gate.waiting("a")
    gate.waiting("b")
    gate.waiting("T", QUANTUM, True)
    turns = "".join(gate.served(half / 2) for half in range(1, 28))
    many = "T" * PRECEDENCE
    assert turns == f"{many}a{many}b{many}a"


def test_smallTurnsOfATerminalAreAddedUp() -> None:
    """
    They take the tokens that the others wait for, so that these would never come.
    """
    gate = Gate()
    gate.waiting("a")
    gate.waiting("T", QUANTUM // 4, True)
    turns = "".join(gate.served(eighth / 8) for eighth in range(1, 41))
    assert turns == "T" * 4 * PRECEDENCE + "a" + "TTTT"


def test_precedenceIsNotUsedUpWhileNobodyWaits() -> None:
    gate = Gate()
    gate.waiting("T", QUANTUM, True)
    for half in range(1, 40):
        assert gate.served(half / 2) == "T"
    gate.waiting("a")
    assert "".join(gate.served(half / 2) for half in range(40, 49)) == "T" * PRECEDENCE + "a"


def test_turnOfSomebodyWhoLeftIsNobodys() -> None:
    gate = Gate()
    other = gate.waiting("a")
    gate.waiting("T", QUANTUM, True)
    for half in range(1, PRECEDENCE + 1):
        assert gate.served(half / 2) == "T"
    gate.ceiling.leave(other)
    assert gate.served((PRECEDENCE + 1) / 2) == "T"


# Without waiting


def test_passingAtOnceTakesTokens() -> None:
    gate = Gate(QUANTUM + 10)
    one = Waiting("a", gate.ceiling, [])
    assert gate.ceiling.lets(one, QUANTUM, NOW)
    assert not gate.ceiling.lets(one, 11, NOW)
    assert gate.ceiling.lets(one, 10, NOW)
    assert not gate.ceiling.lets(one, 1, NOW)
    gate.ceiling.restore(1, NOW)
    assert gate.ceiling.lets(one, 1, NOW)


def test_nobodyPassesThoseWhoWait() -> None:
    gate = Gate(10)
    gate.waiting("a")
    assert not gate.ceiling.lets(Waiting("b", gate.ceiling, []), 1, NOW)
    assert gate.ceiling.lets(Waiting("T", gate.ceiling, [], 1, True), 1, NOW)
    gate.waiting("S", 100, True)
    assert not gate.ceiling.lets(Waiting("T", gate.ceiling, [], 1, True), 1, NOW)


def test_whoTypesPassesNobodyWhoseTurnItIs() -> None:
    gate = Gate()
    gate.waiting("a")
    typing = Waiting("T", gate.ceiling, [], QUANTUM, True)
    passed = [gate.ceiling.lets(typing, QUANTUM, NOW + half / 2) for half in range(1, 10)]
    assert passed == [True] * PRECEDENCE + [False]
    assert gate.served(4.5) == "a"
    assert gate.ceiling.lets(typing, QUANTUM, NOW + 5)


# Who is new


def test_whoIsNewIsOfferedWhatIsThere() -> None:
    gate = Gate(10_000)
    assert gate.ceiling.offers(NOW) == 10_000
    gate.ceiling.letsNew(8_000, NOW)
    assert gate.ceiling.offers(NOW) == ADVANCE


def test_whoIsNewIsOfferedAnAdvanceOfWhatOthersWaitFor() -> None:
    gate = Gate(10_000)
    gate.waiting("a")
    assert gate.ceiling.offers(NOW) == ADVANCE


def test_advanceHasToBePaid() -> None:
    gate = Gate()
    gate.waiting("a")
    gate.ceiling.letsNew(ADVANCE, NOW)
    seconds = (QUANTUM + ADVANCE) / RATE
    assert gate.ceiling.due(NOW) - NOW == pytest.approx(seconds, abs=1e-6)


def test_manyWhoAreNewKeepNobodyWaiting() -> None:
    gate = Gate()
    gate.waiting("a")
    turns, advanced = "", 0
    for hundredth in range(1, 2001):
        now = NOW + hundredth / 100
        for _ in range(10):
            size = gate.ceiling.offers(now)
            assert size in {0, ADVANCE}
            gate.ceiling.letsNew(size, now)
            advanced += size
        turns += gate.served(hundredth / 100)
    # Of 40 turns without them.
    assert 32 <= len(turns) <= 36
    assert advanced <= START + 20 * RATE // 8


def test_whoIsNewIsOfferedNothingWhenTheAdvancesAreUsedUp() -> None:
    gate = Gate()
    for _ in range(START // ADVANCE):
        assert gate.ceiling.offers(NOW) == ADVANCE
        gate.ceiling.letsNew(ADVANCE, NOW)
    assert gate.ceiling.offers(NOW) == 0
    # The advances are paid for before there is one more.
    assert gate.ceiling.offers(NOW + 0.49) == 0
    assert gate.ceiling.offers(NOW + 0.51) == ADVANCE


def test_whatIsThereIsOfferedAlsoWhenTheAdvancesAreUsedUp() -> None:
    gate = Gate()
    for _ in range(START // ADVANCE):
        gate.ceiling.letsNew(ADVANCE, NOW)
    gate.ceiling.restore(START + 100, NOW)
    assert gate.ceiling.offers(NOW) == 100


def test_whatHasNeverPassedIsPaidByThoseWhoWait() -> None:
    gate = Gate(START)
    gate.ceiling.restore(-2 * START, NOW)
    gate.waiting("a")
    assert gate.ceiling.due(NOW) - NOW == pytest.approx((START + QUANTUM) / RATE, abs=1e-6)


# Who is told


def test_ceilingTellsWhetherSomebodyWaits() -> None:
    gate = Gate()
    one, two = gate.waiting("a"), gate.waiting("T", 1, True)
    assert gate.changes == [1, 2]
    gate.ceiling.leave(one)
    assert gate.changes == [1, 2]
    gate.ceiling.leave(two)
    assert gate.changes == [1, 2, 0]
    assert len(gate.ceiling) == 0
