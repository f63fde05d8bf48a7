"""
A number for each pair of an account and a host, for all hosts at once (pure).

Rendezvous hashing wants one hash for each host at every login; 400 times BLAKE2 take
longer than a choice may.  So the account is hashed once, each host was hashed when it
was first seen, and the two are mixed: both are uniform already, and what is left to do
is to make each pair a number of its own.  The mixing is the finalizer of SplitMix64
(Steele, Lea and Flood, 2014), in which every bit of the input changes every bit of the
output about half of the time.

The hosts stand side by side in one integer and are mixed together, so that the loop
over them is Python's own long arithmetic: an operation takes 2 us for 400 hosts.  A lane
has 128 bits for a word of 64, and so a product does not reach into the next lane.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b

from bastion.interfaces import HostAddress

_WORD = 8
_LANE = 16
_ALL = (1 << 64) - 1
#: The bits of a float between 1 and 2, before its 52 bits of fraction.
_ONE = 0x3FF << 52
_FRACTION = 52


def _word(data: bytes, of: bytes) -> int:
    """
    Hash C{data} to a word.

    @param of: what is hashed; the same bytes as something else give another word.
    """
    return int.from_bytes(blake2b(data, digest_size=_WORD, person=of).digest(), "little")


class Lanes:
    """
    The words of some hosts.  They come from the hosts' names and ports alone: every
    bastion has the same, whenever it was started.
    """

    def __init__(self, hosts: Sequence[HostAddress]) -> None:
        words = (_word(str(host).encode(), b"host") for host in hosts)
        self._hosts = int.from_bytes(
            b"".join(each.to_bytes(_LANE, "little") for each in words), "little"
        )
        self._size = _LANE * len(hosts)
        self._each = int.from_bytes((1).to_bytes(_LANE, "little") * len(hosts), "little")
        self._words = self._each * _ALL
        self._ones = self._each * _ONE
        self._floats = struct.Struct(f"<{'d8x' * len(hosts)}")

    def mixed(self, account: bytes) -> Sequence[float]:
        """
        A number for each host, at least 1 and below 2, all of them as likely.
        """
        words = self._words
        mixed = self._hosts ^ self._each * _word(account, b"account")
        mixed = (mixed ^ mixed >> 30) & words
        mixed = mixed * 0xBF58476D1CE4E5B9 & words
        mixed = (mixed ^ mixed >> 27) & words
        mixed = mixed * 0x94D049BB133111EB & words
        mixed = (mixed ^ mixed >> 31) & words
        # What leaves a word to the right enters the unused half of the lane below.
        floats = mixed >> 64 - _FRACTION | self._ones
        return self._floats.unpack(floats.to_bytes(self._size, "little"))
