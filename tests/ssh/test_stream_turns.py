"""
L{bastion.ssh.stream}: how much is read in a turn.  What is small comes in small turns,
because all other connections wait meanwhile; what is bulk comes in large ones, because
each turn costs system calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from sockets import connected
from twisted.internet.task import Clock

from bastion.ssh.pace import READ, READ_BULK
from bastion.ssh.packets import MAX_PACKET
from bastion.ssh.stream import DirectStream


class Taker:
    """
    A stream over such a socket, and who takes what comes.

    @ivar clock: its time.
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
        self.clock = Clock()
        self.stream = DirectStream(connection, self._take, self.clock.seconds)

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


DATA = bytes(range(251)) * (4 * READ_BULK // 251)


@pytest.fixture
def taker() -> Iterator[Taker]:
    """
    Over a connection of Twisted's to which much has been sent.
    """
    with connected() as connection:
        connection.socket.waiting = DATA
        yield Taker(connection)


def test_sizesAreWhatTheyAreSaidToBe() -> None:
    assert READ <= 64 * 1024 < READ_BULK <= 256 * 1024


def test_firstReadIsSmall(taker: Taker) -> None:
    taker.bulk = True
    taker.turn()
    assert taker.socket.asked == taker.given == [READ]


def test_whatIsNotBulkIsReadInSmallTurns(taker: Taker) -> None:
    for _ in range(3):
        assert taker.turn() is None
        assert taker.socket.asked == taker.given == [READ]
    assert taker.taken == DATA[: 3 * READ]


def test_behindBulkIsReadMore(taker: Taker) -> None:
    taker.bulk = True
    for asked in (READ, READ_BULK, READ_BULK):
        taker.turn()
        assert taker.socket.asked == taker.given == [asked]
    assert taker.taken == DATA[: READ + 2 * READ_BULK]


def test_behindWhatIsBulkNoMoreIsReadLess(taker: Taker) -> None:
    taker.bulk = True
    taker.turn()
    taker.bulk = False
    taker.turn()
    taker.turn()
    assert taker.socket.asked == [READ]


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
    assert taker.given == [READ]
    taker.turn()
    assert taker.given == [READ + READ_BULK]


def test_bulkIsReadInSmallTurnsWhileSomebodyTypes(taker: Taker) -> None:
    taker.bulk = True
    taker.turn()
    with connected() as connection:
        typist = Taker(connection)
        typist.socket.waiting = b"a key"
        typist.turn()
    taker.turn()
    assert taker.socket.asked == [READ]


def test_whoLogsInDoesNotType(taker: Taker) -> None:
    taker.bulk = True
    taker.turn()
    with connected() as connection:
        newcomer = Taker(connection)
        newcomer.socket.waiting = b"a login"
        newcomer.stream.acknowledged = 2
        with patch("bastion.ssh.stream.acknowledgeAtOnce"):
            newcomer.turn()
    taker.turn()
    assert taker.socket.asked == [READ_BULK]


@pytest.mark.parametrize(("waiting", "yields"), [(DATA, 1), (b"a key", 0)])
def test_longTurnLetsOtherProcessesHaveTheirs(waiting: bytes, yields: int, taker: Taker) -> None:
    taker.socket.waiting = waiting
    with patch("os.sched_yield") as yielded:
        taker.turn()
    assert yielded.call_count == yields


def test_whoTakesBulkWithoutAWordDoesNotType(taker: Taker) -> None:
    """
    As a client with a window that is never used up: what it says at last is no key.
    """
    with connected() as connection:
        silent = Taker(connection)
        silent.clock.advance(60)
        silent.stream.transmit(memoryview(bytes(READ)))
        silent.socket.waiting = b"a window"
        silent.turn()
    taker.bulk = True
    taker.clock.advance(60)
    taker.turn()
    taker.turn()
    assert taker.socket.asked == [READ_BULK]
