"""
The ciphers of the binary packet protocol (pure): what they have in common, which
there are, and what each takes from the key exchange.

A I{plain} is C{padding_length}, payload, padding; a I{packet} is the length field,
the encrypted plain and the tag (RFC 4253 section 6).  One object opens the packets
that come, or seals those that go: a connection has one for each direction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Protocol

from attrs import frozen
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm

from bastion.ssh.sealing import AesGcm, ChaChaPoly, CtrAndMac, CtrThenMac, Plain


class PacketCipher(Protocol):
    """
    One direction of a connection, from new keys to new keys.

    The caller sees to the sizes, of the memory and of what a peer says.

    @ivar blockSize: what the padded part of a packet is a multiple of, in bytes.
    @ivar aligned: how many bytes of the length field count for that: all four
        (RFC 4253 section 6), or none where it is not encrypted with the plain.
    @ivar tagSize: how many bytes follow the encrypted plain.
    """

    blockSize: int
    aligned: int
    tagSize: int

    @property
    def length(self) -> Callable[[int, memoryview, int], int] | None:
        """
        Tells the C{packet_length} of the next packet where it is encrypted: how many bytes
        its plain has; L{None} where it is in the clear, for C{lengthAt}.  To be asked exactly
        once for each packet, before L{open}, for::

            sequence  the number of the packet, 0 to 2^32 - 1
            view      what has arrived
            at        where in it the packet begins; at least four bytes of it are there

        It is any number of 32 bits: that nobody has altered it, L{open} finds out.
        """

    def open(self, sequence: int, packet: memoryview, plain: memoryview) -> memoryview:
        """
        Verify and decrypt a packet.

        @param packet: all of it, and nothing after it.
        @param plain: where to write its plain, from the beginning on, and nothing
            behind it; has room for 32 bytes more.
        @return: the part of C{plain} that was written.
        @raise Malformed: when the packet is not as it was sealed, or not in its
            turn.  Nothing of it is in C{plain} then, and there is no next one.
        """

    def seal(self, sequence: int, plain: Plain, packet: memoryview) -> None:
        """
        Encrypt a plain.

        @param sequence: the number of the packet, 0 to 2^32 - 1.
        @param packet: where to write the packet, from the beginning on; has room
            for 32 bytes more.
        """


class NoCipher:
    """
    Before the first keys: nothing is encrypted, and nothing is verified.
    """

    __slots__ = ()

    blockSize = 8
    aligned = 4
    tagSize = 0
    length = None

    def open(self, sequence: int, packet: memoryview, plain: memoryview) -> memoryview:
        """
        Copy the plain.
        """
        opened = plain[: len(packet) - 4]
        opened[:] = packet[4:]
        return opened

    def seal(self, sequence: int, plain: Plain, packet: memoryview) -> None:
        """
        Put the length before the plain.
        """
        size = len(plain)
        packet[:4] = size.to_bytes(4, "big")
        packet[4 : 4 + size] = plain


_CHACHA_POLY = b"chacha20-poly1305@openssh.com"
#: The sizes of the keys, in bytes.
_AES_GCM = {b"aes128-gcm@openssh.com": 16, b"aes256-gcm@openssh.com": 32}
_AES_CTR = {b"aes128-ctr": 16, b"aes192-ctr": 24, b"aes256-ctr": 32}
#: The key of an HMAC is as long as its hash (RFC 6668 section 2).
_MACS: dict[bytes, tuple[type[CtrThenMac | CtrAndMac], HashAlgorithm]] = {
    b"hmac-sha2-256-etm@openssh.com": (CtrThenMac, SHA256()),
    b"hmac-sha2-512-etm@openssh.com": (CtrThenMac, SHA512()),
    b"hmac-sha2-256": (CtrAndMac, SHA256()),
    b"hmac-sha2-512": (CtrAndMac, SHA512()),
}


@frozen
class Sizes:
    """
    What one direction takes from the key exchange (RFC 4253 section 7.2), in bytes.
    """

    iv: int
    key: int
    macKey: int


def isAead(cipher: bytes) -> bool:
    """
    Whether a cipher makes its own tag, so that no MAC is needed.
    """
    return cipher in _AES_GCM or cipher == _CHACHA_POLY


@cache
def needs(cipher: bytes, mac: bytes) -> Sizes:
    """
    What a cipher and a MAC need.

    @param mac: any name where L{isAead}.
    @raise KeyError: for a name that is not supported.
    """
    if cipher == _CHACHA_POLY:
        return Sizes(iv=0, key=64, macKey=0)
    if cipher in _AES_GCM:
        return Sizes(iv=12, key=_AES_GCM[cipher], macKey=0)
    return Sizes(iv=16, key=_AES_CTR[cipher], macKey=_MACS[mac][1].digest_size)


def packetCipher(cipher: bytes, mac: bytes, iv: bytes, key: bytes, macKey: bytes) -> PacketCipher:
    """
    Make what opens or seals the packets of one direction.

    @param mac: any name where L{isAead}.
    @param iv: like C{key} and C{macKey}, cut to what is needed.
    @raise KeyError: for a name that is not supported.
    @raise ValueError: when an IV or a key is too short.
    """
    sizes = needs(cipher, mac)
    if len(iv) < sizes.iv or len(key) < sizes.key or len(macKey) < sizes.macKey:
        raise ValueError("an IV or a key is too short")
    iv, key, macKey = iv[: sizes.iv], key[: sizes.key], macKey[: sizes.macKey]
    if cipher == _CHACHA_POLY:
        return ChaChaPoly(key)
    if cipher in _AES_GCM:
        return AesGcm(iv, key)
    construction, algorithm = _MACS[mac]
    return construction(iv, key, macKey, algorithm)
