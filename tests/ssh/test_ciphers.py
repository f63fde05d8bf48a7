"""
Tests of L{bastion.ssh.ciphers}: what all ciphers have in common, each pair of a
cipher and a MAC in turn.  What they do to the bytes is in test_sealing.
"""

from __future__ import annotations

import gc
import random

import pytest
from reading import lengthOf

from bastion.algorithms import AEAD_CIPHERS, KNOWN_CIPHERS, KNOWN_MACS
from bastion.ssh.ciphers import NoCipher, PacketCipher, Sizes, isAead, needs, packetCipher

GCM = [b"aes128-gcm@openssh.com", b"aes256-gcm@openssh.com"]
CHACHA = b"chacha20-poly1305@openssh.com"
CTR = [b"aes128-ctr", b"aes192-ctr", b"aes256-ctr"]
ETM = [b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-512-etm@openssh.com"]
PLAIN_MAC = [b"hmac-sha2-256", b"hmac-sha2-512"]
MACS = ETM + PLAIN_MAC

PAIRS = [(each, b"") for each in [*GCM, CHACHA]] + [(each, mac) for each in CTR for mac in MACS]
IV, KEY, MAC_KEY = (bytes(range(start, start + 64)) for start in (0, 64, 128))

LAST = 2**32 - 1
SLACK = 32
CANARY = 0xEE

Pair = tuple[bytes, bytes]


def made(pair: Pair) -> PacketCipher:
    """
    A cipher of fixed keys, in its first state.
    """
    return packetCipher(*pair, IV, KEY, MAC_KEY) if pair[0] != b"none" else NoCipher()


eachPair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: b"+".join(pair).decode())
eachPairAndNone = pytest.mark.parametrize(
    "pair", [(b"none", b""), *PAIRS], ids=lambda pair: b"+".join(pair).decode()
)


def sealed(cipher: PacketCipher, sequence: int, plain: bytes) -> bytes:
    """
    The packet of a plain.
    """
    size = 4 + len(plain) + cipher.tagSize
    room = bytearray(size + SLACK)
    cipher.seal(sequence, plain, memoryview(room))
    return bytes(room[:size])


def opened(cipher: PacketCipher, sequence: int, packet: bytes) -> bytes:
    """
    The plain of a packet, which has the length that it says.
    """
    view = memoryview(packet)
    length = lengthOf(cipher, sequence, view)
    assert 4 + length + cipher.tagSize == len(packet)
    room = bytearray(length + SLACK)
    plain = cipher.open(sequence, view, memoryview(room))
    assert plain == room[:length]
    return bytes(plain)


def plains(cipher: PacketCipher, sizes: list[int]) -> list[bytes]:
    """
    Plains of about so many bytes, as long as the cipher wants them.
    """
    known = random.Random(4253)
    return [known.randbytes(size + -(size + cipher.aligned) % cipher.blockSize) for size in sizes]


# Names and keys


@pytest.mark.parametrize(
    ("cipher", "mac", "sizes"),
    [
        (b"aes128-gcm@openssh.com", b"", Sizes(iv=12, key=16, macKey=0)),
        (b"aes256-gcm@openssh.com", b"hmac-sha2-256", Sizes(iv=12, key=32, macKey=0)),
        (b"chacha20-poly1305@openssh.com", b"", Sizes(iv=0, key=64, macKey=0)),
        (b"aes128-ctr", b"hmac-sha2-256", Sizes(iv=16, key=16, macKey=32)),
        (b"aes192-ctr", b"hmac-sha2-512", Sizes(iv=16, key=24, macKey=64)),
        (b"aes256-ctr", b"hmac-sha2-256-etm@openssh.com", Sizes(iv=16, key=32, macKey=32)),
        (b"aes256-ctr", b"hmac-sha2-512-etm@openssh.com", Sizes(iv=16, key=32, macKey=64)),
    ],
)
def test_cipherAndMacSayWhatTheyNeed(cipher: bytes, mac: bytes, sizes: Sizes) -> None:
    assert needs(cipher, mac) == sizes


def test_everyKnownAlgorithmIsSupported() -> None:
    """
    Or one would be agreed on that nobody can make.
    """
    known = [each.name for each in KNOWN_CIPHERS]
    assert sorted(known) == sorted([*GCM, CHACHA, *CTR])
    assert sorted(each.name for each in KNOWN_MACS) == sorted(MACS)
    assert {name for name in known if isAead(name)} == AEAD_CIPHERS


@pytest.mark.parametrize(
    ("cipher", "mac"),
    [
        (b"none", b""),
        (b"aes128-cbc", b"hmac-sha2-256"),
        (b"AEAD_AES_128_GCM", b""),
        (b"aes128-ctr", b""),
        (b"aes128-ctr", b"none"),
        (b"aes128-ctr", b"hmac-sha1"),
    ],
)
def test_otherNamesAreNotSupported(cipher: bytes, mac: bytes) -> None:
    with pytest.raises(KeyError):
        needs(cipher, mac)
    with pytest.raises(KeyError):
        packetCipher(cipher, mac, IV, KEY, MAC_KEY)


@eachPair
def test_whatIsLongerThanNeededIsCut(pair: Pair) -> None:
    sizes = needs(*pair)
    exact = packetCipher(*pair, IV[: sizes.iv], KEY[: sizes.key], MAC_KEY[: sizes.macKey])
    assert sealed(exact, 3, bytes(32)) == sealed(made(pair), 3, bytes(32))


@eachPair
def test_nothingShorterThanNeededIsTaken(pair: Pair) -> None:
    """
    Half a key for AES-256 is a key for AES-128.
    """
    sizes = needs(*pair)
    for name, value in (("iv", IV), ("key", KEY), ("macKey", MAC_KEY)):
        if size := getattr(sizes, name):
            given = {"iv": IV, "key": KEY, "macKey": MAC_KEY, name: value[: size - 1]}
            with pytest.raises(ValueError, match="an IV or a key is too short"):
                packetCipher(*pair, **given)


@eachPair
def test_everyByteOfTheKeysCounts(pair: Pair) -> None:
    sizes = needs(*pair)
    packet = sealed(made(pair), 3, bytes(32))
    for name, size in (("iv", sizes.iv), ("key", sizes.key), ("macKey", sizes.macKey)):
        for position in range(size):
            given = {"iv": IV, "key": KEY, "macKey": MAC_KEY}
            changed = bytearray(given[name])
            changed[position] ^= 0x40
            given[name] = bytes(changed)
            assert sealed(packetCipher(*pair, **given), 3, bytes(32)) != packet


@eachPair
def test_noKeyIsShown(pair: Pair) -> None:
    """
    Neither by the cipher nor by anything that it holds.
    """
    cipher = made(pair)
    shown = repr(cipher) + str(cipher) + "".join(map(repr, gc.get_referents(cipher)))
    secrets = [KEY[:16], KEY[16:32], MAC_KEY[:32]]
    for form in [text for each in secrets for text in (repr(each)[2:-1], each.hex())]:
        assert form not in shown


# Packets


@pytest.mark.parametrize(
    ("pair", "sizes"),
    [
        ((b"none", b""), (8, 4, 0)),
        ((b"aes128-gcm@openssh.com", b""), (16, 0, 16)),
        ((CHACHA, b""), (8, 0, 16)),
        ((b"aes128-ctr", b"hmac-sha2-256-etm@openssh.com"), (16, 0, 32)),
        ((b"aes128-ctr", b"hmac-sha2-512-etm@openssh.com"), (16, 0, 64)),
        ((b"aes128-ctr", b"hmac-sha2-256"), (16, 4, 32)),
        ((b"aes128-ctr", b"hmac-sha2-512"), (16, 4, 64)),
    ],
)
def test_cipherSaysItsSizes(pair: Pair, sizes: tuple[int, ...]) -> None:
    cipher = made(pair)
    assert (cipher.blockSize, cipher.aligned, cipher.tagSize) == sizes


def test_withoutACipherThePacketIsItsLengthAndPlain() -> None:
    assert sealed(NoCipher(), 0, b"twelve bytes") == b"\0\0\0\x0ctwelve bytes"


@eachPairAndNone
@pytest.mark.parametrize("sequence", [0, 1, 2**31, LAST])
def test_whatIsSealedIsOpened(pair: Pair, sequence: int) -> None:
    for plain in plains(made(pair), [6, 12, 40, 1000, 32768, 262144]):
        packet = sealed(made(pair), sequence, plain)
        assert opened(made(pair), sequence, packet) == plain
        if pair[0] != b"none":
            assert plain[:12] not in packet


@eachPairAndNone
def test_packetsFollowEachOther(pair: Pair) -> None:
    """
    Of all sizes, over the end of the sequence numbers, through the same two objects.
    """
    sender, receiver = made(pair), made(pair)
    known = random.Random(0)
    sizes = [known.choice([6, 16, 100, 4096, 32768]) for _ in range(300)]
    seen = set()
    for count, plain in enumerate(plains(sender, sizes)):
        sequence = (LAST - 100 + count) & LAST
        packet = sealed(sender, sequence, plain)
        assert opened(receiver, sequence, packet) == plain
        seen.add(packet)
    assert len(seen) == len(sizes)


@eachPair
def test_samePlainIsNeverTheSamePacket(pair: Pair) -> None:
    cipher = made(pair)
    assert len({sealed(cipher, sequence, bytes(28)) for sequence in range(500)}) == 500


@eachPairAndNone
@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_plainMayBeAnyBytes(pair: Pair, form: type) -> None:
    plain = bytes(range(28))
    assert sealed(made(pair), 5, form(plain)) == sealed(made(pair), 5, plain)


@eachPairAndNone
@pytest.mark.parametrize("offset", [0, 1, 7, 61])
def test_sharedMemoryIsWrittenWhereItMay(pair: Pair, offset: int) -> None:
    """
    A packet after a packet in one buffer, at any offset, and a plain in another
    one: with neighbors that stay what they are.
    """
    sender, receiver = made(pair), made(pair)
    buffer, room = bytearray([CANARY]) * 400, bytearray([CANARY]) * 400
    view, roomView = memoryview(buffer), memoryview(room)
    (plain,) = plains(sender, [50])
    size = 4 + len(plain) + sender.tagSize
    for sequence in (0, 1):
        at = offset + sequence * size
        sender.seal(sequence, plain, view[at:])
        assert buffer[at + size + SLACK :] == bytes([CANARY]) * (400 - at - size - SLACK)
    assert buffer[:offset] == bytes([CANARY]) * offset
    for sequence in (0, 1):
        at = offset + sequence * size
        assert lengthOf(receiver, sequence, view, at) == len(plain)
        receiver.open(sequence, view[at : at + size], roomView[offset:])
        assert room[offset : offset + len(plain)] == plain
        assert set(room[:offset] + room[offset + len(plain) :]) == {CANARY}


@eachPairAndNone
def test_leastRoomIsEnough(pair: Pair) -> None:
    for plain in plains(made(pair), [12, 100]):
        packet = sealed(made(pair), 0, plain)
        room = bytearray(len(packet) + SLACK)
        made(pair).seal(0, plain, memoryview(room))
        assert room[: len(packet)] == packet
