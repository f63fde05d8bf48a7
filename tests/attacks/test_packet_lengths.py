"""
Attack A12: packets whose length is impossible, whose padding is, or which never become
complete (CVE-2024-43410).
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client
from attacking.exchange import CHACHA_POLY, CTR_AND_MAC, CTR_THEN_MAC, GCM
from attacking.stages import UNENCRYPTED, UNPROVED, Stage

from bastion.ssh.keyexchange import HANDSHAKE_TIME
from bastion.ssh.packets import MAX_PACKET, MAX_PACKET_BEFORE_LOGIN
from bastion.wire import MSG_IGNORE, string

#: What may be kept of a packet before the login, in bytes.
KEPT = 40_000
LENGTHS = (0, 1, 4, 5, 7, 11, 35_001, 262_145, 2**20 + 1, 2**31 - 1, 2**31, 2**32 - 1)
SUITES = [GCM, CHACHA_POLY, CTR_THEN_MAC, CTR_AND_MAC]
OLD = b"SSH-2.0-Old"

eachSuite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite[0].decode())
eachStage = pytest.mark.parametrize("stage", [*UNENCRYPTED[1:], *UNPROVED, Stage.SESSION])


def size(stage: Stage) -> int:
    """
    The size of a plain that fits: with its length to a block of 8 bytes before the
    keys, and without it to one of 16 behind them.
    """
    return 12 if stage in UNENCRYPTED else 16


@eachStage
@pytest.mark.parametrize("length", LENGTHS)
def test_impossibleLengthEndsTheConnection(site: Any, leg: str, stage: Stage, length: int) -> None:
    """
    Where it is in the clear: before the keys, and with AES-GCM behind them.
    """
    peer = site.attacker(leg, stage)
    before = site.kept
    ended = site.writes(peer, length.to_bytes(4, "big") + bytes(60))

    possible = stage is Stage.SESSION and length <= MAX_PACKET
    assert ended or possible
    assert site.kept - before < KEPT


@eachSuite
@pytest.mark.parametrize("length", LENGTHS)
def test_impossibleLengthThatIsSealedEndsTheConnection(
    site: Any, leg: str, suite: Any, length: int
) -> None:
    """
    By whoever has the keys, and seals another length than that of his packet.
    """
    peer = site.attacker(leg, Stage.KEYED, suite=suite, version=OLD)
    cipher = peer.outgoing._cipher
    room = bytearray(600)
    _seal(cipher, peer.outgoing.sequence, length, memoryview(room))

    assert site.writes(peer, bytes(room))


def _seal(cipher: Any, sequence: int, length: int, room: memoryview) -> None:
    """
    Write the length as the cipher does, and nothing behind it that is meant.
    """
    if hasattr(cipher, "_lengths"):
        cipher._lengths.reset_nonce((0).to_bytes(8, "big") + sequence.to_bytes(8, "big"))
        cipher._lengths.update_into(length.to_bytes(4, "big"), room)
    elif cipher.aligned:
        cipher._keyStream.update_into(length.to_bytes(4, "big"), room)
    else:
        room[:4] = length.to_bytes(4, "big")


@eachStage
@pytest.mark.parametrize("padding", [0, 1, 3, 254, 255])
def test_impossiblePaddingEndsTheConnection(
    site: Any, leg: str, stage: Stage, padding: int
) -> None:
    """
    In a packet that is whole and sealed as it should be.
    """
    peer = site.attacker(leg, stage, strict=False)
    plain = bytes((padding, MSG_IGNORE)) + string(b"")

    assert site.writes(peer, peer.sealed(plain.ljust(size(stage), b"\0")))


@eachStage
def test_packetOfNothingButPaddingEndsTheConnection(site: Any, leg: str, stage: Stage) -> None:
    """
    There is not even a number.
    """
    peer = site.attacker(leg, stage, strict=False)
    padding = size(stage) - 1

    assert site.writes(peer, peer.sealed(bytes((padding,)) + bytes(padding)))


@eachStage
def test_longestPaddingIsTaken(site: Any, leg: str, stage: Stage) -> None:
    """
    RFC 4253 section 6; or the tests above would say nothing.
    """
    peer = site.attacker(leg, stage, strict=False)
    padding = 255
    least = 1 + 5 + padding
    message = bytes((MSG_IGNORE,)) + string(bytes((size(stage) - least) % 16))

    assert not site.writes(peer, peer.sealed(bytes((padding,)) + message + bytes(padding)))


@pytest.mark.parametrize("step", [1, 1000])
def test_packetThatNeverEndsIsKeptForLittle(site: Any, leg: str, step: int) -> None:
    """
    The longest, but for its last byte; byte by byte, or by more.
    """
    peer = site.attacker(leg, Stage.IDENTIFIED)
    before = site.kept
    length = MAX_PACKET_BEFORE_LOGIN - 4 - (MAX_PACKET_BEFORE_LOGIN % 8)
    packet = length.to_bytes(4, "big") + bytes(length - 1)
    for at in range(0, len(packet), step):
        peer.write(packet[at : at + step])
        site.settle()

    assert not peer.gone
    assert site.kept - before < KEPT
    site.network.advance(HANDSHAKE_TIME + 1)
    assert peer.gone


def test_manyPacketsThatNeverEndAreKeptForLittle(siteOf: Any) -> None:
    """
    And they are given back when their time is over.
    """
    site = siteOf(admission={"per_source_startups": 1000})
    peers = [site.connects(Client(until=Stage.IDENTIFIED)) for _ in range(90)]
    before = site.kept
    for peer in peers:
        site.writes(peer, (34_988).to_bytes(4, "big") + bytes(34_000))

    assert site.kept - before < 90 * KEPT
    site.network.advance(HANDSHAKE_TIME + 1)
    assert all(peer.gone for peer in peers)
    assert site.kept < KEPT


@eachSuite
def test_alteredPacketIsNeverTaken(site: Any, leg: str, suite: Any) -> None:
    """
    Each byte of it in turn; what is behind the alteration makes it complete.
    """
    size = len(site.attacker(leg, Stage.KEYED, suite=suite, version=OLD).packet(2, string(b"")))
    for at in range(size):
        peer = site.attacker(leg, Stage.KEYED, suite=suite, version=OLD)
        packet = bytearray(peer.packet(MSG_IGNORE, string(b"")))
        packet[at] ^= 1 << at % 8
        peer.heard.clear()
        site.writes(peer, bytes(packet))
        site.writes(peer, bytes(MAX_PACKET_BEFORE_LOGIN))

        assert peer.gone, f"byte {at}"
        for client in site.clients:
            site.tcp(client).abortConnection()
        site.settle()
