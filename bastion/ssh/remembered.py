"""
What a program says in each of its connections, the same each time (pure).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

#: So many messages are remembered, of so many bytes at most, so that a stranger cannot fill
#: the memory with them.
REMEMBERED = 32
LONGEST = 3072

Read = TypeVar("Read")


def remembering(read: Callable[[bytes], Read]) -> Callable[[bytes], Read]:
    """
    Read what has been read lately only once.

    @param read: makes something of what a peer has said.  The same bytes give the same
        object, so nobody may change it.  What it raises is not remembered.
    """
    remembered = lru_cache(REMEMBERED)(read)

    def reads(said: bytes) -> Read:
        return read(said) if len(said) > LONGEST else remembered(said)

    return reads
