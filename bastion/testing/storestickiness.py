"""
The part of the contract of L{bastion.state.IStateStore} that is about stickiness; see
L{bastion.testing.stores}.
"""

from __future__ import annotations

import pytest
from attrs import evolve

from bastion.interfaces import HostAddress
from bastion.state import Choice, StickyKey
from bastion.testing.storepair import (
    ELSEWHERE,
    JOHNSON,
    ONE,
    OTHER,
    STICKY,
    THREE,
    TWO,
    UNSTICKY,
    StorePair,
)


class StickinessContract:
    """
    How keys and visitors come back to hosts.
    """

    def test_acceptedKeyComesBack(self, stores: StorePair) -> None:
        """
        Beside its connections and after them; nobody else does.
        """
        token = stores.login(JOHNSON, TWO)
        assert (stores.home(ELSEWHERE), stores.acquire(ELSEWHERE).host) == (TWO, TWO)
        stores.release(token)
        assert (stores.home(JOHNSON), stores.acquire(JOHNSON).host) == (TWO, TWO)
        for stranger in (OTHER, evolve(ELSEWHERE, cluster="ill")):
            assert (stores.home(stranger), stores.acquire(stranger).host) == (None, ONE)

    def test_keyThatNoHostAcceptedIsNotRemembered(self, stores: StorePair) -> None:
        """
        A stranger may ask for a place as often as he likes.
        """
        stores.release(stores.acquire(JOHNSON, TWO).token)
        assert (stores.home(JOHNSON), stores.acquire(JOHNSON).host) == (None, ONE)

    def test_keyIsForgottenSoLongAfterItsLastConnection(self, stores: StorePair) -> None:
        """
        However long those were.
        """
        for token in [stores.login(JOHNSON, TWO), stores.login(JOHNSON, TWO)]:
            stores.clock.advance(10 * STICKY)
            assert stores.home(JOHNSON) == TWO
            stores.release(token)
        stores.clock.advance(STICKY - 1)
        assert stores.home(JOHNSON) == TWO
        stores.clock.advance(1)
        assert (stores.home(JOHNSON), stores.acquire(JOHNSON).host) == (None, ONE)

    def test_comingBackStartsTheTimeAnew(self, stores: StorePair) -> None:
        """
        Being refused does not.
        """
        for _ in range(3):
            stores.visit(JOHNSON, TWO)
            stores.clock.advance(STICKY - 1)
            assert stores.home(JOHNSON) == TWO
        stores.release(stores.acquire(JOHNSON, TWO).token)
        stores.clock.advance(1)
        assert stores.home(JOHNSON) is None

    def test_hostOfAConnectionComesBeforeARememberedOne(self, stores: StorePair) -> None:
        """
        Of several, the one that the key came to last.
        """
        first, second = stores.login(JOHNSON, ONE), stores.login(JOHNSON, THREE)
        stores.visit(JOHNSON, TWO)
        assert stores.home(JOHNSON) == THREE
        stores.release(second)
        assert stores.home(JOHNSON) == ONE
        stores.confirm(first)
        stores.release(first)
        assert stores.home(JOHNSON) == TWO

    def test_everyHostRemembersForItself(self, stores: StorePair) -> None:
        """
        A connection elsewhere does not make the time longer.
        """
        still = stores.login(JOHNSON, ONE)
        stores.visit(JOHNSON, TWO)
        stores.clock.advance(STICKY)
        stores.release(still)
        assert stores.home(JOHNSON) == ONE

    def test_withoutStickinessNothingIsRemembered(self, stores: StorePair) -> None:
        """
        Not beside a connection, and not beside a login.
        """
        stores.login(UNSTICKY, TWO)
        stores.acquire(UNSTICKY, TWO)
        assert (stores.home(UNSTICKY), stores.acquire(UNSTICKY).host) == (None, ONE)
        assert (stores.home(JOHNSON), stores.acquire(JOHNSON).host) == (None, ONE)

    # Logins that are not finished

    def test_visitorsSecondLoginFindsTheHostOfTheFirst(self, stores: StorePair) -> None:
        """
        Though that one is not finished; only of the same visitor, and cluster.
        """
        first = stores.acquire(JOHNSON, THREE)
        second = stores.acquire(JOHNSON)
        assert (stores.home(JOHNSON), second.host, second.left) == (THREE, THREE, None)
        for stranger in (ELSEWHERE, OTHER, evolve(JOHNSON, cluster="ill")):
            assert (stores.home(stranger), stores.acquire(stranger).host) == (None, ONE)
        stores.release(first.token)
        assert stores.home(JOHNSON) == THREE
        stores.release(second.token)
        assert stores.home(JOHNSON) is None

    def test_unfinishedLoginComesBeforeWhereTheKeyIs(self, stores: StorePair) -> None:
        """
        The latest comes first; with the last one finished the key counts.
        """
        stores.login(ELSEWHERE, ONE)
        pending = [stores.acquire(JOHNSON, host).token for host in (TWO, THREE)]
        assert (stores.home(JOHNSON), stores.home(ELSEWHERE)) == (THREE, ONE)
        assert stores.acquire(JOHNSON, ONE, TWO).host == TWO
        stores.confirm(pending[1])
        assert (stores.home(JOHNSON), stores.home(ELSEWHERE)) == (TWO, THREE)

    def test_hostOnAnotherPortIsAnotherHost(self, stores: StorePair) -> None:
        """
        Whether it is the first choice or not.
        """
        another = HostAddress(TWO.name, 2222)
        stores.visit(JOHNSON, TWO)
        granted = stores.acquire(ELSEWHERE, another, ONE)
        assert (granted.host, granted.left) == (another, TWO)
        assert stores.acquire(JOHNSON, another, TWO).host == TWO

    @pytest.mark.parametrize("sticky", [JOHNSON, ELSEWHERE])
    def test_hostThatIsFullIsPassedOver(self, stores: StorePair, sticky: StickyKey) -> None:
        """
        By whomever: those with a login there, and those with a connection.
        """
        stores.login(JOHNSON, THREE)
        stores.acquire(JOHNSON, THREE)
        granted = stores.acquire(sticky, Choice(TWO, 1), Choice(THREE, 2))
        assert (granted.host, granted.left) == (TWO, THREE)

    # Moving away

    @pytest.mark.parametrize("connected", [False, True])
    def test_keyMovesAwayFromAHostThatIsNoChoice(self, stores: StorePair, connected: bool) -> None:
        """
        It is told once: from then on, it sticks to the other one.
        """
        token = stores.login(JOHNSON, THREE)
        if not connected:
            stores.release(token)
        granted = stores.acquire(JOHNSON, ONE, TWO)
        assert (granted.host, granted.left) == (ONE, THREE)
        stores.confirm(granted.token)
        again = stores.acquire(JOHNSON, TWO, ONE)
        assert (again.host, again.left) == (ONE, None)

    def test_keyThatHasMovedComesBackToWhereItIsNow(self, stores: StorePair) -> None:
        """
        Though it still has a connection where it was, and none there.
        """
        stores.login(JOHNSON, THREE)
        stores.visit(JOHNSON, TWO)
        assert stores.homes(JOHNSON) == [THREE, TWO]
        granted = stores.acquire(JOHNSON, ONE, TWO)
        assert (granted.host, granted.left) == (TWO, None)

    def test_keyMovesToWhereItWasBefore(self, stores: StorePair) -> None:
        """
        And is told, for that was long ago.
        """
        stores.visit(JOHNSON, ONE)
        stores.visit(JOHNSON, TWO)
        still = stores.login(JOHNSON, THREE)
        assert stores.homes(JOHNSON) == [THREE, TWO, ONE]
        granted = stores.acquire(JOHNSON, ONE, Choice(TWO, 1))
        assert (granted.host, granted.left) == (TWO, THREE)
        full = stores.acquire(ELSEWHERE, ONE, Choice(TWO, 1))
        assert (full.host, full.left) == (ONE, THREE)
        stores.release(still, granted.token, full.token)
        assert stores.homes(JOHNSON) == [THREE, TWO, ONE]

    def test_loginThatFailsMovesNothing(self, stores: StorePair) -> None:
        """
        The key would still come back.
        """
        stores.visit(JOHNSON, THREE)
        stores.release(stores.acquire(JOHNSON, ONE).token)
        granted = stores.acquire(JOHNSON)
        assert (granted.host, granted.left) == (THREE, None)

    def test_secondLoginIsToldToo(self, stores: StorePair) -> None:
        """
        It goes where the first one goes; what it leaves is the same.
        """
        stores.visit(JOHNSON, THREE)
        granted = [stores.acquire(JOHNSON, ONE, TWO), stores.acquire(JOHNSON, TWO, ONE)]
        assert [(each.host, each.left) for each in granted] == [(ONE, THREE)] * 2

    # A restart

    def test_stickinessSurvivesARestart(self, stores: StorePair) -> None:
        """
        As long as it would have lasted without.
        """
        for sticky, host in ((JOHNSON, TWO), (OTHER, THREE)):
            stores.visit(sticky, host)
            stores.visit(sticky, ONE)
            stores.visit(sticky, host)
        stores.visit(evolve(JOHNSON, cluster="ill"), ONE)
        for _ in range(2):
            stores.restart(away=STICKY / 4)
            assert (stores.home(JOHNSON), stores.home(OTHER)) == (TWO, THREE)
            assert stores.home(evolve(JOHNSON, cluster="ill")) == ONE
        stores.restart(away=STICKY / 2 + 1)
        assert (stores.home(JOHNSON), stores.home(OTHER)) == (None, None)
