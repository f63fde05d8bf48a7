"""
L{bastion.ssh.remembered}: what is read once, and that it does not grow.
"""

from __future__ import annotations

import pytest

from bastion.ssh.remembered import LONGEST, REMEMBERED, remembering
from bastion.wire import Malformed


class Readings:
    """
    @ivar read: what was read, in order.
    """

    def __init__(self) -> None:
        self.read: list[bytes] = []

    def __call__(self, said: bytes) -> bytes:
        """
        Read it, and note that.
        """
        self.read.append(said)
        if said == b"damaged":
            raise Malformed("damaged")
        return said.upper()


def test_whatIsSaidAgainIsNotReadAgain() -> None:
    readings = Readings()
    reads = remembering(readings)
    assert [reads(said) for said in (b"one", b"two", b"one", b"two")] == [b"ONE", b"TWO"] * 2
    assert readings.read == [b"one", b"two"]


def test_notEverythingIsRemembered() -> None:
    """
    Or a stranger who says another thing each time could fill the memory.
    """
    readings = Readings()
    reads = remembering(readings)
    for number in range(REMEMBERED + 1):
        reads(b"%d" % number)
    reads(b"0")
    assert readings.read.count(b"0") == 2
    assert REMEMBERED * LONGEST <= 100_000


def test_whatIsLongIsReadEachTime() -> None:
    """
    Or a few strangers could fill the memory.
    """
    readings = Readings()
    reads = remembering(readings)
    for size in (LONGEST, LONGEST + 1) * 2:
        assert reads(b"a" * size) == b"A" * size
    assert list(map(len, readings.read)) == [LONGEST, LONGEST + 1, LONGEST + 1]


def test_whatIsDamagedIsRefusedEachTime() -> None:
    readings = Readings()
    reads = remembering(readings)
    for _ in range(2):
        with pytest.raises(Malformed):
            reads(b"damaged")
    assert readings.read == [b"damaged"] * 2
