"""
L{bastion.testing.storepair}: it speaks to two stores in turn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from bastion.interfaces import NoHostAvailable
from bastion.state import Choice, Granted
from bastion.testing.storepair import HOSTS, JOHNSON, ONE, TWO, StorePair, fired


class Told:
    """
    A store that notes what it is told.
    """

    def __init__(self, name: str, told: list[Any]) -> None:
        self._name = name
        self._told = told

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any) -> Deferred[Any]:
            self._told.append((self._name, method, *args))
            answers = {
                "acquire": Granted("7", ONE),
                "counts": {TWO: 3},
                "stickyHosts": [],
                "adminStates": {},
            }
            return succeed(answers.get(method))

        return call


def test_theTwoAreSpokenToInTurn(tmp_path: Path) -> None:
    told: list[Any] = []
    pair = StorePair(lambda clock: (Told("a", told), Told("b", told)), tmp_path)
    pair.open()
    assert pair.login(JOHNSON, TWO) == "7"
    pair.acquire(JOHNSON)
    pair.acquire(JOHNSON, Choice(ONE, 5))
    pair.release("7", "8")
    pair.note(ONE, None)
    assert (pair.counts(), pair.home(JOHNSON), pair.states("ill")) == ((0, 3, 0), None, {})
    pair.restart(away=2.5)
    assert pair.clock.seconds() == 2.5
    opened = ("open", pair.clock, tmp_path)
    assert [(each[0], *each[1:]) for each in told] == [
        ("a", *opened),
        ("b", *opened),
        ("b", "acquire", JOHNSON, [Choice(TWO)]),
        ("a", "confirm", "7"),
        ("b", "acquire", JOHNSON, [Choice(host) for host in HOSTS]),
        ("a", "acquire", JOHNSON, [Choice(ONE, 5)]),
        ("b", "release", "7"),
        ("a", "release", "8"),
        ("b", "setAdminState", "nice", ONE, None),
        ("a", "counts", "nice"),
        ("b", "stickyHosts", JOHNSON),
        ("a", "adminStates", "ill"),
        ("a", "close"),
        ("b", "close"),
        ("a", *opened),
        ("b", *opened),
    ]


def test_storeThatIsTheSameTwiceIsOpenedAndClosedOnce() -> None:
    told: list[Any] = []

    def make(clock: Clock) -> tuple[Told, Told]:
        store = Told("a", told)
        return store, store

    pair = StorePair(make, None)
    pair.open()
    pair.visit(JOHNSON, ONE)
    pair.close()
    assert [method for _, method, *_ in told] == ["open", "acquire", "confirm", "release", "close"]


def test_whatHasNotFiredHasNoResult() -> None:
    assert fired(succeed("yes")) == "yes"
    with pytest.raises(NoHostAvailable):
        fired(fail(NoHostAvailable()))
    with pytest.raises(ValueError):
        fired(Deferred())
