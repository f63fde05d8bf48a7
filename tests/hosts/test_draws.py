"""
Tests of L{bastion.hosts.draws}.
"""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from bastion.hosts.draws import FEW, arriving, drawn, inFront
from bastion.interfaces import Candidate, HostAddress

CANDIDATES = [Candidate(HostAddress(f"nice{number}.example.org"), 0) for number in range(20)]


def first(places: list[int], count: int) -> tuple[int, ...]:
    """
    The first places, without those that are there again.
    """
    return tuple(dict.fromkeys(places))[:count]


# Draws


def test_chanceIsInProportion() -> None:
    chance = random.Random(1)
    counts = Counter(drawn([1.0, 2.0, 0.5, 6.5], chance)[0] for _ in range(20_000))
    expected = {0: 2000, 1: 4000, 2: 1000, 3: 13_000}
    assert all(abs(counts[place] - count) < 150 for place, count in expected.items()), counts


def test_secondIsInProportionToWhatIsLeft() -> None:
    chance = random.Random(1)
    pairs = Counter(first(drawn([2.0, 3.0, 5.0], chance), 2) for _ in range(20_000))
    for place, other, share in [(2, 1, 0.5 * 3 / 5), (2, 0, 0.5 * 2 / 5), (0, 2, 0.2 * 5 / 8)]:
        assert abs(pairs[place, other] - 20_000 * share) < 250


def test_drawsAreFew() -> None:
    assert len(drawn([1.0] * 1000, random.Random(1))) == FEW
    assert drawn([], random.Random(1)) == []


class Highest(random.Random):
    """
    Chance at its greatest: nearly all that there is.
    """

    def random(self) -> float:
        """
        The largest number that it can be.
        """
        return math.nextafter(1.0, 0.0)


@pytest.mark.parametrize("strength", [0.1, 1 / 3, 1.0, 1e-300, 1e300])
@pytest.mark.parametrize("count", [1, 2, 7, 400])
def test_greatestChanceIsTheLastOnes(strength: float, count: int) -> None:
    assert set(drawn([strength] * count, Highest())) == {count - 1}


# Arrivals


def inFull(numbers: list[float], weights: list[float]) -> list[int]:
    """
    All places, by the formula.
    """
    times = [-math.log(2 - n) / w for n, w in zip(numbers, weights, strict=True)]
    return sorted(range(len(times)), key=times.__getitem__)


@pytest.mark.parametrize("count", [1, 2, 5, 16, 400])
@pytest.mark.parametrize("weights", [[1.0], [1.0, 4.0, 0.1], [1e-6, 1e6]], ids=str)
def test_firstOfAFewAreTheFirstOfAll(count: int, weights: list[float]) -> None:
    chance = random.Random(count)
    those = [weights[place % len(weights)] for place in range(count)]
    for _ in range(200):
        numbers = [1 + chance.random() for _ in range(count)]
        early = arriving(numbers, those)
        assert early[0] == inFull(numbers, those)[0]
        assert len(set(early)) == len(early) <= count


def test_oftenMostOfTheFewAreInOrder() -> None:
    chance = random.Random(1)
    right = 0
    for _ in range(200):
        numbers = [1 + chance.random() for _ in range(400)]
        right += arriving(numbers, [1.0] * 400)[:3] == inFull(numbers, [1.0] * 400)[:3]
    assert right > 190


def test_someoneComesHoweverLateAllAre() -> None:
    late = [math.nextafter(2.0, 0.0)] * 3
    assert arriving(late, [1.0, 3.0, 2.0])[0] == 1
    assert arriving([1.99] * 30 + [1.9], [1.0] * 31)[0] == 30
    assert arriving([1.0, 1.0], [1.0, 1.0]) == [0, 1]


def test_whoSeemsToBeEarlyMayBeLate() -> None:
    """
    Without its logarithm, the first one is before the time until which one looks, and
    the second is behind it; but the logarithm makes more of the first one's.
    """
    numbers, weights = [1.45, 1.051] + [1.99] * 15, [1.0, 0.1, *[14.9 / 15] * 15]
    assert arriving(numbers, weights)[0] == inFull(numbers, weights)[0] == 1


# The order


def test_othersFollowInTheirOrder() -> None:
    ranked = inFront(CANDIDATES[:6], [3, 0, 3])
    assert ranked == [CANDIDATES[place] for place in (3, 0, 5, 1, 2, 4)]


@pytest.mark.parametrize("count", range(1, 10))
def test_nobodyIsLostAndNobodyIsThereTwice(count: int) -> None:
    for place in range(count):
        ranked = inFront(CANDIDATES[:count], [place, 0, count - 1])
        assert ranked[0] == CANDIDATES[place]
        assert sorted(ranked, key=CANDIDATES.index) == CANDIDATES[:count]


def test_nextAfterTheFewIsNotTheSameForEverybody() -> None:
    counts = Counter(inFront(CANDIDATES, [place])[1].address for place in range(20))
    assert max(counts.values()) <= 2


def test_nothingOutOfNothing() -> None:
    assert inFront([], []) == []
