"""
Tests of L{bastion.state}: the values of the stores.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.interfaces import HostAddress
from bastion.state import LATEST, AdminState, Granted, StickyKey


@pytest.mark.parametrize("state", ["drain", "disabled", "quarantined"])
def test_statesThatAreKeptAreThree(state: str) -> None:
    assert AdminState(state, 0.0).state == state


@pytest.mark.parametrize("state", ["up", "down", "suspect", "Drain", "", None, [], {}])
def test_otherStatesAreNot(state: Any) -> None:
    with pytest.raises(ValueError):
        AdminState(state, 0.0)


@pytest.mark.parametrize("since", [-1.0, LATEST + 1, float("nan"), float("inf")])
def test_stateHasATime(since: float) -> None:
    with pytest.raises(ValueError, match="not a time in seconds since 1970"):
        AdminState("drain", since)


def test_keyThatWasOfferedIsNotShown() -> None:
    assert "secret" not in repr(AdminState("quarantined", 0.0, "another key", b"secret"))


def test_whoMovesAwayFromNoHostLeavesNone() -> None:
    assert Granted("1", HostAddress("nice1.example.org")).left is None


def test_keysOfTheSameAccountAreEqual() -> None:
    keys = {StickyKey("nice", b"johnson", b"johnson\0192.0.2.7", 60.0) for _ in range(2)}
    assert len(keys) == 1
