"""
Whether somebody is still there: a silent end is asked, and given up when it does
not answer.

TCP's own keepalive finds a host that is gone, but not a program that hangs nor
what a middlebox in between keeps alive.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bastion.ssh.transport import Transport
from bastion.wire import Malformed

#: A look that is more than so many seconds late means that the whole process was stopped,
#: and that what an end has said meanwhile is not read yet.
_LATE = 1.0


class Keepalive:
    """
    Listens for the silence of one end.
    """

    def __init__(
        self,
        transport: Transport,
        ask: Callable[[], None],
        listening: Callable[[], bool],
        clock: IReactorTime,
    ) -> None:
        """
        @param ask: asks the end for an answer of any kind; raises L{Malformed}
            when too many are owed already.
        @param listening: whether its answer would be read at the moment: an end
            that we have stopped cannot be blamed for its silence.
        """
        self._transport = transport
        self._ask = ask
        self._listening = listening
        self._patience = transport.terms.patience
        self._clock = clock
        self._stoppedAt = clock.seconds()
        self._next: IDelayedCall | None = None
        if self._patience.interval:
            self._next = clock.callLater(self._patience.interval, self._look)

    def _look(self) -> None:
        """
        It may have been silent for one more interval.
        """
        now, interval = self._clock.seconds(), self._patience.interval
        assert self._next is not None, "this look is the next one"
        if not self._listening() or now - self._next.getTime() > _LATE:
            self._stoppedAt = now
        since = max(self._transport.stream.heardAt, self._stoppedAt)
        # Not 2.9999 intervals for the rounding of the clock.
        silent = int((now - since) / interval + 0.001)
        if silent >= self._patience.tries:
            self._transport.fail("it does not answer")
            return
        if silent and not self._asked():
            return
        self._next = self._clock.callLater(since + (silent + 1) * interval - now, self._look)

    def _asked(self) -> bool:
        """
        Ask it, or give it up when it owes too much already.
        """
        try:
            self._ask()
        except Malformed as problem:
            self._transport.fail(str(problem))
            return False
        return True

    def stop(self) -> None:
        """
        Listen no longer.
        """
        if self._next is not None and self._next.active():
            self._next.cancel()
