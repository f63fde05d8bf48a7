"""
L{bastion.ssh.line}: what is bulk, and how many messages a turn of reading has.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sockets import connected
from twisted.internet.task import Clock

from bastion.ssh import line
from bastion.ssh.line import Line
from bastion.ssh.pace import READ, READ_BULK
from bastion.ssh.packets import Outgoing
from bastion.ssh.terms import WITH_CLIENTS
from bastion.wire import MSG_IGNORE, string

VERSION = b"SSH-2.0-peer\r\n"


class Ears(Line):
    """
    A line that counts messages.
    """

    _preamble = False
    ourVersionString = b"SSH-2.0-ears"
    heard = 0

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """
        Count one.
        """
        self.heard += 1


def packets(*sizes: int) -> bytes:
    """
    Messages with payloads of so many bytes, as they are before the first keys.
    """
    outgoing, data = Outgoing(), b""
    for size in sizes:
        plain = outgoing.plain(MSG_IGNORE, string(bytes(size)))
        packet = memoryview(bytearray(len(plain) + outgoing.beside + 100))
        outgoing.seal(plain, packet)
        data += bytes(packet[: len(plain) + outgoing.beside])
    return data


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ears]:
    """
    Over a connection of Twisted's, and identified.
    """
    monkeypatch.setattr(line.tcp, "tune", lambda transport: False)
    with connected() as connection:
        clock = Clock()
        ears = Ears(clock, WITH_CLIENTS)
        ears.makeConnection(connection)
        turn(ears, VERSION)
        # So that nobody types.
        clock.advance(10)
        yield ears


def turn(ears: Ears, data: bytes = b"") -> int:
    """
    Data arrive, and the reactor asks for a read.

    @return: how many messages were heard by that.
    """
    before = ears.heard
    ears.transport.socket.waiting += data
    ears.transport.doRead()
    return ears.heard - before


def turns(ears: Ears, data: bytes) -> list[int]:
    """
    Much has arrived; the number of messages of each turn until it is read.
    """
    counts = [turn(ears, data)]
    while ears.transport.socket.waiting:
        counts.append(turn(ears))
    return counts


@pytest.mark.parametrize(
    ("sizes", "bulk"),
    [
        ([0], False),
        ([0] * 100, False),
        ([500] * 20, False),
        ([3000], True),
        ([32_768], True),
        ([30_000, 0, 0, 0], True),
        ([30_000] + [0] * 100, False),
    ],
)
def test_fewPacketsOfManyBytesAreBulk(ears: Ears, sizes: list[int], bulk: bool) -> None:
    assert turn(ears, packets(*sizes)) == len(sizes)
    assert ears.stream.bulk is bulk


def test_longPacketThatIsOnItsWayIsBulk(ears: Ears) -> None:
    assert turn(ears, packets(32_768)[:100]) == 0
    assert ears.stream.bulk


def test_smallestPacketsComeInSmallTurns(ears: Ears) -> None:
    tiny = packets(0)
    count = 4 * READ_BULK // len(tiny)
    counts = turns(ears, tiny * count)
    assert sum(counts) == count
    assert max(counts) <= READ // len(tiny) + 1


def test_smallestPacketsBehindLargeOnesComeInOneLargeTurnAtMost(ears: Ears) -> None:
    tiny, large = packets(0), packets(30_000)
    counts = turns(ears, large * 2 + tiny * 40_000)
    assert sum(counts) == 40_002
    assert len([count for count in counts if count > READ // len(tiny) + 1]) <= 1


def test_smallPacketsAmongLargeOnesMakeNoTurnSmall(ears: Ears) -> None:
    """
    As of what a terminal sends beside a file.
    """
    data = (packets(32_000) + packets(0) * 5) * 64
    counts = turns(ears, data)
    assert sum(counts) == 64 * 6
    assert len(counts) <= len(data) // READ_BULK + 2


def test_largePacketsComeInLargeTurns(ears: Ears) -> None:
    data = packets(*[32_000] * 64)
    counts = turns(ears, data)
    assert sum(counts) == 64
    assert len(counts) <= len(data) // READ_BULK + 2
