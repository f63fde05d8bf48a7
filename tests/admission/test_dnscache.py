"""
Tests of L{bastion.admission.dnscache}: time is a number.
"""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, integers, lists, sampled_from, tuples

from bastion.admission.dnscache import TIMES, VERDICT_BYTES, Times, VerdictCache
from bastion.admission.dnsverdict import Missing, Registered, Unknown, Unregistered, Verdict

IN = Registered("pc7.example.org")
OUT = Unregistered(Missing.NAME)
SILENT = Unknown("there was no answer within 3 s")

# Time


@pytest.mark.parametrize(
    ("verdict", "ttl", "seconds"),
    [
        (IN, 0, 5),
        (IN, 4, 5),
        (IN, 300, 300),
        (IN, 3600, 3600),
        (IN, 2**31 - 1, 3600),
        (OUT, 0, 5),
        (OUT, 30, 30),
        (OUT, 86400, 300),
        (SILENT, 0, 2),
        (SILENT, 3600, 2),
    ],
)
def test_verdictIsKeptForItsTime(verdict: Verdict, ttl: float, seconds: float) -> None:
    cache = VerdictCache()
    cache.keep("a", verdict, ttl, 1000.0)
    assert cache.get("a", 1000.0 + seconds - 0.001) == verdict
    assert cache.get("a", 1000.0 + seconds) is None


def test_everyKindOfVerdictHasItsTimes() -> None:
    assert set(TIMES) == {Registered, Unregistered, Unknown}
    assert Times(2.0, 3.0).of(2.5) == 2.5


def test_newVerdictTakesThePlaceOfTheOld() -> None:
    cache = VerdictCache()
    for verdict in (OUT, IN, SILENT, OUT):
        cache.keep("a", verdict, 60, 0.0)
        assert cache.get("a", 1.0) == verdict
        assert len(cache) == 1
    assert cache.get("b", 1.0) is None


# Room


def test_thereAreNoMoreThanTheLimit() -> None:
    cache = VerdictCache(limit=2)
    for key in "abc":
        cache.keep(key, IN, 60, 0.0)
    assert [cache.get(key, 1.0) for key in "abc"] == [None, IN, IN]


def test_thereAreNoMoreBytesThanTheLimit() -> None:
    long = Registered("x" * 253)
    cache = VerdictCache(maxBytes=2 * (VERDICT_BYTES + 253))
    for key in "abc":
        cache.keep(key, long, 60, 0.0)
    assert (len(cache), cache.size) == (2, 2 * (VERDICT_BYTES + 253))
    cache.keep("d", IN, 60, 0.0)
    assert (len(cache), cache.get("b", 1.0), cache.get("c", 1.0)) == (2, None, long)


def test_whoWasAskedForLatelyStays() -> None:
    cache = VerdictCache(limit=2)
    cache.keep("a", IN, 60, 0.0)
    cache.keep("b", IN, 60, 0.0)
    assert cache.get("a", 1.0) == IN
    cache.keep("c", IN, 60, 1.0)
    assert [cache.get(key, 1.0) for key in "abc"] == [IN, None, IN]


@pytest.mark.parametrize("verdict", [OUT, SILENT])
def test_strangersDoNotDriveOutThoseWhoMayComeIn(verdict: Verdict) -> None:
    cache = VerdictCache(limit=10)
    for key in range(5):
        cache.keep(key, IN, 3600, 0.0)
    for key in range(100, 1100):
        cache.keep(key, verdict, 300, 1.0)
    assert [cache.get(key, 2.0) for key in range(5)] == [IN] * 5
    assert len(cache) == 10


def test_whoseTimeIsOverMakesRoomFirst() -> None:
    cache = VerdictCache(limit=2)
    cache.keep("a", IN, 5, 0.0)
    cache.keep("b", OUT, 60, 0.0)
    cache.keep("c", OUT, 60, 10.0)
    assert [cache.get(key, 10.0) for key in "abc"] == [None, OUT, OUT]


@given(
    lists(
        tuples(integers(0, 9), sampled_from([IN, OUT, SILENT]), integers(0, 400), booleans()),
        max_size=60,
    )
)
def test_sizeIsTheSumOfWhatIsKept(steps: list[tuple[int, Verdict, int, bool]]) -> None:
    cache = VerdictCache(limit=5)
    now = 0.0
    for key, verdict, ttl, look in steps:
        now += ttl / 10
        if look:
            cache.get(key, now)
        else:
            cache.keep(key, verdict, ttl, now)
            newest = cache.get(key, now)
            assert newest == verdict or (newest is None and verdict is not IN)
        assert len(cache) <= 5
        named = sum(each == IN for each in map(lambda key: cache.get(key, 0.0), range(10)))
        assert cache.size == len(cache) * VERDICT_BYTES + named * len(IN.name)


def test_verdictTakesNoMoreMemoryThanIsCounted() -> None:
    cache = VerdictCache()
    suffixes = ("example.org",)
    tracemalloc.start()
    try:
        for number in range(3000):
            name = f"pc{number}.example.org"
            verdict = Registered(name) if number % 2 else Unregistered(Missing.SAME_ADDRESS, name)
            cache.keep((number.to_bytes(16, "big"), suffixes), verdict, 60, float(number))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cache) == 3000
    assert taken <= cache.size
