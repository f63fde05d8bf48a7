"""
Tests of L{benchmarks.rounds}: what it makes of the watch on a reactor.
"""

from __future__ import annotations

import pytest

from benchmarks.results import LeftOut, Results
from benchmarks.rounds import Span, noteStalls

WRITTEN = "10.5000 0.0300 0.0190\n11.0000 0.0900 0.0040\n12.0000 0.0200 0.0180\n"
LOGIN = Span("bastion", "login", 10.9, 11.5)
LATER = Span("bastion", "login", 11.5, 13)
ECHO = Span("bastion", "echo", 11.5, 13)
QUIET = Span("bastion", "echo", 20, 21)
ANOTHERS = Span("haproxy", "login", 10, 13)


@pytest.mark.parametrize(
    ("spans", "stall", "each"),
    [
        ([LOGIN, ECHO], 90, "login 90 (4), echo 20 (18)"),
        ([ECHO, LOGIN], 90, "echo 20 (18), login 90 (4)"),
        ([LOGIN, LATER], 90, "login 90 (4)"),
        ([LATER, LOGIN], 90, "login 90 (4)"),
        ([ANOTHERS, ECHO, ANOTHERS], 20, "echo 20 (18)"),
        ([QUIET], 10, "echo 10 (0)"),
    ],
)
def test_longestStallOfEachFigureAndOfAll(spans: list[Span], stall: float, each: str) -> None:
    results = Results({})
    noteStalls(results, "bastion", WRITTEN, spans)
    assert results.samples == {"bastion": {"stall": [pytest.approx(stall)]}}
    assert results.about == {"longest reactor stall (its own work in it), ms": each}


@pytest.mark.parametrize("spans", [[], [ANOTHERS]])
def test_nothingWasMeasured(spans: list[Span]) -> None:
    results = Results({})
    noteStalls(results, "bastion", WRITTEN, spans)
    assert results == Results({})


def test_nothingWasWritten() -> None:
    results = Results({})
    noteStalls(results, "bastion", None, [LOGIN])
    assert results == Results({}, leftOut=[LeftOut("stall", "the bastion did not end by itself")])
