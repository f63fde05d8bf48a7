"""
L{bastion.testing.network}: the network in memory behaves as a real one.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import (
    IConsumer,
    IPushProducer,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol
from zope.interface.verify import verifyObject

from bastion.interfaces import HostAddress
from bastion.testing.network import MemoryTransport, Network

HOST = HostAddress("nice1.example.org")


class Diary(Protocol):
    """
    Writes down what happens to it.
    """

    def __init__(self) -> None:
        self.events: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.events.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.events.append(reason.type.__name__)

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")

    def stopProducing(self) -> None:
        self.events.append("stop")


def linked() -> tuple[Network, Diary, Diary, MemoryTransport, MemoryTransport]:
    """
    Two protocols that are connected.
    """
    network, one, two = Network(), Diary(), Diary()
    return (network, one, two, *network.link(one, two))


def test_endsAreWhatTheySayTheyAre() -> None:
    network, _, _, end, _ = linked()
    for interface in (ITransport, IConsumer, IPushProducer):
        verifyObject(interface, end)
    verifyObject(IStreamClientEndpoint, network.endpoint(HOST))


def test_bytesWaitUntilTheyAreMoved() -> None:
    network, _, two, end, _ = linked()
    end.writeSequence([b"a", b"b"])
    assert (two.events, end.waiting) == ([], 2)
    network.settle()
    assert (two.events, end.waiting) == ([b"ab"], 0)


def test_whatWasWrittenArrivesBeforeTheEnd() -> None:
    network, one, two, end, _ = linked()
    end.write(b"last")
    end.loseConnection()
    end.write(b"too late")
    network.settle()
    assert two.events == [b"last", "ConnectionDone"]
    assert one.events == ["ConnectionDone"]


def test_abortLosesWhatWasWritten() -> None:
    network, one, two, end, _ = linked()
    end.write(b"lost")
    end.abortConnection()
    network.settle()
    assert (one.events, two.events) == (["ConnectionAborted"], ["ConnectionDone"])


def test_whoDoesNotReadStopsTheProducer() -> None:
    network, one, two, end, other = linked()
    end.registerProducer(one, True)
    other.pauseProducing()
    end.write(bytes(end.capacity + 1))
    network.settle()
    assert (one.events, two.events) == (["pause"], [])
    other.resumeProducing()
    network.settle()
    assert one.events == ["pause", "resume"]


def test_pausedProducerKeepsAConnectionOpen() -> None:
    network, one, _, end, _ = linked()
    end.registerProducer(one, True)
    end.write(bytes(end.capacity + 1))
    end.loseConnection()
    network.settle()
    assert one.events == ["pause", "resume"]
    end.unregisterProducer()
    network.settle()
    assert one.events == ["pause", "resume", "ConnectionDone"]


def test_hostsAnswerRefuseOrAreSilent() -> None:
    network, answers = Network(), []
    factory = Factory.forProtocol(Diary)
    network.endpoint(HOST).connect(factory).addBoth(answers.append)
    network.listen(HOST, Diary)
    network.endpoint(HOST).connect(factory).addBoth(answers.append)
    network.silence(HOST)
    network.endpoint(HOST).connect(factory).addBoth(answers.append)
    refused, connected = answers
    assert refused.check(ConnectionRefusedError)
    assert isinstance(connected, Diary)
