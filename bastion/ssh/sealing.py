"""
The four ways to encrypt a packet and to protect it from being altered (pure).

Each class is a L{bastion.ssh.ciphers.PacketCipher}, where the contract of its
methods is; here is what it does with the bytes.  The sources: RFC 4344 (AES-CTR),
RFC 6668 (HMAC-SHA2), RFC 5647 (AES-GCM), sections 1.5 (encrypt-then-MAC) and 1.6
(AES-GCM) of OpenSSH's PROTOCOL, and its PROTOCOL.chacha20poly1305.

Every microsecond counts twice for each packet of a session, so the memory is the
caller's, nothing but a cipher copies a plain, and what can be made once is.
"""

from __future__ import annotations

from hmac import compare_digest
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES, ChaCha20
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.poly1305 import Poly1305

from bastion.wire import Malformed

Plain = bytes | bytearray | memoryview

_uint32 = Struct(">I")
_putUint32 = _uint32.pack_into
#: The length field at an offset, where it is in the clear; like all of C{struct}, in a tuple.
lengthAt = _uint32.unpack_from
_packUint32 = _uint32.pack

#: The fixed field and the invocation counter (RFC 5647 section 7.1).
_packGcmNonce = Struct(">4sQ").pack
_INVOCATIONS = 0xFFFF_FFFF_FFFF_FFFF
#: The number of the first block, which is little-endian but zero, and the packet's.
_packChaChaNonce = Struct(">QQ").pack
_CHACHA_BLOCK = bytes(64)
_poly1305 = Poly1305.generate_tag


def _altered() -> Malformed:
    return Malformed("a packet failed its integrity check")


class AesGcm:
    """
    AES-GCM.  The length field is associated data, and the nonce counts packets from
    where the key exchange says: the sequence number has no part in it.
    """

    __slots__ = ("_aead", "_fixed", "_invocation")

    blockSize = 16
    aligned = 0
    tagSize = 16
    length = None

    def __init__(self, iv: bytes, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._fixed = iv[:4]
        self._invocation = int.from_bytes(iv[4:], "big")

    def open(self, sequence: int, packet: memoryview, plain: memoryview) -> memoryview:
        """
        Verify while decrypting, and forget what was decrypted if it was altered.
        """
        size = len(packet) - 20
        invocation = self._invocation
        self._invocation = (invocation + 1) & _INVOCATIONS
        nonce = _packGcmNonce(self._fixed, invocation)
        opened = plain[:size]
        try:
            self._aead.decrypt_into(nonce, packet[4:], packet[:4], opened)
        except InvalidTag:
            opened[:] = bytes(size)
            raise _altered() from None
        return opened

    def seal(self, sequence: int, plain: Plain, packet: memoryview) -> None:
        """
        Encrypt, with the tag behind it.
        """
        size = len(plain)
        _putUint32(packet, 0, size)
        invocation = self._invocation
        self._invocation = (invocation + 1) & _INVOCATIONS
        nonce = _packGcmNonce(self._fixed, invocation)
        self._aead.encrypt_into(nonce, plain, _packUint32(size), packet[4 : size + 20])


class ChaChaPoly:
    """
    ChaCha20 with Poly1305.  The second half of the key is for the length field
    alone; the nonce is the sequence number.
    """

    __slots__ = ("_lengths", "_plains")

    blockSize = 8
    aligned = 0
    tagSize = 16

    def __init__(self, key: bytes) -> None:
        self._plains = Cipher(ChaCha20(key[:32], bytes(16)), None).encryptor()
        self._lengths = Cipher(ChaCha20(key[32:], bytes(16)), None).encryptor()

    def length(self, sequence: int, view: memoryview, at: int) -> int:
        """
        Decrypt it.
        """
        self._lengths.reset_nonce(_packChaChaNonce(0, sequence))
        length: int = lengthAt(self._lengths.update(view[at : at + 4]))[0]
        return length

    def _begin(self, nonce: bytes) -> bytes:
        """
        Take block 0, so that the plain is encrypted from block 1 on.

        @return: the key of the tag, which is half of that block.
        """
        self._plains.reset_nonce(nonce)
        return self._plains.update(_CHACHA_BLOCK)[:32]

    def open(self, sequence: int, packet: memoryview, plain: memoryview) -> memoryview:
        """
        Verify, then decrypt.
        """
        end = len(packet) - 16
        key = self._begin(_packChaChaNonce(0, sequence))
        if not compare_digest(_poly1305(key, packet[:end]), packet[end:]):
            raise _altered()
        self._plains.update_into(packet[4:end], plain)
        return plain[: end - 4]

    def seal(self, sequence: int, plain: Plain, packet: memoryview) -> None:
        """
        Encrypt the length field and the plain, and make the tag of both.
        """
        size = len(plain)
        end = size + 4
        nonce = _packChaChaNonce(0, sequence)
        self._lengths.reset_nonce(nonce)
        self._lengths.update_into(_packUint32(size), packet)
        key = self._begin(nonce)
        self._plains.update_into(plain, packet[4:])
        packet[end : end + 16] = _poly1305(key, packet[:end])


class _Ctr:
    """
    AES-CTR and an HMAC.  The key stream goes on from packet to packet; to decrypt
    is to encrypt.

    @ivar tagSize: the whole of the HMAC's hash, in bytes.
    """

    __slots__ = ("_keyStream", "_mac", "tagSize")

    blockSize = 16

    def __init__(self, iv: bytes, key: bytes, macKey: bytes, algorithm: HashAlgorithm) -> None:
        self._keyStream = Cipher(AES(key), CTR(iv)).encryptor()
        self._mac = HMAC(macKey, algorithm)
        self.tagSize = algorithm.digest_size

    def _tag(self, begin: bytes, rest: Plain) -> bytes:
        mac = self._mac.copy()
        mac.update(begin)
        mac.update(rest)
        return mac.finalize()


class CtrThenMac(_Ctr):
    """
    Encrypt-then-MAC: of the sequence number, the length field in clear and what is
    encrypted.
    """

    __slots__ = ()

    aligned = 0
    length = None

    def open(self, sequence: int, packet: memoryview, plain: memoryview) -> memoryview:
        """
        Verify, then decrypt.
        """
        end = len(packet) - self.tagSize
        if not compare_digest(self._tag(_packUint32(sequence), packet[:end]), packet[end:]):
            raise _altered()
        self._keyStream.update_into(packet[4:end], plain)
        return plain[: end - 4]

    def seal(self, sequence: int, plain: Plain, packet: memoryview) -> None:
        """
        Encrypt, then make the tag.
        """
        size = len(plain)
        end = size + 4
        _putUint32(packet, 0, size)
        self._keyStream.update_into(plain, packet[4:])
        packet[end : end + self.tagSize] = self._tag(_packUint32(sequence), packet[:end])


class CtrAndMac(_Ctr):
    """
    Encrypt-and-MAC (RFC 4253 section 6.4): of the sequence number, the length field
    and the plain, as they are in the clear.
    """

    __slots__ = ("_head",)

    aligned = 4

    def __init__(self, iv: bytes, key: bytes, macKey: bytes, algorithm: HashAlgorithm) -> None:
        super().__init__(iv, key, macKey, algorithm)
        self._head = b""

    def length(self, sequence: int, view: memoryview, at: int) -> int:
        """
        Decrypt it, and keep it for the tag.
        """
        # Of a key stream, a part of a block can be used, and the rest of it later.
        self._head = self._keyStream.update(view[at : at + 4])
        length: int = lengthAt(self._head)[0]
        return length

    def open(self, sequence: int, packet: memoryview, plain: memoryview) -> memoryview:
        """
        Decrypt, then verify, and forget what was decrypted if it was altered.
        """
        end = len(packet) - self.tagSize
        size = end - 4
        self._keyStream.update_into(packet[4:end], plain)
        opened = plain[:size]
        tag = self._tag(_packUint32(sequence) + self._head, opened)
        if not compare_digest(tag, packet[end:]):
            opened[:] = bytes(size)
            raise _altered()
        return opened

    def seal(self, sequence: int, plain: Plain, packet: memoryview) -> None:
        """
        Make the tag, and encrypt all but it.
        """
        size = len(plain)
        end = size + 4
        head = _packUint32(size)
        tag = self._tag(_packUint32(sequence) + head, plain)
        self._keyStream.update_into(head, packet)
        self._keyStream.update_into(plain, packet[4:])
        packet[end : end + self.tagSize] = tag
