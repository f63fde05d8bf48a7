"""
The keys with which hosts sign a key exchange, ours and theirs, made of bytes once.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from twisted.conch.ssh.keys import Key

from bastion.ssh.remembered import remembering


class HostKey(Key):
    """
    A host's key, whole or its public half, which makes its type and its blob once: Conch
    asks for them again and again in a key exchange.
    """

    @cached_property
    def _type(self) -> Any:
        return super().type()

    def type(self) -> Any:
        """
        See L{Key}.
        """
        return self._type

    @cached_property
    def _blob(self) -> bytes:
        blob: bytes = super().blob()
        return blob

    def blob(self) -> bytes:
        """
        See L{Key}.
        """
        return self._blob

    def public(self) -> HostKey:
        """
        See L{Key}.
        """
        return publicKey(self.blob())


@remembering
def publicKey(blob: bytes) -> HostKey:
    """
    The key of a public key blob (RFC 4253 section 6.6).  Conch raises this and that when
    it is none.
    """
    key: HostKey = HostKey.fromString(blob, type="BLOB")
    return key


def isSigned(data: bytes, blob: bytes, signature: bytes) -> bool:
    """
    Whether the owner of a public key has signed something; not where Conch does not
    understand the key or the signature.
    """
    try:
        return bool(publicKey(blob).verify(signature, data))
    except Exception:
        # It has many ways not to.
        return False
