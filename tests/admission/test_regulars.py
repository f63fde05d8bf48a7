"""
L{bastion.admission.regulars}: which sources several people share.
"""

from __future__ import annotations

import pytest

from bastion.admission.regulars import LATELY, Regulars

CAMPUS = "192.0.2.7"


@pytest.mark.parametrize(
    ("logins", "now", "isShared"),
    [
        ([], 0, False),
        ([(0, b"a")], 0, False),
        ([(0, b"a"), (1, b"a"), (2, b"a")], 2, False),
        ([(0, b"a"), (1, b"b")], 1, True),
        ([(0, b"a"), (1, b"b"), (2, b"b"), (3, b"b")], LATELY - 1, True),
        ([(0, b"a"), (1, b"b"), (2, b"b"), (3, b"b")], LATELY, False),
        ([(0, b"a"), (1, b"b"), (2, b"a")], LATELY, True),
        ([(0, b"a"), (1, b"b"), (2, b"a")], LATELY + 1, False),
        ([(0, b"a"), (1, b"b"), (2, b"c")], LATELY, True),
        ([(0, b"a"), (LATELY, b"b")], LATELY, False),
        ([(0, b"a"), (LATELY - 1, b"b")], LATELY - 1, True),
    ],
)
def test_sourceIsSharedWhenTwoAccountsHaveLoggedInWithinADay(
    logins: list[tuple[float, bytes]], now: float, isShared: bool
) -> None:
    regulars = Regulars(10)
    for at, account in logins:
        regulars.loggedIn(CAMPUS, account, at)
    assert regulars.isShared(CAMPUS, now) is isShared


def test_everySourceIsOnItsOwn() -> None:
    regulars = Regulars(10)
    regulars.loggedIn(CAMPUS, b"a", 0)
    regulars.loggedIn("192.0.2.8", b"b", 0)
    assert not regulars.isShared(CAMPUS, 0)
    assert not regulars.isShared("192.0.2.8", 0)


def test_latestSourcesAreRemembered() -> None:
    regulars = Regulars(10)
    for number in range(30):
        regulars.loggedIn(f"192.0.2.{number}", b"a", number)
        regulars.loggedIn(f"192.0.2.{number}", b"b", number)
    assert len(regulars) == 10
    shared = [regulars.isShared(f"192.0.2.{number}", 30) for number in range(30)]
    assert shared == [False] * 20 + [True] * 10
