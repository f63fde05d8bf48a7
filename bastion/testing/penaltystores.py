"""
The contract of L{IPenaltyStore}, as tests for anybody's store.

Make a subclass with a name that begins with C{Test}, say in C{makeStores} how two stores
are made that share everything, as two processes would have them, and let pytest collect
it.  For a store that one process has for itself, return the same one twice.

How much brings a penalty, and which addresses count as one, is the store's business: here
enough is noted of things, from addresses that are far apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from bastion.state import IPenaltyStore, Penalty, PenaltyKind
from bastion.testing.storepair import fired

HERE, THERE, SIX = map(ip_address, ("192.0.2.7", "198.51.100.7", "2001:db8::7"))
#: Names with what a name can hold.
JOHNSON, OTHER = b"johnson", b'j\xf6hns\x00n"\\\n'
#: So much of anything is enough to be kept out.
ENOUGH = 1000
#: When the clock begins, in seconds since 1970.
BEGIN = 1795600000.0

AUTHFAIL, REFUSED = PenaltyKind.AUTHFAIL, PenaltyKind.REFUSED


@define(eq=False)
class PenaltyPair:
    """
    Two stores that share everything, spoken to in turn; or twice the same one.

    @ivar wait: the result of a Deferred; what it failed with is raised.
    @ivar clock: what time it is.
    """

    make: Callable[[], tuple[Any, Any]]
    wait: Callable[[Any], Any] = fired
    clock: Clock = field(factory=Clock)
    _stores: list[Any] = field(init=False, factory=list)

    def open(self) -> None:
        """
        Make and open them.
        """
        self.clock.advance(BEGIN)
        one, other = self.make()
        self._stores = [one] if one is other else [one, other]
        for store in self._stores:
            self.wait(store.open(self.clock))

    def close(self) -> None:
        """
        Close them.
        """
        for store in self._stores:
            self.wait(store.close())

    def turn(self) -> Any:
        """
        The store whose turn it is.
        """
        self._stores.append(self._stores.pop(0))
        return self._stores[0]

    def refused(self, source: Any = HERE) -> list[Penalty]:
        """
        A source is refused until it is kept out.

        @return: what keeps it out from then on.
        """
        for _ in range(ENOUGH):
            if begun := self.wait(self.turn().noted(REFUSED, source)):
                return [*begun]
        raise AssertionError(f"{ENOUGH} refusals of {source} are not enough")

    def failed(self, account: bytes = JOHNSON, source: Any = HERE) -> list[Penalty]:
        """
        An account gives one wrong password after the other until it is kept out.

        @return: what keeps it out from then on.
        """
        for number in range(ENOUGH):
            digest = self.turn().digest(account, [b"%d" % number])
            begun = [*self.wait(self.turn().noted(AUTHFAIL, source, account, digest))]
            if any(each.account == account for each in begun):
                return begun
        raise AssertionError(f"{ENOUGH} wrong passwords of {account!r} are not enough")

    def refusal(self, source: Any = HERE) -> str | None:
        """
        Whether a source is kept out.
        """
        sentence: str | None = self.wait(self.turn().refusal(source))
        return sentence

    def refusalOf(self, account: bytes = JOHNSON, source: Any = HERE) -> str | None:
        """
        Whether an account is kept out.
        """
        sentence: str | None = self.wait(self.turn().refusalOf(source, account))
        return sentence

    def listing(self) -> list[Penalty]:
        """
        All penalties.
        """
        return [*self.wait(self.turn().listing())]

    def lift(self, source: str, account: bytes | None = None) -> list[Penalty]:
        """
        Take penalties back.
        """
        return [*self.wait(self.turn().lift(source, account))]


class PenaltyStoreContract:
    """
    What every store of penalties has to do.
    """

    def makeStores(self) -> tuple[Any, Any]:
        """
        Two stores that share everything, not opened yet, with nothing in them.
        """
        raise NotImplementedError

    def wait(self, deferred: Any) -> Any:
        """
        The result of a Deferred; what it failed with is raised.  For a store that does
        not answer at once, C{pytest_twisted.blockon} does it.
        """
        return fired(deferred)

    @pytest.fixture
    def penalties(self) -> Iterator[PenaltyPair]:
        """
        Two stores, opened, with nothing in them.
        """
        stores = PenaltyPair(self.makeStores, self.wait)
        stores.open()
        yield stores
        stores.close()

    def test_storePlaysTheRole(self, penalties: PenaltyPair) -> None:
        """
        It has every method.
        """
        assert verifyObject(IPenaltyStore, penalties.turn())

    def test_nobodyHasToWaitWithoutAReason(self, penalties: PenaltyPair) -> None:
        """
        Neither at first, nor because others have to.
        """
        assert (penalties.listing(), penalties.refusal(), penalties.refusalOf()) == ([], None, None)
        penalties.refused()
        penalties.failed()
        strangers = [penalties.refusal(THERE), penalties.refusal(SIX)]
        assert [*strangers, penalties.refusalOf(OTHER), penalties.refusalOf(JOHNSON, THERE)] == [
            None
        ] * 4

    @pytest.mark.parametrize("source", [HERE, SIX])
    def test_sourceIsKeptOutForAsLongAsIsSaid(self, penalties: PenaltyPair, source: Any) -> None:
        """
        From when it is told that it begins.
        """
        (begun,) = penalties.refused(source)
        assert (begun.account, begun.kinds, begun.active) == (None, (REFUSED,), True)
        assert penalties.refusal(source)
        left = begun.until - penalties.clock.seconds()
        assert left > 1
        penalties.clock.advance(left - 1)
        assert penalties.refusal(source)
        penalties.clock.advance(1)
        assert (penalties.refusal(source), penalties.listing()) == (None, [])

    @pytest.mark.parametrize("account", [JOHNSON, OTHER])
    def test_accountIsKeptOutForAsLongAsIsSaid(
        self, penalties: PenaltyPair, account: bytes
    ) -> None:
        """
        From that source.
        """
        (begun,) = [each for each in penalties.failed(account) if each.account == account]
        assert (begun.kinds, begun.active) == ((AUTHFAIL,), True)
        assert penalties.refusalOf(account)
        penalties.clock.advance(begun.until - penalties.clock.seconds())
        assert penalties.refusalOf(account) is None

    def test_beginningIsToldOnce(self, penalties: PenaltyPair) -> None:
        """
        Who is kept out already is not kept out from now on.
        """
        penalties.refused()
        assert [*penalties.wait(penalties.turn().noted(REFUSED, HERE))] == []
        assert penalties.refusal()

    def test_sameSecretAgainIsNothingNew(self, penalties: PenaltyPair) -> None:
        """
        A program that has been told an old password tries it all day.
        """
        digest = penalties.turn().digest(JOHNSON, [b"old"])
        for _ in range(ENOUGH):
            begun = penalties.wait(penalties.turn().noted(AUTHFAIL, HERE, JOHNSON, digest))
            assert [*begun] == []
        assert (penalties.refusalOf(), penalties.refusal()) == (None, None)

    def test_digestIsThatOfAnAccountAndItsAnswers(self, penalties: PenaltyPair) -> None:
        """
        Wherever it is made, and without the secret in it.
        """
        given = [(JOHNSON, [b"secret"]), (OTHER, [b"secret"]), (JOHNSON, [b"sec", b"ret"])]
        given += [(JOHNSON, [b"secr", b"et"]), (JOHNSON, [b"secret", b""]), (JOHNSON, [])]
        stores = [penalties.turn(), penalties.turn()]
        digests = [[store.digest(*each) for each in given] for store in stores]
        assert digests[0] == digests[1]
        assert len(set(digests[0])) == len(given)
        assert not any(b"secret" in each for each in digests[0])

    def test_whoAsksDoesNotWaitLonger(self, penalties: PenaltyPair) -> None:
        """
        However often, and whether it is let in or not.
        """
        penalties.failed()
        penalties.refused()
        before = penalties.listing()
        for _ in range(ENOUGH):
            assert penalties.refusal() and penalties.refusalOf()
        assert penalties.listing() == before

    def test_listingHasThoseToWhoKeepNobodyOutYet(self, penalties: PenaltyPair) -> None:
        """
        An operator sees who is on the way to it.
        """
        digest = penalties.turn().digest(JOHNSON, [b"x"])
        assert [*penalties.wait(penalties.turn().noted(AUTHFAIL, HERE, JOHNSON, digest))] == []
        found = [each for each in penalties.listing() if each.account == JOHNSON]
        assert [(each.kinds, each.active) for each in found] == [((AUTHFAIL,), False)]

    def test_loginIsTaken(self, penalties: PenaltyPair) -> None:
        """
        Nobody has to wait because of one.
        """
        assert penalties.wait(penalties.turn().succeeded(HERE, JOHNSON)) is None
        assert (penalties.listing(), penalties.refusalOf()) == ([], None)

    def test_penaltyOfOneAccountIsLifted(self, penalties: PenaltyPair) -> None:
        """
        And no other's, and not the source's.
        """
        penalties.failed()
        penalties.failed(OTHER)
        penalties.refused()
        assert [each.account for each in penalties.lift(str(HERE), JOHNSON)] == [JOHNSON]
        assert penalties.refusalOf() is None
        assert penalties.refusalOf(OTHER) and penalties.refusal()
        assert penalties.lift(str(HERE), JOHNSON) == []

    @pytest.mark.parametrize("source", [HERE, SIX])
    def test_everythingFromASourceIsLifted(self, penalties: PenaltyPair, source: Any) -> None:
        """
        Under the name that the listing has for it; what is elsewhere stays.
        """
        penalties.failed(source=source)
        penalties.refused(source)
        penalties.refused(THERE)
        (shown,) = {each.source for each in penalties.listing()} - {str(THERE)}
        assert {each.account for each in penalties.lift(shown)} == {None, JOHNSON}
        assert (penalties.refusal(source), penalties.refusalOf(source=source)) == (None, None)
        assert penalties.refusal(THERE)

    def test_sourceThatCannotBeReadIsSaid(self, penalties: PenaltyPair) -> None:
        """
        It is an operator's mistake.
        """
        with pytest.raises(ValueError):
            penalties.lift("johnson")
