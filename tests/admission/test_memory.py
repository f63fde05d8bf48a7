"""
L{bastion.admission.memory}: the contract of a store of penalties, and what is this one's own.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from twisted.internet.task import Clock

from bastion.admission.memory import MemoryPenalties
from bastion.admission.penalties import Rules
from bastion.state import Penalty, PenaltyKind
from bastion.testing.penaltystores import PenaltyStoreContract
from bastion.testing.storepair import fired

HERE = ipaddress.ip_address("192.0.2.7")
REFUSED = PenaltyKind.REFUSED
BEGIN = 1795600000.0


@pytest.fixture
def clock() -> Clock:
    """
    What time it is.
    """
    clock = Clock()
    clock.advance(BEGIN)
    return clock


@pytest.fixture
def store(clock: Clock) -> MemoryPenalties:
    """
    A store that is open.
    """
    store = MemoryPenalties(Rules())
    fired(store.open(clock))
    return store


class TestMemoryPenalties(PenaltyStoreContract):
    """
    The contract.
    """

    def makeStores(self) -> tuple[Any, Any]:
        """
        One process has this store for itself.
        """
        store = MemoryPenalties(Rules())
        return store, store


def test_sourceIsKeptOutForAWhile(store: MemoryPenalties, clock: Clock) -> None:
    assert fired(store.noted(REFUSED, HERE)) == []
    begun = [Penalty("192.0.2.7", None, (REFUSED,), BEGIN + 20, True)]
    assert fired(store.noted(REFUSED, HERE)) == begun
    assert fired(store.listing()) == begun
    clock.advance(1)
    assert fired(store.refusal(HERE)).endswith("in 19 seconds.")
    clock.advance(19)
    assert fired(store.refusal(HERE)) is None
    assert fired(store.listing()) == []


def test_accountIsKeptOutForAWhile(store: MemoryPenalties, clock: Clock) -> None:
    for number in range(4):
        digest = store.digest(b"a", [b"%d" % number])
        begun = fired(store.noted(PenaltyKind.AUTHFAIL, HERE, b"a", digest))
        assert fired(store.noted(PenaltyKind.AUTHFAIL, HERE, b"a", digest)) == []
    assert [each.account for each in begun] == [b"a"]
    assert fired(store.refusalOf(HERE, b"a")).endswith("in 20 seconds.")
    assert fired(store.refusalOf(HERE, b"b")) is None
    clock.advance(20)
    assert fired(store.refusalOf(HERE, b"a")) is None


def test_loginsGiveSlack(store: MemoryPenalties) -> None:
    fired(store.succeeded(HERE, b"a"))
    fired(store.succeeded(HERE, b"b"))
    for _ in range(6):
        assert fired(store.noted(REFUSED, HERE)) == []
    assert fired(store.noted(REFUSED, HERE)) != []


def test_penaltyIsLifted(store: MemoryPenalties) -> None:
    fired(store.noted(REFUSED, HERE))
    fired(store.noted(REFUSED, HERE))
    assert [each.source for each in fired(store.lift("192.0.2.7"))] == ["192.0.2.7"]
    assert fired(store.refusal(HERE)) is None
    with pytest.raises(ValueError, match="johnson"):
        fired(store.lift("johnson"))


def test_everyProcessHasItsOwnDigests(store: MemoryPenalties) -> None:
    other = MemoryPenalties(Rules())
    assert store.digest(b"a", [b"x"]) == store.digest(b"a", [b"x"])
    assert store.digest(b"a", [b"x"]) != other.digest(b"a", [b"x"])


def test_nobodyWaitsLongerBecauseTheClockIsSetBack(store: MemoryPenalties, clock: Clock) -> None:
    fired(store.noted(REFUSED, HERE))
    fired(store.noted(REFUSED, HERE))
    clock.rightNow -= 3600
    assert fired(store.refusal(HERE)).endswith("in 20 seconds.")
    (penalty,) = fired(store.listing())
    assert penalty.until == clock.seconds() + 20
    clock.advance(20)
    assert fired(store.refusal(HERE)) is None
