"""
L{bastion.testing.penaltystores}: the contract notices a store that breaks it.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, succeed

from bastion.admission.memory import MemoryPenalties
from bastion.admission.penalties import Rules
from bastion.state import Penalty, PenaltyKind
from bastion.testing.penaltystores import (
    HERE,
    JOHNSON,
    SIX,
    PenaltyPair,
    PenaltyStoreContract,
)


class KeepsNobodyOut(MemoryPenalties):
    """
    It only counts.
    """

    def refusal(self, source: Any) -> Deferred[str | None]:
        """
        Never.
        """
        return succeed(None)


class KeepsEverybodyOut(MemoryPenalties):
    """
    Whatever the source.
    """

    def refusal(self, source: Any) -> Deferred[str | None]:
        """
        That of one for all.
        """
        return super().refusal(HERE)


class KeepsSourcesOut(MemoryPenalties):
    """
    An account's waiting time is everybody's.
    """

    def refusalOf(self, source: Any, account: bytes) -> Deferred[str | None]:
        """
        For whoever asks.
        """
        return super().refusalOf(source, JOHNSON)


class SaysTooLate(MemoryPenalties):
    """
    It is over before it is said to be.
    """

    def noted(self, *given: Any) -> Deferred[list[Penalty]]:
        """
        Half a minute later.
        """

        def later(found: list[Penalty]) -> list[Penalty]:
            return [evolve(each, until=each.until + 30) for each in found]

        return super().noted(*given).addCallback(later)


class SaysEachTime(MemoryPenalties):
    """
    What keeps somebody out is told whenever something happens.
    """

    def noted(self, *given: Any) -> Deferred[list[Penalty]]:
        """
        All that is there.
        """
        super().noted(*given)
        active = [each for each in self._penalties.listing(self._now()) if each.active]
        return succeed(active)


class CountsEachTime(MemoryPenalties):
    """
    Each wrong password counts, the same one too.
    """

    def noted(
        self,
        kind: PenaltyKind,
        source: Any,
        account: bytes | None = None,
        digest: bytes | None = None,
    ) -> Deferred[list[Penalty]]:
        """
        Without a look at it.
        """
        return super().noted(kind, source, account, None)


class Joins(MemoryPenalties):
    """
    Its digests are of the answers in a row.
    """

    def digest(self, account: bytes, answers: Any) -> bytes:
        """
        As if they were one.
        """
        return super().digest(account, [b"".join(answers)])


class Tells(MemoryPenalties):
    """
    Its digests are none.
    """

    def digest(self, account: bytes, answers: Any) -> bytes:
        """
        The secrets.
        """
        return repr((account, answers)).encode()


class Punishes(MemoryPenalties):
    """
    Who asks waits longer.
    """

    def refusalOf(self, source: Any, account: bytes) -> Deferred[str | None]:
        """
        That is noted, too.
        """
        self.noted(PenaltyKind.REFUSED, source, account)
        return super().refusalOf(source, account)


class ShowsActiveOnes(MemoryPenalties):
    """
    Only who is kept out is listed.
    """

    def listing(self) -> Deferred[list[Penalty]]:
        """
        A part.
        """
        return super().listing().addCallback(lambda all: [each for each in all if each.active])


class LiftsAll(MemoryPenalties):
    """
    Whoever's it is.
    """

    def lift(self, source: str, account: bytes | None = None) -> Deferred[list[Penalty]]:
        """
        Everything.
        """
        return super().lift(source)


class LiftsNothing(MemoryPenalties):
    """
    It says so, and does not.
    """

    def lift(self, source: str, account: bytes | None = None) -> Deferred[list[Penalty]]:
        """
        Nothing.
        """
        return self.listing()


def contract(*Stores: type[MemoryPenalties]) -> PenaltyStoreContract:
    """
    The contract for one store, or for two that know nothing of each other.
    """

    class Contract(PenaltyStoreContract):
        """
        For these.
        """

        def makeStores(self) -> tuple[Any, Any]:
            """
            See L{PenaltyStoreContract}.
            """
            made = [Store(Rules()) for Store in Stores]
            return made[0], made[-1]

    return Contract()


def check(wanted: PenaltyStoreContract, test: str, *given: Any) -> None:
    """
    Do one test of a contract.
    """
    pair = PenaltyPair(wanted.makeStores)
    pair.open()
    getattr(wanted, f"test_{test}")(pair, *given)
    pair.close()


@pytest.mark.parametrize(
    ("Store", "test", "given"),
    [
        (KeepsNobodyOut, "sourceIsKeptOutForAsLongAsIsSaid", (HERE,)),
        (KeepsEverybodyOut, "nobodyHasToWaitWithoutAReason", ()),
        (KeepsSourcesOut, "nobodyHasToWaitWithoutAReason", ()),
        (SaysTooLate, "sourceIsKeptOutForAsLongAsIsSaid", (SIX,)),
        (SaysEachTime, "beginningIsToldOnce", ()),
        (CountsEachTime, "sameSecretAgainIsNothingNew", ()),
        (Joins, "digestIsThatOfAnAccountAndItsAnswers", ()),
        (Tells, "digestIsThatOfAnAccountAndItsAnswers", ()),
        (Punishes, "whoAsksDoesNotWaitLonger", ()),
        (ShowsActiveOnes, "listingHasThoseToWhoKeepNobodyOutYet", ()),
        (LiftsAll, "penaltyOfOneAccountIsLifted", ()),
        (LiftsNothing, "penaltyOfOneAccountIsLifted", ()),
        (LiftsNothing, "everythingFromASourceIsLifted", (SIX,)),
        (LiftsNothing, "sourceThatCannotBeReadIsSaid", ()),
    ],
)
def test_brokenStoreIsNoticed(
    Store: type[MemoryPenalties], test: str, given: tuple[Any, ...]
) -> None:
    check(contract(MemoryPenalties), test, *given)
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        check(contract(Store), test, *given)


@pytest.mark.parametrize(
    ("test", "given"),
    [
        ("sourceIsKeptOutForAsLongAsIsSaid", (HERE,)),
        ("accountIsKeptOutForAsLongAsIsSaid", (JOHNSON,)),
        ("digestIsThatOfAnAccountAndItsAnswers", ()),
        ("everythingFromASourceIsLifted", (HERE,)),
    ],
)
def test_storesThatDoNotShareAreNoticed(test: str, given: tuple[Any, ...]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check(contract(MemoryPenalties, MemoryPenalties), test, *given)


def test_storeThatNeverKeepsAnybodyOutIsSaid() -> None:
    class Careless(MemoryPenalties):
        def __init__(self, rules: Rules) -> None:
            super().__init__(Rules(seconds={}))

    pair = PenaltyPair(contract(Careless).makeStores)
    pair.open()
    for meet in (pair.refused, pair.failed):
        with pytest.raises(AssertionError, match="not enough"):
            meet()


def test_whoMakesNoStoresIsTold() -> None:
    with pytest.raises(NotImplementedError):
        PenaltyStoreContract().makeStores()


def test_contractWaitsAsItIsTold() -> None:
    assert PenaltyStoreContract().wait(succeed(1)) == 1
