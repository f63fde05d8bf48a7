"""
Tests of L{bastion.ssh.sealing}: whatever was altered on the way is refused, and
nothing of it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from reading import lengthOf

from bastion.ssh.ciphers import PacketCipher, needs, packetCipher
from bastion.wire import Malformed

CTR = [b"aes128-ctr", b"aes192-ctr", b"aes256-ctr"]
MACS = [b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-512-etm@openssh.com"]
MACS += [b"hmac-sha2-256", b"hmac-sha2-512"]
AEADS = [b"aes128-gcm@openssh.com", b"aes256-gcm@openssh.com", b"chacha20-poly1305@openssh.com"]
PAIRS = [(each, b"") for each in AEADS] + [(each, mac) for each in CTR for mac in MACS]
IV, KEY, MAC_KEY = (bytes(range(start, start + 64)) for start in (0, 64, 128))

#: 4 bytes short of two blocks: for those ciphers that count the length field.
PLAIN = b"\x0a" + b"a plain that has padding" + bytes(3)
CANARY = bytes([0xEE])
REFUSED = "^a packet failed its integrity check$"

Make = Callable[[], PacketCipher]


@pytest.fixture(params=PAIRS, ids=lambda pair: b"+".join(pair).decode())
def make(request: pytest.FixtureRequest) -> Make:
    """
    Makes ciphers of fixed keys, in their first state; each pair in turn.
    """
    return lambda: packetCipher(*request.param, IV, KEY, MAC_KEY)


def padded(cipher: PacketCipher, plain: bytes = PLAIN) -> bytes:
    """
    A plain as long as the cipher wants it.
    """
    return plain + bytes(-(len(plain) + cipher.aligned) % cipher.blockSize)


def sealed(cipher: PacketCipher, sequence: int, plain: bytes) -> bytes:
    """
    The packet of a plain.
    """
    size = 4 + len(plain) + cipher.tagSize
    room = bytearray(size + 32)
    cipher.seal(sequence, plain, memoryview(room))
    return bytes(room[:size])


def refused(cipher: PacketCipher, sequence: int, packet: bytes, length: int | None = None) -> None:
    """
    See that a packet is not opened, and that nothing of it is left.

    @param length: what its length field is thought to be.
    """
    read = lengthOf(cipher, sequence, packet)
    assert length in (None, read)
    room = bytearray(CANARY * (len(packet) + 32))
    with pytest.raises(Malformed, match=REFUSED) as caught:
        cipher.open(sequence, memoryview(packet), memoryview(room))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    size = len(packet) - 4 - cipher.tagSize
    assert bytes(room[:size]) in (CANARY * size, bytes(size))
    assert set(room[size:]) == set(CANARY)


def flipped(packet: bytes, masks: tuple[int, ...] = (0x01, 0x80, 0xFF)) -> Iterator[bytes]:
    """
    The packet with each of its bytes altered, one at a time.
    """
    for position in range(len(packet)):
        for mask in masks:
            altered = bytearray(packet)
            altered[position] ^= mask
            yield bytes(altered)


def afterOne(make: Make) -> tuple[PacketCipher, PacketCipher]:
    """
    A sender and a receiver, with one packet behind them.
    """
    sender, receiver = make(), make()
    plain = padded(sender)
    packet = sealed(sender, 0, plain)
    room = bytearray(len(plain) + 32)
    assert lengthOf(receiver, 0, packet) == len(plain)
    receiver.open(0, memoryview(packet), memoryview(room))
    assert room[: len(plain)] == plain
    return sender, receiver


def test_noByteOfAPacketMayBeAltered(make: Make) -> None:
    """
    Of the length field, the encrypted plain and the tag.
    """
    for altered in flipped(sealed(make(), 0, padded(make()))):
        refused(make(), 0, altered)


def test_noByteOfALaterPacketMayBeAltered(make: Make) -> None:
    sender, _ = afterOne(make)
    for altered in flipped(sealed(sender, 1, padded(sender)), masks=(0x10,)):
        refused(afterOne(make)[1], 1, altered)


def test_noByteOfALargePacketMayBeAltered(make: Make) -> None:
    packet = sealed(make(), 0, padded(make(), bytes(32768)))
    for position in (0, 3, 4, 5, 20, 16384, len(packet) - 65, len(packet) - 17, len(packet) - 1):
        altered = bytearray(packet)
        altered[position] ^= 0x04
        refused(make(), 0, bytes(altered))


def test_packetMayNotBeCutOrContinued(make: Make) -> None:
    """
    Where the length field is in clear, or can be altered at will: with the bytes
    that are then taken for the tag.
    """
    packet = sealed(make(), 0, padded(make(), bytes(64)))
    block = make().blockSize
    for size in (len(packet) - block, len(packet) + block):
        length = size - 4 - make().tagSize
        # What makes one length of the other makes it of the encrypted one, too.
        mask = (length ^ (len(packet) - 4 - make().tagSize)).to_bytes(4, "big")
        head = bytes(each ^ other for each, other in zip(packet[:4], mask, strict=True))
        refused(make(), 0, (head + packet[4:] + bytes(block))[:size], length)


def test_tagOfAnotherPacketIsNone(make: Make) -> None:
    size = make().tagSize
    one, other = (sealed(make(), 0, padded(make(), each)) for each in (bytes(30), PLAIN))
    refused(make(), 0, one[:-size] + other[-size:])
    for tag in (bytes(size), b"\xff" * size):
        refused(make(), 0, one[:-size] + tag)


def test_packetMayNotBeReplayed(make: Make) -> None:
    sender, receiver = make(), make()
    plain = padded(sender)
    packet = memoryview(sealed(sender, 0, plain))
    assert lengthOf(receiver, 0, packet) == len(plain)
    receiver.open(0, packet, memoryview(bytearray(100)))
    refused(receiver, 1, bytes(packet))


def test_packetMayNotBeDropped(make: Make) -> None:
    sender = make()
    sealed(sender, 0, padded(sender))
    refused(make(), 0, sealed(sender, 1, padded(sender)))


@pytest.mark.parametrize("sequence", [1, 7, 2**16, 2**31, 2**32 - 1])
@pytest.mark.parametrize("pair", PAIRS[2:], ids=lambda pair: b"+".join(pair).decode())
def test_packetIsOfItsSequenceNumber(pair: tuple[bytes, bytes], sequence: int) -> None:
    """
    AES-GCM counts by itself, and does not know the number.
    """
    cipher = packetCipher(*pair, IV, KEY, MAC_KEY)
    packet = sealed(cipher, 0, padded(cipher))
    refused(packetCipher(*pair, IV, KEY, MAC_KEY), sequence, packet)


def verifying(pair: tuple[bytes, bytes]) -> Iterator[tuple[str, int]]:
    """
    The bytes of the keys that a tag depends on: not those that only decrypt.
    """
    sizes = needs(*pair)
    if pair[1].endswith(b"-etm@openssh.com"):
        parts = {"macKey": sizes.macKey}
    elif pair[0].startswith(b"chacha20"):
        parts = {"key": 32}
    else:
        parts = {"iv": sizes.iv, "key": sizes.key, "macKey": sizes.macKey}
    yield from ((name, position) for name, size in parts.items() for position in range(size))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: b"+".join(pair).decode())
def test_packetIsOfItsKeys(pair: tuple[bytes, bytes]) -> None:
    keys = {"iv": IV, "key": KEY, "macKey": MAC_KEY}
    cipher = packetCipher(*pair, **keys)
    packet = sealed(cipher, 0, padded(cipher))
    for name, position in verifying(pair):
        changed = bytearray(keys[name])
        changed[position] ^= 0x02
        refused(packetCipher(*pair, **{**keys, name: bytes(changed)}), 0, packet)


def test_refusalSaysNothingOfTheBytes(make: Make) -> None:
    packet = bytearray(sealed(make(), 0, padded(make())))
    packet[-1] ^= 1
    cipher = make()
    lengthOf(cipher, 0, packet)
    with pytest.raises(Malformed) as caught:
        cipher.open(0, memoryview(packet), memoryview(bytearray(100)))
    assert caught.value.args == ("a packet failed its integrity check",)
