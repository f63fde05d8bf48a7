"""
One direction of one channel, made slower.

What must hold

 - Nothing is lost: what the sender was told of its window, and what is I{held} of it,
   are together what the receiver has granted.
 - Whatever the sender is told has passed every ceiling, and so has taken its tokens.  The
   ceilings stand one behind the other: a flow waits at one of them, or at none.
 - The sender never has much more than it may use at once: what it was told and has not
   used, which is I{outstanding}, has a limit.  Else it would be silent for a while and
   then send everything together.

A flow wants more only when a whole turn's worth of its room is used, or when it can have
all that is held; otherwise each byte that is typed would bring a message of its own.

A sender is as free as ever to ignore its window.  What it sends beyond is a I{debt}: it is
missing from what it is told later, and when the channel is closed before, from what all at
its ceilings may have.  And when the debts of a sender, those of its closed channels too,
are more than L{START} together, it is not by mistake.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.internet.interfaces import IReactorTime

from bastion.relay.ceiling import START, Ceiling, burst, turn
from bastion.wire import Malformed

#: The largest window, in bytes (RFC 4254 section 5.2).
MAX_WINDOW = 2**32 - 1


@define(eq=False)
class Debts:
    """
    What one sender has sent beyond the windows of all channels of its connection.

    @ivar total: in bytes; what a channel owes when it is closed stays.
    """

    total: int = 0


class Flow:
    """
    One direction of one channel.
    """

    def __init__(
        self,
        ceilings: tuple[Ceiling, ...],
        debts: Debts,
        give: Callable[[int], None],
        closed: Callable[[Flow], None],
        clock: IReactorTime,
    ) -> None:
        """
        @param ceilings: those that it has to pass, one at least.
        @param debts: the sender's, of all flows of the connection.
        @param give: tells the sender that its window is larger by so many bytes.
        @param closed: is told when the flow is closed.
        """
        rate = min(each.rate for each in ceilings)
        self._limit = burst(rate)
        self._turn = turn(rate)
        self._ceilings = ceilings
        self._debts = debts
        self._give = give
        self._closed = closed
        self._clock = clock
        self._isClosed = False
        self._interactive = False
        self._held = 0
        self._outstanding = 0
        # At which of the ceilings it waits, and what has passed those before.
        self._at: int | None = None
        self._passing = 0

    @property
    def interactive(self) -> bool:
        """
        Whether it goes before those that are not: somebody sits at a terminal.
        """
        return self._interactive

    @interactive.setter
    def interactive(self, interactive: bool) -> None:
        """
        Also while it waits.
        """
        if self._at is None or interactive == self._interactive:
            self._interactive = interactive
            return
        ceiling = self._ceilings[self._at]
        ceiling.leave(self)
        self._interactive = interactive
        ceiling.join(self)

    # What the two ends do

    def begin(self, window: int) -> None:
        """
        Both ends know the channel; the sender was told of no window yet.

        @param window: the receiver's initial one.
        """
        if self._isClosed:
            return
        self._held = window
        now = self._clock.seconds()
        first = min(window, START, *(each.offers(now) for each in self._ceilings))
        if first:
            for each in self._ceilings:
                each.letsNew(first, now)
            self._tell(first)
        self._ask()

    def granted(self, size: int) -> None:
        """
        The receiver makes its window larger.

        @raise Malformed: when it is larger than a window can be.
        """
        if self._isClosed:
            return
        if self._outstanding + self._held + size > MAX_WINDOW:
            raise Malformed("a window of more than 2^32-1 bytes")
        self._held += size
        self._ask()

    def used(self, size: int) -> None:
        """
        The sender has sent data.

        @raise Malformed: when its windows were far from having room for it.
        """
        if self._isClosed:
            return
        self._move(-size)
        if self._debts.total > START:
            raise Malformed("more data than the window has room for")
        self._ask()

    def close(self) -> None:
        """
        No more data will come; a second time does nothing.
        """
        if self._isClosed:
            return
        self._isClosed = True
        at, self._at = self._at, None
        if at is not None:
            self._ceilings[at].leave(self)
        now = self._clock.seconds()
        for number, each in enumerate(self._ceilings):
            passing = self._passing if at is not None and number < at else 0
            each.restore(self._outstanding + passing, now)
        self._closed(self)

    # Through the ceilings

    @property
    def size(self) -> int:
        """
        See L{bastion.relay.ceiling.Waiter}.
        """
        return self._passing or min(self._held, self._turn, self._room)

    @property
    def _room(self) -> int:
        return self._limit - self._outstanding

    def _ask(self) -> None:
        """
        Get what is worth a message, until one of the ceilings lets it wait.
        """
        while self._at is None and not self._isClosed:
            if not self._held or self._room < min(self._held, self._turn):
                return
            self._passFrom(0, self.size)

    def passed(self, size: int) -> None:
        """
        See L{bastion.relay.ceiling.Waiter}.
        """
        at, self._at = self._at, None
        if at is not None:
            self._passFrom(at + 1, size)
            self._ask()

    def _passFrom(self, first: int, size: int) -> None:
        """
        Pass the ceilings from one of them on; wait at the first that does not let it.
        """
        now = self._clock.seconds()
        for number in range(first, len(self._ceilings)):
            if not self._ceilings[number].lets(self, size, now):
                self._passing = size if number else 0
                self._at = number
                self._ceilings[number].join(self)
                return
        self._passing = 0
        self._tell(size)

    def _tell(self, size: int) -> None:
        self._held -= size
        self._move(size)
        self._give(size)

    def _move(self, size: int) -> None:
        """
        The sender may use more, or less; its debt is less or more then.
        """
        before = min(0, self._outstanding)
        self._outstanding += size
        self._debts.total += before - min(0, self._outstanding)
