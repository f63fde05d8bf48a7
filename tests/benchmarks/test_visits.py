"""
Tests of L{benchmarks.visits}.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.visits import ACCOUNTS, DAY, EVERY, LONGEST, Crowd, Visit


@pytest.fixture(scope="module")
def visits() -> list[Visit]:
    """
    Those of a month or so, at 16 hosts.
    """
    return list(Crowd(16, seed=1).visits(200_000))


def test_sameSeedIsTheSameCrowd(visits: list[Visit]) -> None:
    assert list(Crowd(16, seed=1).visits(100))[:100] == visits[:100]
    assert list(Crowd(16, seed=2).visits(100))[:100] != visits[:100]


def test_theyComeInTheOrderOfTimeAndAsOftenAsSaid(visits: list[Visit]) -> None:
    times = [each.when for each in visits]
    assert times == sorted(times)
    # Second connections come on top.
    assert EVERY / 16 / 1.3 < times[-1] / len(times) < EVERY / 16 / 1.1


def test_moreComeByDayThanByNight(visits: list[Visit]) -> None:
    hours = Counter(int(each.when % DAY // 3600) for each in visits)
    afternoon, night = (sum(hours[h] for h in them) for them in (range(13, 17), range(1, 5)))
    assert afternoon > 5 * night


def test_fewStayLongAndSpendMostOfTheTime(visits: list[Visit]) -> None:
    lengths = sorted((each.seconds for each in visits), reverse=True)
    assert lengths[len(lengths) // 2] < 300
    assert sum(lengths[: len(lengths) // 20]) > sum(lengths) / 2
    assert lengths[0] == LONGEST


def test_fewAccountsAreUsedMost(visits: list[Visit]) -> None:
    counts = Counter(each.account for each in visits)
    assert len(counts) == 16 * ACCOUNTS
    most = sum(count for _, count in counts.most_common(40))
    assert 0.25 < most / len(visits) < 0.5


def test_someOpenASecondConnectionAtOnce(visits: list[Visit]) -> None:
    pairs = pairwise(visits)
    second = sum(one[:2] == other[:2] for one, other in pairs)
    assert 0.1 < second / len(visits) < 0.25
