"""
L{bastion.ssh.stream}: both kinds of stream take what arrives alike, over TCP on the
loopback.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from twisted.internet import main
from twisted.python.failure import Failure

from bastion.ssh import stream

MEGABYTE = 1024 * 1024


# What arrives


def test_whatArrivesIsTaken(loopback: Any) -> None:
    ear, peer = loopback.connected()
    for said in (b"one", b"two"):
        peer.sendall(said)
        loopback.until(lambda said=said: ear.taken.endswith(said))

    assert ear.given == [b"one", b"two"]


def test_muchArrivesInItsOrder(loopback: Any) -> None:
    ear, peer = loopback.connected()
    said = b"".join(struct.pack(">I", number) for number in range(MEGABYTE))
    ear.takes = lambda data: len(data) - len(data) % 1000
    peer.setblocking(False)
    sent = 0

    def allSent() -> bool:
        nonlocal sent
        try:
            sent += peer.send(said[sent : sent + MEGABYTE])
        except BlockingIOError:
            pass
        return sent == len(said)

    loopback.until(allSent)
    loopback.until(lambda: len(ear.taken) > len(said) - 1000)
    assert ear.taken == said[: len(ear.taken)]


def test_whatIsNotTakenIsGivenAgain(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.takes = lambda data: len(data) // 4 * 4
    for said in (b"abcdef", b"g", b"hijk"):
        peer.sendall(said)
        count = len(ear.given)
        loopback.until(lambda count=count: len(ear.given) > count)

    assert ear.given == [b"abcdef", b"efg", b"efghijk"]
    assert ear.taken == b"abcdefgh"


def test_lessThanIsWantedIsNotGiven(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.stream.wanted = 5
    for said in (b"a", b"bc", b"d"):
        peer.sendall(said)
        loopback.idle()
    assert ear.given == []

    peer.sendall(b"efg")
    loopback.until(lambda: bool(ear.given))
    assert ear.given == [b"abcdefg"]


def test_pausedTransportIsNotRead(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.transport.pauseProducing()
    peer.sendall(b"later")
    loopback.idle()
    assert ear.given == []

    ear.transport.resumeProducing()
    loopback.until(lambda: ear.taken == b"later")


def test_timeOfTheLastReadIsKnown(loopback: Any) -> None:
    loopback.clock.advance(3)
    ear, peer = loopback.connected()
    assert ear.stream.heardAt == 3
    loopback.clock.advance(4)
    ear.stream.wanted = 100
    peer.sendall(b"too little")
    loopback.until(lambda: ear.stream.heardAt == 7)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """
    Whose reads were acknowledged at once.
    """
    sockets: list[Any] = []
    monkeypatch.setattr(stream, "acknowledgeAtOnce", sockets.append)
    return sockets


def test_soManyReadsAreAcknowledgedAtOnce(loopback: Any, asked: list[Any]) -> None:
    ear, peer = loopback.connected()
    ear.stream.acknowledged = 2
    for number in range(4):
        peer.sendall(b"x")
        loopback.until(lambda number=number: len(ear.given) > number)

    assert asked == [ear.transport.getHandle()] * 2


def test_answerAcknowledges(loopback: Any, asked: list[Any]) -> None:
    ear, peer = loopback.connected()
    ear.stream.acknowledged = 10
    ear.takes = lambda data: ear.stream.write(b"y") or len(data)
    peer.sendall(b"x")
    assert loopback.hears(peer, 1) == b"y"
    assert asked == []

    ear.takes = len
    peer.sendall(b"x")
    loopback.until(lambda: len(ear.given) == 2)
    assert asked == [ear.transport.getHandle()]


def test_partOfAPacketIsAcknowledged(loopback: Any, asked: list[Any]) -> None:
    ear, peer = loopback.connected()
    ear.stream.acknowledged, ear.stream.wanted = 1, 2
    peer.sendall(b"x")
    loopback.until(lambda: bool(asked))

    assert asked == [ear.transport.getHandle()]
    assert ear.given == []


def test_nothingIsAcknowledgedWhenTheConnectionIsGone(loopback: Any, logged: list[Any]) -> None:
    """
    Its socket is closed then.
    """
    ear, peer = loopback.connected()
    ear.stream.acknowledged = 10

    def ending(data: bytes) -> int:
        ear.transport.connectionLost(Failure(main.CONNECTION_DONE))
        return len(data)

    ear.takes = ending
    peer.sendall(b"x")
    loopback.until(lambda: ear.lost is not None)
    assert [event["failure"] for event in logged if "failure" in event] == []


# The end


def test_peerThatClosesIsTheEnd(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.takes = lambda data: 0
    peer.sendall(b"last words")
    peer.close()
    loopback.until(lambda: ear.lost is not None)

    assert ear.given == [b"last words"]
    assert ear.lost.type.__name__ == "ConnectionDone"


def test_peerThatVanishesIsTheEnd(loopback: Any) -> None:
    ear, peer = loopback.connected()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    loopback.until(lambda: ear.lost is not None)

    assert ear.lost.type.__name__ == "ConnectionLost"


def test_errorOfWhoTakesIsTheEnd(loopback: Any, logged: list[Any]) -> None:
    ear, peer = loopback.connected()
    other, othersPeer = loopback.connected()

    def raising(data: bytes) -> int:
        raise RuntimeError("ours")

    ear.takes = raising
    peer.sendall(b"x")
    loopback.until(lambda: ear.lost is not None)

    (failure,) = [event["failure"] for event in logged if "failure" in event]
    assert failure.type is RuntimeError
    logged.clear()
    other.stream.write(b"at once")
    assert loopback.hears(othersPeer, 7) == b"at once"


def test_nothingIsGivenBehindAnAbort(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.takes = lambda data: ear.transport.abortConnection() or len(data)
    peer.sendall(b"one")
    loopback.until(lambda: bool(ear.given))
    loopback.until(lambda: ear.lost is not None)

    assert ear.given == [b"one"]
    assert ear.lost.type.__name__ == "ConnectionAborted"
