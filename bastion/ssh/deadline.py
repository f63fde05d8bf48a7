"""
A time limit that does not run all the time.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadline:
    """
    Time that somebody has for something.  While it is nobody's fault that nothing comes,
    it stands still.  It does not begin anew: whoever could make it stand still often
    enough would have no limit.
    """

    __slots__ = ("_call", "_clock", "_late", "_left")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._late: Callable[[], None] | None = None
        self._left = 0.0

    def start(self, seconds: float, late: Callable[[], None]) -> None:
        """
        So much time, from now on.

        @param seconds: how much.
        @param late: called when it is over.
        """
        self.stop()
        self._left, self._late = seconds, late
        self.resume()

    def stop(self) -> None:
        """
        Nothing is waited for any more.
        """
        self.pause()
        self._late = None

    def pause(self) -> None:
        """
        Stand still.
        """
        if self._call is not None:
            call, self._call = self._call, None
            self._left = max(0.0, call.getTime() - self._clock.seconds())
            call.cancel()

    def resume(self) -> None:
        """
        Go on where it stood, if something is waited for.
        """
        if self._late is not None and self._call is None:
            self._call = self._clock.callLater(self._left, self._over)

    def _over(self) -> None:
        late, self._late, self._call = self._late, None, None
        assert late is not None, "it runs for as long as something is waited for"
        late()
