"""
Tests of L{benchmarks.results}.
"""

from __future__ import annotations

import pytest

from benchmarks.results import LeftOut, NotResults, Results, fromJSON


@pytest.fixture
def results() -> Results:
    """
    Two rounds.
    """
    made = Results({"kernel": "6.1"}, {"bastion": "the bastion; aes128-gcm@openssh.com"})
    made.add("bastion", {"login.wall": 30.5, "login.cpu": 3.25})
    made.add("bastion", {"login.wall": 31.0})
    made.omit("haproxy", "haproxy is not installed")
    made.disturbance.append(0.25)
    return made


def test_roundsAreCollectedByPeerAndMeasure(results: Results) -> None:
    assert results.samples == {"bastion": {"login.wall": [30.5, 31.0], "login.cpu": [3.25]}}


def test_jsonIsReadBackAsItWas(results: Results) -> None:
    assert fromJSON(results.toJSON()) == results


def test_sameIsLeftOutOnce(results: Results) -> None:
    results.omit("haproxy", "haproxy is not installed")
    results.omit("haproxy", "something else")
    assert results.leftOut == [
        LeftOut("haproxy", "haproxy is not installed"),
        LeftOut("haproxy", "something else"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 0, "about": {}, "leftOut": []}',
        '{"format": 1, "about": {}}',
        '{"format": 1, "about": {}, "leftOut": [{"name": "haproxy"}]}',
        '{"format": 1, "about": {}, "leftOut": [], "more": 1}',
    ],
)
def test_somethingElseIsRefused(text: str) -> None:
    with pytest.raises(NotResults):
        fromJSON(text)
