"""
L{bastion.ssh.stream}: both kinds of stream send alike, over TCP on the loopback: in
order, once a turn, and to a peer that does not read too.
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import Any

import pytest

from bastion.ssh.stream import outbox

MEGABYTE = 1024 * 1024
PACKET = 200_000


def transmitted(ear: Any) -> list[int]:
    """
    The sizes of what will be handed to the transport.
    """
    sizes: list[int] = []
    transmit = ear.stream.transmit

    def transmitting(view: memoryview) -> None:
        sizes.append(len(view))
        transmit(view)

    ear.stream.transmit = transmitting
    return sizes


class Sealer:
    """
    Seals a packet as a cipher does, which may write some bytes too many.
    """

    beside = 0

    def seal(self, plain: bytes, packet: memoryview) -> None:
        """
        As it is.
        """
        assert len(packet) >= len(plain) + 32
        packet[: len(plain) + 32] = plain + bytes(32)


def filled(ear: Any, data: bytes) -> None:
    """
    Send a packet.
    """
    outbox.seal(ear.stream, Sealer(), data)


def numbered(count: int, size: int) -> list[bytes]:
    """
    Packets of which no two are alike.
    """
    return [struct.pack(">I", number) + os.urandom(size - 4) for number in range(count)]


# Turns


def test_whatIsSentOutsideOfATurnLeavesAtOnce(loopback: Any) -> None:
    ear, peer = loopback.connected()
    sizes = transmitted(ear)
    ear.stream.write(b"line\r\n")
    filled(ear, b"packet")
    assert sizes == [6, 6]

    assert loopback.hears(peer, 12) == b"line\r\npacket"


def test_whatIsSentInATurnLeavesTogether(loopback: Any) -> None:
    ear, peer = loopback.connected()
    sizes = transmitted(ear)

    def answering(data: bytes) -> int:
        for word in (b"one ", b"two ", b"three"):
            filled(ear, word)
        assert sizes == []
        return len(data)

    ear.takes = answering
    peer.sendall(b"count")
    assert loopback.hears(peer, 13) == b"one two three"
    assert sizes == [13]


def test_whatWaitsForTheEndOfATurnCanBeSent(loopback: Any) -> None:
    ear, peer = loopback.connected()
    sizes = transmitted(ear)

    def closing(data: bytes) -> int:
        filled(ear, b"last words")
        ear.stream.flush()
        assert sizes == [10]
        ear.transport.loseConnection()
        return len(data)

    ear.takes = closing
    peer.sendall(b"go")
    assert loopback.hears(peer, 100) == b"last words"


def test_whatOthersHaveWaitingStaysTogether(loopback: Any) -> None:
    """
    The end of one leg is the beginning of what the other is told.
    """
    (ending, _), (told, peer) = loopback.connected(), loopback.connected()
    sizes = transmitted(told)
    with outbox:
        filled(told, b"the last ")
        ending.stream.flush()
        assert sizes == []
        filled(told, b"goodbye")
    assert loopback.hears(peer, 16) == b"the last goodbye"
    assert sizes == [16]


def test_turnsMayBeWithinOthers(loopback: Any) -> None:
    ear, peer = loopback.connected()
    sizes = transmitted(ear)
    with outbox:
        with outbox:
            filled(ear, b"who ")
        assert sizes == []
        filled(ear, b"what")
    assert loopback.hears(peer, 8) == b"who what"
    assert sizes == [8]


def test_streamsOfOneTurnKeepTheirOwnOrder(loopback: Any) -> None:
    ears, peers = zip(*(loopback.connected() for _ in range(3)), strict=True)
    order = [0, 1, 0, 2, 2, 1, 0, 0, 1, 2] * 20
    expected: list[bytes] = [b"", b"", b""]

    def answering(data: bytes) -> int:
        for number, which in enumerate(order):
            word = struct.pack(">II", which, number)
            expected[which] += word
            filled(ears[which], word)
        return len(data)

    ears[0].takes = answering
    peers[0].sendall(b"go")
    loopback.until(lambda: bool(ears[0].given))

    for which, peer in enumerate(peers):
        assert loopback.hears(peer, len(expected[which])) == expected[which]


def test_moreThanThereIsRoomForLeavesInItsOrder(loopback: Any) -> None:
    ear, peer = loopback.connected()
    packets = numbered(30, PACKET)

    def answering(data: bytes) -> int:
        for packet in packets:
            filled(ear, packet)
        return len(data)

    ear.takes = answering
    peer.sendall(b"go")
    loopback.until(lambda: bool(ear.given))
    assert loopback.hears(peer, 30 * PACKET) == b"".join(packets)


# Peers that do not read


@pytest.mark.parametrize("size", [100, 5000, PACKET])
def test_peerThatDoesNotReadGetsEverythingInItsOrderLater(loopback: Any, size: int) -> None:
    ear, peer = loopback.connected()
    packets = numbered(16 * MEGABYTE // size if size > 1000 else 1000, size)
    sent = hashlib.sha256()
    for number, packet in enumerate(packets):
        filled(ear, packet)
        sent.update(packet)
        if number % 10 == 0:
            loopback.reactor.iterate(0)
    filled(ear, b"behind")
    sent.update(b"behind")

    heard = loopback.hears(peer, len(packets) * size + 6)
    assert hashlib.sha256(heard).digest() == sent.digest()


def test_whatIsSentWhileThePeerReadsSlowlyKeepsItsOrder(loopback: Any) -> None:
    """
    The socket has room again before everything that had waited is sent.
    """
    ear, peer = loopback.connected()
    sent, heard = b"", b""
    packets = iter(numbered(600, 30_000))
    for packet in packets:
        filled(ear, packet)
        sent += packet
        if len(sent) - len(heard) > 8 * MEGABYTE:
            heard += loopback.hears(peer, 100_000)

    assert heard + loopback.hears(peer, len(sent) - len(heard)) == sent


def test_producerIsPausedAndResumed(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.transport.registerProducer(ear, True)
    count = 0
    while not ear.paced:
        filled(ear, bytes(PACKET))
        count += 1
        assert count < 1000
    # Not with each of its packets, and not for nothing.
    assert ear.paced == ["pause"]
    assert count * PACKET > 65536

    loopback.hears(peer, count * PACKET)
    loopback.until(lambda: len(ear.paced) == 2)
    assert ear.paced == ["pause", "resume"]
    ear.transport.unregisterProducer()


def test_producerIsNotPausedForWhatThePeerReads(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.transport.registerProducer(ear, True)
    for _ in range(100):
        filled(ear, bytes(10_000))
        assert loopback.hears(peer, 10_000) == bytes(10_000)

    assert ear.paced == []
    ear.transport.unregisterProducer()


# The end


def test_whatWasSentArrivesBeforeTheEnd(loopback: Any) -> None:
    ear, peer = loopback.connected()
    packets = numbered(50, PACKET)
    for packet in packets:
        filled(ear, packet)
    ear.transport.loseConnection()

    assert loopback.hears(peer, 51 * PACKET) == b"".join(packets)
    loopback.until(lambda: ear.lost is not None)
    assert ear.lost.type.__name__ == "ConnectionDone"


def test_whatIsSentWhileItEndsArrivesToo(loopback: Any) -> None:
    ear, peer = loopback.connected()
    filled(ear, b"one ")
    ear.transport.loseConnection()
    filled(ear, b"two")

    assert loopback.hears(peer, 100) == b"one two"


def test_abortDoesNotWaitForAPeerThatDoesNotRead(loopback: Any) -> None:
    ear, _ = loopback.connected()
    for packet in numbered(50, PACKET):
        filled(ear, packet)
    ear.transport.abortConnection()
    loopback.until(lambda: ear.lost is not None)

    assert ear.lost.type.__name__ == "ConnectionAborted"


@pytest.mark.parametrize("end", ["loseConnection", "abortConnection"])
def test_nothingIsSentBehindTheEnd(loopback: Any, end: str) -> None:
    ear, peer = loopback.connected()
    getattr(ear.transport, end)()
    loopback.until(lambda: ear.lost is not None)
    filled(ear, b"too late")
    ear.stream.write(b"too late")
    ear.stream.flush()
    loopback.idle()

    peer.settimeout(10)
    try:
        assert peer.recv(100) == b""
    except ConnectionResetError:
        assert end == "abortConnection"


def test_peerThatIsGoneIsFoundOutBySending(loopback: Any) -> None:
    ear, peer = loopback.connected()
    ear.transport.pauseProducing()
    peer.close()
    for _ in range(3):
        filled(ear, bytes(PACKET))
        loopback.idle()
    loopback.until(lambda: ear.lost is not None)

    assert ear.lost.type.__name__ == "ConnectionLost"


def test_oneThatIsGoneDoesNotDisturbTheOthers(loopback: Any) -> None:
    (gone, _), (ear, peer) = loopback.connected(), loopback.connected()
    gone.transport.abortConnection()
    loopback.until(lambda: gone.lost is not None)

    def answering(data: bytes) -> int:
        for word in (b"one ", b"two"):
            filled(gone, b"nobody hears this")
            filled(ear, word)
        return len(data)

    ear.takes = answering
    peer.sendall(b"go")
    assert loopback.hears(peer, 7) == b"one two"
