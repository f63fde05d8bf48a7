"""
L{bastion.hosts.memory}: the contract of a store, and what is this one's own.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from bastion.config.extension import Extension
from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.hosts.statefile import NotKept
from bastion.interfaces import NoHostAvailable
from bastion.state import AdminState, Choice, IStateStore
from bastion.testing.storepair import JOHNSON, ONE, OTHER, STICKY, THREE, TWO, StorePair, fired
from bastion.testing.stores import StateStoreContract

#: When the clock of the tests begins, in seconds since 1970.
BEGIN = 1795600000.0
DRAIN = AdminState("drain", BEGIN)


def stores(folder: Path | None, **options: Any) -> StorePair:
    """
    A store of one process.
    """

    def make(clock: Clock) -> tuple[MemoryStore, MemoryStore]:
        store = MemoryStore(MemoryOptions(**options), lambda: BEGIN + clock.seconds())
        return store, store

    pair = StorePair(make, folder)
    pair.open()
    return pair


class TestMemoryStore(StateStoreContract):
    """
    The contract.
    """

    def makeStores(self, clock: Clock) -> tuple[Any, Any]:
        """
        One process has this store for itself.
        """
        store = MemoryStore(MemoryOptions(), lambda: BEGIN + clock.seconds())
        return store, store


def test_builtAsAnExtensionItHasNoSideEffects(tmp_path: Path) -> None:
    name = "bastion.hosts.memory.MemoryStore"
    extension = Extension("memory", "In this process.", IStateStore, name)
    assert IStateStore.providedBy(extension.build(extension.options()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [0, 200_001, "many", True, 1.5])
def test_wrongOptionIsRefusedWithASentence(wrong: Any) -> None:
    with pytest.raises(ValueError, match="write a whole number from 1 to 200000"):
        MemoryOptions(remembered=wrong)


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ([], "cluster nice: there is no choice"),
        ([Choice(ONE, 1)], "cluster nice: every host has as many sessions as it may"),
    ],
)
def test_whyThereIsNoPlaceIsSaid(tmp_path: Path, choices: list[Choice], why: str) -> None:
    pair = stores(tmp_path)
    pair.acquire(JOHNSON, ONE)
    with pytest.raises(NoHostAvailable) as error:
        fired(pair.turn().acquire(JOHNSON, choices))
    assert str(error.value) == why


def test_countsThatWereGivenDoNotChange(tmp_path: Path) -> None:
    pair = stores(tmp_path)
    pair.acquire(JOHNSON, ONE)
    counts = fired(pair.turn().counts("nice"))
    pair.acquire(JOHNSON, ONE)
    assert counts == {ONE: 1}
    counts.clear()
    assert pair.counts() == (2, 0, 0)
    fired(pair.turn().adminStates("nice"))[ONE] = DRAIN
    assert pair.states() == {}


def test_nothingIsLeftOfLoginsThatFailed(tmp_path: Path) -> None:
    pair = stores(tmp_path)
    for number in range(100):
        visitor = b"visitor %d" % number
        pair.release(pair.acquire(evolve(JOHNSON, key=visitor, visitor=visitor)).token)
    store = pair.turn()
    (cluster,) = store._clusters.values()
    assert not (store._leases or cluster.pending or cluster.counts or len(cluster.table))


def test_noMoreAccountsAreRememberedThanTheOptionSays(tmp_path: Path) -> None:
    pair = stores(tmp_path, remembered=3)
    keys = [evolve(JOHNSON, key=b"%d" % number) for number in range(5)]
    still = pair.login(OTHER, THREE)
    for key in keys:
        pair.visit(key, TWO)
    assert [pair.home(key) for key in keys] == [None, None, TWO, TWO, TWO]
    assert pair.home(OTHER) == THREE
    pair.release(still)
    assert pair.home(keys[2]) is None


# The clock is set


@pytest.mark.parametrize("back", [3600.0, 1e6])
def test_clockThatIsSetBackMakesNoEntryLiveLonger(tmp_path: Path, back: float) -> None:
    """
    Than from the last question before to the first one after.
    """
    pair = stores(tmp_path)
    pair.visit(JOHNSON, TWO)
    for _ in range(2):
        pair.clock.advance(STICKY / 4)
        assert pair.home(JOHNSON) == TWO
        pair.clock.advance(-back)
        assert pair.home(JOHNSON) == TWO
    pair.clock.advance(STICKY / 2 - 1)
    assert pair.home(JOHNSON) == TWO
    pair.clock.advance(1)
    assert pair.home(JOHNSON) is None


def test_clockThatIsSetForwardBringsNothingBack(tmp_path: Path) -> None:
    """
    It ends what would have ended meanwhile, as if the time had passed.
    """
    pair = stores(tmp_path)
    pair.visit(JOHNSON, TWO)
    pair.login(OTHER, THREE)
    pair.clock.advance(3600)
    assert (pair.home(JOHNSON), pair.home(OTHER)) == (None, THREE)
    pair.clock.advance(-3600)
    assert (pair.home(JOHNSON), pair.home(OTHER)) == (None, THREE)


# The file


def test_connectionsOfACrashCountAsEndedWhenTheFileWasWritten(tmp_path: Path) -> None:
    crashed = stores(tmp_path)
    crashed.login(JOHNSON, TWO)
    crashed.clock.advance(1)
    after = stores(tmp_path)
    assert (after.home(JOHNSON), after.counts()) == (TWO, (0, 0, 0))
    after.clock.advance(STICKY + 1)
    assert after.home(JOHNSON) is None


def test_withoutADirectoryNothingSurvivesAndNothingFails() -> None:
    pair = stores(None)
    pair.visit(JOHNSON, TWO)
    pair.note(ONE, DRAIN)
    assert (pair.home(JOHNSON), pair.states()) == (TWO, {ONE: DRAIN})
    assert pair.clock.getDelayedCalls() == []
    pair.restart()
    assert (pair.home(JOHNSON), pair.states()) == (None, {})


def test_administrativeStateIsOnTheDiskAtOnce(tmp_path: Path) -> None:
    pair = stores(tmp_path)
    pair.note(ONE, DRAIN)
    assert stores(tmp_path).states() == {ONE: DRAIN}
    pair.note(ONE, None)
    assert stores(tmp_path).states() == {}


def test_withoutStickinessNothingIsWritten(tmp_path: Path) -> None:
    pair = stores(tmp_path)
    pair.visit(evolve(JOHNSON, seconds=0.0), TWO)
    pair.release(pair.acquire(JOHNSON).token)
    pair.close()
    assert list(tmp_path.iterdir()) == []


def test_timeOfTheFileIsTheWallClocks(tmp_path: Path) -> None:
    """
    Also without saying so: that of the reactor may be any.
    """
    store = MemoryStore(MemoryOptions())
    fired(store.open(Clock(), tmp_path))
    before = time.time()
    fired(store.setAdminState("nice", ONE, DRAIN))
    assert before <= json.loads((tmp_path / "state.json").read_text())["written"] <= time.time()


# A directory that cannot be written to


def test_bastionGoesOnWhereNothingCanBeWritten(tmp_path: Path) -> None:
    """
    Only who asked that something is kept is told that it is not; it holds meanwhile.
    """
    (tmp_path / "folder").write_text("a file")
    pair = stores(tmp_path / "folder")
    with capturedLogs() as events:
        pair.visit(JOHNSON, TWO)
        pair.clock.pump([1.0] * 10)
        with pytest.raises(NotKept):
            pair.note(ONE, DRAIN)
    assert len(events) == 1
    assert (pair.home(JOHNSON), pair.states()) == (TWO, {ONE: DRAIN})
    (tmp_path / "folder").unlink()
    with capturedLogs() as events:
        pair.clock.pump([1.0] * 5)
    assert [event["log_level"] for event in events] == [LogLevel.info]
    pair.restart()
    assert (pair.home(JOHNSON), pair.states()) == (TWO, {ONE: DRAIN})


@pytest_twisted.ensureDeferred
async def test_withTheReactorTheFileIsWrittenInAThread(tmp_path: Path) -> None:
    store = MemoryStore(MemoryOptions())
    await store.open(reactor, tmp_path)
    kept = store.setAdminState("nice", ONE, DRAIN)
    assert not kept.called
    granted = await store.acquire(JOHNSON, [Choice(TWO)])
    await store.confirm(granted.token)
    await store.release(granted.token)
    await kept
    await store.close()
    pair = stores(tmp_path)
    assert (pair.home(JOHNSON), pair.states()) == (TWO, {ONE: DRAIN})
