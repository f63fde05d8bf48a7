"""
A channel that waits for its peer, in both directions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from bastion.lab.channel import PacedChannel


class RecordingProgram:
    """
    A program that writes down what it is told.
    """

    def __init__(self) -> None:
        self.told: list[Any] = []

    def write(self, data: bytes) -> None:
        """
        Input.
        """
        self.told.append(data)

    def endInput(self) -> None:
        """
        End of input.
        """
        self.told.append("end")

    def pauseProducing(self) -> None:
        """
        Stop.
        """
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self.told.append("resume")

    def hangUp(self) -> None:
        """
        The channel is gone.
        """
        self.told.append("hang up")


@pytest.fixture
def program() -> RecordingProgram:
    """
    A program that records.
    """
    return RecordingProgram()


MakeChannel = Callable[..., PacedChannel]


def test_isAProducerOfInput(makeChannel: MakeChannel) -> None:
    assert verifyObject(IPushProducer, makeChannel())


def test_dataIsCutToThePeersPackets(makeChannel: MakeChannel, connection: Any) -> None:
    makeChannel(maxPacket=4).write(b"0123456789")
    assert connection.sent == [("data", b"0123"), ("data", b"4567"), ("data", b"89")]


def test_nothingIsNotSent(makeChannel: MakeChannel, connection: Any) -> None:
    makeChannel().write(b"")
    assert connection.sent == []


def test_theWindowIsKept(makeChannel: MakeChannel, connection: Any) -> None:
    channel = makeChannel(window=5)
    channel.write(b"0123456789")
    assert connection.data == b"01234"
    channel.addWindowBytes(2)
    assert connection.data == b"0123456"
    channel.addWindowBytes(100)
    assert connection.data == b"0123456789"


def test_nothingOvertakesWhatWaits(makeChannel: MakeChannel, connection: Any) -> None:
    """
    Stock Conch sends EOF and close at once, and OpenSSH drops the rest.
    """
    channel = makeChannel(window=3)
    channel.write(b"out1")
    channel.writeExtended(1, b"err")
    channel.write(b"out2")
    channel.sendEOF()
    channel.whenSent(lambda: connection.sendRequest(channel, b"exit-status", b"\0\0\0\0"))
    channel.loseConnection()
    assert connection.sent == [("data", b"out")]
    channel.addWindowBytes(1000)
    assert connection.sent[1:] == [
        ("data", b"1"),
        ("extended", 1, b"err"),
        ("data", b"out2"),
        ("eof",),
        ("request", b"exit-status", b"\0\0\0\0"),
        ("close",),
    ]


def test_aPeerThatTakesPacketsOfNothingDoesNotFreezeUs(
    makeChannel: MakeChannel, connection: Any
) -> None:
    """
    Stock Conch loops for ever.
    """
    makeChannel(maxPacket=0).writeExtended(1, b"err")
    assert connection.sent == []


def test_theProgramWaitsWhileDataWaits(makeChannel: MakeChannel, program: RecordingProgram) -> None:
    channel = makeChannel(window=3)
    channel.attach(program)
    channel.write(b"012")
    assert program.told == []
    channel.write(b"3")
    channel.write(b"4")
    assert program.told == ["pause"]
    channel.addWindowBytes(1)
    assert program.told == ["pause"]
    channel.addWindowBytes(1)
    assert program.told == ["pause", "resume"]


def test_theProgramWaitsForTheTransport(
    makeChannel: MakeChannel, program: RecordingProgram, connection: Any
) -> None:
    """
    A client may grant any window and then not read.
    """
    channel = makeChannel()
    channel.attach(program)
    connection.transport.held = True
    channel.write(b"data")
    assert (connection.sent, program.told) == ([], ["pause"])
    connection.transport.held = False
    channel.send()
    assert (connection.data, program.told) == (b"data", ["pause", "resume"])


def test_closeIsSentOnce(makeChannel: MakeChannel, connection: Any) -> None:
    channel = makeChannel()
    channel.loseConnection()
    channel.loseConnection()
    channel.write(b"too late")
    assert connection.sent == [("close",)]


def test_aPeerThatClosesGetsNothingMore(
    makeChannel: MakeChannel, program: RecordingProgram, connection: Any
) -> None:
    channel = makeChannel(window=1)
    channel.attach(program)
    channel.write(b"data")
    channel.closeReceived()
    channel.addWindowBytes(100)
    channel.write(b"more")
    assert connection.sent == [("data", b"d"), ("close",)]
    channel.closed()
    assert program.told == ["pause", "hang up"]


def test_theProgramIsToldOnceThatTheChannelIsGone(
    makeChannel: MakeChannel, program: RecordingProgram
) -> None:
    channel = makeChannel()
    channel.attach(program)
    channel.closed()
    channel.closed()
    assert program.told == ["hang up"]


def test_inputReachesTheProgram(makeChannel: MakeChannel, program: RecordingProgram) -> None:
    channel = makeChannel()
    channel.attach(program)
    channel.dataReceived(b"a")
    channel.extReceived(1, b"nobody takes this")
    channel.eofReceived()
    channel.eofReceived()
    assert program.told == [b"a", "end"]


def test_inputWaitsForTheProgram(
    makeChannel: MakeChannel, program: RecordingProgram, connection: Any
) -> None:
    channel = makeChannel()
    assert channel.inputHeld
    channel.dataReceived(b"a")
    channel.dataReceived(b"b")
    channel.eofReceived()
    channel.attach(program)
    assert program.told == [b"a", b"b", "end"]
    assert not channel.inputHeld
    assert connection.reopened == [channel]


def test_aProgramThatIsFullAtOnceStaysFull(makeChannel: MakeChannel) -> None:
    channel = makeChannel()

    class Full(RecordingProgram):
        def write(self, data: bytes) -> None:
            channel.pauseProducing()

    channel.dataReceived(b"a")
    channel.attach(Full())
    assert channel.inputHeld


def test_theWindowOpensWhenTheProgramTakesInput(makeChannel: MakeChannel, connection: Any) -> None:
    channel = makeChannel()
    channel.pauseProducing()
    assert (channel.inputHeld, connection.reopened) == (True, [])
    channel.resumeProducing()
    assert (channel.inputHeld, connection.reopened) == (False, [channel])


def test_inputThatNobodyTakesIsLetIn(makeChannel: MakeChannel, connection: Any) -> None:
    """
    Else C{ssh host true < big} would wait for ever.
    """
    channel = makeChannel()
    channel.stopProducing()
    assert (channel.inputHeld, connection.reopened) == (False, [channel])
