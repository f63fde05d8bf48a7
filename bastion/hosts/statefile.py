"""
The file in which the embedded store keeps what survives a restart.

It is replaced as a whole, so that whoever reads it finds the old one or the new one.
One write happens at a time, in a thread where there are threads, for a disk can be
slow; what changes meanwhile is in the next one.  An operator's word is written at once,
stickiness once a second at most, and less often when there is much of it.

A file that cannot be used is set aside, never overwritten: somebody may want to know
what was in it.  The bastion starts without it then: it is better to let users in than
to know where they were.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorThreads, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.hosts.statetext import LARGEST_TEXT, Damaged, Kept, read, written
from bastion.interfaces import BastionError
from bastion.wholefile import replace

NAME = "state.json"

#: How long stickiness waits to be written, in seconds.
DELAY = 1.0
#: It waits longer when the file is large, so that no more bytes than these are written
#: in a second.
SPEED = 500_000
#: When to try again after a failure, in seconds.
AGAIN = 5.0


class NotKept(BastionError):
    """
    The file cannot be written.  The text says which, why, and what it means.
    """


@define(eq=False)
class StateFile:
    """
    The file of one store.

    @ivar path: where it is.
    @ivar clock: the reactor, or a clock.
    @ivar wallClock: seconds since 1970.
    @ivar kept: what to write, as it is now.
    """

    path: Path
    clock: IReactorTime
    wallClock: Callable[[], float]
    kept: Callable[[], Kept]
    # What was changed since the last write began, and who waits for the next one.
    _changed: bool = field(default=False, init=False)
    _waiting: list[Deferred[None]] = field(factory=list, init=False)
    _writing: bool = field(default=False, init=False)
    _failed: bool = field(default=False, init=False)
    _delay: float = field(default=DELAY, init=False)
    _call: IDelayedCall | None = field(default=None, init=False)

    _log = Logger()

    # Reading

    def load(self) -> Kept:
        """
        What the file keeps; nothing if there is none, or none that can be used.
        """
        now = self.wallClock()
        try:
            return read(_content(self.path), now)
        except FileNotFoundError:
            return Kept()
        except OSError as error:
            self._setAside(f"it cannot be read ({error.strerror})", now)
        except Damaged as error:
            self._setAside(str(error), now)
        return Kept()

    def _setAside(self, problem: str, now: float) -> None:
        time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = self.path.with_name(f"{NAME}.corrupt-{time}")
        number = 1
        while os.path.lexists(aside):
            number += 1
            aside = self.path.with_name(f"{NAME}.corrupt-{time}-{number}")
        try:
            os.rename(self.path, aside)
        except OSError as error:
            moved = f"it cannot be moved away either ({error.strerror})"
        else:
            moved = f"it is {aside.name} now"
        self._log.error(
            "{path}: {problem}; {moved}.  The bastion starts without it: no host is drained, "
            "disabled or quarantined until that is said again, and accounts may come to other "
            "hosts than before",
            path=str(self.path),
            problem=problem,
            moved=moved,
        )

    # Writing

    def changed(self) -> None:
        """
        Something is to be written, soon.
        """
        self._changed = True
        if not self._writing:
            self._schedule(self._delay)

    def save(self) -> Deferred[None]:
        """
        Write now.

        @return: fires when what is so now is on the disk; fails with L{NotKept}.
        """
        self._changed = True
        saved: Deferred[None] = Deferred()
        self._waiting.append(saved)
        if not self._writing:
            self._write()
        return saved

    def close(self) -> Deferred[None]:
        """
        Write what is not written yet.

        @return: fires when it is, or cannot be, which is logged.
        """
        if not self._changed and not self._writing:
            return maybeDeferred(self._cancel)
        return self.save().addErrback(lambda _: self._cancel())

    def _schedule(self, delay: float) -> None:
        if self._call is None:
            self._call = self.clock.callLater(delay, self._cbDue)
        elif self._call.getTime() > self.clock.seconds() + delay:
            # Sooner than after the last failure; or the clock was set back.
            self._call.reset(delay)

    def _cbDue(self) -> None:
        self._call = None
        self._write()

    def _cancel(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _write(self) -> None:
        self._cancel()
        waiting, self._waiting = self._waiting, []
        self._changed, self._writing = False, True
        done = self._inThread(_replace, self.path, self.kept(), self.wallClock())
        done.addCallbacks(self._cbWritten, self._ebWritten)
        done.addBoth(self._cbNext, waiting)

    def _inThread(self, function: Callable[..., int], *args: Any) -> Deferred[int]:
        threads: Any = IReactorThreads(self.clock, None)
        if threads is None:
            return maybeDeferred(function, *args)
        return deferToThreadPool(threads, threads.getThreadPool(), function, *args)

    def _cbWritten(self, size: int) -> None:
        self._delay = max(DELAY, size / SPEED)
        if self._failed:
            self._failed = False
            self._log.info("{path} is written again", path=str(self.path))

    def _ebWritten(self, failure: Failure) -> NotKept:
        error = failure.value
        reason = error.strerror if isinstance(error, OSError) else failure.getErrorMessage()
        problem = NotKept(
            f"{self.path} cannot be written ({reason}); "
            "what is new holds as long as the bastion runs, and not after"
        )
        if not self._failed:
            self._failed = True
            self._log.error(
                "{problem}.  Let the bastion's user write there; it is tried again",
                problem=str(problem),
            )
        return problem

    def _cbNext(self, problem: NotKept | None, waiting: list[Deferred[None]]) -> None:
        self._writing = False
        if problem is not None:
            self._changed = True
        if self._waiting:
            self._write()
        elif self._changed:
            self._schedule(AGAIN if problem is not None else self._delay)
        for each in waiting:
            if problem is None:
                each.callback(None)
            else:
                each.errback(problem)


def _content(path: Path) -> bytes:
    # Without O_NONBLOCK a FIFO of this name would stop the start for ever.
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Damaged("it is not a regular file")
        return file.read(LARGEST_TEXT + 1)


def _replace(path: Path, kept: Kept, now: float) -> int:
    """
    Make the file anew.

    @return: its size.
    """
    text = written(kept, now)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(path, text)
    return len(text)
