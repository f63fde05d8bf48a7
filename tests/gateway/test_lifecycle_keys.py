"""
L{bastion.gateway.lifecycle}: key exchanges and ends at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.messages import NONE, PASSWORD, Password
from bastion.ssh.farewell import PARTING_TIME
from bastion.ssh.keyexchange import REKEY_TIME
from bastion.testing.network import MemoryTransport
from bastion.wire import MSG_CHANNEL_DATA, string, uint32


def data(number: int, size: int = 4) -> bytes:
    """
    The payload of a piece of data on channel 0.
    """
    return uint32(0) + string(number.to_bytes(4, "big").ljust(size, b"."))


def held(memory: Any, client: Any) -> None:
    """
    Let the client start a key exchange that it does not end.
    """
    client.transport.sendKexInit()
    client.tcp.pauseProducing()
    memory.network.settle()


def test_clientThatWantsNewKeysDuringTheLoginIsEnded(memory: Any) -> None:
    """
    It would have us compute them all the time.
    """
    client = memory.connects()
    client.requests(NONE)

    client.transport.sendKexInit()
    memory.network.settle()

    assert client.fate == [("disconnected", 2, b"message 20 during login"), "lost"]
    assert memory.host().fate == ["lost"]


def test_hostThatWantsNewKeysDuringTheLoginIsPassedOver(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)

    memory.host().transport.sendKexInit()
    memory.network.settle()

    assert memory.host().fate == [("disconnected", 2, b"message 20 during login"), "lost"]
    assert client.fate == []
    assert len(memory.host("nice2").hears()) == 1


@pytest.mark.parametrize("who", ["client", "host", "both"])
def test_keysAreExchangedAnewDuringTheSession(memory: Any, who: str) -> None:
    client, host = memory.loggedIn()
    for number in range(20):
        if number % 5 == 0:
            for talker, name in ((client, "client"), (host, "host")):
                if who in (name, "both"):
                    talker.transport.sendKexInit()
        client.transport.sendPacket(MSG_CHANNEL_DATA, data(number))
        host.transport.sendPacket(MSG_CHANNEL_DATA, data(number))
        memory.network.settle()

    expected = [(MSG_CHANNEL_DATA, data(number)) for number in range(20)]
    assert client.hears() == expected
    assert host.hears() == expected
    assert client.fate == host.fate == []


@pytest.mark.parametrize("slow", ["client", "host"])
@pytest.mark.parametrize("exchanges", [False, True], ids=["full", "exchanging keys"])
def test_slowEndStopsTheOtherOne(memory: Any, slow: str, exchanges: bool) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    writer, reader = (host, client) if slow == "client" else (client, host)
    source = writer.tcp.other
    if exchanges:
        held(memory, reader)
    else:
        reader.tcp.pauseProducing()

    for number in range(20):
        writer.says(MSG_CHANNEL_DATA, data(number, 32768))

    assert not source.reading
    assert reader.tcp.other.waiting < 3 * 65536
    reader.tcp.resumeProducing()
    memory.network.settle()
    assert [payload[8:12] for _, payload in reader.hears()] == [
        number.to_bytes(4, "big") for number in range(20)
    ]
    assert source.reading


@pytest.mark.parametrize("goodbye", [False, True])
def test_whatTheHostSentLastSurvivesAKeyExchangeOfTheClient(memory: Any, goodbye: bool) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    client.transport.sendKexInit()
    client.tcp.step()
    for number in range(5):
        host.transport.sendPacket(MSG_CHANNEL_DATA, data(number))
    if goodbye:
        host.transport.disconnect(11, b"bye")
    else:
        host.tcp.loseConnection()

    memory.network.settle()

    assert client.hears() == [(MSG_CHANNEL_DATA, data(number)) for number in range(5)]
    assert client.fate == [("disconnected", 11, b"bye"), "lost"] if goodbye else ["lost"]


@pytest.mark.parametrize("goodbye", [False, True])
def test_whatTheClientSentLastSurvivesAKeyExchangeOfTheHost(memory: Any, goodbye: bool) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    host.transport.sendKexInit()
    host.tcp.step()
    for number in range(5):
        client.transport.sendPacket(MSG_CHANNEL_DATA, data(number))
    if goodbye:
        client.transport.disconnect(11, b"bye")
    else:
        client.tcp.loseConnection()

    memory.network.settle()

    assert host.hears() == [(MSG_CHANNEL_DATA, data(number)) for number in range(5)]
    assert host.fate == ([("disconnected", 11, b"bye"), "lost"] if goodbye else ["lost"])


def test_requestsBehindTheEndOfALoginAreNotJudged(memory: Any) -> None:
    """
    The client has been refused, and holds its connection by not reading.
    """
    client = memory.connects()
    client.requests(NONE)
    memory.host().offers(PASSWORD)
    memory.host().hears()
    client.tcp.pauseProducing()
    client.requests(NONE, account=b"root")
    assert len(memory.named("login.refused")) == 1

    client.requests(NONE)
    memory.network.advance(6)
    memory.check()


def test_whoDoesNotReadHasNoMoreTries(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE)
    host = memory.host()
    host.offers(PASSWORD)
    host.hears()
    client.tcp.pauseProducing()

    for _ in range(20):
        client.requests(PASSWORD, Password(b"guess").pack())
        if host.hears():
            host.offers(PASSWORD)
    memory.network.advance(6)

    memory.check()
    assert memory.hosts["nice2"] == []
    assert len(memory.named("login.refused")) == 7


def lateWrite(self: MemoryTransport, written: bytes) -> None:
    """
    As Twisted's TCP does it: what is written behind C{loseConnection} is sent,
    too, as long as there is something to send.
    """
    if self.lost:
        return
    self._outgoing += written
    if self._producer is not None and len(self._outgoing) > self.capacity:
        self._paused = True
        self._producer.pauseProducing()


def test_clientThatIsBeingEndedIsSentNoMore(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It has broken the rules during a download, and does not read.
    """
    monkeypatch.setattr(MemoryTransport, "write", lateWrite)
    client, host = memory.loggedIn()
    memory.opened(client, host)
    client.tcp.pauseProducing()
    client.transport.sendPacket(79, b"")
    memory.network.settle()

    for number in range(300):
        host.says(MSG_CHANNEL_DATA, data(number, 32768))

    assert client.tcp.other.waiting < 2 * 65536


@pytest.mark.parametrize("who", ["client", "host"])
def test_keyExchangeThatDoesNotEndEndsTheConnection(memoryOf: Callable[..., Any], who: str) -> None:
    memory = memoryOf(keepalive=0.0, cluster={"keepalive": 0.0})
    client, host = memory.loggedIn()
    slow = client if who == "client" else host
    held(memory, slow)

    memory.network.advance(REKEY_TIME - 1)
    assert slow.fate == []
    memory.network.advance(PARTING_TIME + 2)
    slow.tcp.resumeProducing()
    memory.network.settle()

    assert slow.fate == ["lost"]
    fault = "the key exchange took too long: no message of the method came"
    assert memory.reason == f"{who} fault: {fault}"
