"""
Tests of L{benchmarks.ticker}.
"""

from __future__ import annotations

import pytest

from benchmarks import ticker
from benchmarks.ticker import TICK, Ticker, longest

WRITTEN = "10.5000 0.0200\n11.0000 0.0900\n12.0000 0.0300\n"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(10, 13, 0.09), (11.5, 13, 0.03), (10, 10.7, 0.02), (13, 14, TICK), (11, 11, 0.09)],
)
def test_longestGapOfASpan(start: float, end: float, expected: float) -> None:
    assert longest(WRITTEN, start, end) == expected


def test_everyTickPunctual() -> None:
    assert longest("", 0, 100) == TICK


def test_lateTicksAreNoted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 1.01, 1.06, 1.07])
    monkeypatch.setattr(ticker.time, "monotonic", lambda: next(now))
    watch = Ticker()
    for _ in range(3):
        watch.tick()
    assert list(watch.lines()) == ["1.0600 0.0500\n"]
