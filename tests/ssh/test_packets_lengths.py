"""
L{bastion.ssh.packets}: the length that a peer claims is looked at before anything
is waited for, whatever the cipher.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bastion.algorithms import AEAD_CIPHERS, COMPATIBLE_TO_CLIENTS
from bastion.ssh.ciphers import NoCipher, PacketCipher, packetCipher
from bastion.ssh.packets import MAX_PACKET, MAX_PACKET_BEFORE_LOGIN, Incoming
from bastion.wire import Malformed

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


class Claiming:
    """
    A cipher like another one, to whom a peer claims some length.
    """

    def __init__(self, like: PacketCipher, length: int) -> None:
        self.blockSize, self.aligned = like.blockSize, like.aligned
        self.tagSize = like.tagSize
        self._length = length

    def length(self, sequence: int, view: memoryview, at: int) -> int:
        """
        What is claimed.
        """
        return self._length

    def open(self, sequence: int, packet: memoryview, plain: memoryview) -> memoryview:
        """
        Nobody gets here with a length that is wrong.
        """
        raise AssertionError("opened")

    def seal(self, sequence: int, plain: bytes, packet: memoryview) -> None:
        """
        Not asked for.
        """


def claim(make: Make, length: int, longest: int = MAX_PACKET_BEFORE_LOGIN) -> Incoming:
    """
    Let a peer claim that its next packet has a length, and send its beginning.
    """
    incoming = Incoming()
    incoming.longest = longest
    incoming.newKeys(Claiming(make(), length), strict=False)
    assert incoming.next(memoryview(bytes(incoming.wanted)), 0) is None
    return incoming


@eachCipher
@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5])
def test_lengthWithoutAMessageIsMalformed(make: Make, length: int) -> None:
    with pytest.raises(Malformed, match="an impossible length"):
        claim(make, length)


@eachCipher
@pytest.mark.parametrize("longest", [MAX_PACKET_BEFORE_LOGIN, MAX_PACKET])
def test_lengthBeyondTheLimitIsMalformedAtOnce(make: Make, longest: int) -> None:
    for length in (longest - 3, longest + 1, 2**20, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1):
        with pytest.raises(Malformed, match=f"a packet of {length} bytes"):
            claim(make, length, longest)


@eachCipher
@pytest.mark.parametrize("longest", [MAX_PACKET_BEFORE_LOGIN, MAX_PACKET])
def test_lengthUpToTheLimitIsWaitedFor(make: Make, longest: int) -> None:
    cipher = make()
    length = max(
        length for length in range(longest - 3) if not (length + cipher.aligned) % cipher.blockSize
    )
    assert claim(make, length, longest).wanted == 4 + length + cipher.tagSize


@eachCipher
def test_lengthThatIsNoMultipleOfTheBlockIsMalformed(make: Make) -> None:
    cipher = make()
    for length in range(6, 100):
        if (length + cipher.aligned) % cipher.blockSize:
            with pytest.raises(Malformed, match="an impossible length"):
                claim(make, length)
        else:
            claim(make, length)
