"""
Tests of L{bastion.admission.limits}: chance is a number that the test gives.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest

from bastion.admission.limits import NetBlock, Startup, Startups, network

HERE = ipaddress.ip_address("192.0.2.7")


def startups(
    start: int = 10,
    rate: int = 30,
    full: int = 20,
    perSource: int = 1000,
    chance: Callable[[], float] = lambda: 0.0,
) -> Startups:
    """
    Limits of a gateway; newcomers are as unlucky as can be.
    """
    return Startups(start, rate, full, perSource, chance)


def nothing() -> None:
    """
    What a newcomer does when it loses its place.
    """


def crowd(limits: Startups, size: int) -> list[Startup]:
    """
    So many newcomers, each from a source of its own.
    """
    first = ipaddress.ip_address("198.51.100.0")
    return [limits.arrived(first + number, nothing) for number in range(size)]


# Sources


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
    ],
)
def test_sourceIsAnIPv4AddressOrAnIPv6Network(address: str, source: str) -> None:
    assert network(ipaddress.ip_address(address)) == source


@pytest.mark.parametrize(
    ("address", "block", "source"),
    [
        ("192.0.2.7", NetBlock(24, 64), "192.0.2.0/24"),
        ("::ffff:192.0.2.7", NetBlock(24, 64), "192.0.2.0/24"),
        ("192.0.2.7", NetBlock(0, 64), "0.0.0.0/0"),
        ("2001:db8:1:2:3:4:5:6", NetBlock(32, 48), "2001:db8:1::/48"),
        ("2001:db8:1:2:3:4:5:6", NetBlock(32, 128), "2001:db8:1:2:3:4:5:6"),
    ],
)
def test_howMuchOfAnAddressCountsIsSaid(address: str, block: NetBlock, source: str) -> None:
    assert network(ipaddress.ip_address(address), block) == source


def test_noMoreSourcesAreRememberedThanStrangersMayFill() -> None:
    assert network.cache_info().maxsize == 1024


def test_startupsCountByTheBlockTheyAreGiven() -> None:
    limits = Startups(10, 30, 20, 1, lambda: 0.9, NetBlock(24, 64))
    startup = limits.arrived(HERE, nothing)
    assert limits.refusal(HERE + 1, True) is not None
    startup.over()
    assert limits.refusal(HERE + 1, True) is None


def test_sourceHasItsOwnLimit() -> None:
    limits = startups(perSource=2)
    limits.arrived(HERE, nothing)
    assert limits.refusal(HERE, True) is None
    limits.arrived(HERE, nothing)
    assert limits.refusal(HERE, True) == "2 connections of its source have not logged in yet"
    assert limits.refusal(HERE + 1, True) is None


def test_addressesOfOneIPv6NetworkShareTheirLimit() -> None:
    limits = startups(perSource=1)
    limits.arrived(ipaddress.ip_address("2001:db8::1"), nothing)
    assert limits.refusal(ipaddress.ip_address("2001:db8::2"), True) is not None
    assert limits.refusal(ipaddress.ip_address("2001:db8:0:1::2"), True) is None


def test_bothSpellingsOfAnIPv4AddressShareTheirLimit() -> None:
    limits = startups(perSource=1)
    limits.arrived(HERE, nothing)
    assert limits.refusal(ipaddress.ip_address("::ffff:192.0.2.7"), True) is not None


# All together


@pytest.mark.parametrize(
    ("present", "threshold"),
    [(0, 0.0), (9, 0.0), (10, 0.3), (15, 0.65), (19, 0.93), (20, 1.0), (21, 1.0)],
)
def test_chanceOfBeingDroppedRisesFromStartToFull(present: int, threshold: float) -> None:
    """
    As drop_connection() of sshd: its rate at start, all at full, a line between.
    """
    luck = 0.0
    limits = startups(chance=lambda: luck)
    crowd(limits, present)
    for luck, dropped in ((threshold - 1e-9, True), (threshold + 1e-9, False)):
        if 0.0 <= luck < 1.0:
            assert (limits.refusal(HERE, True) is not None) is dropped


def test_refusalSaysHowManyThereAre() -> None:
    limits = startups()
    crowd(limits, 12)
    assert limits.refusal(HERE, True) == "12 connections have not logged in yet"


@pytest.mark.parametrize(
    ("start", "rate", "full", "present", "dropped"),
    [
        (5, 0, 10, 5, False),
        (5, 0, 10, 6, True),
        (5, 100, 10, 4, False),
        (5, 100, 10, 5, True),
        (5, 30, 5, 4, False),
        (5, 30, 5, 5, True),
        (1, 30, 1, 0, False),
        (1, 30, 1, 1, True),
    ],
)
def test_limitsAtTheirEdges(start: int, rate: int, full: int, present: int, dropped: bool) -> None:
    limits = startups(start, rate, full)
    crowd(limits, present)
    assert (limits.refusal(HERE, True) is not None) is dropped


def test_askingDoesNotCount() -> None:
    limits = startups(start=1, rate=100, full=1, perSource=1)
    assert [limits.refusal(HERE, True) for _ in range(3)] == [None] * 3


# Places that others need more


def filled(*sizes: int) -> tuple[Startups, list[tuple[int, int]]]:
    """
    Limits at which all places are taken: so many from each of some sources.

    @return: and a list of who has lost a place: the source, and the how many-th it was.
    """
    limits = startups(start=1, rate=100, full=sum(sizes))
    lost: list[tuple[int, int]] = []
    for source, size in enumerate(sizes):
        for number in range(size):
            limits.arrived(HERE + source, lambda who=(source, number): lost.append(who))
    return limits, lost


def test_whoHasTheMostGivesUpItsOldestPlace() -> None:
    limits, lost = filled(3, 5, 4)
    assert limits.refusal(HERE + 9, True) is None
    assert lost == [(1, 0)]
    assert limits.total == 11


def test_soItGoesOnUntilAllHaveTheSame() -> None:
    limits, lost = filled(1, 4, 2)
    admitted = 0
    while limits.refusal(HERE + 9, True) is None:
        limits.arrived(HERE + 9, nothing)
        admitted += 1
    assert admitted == 2
    assert lost == [(1, 0), (1, 1)]
    assert limits.refusal(HERE + 9, True) == "7 connections have not logged in yet"


def test_whoHasTheMostGetsNoMore() -> None:
    limits, lost = filled(3, 5, 4)
    assert limits.refusal(HERE + 1, True) is not None
    assert limits.refusal(HERE + 2, True) is not None
    assert lost == []


def test_whoHasNamedAnAccountIsSpared() -> None:
    limits = startups(start=1, rate=100, full=4)
    lost: list[int] = []
    places = [limits.arrived(HERE, lambda who=who: lost.append(who)) for who in range(4)]
    places[0].named = places[1].named = True
    assert limits.refusal(HERE + 9, True) is None
    assert lost == [2]
    places[0].over()
    limits.arrived(HERE + 9, nothing).over()


def test_whoIsLoggingInKeepsHisPlace() -> None:
    """
    A course behind one address, and strangers from many.
    """
    limits, lost = startups(start=1, rate=100, full=30), []
    for user in range(20):
        limits.arrived(HERE, lambda who=user: lost.append(who)).named = True
    crowd(limits, 10)
    assert limits.refusal(HERE + 9, True) == "30 connections have not logged in yet"
    assert lost == []


def test_whoCannotLogInTakesNobodysPlace() -> None:
    limits, lost = filled(3, 5, 4)
    assert limits.refusal(HERE + 9, False) == "12 connections have not logged in yet"
    assert lost == []


def test_whoHasLostItsPlaceFreesItOnce() -> None:
    limits, lost = filled(3)
    [first, *_] = limits._sources[str(HERE)]
    limits.refusal(HERE + 9, True)
    first.over()
    assert (limits.total, len(lost)) == (2, 1)


# The end of a startup


def test_startupThatIsOverFreesItsPlaces() -> None:
    limits = startups(start=1, rate=100, full=1, perSource=1)
    startup = limits.arrived(HERE, nothing)
    assert limits.refusal(HERE, True) is not None
    assert limits.refusal(HERE + 1, True) is not None
    startup.over()
    assert limits.refusal(HERE, True) is None


def test_startupIsOverOnce() -> None:
    limits = startups(perSource=2)
    first, _ = limits.arrived(HERE, nothing), limits.arrived(HERE, nothing)
    first.over()
    first.over()
    limits.arrived(HERE, nothing)
    assert limits.refusal(HERE, True) is not None


def test_sourcesThatHaveLeftAreNotKept() -> None:
    limits = startups()
    for startup in crowd(limits, 100):
        startup.over()
    assert limits._sources == {}
