"""
Tests of L{benchmarks.ticker}.
"""

from __future__ import annotations

import pytest

from benchmarks import ticker
from benchmarks.ticker import TICK, Away, Ticker, longest

WRITTEN = "10.5000 0.0200 0.0190\n11.0000 0.0900 0.0040\n12.0000 0.0300 0.0100\n"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (10, 13, Away(0.09, 0.004)),
        (11.5, 13, Away(0.03, 0.01)),
        (10, 10.7, Away(0.02, 0.019)),
        (13, 14, Away(TICK, 0)),
        (11, 11, Away(0.09, 0.004)),
    ],
)
def test_longestGapOfASpanAndTheWorkInIt(start: float, end: float, expected: Away) -> None:
    assert longest(WRITTEN, start, end) == expected


def test_everyTickPunctual() -> None:
    assert longest("", 0, 100) == Away(TICK, 0)


def test_lateTicksAreNoted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 1.01, 1.06, 1.07])
    worked = iter([5.0, 5.005, 5.012, 5.013])
    monkeypatch.setattr(ticker.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(ticker.time, "thread_time", lambda: next(worked))
    watch = Ticker()
    for _ in range(3):
        watch.tick()
    assert list(watch.lines()) == ["1.0600 0.0500 0.0070\n"]
