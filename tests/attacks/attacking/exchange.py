"""
The key exchange of a peer: C{curve25519-sha256} (RFC 8731) from either side, step by
step.  The ciphers are the bastion's, whose tests compare them with others'.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any

from attrs import define, field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from bastion.ssh.ciphers import PacketCipher, needs, packetCipher
from bastion.wire import MSG_KEXINIT, Reader, byte, nameList, string, uint32

STRICT_CLIENT = b"kex-strict-c-v00@openssh.com"
STRICT_SERVER = b"kex-strict-s-v00@openssh.com"
KEX_METHOD = b"curve25519-sha256"
HOST_KEY = b"ssh-ed25519"

GCM = (b"aes128-gcm@openssh.com", b"")
CHACHA_POLY = (b"chacha20-poly1305@openssh.com", b"")
CTR_THEN_MAC = (b"aes128-ctr", b"hmac-sha2-256-etm@openssh.com")
CTR_AND_MAC = (b"aes256-ctr", b"hmac-sha2-512")


def keyBlob(key: Ed25519PrivateKey) -> bytes:
    """
    A public host key as it is sent.
    """
    return string(HOST_KEY) + string(key.public_key().public_bytes_raw())


def mpint(value: bytes) -> bytes:
    """
    A positive number as a C{mpint}.
    """
    value = value.lstrip(b"\0")
    return string(b"\0" + value if value[:1] >= b"\x80" else value)


@frozen
class Lists:
    """
    The lists of a KEXINIT, the best first.
    """

    keyExchanges: tuple[bytes, ...]
    hostKeys: tuple[bytes, ...]
    ciphers: tuple[bytes, ...]
    macs: tuple[bytes, ...]
    compressions: tuple[bytes, ...]

    @classmethod
    def parse(cls, message: bytes) -> Lists:
        """
        Those of a message; of the two directions, what goes to the server.
        """
        reader = Reader(message[17:])
        names = [reader.nameList() for _ in range(10)]
        return cls(names[0], names[1], names[2], names[4], names[6])

    def message(self, guessed: bool = False) -> bytes:
        """
        The KEXINIT, with its number.
        """
        twice = (self.ciphers, self.macs, self.compressions)
        lists = (self.keyExchanges, self.hostKeys, *(each for each in twice for _ in range(2)))
        names = b"".join(map(nameList, (*lists, (), ())))
        return byte(MSG_KEXINIT) + os.urandom(16) + names + byte(guessed) + uint32(0)


@define
class Exchange:
    """
    One key exchange, from the point of view of one side.

    @ivar ours: our KEXINIT, once it is sent.
    @ivar theirs: the other side's, once it has come.
    @ivar hashed: the exchange hash, once both public values are known.
    @ivar signed: as a client: whether the host has signed what we have seen.
    @ivar said: whether our public value is sent.
    @ivar keysSent: whether our NEWKEYS is sent.
    @ivar keysHeard: whether the other side's has come.
    """

    isClient: bool
    suite: tuple[bytes, bytes]
    versions: tuple[bytes, bytes]
    ours: bytes = b""
    theirs: bytes = b""
    hashed: bytes = b""
    signed: bool = False
    said: bool = False
    keysSent: bool = False
    keysHeard: bool = False
    _secret: bytes = b""
    _private: X25519PrivateKey = field(factory=X25519PrivateKey.generate)

    @property
    def public(self) -> bytes:
        """
        Our public value.
        """
        return self._private.public_key().public_bytes_raw()

    @property
    def strict(self) -> bool:
        """
        Whether both sides ask for strict key exchange.
        """
        asked = {*Lists.parse(self.ours).keyExchanges, *Lists.parse(self.theirs).keyExchanges}
        return {STRICT_CLIENT, STRICT_SERVER} <= asked

    def _hash(self, blob: bytes, client: bytes, server: bytes, theirs: bytes) -> None:
        shared = self._private.exchange(X25519PublicKey.from_public_bytes(theirs))
        self._secret = mpint(shared)
        inits = (self.ours, self.theirs) if self.isClient else (self.theirs, self.ours)
        said = (*self.versions, *inits, blob, client, server)
        self.hashed = sha256(b"".join(map(string, said)) + self._secret).digest()

    def answer(self, theirs: bytes, key: Ed25519PrivateKey) -> bytes:
        """
        As a host: what message 31 says to a client's public value.
        """
        blob = keyBlob(key)
        self._hash(blob, theirs, self.public, theirs)
        signature = string(HOST_KEY) + string(key.sign(self.hashed))
        return string(blob) + string(self.public) + string(signature)

    def hear(self, answer: bytes) -> None:
        """
        As a client: take message 31.
        """
        reader = Reader(answer)
        blob, theirs, signature = reader.string(), reader.string(), Reader(reader.string())
        self._hash(blob, self.public, theirs, theirs)
        key = Reader(blob)
        key.string(), signature.string()
        try:
            Ed25519PublicKey.from_public_bytes(key.string()).verify(signature.string(), self.hashed)
            self.signed = True
        except InvalidSignature:
            self.signed = False

    def cipher(self, toServer: bool, session: bytes) -> PacketCipher:
        """
        The new cipher of one direction (RFC 4253 section 7.2).

        @param session: the hash of the first key exchange.
        """
        sizes, letters = needs(*self.suite), b"ACE" if toServer else b"BDF"

        def derived(letter: int, size: int) -> bytes:
            made = sha256(self._secret + self.hashed + byte(letter) + session).digest()
            while len(made) < size:
                made += sha256(self._secret + self.hashed + made).digest()
            return made[:size]

        wanted: Any = zip(letters, (sizes.iv, sizes.key, sizes.macKey), strict=True)
        return packetCipher(*self.suite, *(derived(letter, size) for letter, size in wanted))
