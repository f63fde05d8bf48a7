"""
Tests of L{bastion.admin.figures}.
"""

from __future__ import annotations

import pytest

from bastion.admin.figures import duration, latency, number, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-3, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (61, "1m1s"),
        (3600, "1h"),
        (3605, "1h"),
        (11_520, "3h12m"),
        (86_400 * 365 + 3_600 * 2 + 59, "365d2h"),
    ],
)
def test_durationHasItsTwoLargestUnits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10_240, "10 KiB"),
        (1_023_999, "1.0 MiB"),
        (5 << 40, "5.0 TiB"),
        (3 << 60, "3072 PiB"),
    ],
)
def test_sizeHasAUnitAndThreeDigits(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "-"),
        (0.04, "0.0 ms"),
        (9.94, "9.9 ms"),
        (9.95, "10 ms"),
        (35.2, "35 ms"),
        (9999, "9999 ms"),
        (12_345, "12 s"),
    ],
)
def test_latencyIsInMilliseconds(milliseconds: float | None, text: str) -> None:
    assert latency(milliseconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(4, "4"), (4.0, "4"), (10.0, "10"), (0.4, "0.4"), (0.126, "0.13"), (0, "0")]
)
def test_numberHasAsFewDigitsAsWillDo(value: float, text: str) -> None:
    assert number(value) == text
