"""
Tests of L{benchmarks.measures}.
"""

from __future__ import annotations

import pytest

from benchmarks.measures import BY_KEY, MEASURES, medians, percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1, 100)]
)
def test_percentileIsTheNearestRank(share: float, expected: int) -> None:
    assert percentile([*range(100, 0, -1)], share) == expected


def test_percentileOfOneValueIsThatValue() -> None:
    assert percentile([7], 0.99) == 7


def test_percentileOfNothingIsAnError() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_oneDisturbedRoundDoesNotCount() -> None:
    assert medians({"bastion": {"login.wall": [30.0, 900.0, 31.0]}}) == {
        "bastion": {"login.wall": 31.0}
    }


def test_measureWithoutSamplesIsLeftOut() -> None:
    assert medians({"bastion": {"login.wall": []}}) == {"bastion": {}}


def test_longestStallCounts() -> None:
    assert medians({"bastion": {"stall": [10.0, 80.0, 11.0]}}) == {"bastion": {"stall": 80.0}}


def test_addedEchoIsCountedFromTheDirectOne() -> None:
    found = medians({"direct": {"echo.median": [0.25]}, "bastion": {"echo.median": [0.375]}})
    assert found["bastion"]["echo.added"] == 0.125
    assert "echo.added" not in found["direct"]


def test_nothingIsAddedToAnUnknownEcho() -> None:
    assert "echo.added" not in medians({"bastion": {"echo.median": [0.375]}})["bastion"]


def test_everyMeasureHasItsOwnKey() -> None:
    assert len(BY_KEY) == len(MEASURES)
