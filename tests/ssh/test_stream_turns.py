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
from twisted.internet import main
from twisted.internet.task import Clock

from bastion.ssh.packets import MAX_PACKET
from bastion.ssh.stream import _READ, _TURN, DirectStream


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
        self.bulk: Callable[[bytes], bool] = lambda data: True
        self.takes: Callable[[bytes], int] = len
        self.stream = DirectStream(connection, self._take, Clock().seconds)

    def _take(self, view: memoryview) -> int:
        self.given.append(len(view))
        self.stream.bulk = self.bulk(bytes(view))
        taken = self.takes(bytes(view))
        self.taken += view[:taken]
        return taken

    def turn(self, data: bytes = b"") -> Any:
        """
        Data arrive, and the reactor asks for a read.

        @return: what it is answered.
        """
        self.socket.waiting += data
        self.socket.asked.clear()
        self.given.clear()
        return self.connection.doRead()


@pytest.fixture
def taker() -> Iterator[Taker]:
    """
    Over a connection of Twisted's.
    """
    with connected() as connection:
        yield Taker(connection)


DATA = bytes(range(251)) * (2 * _TURN // 251)


# How much is read


def test_sizesAreWhatTheyAreSaidToBe() -> None:
    """
    Seven hundred of the smallest packets that there are, or so, take ten milliseconds.
    """
    assert _READ <= 64 * 1024
    assert _TURN <= 256 * 1024


def test_whatIsNotBulkIsReadOnceInATurn(taker: Taker) -> None:
    taker.bulk = lambda data: False
    for turn in range(3):
        assert taker.turn(DATA if turn == 0 else b"") is None
        assert taker.socket.asked == taker.given == [_READ]
    assert taker.taken == DATA[: 3 * _READ]


def test_bulkIsReadOnUpToALimit(taker: Taker) -> None:
    assert taker.turn(DATA) is None
    assert taker.socket.asked == taker.given == [_READ] * (_TURN // _READ)
    assert taker.taken == DATA[:_TURN]


def test_turnEndsWithTheFirstReadThatIsNotBulk(taker: Taker) -> None:
    """
    Whoever sends the one behind the other gains nothing.
    """
    answers = [True, True, False]
    taker.bulk = lambda data: answers.pop(0)
    taker.turn(DATA)
    assert taker.given == [_READ] * 3
    assert taker.taken == DATA[: 3 * _READ]


def test_socketThatIsEmptyIsNotAskedAgain(taker: Taker) -> None:
    taker.turn(DATA[: _READ + 1])
    assert taker.socket.asked == [_READ] * 2
    assert taker.given == [_READ, 1]


def test_socketThatIsJustEmptyEndsTheTurn(taker: Taker) -> None:
    assert taker.turn(DATA[:_READ]) is None
    assert taker.given == [_READ]
    assert taker.taken == DATA[:_READ]


def test_peerThatClosesBehindBulkIsTheEndWhenAllIsTaken(taker: Taker) -> None:
    taker.socket.closed = True
    assert taker.turn(DATA[: 2 * _READ]) is main.CONNECTION_DONE
    assert taker.taken == DATA[: 2 * _READ]


def test_connectionThatIsGoneIsNotReadOn(taker: Taker) -> None:
    def going(data: bytes) -> int:
        taker.connection.connected = 0
        return len(data)

    taker.takes = going
    taker.turn(DATA)
    assert taker.given == [_READ]


@pytest.mark.parametrize("at", [1, 1000, _READ - 1])
def test_whatIsNotTakenIsGivenAgainWithinATurnAndInTheNext(taker: Taker, at: int) -> None:
    """
    Packets that the reads do not end with.
    """
    taker.takes = lambda data: len(data) - (len(data) - at) % 4099
    while taker.socket.waiting or not taker.given:
        taker.turn(b"" if taker.given else DATA)
    assert taker.taken == DATA[: len(taker.taken)]
    assert len(DATA) - len(taker.taken) < 4099


def test_longestPacketIsReadInFewTurns(taker: Taker) -> None:
    """
    Though nothing can be taken before it is there.
    """

    def waiting(data: bytes) -> int:
        taker.stream.wanted = MAX_PACKET
        return 0

    taker.takes = waiting
    taker.turn(DATA[:MAX_PACKET])
    assert taker.given == [_READ]
    taker.turn()
    assert taker.given == [MAX_PACKET]


def test_whatIsSentInATurnOfSeveralReadsLeavesTogether(taker: Taker) -> None:
    def answering(data: bytes) -> int:
        taker.stream.write(b"answer")
        return len(data)

    taker.takes = answering
    taker.turn(DATA)
    assert taker.socket.sent == [6 * (_TURN // _READ)]
