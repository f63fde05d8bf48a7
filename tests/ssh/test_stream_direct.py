"""
L{bastion.ssh.stream}: which stream fits which transport; and whole conversations
over each of them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet import main, tcp
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from bastion.ssh.stream import DirectStream, Stream, streamOf
from bastion.ssh.terms import RekeyLimits, Terms
from bastion.testing.network import MemoryTransport
from bastion.testing.speakers import Speaker, speakingClient, speakingHost

KEY = Key(Ed25519PrivateKey.generate())
DATA = 94


def nothing(view: memoryview) -> int:
    """
    Takes nothing.
    """
    return 0


@pytest.fixture
def connection() -> Iterator[tcp.Connection]:
    """
    As Twisted makes it of a socket.
    """
    ours, peer = socket.socketpair()
    with ours, peer:
        ours.setblocking(False)
        yield tcp.Connection(ours, Protocol(), MemoryReactor())


def kind(transport: Any) -> type[Stream]:
    """
    Which stream fits.
    """
    return type(streamOf(transport, nothing, Clock().seconds))


# Whose insides we know


def test_connectionOfTwistedsIsReadDirectly(connection: tcp.Connection) -> None:
    assert kind(connection) is DirectStream


def test_bothEndsOfARealConnectionAreReadDirectly(loopback: Any) -> None:
    ear, _ = loopback.connected()
    client = Protocol()
    factory = Factory.forProtocol(lambda: client)
    factory.noisy = False
    factory.startedConnecting = factory.clientConnectionLost = lambda *arguments: None
    loopback.reactor.connectTCP("127.0.0.1", loopback.port.getHost().port, factory)
    loopback.until(lambda: client.transport is not None)

    assert isinstance(ear.transport, tcp.Server)
    assert isinstance(client.transport, tcp.Client)
    assert DirectStream.suits(ear.transport) and DirectStream.suits(client.transport)
    client.transport.abortConnection()


@pytest.mark.parametrize(
    "transport", [StringTransport(), MemoryTransport(None, "192.0.2.1"), object()]
)
def test_whatIsNoConnectionOfTwistedsIsNot(transport: Any) -> None:
    assert kind(transport) is Stream


def test_wrappedConnectionIsNot(connection: tcp.Connection) -> None:
    """
    As of the PROXY protocol: what is read is not for us.
    """
    wrapper = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
    wrapper.transport = connection
    assert kind(wrapper) is Stream


def test_encryptedConnectionIsNot(connection: tcp.Connection) -> None:
    connection.TLS = True
    assert kind(connection) is Stream


def test_connectionThatReadsInAnotherWayIsNot(connection: tcp.Connection) -> None:
    class Other(tcp.Connection):
        def doRead(self) -> None:
            """
            Somebody else's.
            """

    connection.__class__ = Other
    assert kind(connection) is Stream


@pytest.mark.parametrize("name", ["dataBuffer", "_tempDataBuffer", "offset"])
def test_connectionThatLacksWhatWeKnowIsNot(
    connection: tcp.Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """
    Of another Twisted: then the public interface has to do.
    """
    if name in connection.__dict__:
        delattr(connection, name)
    else:
        monkeypatch.delattr(f"twisted.internet.abstract.FileDescriptor.{name}")
    assert kind(connection) is Stream


def test_everyPrivateNameIsThere(connection: tcp.Connection) -> None:
    """
    Or each connection would be twice as slow, and nobody would notice.
    """
    assert (connection.dataBuffer, connection._tempDataBuffer, connection.offset) == (b"", [], 0)
    for name in ("socket", "doRead"):
        assert hasattr(connection, name)


def test_whatTwistedHasNotSentIsWhereWeLook(connection: tcp.Connection) -> None:
    connection.connected = 1
    connection.SEND_LIMIT = 10
    connection.write(b"x" * 25)
    assert connection._tempDataBuffer == [b"x" * 25]

    connection.doWrite()
    assert (connection._tempDataBuffer, len(connection.dataBuffer), connection.offset) == (
        *([], 25),
        10,
    )
    for _ in range(2):
        connection.doWrite()
    assert (connection._tempDataBuffer, connection.dataBuffer, connection.offset) == ([], b"", 0)


# What the socket says


def test_readsAreOursUntilTheEnd(connection: tcp.Connection) -> None:
    made = streamOf(connection, nothing, Clock().seconds)
    assert connection.__dict__["doRead"] == made._doRead  # type: ignore[attr-defined]
    made.gone()
    assert connection.doRead.__func__ is tcp.Connection.doRead


class Socket:
    """
    Says what it is told to say.
    """

    def __init__(self, says: Any) -> None:
        self._says = says

    def recv_into(self, view: memoryview, asked: int) -> int:
        """
        How much was read.
        """
        return self._said()

    def send(self, view: memoryview) -> int:
        """
        How much was sent.
        """
        return self._said()

    def _said(self) -> int:
        if isinstance(self._says, int):
            return self._says
        raise self._says


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        (BlockingIOError(), None),
        (InterruptedError(), None),
        (ConnectionResetError(), main.CONNECTION_LOST),
        (OSError(), main.CONNECTION_LOST),
        (0, main.CONNECTION_DONE),
        (1, None),
    ],
)
def test_readAnswersAsTwistedsDoes(connection: tcp.Connection, says: Any, answer: Any) -> None:
    connection.socket = Socket(says)
    streamOf(connection, nothing, Clock().seconds)
    assert connection.doRead() is answer


@pytest.mark.parametrize("says", [BlockingIOError(), BrokenPipeError(), 0, 3])
def test_whatTheSocketDoesNotTakeIsLeftToTwisted(connection: tcp.Connection, says: Any) -> None:
    connection.socket = Socket(says)
    connection.connected = 1
    made = streamOf(connection, nothing, Clock().seconds)
    made.write(b"123456")
    made.write(b"789")

    left = b"456789" if says == 3 else b"123456789"
    assert b"".join(connection._tempDataBuffer) == left


def test_whatWasWrittenBeforeLeavesFirst(connection: tcp.Connection) -> None:
    connection.socket = Socket(3)
    connection.connected = 1
    connection.write(b"PROXY ")
    streamOf(connection, nothing, Clock().seconds).write(b"123")

    assert b"".join(connection._tempDataBuffer) == b"PROXY 123"


# Whole conversations


class Conversation:
    """
    A client and a host of ours, over TCP.
    """

    def __init__(self, loopback: Any, limits: RekeyLimits) -> None:
        self._loopback = loopback
        self.clock = Clock()
        self.client, self.host = speakingClient(self.clock, KEY), speakingHost(self.clock, KEY)
        for speaker in (self.client, self.host):
            terms = speaker.transport.terms
            speaker.transport.speakOn(Terms(terms.algorithms, limits))
        answering = Factory.forProtocol(lambda: self.host.transport)
        asking = Factory.forProtocol(lambda: self.client.transport)
        answering.noisy = asking.noisy = False
        # Conch looks for its keys there, and a client's factory for nothing.
        answering.privateKeys = self.host.transport.factory.privateKeys
        answering.publicKeys = self.host.transport.factory.publicKeys
        asking.startedConnecting = asking.clientConnectionLost = lambda *arguments: None
        self.port = loopback.reactor.listenTCP(0, answering, interface="127.0.0.1")
        loopback.reactor.connectTCP("127.0.0.1", self.port.getHost().port, asking)
        self.until(lambda: all(speaker.witness.events for speaker in self.speakers))

    @property
    def speakers(self) -> tuple[Speaker, Speaker]:
        """
        Both.
        """
        return self.client, self.host

    def until(self, done: Any) -> None:
        """
        See L{Loopback}.
        """
        self._loopback.until(done)


@pytest.mark.parametrize("mixed", [False, True])
def test_wholeConversation(loopback: Any, monkeypatch: pytest.MonkeyPatch, mixed: bool) -> None:
    """
    Login, much data both ways at once with new keys now and then, and goodbye.
    """

    def suits(transport: Any) -> bool:
        direct: bool = loopback.kind is DirectStream
        return direct != (mixed and isinstance(transport, tcp.Client))

    monkeypatch.setattr(DirectStream, "suits", staticmethod(suits))
    talk = Conversation(loopback, RekeyLimits(bytes=300_000))
    client, host = talk.speakers
    assert [speaker.witness.events for speaker in talk.speakers] == [["secured"]] * 2
    assert type(host.transport.stream) is loopback.kind
    talk.until(lambda: client.transport.service is client.login)
    client.login.say(50, b"may I")
    talk.until(lambda: len(host.login.heard) == 1)

    said = [(DATA, bytes((number,)) * 30_000) for number in range(100)]
    for speaker in talk.speakers:
        speaker.startSession()
    for message in said:
        for speaker in talk.speakers:
            speaker.session.say(*message)
        loopback.reactor.iterate(0)
    talk.until(lambda: all(len(speaker.session.heard) == 100 for speaker in talk.speakers))
    assert [list(speaker.session.heard) for speaker in talk.speakers] == [said, said]
    assert client.transport.outgoing.bytes < 400_000

    host.transport.disconnect(11, b"bye")
    talk.until(lambda: all(speaker.witness.events[-1] == "lost" for speaker in talk.speakers))
    assert client.witness.events == ["secured", ("disconnected", 11, b"bye"), "lost"]
    assert host.witness.events == ["secured", "lost"]
    assert talk.clock.getDelayedCalls() == []
    talk.port.stopListening()
