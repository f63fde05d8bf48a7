"""
The contract of L{IStateStore}, as tests for anybody's store.

Make a subclass with a name that begins with C{Test}, say in C{makeStores} how two stores
are made that share everything, as two processes would have them, and let pytest collect
it.  For a store that one process has for itself, return the same one twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.state import AdminState, Choice, IStateStore, StickyKey
from bastion.testing.storepair import JOHNSON, ONE, THREE, TWO, UNSTICKY, StorePair, fired
from bastion.testing.storestickiness import StickinessContract

DRAIN = AdminState("drain", 1795600000.0, 'new disks \N{EM DASH} "soon"')
QUARANTINED = AdminState("quarantined", 1795600000.5, "another key", b"\x00\x00\x00\x0bssh-\xff")


class StateStoreContract(StickinessContract):
    """
    What every store has to do.
    """

    def makeStores(self, clock: Clock) -> tuple[Any, Any]:
        """
        Two stores that share everything, not opened yet; made again, they have what the
        ones before have left.

        @param clock: what time it is, for leases and for stickiness.
        """
        raise NotImplementedError

    def wait(self, deferred: Any) -> Any:
        """
        The result of a Deferred; what it failed with is raised.  For a store that does
        not answer at once, C{pytest_twisted.blockon} does it.
        """
        return fired(deferred)

    @pytest.fixture
    def stores(self, tmp_path: Path) -> Iterator[StorePair]:
        """
        Two stores, opened, with nothing in them.
        """
        stores = StorePair(self.makeStores, tmp_path, self.wait)
        stores.open()
        yield stores
        stores.close()

    def test_storePlaysTheRole(self, stores: StorePair) -> None:
        """
        It has every method.
        """
        assert verifyObject(IStateStore, stores.turn())

    # Leases

    def test_firstChoiceThatHasRoomIsTaken(self, stores: StorePair) -> None:
        """
        For somebody who sticks to no host.
        """
        granted = [
            stores.acquire(UNSTICKY, Choice(TWO, 1), Choice(ONE, 2), Choice(THREE))
            for _ in range(4)
        ]
        assert [each.host for each in granted] == [TWO, ONE, ONE, THREE]
        assert len({each.token for each in granted}) == 4
        assert {each.left for each in granted} == {None}

    def test_leasesAreCountedByClusterUntilTheyAreReleased(self, stores: StorePair) -> None:
        """
        Whether the login is finished or not.
        """
        pending = stores.acquire(UNSTICKY, ONE).token
        confirmed = stores.login(UNSTICKY, ONE)
        stores.acquire(evolve(UNSTICKY, cluster="ill"), TWO)
        assert (stores.counts(), stores.counts("ill")) == ((2, 0, 0), (0, 1, 0))
        stores.release(pending)
        assert stores.counts() == (1, 0, 0)
        stores.release(confirmed)
        assert (stores.counts(), stores.counts("ill")) == ((0, 0, 0), (0, 1, 0))

    @pytest.mark.parametrize("sticky", [JOHNSON, UNSTICKY])
    def test_whatIsToldTwiceIsTrueOnce(self, stores: StorePair, sticky: StickyKey) -> None:
        """
        Of confirmations and of releases.
        """
        token, _still = stores.acquire(sticky, ONE).token, stores.login(sticky, ONE)
        stores.confirm(token, token)
        stores.release(token, token)
        stores.confirm(token)
        stores.release(token)
        assert stores.counts() == (1, 0, 0)

    def test_leaseThatWasReleasedIsNotConfirmed(self, stores: StorePair) -> None:
        """
        The confirmation was slower.
        """
        token = stores.acquire(JOHNSON, ONE).token
        stores.release(token)
        stores.confirm(token)
        assert (stores.home(JOHNSON), stores.counts()) == (None, (0, 0, 0))

    def test_tokenThatNobodyGaveDoesNothing(self, stores: StorePair) -> None:
        """
        It may be one from before a restart.
        """
        stores.confirm("", "1", "no such lease")
        stores.release("", "1", "no such lease")
        assert stores.counts() == (0, 0, 0)

    def test_noMorePlacesThanTheLimitHoweverManyRace(self, stores: StorePair) -> None:
        """
        They ask at once, and each of them for another visitor.
        """
        asked = []
        for number in range(40):
            sticky = evolve(JOHNSON, key=b"%d" % number, visitor=b"%d" % number)
            choices = [Choice(ONE, 7), Choice(TWO, 5)]
            asked.append(stores.turn().acquire(sticky, choices).addErrback(lambda f: f.value))
        answers = [stores.wait(each) for each in asked]
        granted = [each.host for each in answers if not isinstance(each, NoHostAvailable)]
        assert (granted.count(ONE), granted.count(TWO), len(granted)) == (7, 5, 12)
        assert stores.counts() == (7, 5, 0)

    def test_placeThatIsGivenBackCanBeTaken(self, stores: StorePair) -> None:
        """
        Who finds none takes none.
        """
        taken = stores.acquire(UNSTICKY, Choice(ONE, 1)).token
        for _ in range(2):
            with pytest.raises(NoHostAvailable):
                stores.acquire(UNSTICKY, Choice(ONE, 1))
        stores.release(taken)
        assert stores.acquire(UNSTICKY, Choice(ONE, 1)).host == ONE

    def test_withoutChoicesThereIsNoPlace(self, stores: StorePair) -> None:
        """
        Not even on the host that the key sticks to.
        """
        stores.login(JOHNSON, ONE)
        with pytest.raises(NoHostAvailable):
            stores.wait(stores.turn().acquire(JOHNSON, []))

    # Administrative states

    def test_administrativeStateHoldsUntilItIsTakenBack(self, stores: StorePair) -> None:
        """
        Or until another one takes its place.
        """
        assert stores.states() == {}
        stores.note(ONE, QUARANTINED)
        stores.note(TWO, QUARANTINED)
        stores.note(TWO, DRAIN)
        assert stores.states() == {ONE: QUARANTINED, TWO: DRAIN}
        stores.note(ONE, None)
        stores.note(THREE, None)
        assert stores.states() == {TWO: DRAIN}

    def test_administrativeStateIsOfOneHostOfOneCluster(self, stores: StorePair) -> None:
        """
        A host is an address with its port.
        """
        stores.note(ONE, DRAIN)
        assert (stores.states(), stores.states("ill")) == ({ONE: DRAIN}, {})
        stores.note(ONE, None, "ill")
        stores.note(HostAddress(ONE.name, 2222), QUARANTINED)
        assert stores.states() == {ONE: DRAIN, HostAddress(ONE.name, 2222): QUARANTINED}

    def test_administrativeStatesDoNotKeepLeasesAway(self, stores: StorePair) -> None:
        """
        Which hosts may be chosen, the choices say.
        """
        stores.note(ONE, DRAIN)
        assert stores.acquire(UNSTICKY, ONE).host == ONE

    def test_administrativeStatesSurviveARestart(self, stores: StorePair) -> None:
        """
        However long it takes.
        """
        stores.note(ONE, QUARANTINED)
        stores.note(TWO, DRAIN, "ill")
        stores.note(THREE, DRAIN)
        stores.note(THREE, None)
        for _ in range(2):
            stores.restart(away=1e7)
            assert (stores.states(), stores.states("ill")) == ({ONE: QUARANTINED}, {TWO: DRAIN})

    # A restart

    def test_leasesDoNotOutliveWhoHeldThem(self, stores: StorePair) -> None:
        """
        Tokens of a life before are nobody's, not the new ones either.
        """
        token = stores.login(JOHNSON, ONE)
        stores.release(token)
        stores.restart()
        assert stores.counts() == (0, 0, 0)
        fresh = stores.acquire(JOHNSON, ONE).token
        stores.release(token)
        assert (fresh != token, stores.counts()) == (True, (1, 0, 0))
