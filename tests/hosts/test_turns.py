"""
Tests of L{bastion.hosts.turns}.
"""

from __future__ import annotations

from collections import Counter
from math import inf

import pytest

from bastion.hosts.turns import LeastFirst, Numbers, Spacing
from bastion.interfaces import Candidate, HostAddress


def candidates(names: str, weights: str = "") -> list[Candidate]:
    """
    Hosts of one letter each, and their weights.
    """
    return [
        Candidate(HostAddress(name), 0, float(weight))
        for name, weight in zip(names, weights or "1" * len(names), strict=True)
    ]


# Numbers


def test_numbersAreChangedInTheirPlace() -> None:
    numbers = Numbers(7.0)
    numbers.of(candidates("abc"))[1] = 3.0
    assert numbers.of(candidates("abc")) == [7.0, 3.0, 7.0]


def test_listIsTheSameWhileTheHostsAre() -> None:
    numbers = Numbers(0.0)
    first = numbers.of(candidates("abc"))
    assert numbers.of(candidates("abc", "123")) is first
    assert numbers.of(candidates("ab")) is not first


def test_hostKeepsItsNumberWhileItIsAwayAndElsewhereInTheList() -> None:
    numbers = Numbers(0.0)
    numbers.of(candidates("abc"))[:] = [1.0, 2.0, 3.0]
    assert numbers.of(candidates("ca")) == [3.0, 1.0]
    numbers.of(candidates("ca"))[0] = 4.0
    assert numbers.of(candidates("dcba")) == [0.0, 4.0, 2.0, 1.0]
    assert numbers.of([]) == []


# Spacing


def firsts(spacing: Spacing, among: list[Candidate], turns: int, best: str = "") -> str:
    """
    Who is first, if the order is that of the list, or has some in front.
    """
    places = sorted(range(len(among)), key=lambda each: among[each].address.name not in best)
    found = ""
    for _ in range(turns):
        number = spacing.first(among, spacing.last(among), places)
        found += among[places[number]].address.name if number >= 0 else "-"
    return found


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a", "aaaaaa"),
        ("ab", "aaaaaa"),
        ("abc", "ababab"),
        ("abcd", "ababab"),
        ("abcde", "abcabc"),
        ("abcdefgh", "abcdabcd"),
    ],
)
def test_bestHostGetsTwiceItsShare(names: str, expected: str) -> None:
    assert firsts(Spacing(2.0), candidates(names), len(expected)) == expected


def test_onceItsShareIsOnceARound() -> None:
    assert firsts(Spacing(1.0), candidates("abcd"), 8) == "abcdabcd"


def test_distanceDependsOnTheWeight() -> None:
    """
    One with half of the weight may be first always; a tenth of the others' gets a tenth.
    """
    assert firsts(Spacing(2.0), candidates("abc", "211"), 4) == "aaaa"
    among = [Candidate(HostAddress("a"), 0, 0.1), *candidates("bcd")]
    found = firsts(Spacing(2.0), among, 310, "a")
    assert found.count("a") == 310 * 2 * 0.1 / 3.1


def test_noTurnOfAnybodyIsSaid() -> None:
    """
    Where one is never to be first again before a long time, and asked alone.
    """
    spacing = Spacing(1.0)
    among = candidates("abc")
    asked = [spacing.first(among, spacing.last(among), [1]) for _ in range(7)]
    assert asked == [0, -1, -1, 0, -1, -1, 0]


def test_lastTurnsAreKnown() -> None:
    spacing = Spacing(2.0)
    among = candidates("abcd")
    firsts(spacing, among, 3, "c")
    assert spacing.last(among) == [2.0, -inf, 3.0, -inf]


# The least first


def ranked(least: LeastFirst, loads: dict[str, float]) -> str:
    """
    The names of some hosts in the order of their loads.
    """
    order = least.ranked(candidates("".join(loads)), list(loads.values()))
    return "".join(each.address.name for each in order)


def test_leastLoadIsFirst() -> None:
    assert ranked(LeastFirst(), {"a": 3, "b": 0.5, "c": 2, "d": 1}) == "bdca"
    assert ranked(LeastFirst(), {}) == ""


def test_loadsThatChangeChangeTheOrder() -> None:
    least = LeastFirst()
    assert ranked(least, {"a": 1, "b": 2}) == "ab"
    assert ranked(least, {"a": 3, "b": 2}) == "ba"


def test_equalsAreInTurn() -> None:
    least = LeastFirst()
    orders = [ranked(least, {"a": 1, "b": 1, "c": 1, "d": 9}) for _ in range(4)]
    assert orders == ["abcd", "bcad", "cabd", "abcd"]


def test_equalsAreInTurnWhenTheHostsChange() -> None:
    """
    As they do after each host that was tried in vain.
    """
    least = LeastFirst()
    assert ranked(least, {"a": 1, "b": 1, "c": 1}) == "abc"
    assert ranked(least, {"b": 1, "c": 1}) == "bc"
    assert ranked(least, {"a": 1, "b": 1, "c": 1}) == "cab"
    assert ranked(least, {"d": 1, "b": 1, "a": 1}) == "dab"


def test_emptyHostDoesNotGetEverybody() -> None:
    least = LeastFirst()
    loads = {name: 100.0 for name in "abcdefgh"} | {"e": 0.0}
    found = Counter(ranked(least, loads)[0] for _ in range(80))
    assert found["e"] == 20
    assert max(found[name] for name in "abcdfgh") <= 20


def test_hostThatIsNotFirstOutOfTurnIsTheNext() -> None:
    least = LeastFirst()
    loads = {"a": 5.0, "b": 0.0, "c": 7.0, "d": 6.0}
    assert [ranked(least, loads) for _ in range(3)] == ["badc", "abdc", "badc"]
