"""
How much one connection reads in a turn of the reactor (pure).

All connections of the process wait while one has its turn.  Large turns move bulk data
with the fewest system calls; small ones let somebody who types have the echo soon.  So
they are large only while nobody types, in any connection.

Sizes are in bytes and times in seconds, by one clock.
"""

from __future__ import annotations

from math import inf

from attrs import define

#: How much is read at a time, in bytes.  A turn takes as long as its packets are many:
#: 256 KiB can be seven thousand.
READ = 48 * 1024
#: The same behind bulk, of which it is a few, while nobody types.
READ_BULK = 256 * 1024
#: What is read or sent at once is bulk from so many bytes on.
LARGE = 16 * 1024
#: For so many seconds behind a key somebody types, and behind bulk a connection moves it.
_BEHIND = 1.0


@define
class Process:
    """
    What the connections of a process know of each other.

    @ivar typedAt: when something small arrived last in a connection that moves no bulk.
    """

    typedAt: float = -inf


@define
class Pace:
    """
    The pace of one connection.  What its peer acknowledges of bulk, such as the window
    of a channel, is nothing that is typed.
    """

    _process: Process
    _bulkAt: float = -inf

    def read(self, size: int, now: float) -> None:
        """
        So many bytes have arrived.
        """
        if size >= LARGE:
            self._bulkAt = now
        elif now - self._bulkAt > _BEHIND:
            self._process.typedAt = now

    def sent(self, size: int, now: float) -> None:
        """
        So many bytes are sent.
        """
        if size >= LARGE:
            self._bulkAt = now

    def most(self, now: float) -> int:
        """
        How much to read next behind bulk.
        """
        return READ if now - self._process.typedAt <= _BEHIND else READ_BULK
