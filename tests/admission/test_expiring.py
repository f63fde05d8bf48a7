"""
L{bastion.admission.expiring}: a table that forgets, beside one that keeps everything and looks
through all of it each time.
"""

from __future__ import annotations

import random

from attrs import field, frozen
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bastion.admission.expiring import Expiring

LIMIT = 3
KEYS = ["a", "b", "c", "d", "e", "f"]


@frozen
class Value:
    """
    @ivar until: when it is forgotten.
    @ivar number: what tells it from others.
    """

    until: float
    number: int = field(default=0)


def table(limit: int = LIMIT) -> Expiring[str, Value]:
    """
    Empty.
    """
    return Expiring(limit)


def test_valueIsThereUntilItsTimeIsOver() -> None:
    values = table()
    values.put("a", Value(10), 0)
    assert values.get("a", 9.9) == Value(10)
    assert values.get("a", 10) is None
    assert (values.items(9.9), values.items(10)) == ([("a", Value(10))], [])


def test_firstOneToBeForgottenMakesRoom() -> None:
    values = table()
    for key, until in (("a", 30), ("b", 10), ("c", 20), ("d", 40)):
        values.put(key, Value(until), 0)
    assert sorted(key for key, _ in values.items(0)) == ["a", "c", "d"]


def test_valueThatWasExtendedIsNotTheFirstAnyMore() -> None:
    values = table()
    for key, until in (("a", 10), ("b", 20), ("c", 30), ("a", 40), ("d", 50)):
        values.put(key, Value(until), 0)
    assert sorted(key for key, _ in values.items(0)) == ["a", "c", "d"]


def test_newValueIsItselfTheFirstToGoWhenItsTimeIsTheShortest() -> None:
    """
    A second of waiting does not push out minutes of it.
    """
    values = table(1)
    values.put("a", Value(600), 0)
    values.put("b", Value(1), 0)
    assert values.items(0) == [("a", Value(600))]


def test_whatIsForgottenTakesNoRoom() -> None:
    values = table()
    for key in "abc":
        values.put(key, Value(10), 0)
    values.put("d", Value(20), 10)
    assert values.items(10) == [("d", Value(20))]
    assert len(values) == 1


def test_nobodyWaitsForManyToBeForgotten() -> None:
    """
    They go a few at a time, more than are added.
    """
    values = table(1000)
    for number in range(1000):
        values.put(str(number), Value(10), 0)
    values.put("new", Value(20), 10)
    assert 990 < len(values) < 1000
    for number in range(400):
        values.put(f"new {number}", Value(20), 10)
    assert len(values) == 401


def test_tableIsNeverLargerThanItsLimit() -> None:
    """
    Also when nearly all have been extended since they came.
    """
    values, draw = table(100), random.Random(1)
    for turn in range(5000):
        values.put(str(draw.randrange(200)), Value(turn + 1000 + draw.randrange(2)), turn)
        assert len(values) <= 100
        assert len(values._order) == len(values)


def test_orderHoldsAfterSomeWereTakenOut() -> None:
    values, draw = table(100), random.Random(1)
    times = draw.sample(range(1, 1000), 100)
    for time in times:
        values.put(str(time), Value(time), 0)
    values.remove([str(time) for time in times[:30]])
    for number in range(60):
        values.put(f"new {number}", Value(2000), 0)
    left = sorted(int(key) for key, value in values.items(0) if value.until < 2000)
    assert left == sorted(times[30:])[30:]


class Walk(RuleBasedStateMachine):
    """
    A table and its model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values = table()
        self.model: dict[str, Value] = {}
        self.now = 0.0
        self.number = 0

    @rule(key=st.sampled_from(KEYS), seconds=st.integers(0, 9))
    def put(self, key: str, seconds: int) -> None:
        """
        A key gets a value.
        """
        self.number += 1
        old = self.model.get(key)
        least = old.until if old is not None else self.now
        value = Value(max(least, self.now + seconds), self.number)
        self.values.put(key, value, self.now)
        self.model[key] = value
        alive = [(each.until, name) for name, each in self.model.items() if each.until > self.now]
        if len(alive) > LIMIT:
            del self.model[min(alive)[1]]

    @rule(seconds=st.sampled_from([1, 2, 5, 9]))
    def live(self, seconds: int) -> None:
        """
        Time passes.
        """
        self.now += seconds

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 5))
    def remove(self, number: int) -> None:
        """
        A key is taken out.
        """
        alive = sorted(key for key, _ in self.values.items(self.now))
        if alive:
            key = alive[number % len(alive)]
            self.values.remove([key])
            del self.model[key]

    @invariant()
    def agrees(self) -> None:
        """
        The table says what the model says, and keeps no more than it may.
        """
        alive = {key: each for key, each in self.model.items() if each.until > self.now}
        assert dict(self.values.items(self.now)) == alive
        assert {key: self.values.get(key, self.now) for key in KEYS} == {
            key: alive.get(key) for key in KEYS
        }
        assert len(self.values) <= LIMIT
        assert len(self.values._order) == len(self.values)


Walk.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestWalks = Walk.TestCase
