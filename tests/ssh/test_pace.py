"""
L{bastion.ssh.pace}: small turns while somebody types, large ones for bulk otherwise.
"""

from __future__ import annotations

import pytest

from bastion.ssh.pace import READ, READ_BULK, Pace, Process


@pytest.fixture
def process() -> Process:
    """
    What two connections share.
    """
    return Process()


@pytest.fixture
def mover(process: Process) -> Pace:
    """
    A connection that moves bulk data.
    """
    return Pace(process)


@pytest.fixture
def typist(process: Process) -> Pace:
    """
    Another one.
    """
    return Pace(process)


def test_bulkIsReadInLargeTurns(mover: Pace) -> None:
    assert mover.most(100.0) == READ_BULK


def test_bulkIsReadInSmallTurnsWhileSomebodyTypes(mover: Pace, typist: Pace) -> None:
    typist.read(36, 100.0)
    assert mover.most(100.5) == READ
    typist.read(36, 101.0)
    assert mover.most(101.9) == READ


def test_bulkIsReadInLargeTurnsAgainAfterASecond(mover: Pace, typist: Pace) -> None:
    typist.read(36, 100.0)
    assert mover.most(101.1) == READ_BULK


def test_othersBulkIsNotTyping(mover: Pace, typist: Pace) -> None:
    typist.read(READ_BULK, 100.0)
    assert mover.most(100.0) == READ_BULK


@pytest.mark.parametrize("size", [16 * 1024, READ_BULK])
def test_windowsOfBulkThatIsReadAreNotTyping(mover: Pace, size: int) -> None:
    mover.read(size, 100.0)
    mover.read(36, 100.5)
    assert mover.most(100.5) == READ_BULK


@pytest.mark.parametrize("size", [16 * 1024, READ_BULK])
def test_windowsOfBulkThatIsSentAreNotTyping(mover: Pace, size: int) -> None:
    mover.sent(size, 100.0)
    mover.read(36, 100.5)
    assert mover.most(100.5) == READ_BULK


def test_whoMovesNoBulkAnyMoreTypes(mover: Pace, typist: Pace) -> None:
    typist.read(READ_BULK, 100.0)
    typist.read(36, 101.5)
    assert mover.most(101.5) == READ


def test_smallAnswersAreNoBulk(mover: Pace, typist: Pace) -> None:
    typist.sent(36, 100.0)
    typist.read(36, 100.1)
    assert mover.most(100.1) == READ
