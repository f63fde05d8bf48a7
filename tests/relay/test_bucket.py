"""
L{bastion.relay.bucket}: tokens come at their rate, and no more are kept than a burst.
"""

from __future__ import annotations

import pytest

from bastion.relay.bucket import Bucket

NOW = 1_795_600_000.0


def bucket(level: float = 0) -> Bucket:
    """
    A bucket of 100 tokens, of which 10 come in a second.
    """
    return Bucket(10, 100, level, NOW)


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, 20), (0.5, 25), (1, 30), (8, 100), (9, 100), (1e9, 100)]
)
def test_tokensComeUpToABurst(seconds: float, level: float) -> None:
    assert bucket(20).level(NOW + seconds) == level


def test_lookingOftenMakesNoMore() -> None:
    often = bucket()
    for tenth in range(50):
        often.level(NOW + tenth / 10)
    assert often.level(NOW + 5) == pytest.approx(50)


def test_whatIsTakenIsMissing() -> None:
    full = bucket(100)
    full.take(70, NOW + 1)
    assert full.level(NOW + 1) == 30
    assert full.level(NOW + 2) == 40


def test_overdrawnBucketPaysFirst() -> None:
    empty = bucket()
    empty.take(30, NOW)
    assert empty.level(NOW) == -30
    assert empty.level(NOW + 4) == 10


def test_whatIsGivenBackFillsNoMoreThanTheBucket() -> None:
    some = bucket(20)
    some.restore(30, NOW + 1)
    assert some.level(NOW + 1) == 60
    some.restore(1000, NOW + 1)
    assert some.level(NOW + 1) == 100


@pytest.mark.parametrize(
    ("level", "size", "seconds"),
    [(50, 50, 0), (50, 20, 0), (50, 51, 0.1), (0, 100, 10), (-50, 50, 10), (0, 5000, 10)],
)
def test_whenThereIsEnough(level: float, size: int, seconds: float) -> None:
    waiting = bucket(level)
    assert waiting.when(size, NOW) - NOW == pytest.approx(seconds, abs=1e-6)
    assert waiting.level(NOW + seconds + 1e-6) >= min(size, 100)


def test_clockThatIsSetBackStopsNothing() -> None:
    some = bucket(20)
    assert some.level(NOW - 3600) == 20
    assert some.level(NOW - 3599) == 30
