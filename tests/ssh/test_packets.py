"""
L{bastion.ssh.packets}: from bytes to messages and back, with every cipher.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bastion.algorithms import AEAD_CIPHERS, COMPATIBLE_TO_CLIENTS
from bastion.ssh.ciphers import NoCipher, PacketCipher, packetCipher
from bastion.ssh.packets import (
    MAX_PACKET,
    MAX_PACKET_BEFORE_LOGIN,
    Incoming,
    Outgoing,
    payloadOf,
)
from bastion.ssh.terms import RekeyLimits
from bastion.wire import MSG_USERAUTH_INFO_RESPONSE, MSG_USERAUTH_REQUEST, Malformed

DATA = 94
#: What a cipher may write behind a packet, and more.
ROOM = 100

Make = Callable[[], PacketCipher]


def maker(cipher: bytes, mac: bytes) -> Make:
    """
    Makes ciphers with the same keys, one for each end.
    """
    return lambda: packetCipher(cipher, mac, bytes(range(16)), bytes(range(64)), bytes(range(64)))


CIPHERS: dict[str, Make] = {"none": NoCipher} | {
    b"+".join(filter(None, (cipher, mac))).decode(): maker(cipher, mac)
    for cipher in COMPATIBLE_TO_CLIENTS.ciphers
    for mac in (COMPATIBLE_TO_CLIENTS.macs if cipher not in AEAD_CIPHERS else (b"",))
}
eachCipher = pytest.mark.parametrize("make", CIPHERS.values(), ids=CIPHERS)


class Ends:
    """
    What one side sends, and the other takes.
    """

    def __init__(self, make: Make) -> None:
        self.outgoing, self.incoming = Outgoing(), Incoming()
        self.outgoing.newKeys(make(), strict=False)
        self.incoming.newKeys(make(), strict=False)

    def packet(self, number: int, payload: bytes) -> bytes:
        """
        A message as it is sent.
        """
        plain = self.outgoing.plain(number, payload)
        size = len(plain) + self.outgoing.beside
        packet = memoryview(bytearray(size + ROOM))
        self.outgoing.seal(plain, packet)
        return bytes(packet[:size])

    def taken(self, data: bytes) -> list[tuple[int, bytes]]:
        """
        The messages in what has arrived.
        """
        messages, at = [], 0
        view = memoryview(data)
        while len(data) - at >= self.incoming.wanted:
            plain = self.incoming.next(view, at)
            if plain is not None:
                messages.append((plain[1], payloadOf(plain)))
                at += self.incoming.size
        assert at == len(data)
        return messages


# There and back


@eachCipher
def test_messagesArriveAsTheyWereSent(make: Make) -> None:
    ends = Ends(make)
    messages = [(number, bytes((number,)) * (number * 37 % 1000)) for number in range(1, 256)]
    data = b"".join(ends.packet(*message) for message in messages)

    assert ends.taken(data) == messages
    assert ends.incoming.sequence == ends.outgoing.sequence == 255
    assert ends.incoming.packets == ends.outgoing.packets == 255
    assert ends.incoming.bytes == len(data)


@eachCipher
@pytest.mark.parametrize("size", [0, 1, 2, 32768, 200_000, MAX_PACKET - 280])
def test_sizesThatDataHasArrive(make: Make, size: int) -> None:
    ends = Ends(make)
    ends.incoming.longest = MAX_PACKET
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)

    for _ in range(2):
        assert ends.taken(ends.packet(DATA, payload)) == [(DATA, payload)]


@eachCipher
def test_packetsArriveByteByByte(make: Make) -> None:
    ends = Ends(make)
    data = b"".join(ends.packet(DATA, payload) for payload in (b"", b"some", b"more" * 20))
    found, at = [], 0
    for end in range(len(data) + 1):
        if end - at < ends.incoming.wanted:
            continue
        plain = ends.incoming.next(memoryview(data)[:end], at)
        if plain is not None:
            found.append(payloadOf(plain))
            at = end

    assert found == [b"", b"some", b"more" * 20]
    assert at == len(data)


@eachCipher
def test_wantedIsWhatIsMissing(make: Make) -> None:
    ends = Ends(make)
    packet = ends.packet(DATA, b"x" * 100)
    assert ends.incoming.wanted == 4

    assert ends.incoming.next(memoryview(packet)[:4], 0) is None
    assert ends.incoming.wanted == len(packet)

    assert ends.incoming.next(memoryview(packet), 0) is not None
    assert ends.incoming.wanted == 4


@eachCipher
def test_packetMayBeginAnywhere(make: Make) -> None:
    ends = Ends(make)
    packet = ends.packet(DATA, b"payload")
    plain = ends.incoming.next(memoryview(b"before" + packet + b"behind"), 6)

    assert plain is not None and payloadOf(plain) == b"payload"
    assert ends.incoming.size == len(packet)


def test_messageHoldsUntilTheNextOnly() -> None:
    """
    Whatever connection that is of; it is why the payload is copied.
    """
    one, two = Ends(NoCipher), Ends(NoCipher)
    plain = one.incoming.next(memoryview(one.packet(DATA, b"first")), 0)
    assert plain is not None
    payload = payloadOf(plain)
    assert two.taken(two.packet(DATA, b"other")) == [(DATA, b"other")]

    assert payload == b"first"
    assert bytes(plain[2:7]) == b"other"


# Padding (RFC 4253 section 6)


@eachCipher
def test_plainIsPaddedForItsCipher(make: Make) -> None:
    ends, cipher = Ends(make), make()
    for size in range(200):
        payload = b"p" * size
        plain = ends.outgoing.plain(DATA, payload)
        assert 4 <= plain[0] < 4 + cipher.blockSize
        assert plain[1:][: 1 + size] == bytes((DATA,)) + payload
        assert len(plain) == 2 + size + plain[0]
        assert (len(plain) + cipher.aligned) % cipher.blockSize == 0
        assert len(ends.packet(DATA, payload)) == len(plain) + ends.outgoing.beside


def test_paddingIsRandom() -> None:
    outgoing = Outgoing()
    plains = {outgoing.plain(DATA, b"same") for _ in range(20)}
    assert len(plains) == 20


@eachCipher
def test_outgoingSaysWhatAPlainIsToBeAMultipleOf(make: Make) -> None:
    outgoing = Ends(make).outgoing
    for size in range(40):
        plain = outgoing.plain(DATA, bytes(size))
        assert (len(plain) + outgoing.aligned) % outgoing.blockSize == 0
    assert (outgoing.blockSize, outgoing.aligned) == (make().blockSize, make().aligned)


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_paddingThatIsTooShortIsMalformed(padding: int) -> None:
    with pytest.raises(Malformed, match="padding leaves no message"):
        opened(12, padding)


@pytest.mark.parametrize("padding", [11, 12, 255])
def test_paddingThatLeavesNoMessageIsMalformed(padding: int) -> None:
    with pytest.raises(Malformed, match="padding leaves no message"):
        opened(12, padding)


@pytest.mark.parametrize("padding", [4, 9, 10])
def test_paddingThatLeavesOneIsNot(padding: int) -> None:
    plain = opened(12, padding)
    assert plain is not None
    assert len(payloadOf(plain)) == 10 - padding


def opened(length: int, padding: int) -> memoryview | None:
    """
    Open a packet that is not encrypted.
    """
    packet = length.to_bytes(4, "big") + bytes((padding, DATA)) + bytes(length - 2)
    return Incoming().next(memoryview(packet), 0)


# Keys and numbers


@pytest.mark.parametrize("strict", [True, False])
def test_newKeysCountAnew(strict: bool) -> None:
    ends = Ends(NoCipher)
    ends.taken(ends.packet(DATA, b"one") + ends.packet(DATA, b"two"))
    for direction in (ends.incoming, ends.outgoing):
        direction.newKeys(NoCipher(), strict)
        assert (direction.packets, direction.bytes) == (0, 0)
        assert direction.sequence == (0 if strict else 2)


@pytest.mark.parametrize("limits", [RekeyLimits(bytes=33), RekeyLimits(packets=2)])
def test_newKeysAreNotSpent(limits: RekeyLimits) -> None:
    ends = Ends(NoCipher)
    for direction in (ends.incoming, ends.outgoing):
        direction.limit(limits)
    for spent in (False, False, True, True):
        ends.taken(ends.packet(DATA, b"one"))
        assert ends.incoming.spent is ends.outgoing.spent is spent
    for direction in (ends.incoming, ends.outgoing):
        direction.newKeys(NoCipher(), strict=True)
        assert not direction.spent


@eachCipher
def test_numbersAreModulo2To32(make: Make) -> None:
    ends = Ends(make)
    ends.incoming.sequence = ends.outgoing.sequence = 2**32 - 2
    payloads = [bytes((number,)) for number in range(5)]
    data = b"".join(ends.packet(DATA, payload) for payload in payloads)

    assert ends.taken(data) == [(DATA, payload) for payload in payloads]
    assert ends.incoming.sequence == ends.outgoing.sequence == 3


@pytest.mark.parametrize("name", [name for name in CIPHERS if name != "none"])
def test_packetThatWasAlteredIsMalformed(name: str) -> None:
    make = CIPHERS[name]
    altered = bytearray(Ends(make).packet(DATA, b"payload"))
    altered[-1] ^= 1

    with pytest.raises(Malformed, match="failed its integrity check"):
        Ends(make).taken(bytes(altered))


def test_limitsAreAsTheyAre() -> None:
    """
    RFC 4253 section 6.1; and 256 KiB of data with what is around them.
    """
    assert MAX_PACKET_BEFORE_LOGIN == 35_000
    assert MAX_PACKET == 257 * 1024
    assert Incoming().longest == MAX_PACKET_BEFORE_LOGIN


@pytest.mark.parametrize("number", [MSG_USERAUTH_REQUEST, MSG_USERAUTH_INFO_RESPONSE])
def test_lengthOfAPasswordIsNotToldByItsPacket(number: int) -> None:
    outgoing = Outgoing()
    plains = [outgoing.plain(number, bytes(length)) for length in range(8, 50)]
    sizes = {len(plain) + outgoing.beside for plain in plains}

    assert len(sizes) <= 2
    assert all(size % 64 == 0 for size in sizes)
    plain = outgoing.plain(number, b"secret")
    assert payloadOf(memoryview(plain)) == b"secret"
    assert 4 <= plain[0] <= 255
