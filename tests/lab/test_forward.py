"""
Forwarding, to loopback only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.conch.error import ConchError
from twisted.conch.ssh.forwarding import packOpen_direct_tcpip
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from bastion.lab.channel import PacedChannel
from bastion.lab.forward import ForwardedConnection, ForwardingChannel, isLoopback


class TCP(StringTransport):
    """
    A TCP connection in memory, of which one half can be closed.
    """

    writing = True

    def loseWriteConnection(self) -> None:
        """
        Close our half.
        """
        self.writing = False


@pytest.fixture
def forwarded(makeChannel: Callable[..., PacedChannel]) -> Any:
    """
    A channel's TCP connection, established.
    """
    forwarded = ForwardedConnection(makeChannel())
    forwarded.makeConnection(TCP())
    return forwarded


@pytest.fixture
def channel(forwarded: Any) -> PacedChannel:
    """
    Its channel.
    """
    made: PacedChannel = forwarded.transport.producer
    return made


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("::", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_onlyTheLocalComputerIsLoopback(name: str, expected: bool) -> None:
    assert isLoopback(name) is expected


def test_theLabLeadsNowhereElse(makeChannel: Callable[..., PacedChannel]) -> None:
    data = packOpen_direct_tcpip(("192.0.2.1", 22), ("127.0.0.1", 1))
    with pytest.raises(ConchError) as caught:
        makeChannel(kind=ForwardingChannel, data=data, reactor=None)
    assert caught.value.data == 1


def test_bytesCrossInBothDirections(forwarded: Any, channel: PacedChannel, connection: Any) -> None:
    assert verifyObject(IHalfCloseableProtocol, forwarded)
    channel.dataReceived(b"there")
    forwarded.dataReceived(b"back")
    assert (forwarded.transport.value(), connection.data) == (b"there", b"back")


def test_eachHalfIsClosedByItself(forwarded: Any, channel: PacedChannel, connection: Any) -> None:
    channel.eofReceived()
    assert not forwarded.transport.writing
    assert forwarded.transport.producer is None
    forwarded.writeConnectionLost()
    assert not forwarded.transport.disconnecting
    forwarded.dataReceived(b"still")
    forwarded.readConnectionLost()
    assert forwarded.transport.disconnecting
    forwarded.connectionLost(Failure(ConnectionDone()))
    assert connection.sent == [("data", b"still"), ("eof",), ("close",)]


def test_theConnectionIsPausedWithTheChannel(forwarded: Any, connection: Any) -> None:
    forwarded.dataReceived(b"x" * 1001)
    assert forwarded.transport.producerState == "paused"
    forwarded.resumeProducing()
    assert forwarded.transport.producerState == "producing"


def test_theConnectionEndsWithTheChannel(forwarded: Any, channel: PacedChannel) -> None:
    channel.closed()
    assert forwarded.transport.disconnecting
    assert forwarded.transport.producer is None


def test_aClientThatLeftIsNotConnected(makeChannel: Callable[..., PacedChannel]) -> None:
    channel = makeChannel()
    channel.closeReceived()
    forwarded = ForwardedConnection(channel)
    transport = TCP()
    forwarded.makeConnection(transport)
    assert transport.disconnecting
    assert channel.program is None
