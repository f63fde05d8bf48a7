"""
L{bastion.ssh.stream}: how much is read in a turn.  What is small comes in small turns,
because all other connections wait meanwhile; what is bulk comes in large ones, because
each turn costs system calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sockets import connected
from twisted.internet.task import Clock

from bastion.ssh.packets import MAX_PACKET
from bastion.ssh.stream import _READ, _READ_BULK, DirectStream


class Taker:
    """
    A stream over such a socket, and who takes what comes.

    @ivar given: the sizes of what was given, each time.
    @ivar bulk: whether that was bulk.
    @ivar takes: how much of it is taken.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.socket = connection.socket
        self.given: list[int] = []
        self.taken = b""
        self.bulk = False
        self.takes: Callable[[bytes], int] = len
        self.stream = DirectStream(connection, self._take, Clock().seconds)

    def _take(self, view: memoryview) -> int:
        self.given.append(len(view))
        self.stream.bulk = self.bulk
        taken = self.takes(bytes(view))
        self.taken += view[:taken]
        return taken

    def turn(self) -> Any:
        """
        The reactor asks for a read.

        @return: what it is answered.
        """
        self.socket.asked.clear()
        self.given.clear()
        return self.connection.doRead()


DATA = bytes(range(251)) * (4 * _READ_BULK // 251)


@pytest.fixture
def taker() -> Iterator[Taker]:
    """
    Over a connection of Twisted's to which much has been sent.
    """
    with connected() as connection:
        connection.socket.waiting = DATA
        yield Taker(connection)


def test_sizesAreWhatTheyAreSaidToBe() -> None:
    assert _READ <= 64 * 1024 < _READ_BULK <= 256 * 1024


def test_firstReadIsSmall(taker: Taker) -> None:
    taker.bulk = True
    taker.turn()
    assert taker.socket.asked == taker.given == [_READ]


def test_whatIsNotBulkIsReadInSmallTurns(taker: Taker) -> None:
    for _ in range(3):
        assert taker.turn() is None
        assert taker.socket.asked == taker.given == [_READ]
    assert taker.taken == DATA[: 3 * _READ]


def test_behindBulkIsReadMore(taker: Taker) -> None:
    taker.bulk = True
    for asked in (_READ, _READ_BULK, _READ_BULK):
        taker.turn()
        assert taker.socket.asked == taker.given == [asked]
    assert taker.taken == DATA[: _READ + 2 * _READ_BULK]


def test_behindWhatIsBulkNoMoreIsReadLess(taker: Taker) -> None:
    taker.bulk = True
    taker.turn()
    taker.bulk = False
    taker.turn()
    taker.turn()
    assert taker.socket.asked == [_READ]


@pytest.mark.parametrize("bulk", [False, True])
def test_whatIsNotTakenIsGivenAgainWhateverTheSize(taker: Taker, bulk: bool) -> None:
    """
    Packets that the reads do not end with.
    """
    taker.bulk = bulk
    taker.takes = lambda data: len(data) - len(data) % 4099
    while taker.socket.waiting:
        taker.turn()
    assert taker.taken == DATA[: len(taker.taken)]
    assert len(DATA) - len(taker.taken) < 4099


def test_longestPacketIsReadInFewTurns(taker: Taker) -> None:
    """
    Nothing of it can be taken before it is there.
    """

    def waiting(data: bytes) -> int:
        taker.stream.wanted = MAX_PACKET
        return 0

    taker.bulk, taker.takes = True, waiting
    taker.turn()
    assert taker.given == [_READ]
    taker.turn()
    assert taker.given == [_READ + _READ_BULK]
