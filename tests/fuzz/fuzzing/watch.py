"""
What must be so after each message.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from attacking.memory import Site
from twisted.logger import eventAsText

#: Whoever is busy with one message for so long would be for ever, in seconds of the
#: processor's time; the usual is less than a thousandth of it.
BUSY = 2.0


class Fault(AssertionError):
    """
    The bastion has done something that it must not do.
    """


class Busy(BaseException):
    """
    The bastion does not come to an end with one message.
    """


class Watch:
    """
    Watches the bastion at work.

    @ivar busy: whether it was for too long.
    """

    def __init__(self, site: Site) -> None:
        self.busy = False
        self._site = site

    @contextmanager
    def watching(self) -> Iterator[None]:
        """
        Interrupt whoever is busy for too long.
        """
        before = signal.signal(signal.SIGPROF, self._interrupt)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        # A Deferred may take the exception for its own.
        self.busy = True
        raise Busy("the bastion is busy with one message for ever")

    def begin(self) -> None:
        """
        The next message comes.
        """
        signal.setitimer(signal.ITIMER_PROF, BUSY)

    def look(self) -> None:
        """
        It was taken.

        @raise Fault: when something went wrong.
        """
        signal.setitimer(signal.ITIMER_PROF, 0)
        site = self._site
        if self.busy:
            raise Fault("the bastion was busy with one message for ever")
        if site.uncaught:
            raise Fault(f"an exception for the reactor:\n{site.uncaught[0].getTraceback()}")
        if site.failures:
            raise Fault(f"a traceback in the log:\n{eventAsText(site.failures[0])}")
