"""
L{bastion.testing.storestickiness}: the contract notices a store that breaks it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.hosts.sticktable import StickTable
from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.state import Choice, Granted, StickyKey
from bastion.testing.storepair import ELSEWHERE, JOHNSON, StorePair
from bastion.testing.storestickiness import StickinessContract

Change = Callable[[StickyKey], StickyKey]
numbers = itertools.count()


def asking(change: Change) -> type[MemoryStore]:
    """
    A store that takes something else for the key.
    """

    class Asking(MemoryStore):
        """
        Changes each key.
        """

        def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
            """
            With the other key.
            """
            return super().acquire(change(sticky), choices)

        def stickyHosts(self, sticky: StickyKey) -> Deferred[list[HostAddress]]:
            """
            Of the other key.
            """
            return super().stickyHosts(change(sticky))

    return Asking


class RemembersStrangers(MemoryStore):
    """
    Takes who asks for who was accepted.
    """

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        And confirmed at once.
        """
        granted = super().acquire(sticky, choices)
        granted.addCallback(lambda given: (self.confirm(given.token), given)[1])
        return granted


class TellsNobody(MemoryStore):
    """
    Moves in silence.
    """

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        Without what is left.
        """
        granted = super().acquire(sticky, choices)
        return granted.addCallback(lambda given: evolve(given, left=None))


class MovesOnRequest(MemoryStore):
    """
    Forgets where a key was when it goes elsewhere, accepted or not.
    """

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        And forget.
        """
        granted = super().acquire(sticky, choices)

        def forget(given: Granted) -> Granted:
            if given.left is not None:
                self._cluster(sticky.cluster).table._keys.pop(sticky.key)
            return given

        return granted.addCallback(forget)


class KeepsNothing(MemoryStore):
    """
    Has no file.
    """

    def open(self, clock: Any, stateDir: Any) -> Deferred[None]:
        """
        Without one.
        """
        return super().open(clock, None)


class FirstCome(MemoryStore):
    """
    Prefers the host that a key came to first.
    """

    def stickyHosts(self, sticky: StickyKey) -> Deferred[list[HostAddress]]:
        """
        The first.
        """
        places = self._cluster(sticky.cluster).table._keys.get(sticky.key)
        return succeed([*places]) if places else super().stickyHosts(sticky)


class MovesAnew(MemoryStore):
    """
    Has one home for a key, and sends it anywhere when it cannot come back there.
    """

    def _moved(self, cluster: Any, key: bytes, choices: Sequence[Choice]) -> Any:
        return None, cluster.table.hosts(key, self._now())[0]


class OneTime(MemoryStore):
    """
    Remembers a key on every host as long as on any.
    """

    def release(self, token: str) -> Deferred[None]:
        """
        And start every time anew.
        """
        for cluster in self._clusters.values():
            table: StickTable = cluster.table
            for place in table._remembered:
                place.until = self._now() + place.seconds
        return super().release(token)


def check(Store: type[MemoryStore], test: str, folder: Path, *args: Any) -> None:
    """
    Do one test of the contract.
    """

    def make(clock: Clock) -> tuple[Any, Any]:
        store = Store(MemoryOptions(), lambda: 1.8e9 + clock.seconds())
        return store, store

    pair = StorePair(make, folder)
    pair.open()
    getattr(StickinessContract(), f"test_{test}")(pair, *args)


def unsticky(sticky: StickyKey) -> StickyKey:
    """
    Not sticky at all.
    """
    return evolve(sticky, seconds=0.0)


def sticky(sticky: StickyKey) -> StickyKey:
    """
    Always sticky.
    """
    return evolve(sticky, seconds=60.0)


def shortly(sticky: StickyKey) -> StickyKey:
    """
    For half the time.
    """
    return evolve(sticky, seconds=sticky.seconds / 2)


def longer(sticky: StickyKey) -> StickyKey:
    """
    For a little more.
    """
    return evolve(sticky, seconds=sticky.seconds and sticky.seconds + 5.0)


def anybody(sticky: StickyKey) -> StickyKey:
    """
    Whoever visits.
    """
    return evolve(sticky, visitor=sticky.key)


def nobody(sticky: StickyKey) -> StickyKey:
    """
    A visitor who never came before.
    """
    return evolve(sticky, visitor=b"%d" % next(numbers))


def anywhere(sticky: StickyKey) -> StickyKey:
    """
    In whatever cluster.
    """
    return evolve(sticky, cluster="nice")


@pytest.mark.parametrize(
    ("Store", "test", "args"),
    [
        (asking(unsticky), "acceptedKeyComesBack", ()),
        (asking(anywhere), "acceptedKeyComesBack", ()),
        (RemembersStrangers, "keyThatNoHostAcceptedIsNotRemembered", ()),
        (asking(shortly), "keyIsForgottenSoLongAfterItsLastConnection", ()),
        (asking(longer), "keyIsForgottenSoLongAfterItsLastConnection", ()),
        (RemembersStrangers, "comingBackStartsTheTimeAnew", ()),
        (FirstCome, "hostOfAConnectionComesBeforeARememberedOne", ()),
        (OneTime, "everyHostRemembersForItself", ()),
        (asking(sticky), "withoutStickinessNothingIsRemembered", ()),
        (asking(anybody), "visitorsSecondLoginFindsTheHostOfTheFirst", ()),
        (asking(nobody), "visitorsSecondLoginFindsTheHostOfTheFirst", ()),
        (asking(nobody), "unfinishedLoginComesBeforeWhereTheKeyIs", ()),
        (TellsNobody, "hostThatIsFullIsPassedOver", (ELSEWHERE,)),
        (TellsNobody, "keyMovesAwayFromAHostThatIsNoChoice", (False,)),
        (asking(unsticky), "keyMovesAwayFromAHostThatIsNoChoice", (True,)),
        (MovesAnew, "keyThatHasMovedComesBackToWhereItIsNow", ()),
        (MovesAnew, "keyMovesToWhereItWasBefore", ()),
        (TellsNobody, "keyMovesToWhereItWasBefore", ()),
        (MovesOnRequest, "loginThatFailsMovesNothing", ()),
        (asking(nobody), "secondLoginIsToldToo", ()),
        (MovesOnRequest, "secondLoginIsToldToo", ()),
        (KeepsNothing, "stickinessSurvivesARestart", ()),
        (asking(longer), "stickinessSurvivesARestart", ()),
    ],
)
def test_brokenStoreIsNoticed(
    Store: type[MemoryStore], test: str, args: tuple[Any, ...], tmp_path: Path
) -> None:
    check(MemoryStore, test, tmp_path / "good", *args)
    with pytest.raises((AssertionError, NoHostAvailable, pytest.fail.Exception)):
        check(Store, test, tmp_path / "broken", *args)


def test_hostThatIsFullIsPassedOverByVisitorsToo(tmp_path: Path) -> None:
    check(MemoryStore, "hostThatIsFullIsPassedOver", tmp_path, JOHNSON)
