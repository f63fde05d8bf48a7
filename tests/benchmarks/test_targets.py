"""
Tests of L{benchmarks.targets}.
"""

from __future__ import annotations

import pytest

from benchmarks.measures import BY_KEY
from benchmarks.targets import TARGETS, Limit, Reached, Target, distance, verdicts


def reached(**peers: dict[str, float]) -> list[Reached]:
    """
    What the bastion has reached, target by target.
    """
    return [each.reached for each in verdicts(peers)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3.5, Reached.AIM), (3.6, Reached.MUST), (6, Reached.MUST), (6.1, Reached.NOT)],
)
def test_absoluteLimits(value: float, expected: Reached) -> None:
    assert reached(bastion={"login.cpu": value}) == [expected]


@pytest.mark.parametrize(
    ("value", "expected"), [(28, Reached.AIM), (50, Reached.MUST), (51, Reached.NOT)]
)
def test_multiplesOfAPeer(value: float, expected: Reached) -> None:
    found = reached(direct={"login.wall": 100}, bastion={"login.wall": value})
    assert found == [expected]


@pytest.mark.parametrize(
    ("value", "expected"), [(60, Reached.AIM), (59, Reached.MUST), (47, Reached.NOT)]
)
def test_moreIsBetterForSome(value: float, expected: Reached) -> None:
    found = reached(direct={"logins.32": 60}, bastion={"logins.32": value})
    assert found == [expected]


@pytest.mark.parametrize(
    ("value", "expected"), [(0.7, Reached.AIM), (1.0, Reached.MUST), (1.1, Reached.NOT)]
)
def test_mustAndAimMayBeAboutTwoPeers(value: float, expected: Reached) -> None:
    peers = {"forcecommand": {"get.cpu": 2.6}, "haproxy": {"get.cpu": 0.75}}
    assert reached(**peers, bastion={"get.cpu": value}) == [expected]


def test_aimDoesNotMakeUpForTheMust() -> None:
    peers = {"forcecommand": {"get.rate": 300}, "haproxy": {"get.rate": 100}}
    assert reached(**peers, bastion={"get.rate": 200}) == [Reached.NOT]


@pytest.mark.parametrize(
    ("peers", "value", "expected"),
    [
        ({"forcecommand": {"get.cpu": 2.6}}, 0.7, Reached.MUST),
        ({"forcecommand": {"get.cpu": 2.6}}, 2.0, Reached.NOT),
        ({"haproxy": {"get.cpu": 0.75}}, 0.7, Reached.AIM),
        ({"haproxy": {"get.cpu": 0.75}}, 1.0, Reached.UNKNOWN),
        ({}, 0.7, Reached.UNKNOWN),
    ],
)
def test_missingPeerMakesItsLimitUnknown(
    peers: dict[str, dict[str, float]], value: float, expected: Reached
) -> None:
    assert reached(**peers, bastion={"get.cpu": value}) == [expected]


def test_onlyWhatWasMeasuredOfTheBastionIsJudged() -> None:
    assert verdicts({"direct": {"login.wall": 100}}) == []


def test_ratioIsToThePeer() -> None:
    found = distance(1.5, Limit(2, "direct"), False, 2.0)
    assert (found.ratio, found.compared, found.met) == (0.75, 2.0, True)


def test_everyTargetIsAboutAMeasure() -> None:
    assert {target.measure for target in TARGETS} <= set(BY_KEY)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.measure)
def test_aimAsksForNoLessThanTheMust(target: Target) -> None:
    if target.must.peer == target.aim.peer:
        least, most = sorted([target.must.value, target.aim.value])
        assert target.aim.value == (most if target.atLeast else least)
