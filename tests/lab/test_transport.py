"""
The transport of a host and its services.
"""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.cred.portal import Portal
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from bastion.lab.channel import WINDOW, PacedChannel
from bastion.lab.host import HostFactory
from bastion.lab.transport import HostConnection, HostLogin, HostTransport

KEY = Key(Ed25519PrivateKey.generate())
CANARY = b"canary-4711"


class TCP(StringTransport):
    """
    A TCP connection in memory.
    """

    noDelay = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Switch Nagle's algorithm.
        """
        self.noDelay = enabled


@pytest.fixture
def factory() -> HostFactory:
    """
    A factory of transports that nobody can log in to.
    """
    factory = HostFactory(Clock(), KEY, Portal(None))  # type: ignore[arg-type]
    factory.startFactory()
    return factory


@pytest.fixture
def transport(factory: HostFactory) -> HostTransport:
    """
    A transport with a TCP connection in memory.
    """
    made: Any = factory.buildProtocol(None)
    made.makeConnection(TCP())
    return made


class RecordingTransport:
    """
    What a service sends.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.factory = SimpleNamespace(reactor=Clock())

    def sendPacket(self, number: int, payload: bytes) -> None:
        """
        A packet.
        """
        self.sent.append((number, payload))

    def sendUnimplemented(self) -> None:
        """
        The packet is not known.
        """
        self.sent.append(("unimplemented",))

    def sendDisconnect(self, reason: int, text: bytes) -> None:
        """
        The end.
        """
        self.sent.append(("disconnect", reason))


@pytest.fixture
def logged() -> Any:
    """
    Everything that is logged, as text.
    """
    events: list[str] = []

    def observe(event: LogEvent) -> None:
        events.append(repr(event))

    globalLogPublisher.addObserver(observe)
    yield events
    globalLogPublisher.removeObserver(observe)


def test_offersSafeAlgorithmsOnly(transport: HostTransport) -> None:
    assert transport.supportedCiphers == [b"aes128-ctr", b"aes192-ctr", b"aes256-ctr"]
    assert transport.supportedMACs == [b"hmac-sha2-256", b"hmac-sha2-512"]
    assert transport.supportedKeyExchanges == [
        b"mlkem768x25519-sha256",
        b"curve25519-sha256",
        b"curve25519-sha256@libssh.org",
    ]
    assert transport.supportedCompressions == [b"none"]
    assert transport.supportedPublicKeys == [b"ssh-ed25519"]


def test_theFactoryKnowsItsTransports(factory: HostFactory, transport: HostTransport) -> None:
    assert factory.transports == {transport}
    transport.connectionLost()
    assert factory.transports == set()


def test_theTransportIsTheProducerOfItsConnection(transport: HostTransport) -> None:
    assert verifyObject(IPushProducer, transport)
    assert transport.transport.producer is transport
    assert transport.transport.noDelay
    transport.transport.producer.pauseProducing()
    assert transport.held


def test_whenTheConnectionTakesMoreEveryChannelGoesOn(transport: HostTransport) -> None:
    sent = []
    transport.service = HostConnection()
    transport.service.channels = {
        number: SimpleNamespace(send=lambda number=number: sent.append(number)) for number in (0, 1)
    }
    transport.pauseProducing()
    transport.resumeProducing()
    assert (transport.held, sent) == (False, [0, 1])


@pytest.mark.parametrize("ending", ["sendDisconnect", "ssh_DISCONNECT"])
def test_aTransportThatEndsIsNoProducer(transport: HostTransport, ending: str) -> None:
    """
    Twisted would keep the connection for ever.
    """
    arguments = (11, b"bye") if ending == "sendDisconnect" else (b"\0\0\0\x0b" + b"\0" * 8,)
    getattr(transport, ending)(*arguments)
    assert transport.transport.producer is None
    assert transport.transport.disconnecting


@pytest.mark.parametrize("kind", [HostLogin, HostConnection])
@pytest.mark.parametrize("number", [61, 80, 99, 200])
def test_noPacketIsLogged(logged: list[str], kind: type[Any], number: int) -> None:
    service = kind()
    service.transport = RecordingTransport()
    service.packetReceived(number, CANARY)
    assert CANARY.decode() not in "".join(logged)


def test_aPacketWithoutServiceIsNotLogged(transport: HostTransport, logged: list[str]) -> None:
    transport.dispatchMessage(50, CANARY)
    assert CANARY.decode() not in "".join(logged)


@pytest.mark.parametrize("payload", [b"", b"\0\0\0\7", b"\0\0\0\7\0\0\0\1"])
def test_aPacketForNoChannelEndsTheConnection(payload: bytes) -> None:
    """
    Stock Conch lets a KeyError out of the reactor.
    """
    service = HostConnection()
    transport = service.transport = RecordingTransport()
    service.packetReceived(93, payload)
    assert transport.sent == [("disconnect", 2)]


def test_loginsAreTimedByTheHostsClock() -> None:
    service = HostLogin()
    service.transport = RecordingTransport()
    service.transport.factory.portal = Portal(None)  # type: ignore[arg-type]
    service.transport.isEncrypted = lambda direction: True
    service.serviceStarted()
    service.transport.factory.reactor.advance(119)
    assert service.transport.sent == []
    service.transport.factory.reactor.advance(2)
    assert service.transport.sent == [("disconnect", 14)]


@pytest.fixture
def service() -> HostConnection:
    """
    A connection service with channel 0 open, and with a program that takes
    input.
    """
    service = HostConnection()
    service.transport = RecordingTransport()
    channel = PacedChannel(remoteWindow=0, remoteMaxPacket=0, conn=service)
    channel.id = 0
    channel.inputHeld = False
    channel.program = SimpleNamespace(write=lambda data: None)  # type: ignore[assignment]
    service.channels[0] = channel
    service.channelsToRemoteChannel[channel] = 7
    service.localToRemoteChannel[0] = 7
    return service


def give(service: HostConnection, size: int) -> None:
    """
    Let the client send.
    """
    chunk = 32768
    for start in range(0, size, chunk):
        length = min(chunk, size - start)
        service.packetReceived(94, struct.pack(">2L", 0, length) + b"x" * length)


def test_theWindowOpensWhenHalfIsUsed(service: HostConnection) -> None:
    give(service, WINDOW // 2)
    assert service.transport.sent == []
    give(service, 32768)
    assert service.transport.sent == [(93, struct.pack(">2L", 7, WINDOW // 2 + 32768))]


def test_theWindowStaysShutWhileTheProgramTakesNothing(service: HostConnection) -> None:
    """
    So what waits is one window at most.
    """
    channel = service.channels[0]
    channel.pauseProducing()
    give(service, WINDOW)
    assert (service.transport.sent, channel.localWindowLeft) == ([], 0)
    channel.resumeProducing()
    assert service.transport.sent == [(93, struct.pack(">2L", 7, WINDOW))]


def test_aWindowThatIsLargeEnoughStaysAsItIs(service: HostConnection) -> None:
    channel = service.channels[0]
    channel.pauseProducing()
    give(service, 32768)
    channel.resumeProducing()
    assert service.transport.sent == []


def test_aClosedChannelsWindowStaysShut(service: HostConnection) -> None:
    channel = service.channels[0]
    channel.pauseProducing()
    give(service, WINDOW)
    del service.channelsToRemoteChannel[channel]
    channel.resumeProducing()
    assert service.transport.sent == []
