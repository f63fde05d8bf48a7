"""
Who waits at a ceiling of bandwidth, and whose turn it is (pure).

A ceiling is of one direction: a gateway's, or an account's.  Who waits at it has a turn
when there are tokens for it, and then goes to the end of the line.  Those with a terminal
go first: what they need is little, and somebody sits before it.  But also a terminal can
show a file of gigabytes; so after L{PRECEDENCE} turns in a row one of the others has its
turn.

Who is new does not wait before it has anything: it overdraws the bucket a little
(L{ADVANCE}).  For all who are new together that is done with an eighth of the rate, so
that nobody keeps the others waiting by opening channel after channel; who comes when that
is used up waits for its turn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from bastion.relay.bucket import Bucket

#: What a bucket holds at least, and what a channel begins with at most, in bytes.
START = 64 * 1024
#: What a turn is at least, if so much is wanted, in bytes.
QUANTUM = 32 * 1024
#: What who is new gets at once, in bytes.
ADVANCE = 4 * 1024
#: How many turns in a row those with a terminal have while others wait.
PRECEDENCE = 8

# Parts of what comes in a second: what a bucket holds, what a turn is, and what there is
# for who is new.
_BURST, _TURN, _NEW = 4, 128, 8


def burst(rate: int) -> int:
    """
    How much of a rate may come together, in bytes.
    """
    return max(START, rate // _BURST)


def turn(rate: int) -> int:
    """
    How much one turn is, in bytes: of a high rate more, for each costs a message.
    """
    return max(QUANTUM, rate // _TURN)


class Waiter(Protocol):
    """
    Who waits at a ceiling.
    """

    @property
    def interactive(self) -> bool:
        """
        Whether it goes first; while it waits, it stays the same.
        """

    @property
    def size(self) -> int:
        """
        How many bytes it wants in its next turn: from 1 to a L{turn} of the ceiling's.
        """

    def passed(self, size: int) -> None:
        """
        It has had its turn: C{size} bytes of it have passed the ceiling.
        """


class Ceiling:
    """
    The bucket of one ceiling, and who waits for its tokens.

    @ivar rate: in bytes per second.
    """

    def __init__(
        self, rate: int, level: int, now: float, changed: Callable[[Ceiling], None]
    ) -> None:
        """
        @param level: the tokens to begin with.
        @param changed: is told when somebody has begun to wait, and when nobody waits
            any more.
        """
        self.rate = rate
        self._bucket = Bucket(rate, burst(rate), level, now)
        self._new = Bucket(rate / _NEW, START, START, now)
        self._changed = changed
        self._first: OrderedDict[Waiter, None] = OrderedDict()
        self._rest: OrderedDict[Waiter, None] = OrderedDict()
        self._ahead = 0

    def __len__(self) -> int:
        """
        How many wait.
        """
        return len(self._first) + len(self._rest)

    # Without waiting

    def offers(self, now: float) -> int:
        """
        How many bytes of somebody new may pass at once; it may be none.  It takes nothing of
        what others wait for, but an advance.
        """
        available = self._available(now)
        if available < ADVANCE and self._new.level(now) >= ADVANCE:
            return ADVANCE
        return available

    def letsNew(self, size: int, now: float) -> None:
        """
        Let somebody new pass, with as much as was offered or less.
        """
        if size > self._available(now):
            self._new.take(size, now)
        self._bucket.take(size, now)

    def _available(self, now: float) -> int:
        return 0 if len(self) else max(0, int(self._bucket.level(now)))

    def lets(self, waiter: Waiter, size: int, now: float) -> bool:
        """
        Whether somebody may pass at once; its tokens are taken then.
        """
        if self._isBehind(waiter) or self._bucket.level(now) < size:
            return False
        self._take(waiter, size, now)
        return True

    def restore(self, size: int, now: float) -> None:
        """
        Take back the tokens of what has passed and is never used.

        @param size: less than 0 for what was used and has never passed; the others wait
            for that.
        """
        self._bucket.restore(size, now)

    # The line

    def join(self, waiter: Waiter) -> None:
        """
        Go to the end of the line, in which it is not.
        """
        (self._first if waiter.interactive else self._rest)[waiter] = None
        self._changed(self)

    def leave(self, waiter: Waiter) -> None:
        """
        Out of the line, in which it is.
        """
        del (self._first if waiter.interactive else self._rest)[waiter]
        if not len(self):
            self._changed(self)

    def due(self, now: float) -> float:
        """
        When the next one can have its turn; there is one.
        """
        return self._bucket.when(self._next().size, now)

    def serve(self, now: float) -> None:
        """
        Give turns while there are tokens for them.
        """
        while len(self):
            waiter = self._next()
            size = waiter.size
            if self._bucket.level(now) < size:
                return
            self._take(waiter, size, now)
            self.leave(waiter)
            waiter.passed(size)

    def _take(self, waiter: Waiter, size: int, now: float) -> None:
        self._bucket.take(size, now)
        self._ahead = self._ahead + size if waiter.interactive and self._rest else 0

    def _isBehind(self, waiter: Waiter) -> bool:
        """
        Whether somebody else has its turn before one that does not wait yet.
        """
        if not waiter.interactive:
            return len(self) > 0
        return bool(self._first) or self._isTurnOfRest()

    def _isTurnOfRest(self) -> bool:
        return bool(self._rest) and self._ahead >= PRECEDENCE * turn(self.rate)

    def _next(self) -> Waiter:
        line = self._first if self._first and not self._isTurnOfRest() else self._rest
        return next(iter(line))
