"""
From the secret of a key exchange to the keys of the packets (RFC 4253 section 7.2; pure).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from bastion.ssh.ciphers import PacketCipher, needs, packetCipher


@frozen
class Secret:
    """
    What both sides have when a key exchange has succeeded.

    @ivar hash: the hash of its method, which is one of L{hashlib}'s.
    @ivar shared: K, laid out as the method says.
    @ivar exchangeHash: H.
    @ivar session: the H of the connection's first key exchange.
    """

    hash: Callable[[bytes], Any]
    shared: bytes = field(repr=False)
    exchangeHash: bytes
    session: bytes

    def key(self, letter: bytes, size: int) -> bytes:
        """
        Derive a key, or an IV.

        @param letter: which one it is, A to F.
        @param size: of what length, in bytes.
        """
        if not size:
            return b""
        known = self.shared + self.exchangeHash
        key: bytes = self.hash(known + letter + self.session).digest()
        while len(key) < size:
            key += self.hash(known + key).digest()
        return key[:size]

    def cipher(
        self, cipher: bytes, mac: bytes, letters: tuple[bytes, bytes, bytes]
    ) -> PacketCipher:
        """
        Make what opens or seals the packets of one direction.

        @param letters: of the IV, the key and the key of the MAC.
        @raise KeyError: for a name that is not supported.
        """
        sizes = needs(cipher, mac)
        iv, key, macKey = letters
        return packetCipher(
            cipher,
            mac,
            self.key(iv, sizes.iv),
            self.key(key, sizes.key),
            self.key(macKey, sizes.macKey),
        )
