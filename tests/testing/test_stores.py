"""
L{bastion.testing.stores}: the contract notices a store that breaks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock, deferLater

from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.state import AdminState, Choice, Granted, StickyKey
from bastion.testing.storepair import UNSTICKY, StorePair, fired
from bastion.testing.stores import StateStoreContract


class ForgetsLimits(MemoryStore):
    """
    Every host has room.
    """

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        Without limits.
        """
        return super().acquire(sticky, [Choice(each.host) for each in choices])


class LooksFirst(MemoryStore):
    """
    Looks who has room, and takes the place in a second step.
    """

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        In two steps.
        """
        counts = fired(self.counts(sticky.cluster))
        room = [each for each in choices if counts.get(each.host, 0) < (each.limit or 999)]
        taken = super().acquire
        return deferLater(self._clock, 0, lambda: taken(sticky, [Choice(room[0].host)]))


class GivesBackTwice(MemoryStore):
    """
    Counts releases.
    """

    def release(self, token: str) -> Deferred[None]:
        """
        Each of them.
        """
        known = token in self._leases
        done = super().release(token)
        for cluster in self._clusters.values():
            for host in () if known else cluster.counts:
                cluster.counts[host] -= 1
        return done


class GivesNothingBack(MemoryStore):
    """
    Keeps every place.
    """

    def release(self, token: str) -> Deferred[None]:
        """
        Nothing.
        """
        return succeed(None)


class CountsTogether(MemoryStore):
    """
    Has one cluster.
    """

    def _cluster(self, name: str) -> Any:
        return super()._cluster("all")


class GivesAnyPlace(MemoryStore):
    """
    The best choice last.
    """

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        In the wrong order.
        """
        return super().acquire(sticky, choices[::-1])


class NamesAgain(MemoryStore):
    """
    Begins with the same tokens each time.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._tokens = map(str, range(100))


class ForgetsPorts(MemoryStore):
    """
    A host is its name.
    """

    def setAdminState(
        self, cluster: str, host: HostAddress, state: AdminState | None
    ) -> Deferred[None]:
        """
        On port 22.
        """
        return super().setAdminState(cluster, HostAddress(host.name), state)


class KeepsNothing(MemoryStore):
    """
    Has no file.
    """

    def open(self, clock: Any, stateDir: Any) -> Deferred[None]:
        """
        Without one.
        """
        return super().open(clock, None)


class ObeysOperators(MemoryStore):
    """
    Thinks that it has to choose hosts itself.
    """

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        Only where no operator forbids it.
        """
        closed = fired(self.adminStates(sticky.cluster))
        return super().acquire(sticky, [each for each in choices if each.host not in closed])


def contract(*Stores: type[MemoryStore]) -> StateStoreContract:
    """
    The contract for one store, or for two that know nothing of each other.
    """

    class Contract(StateStoreContract):
        """
        For these.
        """

        def makeStores(self, clock: Clock) -> tuple[Any, Any]:
            """
            See L{StateStoreContract}.
            """
            made = [Store(MemoryOptions(), lambda: 1.8e9 + clock.seconds()) for Store in Stores]
            return made[0], made[-1]

    return Contract()


def check(wanted: StateStoreContract, test: str, folder: Path, *args: Any) -> None:
    """
    Do one test of a contract.
    """
    pair = StorePair(wanted.makeStores, folder)
    pair.open()
    pair.wait = lambda deferred: (pair.clock.advance(0), fired(deferred))[1]
    getattr(wanted, f"test_{test}")(pair, *args)


@pytest.mark.parametrize(
    ("Store", "test", "args"),
    [
        (GivesAnyPlace, "firstChoiceThatHasRoomIsTaken", ()),
        (ForgetsLimits, "firstChoiceThatHasRoomIsTaken", ()),
        (ForgetsLimits, "noMorePlacesThanTheLimitHoweverManyRace", ()),
        (LooksFirst, "noMorePlacesThanTheLimitHoweverManyRace", ()),
        (ForgetsLimits, "placeThatIsGivenBackCanBeTaken", ()),
        (GivesNothingBack, "placeThatIsGivenBackCanBeTaken", ()),
        (GivesNothingBack, "leasesAreCountedByClusterUntilTheyAreReleased", ()),
        (CountsTogether, "leasesAreCountedByClusterUntilTheyAreReleased", ()),
        (GivesBackTwice, "whatIsToldTwiceIsTrueOnce", (UNSTICKY,)),
        (GivesBackTwice, "leasesDoNotOutliveWhoHeldThem", ()),
        (NamesAgain, "leasesDoNotOutliveWhoHeldThem", ()),
        (CountsTogether, "administrativeStateIsOfOneHostOfOneCluster", ()),
        (ForgetsPorts, "administrativeStateIsOfOneHostOfOneCluster", ()),
        (KeepsNothing, "administrativeStatesSurviveARestart", ()),
        (ObeysOperators, "administrativeStatesDoNotKeepLeasesAway", ()),
    ],
)
def test_brokenStoreIsNoticed(
    Store: type[MemoryStore], test: str, args: tuple[Any, ...], tmp_path: Path
) -> None:
    check(contract(MemoryStore), test, tmp_path / "good", *args)
    with pytest.raises((AssertionError, NoHostAvailable, pytest.fail.Exception)):
        check(contract(Store), test, tmp_path / "broken", *args)


@pytest.mark.parametrize(
    "test",
    [
        "leasesAreCountedByClusterUntilTheyAreReleased",
        "noMorePlacesThanTheLimitHoweverManyRace",
        "acceptedKeyComesBack",
        "administrativeStateHoldsUntilItIsTakenBack",
    ],
)
def test_storesThatDoNotShareAreNoticed(test: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(contract(MemoryStore, MemoryStore), test, tmp_path)


def test_whoMakesNoStoresIsTold() -> None:
    with pytest.raises(NotImplementedError):
        StateStoreContract().makeStores(Clock())


def test_contractWaitsAsItIsTold() -> None:
    assert StateStoreContract().wait(succeed(1)) == 1
