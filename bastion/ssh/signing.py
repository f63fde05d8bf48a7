"""
The keys with which hosts sign a key exchange, ours and theirs, made of bytes once.
"""

from __future__ import annotations

from functools import cached_property

from twisted.conch.ssh.keys import Key

from bastion.ssh.remembered import remembering


@remembering
def _key(blob: bytes) -> Key:
    key: Key = Key.fromString(blob)
    return key


def isSigned(data: bytes, blob: bytes, signature: bytes) -> bool:
    """
    Whether the owner of a public key has signed something; not where Conch does not
    understand the key or the signature.
    """
    try:
        return bool(_key(blob).verify(signature, data))
    except Exception:
        # It has many ways not to.
        return False


class PublicHalf(Key):
    """
    The public half of a host key of ours: Conch asks for its blob twice in each key
    exchange, and makes it anew.
    """

    @classmethod
    def of(cls, key: Key) -> PublicHalf:
        """
        That of a private key.
        """
        half: PublicHalf = cls.fromString(key.public().blob())
        return half

    @cached_property
    def _blob(self) -> bytes:
        blob: bytes = super().blob()
        return blob

    def blob(self) -> bytes:
        """
        See L{Key}.
        """
        return self._blob
