"""
The end of a session that nobody asked for: it was idle for too long, or has lasted for
as long as it may.  The user is told before.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: So many seconds before the end the user is told.
NOTICES = (300.0, 60.0)
#: How often a session is looked at for whether it is idle: so many times while it may be,
#: but not more often than each second, and once a minute at least.
_LOOKS = 20
_MOST_OFTEN = 1.0
_LEAST_OFTEN = 60.0


@frozen
class Limits:
    """
    How long a session may be idle and how long it may last, in seconds; 0 for ever.
    """

    idle: float = 0
    duration: float = 0


@define(eq=False)
class Endings:
    """
    Watches one session.

    @ivar limits: what it may.
    @ivar moved: tells how many bytes of data it has moved so far.
    @ivar tell: tells its user something.
    @ivar end: ends it: a reason for the log, and a sentence for the user.
    @ivar clock: tells the time.
    """

    limits: Limits
    moved: Callable[[], int]
    tell: Callable[[str], None]
    end: Callable[[str, str], None]
    clock: IReactorTime
    _calls: list[IDelayedCall] = field(factory=list, init=False)
    _look: IDelayedCall | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False)
    _movedAt: float = field(default=0.0, init=False)
    _told: float = field(default=0.0, init=False)

    def start(self) -> None:
        """
        The session begins.
        """
        duration = self.limits.duration
        if duration:
            for before in _notices(duration):
                self._later(duration - before, self._warn, before)
            self._later(duration, self._outlasted)
        if self.limits.idle:
            self._movedAt = self.clock.seconds()
            self._lookLater()

    def stop(self) -> None:
        """
        The session is over.
        """
        for call in (*self._calls, self._look):
            if call is not None and call.active():
                call.cancel()
        self._calls, self._look = [], None

    def _later(self, seconds: float, what: Callable[..., None], *arguments: float) -> None:
        self._calls.append(self.clock.callLater(seconds, what, *arguments))

    def _warn(self, before: float) -> None:
        limit = spoken(self.limits.duration)
        self.tell(f"gateway: this session ends in {spoken(before)}: it may last {limit}")

    def _outlasted(self) -> None:
        limit = spoken(self.limits.duration)
        self.end("the session lasted for as long as it may", f"A session may last {limit}.")

    def _lookLater(self) -> None:
        interval = max(_MOST_OFTEN, min(_LEAST_OFTEN, self.limits.idle / _LOOKS))
        self._look = self.clock.callLater(interval, self._lookNow)

    def _lookNow(self) -> None:
        moved, now, limit = self.moved(), self.clock.seconds(), self.limits.idle
        if moved != self._seen:
            self._seen, self._movedAt, self._told = moved, now, limit
        left = limit - (now - self._movedAt)
        if left <= 0:
            self.end("the session was idle", f"Nothing was sent for {spoken(limit)}.")
            return
        for before in _notices(limit):
            if left <= before < (self._told or limit):
                self._told = before
                self.tell(
                    f"gateway: this session ends in {spoken(before)}, unless something is sent: "
                    f"it may be idle for {spoken(limit)}"
                )
        self._lookLater()


def _notices(limit: float) -> tuple[float, ...]:
    """
    When before the end to tell, in seconds: not so early that it would be at once.
    """
    return tuple(before for before in NOTICES if before <= limit / 2) or (limit / 2,)


def spoken(seconds: float) -> str:
    """
    A time in the words of a sentence, not longer than it is.
    """
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count = int(seconds // size)
        if count and (seconds % size == 0 or size == 1):
            return f"{count} {name}" + ("s" if count > 1 else "")
    return "0 seconds"
